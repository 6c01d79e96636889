//! End users: who uses the organization's services, what of them is shown, and how their sessions end here and nowhere else.

use chrono::TimeDelta;
use futures::future::join_all;
use serde_json::{Value, json};
use tenantry_tests::{Org, PASSWORD, TestApp, User, both, text};

use super::{
    service_keys::{ALL, Served, make_key},
    services::make,
};
use crate::core::shapes::{USER, has_exactly};

const SUBSCRIPTION: &[&str] =
    &["service_id", "service_slug", "service_name", "plan_id", "plan_name", "status", "current_period_end", "created_at"];
const SESSION: &[&str] = &[
    "id",
    "service_id",
    "service_name",
    "org_slug",
    "ip_address",
    "user_agent",
    "expires_at",
    "refresh_token_expires_at",
    "created_at",
];
const SIGN_IN: &[&str] = &[
    "id",
    "service_id",
    "service_name",
    "provider",
    "ip_address",
    "user_agent",
    "risk_score",
    "risk_factors",
    "geo_country",
    "geo_city",
    "created_at",
];

/// Adds a user to the service of a key.
async fn add(app: &TestApp, key: &str, email: &str) -> String {
    app.advance(TimeDelta::seconds(1));
    text(&app.client().bearer(key).post("/api/service/users", json!({"email": email})).await.ok()["id"])
}

async fn shop_key(app: &TestApp, s: &Served) -> String {
    let made = make_key(app, &s.ann, &s.org, "shop", json!({"name": "Shop backend", "permissions": ALL})).await;
    text(&made["key"])
}

fn ids(list: &Value) -> Vec<String> {
    list["users"].as_array().unwrap().iter().map(|user| text(&user["user"]["id"])).collect()
}

/// Makes a person of a platform account that signs in through a service, which the service API cannot.
pub(super) async fn comes_through_the_portal(app: &TestApp, s: &Served, who: &User) {
    let raw = |id: &str| id.split_once('_').unwrap().1.to_owned();
    let backend = app.connection().await.get_database_backend();
    let key = |id: &str| match backend {
        sea_orm::DbBackend::Sqlite => format!("x'{}'", raw(id)),
        _ => format!("'{}'", raw(id)),
    };
    let (org, service, user) = (key(&s.org.id), key(&text(&s.portal["service"]["id"])), key(&who.id));
    app.execute(&format!(
        "insert into service_users (org_id, service_id, user_id, made_here, created_at)
        select {org}, {service}, id, false, created_at from users where id = {user}"
    ))
    .await;
    app.execute(&format!(
        "insert into end_users (org_id, user_id, services, created_at) select {org}, id, 1, created_at from users where id = {user}"
    ))
    .await;
    app.execute(&format!("update org_counters set end_users = end_users + 1 where org_id = {org}")).await;
}

async fn select(app: &TestApp, by: &User, org: &Org) -> String {
    text(&app.by(by).post_empty(&org.at("select")).await.ok()["access_token"])
}

both!(everybody_who_uses_a_service_is_listed_once_newest_first, async |app| {
    let s = Served::new(app, ALL).await;
    let shop = shop_key(app, &s).await;
    let (cy, di) = (add(app, &s.secret, "cy@example.com").await, add(app, &s.secret, "di@example.com").await);
    let ed = add(app, &shop, "ed@example.com").await;
    assert_eq!(add(app, &shop, "cy@example.com").await, cy);
    let plan = s.portal["default_plan"]["plan"].clone();
    let body = json!({"user_id": cy, "plan_id": plan["id"]});
    s.program(app).post("/api/service/subscriptions", body).await.ok();

    let by = app.by(&s.ann);
    let all = by.get(&s.org.at("users")).await.ok();
    has_exactly(&all, &["users", "total", "page", "limit", "next"]);
    assert_eq!(
        (ids(&all), &all["total"], &all["page"], &all["limit"]),
        (vec![ed.clone(), di.clone(), cy.clone()], &json!(3), &json!(1), &json!(50))
    );
    assert_eq!(all["next"], Value::Null);
    let first = &all["users"][2];
    has_exactly(first, &["user", "subscriptions", "identities"]);
    has_exactly(&first["user"], USER);
    has_exactly(&first["subscriptions"][0], SUBSCRIPTION);
    assert_eq!(
        (&first["subscriptions"][0]["plan_name"], &first["subscriptions"][0]["service_slug"], &first["subscriptions"][1]),
        (&plan["name"], &json!("portal"), &Value::Null)
    );
    assert_eq!((&all["users"][0]["subscriptions"], &all["users"][0]["identities"]), (&json!([]), &json!([])));

    let shop = by.get(&s.org.at("users?service_slug=shop")).await.ok();
    assert_eq!((ids(&shop), &shop["total"]), (vec![cy.clone(), ed.clone()], &json!(2)), "since when they use this service");
    by.get(&s.org.at("users?service_slug=nothing")).await.refused(404, "NOT_FOUND");
    let second = by.get(&s.org.at("users?page=2&limit=2")).await.ok();
    assert_eq!((ids(&second), &second["total"], &second["page"]), (vec![cy.clone()], &json!(3), &json!(2)));
    assert_eq!(by.get(&s.org.at("users?page=9")).await.ok()["users"], json!([]));

    // Behind a place, whoever comes or goes meanwhile.
    let page = by.get(&s.org.at("users?limit=1")).await.ok();
    let next = text(&page["next"]);
    add(app, &s.secret, "new@example.com").await;
    s.program(app).delete(&format!("/api/service/users/{di}")).await.done();
    let rest = by.get(&s.org.at(&format!("users?limit=2&after={next}"))).await.ok();
    assert_eq!((ids(&rest), &rest["total"], &rest["next"]), (vec![cy], &json!(3), &Value::Null));
    for bad in ["x", "1-usr_1", "-1", "9999999999999999999999-usr_00000000000000000000000000000001"] {
        by.get(&s.org.at(&format!("users?after={bad}"))).await.invalid(&["after"]);
    }
});

both!(the_number_of_end_users_follows_what_happens, async |app| {
    let s = Served::new(app, ALL).await;
    let shop = shop_key(app, &s).await;
    let total = async || app.by(&s.ann).get(&s.org.at("users")).await.ok()["total"].as_i64().unwrap();
    let rows = async || app.count("select count(*) from end_users").await;
    let cy = add(app, &s.secret, "cy@example.com").await;
    add(app, &shop, "cy@example.com").await;
    add(app, &shop, "di@example.com").await;
    assert_eq!((total().await, rows().await), (2, 2));
    s.program(app).delete(&format!("/api/service/users/{cy}")).await.done();
    assert_eq!((total().await, rows().await), (2, 2), "still a user of the shop");
    // The same address at many services at once.
    let keys = [&s.secret, &shop];
    let adding = (0..12).map(|n| {
        let program = app.client().bearer(keys[n % 2]);
        async move { program.post("/api/service/users", json!({"email": format!("many{}@example.com", n / 2)})).await.ok() }
    });
    join_all(adding).await;
    assert_eq!((total().await, rows().await), (8, 8));
    app.by(&s.ann).delete(&s.org.at("services/shop")).await;
    assert_eq!((total().await, rows().await), (6, 6));
    let left = app.by(&s.ann).get(&s.org.at("users")).await.ok();
    let leaving = ids(&left).into_iter().map(|id| {
        let program = s.program(app);
        async move { program.delete(&format!("/api/service/users/{id}")).await.done() }
    });
    join_all(leaving).await;
    assert_eq!((total().await, rows().await), (0, 0));
});

both!(t12_end_users_of_others_are_none, async |app| {
    let s = Served::new(app, ALL).await;
    let cy = add(app, &s.secret, "cy@example.com").await;
    let eve = app.sign_up("eve@example.com").await;
    let rival = app.create_org(&eve, "rival").await;
    make(app, &eve, &rival, "portal").await;
    let theirs = make_key(app, &eve, &rival, "portal", json!({"name": "Backend", "permissions": ALL})).await;
    let hers = add(app, &text(&theirs["key"]), "cy@example.com").await;
    assert_ne!(cy, hers, "an account in each organization");
    for (by, org, own, foreign) in [(&s.ann, &s.org, &cy, &hers), (&eve, &rival, &hers, &cy)] {
        assert_eq!(ids(&app.by(by).get(&org.at("users")).await.ok()), [own.as_str()]);
        app.by(by).get(&org.at(&format!("users/{foreign}"))).await.refused(404, "NOT_FOUND");
        app.by(by).delete(&org.at(&format!("users/{foreign}/sessions"))).await.refused(404, "NOT_FOUND");
    }
    app.by(&eve).get(&s.org.at("users")).await.refused_as(403, "FORBIDDEN", "not_a_member");
    // Members who use no service are no end users.
    let bob = app.member(&s.ann, "acme", "bob@example.com", "member").await;
    app.by(&s.ann).get(&s.org.at(&format!("users/{}", bob.id))).await.refused(404, "NOT_FOUND");
    app.by(&bob).get(&s.org.at("users")).await.refused_as(403, "FORBIDDEN", "missing_permission");
});

both!(sessions_end_here_and_nowhere_else, async |app| {
    let s = Served::new(app, ALL).await;
    let di = app.sign_up("di@example.com").await;
    let (eve, root) = (app.sign_up("eve@example.com").await, app.platform_owner().await);
    app.more_seats(&root, &s.org).await;
    let other = app.create_org(&eve, "other").await;
    app.invite_and_join(&s.ann, "acme", &di, "member").await;
    app.invite_and_join(&eve, "other", &di, "member").await;
    comes_through_the_portal(app, &s, &di).await;
    let (here, again, there) = (select(app, &di, &s.org).await, select(app, &di, &s.org).await, select(app, &di, &other).await);
    let path = s.org.at(&format!("users/{}", di.id));
    let by = app.by(&s.ann);
    let shown = by.get(&path).await.ok();
    has_exactly(&shown, &["user", "subscriptions", "identities", "session_count", "sessions", "recent_logins"]);
    has_exactly(&shown["sessions"][0], SESSION);
    has_exactly(&shown["recent_logins"][0], SIGN_IN);
    assert_eq!((&shown["session_count"], shown["sessions"].as_array().unwrap().len()), (&json!(2), 2), "{shown}");
    assert_eq!((&shown["sessions"][0]["org_slug"], &shown["sessions"][0]["service_id"]), (&json!("acme"), &Value::Null));
    assert_eq!(shown["recent_logins"].as_array().unwrap().len(), 1, "one session entered, however often it switched: {shown}");
    let login = &shown["recent_logins"][0];
    assert_eq!(
        (&login["provider"], &login["ip_address"], &login["risk_score"]),
        (&json!("password"), &json!("127.0.0.1"), &Value::Null)
    );
    assert!(!shown.to_string().contains("other"), "{shown}");

    app.role(&s.ann, "acme", "helper", &["end_users.view"]).await;
    let helper = app.member(&s.ann, "acme", "helper@example.com", "helper").await;
    app.by(&helper).get(&path).await.ok();
    app.by(&helper).delete(&format!("{path}/sessions")).await.refused_as(403, "FORBIDDEN", "missing_permission");

    let ended = by.delete(&format!("{path}/sessions")).await.ok();
    has_exactly(&ended, &["message", "revoked_count"]);
    assert_eq!(ended["revoked_count"], 2);
    for token in [&here, &again] {
        app.client().bearer(token).get("/api/user").await.refused(401, "UNAUTHORIZED");
    }
    app.client().bearer(&there).get(&other.path).await.ok();
    app.by(&di).get("/api/user").await.ok();
    let shown = by.get(&path).await.ok();
    assert_eq!((&shown["session_count"], &shown["sessions"]), (&json!(0), &json!([])));
    assert_eq!(by.delete(&format!("{path}/sessions")).await.ok()["revoked_count"], 0);
    let log = by.get(&s.org.at(&format!("audit-log?action=user.sessions_revoked&target_id={}", di.id))).await.ok();
    assert_eq!(log["pagination"]["total"], 1, "nothing is recorded where nothing ends: {log}");
    assert_eq!(
        (&log["logs"][0]["metadata"]["count"], &log["logs"][0]["metadata"]["reason"]),
        (&json!(2), &json!("organization"))
    );
    // One that the organization judged shows how.
    app.advance(TimeDelta::seconds(1));
    let body = json!({"email": di.email, "password": PASSWORD, "org_slug": "acme"});
    app.client().post("/api/auth/login", body).await.ok();
    let login = &by.get(&path).await.ok()["recent_logins"][0];
    has_exactly(login, SIGN_IN);
    assert_eq!((&login["risk_score"], &login["risk_factors"]), (&json!(20), &json!(["new_device"])));
});

both!(t20_who_looks_after_end_users_does_not_keep_an_owner_out, async |app| {
    let s = Served::new(app, ALL).await;
    comes_through_the_portal(app, &s, &s.ann).await;
    app.role(&s.ann, "acme", "care", &["end_users.view", "end_users.manage"]).await;
    let cy = app.member(&s.ann, "acme", "cy@example.com", "care").await;
    let ann = s.org.at(&format!("users/{}/sessions", s.ann.id));
    app.by(&cy).delete(&ann).await.refused_as(403, "FORBIDDEN", "owner_required");
    let key = json!({"name": "Care", "permissions": ["end_users.manage"]});
    let key = app.by(&s.ann).post(&s.org.at("api-keys"), key).await.ok();
    app.client().bearer(&text(&key["secret"])).delete(&ann).await.refused_as(403, "FORBIDDEN", "owner_required");
    // Oneself, always.
    comes_through_the_portal(app, &s, &cy).await;
    select(app, &cy, &s.org).await;
    let own = s.org.at(&format!("users/{}/sessions", cy.id));
    assert_eq!(app.by(&cy).delete(&own).await.ok()["revoked_count"], 1);
});

both!(an_account_of_the_organizations_own_is_signed_out_altogether, async |app| {
    let s = Served::new(app, ALL).await;
    let cy = add(app, &s.secret, "cy@example.com").await;
    let invited = app.by(&s.ann).post(&s.org.at("invitations"), json!({"email": "cy@example.com", "role": "member"})).await.ok();
    app.by(&s.ann).post_empty(&s.org.at(&format!("invitations/{}/accept", text(&invited["invitation"]["id"])))).await.done();
    app.client().post("/api/auth/forgot-password", json!({"email": "cy@example.com", "org_slug": "acme"})).await.ok();
    app.worker().await;
    let token = app.mailed_token("cy@example.com", "reset-password");
    app.client().post("/api/auth/reset-password", json!({"token": token, "new_password": PASSWORD})).await.ok();
    let login = json!({"email": "cy@example.com", "password": PASSWORD, "org_slug": "acme"});
    let pair = app.client().post("/api/auth/login", login).await.ok();
    let client = app.client().bearer(&text(&pair["access_token"]));
    assert_eq!(client.get("/api/user").await.ok()["id"], cy);
    let path = s.org.at(&format!("users/{cy}"));
    assert_eq!(app.by(&s.ann).get(&path).await.ok()["recent_logins"].as_array().unwrap().len(), 1);
    assert_eq!(app.by(&s.ann).delete(&format!("{path}/sessions")).await.ok()["revoked_count"], 1);
    client.get("/api/user").await.refused(401, "UNAUTHORIZED");
    let again = json!({"refresh_token": pair["refresh_token"]});
    app.client().post("/api/auth/refresh", again).await.refused(401, "UNAUTHORIZED");
    assert_eq!(app.count("select count(*) from sessions where revoked_at is null and method = 'password' and user_id in (select id from users where email = 'cy@example.com')").await, 0);
});

both!(the_last_twenty_sign_ins_are_shown_each_session_once, async |app| {
    let s = Served::new(app, ALL).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &s.org).await;
    let di = app.member(&s.ann, "acme", "di@example.com", "member").await;
    comes_through_the_portal(app, &s, &di).await;
    for _ in 0..22 {
        app.advance(TimeDelta::minutes(1));
        let again = app.again(&di).await;
        select(app, &again, &s.org).await;
        select(app, &again, &s.org).await;
    }
    let ann = app.again(&s.ann).await;
    let shown = app.by(&ann).get(&s.org.at(&format!("users/{}", di.id))).await.ok();
    let times: Vec<String> = shown["recent_logins"].as_array().unwrap().iter().map(|login| text(&login["created_at"])).collect();
    assert!(times.len() == 20 && times.is_sorted_by(|a, b| a > b), "{times:?}");
    assert_eq!((&shown["session_count"], shown["sessions"].as_array().unwrap().len()), (&json!(44), 44));
});
