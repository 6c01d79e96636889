//! T22: a suspended organization is closed to everybody in it at once, and open again as it was.

use serde_json::json;
use tenantry_tests::{Expected, PASSWORD, answers, both, refused, text};

use super::{
    accept, counters_are_right,
    endings::{ROUTES, select},
    refresh, role_of,
};

/// What everybody is answered who would otherwise be let in.
const CLOSED: Expected<'_> = refused(403, "ORGANIZATION_NOT_ACTIVE");

both!(t22_suspension_closes_everything_at_once_and_ending_it_opens_it_again, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    app.invite_and_join(&ann, "other", &bob, "admin").await;
    let cy = app.sign_up("cy@example.com").await;
    let (id, invitation) = app.invite(&ann, "acme", "cy@example.com", "admin").await;
    let (here, there) = (select(app, &bob, &acme).await, select(app, &bob, &other).await);
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/suspend", acme.id)).await.ok();
    for token in [&ann.access, &acme.access, &bob.access, &here.access, &there.access] {
        let by = app.client().bearer(token);
        for route in ROUTES {
            by.get(&format!("{}{route}", acme.path)).await.refused_as(403, "ORGANIZATION_NOT_ACTIVE", "organization_not_active");
        }
        answers! {
            "selecting": by.post_empty(&acme.at("select")) => CLOSED,
            "changing": by.patch(&acme.path, json!({"name": "Open after all"})) => CLOSED,
            "inviting": by.post(&acme.at("invitations"), json!({"email": "di@example.com", "role": "member"})) => CLOSED,
            "adding": by.post_empty(&acme.at(&format!("invitations/{id}/accept"))) => CLOSED,
            "handing over": by.post(&acme.at("transfer-ownership"), json!({"new_owner_email": "bob@example.com"})) => CLOSED,
            "deleting": by.delete(&acme.path) => CLOSED,
        }
    }
    for token in [&here.refresh, &acme.refresh] {
        let answer = refresh(app, token).await;
        assert!(matches!(answer.status, 401 | 403), "{answer}");
    }
    let login = json!({"email": "bob@example.com", "password": PASSWORD, "org_slug": "acme"});
    answers! {
        "signing in to it": app.client().post("/api/auth/login", login.clone()) => CLOSED,
        "accepting by the mailed token": accept(app, &cy, &invitation) => CLOSED,
        "accepting by id": app.by(&cy).post_empty(&format!("/api/invitations/{id}/accept")) => CLOSED,
        "a stranger is not told": app.by(&cy).get(&acme.path) => refused_as(403, "FORBIDDEN", "not_a_member"),
    }
    assert_eq!(role_of(app, "acme", "cy@example.com").await, "");
    // The people and their other organization are not concerned.
    answers! {
        "a member's profile": app.by(&bob).get("/api/user") => Ok,
        "their other organization": app.client().bearer(&there.access).get(&other.at("webhooks")) => Ok,
        "its tokens": refresh(app, &there.refresh) => Ok,
        "the platform's tokens": refresh(app, &bob.refresh) => Ok,
    }
    app.again(&bob).await;
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/activate", acme.id)).await.ok();
    // As it was: roles, sessions, and the invitation that waited.
    app.client().bearer(&here.access).get(&acme.at("webhooks")).await.ok();
    let renewed = refresh(app, &here.refresh).await.ok();
    app.client().bearer(&text(&renewed["access_token"])).get(&acme.at("webhooks")).await.ok();
    app.client().post("/api/auth/login", login).await.ok();
    accept(app, &cy, &invitation).await.done();
    assert_eq!(role_of(app, "acme", "cy@example.com").await, "admin");
    assert_eq!(role_of(app, "acme", "ann@example.com").await, "owner");
    assert!(counters_are_right(app).await);
});

both!(t22_a_platform_owner_is_looked_up_at_every_request, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    app.create_org(&ann, "acme").await;
    let dee = app.sign_up("dee@example.com").await;
    app.by(&dee).get("/api/platform/organizations").await.refused(403, "FORBIDDEN");
    app.by(&root).post("/api/platform/owners", json!({"user_id": dee.id})).await.ok();
    // The token that was made before counts at once, and one that says so counts no longer.
    app.by(&dee).get("/api/platform/organizations").await.ok();
    let promoted = app.again(&dee).await;
    let scoped = app
        .client()
        .post("/api/auth/login", json!({"email": "dee@example.com", "password": PASSWORD, "org_slug": "acme"}))
        .await
        .ok();
    app.by(&root).delete(&format!("/api/platform/owners/{}", dee.id)).await.ok();
    for token in [&promoted.access, &text(&scoped["access_token"])] {
        let by = app.client().bearer(token);
        by.get("/api/platform/organizations").await.refused(403, "FORBIDDEN");
        by.get("/api/organizations/acme").await.refused(403, "FORBIDDEN");
    }
    refresh(app, &text(&scoped["refresh_token"])).await.refused(401, "UNAUTHORIZED");
    let renewed = refresh(app, &promoted.refresh).await.ok();
    app.client().bearer(&text(&renewed["access_token"])).get("/api/platform/organizations").await.refused(403, "FORBIDDEN");
});
