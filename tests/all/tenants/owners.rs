//! T21: an organization has an owner, whoever tries to take them away.

use serde_json::json;
use tenantry_tests::{answers, both, text};

use super::{accept, counters_are_right, give, role_of};

both!(t21_the_last_owner_cannot_go, async |app| {
    let (ann, cy) = (app.sign_up("ann@example.com").await, app.sign_up("cy@example.com").await);
    let org = app.create_org(&ann, "acme").await;
    let other = app.create_org(&cy, "other").await;
    let admin = app.member(&ann, "acme", "admin@example.com", "admin").await;
    let hand_to = async |email: &str| app.by(&ann).post(&org.at("transfer-ownership"), json!({"new_owner_email": email})).await;
    let themselves = org.at(&format!("members/{}", ann.id));
    answers! {
        "handing over to oneself": hand_to("ann@example.com") => refused_as(400, "BAD_REQUEST", "transfer_to_self"),
        "in other letters": hand_to("ANN@example.com") => refused_as(400, "BAD_REQUEST", "transfer_to_self"),
        "with blanks": hand_to(" ann@example.com ") => refused_as(400, "BAD_REQUEST", "transfer_to_self"),
        "by giving the role": give(app, &ann, &org, &ann, "owner") => refused_as(400, "BAD_REQUEST", "transfer_to_self"),
        "becoming an admin": give(app, &ann, &org, &ann, "admin") => refused(400, "BAD_REQUEST"),
        "becoming a member": give(app, &ann, &org, &ann, "member") => refused(400, "BAD_REQUEST"),
        "becoming what is no role": give(app, &ann, &org, &ann, "no-such-role") => refused(400, "BAD_REQUEST"),
        "removing oneself by POST": app.by(&ann).post_empty(&themselves) => refused_as(400, "BAD_REQUEST", "own_membership"),
        "leaving": app.by(&ann).delete(&themselves) => refused_as(400, "BAD_REQUEST", "last_owner"),
    }
    // To strangers: somebody without an account, of another organization, invited but not here yet, and by id.
    app.invite(&ann, "acme", "invited@example.com", "admin").await;
    answers! {
        "to nobody": hand_to("nobody@example.com") => Invalid(&["new_owner_email"]),
        "to a member of another organization": hand_to("cy@example.com") => Invalid(&["new_owner_email"]),
        "to somebody invited": hand_to("invited@example.com") => Invalid(&["new_owner_email"]),
        "to a stranger by id": give(app, &ann, &org, &cy, "owner") => refused(404, "NOT_FOUND"),
        "removed by an admin": app.by(&admin).delete(&themselves) => refused(403, "FORBIDDEN"),
    }
    assert_eq!(role_of(app, "acme", "ann@example.com").await, "owner");
    assert!(counters_are_right(app).await);
    // An owner of another organization's managed namesake is not meant either.
    let (id, _) = app.invite(&cy, "other", "admin@example.com", "member").await;
    app.by(&cy).post_empty(&other.at(&format!("invitations/{id}/accept"))).await.done();
    assert_eq!(text(&hand_to("admin@example.com").await.ok()["user"]["id"]), admin.id);
    assert_eq!(
        (role_of(app, "acme", "ann@example.com").await, role_of(app, "acme", "admin@example.com").await),
        ("admin".into(), "owner".into())
    );
    assert_eq!(role_of(app, "other", "admin@example.com").await, "member");
    hand_to("ann@example.com").await.refused(403, "FORBIDDEN");
    app.by(&admin).delete(&themselves).await.done();
    assert!(counters_are_right(app).await);
});

both!(t21_the_database_itself_keeps_an_owner, async |app| {
    use sea_orm::ConnectionTrait as _;
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    let refused = app.connection().await.execute_unprepared("update org_counters set owners = owners - 1").await;
    assert!(refused.is_err(), "org_keeps_an_owner");
});

both!(t21_the_counters_say_what_the_rows_say_after_any_mix, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    app.more_seats(&root, &acme).await;
    let mut people = Vec::new();
    for n in 0..4 {
        people.push(app.member(&ann, "acme", &format!("p{n}@example.com"), if n % 2 == 0 { "admin" } else { "member" }).await);
        assert!(counters_are_right(app).await);
    }
    let path = |n: usize| acme.at(&format!("members/{}", people[n].id));
    // Refused and accepted calls in turns; each leaves the numbers right.
    app.by(&ann).delete(&path(3)).await.done();
    app.by(&ann).delete(&path(3)).await.refused(404, "NOT_FOUND");
    app.by(&people[0]).delete(&path(2)).await.refused(403, "FORBIDDEN");
    assert!(counters_are_right(app).await);
    app.by(&ann).post(&acme.at("transfer-ownership"), json!({"new_owner_email": "p0@example.com"})).await.ok();
    app.by(&ann).delete(&path(0)).await.refused(403, "FORBIDDEN");
    app.by(&people[0]).delete(&path(2)).await.done();
    assert!(counters_are_right(app).await);
    let (id, token) = app.invite(&people[0], "acme", "p3@example.com", "admin").await;
    accept(app, &people[3], &token).await.done();
    accept(app, &people[3], &token).await.refused(404, "NOT_FOUND");
    app.by(&ann).post_empty(&acme.at(&format!("invitations/{id}/accept"))).await.refused(404, "NOT_FOUND");
    assert!(counters_are_right(app).await);
    let (managed, _) = app.invite(&ann, "acme", "managed@example.com", "member").await;
    app.by(&ann).post_empty(&acme.at(&format!("invitations/{managed}/accept"))).await.done();
    let (again, _) = app.invite(&ann, "acme", "p2@example.com", "member").await;
    app.by(&people[2]).post_empty(&format!("/api/invitations/{again}/decline")).await.done();
    give(app, &people[0], &acme, &people[1], "owner").await.ok();
    give(app, &people[1], &acme, &people[0], "member").await.ok();
    assert!(counters_are_right(app).await);
    app.by(&ann).delete(&other.path).await.done();
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/suspend", acme.id)).await.ok();
    app.by(&people[1]).delete(&path(0)).await.refused(403, "ORGANIZATION_NOT_ACTIVE");
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/activate", acme.id)).await.ok();
    app.by(&people[1]).delete(&path(0)).await.done();
    app.worker().await;
    app.run_jobs().await;
    assert!(counters_are_right(app).await);
    let list = app.by(&people[1]).get(&acme.at("members")).await.ok();
    assert_eq!((&list["total"], &list["limit"]["current"]), (&json!(4), &json!(4)), "p1, ann, p3 and the managed one");
});
