//! Sending again: one delivery, or the events of a time.

use futures::join;
use tenantry_tests::{Receiver, Response};

use super::*;
use crate::delivery::deliveries::{Hooked, hooked};

fn range(from: i64, to: i64) -> Value {
    let at = |seconds: i64| (tenantry_tests::start_time() + TimeDelta::seconds(seconds)).to_rfc3339();
    json!({"from": at(from), "to": at(to)})
}

fn with(mut body: Value, more: Value) -> Value {
    let more = more.as_object().cloned().unwrap();
    body.as_object_mut().unwrap().extend(more);
    body
}

async fn redeliver_range(app: &TestApp, hooked: &Hooked, body: Value) -> Response {
    app.by(&hooked.ann).post(&format!("{}/redeliver", hooked.path), body).await
}

/// Who the events that came are about.
fn emails(receiver: &Receiver) -> Vec<String> {
    receiver.take().iter().map(|got| text(&got.json()["data"]["email"])).collect()
}

both!(one_delivery_is_sent_again_with_the_events_own_id, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    let old = text(&hooked.history(app, "").await["deliveries"][0]["id"]);
    let made = app.by(&hooked.ann).post_empty(&format!("{}/deliveries/{old}/redeliver", hooked.path)).await.ok();
    has_exactly(&made, &["success", "job_id", "delivery_id"]);
    app.worker().await;
    let [first, second] = hooked.receiver.take().try_into().expect("two requests");
    assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
    assert_eq!((first.header("x-webhook-delivery"), second.header("x-webhook-delivery")), (&*old, &*text(&made["delivery_id"])));
    let log = app.by(&hooked.ann).get(&hooked.org.at("audit-log?action=webhook.redelivered")).await.ok();
    assert_eq!((&log["pagination"]["total"], &log["logs"][0]["metadata"]["deliveries"]), (&json!(1), &json!(1)));
    assert_eq!(hooked.history(app, "").await["pagination"]["total"], 2);
});

both!(what_cannot_be_sent_again_is_refused, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    let delivery = text(&hooked.history(app, "").await["deliveries"][0]["id"]);
    let body = json!({"name": "Other", "url": hooked.receiver.url, "events": ["user.invited"]});
    let other = text(&app.by(&hooked.ann).post(&hooked.org.at("webhooks"), body).await.ok()["id"]);
    for path in [
        format!("{}/deliveries/dlv_00000000000000000000000000000000/redeliver", hooked.path),
        format!("{}/deliveries/nonsense/redeliver", hooked.path),
        hooked.org.at(&format!("webhooks/{other}/deliveries/{delivery}/redeliver")),
    ] {
        app.by(&hooked.ann).post_empty(&path).await.refused(404, "NOT_FOUND");
    }
    for (body, fields) in [
        (json!({}), vec!["from", "to"]),
        (json!({"from": "yesterday", "to": 5}), vec!["from", "to"]),
        (range(10, 10), vec!["to"]),
        (with(range(0, 10), json!({"event_types": ["user.joined"]})), vec!["event_types"]),
        (
            with(range(0, 10), json!({"event_types": [], "only_missing": "yes", "after": "x"})),
            vec!["event_types", "only_missing", "after"],
        ),
    ] {
        redeliver_range(app, &hooked, body).await.invalid(&fields);
    }
    app.by(&hooked.ann).patch(&hooked.path, json!({"is_active": false})).await.ok();
    let again = app.by(&hooked.ann).post_empty(&format!("{}/deliveries/{delivery}/redeliver", hooked.path)).await;
    assert_eq!(again.refused(400, "BAD_REQUEST")["code"], "webhook_inactive");
    assert_eq!(redeliver_range(app, &hooked, range(0, 10)).await.refused(400, "BAD_REQUEST")["code"], "webhook_inactive");
    assert_eq!(app.count("select count(*) from deliveries").await, 1);
});

both!(a_delivery_that_is_under_way_can_be_sent_again_meanwhile, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.receiver.delays(std::time::Duration::from_millis(200));
    hooked.invite(app, "bob@example.com").await;
    let again = async {
        // In the sequencer's hands, in a worker's, or done: all the same.
        let delivery = loop {
            match hooked.history(app, "").await["deliveries"].as_array().unwrap().first() {
                Some(found) => break text(&found["id"]),
                None => tokio::task::yield_now().await,
            }
        };
        app.by(&hooked.ann).post_empty(&format!("{}/deliveries/{delivery}/redeliver", hooked.path)).await.ok()
    };
    let _ = join!(app.worker(), again);
    app.worker().await;
    let got = hooked.receiver.take();
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].header("webhook-id"), got[1].header("webhook-id"));
});

both!(a_range_brings_everything_that_was_missed, async |app| {
    let hooked = hooked(app, &["user.invited", "invitation.revoked"]).await;
    // Another organization's events of the same time, a test event, and one that nobody subscribed to.
    let olga = app.sign_up("olga@example.com").await;
    app.create_org(&olga, "other").await;
    app.invite(&olga, "other", "zed@example.com", "member").await;
    hooked.invite(app, "arrived@example.com").await;
    app.worker().await;
    app.by(&hooked.ann).post_empty(&format!("{}/test", hooked.path)).await.ok();
    app.advance(TimeDelta::seconds(10));
    app.by(&hooked.ann).patch(&hooked.path, json!({"is_active": false})).await.ok();
    hooked.invite(app, "off@example.com").await;
    app.worker().await;
    app.advance(TimeDelta::seconds(10));
    app.by(&hooked.ann).patch(&hooked.path, json!({"is_active": true})).await.ok();
    hooked.receiver.answers_once(&[500]);
    hooked.invite(app, "failed@example.com").await;
    app.worker().await;
    app.execute("update deliveries set state = 3, error = 'given up' where state = 0").await;
    hooked.receiver.take();
    let missed = redeliver_range(app, &hooked, with(range(0, 100), json!({"only_missing": true}))).await.ok();
    assert_eq!(missed, json!({"success": true, "deliveries": 2}));
    app.worker().await;
    assert_eq!(emails(&hooked.receiver), ["off@example.com", "failed@example.com"], "in their order");
    // Now all of it has arrived; a part of the time, and everything.
    assert_eq!(redeliver_range(app, &hooked, with(range(0, 100), json!({"only_missing": true}))).await.ok()["deliveries"], 0);
    assert_eq!(redeliver_range(app, &hooked, range(10, 20)).await.ok()["deliveries"], 1, "from here on, and before there");
    app.worker().await;
    assert_eq!(emails(&hooked.receiver), ["off@example.com"]);
    let names = json!({"event_types": ["invitation.revoked"]});
    assert_eq!(redeliver_range(app, &hooked, with(range(0, 100), names)).await.ok()["deliveries"], 0);
    assert_eq!(redeliver_range(app, &hooked, range(0, 100)).await.ok()["deliveries"], 3);
    app.worker().await;
    assert_eq!(emails(&hooked.receiver), ["arrived@example.com", "off@example.com", "failed@example.com"]);
    // An endpoint that did not exist then.
    let late = Receiver::start().await;
    let body = json!({"name": "Late", "url": late.url, "events": ["user.invited"]});
    let id = text(&app.by(&hooked.ann).post(&hooked.org.at("webhooks"), body).await.ok()["id"]);
    app.by(&hooked.ann).post(&hooked.org.at(&format!("webhooks/{id}/redeliver")), range(0, 15)).await.ok();
    app.worker().await;
    assert_eq!(emails(&late), ["arrived@example.com", "off@example.com"]);
});

both!(what_is_still_on_its_way_is_not_queued_twice, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    for n in 0..5 {
        hooked.invite(app, &format!("guest{n}@example.com")).await;
    }
    app.worker().await;
    hooked.receiver.take();
    let (a, b) = join!(redeliver_range(app, &hooked, range(0, 100)), redeliver_range(app, &hooked, range(0, 100)));
    let queued = [a.ok(), b.ok()].map(|answer| answer["deliveries"].as_u64().unwrap());
    assert_eq!(queued.iter().sum::<u64>(), 5, "{queued:?}");
    app.worker().await;
    assert_eq!(hooked.receiver.take().len(), 5);
});

both!(an_erased_event_is_not_sent_again, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    let delivery = text(&hooked.history(app, "").await["deliveries"][0]["id"]);
    app.execute("update events set digest = 'what is left of it' where name = 'user.invited'").await;
    let again = app.by(&hooked.ann).post_empty(&format!("{}/deliveries/{delivery}/redeliver", hooked.path)).await;
    assert_eq!(again.refused(400, "BAD_REQUEST")["code"], "event_erased");
    assert_eq!(redeliver_range(app, &hooked, range(0, 100)).await.ok()["deliveries"], 0);
});
