//! What there is only so much of: a slug, the last seats, the one outcome of an idempotency key.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Response, both};

use super::{events, sound, tally, watched};

both!(one_slug_is_founded_once, async |app| {
    let crowd = watched(app).await;
    let users = [app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await, app.sign_up("cy@example.com").await];
    let found = |n: usize| {
        app.by(&users[n % 3]).request(Method::POST, "/api/organizations").json(&json!({"slug": "acme", "name": "Acme"})).send()
    };
    let answers = join_all((0..crowd).map(found)).await;
    assert_eq!(tally(&answers, [200, 400]), [1, crowd - 1]);
    for lost in answers.into_iter().filter(|answer| answer.status != 200) {
        lost.refused(400, "DUPLICATE_CONSTRAINT");
    }
    assert_eq!(app.count("select count(*) from organizations").await, 1);
    assert_eq!((app.count("select count(*) from memberships").await, events(app, "organization.created").await), (1, 1));
    sound(app).await;
});

both!(the_last_seats_are_taken_once, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let (org, mut accepting) = (app.create_org(&ann, "acme").await, Vec::new());
    for email in ["bob@example.com", "cy@example.com", "dee@example.com"] {
        let person = app.sign_up(email).await;
        let (_, token) = app.invite(&ann, "acme", email, "member").await;
        accepting.push((app.by(&person), "/api/invitations/accept".to_owned(), json!({"token": token})));
    }
    for n in 3..crowd {
        let (id, _) = app.invite(&ann, "acme", &format!("managed{n}@example.com"), "member").await;
        accepting.insert(n % accepting.len(), (app.by(&ann), org.at(&format!("invitations/{id}/accept")), json!({})));
    }
    let answers = join_all(accepting.iter().map(|(by, path, body)| by.request(Method::POST, path).json(body).send())).await;
    assert_eq!(tally(&answers, [200, 400]), [2, crowd - 2], "three seats, one of them the founder's");
    for lost in answers.into_iter().filter(|answer| answer.status != 200) {
        lost.refused(400, "TEAM_LIMIT_EXCEEDED");
    }
    assert_eq!(app.count("select count(*) from memberships").await, 3);
    assert_eq!(app.count("select count(*) from invitations where status = 'accepted'").await, 2);
    assert_eq!(
        app.count("select count(*) from invitations where status = 'pending' and pending_email is not null").await,
        crowd as i64 - 2
    );
    assert_eq!((events(app, "user.joined").await, events(app, "invitation.accepted").await), (2, 2));
    let idle = "select count(*) from users u where not exists (select 1 from memberships m where m.user_id = u.id) and u.password_hash is null";
    assert_eq!(app.count(idle).await, 0, "an account that was made for a seat it did not get");
    sound(app).await;
});

both!(one_idempotency_key_is_one_change, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let invite = |_| {
        let request = app.by(&ann).request(Method::POST, &org.at("invitations")).header("idempotency-key", "once");
        request.json(&json!({"email": "bob@example.com", "role": "member"})).send()
    };
    let answers: Vec<Value> = join_all((0..crowd).map(invite)).await.into_iter().map(Response::ok).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!((app.count("select count(*) from invitations").await, events(app, "user.invited").await), (1, 1));
    app.worker().await;
    assert_eq!(app.mails_to("bob@example.com").len(), 1);
});
