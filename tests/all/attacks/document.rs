//! Every documented request, ready to be sent: what an attacker reads in `/openapi.json`, with the ids of things that exist.

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Client, Response, TestApp, everything::parameters, text};

/// One operation.
pub(crate) struct Operation {
    /// `organizations.get`.
    pub(crate) id: String,
    pub(crate) method: Method,
    /// `/api/organizations/{org_slug}`.
    pub(crate) template: String,
    /// With the ids of things that exist.
    pub(crate) path: String,
    /// The names in its path, and what exists of them.
    pub(crate) ids: Vec<(String, String)>,
    /// The names of the documented query parameters.
    pub(crate) query: Vec<String>,
    /// The documented example of a JSON body; null for none.
    pub(crate) example: Value,
    /// The documented fields of the body.
    pub(crate) fields: Vec<(String, Value)>,
    /// Whether the body is a form.
    pub(crate) form: bool,
}

/// Somebody who may do everything: a platform owner who owns the organization; and what there is in it.
pub(crate) struct World {
    pub(crate) root: Client,
    pub(crate) operations: Vec<Operation>,
}

pub(crate) async fn world(app: &TestApp) -> World {
    let root = app.platform_owner().await;
    let everything = app.everything(&root, "acme").await;
    let document = app.client().get("/openapi.json").await.ok();
    let mut operations = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item
            .as_object()
            .unwrap()
            .iter()
            .filter(|(name, _)| ["get", "post", "put", "patch", "delete"].contains(&name.as_str()))
        {
            let content = &operation["requestBody"]["content"];
            let schema = resolve(&document, &content["application/json"]["schema"]);
            let documented = operation["parameters"].as_array().into_iter().flatten();
            let query = documented.filter(|parameter| parameter["in"] == "query").map(|parameter| text(&parameter["name"]));
            operations.push(Operation {
                id: text(&operation["operationId"]),
                ids: parameters(template).map(|name| (format!("{{{name}}}"), everything.ids.get(name).to_owned())).collect(),
                query: query.collect(),
                method: method.to_uppercase().parse().unwrap(),
                template: template.clone(),
                path: everything.ids.path(template),
                example: schema["example"].clone(),
                fields: schema["properties"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, field)| (name.clone(), field.clone()))
                    .collect(),
                form: content["application/x-www-form-urlencoded"].is_object(),
            });
        }
    }
    assert!(
        operations.len() > 50 && operations.iter().filter(|operation| !operation.fields.is_empty()).count() > 15,
        "the document was not understood"
    );
    World { root: app.by(&root), operations }
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str().and_then(|name| name.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).expect("a schema that is referred to"),
        None => schema,
    }
}

impl Operation {
    pub(crate) async fn send(&self, by: &Client, body: impl Into<Vec<u8>>) -> Response {
        by.request(self.method.clone(), &self.path).body(body).send().await
    }
    /// The example with one field replaced.
    pub(crate) fn with(&self, field: &str, value: &Value) -> Value {
        let mut body = if self.example.is_object() { self.example.clone() } else { json!({}) };
        body[field] = value.clone();
        body
    }
}

/// A 4xx in the contract's shape: all three members present and not empty.
#[track_caller]
pub(crate) fn refused(what: &str, answer: &Response) {
    assert!((400..500).contains(&answer.status), "{what}: {answer}");
    let body = answer.json();
    for member in ["error", "error_code", "timestamp"] {
        assert!(body[member].as_str().is_some_and(|text| !text.is_empty()), "{what}: `{member}` of {answer}");
    }
    for inside in ["sqlx", "sea_orm", "panicked", "serde", "actix", ".rs:", "SELECT", "0x00"] {
        assert!(!answer.text().contains(inside), "{what}: the inside shows: {answer}");
    }
}
