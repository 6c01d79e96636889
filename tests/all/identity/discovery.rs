//! What a client asks that draws its own sign-in page, before anybody has signed in.

use serde_json::{Value, json};
use tenantry_tests::{OpenIdProvider, Org, TestApp, User, both, text};

/// An organization with a connection that people can come through.
async fn acme(app: &TestApp) -> (User, Org, OpenIdProvider, String) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let provider = OpenIdProvider::start().await;
    let made = app.by(&ann).post(&org.at("upstream-providers"), provider.connection(json!({}))).await.ok();
    (ann, org, provider, text(&made["id"]))
}

/// A domain that an organization proved.
async fn domain(app: &TestApp, (by, org): (&User, &Org), settings: Value) {
    let made = app.by(by).post(&org.at("domain-routes"), settings).await.ok();
    app.execute(&format!(
        "update domains set proof = 'dns', verified_at = created_at where domain = '{}'",
        text(&made["domain"])
    ))
    .await;
}

async fn look_up(app: &TestApp, email: &str) -> Value {
    app.client().post("/api/auth/lookup-email", json!({"email": email})).await.ok()
}

fn nothing() -> Value {
    json!({"connection_id": null, "provider_name": null, "domain_verified": false, "auth_method": "password"})
}

both!(an_announced_domain_leads_to_its_provider_and_every_other_address_gets_one_answer, async |app| {
    let (ann, org, _provider, connection) = acme(app).await;
    let led = |name: &str, announce: bool| json!({"domain": name, "upstream_provider_id": connection, "announce": announce});
    domain(app, (&ann, &org), led("acme.example", true)).await;
    domain(app, (&ann, &org), led("quiet.example", false)).await;
    domain(app, (&ann, &org), json!({"domain": "plain.example"})).await;
    app.by(&ann).post(&org.at("domain-routes"), led("unproven.example", true)).await.ok();
    let told = json!({"connection_id": "okta", "provider_name": "Acme Okta", "domain_verified": true, "auth_method": "upstream"});
    assert_eq!(look_up(app, "anybody@acme.example").await, told);
    assert_eq!(look_up(app, "anybody@ACME.example").await, told);
    let plain = json!({"connection_id": null, "provider_name": null, "domain_verified": true, "auth_method": "password"});
    assert_eq!(look_up(app, "anybody@plain.example").await, plain);
    for email in ["ann@example.com", "nobody@example.com", "bea@quiet.example", "bea@unproven.example"] {
        assert_eq!(look_up(app, email).await, nothing(), "{email}");
    }
    app.client().post("/api/auth/lookup-email", json!({"email": "no address"})).await.invalid(&["email"]);
    app.client().post("/api/auth/lookup-email", json!({})).await.invalid(&["email"]);

    // Where two organizations proved it, neither is named; nor is one that is not active, nor a connection that is switched off.
    let ben = app.sign_up("ben@example.com").await;
    let bolt = app.create_org(&ben, "bolt").await;
    domain(app, (&ben, &bolt), json!({"domain": "acme.example"})).await;
    assert_eq!(look_up(app, "anybody@acme.example").await, nothing());
    app.execute("update organizations set status = 'suspended' where slug = 'bolt'").await;
    assert_eq!(look_up(app, "anybody@acme.example").await, told);
    let path = org.at(&format!("upstream-providers/{connection}"));
    app.by(&ann).patch(&path, json!({"enabled": false})).await.ok();
    assert_eq!(look_up(app, "anybody@acme.example").await, plain);
});

both!(the_context_of_a_sign_in_page_tells_what_the_page_shows, async |app| {
    let (ann, org, _provider, _) = acme(app).await;
    let service =
        json!({"slug": "reports", "name": "Reports", "service_type": "web", "redirect_uris": ["https://reports.example/cb"]});
    app.by(&ann).post(&org.at("services"), service).await.ok();
    let ask = async |query: &str| app.client().get(&format!("/api/auth/context{query}")).await.ok();
    let shown = ask("?org=acme&service=reports&redirect_uri=https%3A%2F%2Freports.example%2Fcb").await;
    assert_eq!(
        shown,
        json!({
            "organization": {"slug": "acme", "name": "The acme company", "logo_url": null, "primary_color": null, "status": "active"},
            "service": {"slug": "reports", "name": "Reports", "service_type": "web", "redirect_uri_valid": true},
            "available_providers": ["okta"],
            "auth_methods": ["password", "upstream"],
            "support_available": false,
        })
    );
    for other in ["", "&redirect_uri=https%3A%2F%2Freports.example%2Fcb%2F", "&redirect_uri=https%3A%2F%2Fevil.example%2F"] {
        let shown = ask(&format!("?org=acme&service=reports{other}")).await;
        assert_eq!(shown["service"]["redirect_uri_valid"], false, "{other}");
    }
    // What the organization demands is nobody's business who has not signed in.
    app.by(&ann).patch(&org.at("sign-in/policy"), json!({"mfa": "required"})).await.ok();
    assert_eq!(ask("?org=acme").await["auth_methods"], json!(["password", "upstream"]));

    let empty = ask("").await;
    assert_eq!(
        (&empty["organization"], &empty["service"], &empty["available_providers"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
    assert_eq!(ask("?org=acme&service=nothing").await["service"], Value::Null);
    let ben = app.sign_up("ben@example.com").await;
    app.create_org(&ben, "bolt").await;
    assert_eq!(ask("?org=bolt&service=reports").await["service"], Value::Null, "another organization's");
    app.execute("update organizations set status = 'suspended' where slug = 'acme'").await;
    for query in ["?org=acme&service=reports", "?org=nobody&service=reports", "?org=Not%20A%20Slug", "?service=reports"] {
        assert_eq!(ask(query).await, empty, "{query}");
    }
    let long = "x".repeat(2001);
    app.client().get(&format!("/api/auth/context?redirect_uri={long}")).await.invalid(&["redirect_uri"]);
});
