//! Limits on how many there may be of something: however many come at once, what is acknowledged is what there is, and it is all listed.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Database, Org, Response, TestApp, User, both};

use super::{sound, tally, unbroken, watched};

/// How many come at once, whatever is left.
const CROWD: usize = 140;

/// An owner and their organization.
async fn founded(app: &TestApp) -> (User, Org) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    (ann, org)
}

async fn post_all(app: &TestApp, who: &User, path: &str, bodies: impl Iterator<Item = Value>) -> Vec<Response> {
    join_all(bodies.map(|body| app.by(who).request(Method::POST, path).json(&body).send())).await
}

#[track_caller]
fn all_lost_as(answers: Vec<Response>, reason: &str) {
    answers.into_iter().filter(|answer| answer.status != 200).for_each(|lost| lost.refused_as(400, "BAD_REQUEST", reason));
}

both!(no_role_is_made_beyond_the_limit, async |app| {
    let (ann, org) = founded(app).await;
    let role = |n: usize| json!({"slug": format!("role-{n}"), "name": format!("Role {n}"), "permissions": ["webhooks.manage"]});
    let answers = post_all(app, &ann, &org.at("roles"), (0..CROWD).map(role)).await;
    assert_eq!(tally(&answers, [200, 400]), [100, CROWD - 100]);
    all_lost_as(answers, "role_limit");
    let custom = "select count(*) from roles";
    assert_eq!(app.count(custom).await, 100);
    let listed = app.by(&ann).get(&org.at("roles")).await.ok();
    let listed = listed.as_array().unwrap_or_else(|| panic!("{listed}"));
    let made: Vec<&Value> =
        listed.iter().filter(|role| role["slug"].as_str().is_some_and(|slug| slug.starts_with("role-"))).collect();
    assert_eq!(made.len(), 100, "each is listed");
    // One is deleted, and one can be made.
    let id = made[0]["id"].as_str().unwrap();
    app.by(&ann).delete(&org.at(&format!("roles/{id}"))).await.expect(204);
    app.by(&ann).post(&org.at("roles"), role(CROWD)).await.ok();
    app.by(&ann).post(&org.at("roles"), role(CROWD + 1)).await.refused_as(400, "BAD_REQUEST", "role_limit");
    unbroken(app).await;
});

both!(no_endpoint_is_made_beyond_the_limit, async |app| {
    let (ann, org) = founded(app).await;
    let hook =
        |n: usize| json!({"name": format!("Hook {n}"), "url": format!("http://127.0.0.1:9/{n}"), "events": ["role.created"]});
    let answers = post_all(app, &ann, &org.at("webhooks"), (0..CROWD).map(hook)).await;
    assert_eq!(tally(&answers, [200, 400]), [50, CROWD - 50]);
    all_lost_as(answers, "webhook_limit");
    let listed = app.by(&ann).get(&org.at("webhooks")).await.ok();
    assert_eq!(listed["webhooks"].as_array().map(Vec::len), Some(50), "each that is sent events is listed: {listed}");
    assert_eq!(app.count("select count(*) from webhooks").await, 50);
    unbroken(app).await;
});

both!(no_service_is_made_beyond_the_tier, async |app| {
    let (ann, org) = founded(app).await;
    let service = |n: usize| json!({"slug": format!("service-{n}"), "name": format!("Service {n}"), "service_type": "web"});
    let answers = post_all(app, &ann, &org.at("services"), (0..60).map(service)).await;
    assert_eq!(tally(&answers, [200, 400]), [2, 58]);
    answers.into_iter().filter(|answer| answer.status != 200).for_each(|lost| {
        lost.refused_as(400, "SERVICE_LIMIT_EXCEEDED", "service_limit");
    });
    let listed = app.by(&ann).get(&org.at("services")).await.ok();
    assert_eq!(listed["services"].as_array().map(Vec::len), Some(2), "{listed}");
    assert_eq!(listed["usage"], json!({"current_services": 2, "max_services": 2, "tier": "free"}));
    // One is deleted, and one can be made.
    let slug = listed["services"][0]["service"]["slug"].as_str().unwrap();
    app.by(&ann).delete(&org.at(&format!("services/{slug}"))).await.expect(204);
    app.by(&ann).post(&org.at("services"), service(100)).await.ok();
    app.by(&ann).post(&org.at("services"), service(101)).await.refused(400, "SERVICE_LIMIT_EXCEEDED");
    unbroken(app).await;
});

both!(no_plan_is_made_beyond_the_limit_and_one_is_the_default, async |app| {
    let (ann, org) = founded(app).await;
    app.by(&ann).post(&org.at("services"), json!({"slug": "portal", "name": "Portal", "service_type": "web"})).await.ok();
    let plans = org.at("services/portal/plans");
    let plan = |n: usize| json!({"name": format!("Plan {n}"), "price_cents": n, "currency": "eur", "is_default": true});
    let answers = post_all(app, &ann, &plans, (0..60).map(plan)).await;
    assert_eq!(tally(&answers, [200, 400]), [49, 11]);
    all_lost_as(answers, "plan_limit");
    let listed = app.by(&ann).get(&plans).await.ok();
    let listed = listed.as_array().unwrap_or_else(|| panic!("{listed}"));
    assert_eq!((listed.len(), listed.iter().filter(|plan| plan["plan"]["is_default"] == true).count()), (50, 1));
    // Twenty at once each make another one the default.
    let make = |plan: &Value| (plans.clone() + "/" + plan["plan"]["id"].as_str().unwrap(), json!({"is_default": true}));
    let changes = join_all(listed.iter().take(20).map(make).map(|(path, body)| {
        let by = app.by(&ann);
        async move { by.patch(&path, body).await }
    }));
    changes.await.into_iter().for_each(|answer| drop(answer.ok()));
    unbroken(app).await;
});

both!(no_erasure_is_ordered_beyond_the_limit, async |app| {
    let (ann, org) = founded(app).await;
    let orders = (0..CROWD).map(|n| json!({"email": format!("user{n}@example.com")}));
    let answers = post_all(app, &ann, &org.at("audit-log/erase"), orders).await;
    assert_eq!(tally(&answers, [200, 400]), [20, CROWD - 20]);
    all_lost_as(answers, "too_many_erasures");
    assert_eq!(app.count("select count(*) from erasures").await, 20);
    unbroken(app).await;
});

/// So many invitations that are pending, past the API.
async fn pending(app: &TestApp, count: usize) {
    let (numbers, id) = match app.database {
        Database::Postgres => (format!("generate_series(1, {count}) as n(n)"), "gen_random_uuid()"),
        Database::Sqlite => (
            format!("(with recursive n(n) as (select 1 union all select n + 1 from n where n < {count}) select n from n) as n"),
            "randomblob(16)",
        ),
    };
    app.execute(&format!(
        "insert into invitations (org_id, id, email, pending_email, role, invited_by, status, token_hash, expires_at, created_at, updated_at)
         select o.id, {id}, 'old' || n.n || '@example.com', 'old' || n.n || '@example.com', 'member', o.owner_user_id, 'pending',
                'hash' || n.n, '2027-01-01 00:00:00+00:00', o.created_at, o.created_at
         from organizations o, {numbers}"
    ))
    .await;
    app.execute(&format!("update org_counters set pending_invitations = {count}")).await;
}

both!(no_invitation_is_pending_beyond_the_limit, async |app| {
    let (ann, org) = founded(app).await;
    pending(app, 970).await;
    let crowd = 60;
    let invite = |n: usize| json!({"email": format!("new{n}@example.com"), "role": "member"});
    let answers = post_all(app, &ann, &org.at("invitations"), (0..crowd).map(invite)).await;
    assert_eq!(tally(&answers, [200, 400]), [30, crowd - 30]);
    all_lost_as(answers, "invitation_limit");
    assert_eq!(app.count("select count(*) from invitations where pending_email is not null").await, 1000);
    unbroken(app).await;
});

both!(what_an_older_version_deleted_without_counting_is_found_before_anybody_is_refused, async |app| {
    let (ann, org) = founded(app).await;
    app.role(&ann, "acme", "first", &["webhooks.manage"]).await;
    app.execute("update org_counters set roles = 100, webhooks = 50, pending_invitations = 1000, erasures = 20").await;
    app.role(&ann, "acme", "second", &["webhooks.manage"]).await;
    app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.by(&ann).post(&org.at("audit-log/erase"), json!({"email": "bob@example.com"})).await.ok();
    let hook = json!({"name": "Hook", "url": "http://127.0.0.1:9/", "events": ["webhook.tested"]});
    app.by(&ann).post(&org.at("webhooks"), hook).await.ok();
    unbroken(app).await;
});

/// One of many things that a person may do to what is counted.
async fn anything(app: &TestApp, who: &User, org: &Org, n: usize) -> Option<Response> {
    let by = app.by(who);
    let first = async |list: &str, items: &str| {
        let listed = by.get(&org.at(list)).await.ok();
        let rows = if items.is_empty() { &listed } else { &listed[items] };
        let id = |row: &Value| row["id"].as_str().or(row["invitation"]["id"].as_str()).map(str::to_owned);
        let ids: Vec<String> = rows.as_array().unwrap_or_else(|| panic!("{listed}")).iter().filter_map(id).collect();
        ids.get(n % ids.len().max(1)).cloned()
    };
    Some(match n % 9 {
        0 | 1 => {
            let body = json!({"slug": format!("role-{n}"), "name": format!("Role {n}"), "permissions": ["webhooks.manage"]});
            by.post(&org.at("roles"), body).await
        }
        2 => by.delete(&org.at(&format!("roles/{}", first("roles", "").await?))).await,
        3 => {
            let body = json!({"name": format!("Hook {n}"), "url": "http://127.0.0.1:9/", "events": ["webhook.tested"]});
            by.post(&org.at("webhooks"), body).await
        }
        4 => by.delete(&org.at(&format!("webhooks/{}", first("webhooks", "webhooks").await?))).await,
        5 | 6 => by.post(&org.at("invitations"), json!({"email": format!("user{}@example.com", n % 7), "role": "member"})).await,
        7 => by.post_empty(&org.at(&format!("invitations/{}", first("invitations?status=pending", "").await?))).await,
        _ => by.post(&org.at("audit-log/erase"), json!({"email": format!("user{n}@example.com")})).await,
    })
}

both!(after_any_work_the_counters_are_the_rows, async |app| {
    let crowd = watched(app).await;
    let (ann, org) = founded(app).await;
    for round in 0..4 {
        join_all((0..crowd).map(|n| anything(app, &ann, &org, round * crowd + n))).await;
        sound(app).await;
    }
    app.invite(&ann, "acme", "last@example.com", "member").await;
    app.advance(chrono::TimeDelta::days(8));
    let ann = app.again(&ann).await;
    // One that ran out is replaced before anybody has closed it.
    app.invite(&ann, "acme", "last@example.com", "member").await;
    sound(app).await;
    app.worker().await;
    app.run_jobs().await;
    assert_eq!(app.count("select count(*) from erasures").await, 0);
    assert_eq!(app.count("select count(*) from invitations where pending_email is not null").await, 1);
    app.advance(chrono::TimeDelta::days(400));
    app.run_jobs().await;
    sound(app).await;
});
