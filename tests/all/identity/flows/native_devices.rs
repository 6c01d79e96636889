//! Devices of services, as the native contract has them.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Browser, OpenIdProvider, RelyingParty, Response, TestApp, both, read_token, text};

use super::devices::{answer, type_code};

/// A service whose devices sign in, of an organization of Ann's.
async fn service(app: &TestApp) -> RelyingParty {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let provider = OpenIdProvider::start().await;
    app.by(&ann).post(&org.at("upstream-providers"), provider.connection(json!({}))).await.ok();
    let settings = json!({"service_type": "desktop", "device_activation_uri": "https://reports.example/activate"});
    RelyingParty::of_service(&app.by(&ann), &org.at("services"), settings).await
}

async fn begin(app: &TestApp, client_id: &str, org: &str, service: &str) -> Response {
    app.client().post("/auth/device/code", json!({"client_id": client_id, "org": org, "service": service})).await
}

async fn ask(app: &TestApp, client_id: &str, device: &Value) -> Response {
    let body = json!({
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": device["device_code"], "client_id": client_id,
    });
    app.client().post("/auth/token", body).await
}

async fn verify(app: &TestApp, code: &str) -> Response {
    app.client().post("/auth/device/verify", json!({"user_code": code})).await
}

both!(a_services_device_signs_in_by_its_clients_name, async |app| {
    let party = service(app).await;
    let id = party.client_id.as_str();
    let device = begin(app, id, "acme", "reports").await.ok();
    assert_eq!((&device["expires_in"], &device["interval"]), (&json!(900), &json!(5)));
    assert_eq!(device["verification_uri"], format!("{}/device", app.client().base()), "the code is typed here, and nowhere else");
    let shown = verify(app, &text(&device["user_code"])).await.ok();
    assert_eq!(shown, json!({"org_slug": "acme", "service_slug": "reports", "available_providers": ["okta"]}));
    ask(app, id, &device).await.refused(400, "DEVICE_CODE_PENDING");
    ask(app, id, &device).await.refused(400, "SLOW_DOWN");

    let browser = Browser::new(app);
    let asked = type_code(&browser, &device, "ann@example.com").await;
    verify(app, &text(&device["user_code"])).await.refused_as(400, "BAD_REQUEST", "invalid_grant");
    answer(&browser, &asked, "yes").await;
    let made = ask(app, id, &device).await.ok();
    assert_eq!((&made["token_type"], &made["refresh_token"]), (&json!("Bearer"), &Value::Null));
    let claims = read_token(app, &made["access_token"], "at+jwt").await;
    assert_eq!(claims["azp"], party.client_id);
    let token = text(&made["access_token"]);
    assert_eq!(app.client().bearer(&token).get("/userinfo").await.ok()["email"], "ann@example.com");
    app.client().bearer(&token).get("/api/organizations/acme").await.expect(401);
    // It works once; whoever has it as well ends what came of it.
    ask(app, id, &device).await.refused(400, "BAD_REQUEST");
    app.client().bearer(&token).get("/userinfo").await.expect(401);
});

both!(a_device_is_refused_that_is_none_or_comes_late, async |app| {
    let party = service(app).await;
    let id = party.client_id.as_str();
    for (client, org, service) in [
        ("nobody", "acme", "reports"),
        (id, "acme", "other"),
        (id, "other", "reports"),
        ("platform-cli", "platform", "admin-cli"),
    ] {
        begin(app, client, org, service).await.refused_as(400, "BAD_REQUEST", "unauthorized_client");
    }
    app.client().post("/auth/device/code", json!({})).await.invalid(&["client_id", "org", "service"]);
    app.client().post("/auth/token", json!({"grant_type": "password"})).await.invalid(&["client_id", "device_code"]);
    let body = json!({"grant_type": "password", "device_code": "dc_x", "client_id": id});
    app.client().post("/auth/token", body).await.invalid(&["grant_type"]);
    verify(app, "no code").await.invalid(&["user_code"]);
    verify(app, "AAAA-AAAA").await.refused_as(400, "BAD_REQUEST", "invalid_grant");
    let device = begin(app, id, "acme", "reports").await.ok();
    app.advance(TimeDelta::minutes(15));
    verify(app, &text(&device["user_code"])).await.refused(400, "DEVICE_CODE_EXPIRED");
    ask(app, id, &device).await.refused(400, "DEVICE_CODE_EXPIRED");

    let device = begin(app, id, "acme", "reports").await.ok();
    let browser = Browser::new(app);
    let asked = type_code(&browser, &device, "ann@example.com").await;
    answer(&browser, &asked, "no").await;
    ask(app, id, &device).await.refused_as(400, "BAD_REQUEST", "access_denied");
});

both!(what_a_client_began_with_its_secret_is_not_fetched_without, async |app| {
    let party = service(app).await;
    let guarded = party.form(app, "/oauth/device_authorization", &[("scope", "openid offline_access")]).await.ok();
    let browser = Browser::new(app);
    let asked = type_code(&browser, &guarded, "ann@example.com").await;
    answer(&browser, &asked, "yes").await;
    ask(app, &party.client_id, &guarded).await.refused_as(400, "BAD_REQUEST", "invalid_grant");
    assert!(party.poll(app, &guarded).await.ok()["refresh_token"].is_string(), "nor was it used up by that");
    let named = begin(app, &party.client_id, "acme", "reports").await.ok();
    assert_eq!(party.poll(app, &named).await.json()["error"], "invalid_grant");
});
