//! Further roles: what members have beside the role that their membership names.

use serde_json::{Value, json};
use tenantry_tests::{Org, TestApp, User, both, text};

use crate::core::shapes::has_exactly;

/// An owner, and a plain member.
async fn owner_and_member(app: &TestApp) -> (User, User, Org) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.execute("update organizations set max_users = 9 where slug = 'acme'").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    (ann, bob, org)
}

fn of(org: &Org, member: &User, role: &str) -> String {
    org.at(&format!("members/{}/roles/{role}", member.id))
}

/// Each role of a member: its slug, and where it comes from.
async fn shown(app: &TestApp, by: &User, org: &Org, member: &User) -> Vec<(String, Vec<String>)> {
    let all = app.by(by).get(&org.at(&format!("members/{}/roles", member.id))).await.ok();
    let of = |role: &Value| role["sources"].as_array().unwrap().iter().map(|source| text(&source["kind"])).collect();
    all.as_array().expect("a bare array").iter().map(|role| (text(&role["slug"]), of(role))).collect()
}

fn role(slug: &str, sources: &[&str]) -> (String, Vec<String>) {
    (slug.to_owned(), sources.iter().map(ToString::to_string).collect())
}

async fn told(app: &TestApp, name: &str) -> i64 {
    app.count(&format!("select count(*) from events where name = '{name}'")).await
}

both!(a_further_role_adds_to_what_a_member_may_do, async |app| {
    let (ann, bob, org) = owner_and_member(app).await;
    let hooks = app.role(&ann, "acme", "hooks", &["webhooks.manage"]).await;
    let clerk = app.role(&ann, "acme", "clerk", &["org.settings.manage"]).await;
    app.by(&bob).get(&org.at("webhooks")).await.refused_as(403, "FORBIDDEN", "missing_permission");
    let given = app.by(&ann).put(&of(&org, &bob, &hooks), json!({})).await.ok();
    has_exactly(&given[1], &["id", "slug", "name", "permissions", "sources"]);
    assert_eq!((&given[0]["id"], &given[0]["permissions"]), (&json!("role_member"), &json!(["org:view"])));
    assert_eq!((&given[1]["id"], &given[1]["permissions"]), (&json!(hooks), &json!(["webhooks.manage"])));
    assert_eq!(given[1]["sources"], json!([{"kind": "direct", "sleeps": false}]));
    app.by(&bob).get(&org.at("webhooks")).await.ok();
    app.by(&bob).patch(&org.path, json!({"name": "Mine"})).await.refused(403, "FORBIDDEN");
    // Several add up, for writing as well; what the membership names stays what it is.
    app.by(&ann).put(&of(&org, &bob, &clerk), json!({})).await.ok();
    app.by(&bob).patch(&org.path, json!({"name": "Theirs"})).await.ok();
    assert_eq!(
        shown(app, &bob, &org, &bob).await,
        [role("member", &["membership"]), role("hooks", &["direct"]), role("clerk", &["direct"])]
    );
    let members = app.by(&ann).get(&org.at("members?role=member")).await.ok();
    has_exactly(&members["members"][0]["membership"], crate::core::shapes::MEMBERSHIP);
    // Again is no change.
    app.by(&ann).put(&of(&org, &bob, &hooks), json!({})).await.ok();
    assert_eq!(told(app, "user.roles_assigned").await, 2);
    // An edit acts at once, and so does taking it away.
    app.by(&ann).put(&org.at(&format!("roles/{hooks}")), json!({"permissions": ["audit_logs.view"]})).await.ok();
    app.by(&bob).get(&org.at("webhooks")).await.refused(403, "FORBIDDEN");
    app.by(&bob).get(&org.at("audit-log")).await.ok();
    app.by(&ann).delete(&of(&org, &bob, &clerk)).await.ok();
    app.by(&bob).patch(&org.path, json!({"name": "Whose"})).await.refused(403, "FORBIDDEN");
    app.by(&ann).delete(&of(&org, &bob, &clerk)).await.ok();
    assert_eq!(told(app, "user.roles_unassigned").await, 1);
    let body = app.rows("select body from events where name = 'user.roles_unassigned'").await;
    let body: String = body[0].try_get_by_index(0).unwrap();
    let data = &serde_json::from_str::<Value>(&body).unwrap()["data"];
    assert_eq!((&data["user_id"], &data["roles"], &data["source"]), (&json!(bob.id), &json!(["clerk"]), &json!("direct")));
    let found = app.by(&ann).get(&org.at("audit-log?action=member.roles_assigned")).await.ok();
    assert!(found.to_string().contains("user.roles_assigned"), "{found}");
});

both!(t20_nobody_gives_a_further_role_that_they_may_not_give, async |app| {
    let (ann, bob, org) = owner_and_member(app).await;
    let giver = app.role(&ann, "acme", "giver", &["org.roles.manage", "webhooks.manage"]).await;
    let hooks = app.role(&ann, "acme", "hooks", &["webhooks.manage"]).await;
    let money = app.role(&ann, "acme", "money", &["billing.manage"]).await;
    let gil = app.member(&ann, "acme", "gil@example.com", "giver").await;
    let pat = app.member(&ann, "acme", "pat@example.com", "admin").await;
    for built_in in ["role_owner", "role_admin", "role_member"] {
        app.by(&ann).put(&of(&org, &bob, built_in), json!({})).await.refused_as(400, "BAD_REQUEST", "built_in_role");
        app.by(&ann).delete(&of(&org, &bob, built_in)).await.refused_as(400, "BAD_REQUEST", "built_in_role");
    }
    app.by(&gil).put(&of(&org, &bob, &hooks), json!({})).await.ok();
    app.by(&gil).put(&of(&org, &bob, &money), json!({})).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    app.by(&bob).put(&of(&org, &gil, &hooks), json!({})).await.refused_as(403, "FORBIDDEN", "missing_permission");
    // Oneself, and those above.
    app.by(&gil).put(&of(&org, &gil, &hooks), json!({})).await.refused_as(400, "BAD_REQUEST", "own_role");
    app.by(&ann).delete(&of(&org, &ann, &hooks)).await.refused_as(400, "BAD_REQUEST", "own_role");
    for above in [&pat, &ann] {
        app.by(&gil).put(&of(&org, above, &hooks), json!({})).await.refused_as(403, "FORBIDDEN", "owner_required");
        app.by(&gil).delete(&of(&org, above, &hooks)).await.refused_as(403, "FORBIDDEN", "owner_required");
    }
    app.by(&pat).put(&of(&org, &ann, &hooks), json!({})).await.refused_as(403, "FORBIDDEN", "owner_required");
    app.by(&ann).put(&of(&org, &pat, &hooks), json!({})).await.ok();
    // What somebody holds by a further role they may give, and nobody edits a role that they have in any way.
    app.by(&ann).put(&of(&org, &bob, &giver), json!({})).await.ok();
    app.by(&bob).put(&of(&org, &gil, &hooks), json!({})).await.ok();
    for own in [&hooks, &giver] {
        let change = json!({"permissions": ["webhooks.manage"]});
        app.by(&bob).put(&org.at(&format!("roles/{own}")), change).await.refused_as(400, "BAD_REQUEST", "own_role");
    }
    // Taking what one does not hold oneself is allowed, as with the role of a membership.
    app.by(&ann).put(&of(&org, &bob, &money), json!({})).await.ok();
    app.by(&gil).delete(&of(&org, &bob, &money)).await.ok();
    // What is not given directly is not taken so.
    app.by(&ann).delete(&of(&org, &gil, &giver)).await.refused_as(400, "BAD_REQUEST", "role_not_direct");
    app.by(&ann).put(&of(&org, &gil, &giver), json!({})).await.ok();
    assert_eq!(shown(app, &ann, &org, &gil).await, [role("giver", &["membership"]), role("hooks", &["direct"])]);
    // Roles and members of others are none.
    let zed = app.sign_up("zed@example.com").await;
    let other = app.create_org(&zed, "other").await;
    let theirs = app.role(&zed, "other", "hooks", &["webhooks.manage"]).await;
    app.by(&ann).put(&of(&org, &bob, &theirs), json!({})).await.refused(404, "NOT_FOUND");
    app.by(&ann).put(&of(&org, &zed, &hooks), json!({})).await.refused(404, "NOT_FOUND");
    app.by(&ann).get(&org.at(&format!("members/{}/roles", zed.id))).await.refused(404, "NOT_FOUND");
    app.by(&ann).get(&other.at(&format!("members/{}/roles", zed.id))).await.refused(403, "FORBIDDEN");
});

both!(t20_what_is_handed_on_lies_within_all_that_somebody_holds, async |app| {
    let (ann, bob, org) = owner_and_member(app).await;
    let keys = app.role(&ann, "acme", "keys", &["integrations.manage"]).await;
    let audit = app.role(&ann, "acme", "audit", &["audit_logs.view"]).await;
    let people = app.role(&ann, "acme", "people", &["org.members.manage", "org.roles.manage"]).await;
    let key = |n: u8| json!({"name": format!("Key {n}"), "permissions": ["audit_logs.view"]});
    app.by(&ann).put(&of(&org, &bob, &keys), json!({})).await.ok();
    app.by(&bob).post(&org.at("api-keys"), key(1)).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    app.by(&ann).put(&of(&org, &bob, &audit), json!({})).await.ok();
    app.by(&bob).post(&org.at("api-keys"), key(2)).await.ok();
    // An invitation is worth what the inviter may still give when it is accepted.
    app.by(&ann).put(&of(&org, &bob, &people), json!({})).await.ok();
    let guests = [app.sign_up("g1@example.com").await, app.sign_up("g2@example.com").await];
    for (guest, becomes) in guests.iter().zip(["audit", "member"]) {
        let body = json!({"email": guest.email, "role": "audit"});
        let made = app.by(&bob).post(&org.at("invitations"), body).await.ok();
        if becomes == "member" {
            app.by(&ann).delete(&of(&org, &bob, &audit)).await.ok();
        }
        let path = format!("/api/invitations/{}/accept", text(&made["invitation"]["id"]));
        app.by(guest).post_empty(&path).await;
        let members = app.by(&ann).get(&org.at(&format!("members?role={becomes}"))).await.ok();
        assert!(members.to_string().contains(&guest.email), "{becomes}: {members}");
    }
});

both!(a_role_that_somebody_has_beside_their_own_is_not_deleted, async |app| {
    let (ann, bob, org) = owner_and_member(app).await;
    let hooks = app.role(&ann, "acme", "hooks", &["webhooks.manage"]).await;
    let at = org.at(&format!("roles/{hooks}"));
    app.by(&ann).put(&of(&org, &bob, &hooks), json!({})).await.ok();
    app.by(&ann).delete(&at).await.refused_as(400, "BAD_REQUEST", "role_in_use");
    app.by(&ann).delete(&of(&org, &bob, &hooks)).await.ok();
    assert_eq!(app.by(&ann).delete(&at).await.status, 204);
    app.by(&ann).put(&of(&org, &bob, &hooks), json!({})).await.refused(404, "NOT_FOUND");
});

both!(t22_further_roles_end_with_the_membership, async |app| {
    let (ann, bob, org) = owner_and_member(app).await;
    let hooks = app.role(&ann, "acme", "hooks", &["webhooks.manage"]).await;
    app.by(&ann).put(&of(&org, &bob, &hooks), json!({})).await.ok();
    let access = app.by(&ann).get(&org.at(&format!("members/{}/access", bob.id))).await.ok();
    let listed = access["access"].as_array().unwrap().iter().find(|one| one["kind"] == "member_role").cloned();
    let listed = listed.unwrap_or_else(|| panic!("{access}"));
    assert_eq!((&listed["name"], &listed["id"]), (&json!("The hooks"), &json!(hooks)));
    app.by(&ann).delete(&org.at(&format!("members/{}", bob.id))).await;
    assert_eq!(app.count("select count(*) from member_roles").await, 0);
    app.invite_and_join(&ann, "acme", &bob, "member").await;
    assert_eq!(shown(app, &ann, &org, &bob).await, [role("member", &["membership"])]);
    app.by(&bob).get(&org.at("webhooks")).await.refused(403, "FORBIDDEN");
    // Another role of the membership leaves them: they were given by themselves.
    app.by(&ann).put(&of(&org, &bob, &hooks), json!({})).await.ok();
    app.role(&ann, "acme", "clerk", &["org.settings.manage"]).await;
    app.by(&ann).patch(&org.at(&format!("members/{}", bob.id)), json!({"role": "clerk"})).await.ok();
    assert_eq!(shown(app, &ann, &org, &bob).await, [role("clerk", &["membership"]), role("hooks", &["direct"])]);
    // Leaving ends them as well.
    app.by(&bob).delete(&org.at(&format!("members/{}", bob.id))).await;
    assert_eq!(app.count("select count(*) from member_roles").await, 0);
});

both!(a_member_has_so_many_further_roles, async |app| {
    let (ann, bob, org) = owner_and_member(app).await;
    for n in 0..50 {
        let role = app.role(&ann, "acme", &format!("role{n}"), &["webhooks.manage"]).await;
        app.by(&ann).put(&of(&org, &bob, &role), json!({})).await.ok();
    }
    let last = app.role(&ann, "acme", "last", &["billing.manage"]).await;
    app.by(&ann).put(&of(&org, &bob, &last), json!({})).await.refused_as(400, "BAD_REQUEST", "further_role_limit");
    app.by(&bob).get(&org.at("webhooks")).await.ok();
    assert_eq!(shown(app, &bob, &org, &bob).await.len(), 51);
});
