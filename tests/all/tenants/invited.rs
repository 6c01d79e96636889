//! T19: an invitation ends when it says, works once, and is worth no more than its inviter is when it is accepted.

use chrono::TimeDelta;
use serde_json::json;
use tenantry_tests::{Org, TestApp, User, both};

use super::{accept, counters_are_right, give, role_of};

/// Ann's organization with seats for everybody; Bob has a role that may invite to `small`; Cy is invited to it by Bob.
async fn invited_by_bob(app: &TestApp) -> (User, Org, User, User, String) {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "people", &["org.members.manage", "org.roles.manage", "webhooks.manage"]).await;
    app.role(&ann, "acme", "small", &["webhooks.manage"]).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "people").await;
    let cy = app.sign_up("cy@example.com").await;
    let (_, token) = app.invite(&bob, "acme", "cy@example.com", "small").await;
    (ann, org, bob, cy, token)
}

async fn role_id(app: &TestApp, by: &User, org: &Org, slug: &str) -> String {
    let roles = app.by(by).get(&org.at("roles")).await.ok();
    let role = roles.as_array().unwrap().iter().find(|role| role["slug"] == slug).unwrap();
    tenantry_tests::text(&role["id"])
}

both!(t19_it_works_to_the_last_microsecond_and_not_one_more, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    let (bob, cy) = (app.sign_up("bob@example.com").await, app.sign_up("cy@example.com").await);
    let (_, early) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    let (id, late) = app.invite(&ann, "acme", "cy@example.com", "member").await;
    app.advance(TimeDelta::days(7) - TimeDelta::microseconds(1));
    let (bob, cy) = (app.again(&bob).await, app.again(&cy).await);
    assert_eq!(app.by(&cy).get("/api/invitations").await.ok()[0]["id"], json!(id));
    accept(app, &bob, &early).await.done();
    app.advance(TimeDelta::microseconds(1));
    // Nobody has swept: the comparison is made at use.
    accept(app, &cy, &late).await.refused_as(400, "INVITATION_EXPIRED", "invitation_expired");
    app.by(&cy).post_empty(&format!("/api/invitations/{id}/accept")).await.refused(400, "INVITATION_EXPIRED");
    let ann = app.again(&ann).await;
    app.by(&ann).post_empty(&format!("/api/organizations/acme/invitations/{id}/accept")).await.refused(400, "INVITATION_EXPIRED");
    assert_eq!(app.by(&cy).get("/api/invitations").await.ok(), json!([]));
    assert_eq!(role_of(app, "acme", "cy@example.com").await, "");
    // Sweeping does not bring it back, nor does another clock.
    app.run_jobs().await;
    let answer = accept(app, &cy, &late).await;
    assert!(matches!(answer.status, 400 | 404), "{answer}");
});

both!(t19_each_end_is_final, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.sign_up("bob@example.com").await;
    let dead = async |id: &str, token: &str| {
        accept(app, &bob, token).await.refused(404, "NOT_FOUND");
        for verb in ["accept", "decline"] {
            app.by(&bob).post_empty(&format!("/api/invitations/{id}/{verb}")).await.refused(404, "NOT_FOUND");
        }
        app.client().post("/api/invitations/decline", json!({"token": token})).await.refused(404, "NOT_FOUND");
        app.by(&ann).post_empty(&org.at(&format!("invitations/{id}"))).await.refused(404, "NOT_FOUND");
        app.by(&ann).post_empty(&org.at(&format!("invitations/{id}/accept"))).await.refused(404, "NOT_FOUND");
    };
    let (id, token) = app.invite(&ann, "acme", "bob@example.com", "admin").await;
    app.by(&ann).post_empty(&org.at(&format!("invitations/{id}"))).await.done();
    dead(&id, &token).await;
    let (id, token) = app.invite(&ann, "acme", "bob@example.com", "admin").await;
    app.client().post("/api/invitations/decline", json!({"token": token})).await.done();
    dead(&id, &token).await;
    assert_eq!(role_of(app, "acme", "bob@example.com").await, "");
    let (id, token) = app.invite(&ann, "acme", "bob@example.com", "admin").await;
    accept(app, &bob, &token).await.done();
    dead(&id, &token).await;
    // Accepting once more does not give back what was taken meanwhile.
    give(app, &ann, &org, &bob, "member").await.ok();
    dead(&id, &token).await;
    assert_eq!(role_of(app, "acme", "bob@example.com").await, "member");
    app.by(&ann).delete(&org.at(&format!("members/{}", bob.id))).await.done();
    dead(&id, &token).await;
    assert_eq!(role_of(app, "acme", "bob@example.com").await, "");
    assert!(counters_are_right(app).await);
});

both!(t19_an_inviter_who_still_may_gives_the_role, async |app| {
    let (_, _, _, cy, token) = invited_by_bob(app).await;
    accept(app, &cy, &token).await.done();
    assert_eq!(role_of(app, "acme", "cy@example.com").await, "small");
});

both!(t19_a_demoted_inviter_gives_a_plain_membership, async |app| {
    let (ann, org, bob, cy, token) = invited_by_bob(app).await;
    give(app, &ann, &org, &bob, "small").await.ok();
    accept(app, &cy, &token).await.done();
    assert_eq!(role_of(app, "acme", "cy@example.com").await, "member");
});

both!(t19_a_removed_inviter_gives_a_plain_membership, async |app| {
    let (ann, org, bob, cy, token) = invited_by_bob(app).await;
    app.by(&ann).delete(&org.at(&format!("members/{}", bob.id))).await.done();
    let answer = accept(app, &cy, &token).await;
    assert!(matches!(answer.status, 200 | 404), "{answer}");
    let role = role_of(app, "acme", "cy@example.com").await;
    assert!(role.is_empty() || role == "member", "{role}");
});

both!(t19_an_inviter_whose_role_shrank_gives_a_plain_membership, async |app| {
    let (ann, org, _, cy, token) = invited_by_bob(app).await;
    let people = role_id(app, &ann, &org, "people").await;
    app.by(&ann)
        .put(&org.at(&format!("roles/{people}")), json!({"permissions": ["org.members.manage", "org.roles.manage"]}))
        .await
        .ok();
    accept(app, &cy, &token).await.done();
    assert_eq!(role_of(app, "acme", "cy@example.com").await, "member");
});

both!(t19_a_role_that_grew_after_sending_is_not_given_by_who_lacks_it, async |app| {
    let (ann, org, _, cy, token) = invited_by_bob(app).await;
    let small = role_id(app, &ann, &org, "small").await;
    app.by(&ann)
        .put(&org.at(&format!("roles/{small}")), json!({"permissions": ["webhooks.manage", "billing.manage"]}))
        .await
        .ok();
    accept(app, &cy, &token).await.done();
    assert_eq!(role_of(app, "acme", "cy@example.com").await, "member");
});

both!(t19_a_role_that_is_gone_gives_a_plain_membership, async |app| {
    let (ann, org, _, cy, token) = invited_by_bob(app).await;
    let small = role_id(app, &ann, &org, "small").await;
    // Through the API it stays while an invitation waits for it; whatever happens, no membership may name a role that is not there.
    app.by(&ann).delete(&org.at(&format!("roles/{small}"))).await.refused_as(400, "BAD_REQUEST", "role_in_use");
    app.execute("delete from roles where slug = 'small'").await;
    accept(app, &cy, &token).await.done();
    assert_eq!(role_of(app, "acme", "cy@example.com").await, "member");
    app.role(&ann, "acme", "small", &["billing.manage"]).await;
    assert_eq!(role_of(app, "acme", "cy@example.com").await, "member", "nor does one of that name that comes later");
});
