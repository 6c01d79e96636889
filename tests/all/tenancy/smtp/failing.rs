//! A server that does not take mails: what waits, what leaves through the platform's, and what is told.

use super::*;

/// Invites somebody, and does what is due.
async fn invite(app: &TestApp, ann: &User, email: &str) {
    let ann = app.again(ann).await;
    app.invite(&ann, "acme", email, "member").await;
    app.worker().await;
}

async fn waits(app: &TestApp) -> i64 {
    app.count("select count(*) from mails where state = 0").await
}

/// Time passes, and what is due then is done.
async fn later(app: &TestApp, by: TimeDelta) {
    app.advance(by);
    app.worker().await;
}

both!(credentials_that_are_wrong_are_not_waited_for, async |app| {
    let (ann, org, server) = equipped(app).await;
    let mut settings = server.settings();
    settings["password"] = json!("canary-wrong");
    set(app, &ann, &org, settings).await;
    invite(app, &ann, "bob@example.com").await;
    assert_eq!((app.mails_to("bob@example.com").len(), server.visits()), (1, 1));
    let known = shown(app, &ann, &org).await;
    assert_eq!((&known["status"], &known["failing_since"]), (&json!("failing"), &json!("2026-11-23T09:00:00.000000Z")));
    let last = &known["last_failure"];
    assert_eq!((&last["step"], &last["reason"], &last["reply"]), (&json!("auth"), &json!("refused"), &json!("535 5.7.8")));
    assert!(!last.to_string().contains("who are you"), "the server's words are not told");
    let failed = recorded(app, &ann, &org, "organization.smtp.failed").await;
    assert_eq!((failed.len(), &failed[0]["step"], &failed[0]["reply"]), (1, &json!("auth"), &json!("535 5.7.8")));
    // Others do not ask again, until the pause is over.
    invite(app, &ann, "cy@example.com").await;
    assert_eq!((app.mails_to("cy@example.com").len(), server.visits()), (1, 1));
    later(app, TimeDelta::minutes(5)).await;
    invite(app, &ann, "dan@example.com").await;
    assert_eq!((app.mails_to("dan@example.com").len(), server.visits()), (1, 2));
    assert_eq!(recorded(app, &ann, &org, "organization.smtp.failed").await.len(), 1, "it is told once");
    // Put right, they are tried at once.
    let ann = app.again(&ann).await;
    set(app, &ann, &org, server.settings()).await;
    invite(app, &ann, "eve@example.com").await;
    assert_eq!((server.last().to.as_str(), app.mails_to("eve@example.com").len()), ("eve@example.com", 0));
    assert_eq!(shown(app, &ann, &org).await["status"], "working");
});

both!(a_server_that_is_down_for_long_is_bypassed_until_it_is_back, async |app| {
    let (ann, org, server) = equipped(app).await;
    server.answers("GREETING", "421 4.3.2 shutting down");
    invite(app, &ann, "bob@example.com").await;
    assert_eq!((shown(app, &ann, &org).await["status"].clone(), waits(app).await), (json!("unsteady"), 1));
    later(app, TimeDelta::seconds(35)).await;
    assert_eq!((app.mails_to("bob@example.com").len(), waits(app).await), (0, 1), "it may be restarting");
    later(app, TimeDelta::seconds(70)).await;
    assert_eq!((app.mails_to("bob@example.com").len(), waits(app).await), (1, 0));
    let known = shown(app, &ann, &org).await;
    assert_eq!((&known["status"], &known["last_failure"]["reply"]), (&json!("failing"), &json!("421 4.3.2")));
    server.recovers();
    later(app, TimeDelta::minutes(5)).await;
    invite(app, &ann, "cy@example.com").await;
    assert_eq!(server.last().to, "cy@example.com");
    let known = shown(app, &ann, &org).await;
    assert_eq!((&known["status"], known.get("last_failure")), (&json!("working"), None));
    assert_eq!(recorded(app, &ann, &org, "organization.smtp.failed").await.len(), 1);
    assert_eq!(recorded(app, &ann, &org, "organization.smtp.restored").await.len(), 1);
});

both!(a_server_that_is_gone_or_silent_says_so, Options::default().set("egress.timeout_seconds", 1), async |app| {
    let (ann, org, server) = equipped(app).await;
    server.falls_silent();
    invite(app, &ann, "bob@example.com").await;
    let last = shown(app, &ann, &org).await["last_failure"].clone();
    assert_eq!((&last["step"], &last["reason"]), (&json!("greeting"), &json!("timeout")));
    drop(server);
    let mut gone = with("host", json!("127.0.0.1"));
    (gone["security"], gone["port"]) = (json!("none"), json!(9));
    set(app, &ann, &org, gone).await;
    later(app, TimeDelta::seconds(35)).await;
    let last = shown(app, &ann, &org).await["last_failure"].clone();
    assert_eq!((&last["step"], &last["reason"]), (&json!("connect"), &json!("unreachable")));
    later(app, TimeDelta::seconds(70)).await;
    assert_eq!((app.mails_to("bob@example.com").len(), waits(app).await), (1, 0));
});

both!(what_is_about_one_mail_is_not_held_against_the_server, async |app| {
    let (ann, org, server) = equipped(app).await;
    // No such receiver, whoever asks.
    server.answers("RCPT", "550 5.1.1 no such user");
    invite(app, &ann, "bob@example.com").await;
    assert_eq!(app.count("select count(*) from mails where state = 3 and error like '%550 5.1.1%'").await, 1);
    // Later, then.
    server.answers("RCPT", "450 4.2.0 greylisted");
    invite(app, &ann, "cy@example.com").await;
    assert_eq!(waits(app).await, 1);
    server.recovers();
    later(app, TimeDelta::seconds(35)).await;
    assert_eq!(server.last().to, "cy@example.com");
    // It does not want this one: somebody else may.
    server.answers(".", "554 5.7.1 looks like spam");
    invite(app, &ann, "dan@example.com").await;
    let ways = |email: &str| (server.received().iter().filter(|handed| handed.to == email).count(), app.mails_to(email).len());
    assert_eq!((ways("bob@example.com"), ways("cy@example.com"), ways("dan@example.com")), ((0, 0), (1, 0), (0, 1)));
    assert_eq!(shown(app, &ann, &org).await["status"], "working");
    let bypassed = recorded(app, &ann, &org, "organization.smtp.bypassed").await;
    assert_eq!((bypassed.len(), &bypassed[0]["template"], &bypassed[0]["reply"]), (1, &json!("invitation"), &json!("554 5.7.1")));
    assert!(recorded(app, &ann, &org, "organization.smtp.failed").await.is_empty());
});

both!(a_mail_that_is_put_off_for_long_leaves_through_the_platforms, async |app| {
    let (ann, org, server) = equipped(app).await;
    server.answers("RCPT", "451 4.7.1 later");
    invite(app, &ann, "bob@example.com").await;
    for seconds in [35, 70, 140] {
        later(app, TimeDelta::seconds(seconds)).await;
        assert_eq!((app.mails_to("bob@example.com").len(), waits(app).await), (0, 1));
    }
    later(app, TimeDelta::seconds(280)).await;
    assert_eq!((app.mails_to("bob@example.com").len(), server.visits()), (1, 5));
    assert_eq!(recorded(app, &ann, &org, "organization.smtp.bypassed").await.len(), 1);
});
