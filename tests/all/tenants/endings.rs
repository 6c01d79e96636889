//! T22: what ends, ends at once and everywhere; what does not, goes on.

use chrono::TimeDelta;
use serde_json::json;
use tenantry_tests::{Org, PASSWORD, TestApp, User, both, text};

use super::{accept, refresh, role_of};

const NEW: &str = "another long sentence";

/// An access token and its refresh token.
pub(super) struct Pair {
    pub(super) access: String,
    pub(super) refresh: String,
}

pub(super) async fn select(app: &TestApp, by: &User, org: &Org) -> Pair {
    let selected = app.by(by).post_empty(&org.at("select")).await.ok();
    Pair { access: text(&selected["access_token"]), refresh: text(&selected["refresh_token"]) }
}

async fn lives(app: &TestApp, access: &str, refresh_token: &str) {
    app.client().bearer(access).get("/api/user").await.ok();
    refresh(app, refresh_token).await.ok();
}

async fn is_dead(app: &TestApp, access: &str, refresh_token: &str) {
    app.client().bearer(access).get("/api/user").await.refused(401, "UNAUTHORIZED");
    refresh(app, refresh_token).await.refused(401, "UNAUTHORIZED");
}

/// Every route of an organization that a member or admin could use.
pub(super) const ROUTES: &[&str] =
    &["", "/members", "/invitations", "/roles", "/webhooks", "/audit-log", "/audit-log/event-types"];

both!(t22_removal_ends_all_access_to_this_organization_alone, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    app.invite_and_join(&ann, "acme", &bob, "admin").await;
    app.invite_and_join(&ann, "other", &bob, "admin").await;
    let phone = app.again(&bob).await;
    let (here, also_here, there) =
        (select(app, &bob, &acme).await, select(app, &phone, &acme).await, select(app, &bob, &other).await);
    app.by(&ann).delete(&acme.at(&format!("members/{}", bob.id))).await.done();
    for token in [&bob.access, &phone.access, &there.access] {
        for route in ROUTES {
            app.client().bearer(token).get(&format!("{}{route}", acme.path)).await.refused_as(403, "FORBIDDEN", "not_a_member");
        }
        app.client().bearer(token).post_empty(&acme.at("select")).await.refused(403, "FORBIDDEN");
        app.client().bearer(token).patch(&acme.path, json!({"name": "Still mine"})).await.refused(403, "FORBIDDEN");
    }
    is_dead(app, &here.access, &here.refresh).await;
    is_dead(app, &also_here.access, &also_here.refresh).await;
    let login = json!({"email": "bob@example.com", "password": PASSWORD, "org_slug": "acme"});
    app.client().post("/api/auth/login", login).await.refused_as(403, "FORBIDDEN", "no_access");
    let mine = app.by(&bob).get("/api/organizations").await.ok();
    assert_eq!((mine.as_array().unwrap().len(), &mine[0]["organization"]["slug"]), (1, &json!("other")));
    app.client().bearer(&there.access).get(&other.at("webhooks")).await.ok();
    lives(app, &there.access, &there.refresh).await;
    lives(app, &bob.access, &bob.refresh).await;
    lives(app, &phone.access, &phone.refresh).await;
    // Coming back is a new membership; the old tokens stay dead.
    app.invite_and_join(&ann, "acme", &bob, "member").await;
    is_dead(app, &here.access, &here.refresh).await;
    app.by(&bob).get(&acme.path).await.ok();
    app.by(&bob).get(&acme.at("webhooks")).await.refused(403, "FORBIDDEN");
});

both!(t22_removal_ends_invitations_to_the_removed_address, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    // Bob keeps a way back: he has his next address invited, and takes that address.
    let (id, back) = app.invite(&bob, "acme", "bob2@example.com", "admin").await;
    let (_, elsewhere) = app.invite(&ann, "other", "bob2@example.com", "member").await;
    app.by(&bob).patch("/api/user", json!({"email": "bob2@example.com"})).await.ok();
    app.worker().await;
    app.client()
        .post("/api/user/confirm-email", json!({"token": app.mailed_token("bob2@example.com", "change-email")}))
        .await
        .ok();
    app.by(&ann).delete(&acme.at(&format!("members/{}", bob.id))).await.done();
    accept(app, &bob, &back).await.refused(404, "NOT_FOUND");
    app.by(&bob).post_empty(&format!("/api/invitations/{id}/accept")).await.refused(404, "NOT_FOUND");
    assert_eq!(role_of(app, "acme", "bob2@example.com").await, "");
    let listed = app.by(&ann).get(&acme.at("invitations?status=pending")).await.ok();
    assert_eq!(listed, json!([]));
    let waiting = app.by(&bob).get("/api/invitations").await.ok();
    assert_eq!(
        (waiting.as_array().unwrap().len(), &waiting[0]["organization_slug"]),
        (1, &json!("other")),
        "only the other organization's"
    );
    accept(app, &bob, &elsewhere).await.done();
    app.by(&bob).get(&other.path).await.ok();
});

both!(t22_a_removed_managed_account_has_nowhere_to_sign_in, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let (id, _) = app.invite(&ann, "acme", "bob@example.com", "admin").await;
    app.by(&ann).post_empty(&org.at(&format!("invitations/{id}/accept"))).await.done();
    let forgot = json!({"email": "bob@example.com", "org_slug": "acme"});
    app.client().post("/api/auth/forgot-password", forgot.clone()).await.ok();
    app.worker().await;
    let token = app.mailed_token("bob@example.com", "reset-password");
    app.client().post("/api/auth/reset-password", json!({"token": token, "new_password": NEW})).await.ok();
    let login = json!({"email": "bob@example.com", "password": NEW, "org_slug": "acme"});
    let tokens = app.client().post("/api/auth/login", login.clone()).await.ok();
    let (access, refresh_token) = (text(&tokens["access_token"]), text(&tokens["refresh_token"]));
    let me = app.client().bearer(&access).get("/api/user").await.ok();
    app.by(&ann).delete(&org.at(&format!("members/{}", text(&me["id"])))).await.done();
    is_dead(app, &access, &refresh_token).await;
    let answer = app.client().post("/api/auth/login", login).await;
    assert!(matches!(answer.status, 401 | 403), "{answer}");
    let platform = json!({"email": "bob@example.com", "password": NEW});
    app.client().post("/api/auth/login", platform).await.refused(401, "UNAUTHORIZED");
});

both!(t22_deleting_an_organization_ends_everything_of_it, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    app.invite_and_join(&ann, "acme", &bob, "admin").await;
    app.invite_and_join(&ann, "other", &bob, "member").await;
    let cy = app.sign_up("cy@example.com").await;
    let (id, token) = app.invite(&bob, "acme", "cy@example.com", "admin").await;
    let (here, there) = (select(app, &bob, &acme).await, select(app, &bob, &other).await);
    app.by(&ann).delete(&acme.path).await.done();
    for by in [&ann, &bob, &cy] {
        for route in ROUTES {
            let answer = app.by(by).get(&format!("{}{route}", acme.path)).await;
            answer.refused(404, "NOT_FOUND");
        }
        app.by(by).post_empty(&acme.at("select")).await.refused(404, "NOT_FOUND");
    }
    for token in [&here.refresh, &acme.refresh] {
        refresh(app, token).await.refused(401, "UNAUTHORIZED");
    }
    assert_eq!(app.by(&cy).get("/api/invitations").await.ok(), json!([]));
    accept(app, &cy, &token).await.refused(404, "NOT_FOUND");
    app.by(&cy).post_empty(&format!("/api/invitations/{id}/accept")).await.refused(404, "NOT_FOUND");
    let login = json!({"email": "bob@example.com", "password": PASSWORD, "org_slug": "acme"});
    app.client().post("/api/auth/login", login).await.refused_as(403, "FORBIDDEN", "no_access");
    lives(app, &there.access, &there.refresh).await;
    lives(app, &other.access, &other.refresh).await;
    lives(app, &bob.access, &bob.refresh).await;
    app.by(&bob).get(&other.path).await.ok();
});

both!(t22_a_token_for_a_deleted_organization_is_dead_like_one_of_a_removed_member, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let here = select(app, &bob, &acme).await;
    app.by(&ann).delete(&acme.path).await.done();
    is_dead(app, &here.access, &here.refresh).await;
    is_dead(app, &acme.access, &acme.refresh).await;
    lives(app, &bob.access, &bob.refresh).await;
});

both!(t22_signing_out_ends_one_session_with_all_its_organizations, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    let phone = app.again(&ann).await;
    let (here, on_phone) = (select(app, &ann, &acme).await, select(app, &phone, &acme).await);
    // With the token of one organization: the session ends, not just that part of it.
    app.client().bearer(&here.access).post_empty("/api/auth/logout").await.ok();
    for (access, token) in [
        (&ann.access, &ann.refresh),
        (&here.access, &here.refresh),
        (&acme.access, &acme.refresh),
        (&other.access, &other.refresh),
    ] {
        is_dead(app, access, token).await;
    }
    lives(app, &phone.access, &phone.refresh).await;
    lives(app, &on_phone.access, &on_phone.refresh).await;
});

both!(t22_a_revoked_session_ends_with_all_its_organizations, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    app.advance(TimeDelta::seconds(1));
    let thief = app.again(&ann).await;
    let theirs = select(app, &thief, &acme).await;
    let list = app.by(&ann).get("/api/user/sessions").await.ok();
    let other = list.as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    app.by(&ann).delete(&format!("/api/user/sessions/{}", text(&other["id"]))).await.expect(204);
    is_dead(app, &thief.access, &thief.refresh).await;
    is_dead(app, &theirs.access, &theirs.refresh).await;
    let another = app.again(&ann).await;
    let theirs = select(app, &another, &acme).await;
    app.by(&ann).delete("/api/user/sessions").await.ok();
    is_dead(app, &another.access, &another.refresh).await;
    is_dead(app, &theirs.access, &theirs.refresh).await;
    lives(app, &acme.access, &acme.refresh).await;
    lives(app, &ann.access, &ann.refresh).await;
});

both!(t22_a_new_password_ends_what_the_old_one_opened, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let acme = app.create_org(&ann, "acme").await;
    let phone = app.again(&ann).await;
    let on_phone = select(app, &phone, &acme).await;
    let change = json!({"current_password": PASSWORD, "new_password": NEW});
    app.by(&ann).post("/api/user/change-password", change).await.ok();
    is_dead(app, &phone.access, &phone.refresh).await;
    is_dead(app, &on_phone.access, &on_phone.refresh).await;
    lives(app, &acme.access, &acme.refresh).await;
    app.by(&ann).get(&acme.path).await.ok();
    // A reset by the mailbox ends every session, for nobody knows who has them.
    app.client().post("/api/auth/forgot-password", json!({"email": "ann@example.com"})).await.ok();
    app.worker().await;
    let token = app.mailed_token("ann@example.com", "reset-password");
    app.client().post("/api/auth/reset-password", json!({"token": token, "new_password": "a third long sentence"})).await.ok();
    app.by(&ann).get(&acme.path).await.refused(401, "UNAUTHORIZED");
    is_dead(app, &ann.access, &ann.refresh).await;
    app.client().bearer(&acme.access).get("/api/user").await.refused(401, "UNAUTHORIZED");
    let ann = app.login("ann@example.com", "a third long sentence").await;
    app.by(&ann).get(&acme.path).await.ok();
});
