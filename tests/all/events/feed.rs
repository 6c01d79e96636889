//! The event feed: pages, waiting, following, and who is let in. That every reader sees one order under load is `processes::feed`'s.

mod stream;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{Options, Org, Receiver, TestApp, User, both, text};

async fn acme(app: &TestApp) -> (User, Org) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    (ann, org)
}

async fn read(app: &TestApp, who: &User, org: &Org, query: &str) -> Value {
    app.by(who).get(&org.at(&format!("events{query}"))).await.ok()
}

fn seqs(page: &Value) -> Vec<i64> {
    page["events"].as_array().unwrap().iter().map(|event| event["seq"].as_i64().unwrap()).collect()
}

fn ids(page: &Value) -> Vec<String> {
    page["events"].as_array().unwrap().iter().map(|event| text(&event["id"])).collect()
}

both!(events_are_numbered_without_gaps_and_are_what_webhooks_post, async |app| {
    let (ann, org) = acme(app).await;
    let receiver = Receiver::start().await;
    let hook = json!({"name": "Hook", "url": receiver.url, "events": ["user.invited", "invitation.revoked"]});
    app.by(&ann).post(&org.at("webhooks"), hook).await.ok();
    let (id, _) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.by(&ann).post(&org.at(&format!("invitations/{id}")), json!({})).await.done();
    assert_eq!(read(app, &ann, &org, "").await, json!({"events": [], "next": 0, "has_more": false}), "not numbered yet");
    app.worker().await;

    let whole = read(app, &ann, &org, "").await;
    assert_eq!(seqs(&whole), (1..=4).collect::<Vec<_>>(), "{whole}");
    assert_eq!((&whole["next"], &whole["has_more"]), (&json!(4), &json!(false)));
    let names: Vec<_> = whole["events"].as_array().unwrap().iter().map(|e| text(&e["payload"]["event"])).collect();
    assert_eq!(names, ["organization.created", "webhook.created", "user.invited", "invitation.revoked"]);

    let log = app.by(&ann).get(&org.at("audit-log")).await.ok();
    let mut logged: Vec<_> = log["logs"].as_array().unwrap().iter().map(|record| text(&record["id"])).collect();
    logged.reverse();
    assert_eq!(ids(&whole), logged, "the same ids as in the audit log");
    for (received, event) in receiver.received().iter().zip(&whole["events"].as_array().unwrap()[2..]) {
        assert_eq!(received.header("webhook-id"), event["id"]);
        assert_eq!(received.json(), event["payload"]);
    }

    let (mut walked, mut after) = (Vec::new(), String::new());
    loop {
        let page = read(app, &ann, &org, &format!("?limit=1{after}")).await;
        walked.extend(ids(&page));
        after = format!("&after={}", page["next"]);
        if page["has_more"] == false {
            break;
        }
    }
    assert_eq!(walked, logged, "page by page");
    assert_eq!(read(app, &ann, &org, "?after=2&limit=500").await["events"].as_array().unwrap().len(), 2);
    let behind = read(app, &ann, &org, &format!("?after={}", logged[1])).await;
    assert_eq!(seqs(&behind), [3, 4], "behind an event");
    assert_eq!(read(app, &ann, &org, "?after=latest").await, json!({"events": [], "next": 4, "has_more": false}));
});

both!(a_place_that_is_none_is_refused, async |app| {
    let (ann, org) = acme(app).await;
    let bob = app.sign_up("bob@example.com").await;
    let other = app.create_org(&bob, "other").await;
    app.worker().await;
    let foreign = ids(&read(app, &bob, &other, "").await).remove(0);
    for (query, code) in [
        ("?after=x".to_owned(), "bad_cursor"),
        ("?after=-1".to_owned(), "bad_cursor"),
        ("?after=99999999999999999999".to_owned(), "bad_cursor"),
        ("?after=2".to_owned(), "cursor_ahead"),
        (format!("?after={foreign}"), "unknown_event"),
    ] {
        let body = app.by(&ann).get(&org.at(&format!("events{query}"))).await.invalid(&["after"]);
        assert_eq!(body["details"][0]["code"], code, "{query}");
    }
    app.by(&ann).get(&org.at("events?wait=soon&limit=many")).await.invalid(&["limit", "wait"]);
    let header = app.by(&ann).request(reqwest::Method::GET, &org.at("events")).header("last-event-id", "x").send().await;
    header.invalid(&["Last-Event-ID"]);
});

both!(only_who_may_read_the_log_or_manage_webhooks_is_let_in, async |app| {
    let (ann, org) = acme(app).await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "reader", &["audit_logs.view"]).await;
    app.role(&ann, "acme", "plumber", &["webhooks.manage"]).await;
    app.role(&ann, "acme", "host", &["org.members.manage"]).await;
    for (role, allowed) in [("reader", true), ("plumber", true), ("admin", true), ("host", false), ("member", false)] {
        let who = app.member(&ann, "acme", &format!("{role}@example.com"), role).await;
        let answer = app.by(&who).get(&org.at("events")).await;
        if allowed { drop(answer.ok()) } else { answer.refused_as(403, "FORBIDDEN", "missing_permission") }
    }
    let eve = app.sign_up("eve@example.com").await;
    app.by(&eve).get(&org.at("events?wait=20")).await.refused_as(403, "FORBIDDEN", "not_a_member");
    app.client().get(&org.at("events?wait=20")).await.refused(401, "UNAUTHORIZED");
    app.by(&root).post_empty(&format!("/api/platform/organizations/{}/suspend", org.id)).await.ok();
    app.by(&ann).get(&org.at("events")).await.refused(403, "ORGANIZATION_NOT_ACTIVE");
});

both!(a_long_poll_is_answered_when_something_happens, async |app| {
    let (ann, org) = acme(app).await;
    app.worker().await;
    let waiting = read(app, &ann, &org, "?after=1&wait=20");
    let happening = async {
        app.invite(&ann, "acme", "bob@example.com", "member").await;
        app.worker().await;
    };
    let (page, ()) = futures::join!(waiting, happening);
    assert_eq!(seqs(&page), [2], "{page}");
    let nothing = read(app, &ann, &org, "?after=2&wait=1").await;
    assert_eq!(nothing, json!({"events": [], "next": 2, "has_more": false}));
    let latest = read(app, &ann, &org, "?after=1&wait=20").await;
    assert_eq!(seqs(&latest), [2], "what is there already is answered at once");
});

both!(t22_whoever_is_removed_while_they_wait_is_told_nothing_more, async |app| {
    let (ann, org) = acme(app).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    app.worker().await;
    let path = org.at("events?after=latest&wait=20");
    let by_bob = app.by(&bob);
    let removing = async {
        app.by(&ann).post(&org.at(&format!("members/{}", bob.id)), json!({})).await.done();
        app.worker().await;
    };
    let (answer, ()) = futures::join!(by_bob.get(&path), removing);
    answer.refused_as(403, "FORBIDDEN", "not_a_member");
});

both!(a_reader_who_was_away_for_too_long_is_told_so, Options::default().set("retention.events_days", 1), async |app| {
    let (ann, org) = acme(app).await;
    app.invite(&ann, "acme", "bob@example.com", "member").await;
    app.worker().await;
    // Sealed: what no checkpoint covers is kept for longer.
    app.run_jobs().await;
    app.advance(TimeDelta::days(2));
    let ann = app.again(&ann).await;
    app.invite(&ann, "acme", "cy@example.com", "member").await;
    app.worker().await;
    app.run_jobs().await;
    let body = app.by(&ann).get(&org.at("events?after=1")).await.invalid(&["after"]);
    assert_eq!(body["details"][0]["code"], "cursor_expired", "{body}");
    let kept = read(app, &ann, &org, "").await;
    assert_eq!(kept["events"].as_array().unwrap().last().unwrap()["payload"]["data"]["email"], "cy@example.com", "{kept}");
    let first = seqs(&kept)[0];
    assert!(first > 1, "{kept}");
    assert_eq!(seqs(&read(app, &ann, &org, &format!("?after={}", first - 1)).await), seqs(&kept), "the place the refusal names");
});
