//! Organizations: found, list, look, select, change, delete.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Options, User, both, text};

use crate::core::shapes::{ORGANIZATION, TIER, USER, has_exactly};

both!(founding_one_answers_it_with_tokens_for_it, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let made =
        app.by(&ann).post("/api/organizations", json!({"slug": "acme", "name": " Ärzte & Söhne ", "unknown": 1})).await.ok();
    has_exactly(&made, &["organization", "owner", "membership", "access_token", "refresh_token", "expires_in"]);
    has_exactly(&made["organization"], ORGANIZATION);
    has_exactly(&made["owner"], USER);
    has_exactly(&made["membership"], &["id", "org_id", "user_id", "role", "created_at"]);
    assert_eq!(made["organization"]["name"], "Ärzte & Söhne");
    assert_eq!((&made["organization"]["status"], &made["organization"]["tier_id"]), (&json!("active"), &json!("tier_free")));
    assert_eq!((&made["membership"]["role"], &made["owner"]["id"]), (&json!("owner"), &json!(ann.id)));
    assert_eq!(made["organization"]["created_at"], "2026-11-23T09:00:00.000000Z");
    let profile = app.client().bearer(&text(&made["access_token"])).get("/api/user").await.ok();
    assert_eq!(profile["org"], "acme");
    // The token it was made with still works, and is still for the platform.
    assert_eq!(app.by(&ann).get("/api/user").await.ok()["org"], "");
});

both!(every_wrong_field_of_a_new_one_is_named_at_once, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let founds = async |body: Value| app.by(&ann).post("/api/organizations", body).await;
    founds(json!({})).await.invalid(&["slug", "name"]);
    founds(json!({"slug": 7, "name": ["x"]})).await.invalid(&["slug", "name"]);
    founds(json!({"slug": "Not A Slug", "name": "x"})).await.invalid(&["slug", "name"]);
    founds(json!({"slug": null, "name": "   "})).await.invalid(&["slug", "name"]);
    founds(json!({"slug": "acme", "name": "a".repeat(101)})).await.invalid(&["name"]);
    founds(json!({"slug": "acme", "name": "nul\u{0}"})).await.invalid(&["name"]);
    for slug in [
        "ab",
        "a".repeat(51).as_str(),
        "Acme",
        "ac me",
        "ac.me",
        "-acme",
        "acme\u{0}",
        "acmé",
        "api",
        "www",
        "admin",
        "platform",
        "static",
    ] {
        founds(json!({"slug": slug, "name": "Acme"})).await.invalid(&["slug"]);
    }
    for slug in ["abc", "a_c", "a".repeat(50).as_str()] {
        founds(json!({"slug": slug, "name": "Acme"})).await.ok();
    }
    assert_eq!(app.count("select count(*) from organizations").await, 3);
});

both!(a_slug_is_taken_once, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    app.create_org(&ann, "acme").await;
    let refusal = app.by(&bob).post("/api/organizations", json!({"slug": "acme", "name": "Mine"})).await;
    let body = refusal.refused(400, "DUPLICATE_CONSTRAINT");
    assert_eq!(body["code"], "slug_taken");
    assert!(!body["error"].as_str().unwrap().contains("ann"), "it says nothing about whose it is: {body}");
});

both!(the_slug_of_a_deleted_one_is_held_for_30_days, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let found = async |who: &User| app.by(who).post("/api/organizations", json!({"slug": "acme", "name": "Mine"})).await;
    let org = app.create_org(&ann, "acme").await;
    app.by(&ann).delete(&org.path).await.ok();
    for who in [&bob, &ann] {
        let body = found(who).await.refused(400, "DUPLICATE_CONSTRAINT");
        assert_eq!(body["code"], "slug_taken", "held, also for whoever deleted it: it would be another organization");
    }
    assert_eq!(app.count("select count(*) from organizations where slug = 'acme'").await, 0, "a refusal leaves nothing behind");
    app.advance(TimeDelta::days(30) - TimeDelta::seconds(1));
    let bob = app.again(&bob).await;
    found(&bob).await.refused(400, "DUPLICATE_CONSTRAINT");
    app.advance(TimeDelta::seconds(1));
    found(&bob).await.ok();
    app.run_jobs().await;
    assert_eq!(app.count("select count(*) from slug_holds").await, 0);
    // And once more, over what is left of the first hold or not.
    app.by(&bob).delete("/api/organizations/acme").await.ok();
    found(&bob).await.refused(400, "DUPLICATE_CONSTRAINT");
});

both!(nobody_slips_in_while_a_slug_is_given_up, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let org = app.create_org(&ann, "acme").await;
    let found = async |_| app.by(&bob).post("/api/organizations", json!({"slug": "acme", "name": "Mine"})).await;
    let delete = async || app.by(&ann).delete(&org.path).await;
    let (gone, founds) = futures::join!(delete(), futures::future::join_all((0..12).map(found)));
    gone.done();
    for answer in founds {
        answer.refused(400, "DUPLICATE_CONSTRAINT");
    }
});

both!(whoever_deletes_many_waits_for_their_slugs, Options::default().set("organizations.max_per_user", 1), async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    for n in 0..10 {
        let org = app.create_org(&ann, &format!("acme-{n}")).await;
        app.by(&ann).delete(&org.path).await.ok();
    }
    let found = async |who: &User| app.by(who).post("/api/organizations", json!({"slug": "another", "name": "Mine"})).await;
    found(&ann).await.refused_as(400, "BAD_REQUEST", "held_slug_limit");
    let org = found(&bob).await.ok();
    assert_eq!(org["organization"]["slug"], "another", "it is nobody else's limit");
    app.advance(TimeDelta::days(30));
    let ann = app.again(&ann).await;
    app.create_org(&ann, "acme-again").await;
});

both!(a_person_owns_so_many_and_no_more, Options::default().set("organizations.max_per_user", 2), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "one").await;
    let found = async |slug: &str| app.by(&ann).post("/api/organizations", json!({"slug": slug, "name": "Another"})).await;
    let (a, b) = futures::join!(found("two"), found("three"));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 400], "of two at once one is over the limit");
    found("four").await.refused_as(400, "BAD_REQUEST", "organization_limit");
});

both!(the_list_has_mine_in_the_order_i_joined, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    for slug in ["zzz", "mmm", "aaa"] {
        app.create_org(&ann, slug).await;
    }
    app.create_org(&bob, "bobs").await;
    app.invite_and_join(&bob, "bobs", &ann, "member").await;
    let slugs = async |query: &str| -> Vec<String> {
        let list = app.by(&ann).get(&format!("/api/organizations{query}")).await.ok();
        list.as_array().expect("a bare array").iter().map(|item| text(&item["organization"]["slug"])).collect()
    };
    assert_eq!(slugs("").await, ["zzz", "mmm", "aaa", "bobs"]);
    assert_eq!(slugs("?page=2&limit=3").await, ["bobs"]);
    assert_eq!(slugs("?limit=0").await, ["zzz"], "non-positive limits become 1");
    assert_eq!(slugs("?page=-5&limit=1000").await.len(), 4);
    assert_eq!(slugs("?page=999999999999").await.len(), 0);
    assert_eq!(slugs("?status=active").await.len(), 4);
    assert_eq!(slugs("?status=suspended").await.len(), 0);
    app.by(&ann).get("/api/organizations?status=nope").await.invalid(&["status"]);
    app.by(&ann).get("/api/organizations?page=x&limit=1.5").await.invalid(&["page", "limit"]);
    let first = app.by(&ann).get("/api/organizations").await.ok()[0].clone();
    has_exactly(&first, &["organization", "membership_count", "service_count", "tier"]);
    has_exactly(&first["organization"], ORGANIZATION);
    has_exactly(&first["tier"], TIER);
    assert!(serde_json::from_str::<Value>(&text(&first["tier"]["features"])).unwrap().is_object(), "features are JSON text");
});

both!(one_is_shown_to_its_members_only, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let org = app.create_org(&ann, "acme").await;
    let seen = app.by(&ann).get(&org.path).await.ok();
    assert_eq!(
        (&seen["membership_count"], &seen["service_count"], &seen["tier"]["id"]),
        (&json!(1), &json!(0), &json!("tier_free"))
    );
    app.by(&bob).get(&org.path).await.refused(403, "FORBIDDEN");
    app.by(&bob).get("/api/organizations/no-such-org").await.refused(404, "NOT_FOUND");
    app.by(&bob).get("/api/organizations/NOT%20A%20SLUG").await.refused(404, "NOT_FOUND");
    app.client().get(&org.path).await.refused(401, "UNAUTHORIZED");
});

both!(selecting_one_answers_new_tokens_beside_the_old, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let org = app.create_org(&ann, "acme").await;
    let selected = app.by(&ann).post_empty(&org.at("select")).await.ok();
    has_exactly(&selected, &["organization", "membership", "access_token", "refresh_token", "expires_in"]);
    assert_eq!((&selected["membership"]["role"], &selected["expires_in"]), (&json!("owner"), &json!(600)));
    for token in [&org.access, &text(&selected["access_token"])] {
        assert_eq!(app.client().bearer(token).get("/api/user").await.ok()["org"], "acme");
    }
    app.by(&ann).get("/api/user").await.ok();
    app.by(&bob).post_empty(&org.at("select")).await.refused(403, "FORBIDDEN");
    app.by(&bob).get("/api/user").await.ok();
    app.by(&bob).post_empty("/api/organizations/no-such-org/select").await.refused(404, "NOT_FOUND");
});

both!(changes_are_for_those_who_saw_the_latest_version, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let seen = app.by(&ann).get(&org.path).await;
    let tag = seen.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"'), "a strong entity tag: {tag}");
    let rename = async |name: &str, tag: &str| {
        let request = app.by(&ann).request(reqwest::Method::PATCH, &org.path).header("if-match", tag);
        request.json(&json!({"name": name})).send().await
    };
    let changed = rename("First", &tag).await.expect(200);
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(changed.json()["organization"]["name"], "First");
    assert_eq!(changed.json(), app.by(&ann).get(&org.path).await.ok(), "the same as `get`");
    for stale in [tag.as_str(), "\"999\"", "W/\"1\"", "\"1\", \"999\"", "nonsense", "2", "\"2", ""] {
        rename("Second", stale).await.refused_as(412, "BAD_REQUEST", "version_mismatch");
    }
    // What proxies that compress make of a tag, and a list of them.
    for made in ["W/{}", "\"999\", {}", "\"a,b\" , W/{}"] {
        let tag = app.by(&ann).get(&org.path).await.header("etag").to_owned();
        rename("Third", &made.replace("{}", &tag)).await.expect(200);
    }
    rename("Third", "*").await.expect(200);
    let tag = app.by(&ann).get(&org.path).await.header("etag").to_owned();
    let (a, b) = futures::join!(rename("Ours", &tag), rename("Theirs", &tag));
    let mut statuses = [a.status, b.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412], "of two who saw the same version one wins");
});

both!(what_a_member_may_not_change_stays, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    app.by(&bob).patch(&org.path, json!({"name": "Bob's"})).await.refused(403, "FORBIDDEN");
    app.by(&ann).patch(&org.path, json!({"name": "x"})).await.invalid(&["name"]);
    app.by(&ann).patch(&org.path, json!({"name": 1, "max_users": "many", "max_services": -1})).await.invalid(&[
        "name",
        "max_users",
        "max_services",
    ]);
    // D7: limits are the platform's to set; from anybody else they are ignored without a word.
    let kept = app.by(&ann).patch(&org.path, json!({"max_users": 500, "max_services": 500})).await.ok();
    assert_eq!((&kept["organization"]["max_users"], &kept["organization"]["max_services"]), (&Value::Null, &Value::Null));
    let root = app.platform_owner().await;
    let set = app.by(&root).patch(&org.path, json!({"max_users": 500, "name": "Renamed"})).await.ok();
    assert_eq!((&set["organization"]["max_users"], &set["organization"]["name"]), (&json!(500), &json!("Renamed")));
    let kept = app.by(&root).patch(&org.path, json!({"max_services": 7})).await.ok();
    assert_eq!((&kept["organization"]["max_users"], &kept["organization"]["max_services"]), (&json!(500), &json!(7)));
    let cleared = app.by(&root).patch(&org.path, json!({"max_users": null})).await.ok();
    assert_eq!((&cleared["organization"]["max_users"], &cleared["organization"]["max_services"]), (&Value::Null, &json!(7)));
});

both!(a_deleted_one_is_gone, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let bobs = app.by(&bob).post_empty(&org.at("select")).await.ok();
    app.by(&bob).delete(&org.path).await.refused(403, "FORBIDDEN");
    app.by(&ann).delete(&org.path).await.done();
    for rest in ["", "/members", "/roles", "/webhooks", "/audit-log", "/invitations"] {
        app.by(&ann).get(&format!("{}{rest}", org.path)).await.refused(404, "NOT_FOUND");
    }
    app.by(&ann).delete(&org.path).await.refused(404, "NOT_FOUND");
    assert_eq!(app.by(&bob).get("/api/organizations").await.ok(), json!([]));
    app.client().post("/api/auth/refresh", json!({"refresh_token": bobs["refresh_token"]})).await.refused(401, "UNAUTHORIZED");
    app.by(&ann).get("/api/user").await.ok();
    let root = app.platform_owner().await;
    let log = app.by(&root).get("/api/platform/audit-log?action=delete_organization").await.ok();
    assert_eq!((&log["total"], &log["logs"][0]["target_id"]), (&json!(1), &json!(org.id)), "the platform's record survives");
    assert_eq!(log["logs"][0]["metadata"]["slug"], "acme");
});

both!(a_name_is_seen_and_hides_nothing, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let rename = async |name: &str| app.by(&ann).patch(&org.path, json!({"name": name})).await;
    for name in [
        "\u{3164}\u{3164}",
        "\u{2800}\u{2800}",
        "ac\u{200b}me",
        "ac\u{200d}me",
        "acme\u{202e}",
        "so\u{ad}ft",
        "\u{fe0f}\u{fe0f}",
        "a\u{e0067}\u{e007f}",
    ] {
        rename(name).await.invalid(&["name"]);
    }
    for name in ["می\u{200c}خواهم", "❤\u{fe0f}", "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", "👩\u{200d}💻"]
    {
        assert_eq!(rename(name).await.ok()["organization"]["name"], name);
    }
});
