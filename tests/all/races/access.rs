//! Tokens: taken, renewed and ended by many at once.

use std::collections::HashSet;

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Response, both, text};

use super::{events, sound, tally, watched};

both!(a_person_selects_many_times_at_once, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let before = app.count("select count(*) from grants").await;
    let answers = join_all((0..crowd).map(|_| app.by(&ann).request(Method::POST, &org.at("select")).send())).await;
    let answers: Vec<Value> = answers.into_iter().map(Response::ok).collect();
    let tokens: HashSet<String> =
        answers.iter().flat_map(|pair| [text(&pair["access_token"]), text(&pair["refresh_token"])]).collect();
    assert_eq!((tokens.len(), app.count("select count(*) from grants").await - before), (2 * crowd, crowd as i64));
    for pair in &answers {
        assert_eq!(app.client().bearer(&text(&pair["access_token"])).get("/api/user").await.ok()["org"], "acme");
        app.client().post("/api/auth/refresh", json!({"refresh_token": pair["refresh_token"]})).await.ok();
    }
    app.by(&ann).get("/api/user").await.ok();
    sound(app).await;
});

both!(t22_a_member_is_removed_once_and_stays_removed, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let member = org.at(&format!("members/{}", bob.id));
    let (removing, changing, selecting) = futures::join!(
        join_all((0..crowd / 3).map(|_| app.by(&ann).request(Method::DELETE, &member).send())),
        join_all((0..crowd / 3).map(|n| {
            app.by(&ann)
                .request(Method::PATCH, &member)
                .json(&json!({"role": if n % 2 == 0 { "admin" } else { "member" }}))
                .send()
        })),
        join_all((0..crowd / 3).map(|_| app.by(&bob).request(Method::POST, &org.at("select")).send())),
    );
    assert_eq!(tally(&removing, [200, 404]), [1, crowd / 3 - 1]);
    tally(&changing, [200, 404]);
    tally(&selecting, [200, 403]);
    assert_eq!((app.count("select count(*) from memberships").await, events(app, "user.removed").await), (1, 1));
    for pair in selecting.into_iter().filter(|answer| answer.status == 200).map(Response::ok) {
        app.client().bearer(&text(&pair["access_token"])).get("/api/user").await.refused(401, "UNAUTHORIZED");
        app.client()
            .post("/api/auth/refresh", json!({"refresh_token": pair["refresh_token"]}))
            .await
            .refused(401, "UNAUTHORIZED");
    }
    sound(app).await;
});

both!(t21_whoever_leaves_is_removed_or_made_the_owner_leaves_one_owner, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.sign_up("bob@example.com").await;
    let member = org.at(&format!("members/{}", bob.id));
    app.invite_and_join(&ann, "acme", &bob, "member").await;
    let answers = join_all((0..crowd).map(|n| app.by([&ann, &bob][n % 2]).request(Method::DELETE, &member).send())).await;
    assert_eq!(tally(&answers, [200, 403, 404])[0], 1, "removed, or gone");
    assert_eq!(events(app, "user.removed").await + events(app, "user.left").await, 1);
    app.invite_and_join(&ann, "acme", &bob, "member").await;
    let answers = join_all((0..crowd).map(|n| match n % 2 {
        0 => app.by(&bob).request(Method::DELETE, &member).send(),
        _ => app.by(&ann).request(Method::PATCH, &member).json(&json!({"role": "owner"})).send(),
    }))
    .await;
    assert_eq!(tally(&answers, [200, 400, 403, 404])[0], 1, "gone, or the owner");
    let left = app.count("select count(*) from memberships where role <> 'owner'").await;
    assert_eq!(left, app.count("select count(*) from memberships").await - 1);
    sound(app).await;
});

both!(t30_of_many_refreshes_one_is_made, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let refresh =
        |token: String| app.client().request(Method::POST, "/api/auth/refresh").json(&json!({"refresh_token": token})).send();
    let mut token = ann.refresh.clone();
    for _ in 0..3 {
        let answers = join_all((0..crowd).map(|_| refresh(token.clone()))).await;
        let answers: Vec<Value> = answers.into_iter().map(Response::ok).collect();
        let pair = &answers[0];
        assert!(answers.iter().all(|answer| answer == pair), "the same pair for all");
        app.client().bearer(&text(&pair["access_token"])).get("/api/user").await.ok();
        token = text(&pair["refresh_token"]);
    }
    assert_eq!(app.count("select count(*) from grants where revoked_at is not null").await, 0, "a race is no theft");
    assert_eq!(app.count("select count(*) from spent_refresh_tokens").await, 3);
    assert_eq!(events(app, "security.refresh_token.reused").await, 0);
});
