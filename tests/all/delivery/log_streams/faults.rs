//! Receivers that fail, each in its own way.

use chrono::TimeDelta;
use serde_json::json;
use tenantry_tests::{LogReceiver, Options, RECEIVER_KEY, Speaks, TestApp, both, text};

use super::{FEATURE, founded, make, patiently, recorded, rename, shown, stream_to, streaming};

const HEC: Speaks = Speaks::Hec { acks: false };

async fn failure(app: &TestApp, by: &tenantry_tests::User, path: &str) -> (String, i64) {
    let state = shown(app, by, path).await;
    (text(&state["last_failure"]["reason"]), state["failure_count"].as_i64().unwrap())
}

both!(what_fails_for_a_while_arrives_afterwards_once_and_in_order, async |app| {
    let (ann, org, receiver, path) = streaming(app, HEC).await;
    receiver.fails(&[503, 500, 502]);
    app.worker().await;
    assert_eq!(receiver.count(), 1, "not again at once");
    let state = shown(app, &ann, &path).await;
    assert_eq!((&state["state"], &state["failure_count"]), (&json!("failing"), &json!(1)));
    assert_eq!((&state["last_failure"]["reason"], &state["last_failure"]["status"]), (&json!("receiver_failing"), &json!(503)));
    assert!(state["next_try_at"].is_string() && state["failing_since"].is_string(), "{state}");
    rename(app, &ann, &org, 2).await;
    app.worker().await;
    assert_eq!(receiver.count(), 1, "what is new does not wake it before its time");
    patiently(app, 2).await;
    patiently(app, 3).await;
    assert_eq!((receiver.count(), failure(app, &ann, &path).await.1), (3, 3));
    patiently(app, 5).await;
    assert_eq!(receiver.seqs(), [1, 2, 3, 4]);
    let state = shown(app, &ann, &path).await;
    assert_eq!((&state["state"], &state["failure_count"], state.get("last_failure")), (&json!("running"), &json!(0), None));
});

both!(a_receiver_that_asks_to_wait_is_left_alone_for_so_long, async |app| {
    let (ann, _, receiver, path) = streaming(app, HEC).await;
    receiver.fails_with(429, "Retry-After", "120");
    app.worker().await;
    assert_eq!(failure(app, &ann, &path).await, ("overloaded".to_owned(), 1));
    patiently(app, 119).await;
    assert_eq!(receiver.count(), 1);
    patiently(app, 2).await;
    assert_eq!(receiver.seqs()[..2], [1, 2]);
});

both!(a_wrong_key_loses_nothing_and_a_right_one_is_tried_at_once, async |app| {
    let (ann, org, receiver, path) = streaming(app, HEC).await;
    app.by(&ann).put(&path, json!({"api_key": "wrong"})).await.ok();
    rename(app, &ann, &org, 2).await;
    app.worker().await;
    assert_eq!(failure(app, &ann, &path).await, ("unauthorized".to_owned(), 1));
    app.by(&ann).put(&path, json!({"api_key": RECEIVER_KEY})).await.ok();
    app.worker().await;
    let seqs = receiver.seqs();
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
});

both!(a_body_that_is_too_large_is_halved, async |app| {
    let (ann, org, receiver, path) = streaming(app, HEC).await;
    receiver.takes_at_most(3);
    rename(app, &ann, &org, 18).await;
    app.worker().await;
    assert_eq!(receiver.seqs(), (1..=20).collect::<Vec<_>>());
    let state = shown(app, &ann, &path).await;
    assert_eq!((&state["records_set_aside"], &state["state"]), (&json!(0), &json!("running")));
});

both!(a_poison_record_is_proven_alone_set_aside_and_named, async |app| {
    for (n, speaks) in [HEC, Speaks::Datadog, Speaks::Elastic, Speaks::Otlp, Speaks::Lines, Speaks::Array].into_iter().enumerate()
    {
        let ann = app.sign_up(&format!("ann{n}@example.com")).await;
        let org = app.create_org(&ann, &format!("acme{n}")).await;
        app.execute(FEATURE).await;
        let receiver = LogReceiver::start(speaks).await;
        let path = make(app, &ann, &org, stream_to(&receiver, speaks)).await;
        rename(app, &ann, &org, 4).await;
        app.by(&ann).patch(&org.path, json!({"name": "Poison"})).await.ok();
        rename(app, &ann, &org, 4).await;
        receiver.refuses(Some("Poison"));
        app.worker().await;
        app.worker().await;
        // A collector that does not say which it rejected is sent the others again.
        let mut seqs: Vec<i64> = Vec::new();
        for seq in receiver.seqs() {
            if !seqs.contains(&seq) {
                seqs.push(seq);
            }
        }
        assert!(seqs.is_sorted() && !seqs.contains(&7), "{speaks:?}: {seqs:?}");
        seqs.retain(|seq| *seq <= 11);
        assert_eq!(seqs, [1, 2, 3, 4, 5, 6, 8, 9, 10, 11], "{speaks:?}");
        assert_eq!(shown(app, &ann, &path).await["records_set_aside"], 1, "{speaks:?}");
        let [named] = recorded(app, &ann, &org, "siem_config.record_set_aside").await.try_into().expect("one event");
        assert_eq!((&named["seq"], &named["record_event"]), (&json!(7), &json!("organization.updated")), "{speaks:?}");
        assert!(text(&named["record_id"]).starts_with("evt_"));
    }
});

both!(a_receiver_that_refuses_everything_has_no_record_skipped, async |app| {
    let (ann, org, receiver, path) = streaming(app, HEC).await;
    rename(app, &ann, &org, 40).await;
    receiver.refuses(Some("acme"));
    let everything = org.id.clone();
    receiver.refuses(Some(&everything));
    app.worker().await;
    patiently(app, 30).await;
    assert!(receiver.records().is_empty());
    assert_eq!(failure(app, &ann, &path).await, ("refused".to_owned(), 2));
    assert_eq!(shown(app, &ann, &path).await["records_set_aside"], 0);
    receiver.refuses(None);
    patiently(app, 600).await;
    let seqs = receiver.seqs();
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
});

both!(what_is_not_acknowledged_is_sent_again, async |app| {
    let (ann, org) = founded(app).await;
    let speaks = Speaks::Hec { acks: true };
    let receiver = LogReceiver::start(speaks).await;
    let path = make(app, &ann, &org, stream_to(&receiver, speaks)).await;
    receiver.fails(&[]);
    rename(app, &ann, &org, 2).await;
    app.worker().await;
    assert_eq!(receiver.seqs(), [1, 2, 3, 4]);
    assert!(receiver.requests().iter().any(|posted| posted.path.starts_with("/services/collector/ack?channel=")));
    assert_eq!(shown(app, &ann, &path).await["lag_records"], 0);
});

both!(
    one_that_fails_for_days_is_switched_off_and_its_owners_hear_of_it,
    Options::default().set("log_streams.disable_after_days", 3),
    async |app| {
        let (ann, org, receiver, path) = streaming(app, HEC).await;
        receiver.fails(&[503; 400]);
        app.worker().await;
        for _ in 0..2 {
            app.advance(TimeDelta::days(1));
            app.worker().await;
            app.run_jobs().await;
        }
        assert_eq!(shown(app, &ann, &path).await["state"], "failing");
        app.advance(TimeDelta::days(1));
        app.worker().await;
        app.run_jobs().await;
        app.worker().await;
        let state = shown(app, &ann, &path).await;
        assert_eq!((&state["state"], &state["enabled"]), (&json!("disabled"), &json!(false)));
        assert_eq!(state["last_failure"]["reason"], "receiver_failing", "it still says why");
        let [told] = recorded(app, &ann, &org, "siem_config.disabled").await.try_into().expect("one event");
        assert_eq!(told["reason"], "receiver_failing");
        let mails = app.mails_to("ann@example.com");
        let mail = mails.iter().find(|mail| mail.subject.contains("log stream")).expect("a mail");
        assert!(mail.text.contains(&receiver.url) && mail.text.contains("Stream to Splunk"), "{}", mail.text);
        let before = receiver.count();
        patiently(app, 3600).await;
        assert_eq!(receiver.count(), before);
    }
);

both!(a_receiver_that_hangs_delays_nobody_else, Options::default().set("log_streams.timeout_seconds", 1), async |app| {
    let (ann, org, hanging, path) = streaming(app, HEC).await;
    hanging.delays(std::time::Duration::from_secs(30));
    let receiver = LogReceiver::start(HEC).await;
    let mut body = stream_to(&receiver, HEC);
    body["name"] = json!("Another");
    make(app, &ann, &org, body).await;
    app.worker().await;
    assert_eq!(receiver.seqs(), [1, 2, 3]);
    assert_eq!(failure(app, &ann, &path).await, ("timeout".to_owned(), 1));
});
