//! That a key was used, and how often it may be.

use chrono::TimeDelta;
use futures::future::join_all;
use tenantry_tests::Options;

use super::*;

async fn last_used(app: &TestApp, keyed: &Keyed) -> Value {
    let ann = app.again(&keyed.ann).await;
    app.by(&ann).get(&keyed.path()).await.ok()["last_used_at"].clone()
}

both!(its_use_is_recorded_once_a_minute_and_the_first_is_an_event, async |app| {
    let keyed = keyed(app, &[]).await;
    assert_eq!(last_used(app, &keyed).await, Value::Null);
    let (program, path) = (keyed.program(app), keyed.org.path.as_str());
    let uses = join_all((0..20).map(|_| program.get(path))).await;
    uses.into_iter().for_each(|answer| drop(answer.ok()));
    assert_eq!(last_used(app, &keyed).await, "2026-11-23T09:00:00.000000Z");
    app.advance(TimeDelta::seconds(59));
    program.get(path).await.ok();
    assert_eq!(last_used(app, &keyed).await, "2026-11-23T09:00:00.000000Z");
    app.advance(TimeDelta::seconds(1));
    program.get(path).await.ok();
    assert_eq!(last_used(app, &keyed).await, "2026-11-23T09:01:00.000000Z");
    let ann = app.again(&keyed.ann).await;
    let first = recorded(app, &ann, &keyed.org, "api_key.first_used").await;
    assert_eq!((first.len(), &first[0]["actor_id"]), (1, &json!(keyed.id)));
});

both!(a_refused_key_is_not_used, async |app| {
    let keyed = keyed(app, &[]).await;
    app.by(&keyed.ann).patch(&keyed.path(), json!({"allowed_networks": ["203.0.113.1"]})).await.ok();
    keyed.program(app).get(&keyed.org.path).await.refused_as(403, "FORBIDDEN", "network_not_allowed");
    assert_eq!(last_used(app, &keyed).await, Value::Null);
});

fn few_reads() -> Options {
    let options = Options::default().rate_limits().set("rate_limits.sign_in_burst", 10_000);
    options.set("rate_limits.account_reads_per_second", 1).set("rate_limits.account_reads_burst", 20)
}

both!(each_key_has_a_budget_of_its_own, few_reads(), async |app| {
    let keyed = keyed(app, &[]).await;
    let other = make(app, &keyed.ann, &keyed.org, json!({"name": "Two", "permissions": []})).await;
    let program = keyed.program(app);
    let mut served = 0;
    while served < 100 && program.get(&keyed.org.path).await.status == 200 {
        served += 1;
    }
    assert!((20..100).contains(&served), "{served}");
    app.client().bearer(&text(&other["secret"])).get(&keyed.org.path).await.ok();
    app.by(&keyed.ann).get(&keyed.org.path).await.ok();
});

both!(keys_that_nobody_knows_are_counted_against_their_network, few_reads(), async |app| {
    let keyed = keyed(app, &[]).await;
    keyed.program(app).get(&keyed.org.path).await.ok();
    let mut refused = 0;
    for n in 0..100 {
        let unknown = app.client().bearer(&format!("key_{n:03}{}", "A".repeat(40)));
        match unknown.get(&keyed.org.path).await {
            answer if answer.status == 429 => break,
            answer => answer.refused(401, "UNAUTHORIZED"),
        };
        refused += 1;
    }
    assert!((10..100).contains(&refused), "{refused}");
    // Whoever is known goes on.
    keyed.program(app).get(&keyed.org.path).await.ok();
});
