//! What the specification demands and the registrations leave out, because it can be said for all of them at once: a description of
//! each answer, and that a body without required fields may be missing.

use utoipa::openapi::{
    Components, Content, OpenApi, RefOr, Required, Schema,
    path::Operation,
    schema::{ArrayItems, Object},
};

use crate::http::operations::operations_mut;

pub(super) fn fill(document: &mut OpenApi) {
    let components = document.components.clone().unwrap_or_default();
    for item in document.paths.paths.values_mut() {
        for (_, operation) in operations_mut(item) {
            describe_answers(operation, &components);
            relax_body(operation, &components);
        }
    }
}

/// An answer is described by what it holds, unless its registration says more.
fn describe_answers(operation: &mut Operation, components: &Components) {
    for answer in operation.responses.responses.values_mut() {
        let RefOr::T(answer) = answer else { continue };
        if answer.description.is_empty() {
            let schema = answer.content.values().find_map(schema);
            answer.description = schema.and_then(|schema| description(schema, components)).unwrap_or_else(|| "Done.".to_owned());
        }
    }
}

fn schema(content: &RefOr<Content>) -> Option<&RefOr<Schema>> {
    match content {
        RefOr::T(content) => content.schema.as_ref(),
        RefOr::Ref(_) => None,
    }
}

fn description(schema: &RefOr<Schema>, components: &Components) -> Option<String> {
    match resolve(schema, components)? {
        Schema::Object(object) => object.description.clone(),
        Schema::Array(array) => match &array.items {
            ArrayItems::RefOrSchema(items) => description(items, components).map(|one| format!("A list. Each: {one}")),
            ArrayItems::False => None,
        },
        _ => None,
    }
}

fn resolve<'a>(schema: &'a RefOr<Schema>, components: &'a Components) -> Option<&'a Schema> {
    match schema {
        RefOr::T(schema) => Some(schema),
        RefOr::Ref(name) => match components.schemas.get(name.ref_location.rsplit('/').next()?)? {
            RefOr::T(schema) => Some(schema),
            RefOr::Ref(_) => None,
        },
    }
}

/// No body is read as `{}`.
fn relax_body(operation: &mut Operation, components: &Components) {
    let Some(RefOr::T(body)) = &mut operation.request_body else { return };
    let mut bodies = body.content.values().filter_map(schema);
    let optional =
        |schema| matches!(resolve(schema, components), Some(Schema::Object(Object { required, .. })) if required.is_empty());
    if bodies.all(optional) {
        body.required = Some(Required::False);
    }
}
