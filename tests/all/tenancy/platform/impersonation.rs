//! A platform owner acts as somebody else: where, for how long, what of it shows, and what stays theirs.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Client, TestApp, User, answers, both, refused, text};

use crate::core::shapes::{USER, has_exactly};

async fn begin(app: &TestApp, by: &User, body: Value) -> (Client, Value) {
    let begun = app.by(by).post("/api/platform/impersonate", body).await.ok();
    (app.client().bearer(&text(&begun["access_token"])), begun)
}

fn part(token: &str, n: usize) -> Value {
    let part = token.split('.').nth(n).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

both!(the_token_is_of_its_own_type_and_says_who_acts, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let (_, begun) = begin(app, &root, json!({"user_id": ann.id, "reason": "Ticket 7"})).await;
    has_exactly(&begun, &["impersonation_id", "access_token", "token_type", "expires_in", "expires_at", "org", "user"]);
    has_exactly(&begun["user"], USER);
    assert_eq!((&begun["org"], &begun["expires_in"]), (&json!("acme"), &json!(900)), "the one organization that they have");
    let token = text(&begun["access_token"]);
    let claims = part(&token, 1);
    assert_eq!((&part(&token, 0)["typ"], &claims["token_use"]), (&json!("impersonation+jwt"), &json!("impersonation")));
    assert_eq!(claims["act"], json!({"sub": root.id, "email": root.email, "reason": "Ticket 7"}));
    assert_eq!((&claims["sub"], &claims["aud"], &claims["org_id"]), (&json!(ann.id), &json!("org:acme"), &json!(org.id)));
    assert_eq!(claims["is_platform_owner"], false);
});

both!(who_acts_sees_what_they_see_and_is_named_in_each_record, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let signed_in = app.count("select count(*) from sign_ins").await;
    let sessions = app.count("select count(*) from sessions").await;
    let (acting, begun) = begin(app, &root, json!({"user_id": ann.id, "reason": "Ticket 7"})).await;
    let profile = acting.get("/api/user").await.ok();
    assert_eq!((&profile["id"], &profile["is_platform_owner"]), (&json!(ann.id), &json!(false)));
    acting.get("/api/organizations").await.ok();
    acting.get(&org.at("members")).await.ok();
    app.by(&root).get(&org.at("members")).await.refused_as(403, "FORBIDDEN", "not_a_member");
    acting.patch(&org.path, json!({"name": "Mended"})).await.ok();
    let log = app.by(&ann).get(&org.at("audit-log?limit=2")).await.ok();
    let [updated, started] = [&log["logs"][0], &log["logs"][1]];
    assert_eq!((&updated["action"], &started["action"]), (&json!("organization.updated"), &json!("user.impersonation_started")));
    assert_eq!(updated["actor_id"], json!(ann.id), "{log}");
    assert_eq!(updated["metadata"]["act"], json!({"user_id": root.id, "email": root.email}), "{log}");
    let begun_there = &started["metadata"];
    assert_eq!((&begun_there["operator_id"], &begun_there["reason"]), (&json!(root.id), &json!("Ticket 7")));
    assert_eq!(begun_there["impersonation_id"], begun["impersonation_id"]);
    let own = app.by(&root).get("/api/platform/audit-log?action=impersonate_user").await.ok();
    assert_eq!((&own["total"], &own["logs"][0]["target_id"]), (&json!(1), &json!(ann.id)));
    app.by(&ann).patch(&org.path, json!({"name": "Mine"})).await.ok();
    let log = app.by(&ann).get(&org.at("audit-log?limit=1")).await.ok();
    assert_eq!(log["logs"][0]["metadata"]["act"], Value::Null, "nobody acted");
    assert_eq!(app.count("select count(*) from sign_ins").await, signed_in, "no sign-in of theirs");
    assert_eq!(app.count("select count(*) from sessions").await, sessions);
});

both!(what_a_person_must_do_stays_theirs, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let (acting, _) = begin(app, &root, json!({"user_id": ann.id})).await;
    let theirs = refused(403, "FORBIDDEN");
    answers! {
        "changing the password": acting.post("/api/user/change-password", json!({"current_password": "x", "new_password": "a new sentence"})) => theirs,
        "changing the address": acting.patch("/api/user", json!({"email": "eve@example.com"})) => theirs,
        "founding an organization": acting.post("/api/organizations", json!({"slug": "new", "name": "New"})) => theirs,
        "selecting an organization": acting.post_empty(&org.at("select")) => theirs,
        "handing it over": acting.post(&org.at("transfer-ownership"), json!({"new_owner_email": bob.email})) => theirs,
        "inviting": acting.post(&org.at("invitations"), json!({"email": "eve@example.com", "role": "admin"})) => theirs,
        "giving a role": acting.patch(&org.at(&format!("members/{}", bob.id)), json!({"role": "admin"})) => theirs,
        "making a role": acting.post(&org.at("roles"), json!({"slug": "new", "name": "New", "permissions": []})) => theirs,
        "leaving": acting.delete(&org.path) => theirs,
        "being shown a key": acting.post(&org.at("api-keys"), json!({"name": "Mine", "permissions": []})) => theirs,
        "ending sessions": acting.delete("/api/user/sessions") => theirs,
        "acting as the next": acting.post("/api/platform/impersonate", json!({"user_id": bob.id})) => theirs,
        "the platform": acting.get("/api/platform/tiers") => theirs,
    }
    let refused = acting.post("/api/organizations", json!({"slug": "new", "name": "New"})).await;
    refused.refused_as(403, "FORBIDDEN", "impersonated");
    // What is chosen and shown meanwhile is the platform owner's to answer for.
    let hook = json!({"name": "Theirs", "url": "https://127.0.0.1/hook", "events": ["branding.updated"]});
    acting.post(&org.at("webhooks"), hook).await.ok();
    let client = json!({"client_id": "Iv1.8a61f9b3a7aba766", "client_secret": "theirs-to-answer-for"});
    acting.post(&org.at("oauth-credentials/github"), client).await.ok();
    let kinds = async |user: &str| {
        let access = app.by(&ann).get(&org.at(&format!("members/{user}/access"))).await.ok();
        access["access"].as_array().unwrap().iter().map(|a| text(&a["kind"])).collect::<Vec<_>>()
    };
    let chosen = ["oauth_credentials", "webhook", "webhook_secret"];
    assert!(!kinds(&ann.id).await.iter().any(|kind| chosen.contains(&kind.as_str())));
    let operators = kinds(&root.id).await;
    assert!(chosen.iter().all(|kind| operators.iter().any(|found| found == kind)), "{operators:?}");
});

both!(it_works_in_one_organization_only, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let (org, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    let eve = app.sign_up("eve@example.com").await;
    let rival = app.create_org(&eve, "rival").await;
    let impersonate = async |body| app.by(&root).post("/api/platform/impersonate", body).await;
    impersonate(json!({"user_id": ann.id})).await.invalid(&["org_slug"]);
    impersonate(json!({"user_id": ann.id, "org_slug": "rival"})).await.invalid(&["org_slug"]);
    let (acting, _) = begin(app, &root, json!({"user_id": ann.id, "org_slug": "acme"})).await;
    acting.get(&org.at("members")).await.ok();
    acting.get(&other.at("members")).await.refused_as(403, "FORBIDDEN", "not_a_member");
    acting.patch(&other.path, json!({"name": "Mended"})).await.refused_as(403, "FORBIDDEN", "not_a_member");
    acting.get(&rival.at("members")).await.refused_as(403, "FORBIDDEN", "not_a_member");
    // Who has no organization can be helped with their account only.
    let cy = app.sign_up("cy@example.com").await;
    let (acting, begun) = begin(app, &root, json!({"user_id": cy.id})).await;
    assert_eq!(begun["org"], Value::Null);
    acting.get("/api/user").await.ok();
    app.invite_and_join(&ann, "acme", &cy, "member").await;
    acting.get(&org.at("members")).await.refused_as(403, "FORBIDDEN", "not_a_member");
    let dan = app.member(&ann, "acme", "dan@example.com", "member").await;
    let (acting, _) = begin(app, &root, json!({"user_id": dan.id})).await;
    acting.get(&org.path).await.ok();
    acting.patch(&org.path, json!({"name": "Mended"})).await.refused_as(403, "FORBIDDEN", "missing_permission");
    app.by(&ann).delete(&org.at(&format!("members/{}", dan.id))).await.done();
    acting.get(&org.path).await.refused(403, "FORBIDDEN");
});

both!(it_ends, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    app.create_org(&ann, "acme").await;
    let ended = |response: tenantry_tests::Response| {
        response.refused_as(401, "UNAUTHORIZED", "session_ended");
    };
    let (acting, _) = begin(app, &root, json!({"user_id": ann.id})).await;
    acting.post_empty("/api/auth/logout").await.expect(200);
    ended(acting.get("/api/user").await);
    ended(acting.patch("/api/organizations/acme", json!({"name": "Mended"})).await);
    app.by(&root).get("/api/user").await.ok();
    app.by(&ann).get("/api/user").await.ok();
    let (acting, begun) = begin(app, &root, json!({"user_id": ann.id})).await;
    let path = format!("/api/platform/impersonations/{}", text(&begun["impersonation_id"]));
    app.by(&ann).delete(&path).await.refused_as(403, "FORBIDDEN", "platform_owner_required");
    app.by(&root).delete(&path).await.done();
    ended(acting.get("/api/user").await);
    app.by(&root).delete(&path).await.refused(404, "NOT_FOUND");
    let (acting, begun) = begin(app, &root, json!({"user_id": ann.id})).await;
    let revoke = app.client().request(reqwest::Method::POST, "/auth/revoke");
    let revoke = revoke.header("content-type", "application/x-www-form-urlencoded");
    revoke.body(format!("token={}", text(&begun["access_token"]))).send().await.expect(200);
    ended(acting.get("/api/user").await);
    let (acting, _) = begin(app, &root, json!({"user_id": ann.id})).await;
    app.advance(TimeDelta::minutes(16));
    acting.get("/api/user").await.refused_as(401, "TOKEN_EXPIRED", "token_expired");
    // With the ownership of who acts, and with their session.
    let root = app.again(&root).await;
    let second = app.sign_up("second@example.com").await;
    app.by(&root).post("/api/platform/owners", json!({"user_id": second.id})).await.ok();
    let (acting, _) = begin(app, &second, json!({"user_id": ann.id})).await;
    acting.get("/api/user").await.ok();
    app.by(&root).delete(&format!("/api/platform/owners/{}", second.id)).await.ok();
    ended(acting.get("/api/user").await);
    let (acting, _) = begin(app, &root, json!({"user_id": ann.id})).await;
    app.by(&root).post_empty("/api/auth/logout").await.expect(200);
    ended(acting.get("/api/user").await);
    let log = app.by(&ann).get("/api/organizations/acme/audit-log?action=user.impersonation_ended").await;
    assert!(log.status == 200 || log.status == 401, "{log:?}");
});

both!(nobody_acts_as_a_platform_owner, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let impersonate = async |by: &User, body| app.by(by).post("/api/platform/impersonate", body).await;
    impersonate(&root, json!({"user_id": root.id})).await.refused_as(403, "FORBIDDEN", "platform_owner");
    impersonate(&ann, json!({"user_id": ann.id})).await.refused_as(403, "FORBIDDEN", "platform_owner_required");
    impersonate(&root, json!({})).await.invalid(&["user_id"]);
    impersonate(&root, json!({"user_id": "usr_00000000000000000000000000000000"})).await.refused(404, "NOT_FOUND");
    impersonate(&root, json!({"user_id": ann.id, "reason": "x".repeat(501)})).await.invalid(&["reason"]);
    // Whoever becomes one is not acted as any more.
    let (acting, _) = begin(app, &root, json!({"user_id": ann.id})).await;
    acting.get("/api/user").await.ok();
    app.by(&root).post("/api/platform/owners", json!({"user_id": ann.id})).await.ok();
    acting.get("/api/user").await.refused_as(401, "UNAUTHORIZED", "session_ended");
});

both!(nobody_acts_as_many_at_once, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let begun = futures::future::join_all((0..24).map(|_| {
        let by = app.by(&root);
        let body = json!({"user_id": ann.id});
        async move { by.post("/api/platform/impersonate", body).await.status }
    }))
    .await;
    assert_eq!(begun.iter().filter(|status| **status == 200).count(), 20, "{begun:?}");
    app.by(&root).post("/api/platform/impersonate", json!({"user_id": ann.id})).await.refused_as(
        400,
        "BAD_REQUEST",
        "impersonation_limit",
    );
});
