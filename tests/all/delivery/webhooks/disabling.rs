//! Endpoints to which nothing has arrived for days are switched off.

use tenantry_tests::Options;

use super::*;
use crate::delivery::deliveries::{Hooked, hooked};

/// Something happens every six hours for so many days, and the worker tries whatever is due.
async fn live(app: &TestApp, hooked: &Hooked, days: i64) {
    for _ in 0..days * 4 {
        let ann = app.again(&hooked.ann).await;
        app.by(&ann).patch(&hooked.org.path, json!({"name": app.now().to_rfc3339()})).await.ok();
        app.worker().await;
        app.advance(TimeDelta::hours(6));
    }
}

both!(after_five_days_of_failure_it_is_off_and_its_owners_know, async |app| {
    let hooked = hooked(app, &["organization.updated", "webhook.disabled"]).await;
    let bob = app.member(&hooked.ann, "acme", "bob@example.com", "member").await;
    app.by(&hooked.ann).patch(&hooked.org.at(&format!("members/{}", bob.id)), json!({"role": "admin"})).await.ok();
    hooked.receiver.answers(500);
    live(app, &hooked, 5).await;
    assert_eq!(app.run_jobs().await["webhooks"], 0, "the last failure was four days and some hours after the first");
    live(app, &hooked, 1).await;
    assert_eq!(app.run_jobs().await["webhooks"], 1);
    let ann = app.again(&hooked.ann).await;
    let shown = app.by(&ann).get(&hooked.path).await.ok();
    has_exactly(&shown, &[SHOWN, &["disabled_at", "disabled_reason"]].concat());
    assert_eq!((&shown["is_active"], &shown["disabled_reason"]), (&json!(false), &json!("nothing arrived for 5 days")));
    assert_eq!(app.count("select count(*) from deliveries where state < 2").await, 0, "what waits is cancelled");
    let log = app.by(&ann).get(&hooked.org.at("audit-log?action=webhook.disabled")).await.ok();
    assert_eq!((&log["pagination"]["total"], &log["logs"][0]["target_id"]), (&json!(1), &shown["id"]));
    assert!(log["logs"][0].get("actor").is_none(), "nobody did it: {log}");
    app.worker().await;
    let mails: Vec<_> = app.mails().into_iter().filter(|mail| mail.subject.contains("switched off")).collect();
    assert_eq!(mails.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), ["ann@example.com"], "owners only");
    assert!(mails[0].text.contains("http://127.0.0.1") && !mails[0].text.contains("/hooks"), "{}", mails[0].text);
    assert_eq!(app.run_jobs().await["webhooks"], 0, "and it is done once");
    // Repaired, switched on, and sent what it missed.
    hooked.receiver.answers(200);
    hooked.receiver.take();
    let shown = app.by(&ann).patch(&hooked.path, json!({"is_active": true})).await.ok();
    has_exactly(&shown, SHOWN);
    let everything = json!({"from": "2026-01-01T00:00:00Z", "to": "2027-01-01T00:00:00Z", "only_missing": true});
    let queued = app.by(&ann).post(&format!("{}/redeliver", hooked.path), everything).await.ok();
    assert_eq!(queued["deliveries"], 25, "24 changes, and that it was switched off");
    app.worker().await;
    assert_eq!(hooked.receiver.take().len(), 25);
    assert_eq!(app.run_jobs().await["webhooks"], 0);
});

both!(one_success_in_between_or_a_quiet_month_is_no_failure_of_days, async |app| {
    let hooked = hooked(app, &["organization.updated"]).await;
    hooked.receiver.answers(500);
    live(app, &hooked, 3).await;
    hooked.receiver.answers_once(&[200]);
    live(app, &hooked, 4).await;
    assert_eq!(app.run_jobs().await["webhooks"], 0);
    // Given up long ago, and nothing happened since.
    app.advance(TimeDelta::days(20));
    assert_eq!(app.run_jobs().await["webhooks"], 0);
    hooked.receiver.answers(200);
    app.worker().await;
    app.advance(TimeDelta::hours(1));
    app.worker().await;
});

both!(one_that_says_it_is_gone_is_off_at_once, Options::default().set("webhooks.disable_after_days", 0), async |app| {
    let hooked = hooked(app, &["user.invited"]).await;
    hooked.receiver.answers(410);
    hooked.invite(app, "bob@example.com").await;
    app.worker().await;
    let shown = app.by(&hooked.ann).get(&hooked.path).await.ok();
    assert_eq!((&shown["is_active"], shown["disabled_at"].is_string()), (&json!(false), true), "{shown}");
    assert!(text(&shown["disabled_reason"]).contains("410"), "{shown}");
    assert_eq!(app.count("select count(*) from deliveries where state < 2").await, 0, "what waits is cancelled");
    let log = app.by(&hooked.ann).get(&hooked.org.at("audit-log?action=webhook.disabled")).await.ok();
    assert_eq!(log["pagination"]["total"], 1);
    app.worker().await;
    let mails: Vec<_> = app.mails().into_iter().filter(|mail| mail.subject.contains("switched off")).collect();
    assert_eq!(mails.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), ["ann@example.com"]);
    hooked.invite(app, "cy@example.com").await;
    app.advance(TimeDelta::hours(1));
    app.worker().await;
    assert_eq!(hooked.receiver.take().len(), 1, "and it is not called again");
    // Repaired, and switched on.
    hooked.receiver.answers(200);
    let ann = app.again(&hooked.ann).await;
    app.by(&ann).patch(&hooked.path, json!({"is_active": true})).await.ok();
    app.invite(&ann, "acme", "di@example.com", "member").await;
    app.worker().await;
    assert_eq!(hooked.receiver.take().len(), 1);
});

both!(zero_days_means_never, Options::default().set("webhooks.disable_after_days", 0), async |app| {
    let hooked = hooked(app, &["organization.updated"]).await;
    hooked.receiver.answers(500);
    live(app, &hooked, 8).await;
    assert_eq!(app.run_jobs().await["webhooks"], 0);
    hooked.receiver.answers(200);
    app.worker().await;
    app.advance(TimeDelta::hours(1));
    app.worker().await;
});
