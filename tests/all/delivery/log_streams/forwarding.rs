//! What arrives: everything of one log, in its order, and nothing else.

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{LogReceiver, PASSWORD, Speaks, both, text};

use super::{FEATURE, founded, make, rename, shown, stream_to, streaming};

const HEC: Speaks = Speaks::Hec { acks: false };

both!(the_log_arrives_in_order_with_its_sign_ins, async |app| {
    let (ann, org, receiver, path) = streaming(app, HEC).await;
    let wrong = json!({"email": "ann@example.com", "password": "not that one", "org_slug": "acme"});
    app.client().post("/api/auth/login", wrong).await.refused(401, "UNAUTHORIZED");
    let right = json!({"email": "ann@example.com", "password": PASSWORD, "org_slug": "acme"});
    app.client().post("/api/auth/login", right).await.ok();
    rename(app, &ann, &org, 3).await;
    app.worker().await;
    let expected = [
        "organization.created",
        "siem_config.created",
        "user.login.failed",
        "user.login.success",
        "organization.updated",
        "organization.updated",
        "organization.updated",
    ];
    assert_eq!(receiver.events(), expected);
    assert_eq!(receiver.seqs(), [1, 2, 3, 4, 5, 6, 7]);
    let failed = &receiver.records()[2];
    assert_eq!((&failed["success"], &failed["data"]["email"]), (&json!(false), &json!("ann@example.com")));
    let renamed = &receiver.records()[4];
    assert_eq!((&renamed["actor"]["id"], &renamed["actor"]["email"]), (&json!(ann.id), &json!("ann@example.com")));
    assert_eq!((&renamed["organization_id"], &renamed["target"]["id"]), (&json!(org.id), &json!(org.id)));
    assert!(renamed["ip_address"].is_string() && renamed["request_id"].is_string(), "{renamed}");
    let state = shown(app, &ann, &path).await;
    assert_eq!((&state["lag_records"], &state["last_seq"], &state["state"]), (&json!(0), &json!(7), &json!("running")));
    assert_eq!((&state["last_successful_batch_at"], &state["failure_count"]), (&json!("2026-11-23T09:00:00.000000Z"), &json!(0)));
    app.worker().await;
    assert_eq!(receiver.seqs().len(), 7, "once");
});

both!(nothing_of_another_organization_or_of_the_platform_arrives, async |app| {
    let (ann, org, receiver, _) = streaming(app, HEC).await;
    let olga = app.sign_up("olga@example.com").await;
    let other = app.create_org(&olga, "other").await;
    app.execute(FEATURE).await;
    let theirs = LogReceiver::start(HEC).await;
    make(app, &olga, &other, stream_to(&theirs, HEC)).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &other).await;
    app.login("olga@example.com", PASSWORD).await;
    for _ in 0..3 {
        rename(app, &ann, &org, 2).await;
        rename(app, &olga, &other, 2).await;
        app.worker().await;
    }
    for (receiver, id, stranger) in [(&receiver, &org.id, &other.id), (&theirs, &other.id, &org.id)] {
        let records = receiver.records();
        assert!(records.len() >= 8);
        for record in &records {
            assert_eq!(record["organization_id"], json!(id));
            assert!(!record.to_string().contains(stranger.as_str()), "{record}");
        }
        let seqs = receiver.seqs();
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "all of them, in order");
    }
});

both!(a_stream_goes_on_where_it_stopped_or_where_it_is_told, async |app| {
    let (ann, org, receiver, path) = streaming(app, HEC).await;
    app.worker().await;
    app.by(&ann).put(&path, json!({"enabled": false})).await.ok();
    rename(app, &ann, &org, 3).await;
    app.worker().await;
    assert_eq!(receiver.seqs(), [1, 2], "paused");
    let paused = shown(app, &ann, &path).await;
    assert_eq!((&paused["state"], &paused["lag_records"]), (&json!("paused"), &json!(4)));
    app.advance(TimeDelta::seconds(90));
    assert_eq!(shown(app, &ann, &path).await["lag_seconds"], 90);
    app.by(&ann).put(&path, json!({"enabled": true})).await.ok();
    app.worker().await;
    let on = receiver.seqs();
    assert_eq!(on, (1..=on.len() as i64).collect::<Vec<_>>(), "it went on where it stopped");
    app.by(&ann).put(&path, json!({"enabled": false, "from": "now"})).await.ok();
    rename(app, &ann, &org, 1).await;
    app.worker().await;
    app.by(&ann).put(&path, json!({"from": "now", "enabled": true})).await.ok();
    app.worker().await;
    let skipped = receiver.seqs().split_off(on.len());
    assert_eq!(skipped.len(), 1, "what waited was skipped, what tells of the change was not: {skipped:?}");
    app.by(&ann).put(&path, json!({"from": "start"})).await.ok();
    app.worker().await;
    let again = receiver.seqs().split_off(on.len() + 1);
    assert_eq!(again, (1..=again.len() as i64).collect::<Vec<_>>(), "everything that is kept");
});

both!(a_new_stream_begins_now_unless_it_is_told_otherwise, async |app| {
    let (ann, org) = founded(app).await;
    rename(app, &ann, &org, 3).await;
    app.worker().await;
    let receiver = LogReceiver::start(HEC).await;
    let mut body = stream_to(&receiver, HEC);
    body["from"] = Value::Null;
    make(app, &ann, &org, body).await;
    rename(app, &ann, &org, 1).await;
    app.worker().await;
    assert_eq!(receiver.events(), ["siem_config.created", "organization.updated"]);
});

both!(batches_are_as_large_as_the_organization_wants, async |app| {
    let (ann, org, receiver, path) = streaming(app, HEC).await;
    app.by(&ann).put(&path, json!({"batch_size": 4})).await.ok();
    rename(app, &ann, &org, 7).await;
    app.worker().await;
    assert_eq!((receiver.seqs().len(), receiver.count()), (10, 3));
});

both!(what_a_suspended_organization_may_not_send_waits, async |app| {
    let (ann, org, receiver, _) = streaming(app, HEC).await;
    app.worker().await;
    let root = app.platform_owner().await;
    rename(app, &ann, &org, 1).await;
    app.by(&root).post(&format!("/api/platform/organizations/{}/suspend", org.id), json!({"reason": "x"})).await.ok();
    app.worker().await;
    assert_eq!(receiver.seqs(), [1, 2]);
    app.by(&root).post(&format!("/api/platform/organizations/{}/activate", org.id), json!({})).await.ok();
    app.worker().await;
    assert_eq!(receiver.seqs(), [1, 2, 3, 4, 5], "its suspension and activation too");
});

both!(the_last_event_of_a_deleted_organization_arrives_and_nothing_stays, async |app| {
    let (ann, org, receiver, _) = streaming(app, HEC).await;
    app.by(&ann).delete(&org.path).await.done();
    app.run_jobs().await;
    app.worker().await;
    assert_eq!(receiver.events().last().map(String::as_str), Some("org.deleted"));
    app.run_jobs().await;
    app.run_jobs().await;
    let left = app.count("select count(*) from log_streams").await + app.count("select count(*) from stream_turns").await;
    assert_eq!(left, 0);
});

both!(who_holds_no_lease_any_more_moves_nothing, async |app| {
    let (ann, org, receiver, path) = streaming(app, HEC).await;
    app.worker().await;
    receiver.delays(std::time::Duration::from_millis(300));
    rename(app, &ann, &org, 2).await;
    // A worker is sending while the stream is told to begin again.
    let by = app.by(&ann);
    let change = async {
        tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        by.put(&path, json!({"from": "start"})).await.ok();
    };
    futures::future::join(app.worker(), change).await;
    receiver.delays(std::time::Duration::ZERO);
    app.worker().await;
    let seqs = receiver.seqs();
    let began_again = seqs.iter().rposition(|seq| *seq == 1).expect("it began again");
    let last = app.count("select max(seq) from feed f join organizations o on o.id = f.org_id where o.slug = 'acme'").await;
    assert!(began_again > 0, "{seqs:?}");
    assert_eq!(seqs[began_again..], (1..=last).collect::<Vec<_>>(), "and left nothing out");
    assert_eq!(text(&shown(app, &ann, &path).await["state"]), "running");
});

both!(what_was_deleted_after_its_time_is_counted_and_passed_over, async |app| {
    let (ann, org, receiver, path) = streaming(app, HEC).await;
    app.by(&ann).put(&path, json!({"enabled": false})).await.ok();
    rename(app, &ann, &org, 5).await;
    app.worker().await;
    app.execute("delete from feed where seq <= 6").await;
    app.by(&ann).put(&path, json!({"enabled": true})).await.ok();
    app.worker().await;
    assert_eq!(receiver.seqs(), [7, 8, 9]);
    assert_eq!(shown(app, &ann, &path).await["records_lost"], 6);
});
