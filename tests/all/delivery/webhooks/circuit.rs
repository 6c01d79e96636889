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
    assert_eq!(hooked.receiver.take().len(), 6, "the test event, and the five that were never tried");
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
