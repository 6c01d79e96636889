//! Secrets stay where they belong (T42): planted through the API, then looked for wherever somebody else could read them.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{
    Options, Receiver, TestApp, both,
    everything::{Access, SECRET_MEMBERS, access},
    text,
};

use crate::authorization::isolation::document::operations;

/// Opens the metrics.
const METRICS: &str = "metrics-token-of-the-operator";
/// The password at an organization's mail server.
const SMTP: &str = "canary-smtp-Hd4";
/// Typed by people.
const PASSWORDS: [&str; 4] = ["canary-first-Pq7", "canary-second-Wz3", "canary-third-Lk9", "canary-wrong-Vb5"];

/// What was planted: secrets, and who may read each in a mail.
struct Planted {
    secrets: Vec<(String, String)>,
    receiver: Receiver,
    export: Vec<String>,
    errors: Vec<String>,
}

async fn post(app: &TestApp, path: &str, body: Value) -> Value {
    app.client().post(path, body).await.ok()
}

/// Every secret that the API takes or makes, used and unused.
async fn plant(app: &TestApp) -> Planted {
    let [first, second, third, wrong] = PASSWORDS;
    let (receiver, mut errors) = (Receiver::start().await, Vec::new());
    post(app, "/api/auth/register", json!({"email": "ann@example.com", "password": first})).await;
    app.worker().await;
    let verify = app.mailed_token("ann@example.com", "verify-email");
    post(app, "/api/auth/verify-email", json!({"token": verify, "password": first})).await;
    let pair = post(app, "/api/auth/login", json!({"email": "ann@example.com", "password": first})).await;
    let ann = app.client().bearer(&text(&pair["access_token"]));
    let keyed = |path: &str, body: Value| ann.request(Method::POST, path).header("idempotency-key", path).json(&body).send();
    let org = keyed("/api/organizations", json!({"slug": "acme", "name": "Acme"})).await.ok();
    let events = [
        "user.invited",
        "user.joined",
        "user.password.changed",
        "user.login.success",
        "user.login.failed",
        "webhook.created",
        "invitation.accepted",
    ];
    let known = ann.get("/api/organizations/acme/webhooks/event-types").await.ok();
    let events: Vec<_> =
        events.into_iter().filter(|name| known.as_array().unwrap().iter().any(|known| known["value"] == *name)).collect();
    let hook =
        keyed("/api/organizations/acme/webhooks", json!({"name": "Hook", "url": receiver.url, "events": events})).await.ok();
    let invited = keyed("/api/organizations/acme/invitations", json!({"email": "bob@example.com", "role": "member"})).await.ok();
    let open = keyed("/api/organizations/acme/select", json!({})).await.ok();
    post(app, "/api/auth/register", json!({"email": "bob@example.com", "password": second})).await;
    app.worker().await;
    let bob_verify = app.mailed_token("bob@example.com", "verify-email");
    post(app, "/api/auth/verify-email", json!({"token": bob_verify, "password": second})).await;
    let bob = post(app, "/api/auth/login", json!({"email": "bob@example.com", "password": second})).await;
    let by_bob = app.client().bearer(&text(&bob["access_token"]));
    by_bob.post("/api/invitations/accept", json!({"token": invited["token"]})).await.done();
    let renewed = post(app, "/api/auth/refresh", json!({"refresh_token": bob["refresh_token"]})).await;
    by_bob.post("/api/user/change-password", json!({"current_password": second, "new_password": third})).await.ok();
    by_bob.patch("/api/user", json!({"email": "moved@example.com"})).await.ok();
    post(app, "/api/auth/forgot-password", json!({"email": "ann@example.com"})).await;
    app.worker().await;
    let (reset, change) =
        (app.mailed_token("ann@example.com", "reset-password"), app.mailed_token("moved@example.com", "change-email"));
    // One of everything, so that a new resource's secrets are looked for as well.
    let everything = app.everything(&app.login("ann@example.com", first).await, "everything").await;
    let server = json!({"host": "127.0.0.1", "port": 9, "username": "acme", "password": SMTP, "from_email": "acme@example.com"});
    ann.post("/api/organizations/acme/smtp", server.clone()).await.ok();
    ann.post("/api/organizations/everything/smtp", server).await.ok();
    ann.post("/api/organizations/acme/invitations", json!({"email": "cy@example.com", "role": "member"})).await.ok();
    // Mistakes with secrets in them, and what they are answered.
    let token = text(&open["refresh_token"]);
    for (path, body) in [
        ("/api/auth/login", json!({"email": "ann@example.com", "password": wrong, "org_slug": "acme"})),
        ("/api/auth/login", json!({"email": wrong, "password": wrong, "org_slug": wrong})),
        ("/api/auth/register", json!({"email": "x", "password": format!("{wrong}{}", "x".repeat(2000))})),
        ("/api/auth/reset-password", json!({"token": change, "new_password": wrong})),
        ("/api/auth/reset-password", json!({"token": reset, "new_password": ["x", wrong]})),
        ("/api/auth/verify-email", json!({"token": reset, "password": wrong})),
        ("/api/auth/refresh", json!({"refresh_token": reset})),
        ("/api/invitations/accept", json!({"token": token})),
        ("/api/user/change-password", json!({"current_password": wrong, "new_password": wrong})),
        ("/api/organizations", json!({"slug": token, "name": [token]})),
        (
            "/api/organizations/acme/smtp",
            json!({"host": SMTP, "port": SMTP, "username": "", "password": SMTP, "from_email": SMTP}),
        ),
        (
            "/api/organizations/acme/webhooks",
            json!({"name": 7, "url": format!("https://user:{wrong}@example.com/"), "events": [token]}),
        ),
    ] {
        let answer = ann.post(path, body).await;
        assert!((400..500).contains(&answer.status), "{answer}");
        errors.push(format!("{path}: {:?} {}", answer.headers, answer.text()));
    }
    for token in [&token, &reset] {
        errors.push(app.client().bearer(token).get("/api/user").await.text());
        errors.push(app.client().get(&format!("/api/{token}")).await.text());
    }
    errors
        .push(ann.request(Method::POST, "/api/organizations").body(format!("{{\"slug\": \"{token}\" oops")).send().await.text());
    app.worker().await;
    let mut export = Vec::new();
    for path in [
        "audit-log/export?format=csv",
        "audit-log/export?format=ndjson",
        "audit-log/export?format=sealed",
        "audit-log/checkpoints",
        "audit-log?limit=100",
        "events?limit=100",
        "webhooks",
        "invitations",
        "members",
        "smtp",
    ] {
        export.push(ann.get(&format!("/api/organizations/acme/{path}")).await.expect(200).text());
    }
    export.push(
        ann.get(&format!("/api/organizations/acme/webhooks/{}/deliveries?limit=100", text(&hook["id"]))).await.expect(200).text(),
    );
    export.push(ann.get("/api/user/sessions").await.expect(200).text());
    export.push(app.client().bearer(METRICS).get("/metrics").await.expect(200).text());
    for operation in operations().iter().filter(|operation| operation.method == Method::GET) {
        if matches!(access(&operation.id), Access::Organization(_)) {
            export.push(ann.get(&everything.ids.path(&operation.path)).await.text());
        }
    }
    let mut secrets = everything.secrets;
    let mut plant = |secret: String, reader: &str| secrets.push((secret, reader.to_owned()));
    for password in PASSWORDS.into_iter().chain([SMTP]) {
        plant(password.to_owned(), "nobody");
    }
    for pair in [&pair, &org, &open, &bob, &renewed] {
        plant(text(&pair["access_token"]), "nobody");
        plant(text(&pair["refresh_token"]), "nobody");
    }
    plant(text(&hook["secret"]), "nobody");
    plant(text(&invited["token"]), "bob@example.com");
    plant(verify, "ann@example.com");
    plant(reset, "ann@example.com");
    plant(bob_verify, "bob@example.com");
    plant(change, "moved@example.com");
    Planted { secrets, receiver, export, errors }
}

/// A secret in the ways that a careless program would write it. Tokens also without the prefix that says what they are.
pub(crate) fn spellings(secret: &str) -> Vec<String> {
    let core = secret.rsplit_once('_').filter(|(prefix, _)| prefix.len() < 12).map_or(secret, |(_, core)| core);
    let mut all = vec![secret.to_owned(), core.to_owned(), secret.replace('-', "%2D"), secret.replace('=', "%3D")];
    all.push(hex::encode(core));
    all.push(STANDARD.encode(secret));
    all.push(URL_SAFE_NO_PAD.encode(secret));
    if let Ok(bytes) = STANDARD.decode(core) {
        all.push(hex::encode(bytes));
    }
    all
}

#[track_caller]
fn absent(planted: &Planted, place: &str, what: &str) {
    let lower = what.to_lowercase();
    for (n, (secret, _)) in planted.secrets.iter().enumerate() {
        for spelling in spellings(secret) {
            if let Some(at) = what.find(&spelling).or_else(|| lower.find(&spelling)) {
                let around: String =
                    what.chars().skip(what[..at.min(what.len())].chars().count().saturating_sub(120)).take(160).collect();
                panic!("secret {n} ({spelling}) is in {place}: …{around}…");
            }
        }
    }
}

/// A member of an answer that is called like a secret is one that the fixture knows and this test looks for.
#[test]
fn every_secret_member_of_the_document_is_planted() {
    let document: Value = serde_json::from_str(&api::http::openapi::document().to_json().unwrap()).unwrap();
    let mut found = Vec::new();
    let answers = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
    for answer in answers.flat_map(|operation| operation["responses"].as_object().unwrap().values()) {
        members(&document, &answer["content"]["application/json"]["schema"], &mut found);
    }
    // A domain's proof is published.
    let harmless = [
        "verification_token",
        "keys",
        "idempotency_key",
        "public_key",
        "token_type",
        "refresh_token_expires_at",
        "old_secrets_until",
        "old_secret_until",
        "api_keys",
        "has_api_key",
        "has_secret",
        "tokens",
        "has_signing_secret",
        "token_url",
        "token_lifetime_seconds",
        "token_endpoint",
        "token_endpoint_auth_methods_supported",
        "token_endpoint_auth_signing_alg_values_supported",
        "issued_token_type",
        // Says who somebody is, and opens nothing.
        "id_token",
        "id_token_hint",
        "id_token_alg",
        "token_claims",
        "id_token_signing_alg_values_supported",
    ];
    let secret = |name: &&String| ["secret", "token", "password", "key"].iter().any(|word| name.contains(word));
    for name in found.iter().filter(secret) {
        let known = SECRET_MEMBERS.contains(&name.as_str()) || harmless.contains(&name.as_str());
        assert!(
            known,
            "`{name}` looks like a secret: add it to SECRET_MEMBERS of tests/src/everything.rs, or say here that it is none"
        );
    }
    for name in SECRET_MEMBERS {
        assert!(found.iter().any(|found| found == name), "no answer has `{name}`");
    }
}

/// The names of all members of a schema.
fn members(document: &Value, schema: &Value, found: &mut Vec<String>) {
    if let Some(pointer) = schema["$ref"].as_str() {
        return members(document, document.pointer(&pointer[1..]).unwrap(), found);
    }
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        if !found.contains(name) {
            found.push(name.clone());
            members(document, member, found);
        }
    }
    let parts = ["allOf", "oneOf", "anyOf"].iter().flat_map(|name| schema[*name].as_array().into_iter().flatten());
    parts.chain(schema.get("items")).for_each(|part| members(document, part, found));
}

both!(t42_planted_secrets_are_nowhere_to_be_read, Options::default().set("metrics.token", METRICS), async |app| {
    let planted = plant(app).await;
    absent(&planted, "the database", &app.dump().await);
    planted.export.iter().for_each(|export| absent(&planted, "an answer", export));
    planted.errors.iter().for_each(|error| absent(&planted, "an error", error));
    let received = planted.receiver.received();
    assert!(received.len() >= 2, "{received:?}");
    for got in &received {
        absent(&planted, "a delivery", &format!("{} {:?} {}", got.request_line, got.headers, String::from_utf8_lossy(&got.body)));
    }
    for mail in app.mails() {
        let all = format!("{}\n{}\n{}", mail.raw.replace("=\r\n", "").replace("=\n", ""), mail.text, mail.html);
        for (secret, reader) in &planted.secrets {
            assert!(
                mail.to == *reader || !spellings(secret).iter().any(|spelling| all.contains(spelling)),
                "{secret} in a mail to {}: {all}",
                mail.to
            );
        }
    }
});

both!(t42_the_path_of_an_endpoint_is_shown_to_its_managers_only, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.role(&ann, "acme", "auditor", &["audit_logs.view"]).await;
    let auditor = app.member(&ann, "acme", "eve@example.com", "auditor").await;
    app.worker().await;
    let body =
        json!({"name": "Hook", "url": "http://127.0.0.1:9/services/canary-path?key=canary-query", "events": ["user.joined"]});
    let id = text(&app.by(&ann).post(&org.at("webhooks"), body).await.ok()["id"]);
    app.by(&ann).patch(&org.at(&format!("webhooks/{id}")), json!({"url": "http://127.0.0.1:9/other/canary-path"})).await.ok();
    for path in ["audit-log", "audit-log/export?format=csv", "audit-log/export?format=ndjson"] {
        let log = app.by(&auditor).get(&org.at(path)).await.expect(200).text();
        assert!(log.contains("webhook") && !log.contains("canary"), "{log}");
    }
    assert!(!app.rows("select 1 from events where body like '%canary%' or metadata like '%canary%'").await.iter().any(|_| true));
});
