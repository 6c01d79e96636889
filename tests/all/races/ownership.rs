//! The one owner, handed over by many at once, and admins who take each other's role away.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tenantry_tests::both;

use super::{events, sound, tally, watched};

both!(t21_of_many_transfers_one_is_made, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let cy = app.member(&ann, "acme", "cy@example.com", "member").await;
    let to = |n: usize| if n.is_multiple_of(2) { &bob } else { &cy };
    let answers = join_all((0..crowd).map(|n| {
        match n % 4 {
            0 | 1 => app
                .by(&ann)
                .request(Method::POST, &org.at("transfer-ownership"))
                .json(&json!({"new_owner_email": to(n).email}))
                .send(),
            _ => app
                .by(&ann)
                .request(Method::PATCH, &org.at(&format!("members/{}", to(n).id)))
                .json(&json!({"role": "owner"}))
                .send(),
        }
    }))
    .await;
    assert_eq!(tally(&answers, [200, 403]), [1, crowd - 1], "who has handed over has nothing left to hand over");
    assert_eq!(events(app, "org.ownership_transferred").await, 1);
    let winner = answers.into_iter().find(|answer| answer.status == 200).unwrap().ok();
    let owner = app.by(&ann).get(&org.path).await.ok()["organization"]["owner_user_id"].clone();
    assert_eq!(owner, winner["user"]["id"]);
    assert_eq!(
        app.count("select count(*) from memberships where role = 'admin'").await,
        if owner == json!(bob.id) { 1 } else { 2 }
    );
    sound(app).await;
});

both!(t20_of_two_who_demote_each_other_one_is_left, async |app| {
    let crowd = watched(app).await;
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    app.more_seats(&root, &org).await;
    app.role(&ann, "acme", "people", &["org.roles.manage", "org.members.manage"]).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "people").await;
    let cy = app.member(&ann, "acme", "cy@example.com", "people").await;
    let admin = app.member(&ann, "acme", "admin@example.com", "admin").await;
    let dee = app.member(&ann, "acme", "dee@example.com", "member").await;
    // Whoever comes first takes the other's right to answer; meanwhile the owner demotes the admin, who promotes Dee with what he has.
    let plan = [(&bob, &cy, "member"), (&cy, &bob, "member"), (&ann, &admin, "member"), (&admin, &dee, "people")];
    let answers = join_all((0..crowd).map(|n| {
        let (by, to, role) = plan[n % 4];
        app.by(by).request(Method::PATCH, &org.at(&format!("members/{}", to.id))).json(&json!({"role": role})).send()
    }))
    .await;
    tally(&answers, [200, 403]);
    let left = format!(
        "select count(*) from memberships where role = 'people' and user_id <> (select u.id from users u where u.email = '{}')",
        dee.email
    );
    assert_eq!(app.count(&left).await, 1, "both lost their role, or neither");
    let of = |by: usize| answers.iter().skip(by).step_by(4).filter(|answer| answer.status == 200).count();
    assert!(
        (of(0) == crowd / 4) ^ (of(1) == crowd / 4) && (of(0) == 0) ^ (of(1) == 0),
        "the one who lost it changed nobody: {} {}",
        of(0),
        of(1)
    );
    assert_eq!((of(2), app.count("select count(*) from memberships where role = 'admin'").await), (crowd / 4, 0));
    sound(app).await;
});

both!(t21_the_owner_hands_over_while_everybody_is_removed, async |app| {
    let crowd = watched(app).await;
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    app.more_seats(&root, &org).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let cy = app.member(&ann, "acme", "cy@example.com", "admin").await;
    // Each hands over, removes and demotes whom they can; whoever is the owner at a moment stays a member, and there is always one.
    let (people, path) = ([&ann, &bob, &cy], |who: &str| org.at(&format!("members/{who}")));
    let answers = join_all((0..crowd).map(|n| {
        let (by, other) = (app.by(people[n % 3]), people[(n + 1 + n / 3 % 2) % 3]);
        match n / 3 % 4 {
            0 => by.request(Method::DELETE, &path(&other.id)).send(),
            1 => by.request(Method::PATCH, &path(&other.id)).json(&json!({"role": "member"})).send(),
            _ => by.request(Method::POST, &org.at("transfer-ownership")).json(&json!({"new_owner_email": other.email})).send(),
        }
    }))
    .await;
    tally(&answers, [200, 400, 403, 404]);
    assert_eq!(app.count("select count(*) from memberships where role = 'owner'").await, 1);
    sound(app).await;
});
