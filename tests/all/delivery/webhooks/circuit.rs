//! The circuit breaker: an endpoint that is down is left alone, and found as soon as it works again.

use super::*;
use crate::delivery::deliveries::{Hooked, hooked};

/// An endpoint that failed five times in a row, with ten more events waiting.
async fn open(app: &TestApp) -> Hooked {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.receiver.answers(503);
    for n in 0..5 {
        hooked.invite(app, &format!("guest{n}@example.com")).await;
        app.worker().await;
    }
    assert_eq!(hooked.receiver.take().len(), 5);
    for n in 5..10 {
        hooked.invite(app, &format!("guest{n}@example.com")).await;
    }
    hooked
}

async fn attempts(app: &TestApp) -> i64 {
    app.count("select count(*) from attempts").await
}

both!(after_five_failures_nothing_is_sent_and_no_attempt_is_used_up, async |app| {
    let hooked = open(app).await;
    app.worker().await;
    app.advance(TimeDelta::seconds(59));
    app.worker().await;
    assert!(hooked.receiver.take().is_empty());
    assert_eq!((attempts(app).await, app.count("select count(*) from deliveries where attempts = 0").await), (5, 5));
    // Then one at a time probes, and each failure makes the wait longer.
    app.advance(TimeDelta::seconds(8));
    app.worker().await;
    assert_eq!(hooked.receiver.take().len(), 1);
    app.advance(TimeDelta::seconds(119));
    app.worker().await;
    assert!(hooked.receiver.take().is_empty());
    hooked.receiver.answers(200);
    app.advance(TimeDelta::seconds(14));
    app.worker().await;
    assert!(hooked.receiver.take().len() > 4, "one success lets everything through that is due");
    app.advance(TimeDelta::seconds(300));
    app.worker().await;
    assert_eq!(app.count("select count(*) from deliveries where state = 2").await, 10);
});

both!(a_test_event_tries_at_once, async |app| {
    let hooked = open(app).await;
    app.worker().await;
    hooked.receiver.answers(200);
    app.by(&hooked.ann).post_empty(&format!("{}/test", hooked.path)).await.ok();
    app.worker().await;
    assert_eq!(hooked.receiver.take().len(), 6, "the test event as the probe, and the five that were never tried");
    app.advance(TimeDelta::seconds(70));
    app.worker().await;
});

both!(a_new_url_is_tried_at_once, async |app| {
    let hooked = open(app).await;
    app.worker().await;
    let elsewhere = tenantry_tests::Receiver::start().await;
    app.by(&hooked.ann).patch(&hooked.path, json!({"url": elsewhere.url})).await.ok();
    app.worker().await;
    assert_eq!((elsewhere.take().len(), hooked.receiver.take().len()), (5, 0));
    app.advance(TimeDelta::seconds(70));
    app.worker().await;
});

both!(refusals_of_single_events_do_not_open_it, async |app| {
    for status in [302, 400, 404, 422] {
        let name = format!("acme-{status}");
        let ann = app.sign_up(&format!("ann-{status}@example.com")).await;
        let (org, receiver) = (app.create_org(&ann, &name).await, tenantry_tests::Receiver::start().await);
        let body = json!({"name": "Hook", "url": receiver.url, "events": ["user.invited", "organization.updated"]});
        app.by(&ann).post(&org.at("webhooks"), body).await.ok();
        // Somebody who wants events is there.
        app.by(&ann).patch(&org.path, json!({"name": "Proven"})).await.ok();
        app.worker().await;
        assert_eq!(receiver.take().len(), 1);
        receiver.answers(status);
        for n in 0..8 {
            app.invite(&ann, &name, &format!("guest{n}@example.com"), "member").await;
        }
        app.worker().await;
        assert_eq!(receiver.take().len(), 8, "{status}: each was tried");
        receiver.answers(200);
        app.by(&ann).patch(&org.path, json!({"name": "Renamed"})).await.ok();
        app.worker().await;
        assert_eq!(receiver.events(), ["organization.updated"], "{status}: and what it knows arrives at once");
    }
    app.leaves_deliveries(32);
});

both!(an_endpoint_that_fails_each_event_once_gets_all_of_them, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.receiver.answers_first(500);
    for n in 0..12 {
        hooked.invite(app, &format!("guest{n}@example.com")).await;
    }
    app.worker().await;
    assert_eq!(hooked.receiver.count(), 5, "and then it is left alone");
    app.advance(TimeDelta::seconds(70));
    app.worker().await;
    assert!(app.count("select count(*) from deliveries where state = 2").await > 0, "the probe repeats one");
    for _ in 0..3 {
        app.advance(TimeDelta::seconds(80));
        app.worker().await;
    }
    assert_eq!(app.count("select count(*) from deliveries where state = 2 and attempts = 2").await, 12);
});

both!(an_endpoint_that_asks_for_time_is_left_alone_for_as_long, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.receiver.answers_header("retry-after", "900");
    hooked.receiver.answers_once(&[429]);
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    hooked.invite(app, "cy@example.com").await;
    for _ in 0..4 {
        app.advance(TimeDelta::seconds(220));
        app.worker().await;
    }
    assert_eq!(hooked.receiver.take().len(), 1);
    app.advance(TimeDelta::seconds(21));
    app.worker().await;
    assert_eq!(hooked.receiver.take().len(), 2);
});
