//! What platform owners do.

mod accounts;
mod figures;
mod impersonation;
mod operations;

use serde_json::{Value, json};
use tenantry_tests::{Options, TestApp, User, answers, both, refused, text};

use crate::core::shapes::{ORGANIZATION, TIER, USER, has_exactly};

async fn act(app: &TestApp, by: &User, org: &str, action: &str, body: Value) -> tenantry_tests::Response {
    app.by(by).post(&format!("/api/platform/organizations/{org}/{action}"), body).await
}

both!(everything_here_is_for_platform_owners, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let base = format!("/api/platform/organizations/{}", org.id);
    for by in [app.by(&ann), app.client().bearer(&org.access)] {
        for path in ["/api/platform/tiers", "/api/platform/organizations", "/api/platform/audit-log"] {
            by.get(path).await.refused_as(403, "FORBIDDEN", "platform_owner_required");
        }
        answers! {
            "approving": by.post_empty(&format!("{base}/approve")) => refused(403, "FORBIDDEN"),
            "suspending": by.post_empty(&format!("{base}/suspend")) => refused(403, "FORBIDDEN"),
            "activating": by.post_empty(&format!("{base}/activate")) => refused(403, "FORBIDDEN"),
            "rejecting": by.post(&format!("{base}/reject"), json!({"reason": "No"})) => refused(403, "FORBIDDEN"),
            "changing the tier": by.patch(&format!("{base}/tier"), json!({"tier_id": "tier_pro"})) => refused(403, "FORBIDDEN"),
            "deleting": by.delete(&base) => refused(403, "FORBIDDEN"),
            "promoting": by.post("/api/platform/owners", json!({"user_id": ann.id})) => refused(403, "FORBIDDEN"),
            "demoting": by.delete(&format!("/api/platform/owners/{}", root.id)) => refused(403, "FORBIDDEN"),
        }
    }
    app.by(&ann).get(&org.path).await.ok();
    let tiers = app.by(&root).get("/api/platform/tiers").await.ok();
    tiers.as_array().unwrap().iter().for_each(|tier| has_exactly(tier, TIER));
    let ids: Vec<_> = tiers.as_array().unwrap().iter().map(|tier| text(&tier["id"])).collect();
    assert_eq!(ids, ["tier_free", "tier_starter", "tier_pro", "tier_enterprise"], "by price");
});

both!(the_list_shows_every_organization, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let mut ids = Vec::new();
    for slug in ["one", "two", "three"] {
        ids.push(app.create_org(&ann, slug).await.id);
        app.advance(chrono::TimeDelta::seconds(1));
    }
    app.by(&root).patch(&format!("/api/platform/organizations/{}/tier", ids[0]), json!({"tier_id": "tier_pro"})).await.ok();
    act(app, &root, &ids[1], "suspend", json!({})).await.ok();
    let list = async |query: &str| app.by(&root).get(&format!("/api/platform/organizations{query}")).await.ok();
    let all = list("").await;
    has_exactly(&all, &["organizations", "total"]);
    has_exactly(&all["organizations"][0], &[ORGANIZATION, &["tier", "owner"]].concat());
    has_exactly(&all["organizations"][0]["tier"], TIER);
    has_exactly(&all["organizations"][0]["owner"], USER);
    let slugs = |list: &Value| list["organizations"].as_array().unwrap().iter().map(|o| text(&o["slug"])).collect::<Vec<_>>();
    assert_eq!((slugs(&all), &all["total"]), (vec!["three".into(), "two".into(), "one".into()], &json!(3)));
    assert_eq!(slugs(&list("?status=suspended").await), ["two"]);
    assert_eq!(slugs(&list("?tier_id=tier_pro").await), ["one"]);
    assert_eq!(slugs(&list("?limit=1&offset=1").await), ["two"]);
    assert_eq!(slugs(&list("?limit=-1&offset=-7").await), ["three"]);
    assert_eq!(list("?offset=100").await["total"], 3);
    app.by(&root).get("/api/platform/organizations?status=x&limit=y").await.refused(400, "BAD_REQUEST");
});

both!(with_approval_a_new_organization_waits, Options::default().require_approval(), async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    assert_eq!(app.by(&ann).get(&org.path).await.ok()["organization"]["status"], "pending");
    app.by(&ann).patch(&org.path, json!({"name": "Still mine to name"})).await.ok();
    app.by(&ann).post_empty(&org.at("select")).await.refused_as(403, "ORGANIZATION_NOT_ACTIVE", "organization_not_active");
    app.by(&ann)
        .post(&org.at("invitations"), json!({"email": "bob@example.com", "role": "member"}))
        .await
        .refused(403, "ORGANIZATION_NOT_ACTIVE");
    app.by(&ann).get("/api/user").await.ok();
    act(app, &root, &org.id, "suspend", json!({})).await.refused_as(400, "BAD_REQUEST", "wrong_status");
    act(app, &root, &org.id, "activate", json!({})).await.refused_as(400, "BAD_REQUEST", "wrong_status");
    act(app, &root, &org.id, "approve", json!({"tier_id": "no_such_tier"})).await.invalid(&["tier_id"]);
    let approved = act(app, &root, &org.id, "approve", json!({"tier_id": "tier_starter"})).await.ok();
    has_exactly(&approved, ORGANIZATION);
    assert_eq!(
        (&approved["status"], &approved["tier_id"], &approved["approved_by"]),
        (&json!("active"), &json!("tier_starter"), &json!(root.id))
    );
    assert!(approved["approved_at"].is_string());
    act(app, &root, &org.id, "approve", json!({})).await.refused_as(400, "BAD_REQUEST", "wrong_status");
    app.by(&ann).post_empty(&org.at("select")).await.ok();
    let other = app.create_org(&ann, "other").await;
    act(app, &root, &other.id, "reject", json!({})).await.invalid(&["reason"]);
    let rejected = act(app, &root, &other.id, "reject", json!({"reason": "Not a customer of ours"})).await.ok();
    assert_eq!(
        (&rejected["status"], &rejected["rejection_reason"], &rejected["rejected_by"]),
        (&json!("rejected"), &json!("Not a customer of ours"), &json!(root.id))
    );
    act(app, &root, &other.id, "approve", json!({})).await.refused(400, "BAD_REQUEST");
    app.by(&ann).post_empty(&other.at("select")).await.refused(403, "ORGANIZATION_NOT_ACTIVE");
    app.by(&root)
        .post_empty(&format!("/api/platform/organizations/{}/approve", app.create_org(&ann, "third").await.id))
        .await
        .ok();
    assert_eq!(app.by(&root).get("/api/platform/audit-log?action=approve_organization").await.ok()["total"], 2);
});

both!(a_suspended_organization_is_refused_everywhere_at_once, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let bobs = app.by(&bob).post_empty(&org.at("select")).await.ok();
    let (invitation, token) = app.invite(&ann, "acme", "cy@example.com", "member").await;
    let cy = app.sign_up("cy@example.com").await;
    let role = app.role(&ann, "acme", "support", &[]).await;
    act(app, &root, &org.id, "suspend", json!({})).await.ok();
    act(app, &root, &org.id, "suspend", json!({})).await.refused_as(400, "BAD_REQUEST", "wrong_status");
    let closed = refused(403, "ORGANIZATION_NOT_ACTIVE");
    for by in [app.by(&ann), app.client().bearer(&org.access), app.by(&bob)] {
        for rest in [
            "",
            "/members",
            "/invitations",
            "/roles",
            "/audit-log",
            "/audit-log/event-types",
            "/audit-log/export",
            "/webhooks",
            "/webhooks/event-types",
        ] {
            by.get(&format!("{}{rest}", org.path)).await.refused(403, "ORGANIZATION_NOT_ACTIVE");
        }
        answers! {
            "selecting": by.post_empty(&org.at("select")) => closed,
            "changing": by.patch(&org.path, json!({"name": "Renamed"})) => closed,
            "deleting": by.delete(&org.path) => closed,
            "handing over": by.post(&org.at("transfer-ownership"), json!({"new_owner_email": "bob@example.com"})) => closed,
            "removing a member": by.post_empty(&org.at(&format!("members/{}", bob.id))) => closed,
            "cancelling an invitation": by.post_empty(&org.at(&format!("invitations/{invitation}"))) => closed,
            "deleting a role": by.delete(&org.at(&format!("roles/{role}"))) => closed,
        }
    }
    let renewal = json!({"refresh_token": bobs["refresh_token"]});
    let login = json!({"email": "bob@example.com", "password": bob.password, "org_slug": "acme"});
    answers! {
        "accepting": app.by(&cy).post("/api/invitations/accept", json!({"token": token})) => closed,
        "refreshing": app.client().post("/api/auth/refresh", renewal.clone()) => closed,
        "signing in to it": app.client().post("/api/auth/login", login) => closed,
        "a member's profile": app.by(&bob).get("/api/user") => Ok,
    }
    assert_eq!(
        app.by(&bob).get("/api/organizations?status=suspended").await.ok()[0]["organization"]["slug"],
        "acme",
        "its members see why"
    );
    app.by(&cy).get(&org.path).await.refused_as(403, "FORBIDDEN", "not_a_member");
    let active = act(app, &root, &org.id, "activate", json!({})).await.ok();
    assert_eq!(active["status"], "active");
    answers! {
        "activating twice": act(app, &root, &org.id, "activate", json!({})) => refused(400, "BAD_REQUEST"),
        "a member is back": app.by(&bob).get(&org.path) => Ok,
        "and their tokens": app.client().post("/api/auth/refresh", renewal) => Ok,
    }
});

both!(a_tier_brings_its_limits, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let tier = async |body: Value| app.by(&root).patch(&format!("/api/platform/organizations/{}/tier", org.id), body).await;
    tier(json!({})).await.invalid(&["tier_id"]);
    tier(json!({"tier_id": "tier_none"})).await.invalid(&["tier_id"]);
    tier(json!({"tier_id": 1, "max_users": "x", "max_services": -1})).await.invalid(&["tier_id", "max_users", "max_services"]);
    let changed = tier(json!({"tier_id": "tier_pro", "max_users": 7})).await.ok();
    assert_eq!(
        (&changed["tier_id"], &changed["max_users"], &changed["max_services"]),
        (&json!("tier_pro"), &json!(7), &Value::Null)
    );
    assert_eq!(app.by(&ann).get(&org.at("members")).await.ok()["limit"], json!({"current": 1, "max": 7, "source": "custom"}));
    tier(json!({"tier_id": "tier_pro"})).await.ok();
    assert_eq!(app.by(&ann).get(&org.at("members")).await.ok()["limit"], json!({"current": 1, "max": 50, "source": "pro"}));
    for missing in ["org_00000000000000000000000000000001", "nonsense", ann.id.as_str()] {
        app.by(&root)
            .patch(&format!("/api/platform/organizations/{missing}/tier"), json!({"tier_id": "tier_pro"}))
            .await
            .refused(404, "NOT_FOUND");
        app.by(&root).delete(&format!("/api/platform/organizations/{missing}")).await.refused(404, "NOT_FOUND");
        act(app, &root, missing, "suspend", json!({})).await.refused(404, "NOT_FOUND");
    }
    assert!(app.by(&root).delete(&format!("/api/platform/organizations/{}", org.id)).await.expect(204).body.is_empty());
    app.by(&ann).get(&org.path).await.refused(404, "NOT_FOUND");
    assert_eq!(app.by(&root).get("/api/platform/organizations").await.ok()["total"], 0);
});

both!(an_organization_is_given_features_beyond_its_tier, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let path = format!("/api/platform/organizations/{}/features", org.id);
    let give = async |body: Value| app.by(&root).patch(&path, body).await;
    let colour = async || app.by(&ann).patch(&org.at("branding"), json!({"primary_color": "#123"})).await;
    colour().await.refused(403, "FEATURE_NOT_AVAILABLE_IN_TIER");
    give(json!({"allow_branding": "yes", "allow_scim": null, "allowed_social_providers": ["myspace"]})).await.invalid(&[
        "allow_scim",
        "allow_branding",
        "allowed_social_providers",
    ]);
    let given = give(json!({"allow_branding": true, "allowed_social_providers": ["google", "google"]})).await.ok();
    assert_eq!(given["feature_overrides"], r#"{"allow_branding":true,"allowed_social_providers":["google"]}"#);
    colour().await.ok();
    assert_eq!(give(json!({"allow_branding": true})).await.ok()["updated_at"], given["updated_at"], "no change");
    let back = give(json!({"allow_branding": false, "allow_passkeys": false})).await.ok();
    assert_eq!(back["feature_overrides"], r#"{"allowed_social_providers":["google"]}"#, "the tier's passkeys stay");
    colour().await.refused(403, "FEATURE_NOT_AVAILABLE_IN_TIER");
    app.by(&ann).patch(&path, json!({"allow_scim": true})).await.refused(403, "FORBIDDEN");
    let log = app.by(&ann).get(&org.at("audit-log?action=organization.features_updated")).await.ok();
    assert_eq!((&log["pagination"]["total"], &log["logs"][1]["metadata"]["features"]), (&json!(2), &given["feature_overrides"]));
    let platform = app.by(&root).get("/api/platform/audit-log?action=update_organization_features").await.ok();
    assert_eq!((&platform["total"], &platform["logs"][0]["metadata"]["slug"]), (&json!(2), &json!("acme")));
});

both!(a_tier_is_edited_for_all_in_it, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let edit = async |body: Value| app.by(&root).patch("/api/platform/tiers/tier_free", body).await;
    edit(json!({"display_name": "x", "default_max_users": -1, "currency": "euro", "features": {"allow_scim": 1}}))
        .await
        .invalid(&["display_name", "default_max_users", "currency"]);
    edit(json!({"features": {"allow_scim": 1}})).await.invalid(&["allow_scim"]);
    let tiers = app.by(&root).get("/api/platform/tiers").await.ok();
    assert_eq!(edit(json!({})).await.ok(), tiers[0], "nothing asked, nothing changed");
    let body = json!({"display_name": "Starter kit", "default_max_users": 5, "price_cents": 900, "currency": "EUR",
        "features": {"allow_branding": true}, "max_mau": 500, "allow_overage": false});
    let edited = edit(body.clone()).await.ok();
    assert_eq!(
        (&edited["display_name"], &edited["currency"], &edited["name"]),
        (&json!("Starter kit"), &json!("eur"), &json!("free"))
    );
    let features: Value = serde_json::from_str(edited["features"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&features["allow_branding"], &features["max_mau"], &features["allow_passkeys"]),
        (&json!(true), &json!(500), &json!(true))
    );
    assert_eq!(edit(body).await.ok(), edited);
    // At once, where it was edited.
    assert_eq!(app.by(&ann).get(&org.at("members")).await.ok()["limit"]["max"], 5);
    app.by(&ann).patch(&org.at("branding"), json!({"primary_color": "#123"})).await.ok();
    app.by(&root).patch("/api/platform/tiers/tier_none", json!({"price_cents": 1})).await.refused(404, "NOT_FOUND");
    app.by(&ann).patch("/api/platform/tiers/tier_free", json!({"price_cents": 1})).await.refused(403, "FORBIDDEN");
    let log = app.by(&root).get("/api/platform/audit-log?action=update_tier").await.ok();
    assert_eq!((&log["total"], &log["logs"][0]["target_id"]), (&json!(1), &json!("tier_free")));
});

both!(owners_make_and_unmake_each_other_and_one_stays, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    app.by(&root).post("/api/platform/owners", json!({})).await.invalid(&["user_id"]);
    app.by(&root).post("/api/platform/owners", json!({"user_id": "nonsense"})).await.refused(404, "NOT_FOUND");
    app.by(&root).post("/api/platform/owners", json!({"user_id": root.id})).await.refused(400, "BAD_REQUEST");
    app.by(&root).delete(&format!("/api/platform/owners/{}", root.id)).await.refused(400, "BAD_REQUEST");
    let promoted = app.by(&root).post("/api/platform/owners", json!({"user_id": ann.id})).await.ok();
    has_exactly(&promoted, USER);
    assert_eq!(promoted["is_platform_owner"], true);
    // It is read from the database: the token from before is enough, and is no use once the right is gone.
    app.by(&ann).get("/api/platform/tiers").await.ok();
    let (a, b) = (app.by(&root), app.by(&ann));
    let (path_a, path_b) = (format!("/api/platform/owners/{}", ann.id), format!("/api/platform/owners/{}", root.id));
    let (first, second) = futures::join!(a.delete(&path_a), b.delete(&path_b));
    assert!(matches!((first.status, second.status), (200, 403) | (403, 200)), "two who demote each other: {first} {second}");
    assert_eq!(app.count("select count(*) from users where is_platform_owner").await, 1);
    let gone = if first.status == 200 { &ann } else { &root };
    app.by(gone).get("/api/platform/tiers").await.refused(403, "FORBIDDEN");
});

both!(the_log_names_who_did_what, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    act(app, &root, &org.id, "suspend", json!({})).await.ok();
    act(app, &root, &org.id, "activate", json!({})).await.ok();
    let log = async |query: &str| app.by(&root).get(&format!("/api/platform/audit-log{query}")).await.ok();
    let page = log(&format!("?target_type=organization&target_id={}", org.id)).await;
    has_exactly(&page, &["logs", "total"]);
    has_exactly(&page["logs"][0], &["id", "platform_owner_id", "action", "target_type", "target_id", "metadata", "created_at"]);
    let actions: Vec<_> = page["logs"].as_array().unwrap().iter().map(|l| text(&l["action"])).collect();
    assert_eq!((actions, &page["total"]), (vec!["activate_organization".into(), "suspend_organization".into()], &json!(2)));
    assert_eq!(page["logs"][0]["platform_owner_id"], json!(root.id));
    assert_eq!(log("?limit=1&offset=1").await["logs"].as_array().unwrap().len(), 1);
    // The organization's own log has its side of it.
    let own = app.by(&ann).get("/api/organizations/acme/audit-log?target_type=organization").await.ok();
    let own: Vec<_> = own["logs"].as_array().unwrap().iter().map(|l| text(&l["action"])).collect();
    assert_eq!(own, ["organization.activated", "organization.suspended", "organization.created"]);
});

both!(the_first_owner_comes_by_a_link_that_works_once, async |app| {
    let token = |link: &str| link.split_once("token=").unwrap().1.to_owned();
    let earlier = app.use_cases.owner_link().await.unwrap().expect("nobody owns the platform yet");
    let link = app.use_cases.owner_link().await.unwrap().expect("nobody owns the platform yet");
    let (earlier, token) = (token(&earlier), token(&link));
    let path = link.strip_prefix(app.client().base()).expect("under the public URL");
    // T38: looking at the page changes nothing.
    app.client().get(path).await.expect(200);
    let claim = async |token: &str, email: &str, password: &str| {
        let request =
            app.client().request(reqwest::Method::POST, "/setup").header("content-type", "application/x-www-form-urlencoded");
        request.body(format!("token={token}&email={email}&password={password}")).send().await
    };
    claim("owner_wrong", "root@example.com", "long+enough").await.expect(400);
    claim(&earlier, "root@example.com", "long+enough").await.expect(400);
    claim(&token, "root@example.com", "short").await.expect(400);
    claim(&token, "root@example.com", "long+enough").await.expect(200);
    claim(&token, "evil@example.com", "long+enough").await.expect(400);
    let root = app.login("root@example.com", "long enough").await;
    app.by(&root).get("/api/platform/tiers").await.ok();
    assert!(app.use_cases.owner_link().await.unwrap().is_none());
});

both!(a_platform_owner_who_lost_the_password_gets_a_link_from_the_operator, async |app| {
    let (root, ann) = (app.platform_owner().await, app.sign_up("ann@example.com").await);
    for nobody in ["ann@example.com", "nobody@example.com"] {
        let refused = app.use_cases.reset_platform_owner(&nobody.parse().unwrap()).await.unwrap_err();
        assert_eq!(refused.code, "no_platform_owner", "{nobody}");
    }
    let email = "root@platform.example".parse().unwrap();
    let links =
        [app.use_cases.reset_platform_owner(&email).await.unwrap(), app.use_cases.reset_platform_owner(&email).await.unwrap()];
    let [earlier, link] = links.map(|link| link.split_once("/auth/reset-password?token=").expect("a link").1.to_owned());
    let reset = async |token: &str| {
        let request = app
            .client()
            .request(reqwest::Method::POST, "/auth/reset-password")
            .header("content-type", "application/x-www-form-urlencoded");
        request.body(format!("token={token}&password=a+new+sentence")).send().await
    };
    reset(&earlier).await.expect(400);
    reset(&link).await.expect(200);
    reset(&link).await.expect(400);
    app.by(&root).get("/api/user").await.expect(401);
    let root = app.login("root@platform.example", "a new sentence").await;
    let log = app.by(&root).get("/api/platform/audit-log").await.ok();
    let told: Vec<_> = log["logs"].as_array().unwrap().iter().filter(|l| l["action"] == "reset_platform_owner").collect();
    assert_eq!(told.len(), 2, "{log}");
    assert_eq!(told[0]["target_id"], json!(root.id));
    app.by(&ann).get("/api/user").await.ok();
});
