//! What a client has its ID tokens tell of people in their organizations.

use serde_json::{Value, json};
use tenantry_tests::{Browser, PASSWORD, both, read_token, text};

use super::application;

const ROLES: &str = "https://app.example.com/org_roles";
const MAY: &str = "https://app.example.com/org_permissions";
const NAME: &str = "https://app.example.com/org_name";

both!(id_tokens_tell_what_somebody_may_do_in_the_organization, async |app| {
    let wanted = json!({ROLES: "org_roles", MAY: "org_permissions", NAME: "org_name"});
    let (root, party) = application(app, json!({"token_claims": wanted})).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let clerk = app.role(&ann, "acme", "clerk", &["audit_logs.view"]).await;
    let role = org.at(&format!("members/{}/roles/{clerk}", bob.id));
    app.by(&ann).put(&role, json!({})).await.ok();
    let browser = Browser::new(app);
    let made = party.sign_in(app, &browser, &[("organization", "acme")], ("bob@example.com", PASSWORD)).await;
    let id = read_token(app, &made["id_token"], "JWT").await;
    assert_eq!((&id[ROLES], &id[MAY], &id[NAME]), (&json!(["member", "clerk"]), &json!(["audit_logs.view"]), &json!("acme")));
    assert!(text(&id["sub"]).starts_with("auth0|"), "beside what is always told");
    let access = read_token(app, &made["access_token"], "at+jwt").await;
    assert_eq!(access[ROLES], Value::Null, "the client's ID tokens only");

    // A renewal tells what holds then.
    app.by(&ann).delete(&role).await.ok();
    let renewed = async || {
        let made = party.refresh(app, &text(&made["refresh_token"])).await.ok();
        read_token(app, &made["id_token"], "JWT").await
    };
    let id = renewed().await;
    assert_eq!((&id[ROLES], &id[MAY]), (&json!(["member"]), &json!([])));
    // So does another wish of the client.
    let at = format!("/api/platform/clients/{}", party.id);
    let changed = app.by(&root).patch(&at, json!({"token_claims": {NAME: "org_display_name"}})).await.ok();
    assert_eq!(changed["token_claims"], json!({NAME: "org_display_name"}));
    let id = renewed().await;
    assert_eq!((&id[ROLES], &id[NAME]), (&Value::Null, &json!("The acme company")));
    app.by(&root).patch(&at, json!({"token_claims": {}})).await.ok();
    assert_eq!(renewed().await[NAME], Value::Null);
});

both!(without_an_organization_nothing_is_told_of_one, async |app| {
    let (_, party) = application(app, json!({"token_claims": {ROLES: "org_roles", NAME: "org_name"}})).await;
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    let made = party.sign_in(app, &Browser::new(app), &[], ("ann@example.com", PASSWORD)).await;
    let id = read_token(app, &made["id_token"], "JWT").await;
    assert_eq!((&id[ROLES], &id[NAME], &id["org_id"]), (&Value::Null, &Value::Null, &Value::Null));
});
