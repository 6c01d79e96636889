//! Plans of a service.

use serde_json::{Value, json};
use tenantry_tests::{both, text};

use super::services::{founded, make};
use crate::core::shapes::has_exactly;

const PLAN: &[&str] = &[
    "id",
    "service_id",
    "name",
    "description",
    "price_cents",
    "currency",
    "features",
    "stripe_price_id",
    "is_default",
    "created_at",
    "updated_at",
];

both!(plans_are_made_changed_and_deleted, async |app| {
    let (ann, org) = founded(app).await;
    let free = make(app, &ann, &org, "portal").await["default_plan"].clone();
    let plans = org.at("services/portal/plans");
    let body = json!({"name": "Team", "description": "For teams", "price_cents": 4900, "currency": "EUR",
        "features": ["10 seats", "support"], "stripe_price_id": "price_1Abc"});
    let made = app.by(&ann).post(&plans, body).await.ok();
    has_exactly(&made, &["plan", "subscription_count"]);
    has_exactly(&made["plan"], PLAN);
    assert_eq!((&made["plan"]["currency"], &made["subscription_count"]), (&json!("eur"), &json!(0)));
    assert_eq!(made["plan"]["features"], json!(r#"["10 seats","support"]"#), "JSON text, as the contract has it");
    assert_eq!(app.by(&ann).get(&plans).await.ok(), json!([free, made]));

    let path = format!("{plans}/{}", text(&made["plan"]["id"]));
    let changed = app.by(&ann).patch(&path, json!({"price_cents": 5900, "description": null})).await.ok();
    assert_eq!((&changed["plan"]["price_cents"], &changed["plan"]["description"]), (&json!(5900), &Value::Null));
    assert_eq!((&changed["plan"]["name"], &changed["plan"]["stripe_price_id"]), (&json!("Team"), &json!("price_1Abc")));
    // The same again is no change.
    assert_eq!(app.by(&ann).patch(&path, json!({"price_cents": 5900})).await.ok(), changed);
    app.by(&ann).delete(&path).await.done();
    app.by(&ann).delete(&path).await.refused(404, "NOT_FOUND");
    assert_eq!(app.by(&ann).get(&plans).await.ok(), json!([free]));
    app.worker().await;
    for action in ["plan.created", "plan.updated", "plan.deleted"] {
        let log =
            app.by(&ann).get(&org.at(&format!("audit-log?action={action}&target_id={}", text(&made["plan"]["id"])))).await.ok();
        assert_eq!(log["pagination"]["total"], 1, "{action}: {log}");
    }
});

both!(one_plan_is_the_default_one, async |app| {
    let (ann, org) = founded(app).await;
    let free = text(&make(app, &ann, &org, "portal").await["default_plan"]["plan"]["id"]);
    let plans = org.at("services/portal/plans");
    let path = |id: &str| format!("{plans}/{id}");
    let default = async || -> Vec<String> {
        let listed = app.by(&ann).get(&plans).await.ok();
        let listed = listed.as_array().unwrap().iter().filter(|plan| plan["plan"]["is_default"] == true);
        listed.map(|plan| text(&plan["plan"]["id"])).collect()
    };
    app.by(&ann).delete(&path(&free)).await.refused_as(400, "BAD_REQUEST", "default_plan");
    app.by(&ann).patch(&path(&free), json!({"is_default": false})).await.refused_as(400, "BAD_REQUEST", "default_plan");
    let team = json!({"name": "Team", "price_cents": 1, "currency": "usd", "is_default": true});
    let team = text(&app.by(&ann).post(&plans, team).await.ok()["plan"]["id"]);
    assert_eq!(default().await, std::slice::from_ref(&team));
    app.by(&ann).patch(&path(&free), json!({"is_default": true})).await.ok();
    assert_eq!(default().await, [free]);
    app.by(&ann).delete(&path(&team)).await.done();
});

both!(a_plan_is_checked_in_every_field, async |app| {
    let (ann, org) = founded(app).await;
    make(app, &ann, &org, "portal").await;
    let plans = org.at("services/portal/plans");
    let by = app.by(&ann);
    by.post(&plans, json!({})).await.invalid(&["name", "price_cents", "currency"]);
    for (field, value) in [
        ("name", json!("x")),
        ("description", json!(7)),
        ("price_cents", json!(-1)),
        ("price_cents", json!(1.5)),
        ("currency", json!("dollars")),
        ("features", json!("seats")),
        ("features", json!([""])),
        ("features", json!(vec!["x"; 51])),
        ("features", json!(vec!["x".repeat(200); 10])),
        ("stripe_price_id", json!("not a price")),
        ("is_default", json!("yes")),
    ] {
        let mut body = json!({"name": "Team", "price_cents": 1, "currency": "usd"});
        body[field] = value;
        by.post(&plans, body).await.invalid(&[field]);
    }
    by.post(&plans, json!({"name": "Free", "price_cents": 1, "currency": "usd"})).await.refused_as(
        400,
        "DUPLICATE_CONSTRAINT",
        "plan_name_taken",
    );
});

both!(a_plan_of_another_service_does_not_exist, async |app| {
    let (ann, org) = founded(app).await;
    make(app, &ann, &org, "portal").await;
    let theirs = make(app, &ann, &org, "shop").await;
    let path = org.at(&format!("services/portal/plans/{}", text(&theirs["default_plan"]["plan"]["id"])));
    app.by(&ann).patch(&path, json!({"price_cents": 1})).await.refused(404, "NOT_FOUND");
    app.by(&ann).delete(&path).await.refused(404, "NOT_FOUND");
});
