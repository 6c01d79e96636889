//! T16: what is remembered for one organization is not used for another.

use futures::future::{join, join_all};
use serde_json::json;
use tenantry_tests::{Client, both, text};

both!(t16_the_same_role_name_means_in_each_organization_what_it_says_there, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let (bob, cy) = (app.sign_up("bob@example.com").await, app.sign_up("cy@example.com").await);
    let (acme, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    let role = app.role(&ann, "acme", "helper", &["webhooks.manage"]).await;
    app.role(&ann, "other", "helper", &["audit_logs.view"]).await;
    for user in [&bob, &cy] {
        app.invite_and_join(&ann, "acme", user, "helper").await;
        app.invite_and_join(&ann, "other", user, "helper").await;
    }
    let here = app.by(&bob).post_empty(&acme.at("select")).await.ok();
    let there = app.by(&bob).post_empty(&other.at("select")).await.ok();
    let tokens = [bob.access.clone(), text(&here["access_token"]), text(&there["access_token"]), cy.access.clone()];
    // Cold, then warm, in turns: neither the token nor the organization asked before makes a difference.
    for round in 0..3 {
        for token in &tokens {
            let by = app.client().bearer(token);
            by.get(&acme.at("webhooks")).await.ok();
            by.get(&other.at("webhooks")).await.refused_as(403, "FORBIDDEN", "missing_permission");
            by.get(&acme.at("audit-log")).await.refused_as(403, "FORBIDDEN", "missing_permission");
            assert!(by.get(&other.at("audit-log")).await.ok()["logs"].is_array(), "round {round}");
        }
    }
    // A change in one is at once one there, and none in the other.
    app.by(&ann).put(&acme.at(&format!("roles/{role}")), json!({"permissions": []})).await.ok();
    for token in &tokens {
        let by = app.client().bearer(token);
        by.get(&acme.at("webhooks")).await.refused(403, "FORBIDDEN");
        by.get(&other.at("audit-log")).await.ok();
    }
    app.by(&ann).patch(&acme.at(&format!("members/{}", bob.id)), json!({"role": "admin"})).await.ok();
    for token in &tokens[..3] {
        let by = app.client().bearer(token);
        by.get(&acme.at("webhooks")).await.ok();
        by.get(&other.at("webhooks")).await.refused(403, "FORBIDDEN");
    }
    app.by(&cy).get(&acme.at("webhooks")).await.refused(403, "FORBIDDEN");
});

both!(t16_a_new_organization_of_the_same_name_is_another_one, async |app| {
    let (ann, bob) = (app.sign_up("ann@example.com").await, app.sign_up("bob@example.com").await);
    let old = app.create_org(&ann, "acme").await;
    app.client().bearer(&old.access).get(&old.path).await.ok();
    app.client().bearer(&old.access).delete(&old.path).await.done();
    // As if the time were over for which the slug is held.
    app.execute("delete from slug_holds").await;
    let new = app.create_org(&bob, "acme").await;
    assert_ne!(old.id, new.id);
    for token in [&old.access, &ann.access] {
        for path in ["", "/members", "/roles", "/audit-log"] {
            let answer = app.client().bearer(token).get(&format!("{}{path}", new.path)).await;
            assert!(matches!(answer.status, 401 | 403), "{answer}");
        }
    }
    app.client().post("/api/auth/refresh", json!({"refresh_token": old.refresh})).await.refused(401, "UNAUTHORIZED");
    app.by(&bob).get(&new.at("members")).await.ok();
    let log = app.by(&bob).get(&new.at("audit-log")).await.ok();
    assert!(!log.to_string().contains(&ann.id) && !log.to_string().contains(&old.id), "{log}");
});

both!(t16_a_crowd_that_asks_at_once_is_told_each_their_own, async |app| {
    let mut founders = Vec::new();
    for n in 0..6 {
        let user = app.sign_up(&format!("founder{n}@example.com")).await;
        let org = app.create_org(&user, &format!("company-{n}")).await;
        founders.push((user, org));
    }
    let gone = app.sign_up("gone@example.com").await;
    app.by(&gone).post_empty("/api/auth/logout").await.ok();
    let look = async |by: Client, asker: usize, asked: usize| {
        let answer = by.get(&founders[asked].1.path).await;
        match asker == asked {
            true => assert_eq!(answer.ok()["organization"]["id"], founders[asked].1.id, "founder {asker}"),
            false => answer.refused_as(403, "FORBIDDEN", "not_a_member"),
        }
    };
    for _ in 0..5 {
        let everybody = (0..36).map(|n| look(app.by(&founders[n / 6].0), n / 6, n % 6));
        let lost = (0..6).map(async |n| {
            app.by(&gone).get(&founders[n].1.path).await.refused(401, "UNAUTHORIZED");
            app.by(&founders[n].0).get("/api/organizations/no-such-org").await.refused(404, "NOT_FOUND");
        });
        join(join_all(everybody), join_all(lost)).await;
    }
});
