//! Hostile requests made from the document itself: to every operation, bodies, ids, queries and headers that are wrong in ways nobody
//! thought of. Nothing is a 500, and every answer is one that the document describes (the harness judges each).

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Map, Value, json};
use tenantry_tests::{Request, both, text};
use url::form_urlencoded::byte_serialize;

use super::{
    document::{Operation, World, world},
    random::Random,
};

/// Requests to each operation.
const ROUNDS: usize = 25;

/// What takes the world away from everything that is asked after it.
const ENDING: &[&str] = &[
    "organizations.delete",
    "organizations.members.transferOwnership",
    "platform.organizations.delete",
    "platform.organizations.reject",
    "platform.organizations.suspend",
    "auth.logout",
];

/// Texts that some program somewhere took for something else.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\0",
    "a\0b",
    "\r\nX-Injected: 1",
    "null",
    "true",
    "-1",
    "0",
    "9223372036854775808",
    "1e999",
    "NaN",
    "0x10",
    "%00",
    "%2e%2e%2f",
    "../../etc/passwd",
    "..\\..",
    "' or '1'='1",
    "\"; drop table users; --",
    "{{7*7}}",
    "${jndi:ldap://x/}",
    "<script>alert(1)</script>",
    "\u{202e}txt.exe",
    "\u{feff}",
    "e\u{301}",
    "ß",
    "𝕒𝕔𝕞𝕖",
    "İ",
    "\u{10ffff}",
    "org_019ab2c3d4e57f008000000000000001",
    "owner",
    "admin",
    "ann@example.com",
    "a@b",
    "https://127.0.0.1/",
    "https://[::1]/",
    "javascript:alert(1)",
    "2026-11-23T09:00:00Z",
    "0000-00-00T99:99:99Z",
];

fn some_text(random: &mut Random) -> String {
    match random.below(8) {
        0 => TEXTS[random.below(TEXTS.len())].repeat(1 + random.below(300)),
        1 => "x".repeat(random.below(5_000)),
        2 => (0..random.below(20)).filter_map(|_| char::from_u32(random.below(0x11_0000) as u32)).collect(),
        _ => TEXTS[random.below(TEXTS.len())].to_owned(),
    }
}

fn some_json(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 7 } else { 9 }) {
        0 => Value::Null,
        1 => json!(random.below(2) == 0),
        2 => json!(random.next() as i64),
        3 => json!(random.next()),
        4 => json!(f64::from_bits(random.next())),
        5 | 6 => json!(some_text(random)),
        7 => (0..random.below(4)).map(|_| some_json(random, depth - 1)).collect(),
        _ => Value::Object((0..random.below(4)).map(|_| (some_text(random), some_json(random, depth - 1))).collect()),
    }
}

/// The example with members replaced, left out and added; now and then with a byte of its text changed.
fn some_body(operation: &Operation, random: &mut Random) -> Vec<u8> {
    let mut body: Map<String, Value> = operation.example.as_object().cloned().unwrap_or_default();
    for (name, _) in &operation.fields {
        match random.below(6) {
            0 | 1 => drop(body.insert(name.clone(), some_json(random, 3))),
            2 => drop(body.remove(name)),
            _ => {}
        }
    }
    if random.below(4) == 0 {
        body.insert(some_text(random), some_json(random, 3));
    }
    let mut bytes = Value::Object(body).to_string().into_bytes();
    if random.below(5) == 0 {
        let at = random.below(bytes.len());
        bytes[at] = random.below(256) as u8;
    }
    bytes
}

/// The path with ids of things that exist, most of the time, and a query.
fn some_path(operation: &Operation, random: &mut Random) -> String {
    let mut path = operation.template.clone();
    for (name, real) in &operation.ids {
        let hostile = |random: &mut Random| byte_serialize(some_text(random).as_bytes()).collect::<String>().replace('+', "%20");
        let value = if random.below(4) == 0 { hostile(random) } else { real.clone() };
        path = path.replace(name, if value.is_empty() { "%20" } else { &value });
    }
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for name in &operation.query {
        if random.below(2) == 0 {
            pairs.append_pair(name, &some_text(random));
        }
    }
    let query = pairs.finish();
    if query.is_empty() { path } else { format!("{path}?{query}") }
}

fn some_request(world: &World, operation: &Operation, random: &mut Random) -> Request {
    let client = match random.below(12) {
        0 => world.root.anonymous(),
        1 => world.root.bearer("eyJhbGciOiJub25lIn0.e30."),
        _ => world.root.clone(),
    };
    let mut request = client.request(operation.method.clone(), &some_path(operation, random));
    for name in ["if-match", "idempotency-key", "x-request-id", "traceparent", "x-forwarded-for", "accept"] {
        let value = some_text(random);
        let sendable = value.len() < 2_000 && value.bytes().all(|b| (b' '..=b'~').contains(&b));
        if sendable && random.below(8) == 0 {
            request = request.header(name, &value);
        }
    }
    if operation.form {
        return request
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={}&password=x", "y".repeat(9)));
    }
    if operation.fields.is_empty() { request } else { request.body(some_body(operation, random)) }
}

both!(whatever_is_sent_is_answered_as_documented, async |app| {
    let mut world = world(app).await;
    let mut operations = std::mem::take(&mut world.operations);
    // What takes things away comes last, so that what is asked before it is about things that exist.
    operations.sort_by_key(|operation| (ENDING.contains(&operation.id.as_str()), operation.method == Method::DELETE));
    let (mut random, mut taken, mut refused) = (Random(20_261_127), BTreeSet::new(), BTreeSet::new());
    for operation in &operations {
        for _ in 0..ROUNDS {
            let answer = some_request(&world, operation, &mut random).send().await;
            if answer.status < 400 {
                taken.insert(&operation.id)
            } else {
                refused.insert(&operation.id)
            };
        }
    }
    app.worker().await;
    // If nothing is taken, or nothing refused, the requests are not what they should be. (What only a platform owner makes never was, and is refused.)
    assert!(
        taken.len() > operations.len() * 2 / 5 && refused.len() > operations.len() / 2,
        "taken: {taken:?}\nrefused: {refused:?}"
    );
    app.leaves_deliveries(app.count("select count(*) from deliveries where state < 2").await as usize);
});

/// What the specification demands of a document, and `make spectral` checks with all its other rules.
#[test]
fn every_operation_and_every_answer_is_described() {
    let document: Value = serde_json::from_str(&api::http::openapi::document().to_json().unwrap()).unwrap();
    for operation in document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values()) {
        let id = text(&operation["operationId"]);
        for what in [&operation["summary"], &operation["description"]] {
            assert!(what.as_str().is_some_and(|text| !text.is_empty()), "{id} is not described");
        }
        for (status, answer) in operation["responses"].as_object().unwrap() {
            assert!(answer["description"].as_str().is_some_and(|text| !text.is_empty()), "{id}: {status} is not described");
        }
    }
}
