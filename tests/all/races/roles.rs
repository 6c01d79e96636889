//! A role that is edited, deleted and given at the same time, as what a membership names and beside that.

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tenantry_tests::both;

use super::{
    removal::{callers, removal_among},
    sound, tally, watched,
};

both!(t20_nobody_gives_a_role_that_outgrew_them, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.role(&ann, "acme", "people", &["org.roles.manage", "org.members.manage", "webhooks.manage"]).await;
    let role = app.role(&ann, "acme", "hooks", &["webhooks.manage"]).await;
    let people = app.member(&ann, "acme", "people@example.com", "people").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let (member, role) = (org.at(&format!("members/{}", bob.id)), org.at(&format!("roles/{role}")));
    let answers = join_all((0..crowd).map(|n| {
        match n {
            n if n == crowd / 2 => app
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
    answers[crowd / 2].clone().ok();
    app.worker().await;
    // In the order of the feed: once the role holds more than the giver, it is neither given nor taken by them.
    let after = "select count(*) from events e join feed f on f.org_id = e.org_id and f.event_id = e.id where e.name = 'user.role_updated'
        and e.actor_email = 'people@example.com' and e.metadata like '%\"role\":\"hooks\"%'
        and f.seq > (select f.seq from feed f join events e on e.org_id = f.org_id and e.id = f.event_id where e.name = 'role.updated')";
    assert_eq!(app.count(after).await, 0, "a role was given by somebody who does not hold what it allows");
    sound(app).await;
});

both!(a_role_is_deleted_or_given, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let member = org.at(&format!("members/{}", bob.id));
    for round in 0..3 {
        let slug = format!("role{round}");
        let role = org.at(&format!("roles/{}", app.role(&ann, "acme", &slug, &["webhooks.manage"]).await));
        let answers = join_all((0..crowd).map(|n| match (n + round) % 2 {
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

both!(t20_an_edit_of_a_role_is_not_put_off_by_those_who_use_it, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let role = org.at(&format!("roles/{}", app.role(&ann, "acme", "clerk", &["org.settings.manage"]).await));
    let clerks =
        [app.member(&ann, "acme", "bob@example.com", "clerk").await, app.member(&ann, "acme", "cy@example.com", "clerk").await];
    watched(app).await;
    let calls = (0..callers(app)).map(|n| {
        let (by, path) = (app.by(&clerks[n % 2]), &org.path);
        async move || Some(by.patch(path, json!({"name": format!("Name {n}")})).await)
    });
    let edit = app.by(&ann).request(Method::PUT, &role).json(&json!({"permissions": ["webhooks.manage"]})).send();
    removal_among("renaming", edit, calls.collect()).await;
    sound(app).await;
});

both!(t20_nobody_gives_a_further_role_that_outgrew_them, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.role(&ann, "acme", "people", &["org.roles.manage", "webhooks.manage"]).await;
    let role = app.role(&ann, "acme", "hooks", &["webhooks.manage"]).await;
    let people = app.member(&ann, "acme", "people@example.com", "people").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let (given, role) = (org.at(&format!("members/{}/roles/{role}", bob.id)), org.at(&format!("roles/{role}")));
    let outgrown = json!({"permissions": ["webhooks.manage", "billing.manage"]});
    let answers = join_all((0..crowd).map(|n| match n {
        n if n == crowd / 2 => app.by(&ann).request(Method::PUT, &role).json(&outgrown).send(),
        n if n % 2 == 0 => app.by(&people).request(Method::PUT, &given).json(&json!({})).send(),
        _ => app.by(&people).request(Method::DELETE, &given).send(),
    }))
    .await;
    tally(&answers, [200, 403]);
    answers[crowd / 2].clone().ok();
    app.worker().await;
    let after = "select count(*) from events e join feed f on f.org_id = e.org_id and f.event_id = e.id where e.name = 'user.roles_assigned'
        and f.seq > (select f.seq from feed f join events e on e.org_id = f.org_id and e.id = f.event_id where e.name = 'role.updated')";
    assert_eq!(app.count(after).await, 0, "a role was given by somebody who does not hold what it allows");
    sound(app).await;
});

both!(a_role_is_deleted_or_given_beside_another, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    for round in 0..3 {
        let id = app.role(&ann, "acme", &format!("role{round}"), &["webhooks.manage"]).await;
        let (role, given) = (org.at(&format!("roles/{id}")), org.at(&format!("members/{}/roles/{id}", bob.id)));
        let answers = join_all((0..crowd).map(|n| match (n + round) % 2 {
            0 => app.by(&ann).request(Method::DELETE, &role).send(),
            _ => app.by(&ann).request(Method::PUT, &given).json(&json!({})).send(),
        }))
        .await;
        tally(&answers, [200, 204, 400, 404]);
        let of = |table: &str, column: &str| {
            format!("select count(*) from {table} where {column} in (select id from roles where slug = 'role{round}')")
        };
        let (kept, has) = (app.count(&of("roles", "id")).await, app.count(&of("member_roles", "role_id")).await);
        assert_eq!(kept, has, "kept because it was given once, or deleted and given to nobody");
        sound(app).await;
    }
});

both!(the_last_places_for_further_roles_are_taken_once, async |app| {
    let crowd = watched(app).await;
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let mut given = Vec::new();
    for n in 0..70 {
        let role = app.role(&ann, "acme", &format!("role{n}"), &["webhooks.manage"]).await;
        given.push(org.at(&format!("members/{}/roles/{role}", bob.id)));
    }
    let (last, before) = given.split_at(24);
    for path in &before[..45] {
        app.by(&ann).put(path, json!({})).await.ok();
    }
    // Each is asked for more than once.
    let answers =
        join_all((0..crowd).map(|n| app.by(&ann).request(Method::PUT, &last[n % last.len()]).json(&json!({})).send())).await;
    tally(&answers, [200, 400]);
    assert_eq!(app.count("select count(*) from member_roles").await, 50);
    sound(app).await;
});

both!(t20_taking_a_further_role_is_not_put_off_by_those_who_use_it, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let role = app.role(&ann, "acme", "clerk", &["org.settings.manage"]).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let given = org.at(&format!("members/{}/roles/{role}", bob.id));
    app.by(&ann).put(&given, json!({})).await.ok();
    watched(app).await;
    let calls = (0..callers(app)).map(|n| {
        let (by, path) = (app.by(&bob), &org.path);
        async move || Some(by.patch(path, json!({"name": format!("Name {n}")})).await)
    });
    let take = app.by(&ann).request(Method::DELETE, &given).send();
    removal_among("renaming", take, calls.collect()).await;
    sound(app).await;
});

both!(t20_an_edit_of_a_further_role_is_not_put_off_by_those_who_use_it, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let id = app.role(&ann, "acme", "clerk", &["org.settings.manage"]).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    app.by(&ann).put(&org.at(&format!("members/{}/roles/{id}", bob.id)), json!({})).await.ok();
    watched(app).await;
    let calls = (0..callers(app)).map(|n| {
        let (by, path) = (app.by(&bob), &org.path);
        async move || Some(by.patch(path, json!({"name": format!("Name {n}")})).await)
    });
    let role = org.at(&format!("roles/{id}"));
    let edit = app.by(&ann).request(Method::PUT, &role).json(&json!({"permissions": ["webhooks.manage"]})).send();
    removal_among("renaming", edit, calls.collect()).await;
    sound(app).await;
});
