//! Services of organizations get tokens for their own APIs, which lie under the organization's proven host; and for nobody else's.

use crypto::foreign::ForeignKeys;
use tenantry_tests::Response;

use super::*;

struct Program {
    name: String,
    secret: String,
    audience: String,
}

/// A service with an API under the host.
async fn service(app: &TestApp, by: &User, org: &Org, host: &str) -> Program {
    let by = app.again(by).await;
    let audience = format!("https://{host}/api");
    let body = json!({"slug": "portal", "name": "Portal", "service_type": "api", "resource_uris": [audience]});
    let made = app.by(&by).post(&org.at("services"), body).await.ok();
    Program { name: text(&made["service"]["client_id"]), secret: text(&made["service"]["client_secret"]), audience }
}

async fn ask(app: &TestApp, program: &Program, audience: Option<&str>) -> Response {
    let body = json!({
        "grant_type": "client_credentials", "client_id": program.name, "client_secret": program.secret, "audience": audience,
    });
    app.client().post("/oauth/token", body).await
}

/// The code of a refusal.
#[track_caller]
fn refusal(answer: &Response) -> String {
    assert!(matches!(answer.status, 400 | 401), "{answer}");
    text(&answer.json()["error"])
}

named!(a_service_gets_tokens_for_its_own_apis_only, async |app: &TestApp, dns: &NameServer| {
    let (ann, acme) = proven(app, dns, "ann@example.com", "acme", HOST).await;
    let (olga, other) = proven(app, dns, "olga@example.com", "other", "auth.other.example").await;
    let (ours, theirs) = (service(app, &ann, &acme, HOST).await, service(app, &olga, &other, "auth.other.example").await);
    let made = ask(app, &ours, None).await.ok();
    has_exactly(&made, &["access_token", "token_type", "expires_in"]);
    let set = app.client().get("/.well-known/jwks.json").await.ok();
    let keys = ForeignKeys::parse(set["keys"].as_array().unwrap()).unwrap();
    let claims: Value = keys.open(made["access_token"].as_str().unwrap(), &[Some("at+jwt")]).unwrap();
    assert_eq!((&claims["aud"], &claims["org_id"]), (&json!(ours.audience), &json!(acme.id)));
    ask(app, &ours, Some(&ours.audience)).await.ok();
    assert_eq!(refusal(&ask(app, &ours, Some(&theirs.audience)).await), "invalid_target", "T12: another tenant's API");
    assert_eq!(refusal(&ask(app, &ours, Some("platform")).await), "invalid_target");
    // Another tenant's client looks at it, and sees nothing.
    let look = async |who: &Program| {
        let body = json!({"client_id": who.name, "client_secret": who.secret, "token": made["access_token"]});
        app.client().post("/oauth/introspect", body).await.ok()
    };
    assert_eq!(look(&theirs).await, json!({"active": false}));
    let seen = look(&ours).await;
    assert_eq!((&seen["active"], &seen["org_id"]), (&json!(true), &json!(acme.id)));
    // With the API ends what was for it: the host is given up.
    let by = app.again(&ann).await;
    app.by(&by).delete(&acme.at("domain")).await;
    assert_eq!(refusal(&ask(app, &ours, None).await), "unauthorized_client");
    assert_eq!(look(&ours).await, json!({"active": false}));
    // And with the organization's state its clients.
    let root = app.platform_owner().await;
    ask(app, &theirs, None).await.ok();
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/suspend", other.id)).await.ok();
    assert_eq!(refusal(&ask(app, &theirs, None).await), "invalid_client");
});
