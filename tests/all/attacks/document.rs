//! Every documented request, ready to be sent: what an attacker reads in `/openapi.json`, with the ids of things that exist.

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Client, Response, TestApp, text};

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
    let org = app.create_org(&root, "acme").await;
    let bob = app.member(&root, "acme", "bob@example.com", "member").await;
    let (invitation, _) = app.invite(&root, "acme", "cy@example.com", "member").await;
    let role = app.role(&root, "acme", "support", &["webhooks.manage"]).await;
    // What happened so far is numbered, so that none of it is sent to the endpoint.
    app.worker().await;
    let hook = json!({"name": "Hook", "url": "http://127.0.0.1:9/", "events": ["user.joined"]});
    let hook = text(&app.by(&root).post(&org.at("webhooks"), hook).await.ok()["id"]);
    let test = org.at(&format!("webhooks/{hook}/test"));
    let delivery = text(&app.by(&root).post_empty(&test).await.ok()["delivery_id"]);
    // Nobody listens there.
    app.execute("update deliveries set state = 3").await;
    let session = text(&app.by(&bob).get("/api/user/sessions").await.ok()[0]["id"]);
    let event = text(&app.by(&root).get(&org.at("audit-log")).await.ok()["logs"][0]["id"]);
    let document = app.client().get("/openapi.json").await.ok();
    let ids = [
        ("{org_slug}", "acme"),
        ("{org_id}", &org.id),
        ("{user_id}", &bob.id),
        ("{invitation_id}", &invitation),
        ("{role_id}", &role),
        ("{webhook_id}", &hook),
        ("{delivery_id}", &delivery),
        ("{session_id}", &session),
        ("{event_id}", &event),
        ("{token}", "inv_nonsense"),
    ];
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
            let path = ids.iter().fold(template.clone(), |path, (name, id)| path.replace(name, id));
            assert!(!path.contains('{'), "say what stands for the parameter of {template}");
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let query = parameters.filter(|parameter| parameter["in"] == "query").map(|parameter| text(&parameter["name"]));
            operations.push(Operation {
                id: text(&operation["operationId"]),
                ids: ids
                    .iter()
                    .filter(|(name, _)| template.contains(name))
                    .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                    .collect(),
                query: query.collect(),
                method: method.to_uppercase().parse().unwrap(),
                template: template.clone(),
                path,
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
