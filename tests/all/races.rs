//! Many at once: thirty requests over HTTP that want the same thing, and what must hold in the database afterwards, whoever won.
//! Both databases, because each serializes in its own way. A 5xx fails every one of these (see `TestApp::finish`).

use std::collections::HashSet;

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::{Response, TestApp, both, text};

/// How many answered each status, in the order of `statuses`; an answer with another status fails.
#[track_caller]
fn tally<const N: usize>(answers: &[Response], statuses: [u16; N]) -> [usize; N] {
    answers.iter().for_each(|answer| assert!(statuses.contains(&answer.status), "{answer}"));
    statuses.map(|status| answers.iter().filter(|answer| answer.status == status).count())
}

/// What holds in every database, whatever happened: one owner, named by the organization; counters that count; roles that exist.
async fn sound(app: &TestApp) {
    let named = "select count(*) from organizations o where (select count(*) from memberships m where m.org_id = o.id and m.role = 'owner') <> 1
        or not exists (select 1 from memberships m where m.org_id = o.id and m.role = 'owner' and m.user_id = o.owner_user_id)";
    assert_eq!(app.count(named).await, 0, "an organization without, or with two, owners");
    let counted = "select count(*) from org_counters c where c.owners <> (select count(*) from memberships m where m.org_id = c.org_id and m.role = 'owner')
        or c.members <> (select count(*) from memberships m where m.org_id = c.org_id)";
    assert_eq!(app.count(counted).await, 0, "a counter that does not count");
    let dangling = "select count(*) from memberships m where m.role not in ('owner', 'admin', 'member')
        and not exists (select 1 from roles r where r.org_id = m.org_id and r.slug = m.role)";
    assert_eq!(app.count(dangling).await, 0, "a member with a role that is gone");
    let lost = "select count(*) from grants g join organizations o on o.id = g.org_id where g.revoked_at is null
        and not exists (select 1 from memberships m where m.org_id = g.org_id and m.user_id = g.user_id)";
    assert_eq!(app.count(lost).await, 0, "access to an organization without a membership");
}

async fn events(app: &TestApp, name: &str) -> i64 {
    app.count(&format!("select count(*) from events where name = '{name}'")).await
}

both!(one_slug_is_founded_once, async |app| {
    let users = [app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await, app.sign_up("cy@example.com").await];
    let found = |n: usize| {
        app.by(&users[n % 3]).request(Method::POST, "/api/organizations").json(&json!({"slug": "acme", "name": "Acme"})).send()
    };
    let answers = join_all((0..30).map(found)).await;
    assert_eq!(tally(&answers, [200, 400]), [1, 29]);
    for lost in answers.into_iter().filter(|answer| answer.status != 200) {
        lost.refused(400, "DUPLICATE_CONSTRAINT");
    }
    assert_eq!(app.count("select count(*) from organizations").await, 1);
    assert_eq!((app.count("select count(*) from memberships").await, events(app, "organization.created").await), (1, 1));
    sound(app).await;
});

both!(the_last_seats_are_taken_once, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (org, mut accepting) = (app.create_org(&ann, "acme").await, Vec::new());
    for email in ["bob@example.com", "cy@example.com", "dee@example.com"] {
        let person = app.sign_up(email).await;
        let (_, token) = app.invite(&ann, "acme", email, "member").await;
        accepting.push((app.by(&person), "/api/invitations/accept".to_owned(), json!({"token": token})));
    }
    for n in 0..27 {
        let (id, _) = app.invite(&ann, "acme", &format!("managed{n}@example.com"), "member").await;
        accepting.insert(n % accepting.len(), (app.by(&ann), org.at(&format!("invitations/{id}/accept")), json!({})));
    }
    let answers = join_all(accepting.iter().map(|(by, path, body)| by.request(Method::POST, path).json(body).send())).await;
    assert_eq!(tally(&answers, [200, 400]), [2, 28], "three seats, one of them the founder's");
    for lost in answers.into_iter().filter(|answer| answer.status != 200) {
        lost.refused(400, "TEAM_LIMIT_EXCEEDED");
    }
    assert_eq!(app.count("select count(*) from memberships").await, 3);
    assert_eq!(app.count("select count(*) from invitations where status = 'accepted'").await, 2);
    assert_eq!(app.count("select count(*) from invitations where status = 'pending' and pending_email is not null").await, 28);
    assert_eq!((events(app, "user.joined").await, events(app, "invitation.accepted").await), (2, 2));
    let idle = "select count(*) from users u where not exists (select 1 from memberships m where m.user_id = u.id) and u.password_hash is null";
    assert_eq!(app.count(idle).await, 0, "an account that was made for a seat it did not get");
    sound(app).await;
});

both!(t19_an_invitation_is_accepted_or_cancelled, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    app.more_seats(&root, &org).await;
    let mut ids = Vec::new();
    for n in 0..10 {
        ids.push(app.invite(&ann, "acme", &format!("new{n}@example.com"), "member").await.0);
    }
    let bob = app.sign_up("bob@example.com").await;
    let (_, token) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    // Each of ten: accepted, cancelled, accepted; and one that bob accepts ten times with his token.
    let many = join_all((0..30).map(|n| {
        let rest = if n % 3 == 1 { "" } else { "/accept" };
        app.by(&ann).request(Method::POST, &org.at(&format!("invitations/{}{rest}", ids[n / 3]))).send()
    }));
    let own = join_all(
        (0..10).map(|_| app.by(&bob).request(Method::POST, "/api/invitations/accept").json(&json!({"token": token})).send()),
    );
    let (many, own) = futures::join!(many, own);
    assert_eq!((tally(&many, [200, 404]), tally(&own, [200, 404])), ([10, 20], [1, 9]));
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

both!(a_person_selects_twelve_times_at_once, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let before = app.count("select count(*) from grants").await;
    let answers = join_all((0..12).map(|_| app.by(&ann).request(Method::POST, &org.at("select")).send())).await;
    let answers: Vec<Value> = answers.into_iter().map(Response::ok).collect();
    let tokens: HashSet<String> =
        answers.iter().flat_map(|pair| [text(&pair["access_token"]), text(&pair["refresh_token"])]).collect();
    assert_eq!((tokens.len(), app.count("select count(*) from grants").await - before), (24, 12));
    for pair in &answers {
        assert_eq!(app.client().bearer(&text(&pair["access_token"])).get("/api/user").await.ok()["org"], "acme");
        app.client().post("/api/auth/refresh", json!({"refresh_token": pair["refresh_token"]})).await.ok();
    }
    app.by(&ann).get("/api/user").await.ok();
    sound(app).await;
});

both!(an_owner_invites_many_and_one_address_once, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let invite = |email: String| {
        app.by(&ann).request(Method::POST, &org.at("invitations")).json(&json!({"email": email, "role": "member"})).send()
    };
    let answers = join_all((0..12).map(|n| invite(format!("new{n}@example.com")))).await;
    assert_eq!(tally(&answers, [200]), [12]);
    let same = join_all((0..30).map(|n| invite(if n % 2 == 0 { "bob@example.com" } else { "Bob@Example.com" }.to_owned()))).await;
    assert_eq!(tally(&same, [200, 400]), [1, 29]);
    assert_eq!(app.count("select count(*) from invitations where status = 'pending'").await, 13);
    assert_eq!(app.count("select count(distinct token_hash) from invitations").await, 13);
    assert_eq!(events(app, "user.invited").await, 13);
    app.worker().await;
    assert_eq!((app.mails_to("bob@example.com").len(), app.mails().len()), (1, 14), "and the one that confirmed Ann's address");
    sound(app).await;
});

both!(t21_of_many_transfers_one_is_made, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let cy = app.member(&ann, "acme", "cy@example.com", "member").await;
    let to = |n: usize| if n.is_multiple_of(2) { &bob } else { &cy };
    let answers = join_all((0..20).map(|n| {
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
    assert_eq!(tally(&answers, [200, 403]), [1, 19], "who has handed over has nothing left to hand over");
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
    let answers = join_all((0..32).map(|n| {
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
        (of(0) == 8) ^ (of(1) == 8) && (of(0) == 0) ^ (of(1) == 0),
        "the one who lost it changed nobody: {} {}",
        of(0),
        of(1)
    );
    assert_eq!((of(2), app.count("select count(*) from memberships where role = 'admin'").await), (8, 0));
    sound(app).await;
});

both!(t22_a_member_is_removed_once_and_stays_removed, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let member = org.at(&format!("members/{}", bob.id));
    let (removing, changing, selecting) = futures::join!(
        join_all((0..10).map(|_| app.by(&ann).request(Method::DELETE, &member).send())),
        join_all((0..10).map(|n| {
            app.by(&ann)
                .request(Method::PATCH, &member)
                .json(&json!({"role": if n % 2 == 0 { "admin" } else { "member" }}))
                .send()
        })),
        join_all((0..10).map(|_| app.by(&bob).request(Method::POST, &org.at("select")).send())),
    );
    assert_eq!(tally(&removing, [200, 404]), [1, 9]);
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

both!(one_idempotency_key_is_one_change, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let invite = |_| {
        let request = app.by(&ann).request(Method::POST, &org.at("invitations")).header("idempotency-key", "once");
        request.json(&json!({"email": "bob@example.com", "role": "member"})).send()
    };
    let answers: Vec<Value> = join_all((0..30).map(invite)).await.into_iter().map(Response::ok).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!((app.count("select count(*) from invitations").await, events(app, "user.invited").await), (1, 1));
    app.worker().await;
    assert_eq!(app.mails_to("bob@example.com").len(), 1);
});

both!(t20_nobody_gives_a_role_that_outgrew_them, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.role(&ann, "acme", "people", &["org.roles.manage", "org.members.manage", "webhooks.manage"]).await;
    let role = app.role(&ann, "acme", "hooks", &["webhooks.manage"]).await;
    let people = app.member(&ann, "acme", "people@example.com", "people").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let (member, role) = (org.at(&format!("members/{}", bob.id)), org.at(&format!("roles/{role}")));
    let answers = join_all((0..30).map(|n| {
        match n {
            15 => app
                .by(&ann)
                .request(Method::PUT, &role)
                .json(&json!({"permissions": ["webhooks.manage", "billing.manage"]}))
                .send(),
            _ => app
                .by(&people)
                .request(Method::PATCH, &member)
                .json(&json!({"role": if n % 2 == 0 { "hooks" } else { "member" }}))
                .send(),
        }
    }))
    .await;
    tally(&answers, [200, 403]);
    answers[15].clone().ok();
    app.worker().await;
    // In the order of the feed: once the role holds more than the giver, it is neither given nor taken by them.
    let after = "select count(*) from events e join feed f on f.org_id = e.org_id and f.event_id = e.id where e.name = 'user.role_updated'
        and e.actor_email = 'people@example.com' and e.metadata like '%\"role\":\"hooks\"%'
        and f.seq > (select f.seq from feed f join events e on e.org_id = f.org_id and e.id = f.event_id where e.name = 'role.updated')";
    assert_eq!(app.count(after).await, 0, "a role was given by somebody who does not hold what it allows");
    sound(app).await;
});

both!(a_role_is_deleted_or_given, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let member = org.at(&format!("members/{}", bob.id));
    for round in 0..3 {
        let slug = format!("role{round}");
        let role = org.at(&format!("roles/{}", app.role(&ann, "acme", &slug, &["webhooks.manage"]).await));
        let answers = join_all((0..30).map(|n| match (n + round) % 2 {
            0 => app.by(&ann).request(Method::DELETE, &role).send(),
            _ => app.by(&ann).request(Method::PATCH, &member).json(&json!({"role": slug})).send(),
        }))
        .await;
        tally(&answers, [200, 204, 400, 404]);
        let (kept, given) = (
            app.count(&format!("select count(*) from roles where slug = '{slug}'")).await,
            app.count(&format!("select count(*) from memberships where role = '{slug}'")).await,
        );
        assert_eq!(kept, given, "kept because it was given, or deleted and given to nobody");
        sound(app).await;
    }
});

both!(t30_of_thirty_refreshes_one_wins, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let refresh =
        |token: String| app.client().request(Method::POST, "/api/auth/refresh").json(&json!({"refresh_token": token})).send();
    let mut token = ann.refresh.clone();
    for _ in 0..3 {
        let answers = join_all((0..30).map(|_| refresh(token.clone()))).await;
        assert_eq!(tally(&answers, [200, 401]), [1, 29]);
        let pair = answers.into_iter().find(|answer| answer.status == 200).unwrap().ok();
        app.client().bearer(&text(&pair["access_token"])).get("/api/user").await.ok();
        token = text(&pair["refresh_token"]);
    }
    assert_eq!(app.count("select count(*) from grants where revoked_at is not null").await, 0, "a race is no theft");
    assert_eq!(app.count("select count(*) from spent_refresh_tokens").await, 3);
    assert_eq!(events(app, "security.refresh_token.reused").await, 0);
});
