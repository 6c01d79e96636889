//! What is set, shown, refused.

use serde_json::{Value, json};
use tenantry_tests::{LogReceiver, RECEIVER_KEY, Speaks, both, text};

use super::{FEATURE, founded, make, recorded, shown, stream_to};
use crate::core::shapes::{has, has_exactly};

/// As the contract has it, …
const CONTRACT: &[&str] = &[
    "id",
    "org_id",
    "name",
    "provider_type",
    "endpoint_url",
    "batch_size",
    "enabled",
    "last_successful_batch_at",
    "failure_count",
    "created_at",
];
/// … and ours beside it.
const OURS: &[&str] = &[
    "updated_at",
    "state",
    "lag_records",
    "last_seq",
    "has_api_key",
    "has_auth_header",
    "has_signing_secret",
    "mapping",
    "framing",
    "records_set_aside",
    "records_lost",
];
const SOMETIMES: &[&str] = &["lag_seconds", "index", "gzip", "failing_since", "next_try_at", "last_failure", "disabled_at"];

fn shape(stream: &Value) {
    has(stream, &[CONTRACT, OURS].concat(), SOMETIMES);
}

fn with(field: &str, value: Value) -> Value {
    let mut body = json!({
        "name": "Stream", "provider_type": "Splunk", "endpoint_url": "http://127.0.0.1:9/", "api_key": "key", "enabled": false,
    });
    body[field] = value;
    body
}

both!(a_stream_is_made_shown_changed_and_deleted, async |app| {
    let (ann, org) = founded(app).await;
    let (by, path) = (app.by(&ann), org.at("siem-configs"));
    assert_eq!(by.get(&path).await.ok(), json!({"siem_configs": [], "total": 0}));
    let made = by.post(&path, with("enabled", json!(true))).await.expect(201).json();
    shape(&made);
    assert!(text(&made["id"]).starts_with("lgs_"));
    for (field, value) in [
        ("org_id", json!(org.id)),
        ("provider_type", json!("Splunk")),
        ("endpoint_url", json!("http://127.0.0.1:9/")),
        ("batch_size", json!(100)),
        ("enabled", json!(true)),
        ("last_successful_batch_at", Value::Null),
        ("failure_count", json!(0)),
        ("state", json!("running")),
        ("has_api_key", json!(true)),
        ("mapping", json!("plain")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    let one = format!("{path}/{}", text(&made["id"]));
    assert_eq!(by.get(&one).await.ok(), made);
    let list = by.get(&path).await.ok();
    has_exactly(&list, &["siem_configs", "total"]);
    assert_eq!((&list["total"], &list["siem_configs"][0]), (&json!(1), &made));
    // Partial: what is left out stays, null clears.
    let changed =
        by.put(&one, json!({"batch_size": 7, "auth_header": "X-Key: a", "mapping": "ocsf", "enabled": false})).await.ok();
    shape(&changed);
    for (field, value) in [
        ("name", json!("Stream")),
        ("batch_size", json!(7)),
        ("has_api_key", json!(true)),
        ("has_auth_header", json!(true)),
        ("mapping", json!("ocsf")),
        ("state", json!("paused")),
    ] {
        assert_eq!(changed[field], value, "{field}");
    }
    let cleared = by.put(&one, json!({"api_key": null, "auth_header": null})).await.ok();
    assert_eq!((&cleared["has_api_key"], &cleared["has_auth_header"]), (&json!(false), &json!(false)));
    assert_eq!(by.put(&one, json!({})).await.ok()["updated_at"], cleared["updated_at"], "nothing is no change");
    let gone = by.delete(&one).await.expect(204);
    assert!(gone.body.is_empty());
    for answer in [
        by.get(&one).await,
        by.delete(&one).await,
        by.put(&one, json!({"batch_size": 8})).await,
        by.post_empty(&format!("{one}/test")).await,
    ] {
        answer.refused(404, "NOT_FOUND");
    }
    for (action, count) in [("siem_config.created", 1), ("siem_config.updated", 2), ("siem_config.deleted", 1)] {
        assert_eq!(recorded(app, &ann, &org, action).await.len(), count, "{action}");
    }
});

both!(credentials_are_sealed_and_never_shown, async |app| {
    let (ann, org) = founded(app).await;
    let mut body = with("auth_header", json!("X-Key: secret-header-1234567890"));
    (body["api_key"], body["signing_secret"]) = (json!("secret-key-1234567890"), json!("secret-signing-1234567890"));
    let path = make(app, &ann, &org, body).await;
    let mut seen = shown(app, &ann, &path).await.to_string();
    seen += &app.by(&ann).put(&path, json!({"api_key": "secret-key-0987654321"})).await.ok().to_string();
    seen += &app.by(&ann).get(&org.at("siem-configs")).await.ok().to_string();
    seen += &app.by(&ann).post_empty(&format!("{path}/test")).await.ok().to_string();
    app.worker().await;
    seen += &app.by(&ann).get(&org.at("audit-log")).await.ok().to_string();
    seen += &app.by(&ann).get(&org.at("events")).await.text();
    seen += &app.dump().await;
    assert!(!seen.contains("secret-key") && !seen.contains("secret-header") && !seen.contains("secret-signing"));
});

both!(each_field_that_is_wrong_is_named, async |app| {
    let (ann, org) = founded(app).await;
    let (by, path) = (app.by(&ann), org.at("siem-configs"));
    by.post(&path, json!({})).await.invalid(&["name", "provider_type", "endpoint_url"]);
    let one = make(app, &ann, &org, with("name", json!("Other"))).await;
    for (field, values) in [
        ("name", vec![json!(" "), json!(""), json!(7), json!("x".repeat(101))]),
        (
            "endpoint_url",
            vec![json!("splunk"), json!("ftp://x.example"), json!("https://u:p@x.example"), json!("https://x/#y"), json!(1)],
        ),
        ("api_key", vec![json!(""), json!("a\nb"), json!("ä"), json!([]), json!("x".repeat(1025))]),
        (
            "auth_header",
            vec![
                json!("Host: x"),
                json!("Content-Length: 1"),
                json!("X: a\r\nY: b"),
                json!("Transfer-Encoding: chunked"),
                json!({}),
            ],
        ),
        ("signing_secret", vec![json!("short"), json!(7)]),
        ("batch_size", vec![json!(0), json!(-1), json!(1001), json!("100"), json!(1.5)]),
        ("enabled", vec![json!("yes"), json!(1)]),
        ("mapping", vec![json!("cef"), json!(1)]),
        ("framing", vec![json!("xml")]),
        ("index", vec![json!("../x"), json!("A"), json!("")]),
        ("gzip", vec![json!("no")]),
        ("from", vec![json!("then"), json!(5)]),
    ] {
        for value in values {
            by.post(&path, with(field, value.clone())).await.invalid(&[field]);
            by.put(&one, json!({field: value})).await.invalid(&[field]);
        }
    }
    for provider in [json!("splunk"), json!("DATADOG"), json!("Syslog "), json!(""), json!(3), Value::Null] {
        by.post(&path, with("provider_type", provider)).await.invalid(&["provider_type"]);
    }
    by.post(&path, with("name", json!("OTHER"))).await.refused_as(400, "DUPLICATE_CONSTRAINT", "log_stream_name_taken");
    let two = make(app, &ann, &org, with("name", json!("Two"))).await;
    by.put(&two, json!({"name": "Other", "batch_size": 9})).await.refused(400, "DUPLICATE_CONSTRAINT");
    assert_eq!(by.get(&two).await.ok()["batch_size"], 100, "all of it or nothing");
});

both!(t35_addresses_that_are_not_public_are_refused, async |app| {
    let (ann, org) = founded(app).await;
    let one = make(app, &ann, &org, with("name", json!("One"))).await;
    for url in [
        "http://10.0.0.1/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:10.0.0.1]/",
        "https://167772161/",
        "http://8.8.8.8/",
    ] {
        app.by(&ann).post(&org.at("siem-configs"), with("endpoint_url", json!(url))).await.invalid(&["endpoint_url"]);
        app.by(&ann).put(&one, json!({"endpoint_url": url, "api_key": "x"})).await.invalid(&["endpoint_url"]);
    }
});

both!(streams_are_for_tiers_that_have_them_and_people_who_may, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let path = org.at("siem-configs");
    let refused = app.by(&ann).post(&path, with("name", json!("One"))).await;
    refused.refused_as(403, "FEATURE_NOT_AVAILABLE_IN_TIER", "feature_not_in_tier");
    app.execute(FEATURE).await;
    let one = make(app, &ann, &org, with("name", json!("One"))).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "integrator", &["integrations.manage"]).await;
    let pat = app.member(&ann, "acme", "pat@example.com", "integrator").await;
    app.by(&pat).get(&one).await.ok();
    app.by(&pat).put(&one, json!({"batch_size": 5})).await.ok();
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let olga = app.sign_up("olga@example.com").await;
    for may_not in [&bob, &olga, &root] {
        let by = app.by(may_not);
        by.get(&path).await.refused(403, "FORBIDDEN");
        by.get(&one).await.refused(403, "FORBIDDEN");
        by.post(&path, with("name", json!("Two"))).await.refused(403, "FORBIDDEN");
        by.put(&one, json!({"batch_size": 5})).await.refused(403, "FORBIDDEN");
        by.delete(&one).await.refused(403, "FORBIDDEN");
        by.post_empty(&format!("{one}/test")).await.refused(403, "FORBIDDEN");
    }
    // Without the feature what is there goes on, can be paused and deleted, and not be switched on again.
    app.execute("update organizations set feature_overrides = null, tier_id = 'tier_free'").await;
    app.by(&ann).put(&one, json!({"enabled": false})).await.ok();
    app.by(&ann).put(&one, json!({"enabled": true})).await.refused(403, "FEATURE_NOT_AVAILABLE_IN_TIER");
    app.by(&ann).delete(&one).await.expect(204);
});

both!(credentials_stay_with_the_receiver_that_they_are_for, async |app| {
    let (ann, org) = founded(app).await;
    let (receiver, thief) = (LogReceiver::start(Speaks::Hec { acks: false }).await, LogReceiver::start(Speaks::Lines).await);
    let path = make(app, &ann, &org, stream_to(&receiver, Speaks::Hec { acks: false })).await;
    app.by(&ann).put(&path, json!({"endpoint_url": thief.url})).await.invalid(&["api_key"]);
    app.by(&ann).put(&path, json!({"endpoint_url": thief.url, "auth_header": "x"})).await.invalid(&["api_key"]);
    app.by(&ann).put(&path, json!({"endpoint_url": format!("{}/services/collector/event", receiver.url)})).await.ok();
    app.by(&ann).put(&path, json!({"endpoint_url": thief.url, "api_key": null})).await.ok();
    app.worker().await;
    assert!(thief.requests().iter().all(|posted| !posted.headers.iter().any(|(_, value)| value.contains(RECEIVER_KEY))));
});

both!(no_more_streams_than_there_may_be_however_many_come_at_once, async |app| {
    let (ann, org) = founded(app).await;
    for n in 0..18 {
        make(app, &ann, &org, with("name", json!(format!("Stream {n}")))).await;
    }
    let by = app.by(&ann);
    let racers = (0..8).map(|n| {
        let (by, path) = (by.clone(), org.at("siem-configs"));
        async move { by.post(&path, with("name", json!(format!("Racer {n}")))).await.status }
    });
    let statuses = futures::future::join_all(racers).await;
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 2, "{statuses:?}");
    assert_eq!(by.get(&org.at("siem-configs")).await.ok()["total"], 20);
    by.post(&org.at("siem-configs"), with("name", json!("Last"))).await.refused_as(400, "BAD_REQUEST", "log_stream_limit");
    let first = by.get(&org.at("siem-configs")).await.ok()["siem_configs"][0]["id"].clone();
    by.delete(&org.at(&format!("siem-configs/{}", text(&first)))).await.expect(204);
    make(app, &ann, &org, with("name", json!("Last"))).await;
});

both!(a_test_tells_what_the_receiver_said, async |app| {
    let (ann, org) = founded(app).await;
    for speaks in [Speaks::Hec { acks: true }, Speaks::Datadog, Speaks::Elastic, Speaks::Otlp, Speaks::Lines, Speaks::Array] {
        let receiver = LogReceiver::start(speaks).await;
        let mut body = stream_to(&receiver, speaks);
        (body["name"], body["enabled"]) = (json!(format!("Test of {speaks:?}")), json!(false));
        let path = make(app, &ann, &org, body).await;
        let test = format!("{path}/test");
        let good = app.by(&ann).post_empty(&test).await.ok();
        assert_eq!(good, json!({"success": true, "message": "The receiver took the test record."}), "{speaks:?}");
        let [record] = receiver.records().try_into().expect("one record");
        assert_eq!(record["test"], true);
        assert!(record["message"].is_string() && record["timestamp"].is_string(), "{record}");
        receiver.fails(&[503]);
        let bad = app.by(&ann).post_empty(&test).await.ok();
        has_exactly(&bad, &["success", "message", "reason", "status"]);
        assert_eq!((&bad["success"], &bad["reason"], &bad["status"]), (&json!(false), &json!("receiver_failing"), &json!(503)));
        if !matches!(speaks, Speaks::Lines | Speaks::Array | Speaks::Otlp) {
            app.by(&ann).put(&path, json!({"api_key": "wrong"})).await.ok();
            assert_eq!(app.by(&ann).post_empty(&test).await.ok()["reason"], "unauthorized", "{speaks:?}");
            let before = receiver.count();
            app.by(&ann).put(&path, json!({"api_key": null})).await.ok();
            assert_eq!(app.by(&ann).post_empty(&test).await.ok()["reason"], "no_api_key", "{speaks:?}");
            assert_eq!(receiver.count(), before);
        }
        assert_eq!(app.by(&ann).get(&path).await.ok()["failure_count"], 0, "a test is no attempt");
    }
    assert_eq!(recorded(app, &ann, &org, "siem_config.tested").await.len(), 18);
});
