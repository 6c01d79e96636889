//! Clients, APIs and grants, as who operates the platform manages them.

use super::*;

const CLIENT: &[&str] = &[
    "id",
    "client_id",
    "name",
    "auth_method",
    "jwks",
    "application_type",
    "redirect_uris",
    "post_logout_redirect_uris",
    "organization_usage",
    "id_token_alg",
    "device_flow",
    "backchannel_logout_uri",
    "initiate_login_uri",
    "token_claims",
    "old_secret_until",
    "created_at",
    "updated_at",
];
const API: &[&str] =
    &["id", "audience", "name", "description", "scopes", "signing_alg", "token_lifetime_seconds", "created_at", "updated_at"];
const GRANT: &[&str] = &[
    "id",
    "client",
    "client_id",
    "resource_server",
    "audience",
    "scopes",
    "subject_type",
    "organization_usage",
    "allow_any_organization",
    "created_at",
    "updated_at",
];

both!(clients_are_made_changed_rotated_and_deleted, async |app| {
    let root = app.platform_owner().await;
    let by = app.by(&root);
    let made = by.post("/api/platform/clients", json!({"name": "Billing"})).await.ok();
    has_exactly(&made, &["client", "client_secret"]);
    has_exactly(&made["client"], CLIENT);
    assert_eq!((&made["client"]["auth_method"], &made["client"]["jwks"]), (&json!("client_secret"), &Value::Null));
    let (at, secret) = (format!("/api/platform/clients/{}", text(&made["client"]["id"])), text(&made["client_secret"]));
    assert_eq!(by.get(&at).await.ok(), made["client"]);
    let renamed = by.patch(&at, json!({"name": "Billing of 2027"})).await.ok();
    assert_eq!(renamed["name"], "Billing of 2027");
    let listed = by.get("/api/platform/clients?limit=1").await.ok();
    assert_eq!((&listed["total"], &listed["clients"][0]), (&json!(1), &renamed));
    assert!(!listed.to_string().contains(&secret) && !app.dump().await.contains(&secret), "kept as a hash only");
    // Two secrets while it changes over, and no third.
    let program =
        |secret: &str| Program { id: String::new(), name: text(&made["client"]["client_id"]), secret: secret.to_owned() };
    let works = async |secret: &str| ask(app, &program(secret), &[]).await.json()["error"] == "unauthorized_client";
    let rotate = format!("{at}/secret/rotate");
    let second = text(&by.post(&rotate, json!({"grace_seconds": 60})).await.ok()["client_secret"]);
    assert!(works(&secret).await && works(&second).await);
    by.post(&rotate, json!({})).await.refused_as(400, "BAD_REQUEST", "too_many_secrets");
    app.advance(chrono::TimeDelta::seconds(60));
    assert!(!works(&secret).await && works(&second).await);
    let third = text(&by.post(&rotate, json!({"grace_seconds": 0})).await.ok()["client_secret"]);
    assert!(!works(&second).await && works(&third).await);
    by.delete(&at).await.expect(204);
    assert!(!works(&third).await);
    let nobody = "/api/platform/clients/cli_00000000000000000000000000000000";
    answers! {
        "gone": by.get(&at) => refused(404, "NOT_FOUND"),
        "never was": by.patch(nobody, json!({})) => refused(404, "NOT_FOUND"),
        "no id": by.get("/api/platform/clients/x") => refused(404, "NOT_FOUND"),
        "no name": by.post("/api/platform/clients", json!({})) => Invalid(&["name"]),
        "all of it wrong": by.post("/api/platform/clients", json!({"name": 1, "auth_method": "never", "jwks": {}})) => Invalid(&["name", "auth_method", "jwks"]),
        "how people sign in, all of it wrong": by.post("/api/platform/clients", json!({"name": "Signs", "application_type": "spa", "redirect_uris": ["http://app.example.com/"], "post_logout_redirect_uris": 1, "organization_usage": "maybe", "id_token_alg": "HS256"})) => Invalid(&["application_type", "redirect_uris", "post_logout_redirect_uris", "organization_usage", "id_token_alg"]),
        "a claim of a standard": by.post("/api/platform/clients", json!({"name": "Signs", "token_claims": {"email_verified": "org_roles"}})) => Invalid(&["token_claims"]),
        "a fact that is none": by.post("/api/platform/clients", json!({"name": "Signs", "token_claims": {"https://a.example/x": "password"}})) => Invalid(&["token_claims"]),
        "what only an installed program receives": by.post("/api/platform/clients", json!({"name": "Signs", "redirect_uris": ["https://a.example/", "com.example.app:/cb"]})) => Invalid(&["redirect_uris[1]"]),
        "too many": by.post("/api/platform/clients", json!({"name": "Signs", "redirect_uris": vec!["https://a.example/"; 51]})) => Invalid(&["redirect_uris"]),
        "signing without keys": by.post("/api/platform/clients", json!({"name": "Signs", "auth_method": "private_key_jwt"})) => Invalid(&["jwks"]),
        "private keys": by.post("/api/platform/clients", json!({"name": "Signs", "jwks": {"keys": [{"kty": "EC", "d": "x"}]}})) => Invalid(&["jwks"]),
        "no keys of ours": by.post("/api/platform/clients", json!({"name": "Signs", "jwks": {"keys": [{"kty": "EC", "crv": "P-384", "x": "x", "y": "y"}]}})) => Invalid(&["jwks"]),
        "too long a grace": by.post(&format!("{nobody}/secret/rotate"), json!({"grace_seconds": 604_801})) => Invalid(&["grace_seconds"]),
    }
    let log = by.get("/api/platform/audit-log?limit=5").await.ok();
    let actions: Vec<_> = log["logs"].as_array().unwrap().iter().map(|one| text(&one["action"])).collect();
    assert_eq!(actions, ["delete_client", "rotate_client_secret", "rotate_client_secret", "update_client", "create_client"]);
});

both!(apis_and_grants_are_managed, async |app| {
    let root = app.platform_owner().await;
    let by = app.by(&root);
    let program = client(&by, "Billing").await;
    let made = api(&by, AUDIENCE, &["read:orders", "write:orders", "read:orders"]).await;
    has_exactly(&made, API);
    assert_eq!((&made["scopes"], &made["signing_alg"]), (&json!(["read:orders", "write:orders"]), &json!("RS256")));
    let at = format!("/api/platform/resource-servers/{}", text(&made["id"]));
    let changed = by.patch(&at, json!({"signing_alg": "ES256", "token_lifetime_seconds": 60, "description": "Ours"})).await.ok();
    assert_eq!((&changed["token_lifetime_seconds"], &changed["description"]), (&json!(60), &json!("Ours")));
    assert_eq!(by.get(&at).await.ok(), changed);
    assert_eq!(by.get("/api/platform/resource-servers").await.ok(), json!({"resource_servers": [changed], "total": 1}));
    let given = grant(&by, &program, AUDIENCE, &["read:orders"]).await;
    has_exactly(&given, GRANT);
    let token = ask(app, &program, &[]).await.ok();
    assert_eq!((&token["expires_in"], &token["scope"]), (&json!(60), &json!("read:orders")));
    let header = text(&token["access_token"]);
    let header =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, header.split('.').next().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&header).unwrap()["alg"], "ES256");
    let of_client = format!("/api/platform/client-grants?client={}", program.id);
    assert_eq!(by.get(&of_client).await.ok(), json!({"client_grants": [given], "total": 1}));
    let create = async |body: Value| by.post("/api/platform/client-grants", body).await;
    let api_of = async |body: Value| by.post("/api/platform/resource-servers", body).await;
    let nobody = "cli_00000000000000000000000000000000";
    answers! {
        "twice": create(json!({"client": program.id, "audience": AUDIENCE})) => refused_as(400, "DUPLICATE_CONSTRAINT", "client_grant_exists"),
        "an API that nobody registered": create(json!({"client": program.id, "audience": "orders"})) => Invalid(&["audience"]),
        "a client that never was": create(json!({"client": nobody, "audience": AUDIENCE})) => refused(404, "NOT_FOUND"),
        "a scope that is not defined": create(json!({"client": program.id, "audience": AUDIENCE, "scopes": ["read:orders", "admin"]})) => Invalid(&["scopes[1]"]),
        "no client": create(json!({"client": "x"})) => Invalid(&["client", "audience"]),
        "another client's list": by.get(&format!("/api/platform/client-grants?client={nobody}")) => Ok,
        "no id of a client": by.get("/api/platform/client-grants?client=x") => Invalid(&["client"]),
        "an audience twice": api_of(json!({"audience": AUDIENCE, "name": "Again"})) => refused_as(400, "DUPLICATE_CONSTRAINT", "audience_taken"),
        "our own audiences": api_of(json!({"audience": "org:acme", "name": "Ours"})) => Invalid(&["audience"]),
        "our own address": api_of(json!({"audience": format!("{}/my-org/", app.client().base()), "name": "Ours"})) => Invalid(&["audience"]),
        "all of it wrong": api_of(json!({"audience": "a b", "name": "", "scopes": ["\""], "signing_alg": "HS256", "token_lifetime_seconds": 59})) => Invalid(&["audience", "name", "scopes", "signing_alg", "token_lifetime_seconds"]),
    }
    // What the API defines no more, nobody is granted.
    by.patch(&at, json!({"scopes": ["write:orders"]})).await.ok();
    assert_eq!(ask(app, &program, &[]).await.ok().get("scope"), None);
    let grant_at = format!("/api/platform/client-grants/{}", text(&given["id"]));
    by.patch(&grant_at, json!({"scopes": ["read:orders"]})).await.invalid(&["scopes[0]"]);
    by.patch(&grant_at, json!({"scopes": null})).await.invalid(&["scopes"]);
    by.delete(&at).await.expect(204);
    by.delete(&grant_at).await.refused(404, "NOT_FOUND");
    refused_with(&ask(app, &program, &[]).await, 400, "unauthorized_client");
});
