//! Each provider's own way, against a receiver that takes nothing else.

use crypto::webhook::timed_signature;
use serde_json::{Value, json};
use tenantry_tests::{LogReceiver, RECEIVER_KEY, Speaks, both};

use super::{FEATURE, founded, make, rename, stream_to, streaming};

both!(every_provider_gets_the_log_in_order, async |app| {
    let (ann, org) = founded(app).await;
    let mut receivers = Vec::new();
    for speaks in
        [Speaks::Hec { acks: false }, Speaks::Hec { acks: true }, Speaks::Datadog, Speaks::Elastic, Speaks::Otlp, Speaks::Lines]
    {
        for mapping in ["plain", "ecs", "ocsf"] {
            let receiver = LogReceiver::start(speaks).await;
            let mut body = stream_to(&receiver, speaks);
            (body["name"], body["mapping"]) = (json!(format!("{speaks:?} {mapping}")), json!(mapping));
            make(app, &ann, &org, body).await;
            receivers.push((receiver, speaks, mapping));
        }
    }
    rename(app, &ann, &org, 5).await;
    app.worker().await;
    let last = app.count("select max(h.seq) from heads h join organizations o on o.id = h.org_id").await;
    for (receiver, speaks, mapping) in receivers {
        let number = |record: &Value| match mapping {
            "plain" => record["seq"].as_i64(),
            "ecs" => record["event"]["sequence"].as_i64(),
            _ => record["metadata"]["sequence"].as_i64(),
        };
        let seqs: Vec<i64> = receiver.records().iter().filter_map(number).collect();
        assert_eq!(seqs, (1..=last).collect::<Vec<_>>(), "{speaks:?} {mapping}");
    }
});

both!(an_envelope_has_the_time_of_what_happened, async |app| {
    let (_, _, receiver, path) = streaming(app, Speaks::Hec { acks: false }).await;
    app.worker().await;
    let posted = receiver.requests().remove(0);
    let envelope: Value = serde_json::Deserializer::from_slice(&posted.body).into_iter().next().unwrap().unwrap();
    assert_eq!(envelope["time"], json!(1_795_424_400.0), "2026-11-23T09:00:00Z");
    assert_eq!((&envelope["source"], &envelope["sourcetype"]), (&json!("tenantry"), &json!("tenantry:plain")));
    assert!(posted.header("x-splunk-request-channel").len() == 36 && path.contains("lgs_"));
});

both!(datadog_and_elastic_are_sent_compressed_bodies, async |app| {
    for (n, speaks) in [Speaks::Datadog, Speaks::Elastic].into_iter().enumerate() {
        let ann = app.sign_up(&format!("ann{n}@example.com")).await;
        let org = app.create_org(&ann, &format!("acme{n}")).await;
        app.execute(FEATURE).await;
        let receiver = LogReceiver::start(speaks).await;
        make(app, &ann, &org, stream_to(&receiver, speaks)).await;
        app.worker().await;
        let posted = receiver.requests().remove(0);
        assert_eq!(posted.header("content-encoding"), "gzip");
        assert!(posted.raw.len() < posted.body.len());
        assert_eq!(receiver.records().len(), 2);
    }
});

both!(what_elastic_has_already_counts_as_arrived, async |app| {
    let (ann, _, receiver, path) = streaming(app, Speaks::Elastic).await;
    app.worker().await;
    app.by(&ann).put(&path, json!({"from": "start"})).await.ok();
    app.worker().await;
    assert_eq!(receiver.seqs(), [1, 2, 3], "each document once");
    assert_eq!(app.by(&ann).get(&path).await.ok()["failure_count"], 0);
});

both!(any_server_can_check_who_sent_it, async |app| {
    let (ann, org) = founded(app).await;
    let receiver = LogReceiver::start(Speaks::Lines).await;
    let secret = "a secret of twenty-four characters";
    let mut body = stream_to(&receiver, Speaks::Lines);
    (body["auth_header"], body["signing_secret"], body["gzip"]) = (json!("X-Key: abc"), json!(secret), json!(true));
    make(app, &ann, &org, body).await;
    app.worker().await;
    let posted = receiver.requests().remove(0);
    assert_eq!((posted.header("x-key"), posted.header("authorization")), ("abc", ""));
    assert_eq!(posted.header("x-tenantry-signature"), timed_signature(secret, app.now(), &posted.raw));
    assert_eq!(receiver.records().len(), 2);
    // A bare value is for `Authorization`, and a key is a bearer's.
    for (auth, expected) in [(json!("Bearer abc"), "Bearer abc".to_owned()), (Value::Null, format!("Bearer {RECEIVER_KEY}"))] {
        let receiver = LogReceiver::start(Speaks::Array).await;
        let mut body = stream_to(&receiver, Speaks::Array);
        (body["name"], body["auth_header"]) = (json!(expected), auth);
        make(app, &ann, &org, body).await;
        app.worker().await;
        assert_eq!(receiver.requests()[0].header("authorization"), expected);
    }
});
