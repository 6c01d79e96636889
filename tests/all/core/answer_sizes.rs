//! Every answer has a size that is known beforehand, whatever callers stored.

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{TestApp, both, everything::Everything};

/// What docs/behaviour/limits.md promises.
const MOST: usize = 512 << 10;
/// Streams, whose pieces are bounded instead.
const STREAMS: [&str; 1] = ["organizations.auditLogs.export"];

/// Makes as much as may be of everything that lists show, as large as it may be.
async fn fill(app: &TestApp, made: &Everything) {
    let (client, agent) = (app.client().bearer(&made.access), "x".repeat(2000));
    let post = async |rest: &str, body: Value| {
        let request = client.request(Method::POST, &format!("{}/{rest}", made.path)).header("user-agent", &agent);
        request.json(&body).send().await
    };
    let names = |what: &Value| -> Vec<String> {
        what.as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap().to_owned()).collect()
    };
    let events = names(&client.get(&format!("{}/webhooks/event-types", made.path)).await.ok());
    let long = |n: usize| format!("{n:03}{}", "🏢".repeat(47));
    let url = format!("http://127.0.0.1:9/{}", "u".repeat(1980));
    for n in 0..49 {
        post("webhooks", json!({"name": long(n), "url": url, "events": events})).await.ok();
    }
    // The endpoint that is asked about has a long history, too.
    let endpoint = made.ids.path("/api/organizations/{org_slug}/webhooks/{webhook_id}");
    client.patch(&endpoint, json!({"events": events, "url": url, "is_active": true})).await.ok();
    let permissions = ["org.settings.manage", "org.members.view", "org.members.manage", "webhooks.manage", "audit_logs.view"];
    for n in 0..99 {
        post("roles", json!({"slug": format!("role-{n}-{}", "r".repeat(40)), "name": long(n), "permissions": permissions})).await;
        let networks: Vec<_> = (0..20).map(|m| format!("2001:db8:1111:2222:3333:4444:5555:{m:x}/128")).collect();
        post("api-keys", json!({"name": long(n), "permissions": permissions, "networks": networks})).await;
        let email = format!("{}{n}@{}.example", "e".repeat(60), "d".repeat(63));
        post("invitations", json!({"email": email, "role": "member"})).await;
    }
    let uris: Vec<_> = (0..2).map(|n| format!("https://a.example/{n}{}", "u".repeat(1900))).collect();
    for n in 0..99 {
        let slug = format!("service-{n}-{}", "s".repeat(38));
        post("services", json!({"slug": slug, "name": long(n), "service_type": "web", "redirect_uris": uris})).await.ok();
    }
    let (description, features) = ("🏢".repeat(500), vec!["\"".repeat(190); 10]);
    for n in 0..48 {
        let plan =
            json!({"name": long(n), "price_cents": n, "currency": "usd", "description": description, "features": features});
        post(&format!("services/{}/plans", made.ids.get("service_slug")), plan).await.ok();
    }
    for n in 0..100 {
        let request = client.request(Method::PATCH, &made.path).header("user-agent", &agent);
        request.json(&json!({"name": long(n)})).send().await.ok();
    }
    app.worker().await;
    app.run_jobs().await;
    // As versions kept them that cut answers at so many characters.
    let answer = "ü".repeat(10_000);
    app.execute(&format!(
        "update deliveries set state = 3, attempts = 1, response_status = 500, response_body = '{answer}', error = 'no'"
    ))
    .await;
}

both!(every_answer_stays_below_its_bound, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let made = app.everything(&ann, "acme").await;
    let tier = made.ids.path("/api/platform/organizations/{org_id}/tier");
    app.by(&root).patch(&tier, json!({"tier_id": "tier_enterprise"})).await.ok();
    fill(app, &made).await;
    let document = app.client().get("/openapi.json").await.ok();
    let mut sizes = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let Some(id) = item["get"]["operationId"].as_str() else { continue };
        if STREAMS.contains(&id) {
            continue;
        }
        let at = format!("{}?limit=100&after=0", made.ids.path(path));
        let client = if path.starts_with("/api/platform") { app.by(&root) } else { app.client().bearer(&made.access) };
        let answer = client.get(&at).await;
        sizes.push((answer.text().len(), id.to_owned(), answer.status));
    }
    sizes.sort();
    let largest: Vec<_> = sizes.iter().rev().take(6).collect();
    assert!(sizes.len() > 30 && sizes.iter().filter(|(_, _, status)| *status == 200).count() > 25, "{sizes:?}");
    assert!(largest[0].0 <= MOST, "{largest:?}");
    assert!(largest[0].0 > 100_000, "the lists are not full: {largest:?}");
});
