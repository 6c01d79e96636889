//! The providers through which somebody signs in, in their own hands.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Browser, PASSWORD, PasskeyDevice, TestApp, User, both};

use super::Scene;

/// Bea, a member with an account of her own, who has proven that the provider's word is about her.
async fn linked(app: &TestApp, scene: &Scene) -> User {
    let bea = app.sign_up("bea@acme.example").await;
    app.invite_and_join(&scene.owner, "acme", &bea, "member").await;
    let browser = Browser::new(app);
    let claims = json!({"sub": "00u1", "email": "bea@acme.example", "email_verified": true});
    let (_, landed) = scene.come(app, &browser, claims).await;
    let (at, _) = landed.page();
    browser.send(&at, &[("step", "prove"), ("password", PASSWORD)]).await.away();
    app.again(&bea).await
}

async fn identities(app: &TestApp, who: &User) -> Value {
    app.by(who).get("/api/user/identities").await.ok()
}

both!(somebody_sees_their_providers_and_unlinks_one, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let bea = linked(app, &scene).await;
    let all = identities(app, &bea).await;
    assert_eq!(
        (&all[0]["id"], &all[0]["provider"], &all[0]["org_slug"]),
        (&json!(scene.connection), &json!("okta"), &json!("acme"))
    );
    assert_eq!((&all[0]["email"], all.as_array().unwrap().len()), (&json!("bea@acme.example"), 1));
    let path = format!("/api/user/identities/{}", scene.connection);
    // It is hers alone, and not a token's that lies about.
    app.by(&scene.owner).delete(&path).await.expect(404);
    app.advance(TimeDelta::minutes(16));
    let stale = app.by(&bea).post("/api/auth/refresh", json!({"refresh_token": bea.refresh})).await.ok();
    let token = stale["access_token"].as_str().unwrap().to_owned();
    app.client().bearer(&token).delete(&path).await.refused_as(403, "FORBIDDEN", "recent_sign_in_required");
    let bea = app.again(&bea).await;
    app.by(&bea).delete("/api/user/identities/nobody").await.expect(404);
    app.by(&bea).delete("/api/user/identities/okta").await.expect(204);
    app.by(&bea).delete(&path).await.expect(404);
    assert_eq!(identities(app, &bea).await, json!([]));
    let owner = app.again(&scene.owner).await;
    let log = app.by(&owner).get(&scene.org.at("audit-log")).await.ok().to_string();
    assert!(log.contains("user.identity_unlinked"), "{log}");
});

both!(the_only_way_into_an_account_and_a_blocked_one_stay, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let bea = linked(app, &scene).await;
    let path = format!("/api/user/identities/{}", scene.connection);
    app.execute("update users set password_hash = null where email = 'bea@acme.example'").await;
    app.by(&bea).delete(&path).await.refused_as(400, "BAD_REQUEST", "last_identity");
    assert_eq!(identities(app, &bea).await.as_array().unwrap().len(), 1);
    // Who was removed does not clear the way for themselves.
    app.execute("update identities set blocked_at = created_at").await;
    app.by(&bea).delete(&path).await.expect(404);
    assert_eq!(identities(app, &bea).await, json!([]));
    assert_eq!(app.count("select count(*) from identities").await, 1);
});

both!(whoever_has_a_passkey_needs_no_provider, async |app| {
    let scene = Scene::set(app, json!({})).await;
    let bea = linked(app, &scene).await;
    PasskeyDevice::at(app).register(&app.by(&bea), "Laptop").await;
    app.execute("update users set password_hash = null where email = 'bea@acme.example'").await;
    app.by(&bea).delete(&format!("/api/user/identities/{}", scene.connection)).await.expect(204);
});
