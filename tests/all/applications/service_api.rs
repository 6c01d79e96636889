//! The service API: a service's program with its users, subscriptions and totals; nothing of another service or organization.

use chrono::TimeDelta;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Client, TestApp, both, text};

use super::service_keys::{ALL, Served, make_key};
use super::services::make;
use crate::core::shapes::has_exactly;

const USER: &[&str] = &["id", "email", "email_verified_at", "created_at", "updated_at", "added_at"];
const SUBSCRIPTION: &[&str] = &[
    "user_id",
    "service_id",
    "service_slug",
    "service_name",
    "plan_id",
    "plan_name",
    "status",
    "current_period_end",
    "created_at",
    "updated_at",
];

async fn add(program: &Client, email: &str) -> Value {
    program.post("/api/service/users", json!({"email": email})).await.ok()
}

fn user_path(user: &Value) -> String {
    format!("/api/service/users/{}", text(&user["id"]))
}

/// A key of the organization's other service.
async fn shop(app: &TestApp, s: &Served) -> Client {
    let body = json!({"name": "Backend", "permissions": ALL});
    app.client().bearer(&text(&make_key(app, &s.ann, &s.org, "shop", body).await["key"]))
}

/// A key of another organization's service.
async fn rival(app: &TestApp) -> Client {
    let eve = app.sign_up("eve@example.com").await;
    let org = app.create_org(&eve, "rival").await;
    make(app, &eve, &org, "portal").await;
    let body = json!({"name": "Backend", "permissions": ALL});
    app.client().bearer(&text(&make_key(app, &eve, &org, "portal", body).await["key"]))
}

both!(a_program_manages_its_services_users, async |app| {
    let s = Served::new(app, ALL).await;
    let program = s.program(app);
    let cy = add(&program, " Cy@Example.com ").await;
    has_exactly(&cy, USER);
    assert_eq!((&cy["email"], &cy["email_verified_at"]), (&json!("cy@example.com"), &Value::Null));
    app.advance(TimeDelta::seconds(1));
    let di = add(&program, "di@example.com").await;
    let listed = program.get("/api/service/users").await.ok();
    assert_eq!(listed, json!({"users": [di, cy], "total": 2}), "newest first");
    assert_eq!(program.get("/api/service/users?limit=1&offset=1").await.ok(), json!({"users": [cy], "total": 2}));
    assert_eq!(program.get(&user_path(&cy)).await.ok(), cy);
    let again = json!({"email": "cy@example.com"});
    program.post("/api/service/users", again).await.refused_as(400, "DUPLICATE_CONSTRAINT", "already_user");
    let moved = program.patch(&user_path(&cy), json!({"email": "cy2@example.com"})).await.ok();
    assert_eq!((&moved["email"], &moved["id"]), (&json!("cy2@example.com"), &cy["id"]));
    program.patch(&user_path(&cy), json!({"email": "di@example.com"})).await.refused_as(
        400,
        "DUPLICATE_CONSTRAINT",
        "email_taken",
    );
    program.patch(&user_path(&cy), json!({})).await.ok();
    program.delete(&user_path(&cy)).await.done();
    program.get(&user_path(&cy)).await.refused(404, "NOT_FOUND");
    program.delete(&user_path(&cy)).await.refused(404, "NOT_FOUND");
    // Nobody used the account but this service.
    assert_eq!(app.count("select count(*) from users where email like 'cy%'").await, 0);
    for (name, count) in [("end_user.created", 2), ("end_user.updated", 1), ("end_user.removed", 1)] {
        let log = app.by(&s.ann).get(&s.org.at(&format!("audit-log?action={name}"))).await.ok();
        assert_eq!((&log["pagination"]["total"], &log["logs"][0]["actor_id"]), (&json!(count), &json!(s.id)), "{log}");
    }
    // End users take no seat, and are no members.
    let members = app.by(&s.ann).get(&s.org.at("members")).await.ok();
    assert_eq!(members["total"], 1);
});

both!(a_repeated_request_adds_one_user, async |app| {
    let s = Served::new(app, ALL).await;
    let program = s.program(app);
    let once = async || {
        let request = program.request(Method::POST, "/api/service/users").header("idempotency-key", "one");
        request.json(&json!({"email": "cy@example.com"})).send().await.ok()
    };
    assert_eq!(once().await, once().await);
});

both!(users_are_checked_in_every_field, async |app| {
    let s = Served::new(app, ALL).await;
    let program = s.program(app);
    for body in [json!({}), json!({"email": 7}), json!({"email": "nobody"}), json!({"email": null})] {
        program.post("/api/service/users", body).await.invalid(&["email"]);
    }
    let cy = add(&program, "cy@example.com").await;
    program.patch(&user_path(&cy), json!({"email": null})).await.invalid(&["email"]);
    for path in ["usr_x", "nobody", "usr_00000000000000000000000000000000"] {
        program.get(&format!("/api/service/users/{path}")).await.refused(404, "NOT_FOUND");
    }
});

both!(each_permission_opens_its_own_part, async |app| {
    let s = Served::new(app, &[]).await;
    let calls: [(&str, Method, &str); 7] = [
        ("read:users", Method::GET, "users"),
        ("write:users", Method::POST, "users"),
        ("read:subscriptions", Method::GET, "subscriptions"),
        ("write:subscriptions", Method::POST, "subscriptions"),
        ("read:analytics", Method::GET, "analytics"),
        ("read:service", Method::GET, "info"),
        ("write:service", Method::PATCH, "info"),
    ];
    for permission in ALL {
        let body = json!({"name": permission, "permissions": [permission]});
        let program = app.client().bearer(&text(&make_key(app, &s.ann, &s.org, "portal", body).await["key"]));
        for (needs, method, path) in &calls {
            let body = match *path {
                "users" => json!({"email": "cy@example.com"}),
                "subscriptions" => {
                    json!({"user_id": "usr_00000000000000000000000000000000", "plan_id": "plan_00000000000000000000000000000000"})
                }
                _ => json!({"name": "Named"}),
            };
            let answer = program.request(method.clone(), &format!("/api/service/{path}")).json(&body).send().await;
            match needs == permission {
                true => assert!(matches!(answer.status, 200 | 404), "{answer}"),
                false => answer.refused_as(403, "FORBIDDEN", "missing_permission"),
            }
        }
    }
});

both!(a_subscription_is_made_changed_and_ended, async |app| {
    let s = Served::new(app, ALL).await;
    let program = s.program(app);
    let (cy, free) = (add(&program, "cy@example.com").await, text(&s.portal["default_plan"]["plan"]["id"]));
    let team = json!({"name": "Team", "price_cents": 4900, "currency": "usd"});
    let team = text(&app.by(&s.ann).post(&s.org.at("services/portal/plans"), team).await.ok()["plan"]["id"]);
    let wanted =
        json!({"user_id": cy["id"], "plan_id": team, "status": "trialing", "current_period_end": "2026-12-01T00:00:00Z"});
    let made = program.post("/api/service/subscriptions", wanted.clone()).await.ok();
    has_exactly(&made, SUBSCRIPTION);
    assert_eq!(
        (&made["status"], &made["plan_name"], &made["service_slug"]),
        (&json!("trialing"), &json!("Team"), &json!("portal"))
    );
    program.post("/api/service/subscriptions", wanted).await.refused_as(400, "DUPLICATE_CONSTRAINT", "already_subscribed");
    let path = format!("/api/service/subscriptions/{}", text(&cy["id"]));
    assert_eq!(program.get(&path).await.ok(), made);
    assert_eq!(program.get("/api/service/subscriptions").await.ok(), json!({"subscriptions": [made], "total": 1}));

    let counts = async || {
        let plans = app.by(&s.ann).get(&s.org.at("services/portal/plans")).await.ok();
        let plans: Vec<_> = plans.as_array().unwrap().iter().map(|plan| plan["subscription_count"].as_i64().unwrap()).collect();
        let shown = app.by(&s.ann).get(&s.org.at("services/portal")).await.ok();
        (plans, shown["subscription_count"].as_i64().unwrap())
    };
    assert_eq!(counts().await, (vec![0, 1], 1));
    let used = s.org.at(&format!("services/portal/plans/{team}"));
    app.by(&s.ann).delete(&used).await.refused_as(400, "BAD_REQUEST", "plan_in_use");
    let active = app.by(&s.ann).delete(&s.org.at("services/portal")).await;
    active.refused_as(400, "BAD_REQUEST", "active_subscriptions");
    let changed = program.patch(&path, json!({"plan_id": free, "status": "active", "current_period_end": null})).await.ok();
    assert_eq!((&changed["plan_id"], &changed["current_period_end"]), (&json!(free), &Value::Null));
    assert_eq!(counts().await, (vec![1, 0], 1));
    let totals = program.get("/api/service/analytics").await.ok();
    assert_eq!((&totals["total_users"], &totals["total_subscriptions"]), (&json!(1), &json!(1)));
    assert_eq!(totals["plans"][0], json!({"plan_id": free, "plan_name": "free", "subscription_count": 1}));
    program.patch(&path, json!({"status": "canceled"})).await.ok();
    program.delete(&path).await.done();
    program.get(&path).await.refused(404, "NOT_FOUND");
    assert_eq!(counts().await, (vec![0, 0], 0));
    for (name, count) in [("subscription.created", 1), ("subscription.updated", 1), ("subscription.canceled", 2)] {
        let log = app.by(&s.ann).get(&s.org.at(&format!("audit-log?action={name}"))).await.ok();
        assert_eq!(log["pagination"]["total"], count, "{log}");
    }
    // Whoever leaves takes their subscription along.
    program.post("/api/service/subscriptions", json!({"user_id": cy["id"], "plan_id": free})).await.ok();
    program.delete(&user_path(&cy)).await.done();
    assert_eq!(counts().await, (vec![0, 0], 0));
    app.by(&s.ann).delete(&used).await.done();
    app.by(&s.ann).delete(&s.org.at("services/portal")).await.expect(204);
});

both!(a_subscription_is_checked_in_every_field, async |app| {
    let s = Served::new(app, ALL).await;
    let program = s.program(app);
    let (cy, free) = (add(&program, "cy@example.com").await, &s.portal["default_plan"]["plan"]["id"]);
    program.post("/api/service/subscriptions", json!({})).await.invalid(&["user_id", "plan_id"]);
    for (field, value) in [
        ("user_id", json!("cy@example.com")),
        ("plan_id", json!("free")),
        ("status", json!("paid")),
        ("current_period_end", json!("soon")),
    ] {
        let mut body = json!({"user_id": cy["id"], "plan_id": free});
        body[field] = value;
        program.post("/api/service/subscriptions", body).await.invalid(&[field]);
    }
    for (field, prefix) in [("user_id", "usr"), ("plan_id", "plan")] {
        let mut body = json!({"user_id": cy["id"], "plan_id": free});
        body[field] = json!(format!("{prefix}_00000000000000000000000000000000"));
        program.post("/api/service/subscriptions", body).await.refused(404, "NOT_FOUND");
    }
});

both!(a_program_sees_and_changes_its_own_service, async |app| {
    let s = Served::new(app, &["read:service", "write:service"]).await;
    let info = s.program(app).get("/api/service/info").await.ok();
    assert_eq!((&info["id"], &info["slug"]), (&s.portal["service"]["id"], &json!("portal")));
    assert!(info.get("client_secret").is_none());
    let uris = json!({"name": "Renamed", "redirect_uris": ["https://a.example/cb"]});
    let changed = s.program(app).patch("/api/service/info", uris).await.ok();
    assert_eq!((&changed["name"], &changed["redirect_uris"]), (&json!("Renamed"), &json!(["https://a.example/cb"])));
    s.program(app)
        .patch("/api/service/info", json!({"redirect_uris": ["http://a.example/cb"]}))
        .await
        .invalid(&["redirect_uris"]);
    // Who may come to it, and that tokens stand in addresses, a person says.
    for opened in [json!({"sign_up": true}), json!({"implicit_grant": true})] {
        s.program(app).patch("/api/service/info", opened).await.refused_as(403, "FORBIDDEN", "person_required");
    }
    let log = app.by(&s.ann).get(&s.org.at("audit-log?action=service.updated")).await.ok();
    assert_eq!((&log["logs"][0]["actor_id"], &log["pagination"]["total"]), (&json!(s.id), &json!(1)));
});

both!(t12_another_services_users_do_not_exist, async |app| {
    let s = Served::new(app, ALL).await;
    let (program, shop, rival) = (s.program(app), shop(app, &s).await, rival(app).await);
    let (cy, free) = (add(&program, "cy@example.com").await, &s.portal["default_plan"]["plan"]["id"]);
    let subscription = format!("/api/service/subscriptions/{}", text(&cy["id"]));
    program.post("/api/service/subscriptions", json!({"user_id": cy["id"], "plan_id": free})).await.ok();
    for other in [&shop, &rival] {
        let before = app.dump().await;
        other.get(&user_path(&cy)).await.refused(404, "NOT_FOUND");
        other.patch(&user_path(&cy), json!({"email": "mine@example.com"})).await.refused(404, "NOT_FOUND");
        other.delete(&user_path(&cy)).await.refused(404, "NOT_FOUND");
        other.get(&subscription).await.refused(404, "NOT_FOUND");
        other.patch(&subscription, json!({"status": "canceled"})).await.refused(404, "NOT_FOUND");
        other.delete(&subscription).await.refused(404, "NOT_FOUND");
        other.post("/api/service/subscriptions", json!({"user_id": cy["id"], "plan_id": free})).await.refused(404, "NOT_FOUND");
        assert_eq!(other.get("/api/service/users").await.ok(), json!({"users": [], "total": 0}));
        assert_eq!(other.get("/api/service/subscriptions").await.ok(), json!({"subscriptions": [], "total": 0}));
        assert_eq!(other.get("/api/service/analytics").await.ok()["total_users"], 0);
        assert_ne!(other.get("/api/service/info").await.ok()["id"], s.portal["service"]["id"]);
        // What is recorded is that the key was used.
        let changed: Vec<_> = app.dump().await.lines().filter(|line| !before.contains(line)).map(str::to_owned).collect();
        assert!(changed.iter().all(|line| !line.contains("cy@example.com")), "{changed:?}");
    }
    // A plan of the other service neither.
    let di = add(&shop, "di@example.com").await;
    shop.post("/api/service/subscriptions", json!({"user_id": di["id"], "plan_id": free})).await.refused(404, "NOT_FOUND");
});

both!(two_services_of_an_organization_share_its_account_of_an_address, async |app| {
    let s = Served::new(app, ALL).await;
    let (program, shop, rival) = (s.program(app), shop(app, &s).await, rival(app).await);
    let (here, there, elsewhere) =
        (add(&program, "cy@example.com").await, add(&shop, "cy@example.com").await, add(&rival, "cy@example.com").await);
    assert_eq!(here["id"], there["id"]);
    assert_ne!(here["id"], elsewhere["id"], "another organization's account is another one");
    // Now neither may move it: it is not theirs alone.
    for client in [&program, &shop] {
        let moved = client.patch(&user_path(&here), json!({"email": "mine@example.com"})).await;
        moved.refused_as(403, "FORBIDDEN", "account_of_others");
    }
    program.delete(&user_path(&here)).await.done();
    shop.get(&user_path(&here)).await.ok();
    assert_eq!(app.count("select count(*) from users where email = 'cy@example.com'").await, 2);
});

both!(a_members_account_is_not_a_services_to_move_or_delete, async |app| {
    let s = Served::new(app, ALL).await;
    let program = s.program(app);
    let (id, _) = app.invite(&s.ann, "acme", "bob@example.com", "admin").await;
    app.by(&s.ann).post_empty(&s.org.at(&format!("invitations/{id}/accept"))).await.done();
    let bob = add(&program, "bob@example.com").await;
    let moved = program.patch(&user_path(&bob), json!({"email": "mine@example.com"})).await;
    moved.refused_as(403, "FORBIDDEN", "account_of_others");
    program.delete(&user_path(&bob)).await.done();
    assert_eq!(app.by(&s.ann).get(&s.org.at("members")).await.ok()["total"], 2);
    // A platform account of that address is nobody's to name.
    app.sign_up("zed@example.com").await;
    let zed = add(&program, "zed@example.com").await;
    assert_eq!(app.count("select count(*) from users where email = 'zed@example.com'").await, 2);
    assert_eq!(zed["email_verified_at"], Value::Null);
});

both!(counts_hold_however_many_come_at_once, async |app| {
    let s = Served::new(app, ALL).await;
    let program = s.program(app);
    let adding = (0..40).map(|n| program.post("/api/service/users", json!({"email": format!("u{}@example.com", n % 20)})));
    let answers = join_all(adding).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 20, "{}", answers[0]);
    let listed = program.get("/api/service/users?limit=100").await.ok();
    assert_eq!((listed["users"].as_array().map(Vec::len), &listed["total"]), (Some(20), &json!(20)));
    let plan = &s.portal["default_plan"]["plan"]["id"];
    let users = listed["users"].as_array().unwrap();
    let subscribing =
        users.iter().map(|user| program.post("/api/service/subscriptions", json!({"user_id": user["id"], "plan_id": plan})));
    join_all(subscribing).await.into_iter().for_each(|answer| drop(answer.ok()));
    let leaving = users.iter().take(10).map(|user| {
        let path = user_path(user);
        async { program.delete(&{ path }).await }
    });
    join_all(leaving).await.into_iter().for_each(|answer| answer.done());
    let totals = program.get("/api/service/analytics").await.ok();
    assert_eq!((&totals["total_users"], &totals["total_subscriptions"]), (&json!(10), &json!(10)));
    assert_eq!(program.get("/api/service/subscriptions").await.ok()["total"], 10);
});

both!(t24_an_address_is_not_moved_away_from_whoever_becomes_a_member_by_it, async |app| {
    let s = Served::new(app, ALL).await;
    let (program, root) = (s.program(app), app.platform_owner().await);
    app.more_seats(&root, &s.org).await;
    let mut races = Vec::new();
    for n in 0..20 {
        let guest = add(&program, &format!("guest{n}@example.com")).await;
        let (invitation, _) = app.invite(&s.ann, "acme", &format!("guest{n}@example.com"), "admin").await;
        races.push((user_path(&guest), json!({"email": format!("eve{n}@example.com")}), invitation));
    }
    join_all(races.iter().map(async |(guest, eve, invitation)| {
        let accept = s.org.at(&format!("invitations/{invitation}/accept"));
        let (accepted, _) = futures::join!(
            app.by(&s.ann).request(Method::POST, &accept).send(),
            program.request(Method::PATCH, guest).json(eve).send()
        );
        accepted.done();
    }))
    .await;
    let guests = "select count(*) from memberships m join users u on u.id = m.user_id where u.email like";
    assert_eq!(app.count(&format!("{guests} 'eve%'")).await, 0, "whoever was invited is the member");
    assert_eq!(app.count(&format!("{guests} 'guest%'")).await, 20);
});
