//! T18: an invitation is for the one who reads its mailbox. An organization that makes an account for that address does not.

use serde_json::json;
use tenantry_tests::{Client, PASSWORD, TestApp, User, both, text};

use super::{accept, role_of, state};

/// Mallory's organization makes an account of its own for an address, which then signs in. (Mallory could not even read the mail that
/// sets its password; here she can.)
async fn managed_account(app: &TestApp, mallory: &User, email: &str) -> Client {
    let (id, _) = app.invite(mallory, "evil", email, "admin").await;
    app.by(mallory).post_empty(&format!("/api/organizations/evil/invitations/{id}/accept")).await.done();
    app.client().post("/api/auth/forgot-password", json!({"email": email, "org_slug": "evil"})).await.ok();
    app.worker().await;
    let token = app.mailed_token(email, "reset-password");
    app.client().post("/api/auth/reset-password", json!({"token": token, "new_password": "mallory's sentence"})).await.ok();
    let login = json!({"email": email, "password": "mallory's sentence", "org_slug": "evil"});
    let tokens = app.client().post("/api/auth/login", login).await.ok();
    app.client().bearer(&text(&tokens["access_token"]))
}

both!(t18_an_account_made_by_another_organization_is_not_the_invited_person, async |app| {
    let (ann, mallory) = (app.sign_up("ann@example.com").await, app.sign_up("mallory@example.com").await);
    let (acme, _) = (app.create_org(&ann, "acme").await, app.create_org(&mallory, "evil").await);
    let (id, token) = app.invite(&ann, "acme", "victim@example.com", "admin").await;
    let managed = managed_account(app, &mallory, "victim@example.com").await;
    let before = state(app).await;
    assert_eq!(managed.get("/api/invitations").await.ok(), json!([]), "not even to be seen");
    managed.post("/api/invitations/accept", json!({"token": token})).await.refused_as(403, "FORBIDDEN", "other_address");
    for verb in ["accept", "decline"] {
        managed.post_empty(&format!("/api/invitations/{id}/{verb}")).await.refused_as(403, "FORBIDDEN", "other_address");
    }
    managed.post("/api/organizations", json!({"slug": "mine", "name": "Mine"})).await.refused_as(
        403,
        "FORBIDDEN",
        "managed_account",
    );
    managed.patch("/api/user", json!({"email": "ann@example.com"})).await.refused_as(403, "FORBIDDEN", "managed_account");
    managed.get(&acme.path).await.refused_as(403, "FORBIDDEN", "not_a_member");
    managed.post_empty(&acme.at("select")).await.refused(403, "FORBIDDEN");
    for org in [json!(null), json!("acme")] {
        let login = json!({"email": "victim@example.com", "password": "mallory's sentence", "org_slug": org});
        app.client().post("/api/auth/login", login).await.refused_as(401, "UNAUTHORIZED", "invalid_credentials");
    }
    let changed: Vec<_> =
        state(app).await.into_iter().filter(|row| !row.starts_with("events: ") && !before.contains(row)).collect();
    assert!(changed.is_empty(), "{changed:?}");
    // The person comes, and everything of theirs is there.
    let victim = app.sign_up("victim@example.com").await;
    assert_eq!(app.by(&victim).get("/api/invitations").await.ok()[0]["id"], json!(id));
    accept(app, &victim, &token).await.done();
    assert_eq!(role_of(app, "acme", "victim@example.com").await, "admin");
    managed.get(&acme.path).await.refused(403, "FORBIDDEN");
    app.by(&victim).get("/api/organizations/evil").await.refused(403, "FORBIDDEN");
});

both!(t18_passwords_of_the_two_accounts_are_two, async |app| {
    let mallory = app.sign_up("mallory@example.com").await;
    let victim = app.sign_up("victim@example.com").await;
    app.create_org(&mallory, "evil").await;
    let managed = managed_account(app, &mallory, "victim@example.com").await;
    app.by(&victim).get("/api/user").await.ok();
    app.again(&victim).await;
    let crossed = json!({"email": "victim@example.com", "password": "mallory's sentence"});
    app.client().post("/api/auth/login", crossed).await.refused(401, "UNAUTHORIZED");
    // A reset of the platform account neither sets the other's password nor ends its sessions.
    app.client().post("/api/auth/forgot-password", json!({"email": "victim@example.com"})).await.ok();
    app.advance(chrono::TimeDelta::seconds(1));
    app.worker().await;
    let token = app.mailed_token("victim@example.com", "reset-password");
    app.client().post("/api/auth/reset-password", json!({"token": token, "new_password": "the victim's new one"})).await.ok();
    app.by(&victim).get("/api/user").await.refused(401, "UNAUTHORIZED");
    managed.get("/api/user").await.ok();
    app.login("victim@example.com", "the victim's new one").await;
    let crossed = json!({"email": "victim@example.com", "password": "the victim's new one", "org_slug": "evil"});
    app.client().post("/api/auth/login", crossed).await.refused(401, "UNAUTHORIZED");
});

both!(t18_an_account_without_a_password_is_nobodys_to_enter, async |app| {
    let mallory = app.sign_up("mallory@example.com").await;
    app.create_org(&mallory, "evil").await;
    let (id, _) = app.invite(&mallory, "evil", "victim@example.com", "admin").await;
    app.by(&mallory).post_empty(&format!("/api/organizations/evil/invitations/{id}/accept")).await.done();
    for password in [" ", PASSWORD, "null", "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA"] {
        for org in [json!(null), json!("evil")] {
            let login = json!({"email": "victim@example.com", "password": password, "org_slug": org});
            app.client().post("/api/auth/login", login).await.refused_as(401, "UNAUTHORIZED", "invalid_credentials");
        }
    }
    let empty = json!({"email": "victim@example.com", "password": "", "org_slug": "evil"});
    assert!(matches!(app.client().post("/api/auth/login", empty).await.status, 400 | 401));
    // A sign-up for the address is the platform's, and gives no way into the organization.
    let victim = app.sign_up("victim@example.com").await;
    app.by(&victim).get("/api/organizations/evil").await.refused(403, "FORBIDDEN");
});

both!(t18_a_wrong_address_is_refused_however_it_is_written, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    let (id, token) = app.invite(&ann, "acme", "Bob@Example.com", "admin").await;
    let before = state(app).await;
    for near in ["bob@example.com.evil.example", "bob+x@example.com", "b.ob@example.com", "bob@exarnple.com"] {
        let near = app.sign_up(near).await;
        accept(app, &near, &token).await.refused_as(403, "FORBIDDEN", "other_address");
        app.by(&near).post_empty(&format!("/api/invitations/{id}/accept")).await.refused_as(403, "FORBIDDEN", "other_address");
        app.by(&near).post_empty(&format!("/api/invitations/{id}/decline")).await.refused_as(403, "FORBIDDEN", "other_address");
        assert_eq!(app.by(&near).get("/api/invitations").await.ok(), json!([]));
        // Wanting the address is not having it.
        app.by(&near).patch("/api/user", json!({"email": "bob@example.com"})).await.ok();
        accept(app, &near, &token).await.refused_as(403, "FORBIDDEN", "other_address");
    }
    assert_eq!(role_of(app, "acme", "bob@example.com").await, "");
    let invitations = |rows: Vec<String>| rows.into_iter().filter(|row| row.starts_with("invitations: ")).collect::<Vec<_>>();
    assert_eq!(invitations(state(app).await), invitations(before));
    let bob = app.sign_up("bob@example.com").await;
    accept(app, &bob, &token).await.done();
    assert_eq!(role_of(app, "acme", "bob@example.com").await, "admin");
});
