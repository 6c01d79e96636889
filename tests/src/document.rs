//! The OpenAPI document as a judge over every answer that any test gets: a documented status, media type and schema, and no member that
//! the schema does not name.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use jsonschema::Validator;
use serde_json::{Value, json};

/// The document, with objects that hold what they name and nothing else.
static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document: Value = serde_json::from_str(&api::http::openapi::document().to_json().expect("JSON")).expect("JSON");
    let schemas = document["components"]["schemas"].clone();
    for schema in document["components"]["schemas"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        close(schema, &schemas);
    }
    document
});

/// Forbids members that are not named. What is put together of several schemas becomes one, since each of them would forbid the
/// others' members.
fn close(schema: &mut Value, all: &Value) {
    if let Some(parts) = schema["allOf"].as_array() {
        let mut whole = json!({"type": "object", "properties": {}, "required": []});
        for part in
            parts.iter().map(|part| part["$ref"].as_str().map_or(part, |name| &all[name.rsplit('/').next().unwrap_or_default()]))
        {
            for (name, property) in part["properties"].as_object().into_iter().flatten() {
                whole["properties"][name] = property.clone();
            }
            let required = part["required"].as_array().cloned().unwrap_or_default();
            whole["required"].as_array_mut().expect("an array").extend(required);
        }
        *schema = whole;
    }
    let named = schema["properties"].as_object().is_some_and(|properties| !properties.is_empty());
    if named && schema.get("additionalProperties").is_none() {
        schema["additionalProperties"] = json!(false);
    }
}

/// The documented path that a request's path is an instance of; the one with the fewest parameters, as the router chooses.
fn template(path: &str) -> Option<&'static str> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        let same = |(part, segment): (&&str, &&str)| part == segment || part.starts_with('{') && !segment.is_empty();
        parts.len() == segments.len() && parts.iter().zip(&segments).all(same)
    };
    let templates = DOCUMENT["paths"].as_object().into_iter().flat_map(|paths| paths.keys().map(String::as_str));
    templates.filter(|template| fits(template)).min_by_key(|template| template.matches('{').count())
}

/// Why the document does not describe this answer. What is not in it at all (unknown paths and methods, its own pages) is not judged.
pub(crate) fn judge(method: &str, path: &str, status: u16, media: &str, body: &[u8]) -> Result<(), String> {
    let Some(template) = template(path) else { return Ok(()) };
    let operation = &DOCUMENT["paths"][template][method.to_lowercase()];
    // Defects are reported as such; a slow body is the connection's business and not the operation's.
    if operation.is_null() || matches!(status, 408 | 500) {
        return Ok(());
    }
    let answer = &operation["responses"][status.to_string()];
    if answer.is_null() {
        return Err(format!("{method} {template} does not document {status}"));
    }
    let Some(content) = answer["content"].as_object() else {
        return if body.is_empty() { Ok(()) } else { Err(format!("{method} {template} documents no body for {status}")) };
    };
    let essence = media.split(';').next().unwrap_or_default().trim();
    let Some(documented) = content.get(essence) else {
        return Err(format!("{method} {template} does not document {essence:?} for {status}"));
    };
    if essence == "application/json" { fits(&documented["schema"], body) } else { Ok(()) }
}

fn fits(schema: &Value, body: &[u8]) -> Result<(), String> {
    let value: Value = serde_json::from_slice(body).map_err(|e| format!("not JSON ({e})"))?;
    let validator = validator(schema);
    let complaints: Vec<_> = validator.iter_errors(&value).map(|e| format!("{} at `{}`", e, e.instance_path())).collect();
    if complaints.is_empty() { Ok(()) } else { Err(complaints.join("; ")) }
}

/// Made once for each schema: making one takes longer than using it a hundred times.
fn validator(schema: &Value) -> Arc<Validator> {
    static MADE: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    let validator = made.entry(schema.to_string()).or_insert_with(|| {
        let whole = json!({"allOf": [schema], "components": DOCUMENT["components"]});
        Arc::new(jsonschema::validator_for(&whole).unwrap_or_else(|e| panic!("{schema} is no schema: {e}")))
    });
    validator.clone()
}
