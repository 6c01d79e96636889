//! One invitation, accepted, cancelled and made anew by many at once.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tenantry_tests::both;

use super::{events, sound, tally, watched};

both!(t19_an_invitation_is_accepted_or_cancelled, async |app| {
    let crowd = watched(app).await;
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    app.more_seats(&root, &org).await;
    let mut ids = Vec::new();
    for n in 0..crowd / 3 {
        ids.push(app.invite(&ann, "acme", &format!("new{n}@example.com"), "member").await.0);
    }
    let bob = app.sign_up("bob@example.com").await;
    let (_, token) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    // Each of many: accepted, cancelled, accepted; and one that bob accepts as often with his token.
    let many = join_all((0..crowd).map(|n| {
        let rest = if n % 3 == 1 { "" } else { "/accept" };
        app.by(&ann).request(Method::POST, &org.at(&format!("invitations/{}{rest}", ids[n / 3]))).send()
    }));
    let own = join_all(
        (0..crowd / 3)
            .map(|_| app.by(&bob).request(Method::POST, "/api/invitations/accept").json(&json!({"token": token})).send()),
    );
    let (many, own) = futures::join!(many, own);
    assert_eq!((tally(&many, [200, 404]), tally(&own, [200, 404])), ([crowd / 3, crowd - crowd / 3], [1, crowd / 3 - 1]));
    let (mut cancelled, mut accepted) = (0, 1);
    for answer in many.chunks(3) {
        if answer[1].status == 200 { cancelled += 1 } else { accepted += 1 }
    }
    for (status, expected) in [("pending", 0), ("cancelled", cancelled), ("accepted", accepted)] {
        assert_eq!(app.count(&format!("select count(*) from invitations where status = '{status}'")).await, expected, "{status}");
    }
    assert_eq!((events(app, "invitation.accepted").await, events(app, "user.joined").await), (accepted, accepted));
    assert_eq!(events(app, "invitation.revoked").await, cancelled);
    assert_eq!(app.count("select count(*) from memberships").await, accepted + 1);
    sound(app).await;
});

both!(an_owner_invites_many_and_one_address_once, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let invite = |email: String| {
        app.by(&ann).request(Method::POST, &org.at("invitations")).json(&json!({"email": email, "role": "member"})).send()
    };
    let answers = join_all((0..crowd).map(|n| invite(format!("new{n}@example.com")))).await;
    assert_eq!(tally(&answers, [200]), [crowd]);
    let same =
        join_all((0..crowd).map(|n| invite(if n % 2 == 0 { "bob@example.com" } else { "Bob@Example.com" }.to_owned()))).await;
    assert_eq!(tally(&same, [200, 400]), [1, crowd - 1]);
    assert_eq!(app.count("select count(*) from invitations where status = 'pending'").await, crowd as i64 + 1);
    assert_eq!(app.count("select count(distinct token_hash) from invitations").await, crowd as i64 + 1);
    assert_eq!(events(app, "user.invited").await, crowd as i64 + 1);
    app.worker().await;
    assert_eq!(
        (app.mails_to("bob@example.com").len(), app.mails().len()),
        (1, crowd + 2),
        "and the one that confirmed Ann's address"
    );
    sound(app).await;
});
