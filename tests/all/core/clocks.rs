//! The clock jumps, forward and back, by minutes, hours and days, in the middle of everything. Whoever signs in can go on, every event is
//! numbered in the order of the changes and delivered once, and what waits is not forgotten.

use chrono::TimeDelta;
use serde_json::json;
use tenantry_tests::{Options, Org, Receiver, TestApp, User, both, text};

/// Forward and back, and further back than where it began.
const JUMPS: [TimeDelta; 8] = [
    TimeDelta::minutes(7),
    TimeDelta::minutes(-7),
    TimeDelta::hours(30),
    TimeDelta::hours(-31),
    TimeDelta::days(6),
    TimeDelta::days(-9),
    TimeDelta::seconds(-1),
    TimeDelta::days(4),
];

/// One of everything, at whatever time it is.
async fn a_day_of_work(app: &TestApp, ann: &User, org: &Org, n: usize) {
    let ann = app.again(ann).await;
    let pair = app.by(&ann).post_empty(&org.at("select")).await.ok();
    let pair = app.client().post("/api/auth/refresh", json!({"refresh_token": pair["refresh_token"]})).await.ok();
    let by = app.client().bearer(&text(&pair["access_token"]));
    by.get("/api/user").await.ok();
    let made = by.post(&org.at("invitations"), json!({"email": format!("guest{n}@example.com"), "role": "member"})).await.ok();
    let (id, token) = (text(&made["invitation"]["id"]), text(&made["token"]));
    if n.is_multiple_of(2) {
        let guest = app.sign_up(&format!("guest{n}@example.com")).await;
        app.by(&guest).post("/api/invitations/accept", json!({"token": token})).await.done();
    } else {
        by.post_empty(&org.at(&format!("invitations/{id}"))).await.done();
    }
    app.worker().await;
    app.run_jobs().await;
}

both!(nothing_is_lost_or_repeated_when_the_clock_jumps, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    app.more_seats(&root, &org).await;
    let receiver = Receiver::start().await;
    let events = ["user.invited", "invitation.accepted", "invitation.revoked"];
    app.by(&ann).post(&org.at("webhooks"), json!({"name": "All", "url": receiver.url, "events": events})).await.ok();
    a_day_of_work(app, &ann, &org, 0).await;
    for (n, jump) in JUMPS.into_iter().enumerate() {
        app.advance(jump);
        a_day_of_work(app, &ann, &org, n + 1).await;
    }
    let settled = |n: usize| if n.is_multiple_of(2) { "invitation.accepted" } else { "invitation.revoked" };
    let expected: Vec<&str> = (0..=JUMPS.len()).flat_map(|n| ["user.invited", settled(n)]).collect();
    let numbered = "select e.name from feed f join events e on e.org_id = f.org_id and e.id = f.event_id join organizations o on o.id = f.org_id
        where o.slug = 'acme' and e.name in ('user.invited', 'invitation.accepted', 'invitation.revoked') order by f.seq";
    let feed: Vec<String> = app.rows(numbered).await.iter().map(|row| row.try_get_by_index(0).expect("a name")).collect();
    let got = receiver.events();
    assert_eq!(feed, expected, "the feed is in the order of the changes");
    assert_eq!(got.len(), expected.len(), "each event arrived once: {got:?}");
    let gaps = "select count(*) from heads h where h.seq <> (select count(*) from feed f where f.org_id = h.org_id)";
    assert_eq!(app.count(gaps).await, 0, "a gap");
});

both!(what_waits_is_delivered_after_a_jump_back, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let receiver = Receiver::start().await;
    let hook = json!({"name": "All", "url": receiver.url, "events": ["user.invited"]});
    app.by(&ann).post(&org.at("webhooks"), hook).await.ok();
    receiver.answers_once(&[500]);
    app.invite(&ann, "acme", "early@example.com", "member").await;
    app.worker().await;
    app.advance(TimeDelta::hours(-5));
    let again = app.again(&ann).await;
    app.invite(&again, "acme", "late@example.com", "member").await;
    app.worker().await;
    let about = |who: &str| receiver.received().iter().filter(|r| String::from_utf8_lossy(&r.body).contains(who)).count();
    assert_eq!((about("early@"), about("late@")), (1, 1), "a new event does not wait for the one that waits");
    app.advance(TimeDelta::hours(5) + TimeDelta::minutes(5));
    app.worker().await;
    assert_eq!((about("early@"), about("late@")), (2, 1), "the second attempt, when the clock is there again");
});

both!(an_endpoint_does_not_wait_for_leases_of_a_clock_that_was_ahead, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let receiver = Receiver::start().await;
    let hook = json!({"name": "All", "url": receiver.url, "events": ["user.invited"]});
    app.by(&ann).post(&org.at("webhooks"), hook).await.ok();
    for n in 0..5 {
        app.invite(&ann, "acme", &format!("early{n}@example.com"), "member").await;
    }
    app.worker().await;
    // Claimed by a worker whose clock was a month ahead, and which died.
    app.execute("update deliveries set state = 1, lease = id, next_at = (select max(expires_at) from sessions)").await;
    receiver.take();
    app.invite(&ann, "acme", "late@example.com", "member").await;
    assert_eq!(app.run_jobs().await["clock_changes"], 5);
    app.worker().await;
    assert_eq!(receiver.received().len(), 6, "the five, and the one behind them");
    assert_eq!(app.run_jobs().await["clock_changes"], 0);
});

both!(a_clock_that_was_ahead_at_the_first_start_locks_nobody_out, async |app| {
    // The signing key was made "tomorrow".
    app.advance(TimeDelta::days(-1));
    let ann = app.sign_up("ann@example.com").await;
    app.create_org(&ann, "acme").await;
    app.by(&ann).get("/api/organizations/acme").await.ok();
});

both!(limits_forget_a_clock_that_was_ahead, Options::default().rate_limits(), async |app| {
    let ann = app.sign_up("ann@example.com").await;
    app.advance(TimeDelta::days(1));
    app.again(&ann).await;
    app.advance(TimeDelta::days(-1));
    app.again(&ann).await;
    app.by(&ann).get("/api/user").await.ok();
});
