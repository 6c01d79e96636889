//! Endpoints that want their events in order.

use super::*;
use crate::delivery::deliveries::{Hooked, hooked};

async fn in_order(app: &TestApp) -> Hooked {
    let hooked = hooked(app, &["user.invited"]).await;
    let shown = app.by(&hooked.ann).patch(&hooked.path, json!({"in_order": true})).await.ok();
    assert_eq!(shown["in_order"], true);
    hooked
}

async fn happen(app: &TestApp, hooked: &Hooked, names: &[&str]) {
    for name in names {
        let ann = app.again(&hooked.ann).await;
        app.invite(&ann, "acme", &format!("{name}@example.com"), "member").await;
    }
}

fn came(hooked: &Hooked) -> Vec<String> {
    hooked.receiver.take().iter().map(|got| text(&got.json()["data"]["email"]).replace("@example.com", "")).collect()
}

both!(the_others_wait_behind_one_that_failed, async |app| {
    let hooked = in_order(app).await;
    hooked.receiver.answers_once(&[200, 500, 500]);
    happen(app, &hooked, &["a", "b", "c"]).await;
    app.worker().await;
    assert_eq!(came(&hooked), ["a", "b"]);
    happen(app, &hooked, &["d"]).await;
    app.worker().await;
    assert!(came(&hooked).is_empty(), "b waits for its next attempt, and the others for b");
    app.advance(TimeDelta::seconds(70));
    app.worker().await;
    assert_eq!(came(&hooked), ["b"]);
    app.advance(TimeDelta::seconds(140));
    app.worker().await;
    assert_eq!(came(&hooked), ["b", "c", "d"]);
});

both!(one_that_is_given_up_lets_the_others_pass_and_goes_first_when_sent_again, async |app| {
    let hooked = in_order(app).await;
    hooked.receiver.answers_once(&[500; 6]);
    happen(app, &hooked, &["a", "b"]).await;
    // The seventh time, because the sixth failure in a row opens the circuit once more.
    for _ in 0..7 {
        app.worker().await;
        app.advance(TimeDelta::hours(1));
    }
    assert_eq!(came(&hooked), ["a", "a", "a", "a", "a", "a", "b"]);
    let failed = text(&hooked.history(app, "?delivered=false").await["deliveries"][0]["id"]);
    happen(app, &hooked, &["c"]).await;
    let ann = app.again(&hooked.ann).await;
    app.by(&ann).post_empty(&format!("{}/deliveries/{failed}/redeliver", hooked.path)).await.ok();
    app.worker().await;
    assert_eq!(came(&hooked), ["a", "c"]);
});

both!(order_can_be_switched_on_and_off_while_events_wait, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.receiver.answers_once(&[500, 200]);
    happen(app, &hooked, &["a", "b"]).await;
    app.worker().await;
    assert_eq!(came(&hooked).len(), 2);
    app.by(&hooked.ann).patch(&hooked.path, json!({"in_order": true})).await.ok();
    happen(app, &hooked, &["c"]).await;
    app.worker().await;
    assert!(came(&hooked).is_empty(), "what failed before the change is in line as well");
    let shown = app.by(&hooked.ann).patch(&hooked.path, json!({"in_order": false})).await.ok();
    has_exactly(&shown, SHOWN);
    app.worker().await;
    assert_eq!(came(&hooked), ["c"], "nobody waits any more");
    app.advance(TimeDelta::seconds(70));
    app.worker().await;
    assert_eq!(came(&hooked).len(), 1);
});

both!(a_test_event_overtakes_the_line_and_holds_nothing_up, async |app| {
    let hooked = in_order(app).await;
    hooked.receiver.answers_once(&[500, 503]);
    happen(app, &hooked, &["a", "b"]).await;
    app.worker().await;
    assert_eq!(came(&hooked), ["a"]);
    app.by(&hooked.ann).post_empty(&format!("{}/test", hooked.path)).await.ok();
    app.worker().await;
    assert_eq!(hooked.receiver.take()[0].event(), "webhook.test.ping");
    app.advance(TimeDelta::seconds(70));
    app.worker().await;
    assert_eq!(came(&hooked), ["a", "b"]);
});

both!(it_can_be_asked_for_from_the_beginning, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let body = json!({"name": "Hook", "url": "http://127.0.0.1:9/", "events": ["user.joined"], "in_order": true});
    let made = app.by(&ann).post(&org.at("webhooks"), body.clone()).await.ok();
    has_exactly(&made, &[SHOWN, &["secret", "in_order"]].concat());
    for wrong in [json!("yes"), json!(1)] {
        let mut body = body.clone();
        body["in_order"] = wrong.clone();
        app.by(&ann).post(&org.at("webhooks"), body).await.invalid(&["in_order"]);
        let path = org.at(&format!("webhooks/{}", text(&made["id"])));
        app.by(&ann).patch(&path, json!({"in_order": wrong})).await.invalid(&["in_order"]);
    }
});
