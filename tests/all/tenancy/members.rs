//! Members: the list and its seats, roles, removal, hand-over.

use futures::future::join_all;
use serde_json::{Value, json};
use tenantry_tests::{Org, User, answers, both, text};

use crate::core::shapes::{MEMBERSHIP, USER, has_exactly};

both!(the_list_shows_members_and_the_seat_limit, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let list = app.by(&bob).get(&org.at("members")).await.ok();
    has_exactly(&list, &["members", "total", "limit"]);
    assert_eq!(list["limit"], json!({"current": 2, "max": 3, "source": "free"}), "`limit` is the seat limit, not the page size");
    assert_eq!(list["total"], 2);
    let first = &list["members"][0];
    has_exactly(first, &["user", "membership"]);
    has_exactly(&first["user"], USER);
    has_exactly(&first["membership"], MEMBERSHIP);
    assert_eq!(
        (&first["user"]["email"], &list["members"][1]["user"]["email"]),
        (&json!("ann@example.com"), &json!("bob@example.com"))
    );
    let admins = app.by(&ann).get(&org.at("members?role=owner")).await.ok();
    assert_eq!(
        (&admins["total"], &admins["limit"]["current"]),
        (&json!(1), &json!(2)),
        "the total follows the filter, the seats do not"
    );
    assert_eq!(app.by(&ann).get(&org.at("members?role=nobody")).await.ok()["total"], 0);
    let page = app.by(&ann).get(&org.at("members?page=2&limit=1")).await.ok();
    assert_eq!((page["members"].as_array().unwrap().len(), &page["members"][0]["user"]["id"]), (1, &json!(bob.id)));
    assert_eq!(
        (page["total"].clone(), app.by(&ann).get(&org.at("members?page=0")).await.ok()["members"].as_array().unwrap().len()),
        (json!(2), 2)
    );
});

both!(adding_is_two_posts_and_makes_a_managed_account, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let platform_bob = app.sign_up("bob@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let first = app.by(&ann).post(&org.at("invitations"), json!({"email": "bob@example.com", "role": "member"})).await.ok();
    let id = text(&first["invitation"]["id"]);
    app.by(&ann).post_empty(&org.at(&format!("invitations/{id}/accept"))).await.done();
    let members = app.by(&ann).get(&org.at("members?role=member")).await.ok();
    let added = &members["members"][0]["user"];
    assert_eq!(
        (&added["email"], &added["org_id"]),
        (&json!("bob@example.com"), &json!(org.id)),
        "an account of the organization's own"
    );
    assert_ne!(added["id"], json!(platform_bob.id), "a platform account of the same address is not touched");
    app.by(&platform_bob).get(&org.path).await.refused(403, "FORBIDDEN");
    app.by(&ann).post_empty(&org.at(&format!("invitations/{id}/accept"))).await.refused(404, "NOT_FOUND");
    // Whoever reads that mailbox can set a password and sign in, to this organization only.
    app.client().post("/api/auth/forgot-password", json!({"email": "bob@example.com", "org_slug": "acme"})).await.ok();
    app.worker().await;
    let token = app.mailed_token("bob@example.com", "reset-password");
    app.client().post("/api/auth/reset-password", json!({"token": token, "new_password": "the managed password"})).await.ok();
    let login = json!({"email": "bob@example.com", "password": "the managed password", "org_slug": "acme"});
    let tokens = app.client().post("/api/auth/login", login).await.ok();
    let managed = app.client().bearer(&text(&tokens["access_token"]));
    assert_eq!(managed.get("/api/user").await.ok()["id"], added["id"]);
    managed.get(&org.path).await.ok();
    managed.post("/api/organizations", json!({"slug": "mine", "name": "Mine"})).await.refused_as(
        403,
        "FORBIDDEN",
        "managed_account",
    );
    app.by(&platform_bob).get("/api/user").await.ok();
    app.again(&platform_bob).await;
});

both!(seats_run_out, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.member(&ann, "acme", "bob@example.com", "member").await;
    // One seat is left of three; two want it at the same moment.
    let mut waiting = Vec::new();
    for email in ["cy@example.com", "di@example.com"] {
        let user = app.sign_up(email).await;
        waiting.push((app.invite(&ann, "acme", email, "member").await.1, user));
    }
    let accepted = join_all(
        waiting
            .iter()
            .map(|(token, user)| async move { app.by(user).post("/api/invitations/accept", json!({"token": token})).await }),
    )
    .await;
    let (taken, refused): (Vec<_>, Vec<_>) = accepted.into_iter().partition(|answer| answer.status == 200);
    assert_eq!((taken.len(), refused.len()), (1, 1));
    refused.into_iter().for_each(|answer| answer.refused_as(400, "TEAM_LIMIT_EXCEEDED", "seat_limit"));
    let (id, _) = app.invite(&ann, "acme", "managed@example.com", "member").await;
    app.by(&ann).post_empty(&org.at(&format!("invitations/{id}/accept"))).await.refused(400, "TEAM_LIMIT_EXCEEDED");
    assert_eq!(app.by(&ann).get(&org.at("members")).await.ok()["limit"]["current"], 3);
    let root = app.platform_owner().await;
    app.by(&root)
        .patch(&format!("/api/platform/organizations/{}/tier", org.id), json!({"tier_id": "tier_free", "max_users": 4}))
        .await
        .ok();
    assert_eq!(app.by(&ann).get(&org.at("members")).await.ok()["limit"], json!({"current": 3, "max": 4, "source": "custom"}));
    app.by(&ann).post_empty(&org.at(&format!("invitations/{id}/accept"))).await.done();
});

both!(a_role_is_given_by_those_who_hold_what_it_allows, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "people", &["org.roles.manage", "org.members.manage"]).await;
    app.role(&ann, "acme", "hooks", &["webhooks.manage"]).await;
    let admin = app.member(&ann, "acme", "admin@example.com", "admin").await;
    let people = app.member(&ann, "acme", "people@example.com", "people").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let give = async |by: &tenantry_tests::User, to: &tenantry_tests::User, role: &str| {
        app.by(by).patch(&org.at(&format!("members/{}", to.id)), json!({"role": role})).await
    };
    let changed = give(&admin, &bob, "hooks").await.ok();
    has_exactly(&changed, &["user", "membership"]);
    assert_eq!(changed["membership"]["role"], "hooks");
    let (to_bob, to_root) = (org.at(&format!("members/{}", bob.id)), org.at(&format!("members/{}", root.id)));
    answers! {
        "one without rights": give(&people, &bob, "member") => Ok,
        "one's own": give(&people, &bob, "people") => Ok,
        "one with a right that one lacks": give(&people, &bob, "hooks") => refused_as(403, "FORBIDDEN", "permission_not_held"),
        "admin": give(&people, &bob, "admin") => refused_as(403, "FORBIDDEN", "permission_not_held"),
        "owner": give(&people, &bob, "owner") => refused(403, "FORBIDDEN"),
        "owner, by an admin": give(&admin, &bob, "owner") => refused(403, "FORBIDDEN"),
        "to an admin": give(&people, &admin, "member") => refused_as(403, "FORBIDDEN", "owner_required"),
        "to the owner": give(&admin, &ann, "member") => refused_as(403, "FORBIDDEN", "owner_required"),
        "to an equal": give(&bob, &people, "member") => Ok,
        "by whoever lost the right": give(&people, &bob, "member") => refused(403, "FORBIDDEN"),
        "an admin is unmade by the owner": give(&ann, &admin, "member") => Ok,
        "and made again": give(&ann, &admin, "admin") => Ok,
        "to oneself": give(&ann, &ann, "member") => refused_as(400, "BAD_REQUEST", "own_role"),
        "one that is not there": give(&ann, &bob, "no-such-role") => Invalid(&["role"]),
        "a number": app.by(&ann).patch(&to_bob, json!({"role": 7})) => Invalid(&["role"]),
        "to a stranger": app.by(&ann).patch(&to_root, json!({"role": "member"})) => refused(404, "NOT_FOUND"),
        "to nonsense": app.by(&ann).patch(&org.at("members/nonsense"), json!({"role": "member"})) => refused(404, "NOT_FOUND"),
    }
});

both!(the_owner_role_is_a_hand_over, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let next = app.by(&ann).patch(&org.at(&format!("members/{}", bob.id)), json!({"role": "owner"})).await.ok();
    assert_eq!((&next["membership"]["role"], &next["user"]["id"]), (&json!("owner"), &json!(bob.id)));
    let list = app.by(&ann).get(&org.at("members")).await.ok();
    let roles: Vec<_> = list["members"].as_array().unwrap().iter().map(|m| text(&m["membership"]["role"])).collect();
    assert_eq!(roles, ["admin", "owner"]);
    assert_eq!(app.by(&ann).get(&org.path).await.ok()["organization"]["owner_user_id"], json!(bob.id));
    app.by(&ann).delete(&org.path).await.refused(403, "FORBIDDEN");
});

both!(ownership_goes_to_a_member_and_never_to_oneself, async |app| {
    let (ann, cy) = (app.sign_up("ann@example.com").await, app.sign_up("cy@example.com").await);
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let path = org.at("transfer-ownership");
    let transfer =
        async |by: &tenantry_tests::User, email: Value| app.by(by).post(&path, json!({"new_owner_email": email})).await;
    transfer(&ann, json!("Ann@Example.com ")).await.refused_as(400, "BAD_REQUEST", "transfer_to_self");
    transfer(&ann, json!("cy@example.com")).await.invalid(&["new_owner_email"]);
    transfer(&ann, json!("nobody@example.com")).await.invalid(&["new_owner_email"]);
    transfer(&ann, json!(null)).await.invalid(&["new_owner_email"]);
    transfer(&bob, json!("bob@example.com")).await.refused(403, "FORBIDDEN");
    transfer(&cy, json!("cy@example.com")).await.refused(403, "FORBIDDEN");
    let next = transfer(&ann, json!("BOB@example.com")).await.ok();
    has_exactly(&next, &["user", "membership"]);
    assert_eq!((&next["user"]["id"], &next["membership"]["role"]), (&json!(bob.id), &json!("owner")));
    transfer(&ann, json!("ann@example.com")).await.refused(403, "FORBIDDEN");
    assert_eq!(app.count("select owners from org_counters").await, 1);
    let log = app.by(&bob).get(&org.at("audit-log?action=organization.ownership_transferred")).await.ok();
    assert_eq!(log["pagination"]["total"], 1);
});

both!(older_clients_hand_over_by_the_accounts_id, async |app| {
    let (ann, cy) = (app.sign_up("ann@example.com").await, app.sign_up("cy@example.com").await);
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let path = org.at("members/transfer-ownership");
    let transfer = async |by: &tenantry_tests::User, id: Value| app.by(by).post(&path, json!({"new_owner_user_id": id})).await;
    transfer(&ann, json!(ann.id)).await.refused_as(400, "BAD_REQUEST", "transfer_to_self");
    transfer(&ann, json!(cy.id)).await.invalid(&["new_owner_user_id"]);
    transfer(&ann, json!("bob")).await.invalid(&["new_owner_user_id"]);
    transfer(&ann, json!(null)).await.invalid(&["new_owner_user_id"]);
    transfer(&bob, json!(bob.id)).await.refused(403, "FORBIDDEN");
    transfer(&cy, json!(cy.id)).await.refused(403, "FORBIDDEN");
    let elsewhere = "/api/organizations/nowhere/members/transfer-ownership";
    app.by(&ann).post(elsewhere, json!({"new_owner_user_id": bob.id})).await.refused(404, "NOT_FOUND");
    let next = transfer(&ann, json!(bob.id)).await.ok();
    has_exactly(&next, &["user", "membership"]);
    assert_eq!((&next["user"]["id"], &next["membership"]["role"]), (&json!(bob.id), &json!("owner")));
    let log = app.by(&bob).get(&org.at("audit-log?action=organization.ownership_transferred")).await.ok();
    assert_eq!(log["pagination"]["total"], 1);
});

both!(removal_by_post_and_by_delete_is_the_same, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let cy = app.member(&ann, "acme", "cy@example.com", "member").await;
    let path = |user: &tenantry_tests::User| org.at(&format!("members/{}", user.id));
    app.by(&cy).post_empty(&path(&bob)).await.refused(403, "FORBIDDEN");
    app.by(&bob).post_empty(&path(&ann)).await.refused_as(403, "FORBIDDEN", "owner_required");
    app.by(&ann).post_empty(&path(&ann)).await.refused_as(400, "BAD_REQUEST", "own_membership");
    app.by(&bob).post_empty(&path(&cy)).await.done();
    app.by(&bob).post_empty(&path(&cy)).await.refused(404, "NOT_FOUND");
    app.by(&ann).delete(&path(&bob)).await.done();
    app.by(&ann).delete(&org.at("members/usr_00000000000000000000000000000000")).await.refused(404, "NOT_FOUND");
    assert_eq!(app.by(&ann).get(&org.at("members")).await.ok()["total"], 1);
});

both!(t22_whoever_leaves_has_no_access_any_more_and_it_is_recorded_as_leaving, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    app.invite_and_join(&ann, "acme", &bob, "member").await;
    app.invite_and_join(&ann, "other", &bob, "member").await;
    let here = app.by(&bob).post_empty(&acme.at("select")).await.ok();
    let there = app.by(&bob).post_empty(&other.at("select")).await.ok();
    let leave = |org: &Org, who: &User| org.at(&format!("members/{}", who.id));
    // By DELETE, by oneself, where one is a member.
    app.by(&bob).post_empty(&leave(&acme, &bob)).await.refused(403, "FORBIDDEN");
    app.by(&bob).delete(&leave(&acme, &ann)).await.refused(403, "FORBIDDEN");
    app.by(&ann).delete(&leave(&acme, &ann)).await.refused_as(400, "BAD_REQUEST", "last_owner");
    app.by(&bob).delete(&leave(&acme, &bob)).await.done();
    app.by(&bob).delete(&leave(&acme, &bob)).await.refused_as(403, "FORBIDDEN", "not_a_member");
    app.by(&bob).get(&acme.path).await.refused(403, "FORBIDDEN");
    app.client().bearer(&text(&here["access_token"])).get("/api/user").await.refused(401, "UNAUTHORIZED");
    app.client().post("/api/auth/refresh", json!({"refresh_token": here["refresh_token"]})).await.refused(401, "UNAUTHORIZED");
    // Nowhere else.
    app.client().bearer(&text(&there["access_token"])).get(&other.path).await.ok();
    let log = app.by(&ann).get(&acme.at("audit-log?action=user.left")).await.ok();
    let record = &log["logs"][0];
    assert_eq!(
        (&log["pagination"]["total"], &record["actor_id"], &record["target_id"]),
        (&json!(1), &json!(bob.id), &json!(bob.id))
    );
    assert_eq!(app.by(&ann).get(&acme.at("audit-log?action=user.removed")).await.ok()["pagination"]["total"], 0);
    assert_eq!(app.by(&ann).get(&acme.at("members")).await.ok()["total"], 1);
    // The seat is free, and who left can be invited again.
    app.invite_and_join(&ann, "acme", &bob, "member").await;
    // An owner leaves once the organization is somebody else's.
    let handed = app.by(&ann).post(&acme.at("transfer-ownership"), json!({"new_owner_email": "bob@example.com"})).await;
    handed.ok();
    app.by(&ann).delete(&leave(&acme, &ann)).await.done();
    assert_eq!(
        app.count("select owners from org_counters c join organizations o on o.id = c.org_id where o.slug = 'acme'").await,
        1
    );
});

both!(t22_leaving_needs_a_sign_in_and_an_organization_that_is_not_suspended, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let path = org.at(&format!("members/{}", bob.id));
    app.client().delete(&path).await.refused(401, "UNAUTHORIZED");
    app.by(&root).delete(&org.at(&format!("members/{}", root.id))).await.refused_as(403, "FORBIDDEN", "not_a_member");
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/suspend", org.id)).await.ok();
    app.by(&bob).delete(&path).await.refused(403, "ORGANIZATION_NOT_ACTIVE");
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/activate", org.id)).await.ok();
    app.by(&bob).delete(&path).await.done();
});

both!(t22_removal_ends_every_access_to_this_organization_and_no_other, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    app.invite_and_join(&ann, "acme", &bob, "admin").await;
    app.invite_and_join(&ann, "other", &bob, "member").await;
    let here = app.by(&bob).post_empty(&acme.at("select")).await.ok();
    let there = app.by(&bob).post_empty(&other.at("select")).await.ok();
    let (_, invited_by_bob) = app.invite(&bob, "acme", "cy@example.com", "admin").await;
    app.by(&ann).post_empty(&acme.at(&format!("members/{}", bob.id))).await.done();
    app.by(&bob).get(&acme.path).await.refused(403, "FORBIDDEN");
    app.client().bearer(&text(&here["access_token"])).get("/api/user").await.refused(401, "UNAUTHORIZED");
    app.client().post("/api/auth/refresh", json!({"refresh_token": here["refresh_token"]})).await.refused(401, "UNAUTHORIZED");
    app.client().bearer(&text(&there["access_token"])).get(&other.path).await.ok();
    app.client().post("/api/auth/refresh", json!({"refresh_token": there["refresh_token"]})).await.ok();
    // T19: what the removed admin sent no longer carries an admin's weight.
    let cy = app.sign_up("cy@example.com").await;
    let accepted = app.by(&cy).post("/api/invitations/accept", json!({"token": invited_by_bob})).await;
    if accepted.status == 200 {
        let role = app.by(&ann).get(&acme.at("members?role=admin")).await.ok();
        assert_eq!(role["total"], 0, "an invitation outlives its inviter's power");
    } else {
        accepted.refused(404, "NOT_FOUND");
    }
});

both!(t21_there_is_an_owner_at_every_commit, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let cy = app.member(&ann, "acme", "cy@example.com", "admin").await;
    let users = [&ann, &bob, &cy];
    // Everybody transfers, demotes and removes everybody, all at once.
    let (org, attacks) = (&org, (0..30).map(|n| (users[n % 3], users[(n / 3) % 3], n % 4)));
    let answers = join_all(attacks.map(|(by, target, kind)| async move {
        let (client, member) = (app.by(by), org.at(&format!("members/{}", target.id)));
        match kind {
            0 => client.post(&org.at("transfer-ownership"), json!({"new_owner_email": target.email})).await,
            1 => client.patch(&member, json!({"role": "owner"})).await,
            2 => client.patch(&member, json!({"role": "member"})).await,
            _ => client.delete(&member).await,
        }
    }))
    .await;
    for answer in &answers {
        assert!(matches!(answer.status, 200 | 400 | 403 | 404), "{answer}");
    }
    assert_eq!(app.count("select count(*) from memberships where role = 'owner'").await, 1);
    assert_eq!(app.count("select owners from org_counters").await, 1);
    assert_eq!(app.count("select members from org_counters").await, app.count("select count(*) from memberships").await);
    let named = "select count(*) from organizations o join memberships m on m.org_id = o.id and m.user_id = o.owner_user_id where m.role = 'owner'";
    assert_eq!(app.count(named).await, 1, "the organization's row names its owner");
});
