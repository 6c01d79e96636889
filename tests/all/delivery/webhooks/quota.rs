//! How much may wait: at an endpoint, at those of an organization, and at one that has never answered 2xx. Whoever reaches a bound is behind,
//! loses nothing, and catches up.

use tenantry_tests::{Options, Receiver};

use super::*;
use crate::delivery::deliveries::{Hooked, hooked};

fn small() -> Options {
    Options::default()
        .set("webhooks.open_at_endpoint", 3)
        .set("webhooks.open_in_organization", 5)
        .set("webhooks.open_at_unverified", 2)
}

/// Changes the organization's name to each of these.
async fn rename(app: &TestApp, hooked: &Hooked, names: impl IntoIterator<Item = i32>) {
    let ann = app.again(&hooked.ann).await;
    for name in names {
        app.by(&ann).patch(&hooked.org.path, json!({"name": format!("Name {name}")})).await.ok();
    }
}

/// An endpoint that has answered 2xx once.
async fn proven(app: &TestApp) -> Hooked {
    let hooked = hooked(app, &["organization.updated"]).await;
    rename(app, &hooked, [0]).await;
    app.worker().await;
    assert_eq!(names(&hooked.receiver), ["Name 0"]);
    hooked
}

/// The names that came, where each came once.
fn names(receiver: &Receiver) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    let got = receiver.take().into_iter().filter(|got| seen.insert(got.header("webhook-id").to_owned()));
    got.map(|got| text(&got.json()["data"]["name"])).collect()
}

async fn shown(app: &TestApp, hooked: &Hooked) -> Value {
    let ann = app.again(&hooked.ann).await;
    app.by(&ann).get(&hooked.path).await.ok()
}

async fn open(app: &TestApp) -> i64 {
    app.count("select count(*) from deliveries where state < 2").await
}

async fn verified(app: &TestApp) -> bool {
    app.count("select count(*) from destinations where verified_at is not null").await == 1
}

async fn recorded(app: &TestApp, hooked: &Hooked, action: &str) -> Value {
    let ann = app.again(&hooked.ann).await;
    let log = app.by(&ann).get(&hooked.org.at(&format!("audit-log?action={action}"))).await.ok();
    log["pagination"]["total"].clone()
}

/// Lets time pass until nothing is behind and nothing waits.
async fn catch_up(app: &TestApp) {
    for _ in 0..60 {
        app.worker().await;
        app.run_jobs().await;
        app.advance(TimeDelta::seconds(60));
        if app.count("select count(*) from destinations where behind_since is not null").await == 0 && open(app).await == 0 {
            return;
        }
    }
    panic!("it never caught up");
}

fn all_of(names: impl IntoIterator<Item = i32>) -> Vec<String> {
    names.into_iter().map(|name| format!("Name {name}")).collect()
}

both!(a_full_endpoint_falls_behind_and_gets_everything_later, small(), async |app| {
    let hooked = proven(app).await;
    hooked.receiver.answers(500);
    rename(app, &hooked, 1..=6).await;
    app.worker().await;
    assert_eq!(open(app).await, 3);
    let behind = shown(app, &hooked).await["behind"].clone();
    has_exactly(&behind, &["since", "seq", "reason"]);
    assert_eq!((&behind["reason"], behind["since"].is_string()), (&json!("endpoint"), true));
    let before = behind["seq"].as_i64().unwrap() - 1;
    let ann = app.again(&hooked.ann).await;
    let feed = app.by(&ann).get(&hooked.org.at(&format!("events?after={before}&limit=1"))).await.ok();
    assert_eq!(feed["events"][0]["payload"]["data"]["name"], "Name 4", "the first that it was not given: {feed}");
    // Its organization is told once, however much is added.
    for _ in 0..3 {
        app.run_jobs().await;
        app.worker().await;
        app.advance(TimeDelta::seconds(11));
    }
    rename(app, &hooked, 7..=9).await;
    app.worker().await;
    assert_eq!((open(app).await, shown(app, &hooked).await["behind"]["seq"].clone()), (3, behind["seq"].clone()));
    assert_eq!(recorded(app, &hooked, "webhook.fell_behind").await, 1);
    let mails = || app.mails().into_iter().filter(|mail| mail.subject.contains("is behind")).count();
    assert_eq!((mails(), recorded(app, &hooked, "webhook.caught_up").await), (1, json!(0)));
    // Asked for, no more is queued either.
    let ann = app.again(&hooked.ann).await;
    let test = app.by(&ann).post_empty(&format!("{}/test", hooked.path)).await;
    assert_eq!(test.refused(400, "BAD_REQUEST")["code"], "too_many_waiting");
    hooked.receiver.take();
    hooked.receiver.answers(200);
    catch_up(app).await;
    let mut came = names(&hooked.receiver);
    came.sort();
    assert_eq!(came, all_of(1..=9));
    assert_eq!(app.count("select count(*) from deliveries").await, 10, "one of each");
    assert!(shown(app, &hooked).await.get("behind").is_none());
    assert_eq!(recorded(app, &hooked, "webhook.caught_up").await, 1);
    // And then it is as it was.
    rename(app, &hooked, [10]).await;
    assert_eq!((app.worker().await.delivered, mails()), (1, 1));
});

both!(one_in_order_catches_up_in_order, small(), async |app| {
    let hooked = proven(app).await;
    let ann = app.again(&hooked.ann).await;
    app.by(&ann).patch(&hooked.path, json!({"in_order": true})).await.ok();
    hooked.receiver.answers_once(&[500, 500]);
    for some in [1..=5, 6..=7, 8..=12] {
        rename(app, &hooked, some).await;
        app.worker().await;
        assert!(open(app).await <= 3);
        app.advance(TimeDelta::seconds(11));
        app.run_jobs().await;
    }
    catch_up(app).await;
    assert_eq!(names(&hooked.receiver), all_of(1..=12));
});

both!(what_it_catches_up_with_is_not_sent_again_before, small(), async |app| {
    let hooked = proven(app).await;
    let ann = app.again(&hooked.ann).await;
    app.by(&ann).patch(&hooked.path, json!({"in_order": true})).await.ok();
    hooked.receiver.answers_once(&[500]);
    rename(app, &hooked, 1..=6).await;
    app.worker().await;
    app.advance(TimeDelta::seconds(70));
    app.worker().await;
    assert_eq!(names(&hooked.receiver), all_of(1..=3));
    // There is room now, and it has not been used yet: whoever asks for everything gets what was given before.
    let everything = json!({"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"});
    let mut missing = everything.clone();
    missing["only_missing"] = json!(true);
    let path = format!("{}/redeliver", hooked.path);
    assert_eq!(app.by(&ann).post(&path, missing).await.ok()["deliveries"], 0, "what is missing comes anyway");
    assert_eq!(app.by(&ann).post(&path, everything).await.ok()["deliveries"], 3);
    catch_up(app).await;
    assert_eq!(names(&hooked.receiver), ["Name 0", "Name 1", "Name 2", "Name 4", "Name 5", "Name 6"]);
});

both!(a_full_organization_holds_up_its_own_endpoints_and_no_other, small(), async |app| {
    let hooked = proven(app).await;
    let beside = Receiver::start().await;
    let body = json!({"name": "Beside", "url": beside.url, "events": ["organization.updated"]});
    app.by(&hooked.ann).post(&hooked.org.at("webhooks"), body).await.ok();
    let olga = app.sign_up("olga@example.com").await;
    let (theirs, receiver) = (app.create_org(&olga, "other").await, Receiver::start().await);
    let body = json!({"name": "Theirs", "url": receiver.url, "events": ["organization.updated"]});
    app.by(&olga).post(&theirs.at("webhooks"), body).await.ok();
    rename(app, &hooked, [1]).await;
    app.by(&olga).patch(&theirs.path, json!({"name": "Theirs 1"})).await.ok();
    app.worker().await;
    assert_eq!((names(&beside).len(), names(&hooked.receiver).len(), names(&receiver).len()), (1, 1, 1));
    hooked.receiver.answers(500);
    beside.answers(500);
    rename(app, &hooked, 2..=9).await;
    for n in 2..=9 {
        app.by(&olga).patch(&theirs.path, json!({"name": format!("Theirs {n}")})).await.ok();
        app.worker().await;
    }
    assert_eq!(open(app).await, 5);
    let ann = app.again(&hooked.ann).await;
    let list = app.by(&ann).get(&hooked.org.at("webhooks")).await.ok();
    let mut reasons: Vec<_> = list["webhooks"].as_array().unwrap().iter().map(|hook| text(&hook["behind"]["reason"])).collect();
    reasons.sort();
    assert_eq!(reasons, ["endpoint", "organization"]);
    assert_eq!(names(&receiver).len(), 8, "nobody else's events wait");
    names(&hooked.receiver);
    names(&beside);
    hooked.receiver.answers(200);
    beside.answers(200);
    catch_up(app).await;
    for receiver in [&hooked.receiver, &beside] {
        let mut came = names(receiver);
        came.sort();
        assert_eq!(came, all_of(2..=9));
    }
});

both!(one_that_is_switched_off_catches_up_with_nothing, small(), async |app| {
    let hooked = proven(app).await;
    hooked.receiver.answers(500);
    rename(app, &hooked, 1..=6).await;
    app.worker().await;
    let ann = app.again(&hooked.ann).await;
    let off = app.by(&ann).patch(&hooked.path, json!({"is_active": false})).await.ok();
    assert!(off.get("behind").is_none() && shown(app, &hooked).await.get("behind").is_none(), "{off}");
    hooked.receiver.take();
    hooked.receiver.answers(200);
    app.by(&ann).patch(&hooked.path, json!({"is_active": true})).await.ok();
    catch_up(app).await;
    // As everything that it missed: on request, where as many at once as may wait.
    let mut came = names(&hooked.receiver);
    for _ in 0..3 {
        let ann = app.again(&hooked.ann).await;
        let missing = json!({"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z", "only_missing": true});
        app.by(&ann).post(&format!("{}/redeliver", hooked.path), missing).await.ok();
        app.worker().await;
        came.extend(names(&hooked.receiver));
    }
    came.sort();
    assert_eq!(came, all_of(1..=6));
});

both!(until_it_has_answered_2xx_few_wait_and_few_are_sent, small(), async |app| {
    let hooked = hooked(app, &["organization.updated"]).await;
    hooked.receiver.answers(404);
    rename(app, &hooked, 1..=6).await;
    app.worker().await;
    assert_eq!(open(app).await, 2);
    let state = shown(app, &hooked).await;
    has_exactly(&state, &[SHOWN, &["behind", "unverified"]].concat());
    assert_eq!((&state["behind"]["reason"], &state["unverified"]), (&json!("unverified"), &json!(true)));
    let ann = app.again(&hooked.ann).await;
    let everything = json!({"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"});
    for asked in [
        app.by(&ann).post_empty(&format!("{}/test", hooked.path)).await,
        app.by(&ann).post(&format!("{}/redeliver", hooked.path), everything).await,
    ] {
        assert_eq!(asked.refused(400, "BAD_REQUEST")["code"], "too_many_waiting");
    }
    assert_eq!(open(app).await, 2);
    hooked.receiver.take();
    hooked.receiver.answers(200);
    catch_up(app).await;
    let mut came = names(&hooked.receiver);
    came.sort();
    assert_eq!(came, all_of(1..=6));
    has_exactly(&shown(app, &hooked).await, SHOWN);
    assert!(verified(app).await);
    // Elsewhere it has to answer again; another change of it says nothing about that.
    let (ann, elsewhere) = (app.again(&hooked.ann).await, Receiver::start().await);
    app.by(&ann).patch(&hooked.path, json!({"url": hooked.receiver.url, "name": "Same"})).await.ok();
    assert!(verified(app).await);
    app.by(&ann).patch(&hooked.path, json!({"url": elsewhere.url})).await.ok();
    assert!(!verified(app).await);
    elsewhere.answers(404);
    rename(app, &hooked, 7..=12).await;
    app.worker().await;
    assert_eq!(open(app).await, 2);
    elsewhere.take();
    elsewhere.answers(200);
    catch_up(app).await;
    assert_eq!(names(&elsewhere).len(), 6);
});

both!(a_stranger_gets_few_requests_whatever_they_answer, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    for (n, status) in [302, 404, 405, 500].into_iter().enumerate() {
        let stranger = Receiver::start().await;
        stranger.answers(status);
        app.by(&hooked.ann).patch(&hooked.path, json!({"url": stranger.url})).await.ok();
        for guest in 0..9 {
            hooked.invite(app, &format!("guest{n}-{guest}@example.com")).await;
        }
        app.worker().await;
        assert_eq!(stranger.take().len(), 5, "{status}");
        app.advance(TimeDelta::seconds(50));
        app.worker().await;
        assert_eq!(stranger.take().len(), 0, "{status}");
        app.advance(TimeDelta::seconds(20));
        app.worker().await;
        assert_eq!(stranger.take().len(), 1, "{status}: then one at a time");
    }
    app.by(&hooked.ann).patch(&hooked.path, json!({"url": hooked.receiver.url})).await.ok();
    for _ in 0..4 {
        app.worker().await;
        app.advance(TimeDelta::seconds(150));
    }
});

both!(a_test_event_proves_an_endpoint_that_refused_what_it_does_not_know, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.receiver.answers_once(&[404; 5]);
    for guest in 0..9 {
        hooked.invite(app, &format!("guest{guest}@example.com")).await;
    }
    app.worker().await;
    assert_eq!(hooked.receiver.take().len(), 5);
    app.by(&hooked.ann).post_empty(&format!("{}/test", hooked.path)).await.ok();
    app.worker().await;
    assert_eq!(hooked.receiver.events()[0], "webhook.test.ping", "before what waits");
    assert!(verified(app).await);
    app.advance(TimeDelta::seconds(70));
    app.worker().await;
});

both!(one_that_refuses_some_events_is_proven_by_another, async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    // The first five, and the oldest of them again as the first probe.
    hooked.receiver.answers_once(&[404; 6]);
    for guest in 0..9 {
        hooked.invite(app, &format!("guest{guest}@example.com")).await;
    }
    app.worker().await;
    app.advance(TimeDelta::seconds(70));
    app.worker().await;
    assert_eq!(hooked.receiver.take().len(), 6);
    assert!(!verified(app).await);
    app.advance(TimeDelta::seconds(140));
    app.worker().await;
    assert_eq!(hooked.receiver.received()[0].json()["data"]["email"], "guest5@example.com", "one that was never tried");
    assert!(verified(app).await);
    app.advance(TimeDelta::seconds(300));
    app.worker().await;
});

fn counted() -> Options {
    Options::default()
        .rate_limits()
        .set("rate_limits.organization_redeliveries_per_hour", 60)
        .set("rate_limits.organization_redeliveries_burst", 3)
}

both!(what_is_sent_again_is_counted_by_deliveries, counted(), async |app| {
    let hooked = proven(app).await;
    rename(app, &hooked, 1..=7).await;
    app.worker().await;
    assert_eq!(names(&hooked.receiver).len(), 7);
    let everything = json!({"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z"});
    let path = format!("{}/redeliver", hooked.path);
    app.by(&hooked.ann).post_empty(&format!("{}/test", hooked.path)).await.ok();
    // Two are left, so it passes; and what it makes is counted to the end.
    let made = app.by(&hooked.ann).post(&path, everything.clone()).await.ok();
    assert!(made["deliveries"] == 3 && made["next"].is_string(), "as many at most as may come at once: {made}");
    let delivery = text(&hooked.history(app, "?limit=1").await["deliveries"][0]["id"]);
    for path in [path.clone(), format!("{}/test", hooked.path), format!("{}/deliveries/{delivery}/redeliver", hooked.path)] {
        let refused = app.by(&hooked.ann).post(&path, everything.clone()).await.expect(429);
        let wait: i64 = refused.header("retry-after").parse().unwrap();
        // Three at once and one a minute.
        assert!((1..=120).contains(&wait), "{path}: {wait}");
        assert_eq!(refused.json()["code"], "rate_limited");
    }
    // Another organization's budget is its own.
    let olga = app.sign_up("olga@example.com").await;
    let (theirs, receiver) = (app.create_org(&olga, "other").await, Receiver::start().await);
    let body = json!({"name": "Theirs", "url": receiver.url, "events": ["organization.updated"]});
    let id = text(&app.by(&olga).post(&theirs.at("webhooks"), body).await.ok()["id"]);
    app.by(&olga).post_empty(&theirs.at(&format!("webhooks/{id}/test"))).await.ok();
    // Nor does a stranger use up somebody's.
    app.by(&olga).post(&path, everything.clone()).await.refused(403, "FORBIDDEN");
    app.worker().await;
    assert_eq!((hooked.receiver.take().len(), receiver.count()), (4, 1));
});
