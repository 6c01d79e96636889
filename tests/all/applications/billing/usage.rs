//! Active users of an organization: counted once a month each, shown, and told to the platform's payment provider where it is to be told.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Asked, Cashier, Options, Org, TestApp, User, both};

use super::{billed, billed_by_polar};
use crate::{
    applications::service_keys::{ALL, Served},
    core::shapes::has_exactly,
};

async fn signs_in(app: &TestApp, user: &User, org: &Org) {
    let user = app.again(user).await;
    app.by(&user).post_empty(&org.at("select")).await.ok();
}

async fn active(app: &TestApp, by: &User, org: &Org) -> Value {
    app.run_jobs().await;
    let by = app.again(by).await;
    let info = app.by(&by).get(&org.at("billing/info")).await.ok();
    has_exactly(&info["active_users"], &["month", "count", "services"]);
    info["active_users"].clone()
}

fn metered(options: Options) -> Options {
    options.set("billing.usage_meter", "active_users")
}

async fn becomes_a_customer(app: &TestApp, by: &User, org: &Org) {
    let back = json!({"return_url": "https://app.example.com/billing"});
    app.by(by).post(&org.at("billing/portal"), back).await.ok();
}

fn reports(cashier: &Cashier, path: &str) -> Vec<Asked> {
    cashier.take().into_iter().filter(|asked| asked.path == path).collect()
}

both!(whoever_signs_in_is_active_once_a_month, async |app| {
    let s = Served::new(app, ALL).await;
    let dana = app.member(&s.ann, "acme", "dana@example.com", "member").await;
    let other = app.create_org(&dana, "other").await;
    for _ in 0..2 {
        signs_in(app, &dana, &s.org).await;
        signs_in(app, &s.ann, &s.org).await;
    }
    signs_in(app, &dana, &other).await;
    assert_eq!(active(app, &s.ann, &s.org).await, json!({"month": "2026-11", "count": 2, "services": []}));
    assert_eq!(active(app, &dana, &other).await["count"], 1);
    // A sign-in to a service counts for that, and for the organization.
    let raw = s.portal["service"]["id"].as_str().unwrap().split_once('_').unwrap().1.to_owned();
    let (service, id) = match app.database {
        tenantry_tests::Database::Sqlite => (format!("x'{raw}'"), format!("x'{:032x}'", 1)),
        tenantry_tests::Database::Postgres => (format!("'{raw}'"), format!("'{:032x}'", 1)),
    };
    app.execute(&format!(
        "insert into sign_ins (org_id, id, user_id, session_id, service_id, method, created_at, counted)
        select i.org_id, {id}, i.user_id, i.session_id, {service}, i.method, i.created_at, false
        from sign_ins i
        join clients c on c.org_id = i.org_id and c.id = {service}
        where i.counted
        limit 1"
    ))
    .await;
    let shown = active(app, &s.ann, &s.org).await;
    let portal = json!({"service_id": s.portal["service"]["id"], "service_name": "Portal", "count": 1});
    assert_eq!(shown, json!({"month": "2026-11", "count": 2, "services": [portal]}));
    // Another month begins with nobody; what was is kept as a number.
    app.advance(TimeDelta::days(40));
    let shown = active(app, &s.ann, &s.org).await;
    assert_eq!((&shown["month"], &shown["count"]), (&json!("2027-01"), &json!(0)));
    assert_eq!(app.count("select count(*) from active_users").await, 0);
    assert_eq!(app.count("select cast(sum(users) as bigint) from active_user_months").await, 4);
});

cashier!(stripe_is_told_how_many_there_are, metered(billed()), async |app: &TestApp, cashier: &Cashier| {
    let s = Served::new(app, ALL).await;
    signs_in(app, &s.ann, &s.org).await;
    app.run_jobs().await;
    assert_eq!(cashier.take().len(), 0, "it is no customer");
    becomes_a_customer(app, &s.ann, &s.org).await;
    app.run_jobs().await;
    let told = reports(cashier, "/v1/billing/meter_events");
    let fields = |asked: &Asked| {
        let field = |name: &str| asked.fields[name].clone();
        (field("payload[stripe_customer_id]"), field("payload[value]"), field("identifier"))
    };
    let name = |rest: &str| format!("{}-{rest}", s.org.id);
    assert_eq!(told.iter().map(fields).collect::<Vec<_>>(), [("cus_1".into(), "1".into(), name("2026-11-1"))]);
    assert_eq!(
        (&told[0].fields["event_name"], &told[0].fields["timestamp"]),
        (&"active_users".into(), &app.now().timestamp().to_string())
    );
    let dana = app.member(&s.ann, "acme", "dana@example.com", "member").await;
    signs_in(app, &dana, &s.org).await;
    // What it refuses, and what it is too busy for, is told when it comes again.
    for (status, body) in [(400, json!({"error": {"code": "odd"}})), (503, json!({}))] {
        cashier.refuses(Some((status, body)));
        app.run_jobs().await;
        assert_eq!(reports(cashier, "/v1/billing/meter_events").len(), 1);
    }
    cashier.refuses(None);
    app.run_jobs().await;
    app.run_jobs().await;
    let told = reports(cashier, "/v1/billing/meter_events");
    assert_eq!(told.iter().map(fields).collect::<Vec<_>>(), [("cus_1".into(), "2".into(), name("2026-11-2"))], "once");
    // The last ones of a month are told of that month, and another one begins anew.
    app.advance("2026-11-30T23:59:30Z".parse::<domain::Time>().unwrap() - app.now());
    let eve = app.member(&app.again(&s.ann).await, "acme", "eve@example.com", "member").await;
    signs_in(app, &eve, &s.org).await;
    app.advance(TimeDelta::minutes(10));
    signs_in(app, &eve, &s.org).await;
    app.run_jobs().await;
    let told = reports(cashier, "/v1/billing/meter_events");
    let names: Vec<String> = told.iter().map(|asked| asked.fields["identifier"].clone()).collect();
    assert_eq!(names[0], name("2026-11-3"), "{names:?}");
    assert_eq!(told[0].fields["timestamp"], "2026-11-30T23:59:59Z".parse::<domain::Time>().unwrap().timestamp().to_string());
    assert!(names.len() == 2 && names[1].contains("2026-12-"), "{names:?}");
});

cashier!(one_that_cannot_be_told_holds_up_no_other, metered(billed()), async |app: &TestApp, cashier: &Cashier| {
    let ann = app.sign_up("ann@example.com").await;
    let orgs = [app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await];
    for org in &orgs {
        signs_in(app, &ann, org).await;
        becomes_a_customer(app, &ann, org).await;
    }
    app.execute("update billing_accounts set customer_id = 'cus_lost' where customer_id = 'cus_1'").await;
    app.run_jobs().await;
    assert_eq!(reports(cashier, "/v1/billing/meter_events").len(), 2);
    app.run_jobs().await;
    let again = reports(cashier, "/v1/billing/meter_events");
    assert_eq!((again.len(), &again[0].fields["payload[stripe_customer_id]"]), (1, &"cus_lost".to_owned()), "the other was told");
});

cashier!(polar_is_told_by_an_event, metered(billed_by_polar()), async |app: &TestApp, cashier: &Cashier| {
    let s = Served::new(app, ALL).await;
    signs_in(app, &s.ann, &s.org).await;
    becomes_a_customer(app, &s.ann, &s.org).await;
    app.run_jobs().await;
    let told = reports(cashier, "/v1/events/ingest");
    let events: Value = serde_json::from_str(&told[0].fields["events"]).unwrap();
    let expected = json!([{
        "name": "active_users", "customer_id": "77aa-1", "external_id": format!("{}-2026-11-1", s.org.id),
        "timestamp": "2026-11-23T09:00:00Z", "metadata": {"value": 1},
    }]);
    assert_eq!((told.len(), events), (1, expected));
});

cashier!(without_a_meter_nobody_is_told, billed(), async |app: &TestApp, cashier: &Cashier| {
    let s = Served::new(app, ALL).await;
    signs_in(app, &s.ann, &s.org).await;
    becomes_a_customer(app, &s.ann, &s.org).await;
    cashier.take();
    app.run_jobs().await;
    assert_eq!(cashier.take().len(), 0);
});
