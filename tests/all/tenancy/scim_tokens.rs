//! Tokens of an organization's directory: made, shown once, revoked, deleted.

use serde_json::{Value, json};
use tenantry_tests::{Org, TestApp, User, both, text};

use crate::core::shapes::has_exactly;

const LISTED: &[&str] = &["id", "name", "prefix", "connection_id", "active", "created_at", "expires_at", "last_used_at"];

/// With SCIM in its tier.
async fn founded(app: &TestApp) -> (User, Org, User) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let root = app.platform_owner().await;
    app.more_seats(&root, &org).await;
    (ann, org, root)
}

async fn make(app: &TestApp, by: &User, org: &Org, body: Value) -> Value {
    app.by(by).post(&org.at("scim-tokens"), body).await.ok()
}

async fn listed(app: &TestApp, by: &User, org: &Org) -> Vec<Value> {
    let shown = app.by(by).get(&org.at("scim-tokens")).await.ok();
    has_exactly(&shown, &["tokens"]);
    shown["tokens"].as_array().unwrap().clone()
}

both!(a_token_is_shown_once_and_listed_without_its_secret, async |app| {
    let (ann, org, _) = founded(app).await;
    let made = make(app, &ann, &org, json!({"name": "Entra", "expires_at": "2099-01-01T01:00:00+01:00"})).await;
    has_exactly(&made, &["id", "name", "token", "prefix", "connection_id", "created_at", "expires_at"]);
    assert_eq!(made["connection_id"], Value::Null);
    let secret = text(&made["token"]);
    assert!(secret.starts_with("scim_") && secret.len() == 48 && secret.starts_with(made["prefix"].as_str().unwrap()));
    assert!(text(&made["id"]).starts_with("tok_"));
    assert_eq!(made["expires_at"], "2099-01-01T00:00:00.000000Z");
    let open = make(app, &ann, &org, json!({"name": "Okta"})).await;
    assert_eq!(open["expires_at"], Value::Null);
    let tokens = listed(app, &ann, &org).await;
    for token in &tokens {
        has_exactly(token, LISTED);
        assert_eq!((&token["active"], &token["last_used_at"]), (&json!(true), &Value::Null));
    }
    assert_eq!(tokens.iter().map(|token| &token["id"]).collect::<Vec<_>>(), [&made["id"], &open["id"]], "by age");
    assert!(!app.dump().await.contains(&secret), "only its hash is kept");
    app.client().bearer(&secret).get(&org.path).await.refused(401, "JWT_ERROR");
});

both!(a_revoked_token_stays_until_it_is_deleted, async |app| {
    let (ann, org, _) = founded(app).await;
    let (by, id) = (app.by(&ann), text(&make(app, &ann, &org, json!({"name": "Entra"})).await["id"]));
    let at = |rest: &str| org.at(&format!("scim-tokens/{id}{rest}"));
    by.post_empty(&at("/revoke")).await.done();
    by.post_empty(&at("/revoke")).await.done();
    assert_eq!(listed(app, &ann, &org).await[0]["active"], false);
    by.delete(&at("")).await.done();
    assert_eq!(listed(app, &ann, &org).await, Vec::<Value>::new());
    by.delete(&at("")).await.refused(404, "NOT_FOUND");
    by.post_empty(&at("/revoke")).await.refused(404, "NOT_FOUND");
    by.post_empty(&org.at("scim-tokens/tok_nonsense/revoke")).await.refused(404, "NOT_FOUND");
    app.worker().await;
    for (action, times) in [("scim_token.created", 1), ("scim_token.revoked", 1), ("scim_token.deleted", 1)] {
        let log = by.get(&org.at(&format!("audit-log?action={action}"))).await.ok();
        let logs = log["logs"].as_array().unwrap();
        assert_eq!(logs.len(), times, "{action}: what changes nothing is not recorded");
        assert_eq!((&logs[0]["target_type"], &logs[0]["target_id"]), (&json!("scim_token"), &json!(id)));
    }
});

both!(an_end_is_a_moment_to_come, async |app| {
    let (ann, org, _) = founded(app).await;
    let by = app.by(&ann);
    for wrong in [
        json!("2099-01-01"),
        json!("2099-01-01 00:00"),
        json!("2099-01-01T00:00:00"),
        json!("2099-13-01T00:00:00Z"),
        json!("tomorrow"),
        json!(""),
        json!(4_070_908_800_i64),
        json!("2001-01-01T00:00:00Z"),
        json!(["2099-01-01T00:00:00Z"]),
    ] {
        by.post(&org.at("scim-tokens"), json!({"name": "Entra", "expires_at": wrong})).await.invalid(&["expires_at"]);
    }
    by.post(&org.at("scim-tokens"), json!({})).await.invalid(&["name"]);
    let soon = app.now() + chrono::TimeDelta::hours(1);
    make(app, &ann, &org, json!({"name": "Entra", "expires_at": soon.to_rfc3339()})).await;
    app.advance(chrono::TimeDelta::minutes(61));
    let ann = app.again(&ann).await;
    assert_eq!(listed(app, &ann, &org).await[0]["active"], false, "it has expired");
});

both!(making_one_needs_the_feature_and_the_rest_does_not, async |app| {
    let (ann, org, root) = founded(app).await;
    let id = text(&make(app, &ann, &org, json!({"name": "Entra"})).await["id"]);
    let tier = format!("/api/platform/organizations/{}/tier", org.id);
    app.by(&root).patch(&tier, json!({"tier_id": "tier_free"})).await.ok();
    let body = json!({"name": "Okta"});
    app.by(&ann).post(&org.at("scim-tokens"), body).await.refused(403, "FEATURE_NOT_AVAILABLE_IN_TIER");
    assert_eq!(listed(app, &ann, &org).await.len(), 1);
    app.by(&ann).post_empty(&org.at(&format!("scim-tokens/{id}/revoke"))).await.done();
    app.by(&ann).delete(&org.at(&format!("scim-tokens/{id}"))).await.done();
});

both!(fifty_tokens_are_all_however_many_come_at_once, async |app| {
    let (ann, org, _) = founded(app).await;
    for n in 0..48 {
        make(app, &ann, &org, json!({"name": format!("Token {n}")})).await;
    }
    let one = async |n: usize| app.by(&ann).post(&org.at("scim-tokens"), json!({"name": format!("More {n}")})).await.status;
    let mut statuses = futures::future::join_all((0..6).map(one)).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 400, 400, 400, 400]);
    app.by(&ann).post(&org.at("scim-tokens"), json!({"name": "One more"})).await.refused_as(
        400,
        "BAD_REQUEST",
        "scim_token_limit",
    );
    let first = text(&listed(app, &ann, &org).await[0]["id"]);
    app.by(&ann).post_empty(&org.at(&format!("scim-tokens/{first}/revoke"))).await.done();
    app.by(&ann).post(&org.at("scim-tokens"), json!({"name": "One more"})).await.refused(400, "BAD_REQUEST");
    app.by(&ann).delete(&org.at(&format!("scim-tokens/{first}"))).await.done();
    make(app, &ann, &org, json!({"name": "One more"})).await;
});

both!(whoever_was_shown_a_token_that_works_is_listed_with_it, async |app| {
    let (ann, org, _) = founded(app).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let made = make(app, &bob, &org, json!({"name": "Entra"})).await;
    app.by(&ann).post_empty(&org.at(&format!("members/{}", bob.id))).await.done();
    let left = async || {
        let access = app.by(&ann).get(&org.at(&format!("members/{}/access", bob.id))).await.ok();
        let kinds = access["access"].as_array().unwrap_or_else(|| panic!("{access}")).clone();
        kinds.iter().filter(|one| one["kind"] == "scim_token").cloned().collect::<Vec<_>>()
    };
    let shown = left().await;
    assert_eq!((shown.len(), &shown[0]["id"], &shown[0]["name"]), (1, &made["id"], &json!("Entra")));
    app.by(&ann).post_empty(&org.at(&format!("scim-tokens/{}/revoke", text(&made["id"])))).await.done();
    assert_eq!(left().await, Vec::<Value>::new());
});

/// A connection to nowhere; its id.
async fn connection(app: &TestApp, by: &User, org: &Org, name: &str) -> String {
    let body = json!({
        "connection_id": name, "name": "Okta", "provider_type": "oauth2", "client_id": "tenantry", "client_secret": "secret",
        "authorization_url": "http://127.0.0.1:9/a", "token_url": "http://127.0.0.1:9/t", "userinfo_url": "http://127.0.0.1:9/u",
    });
    text(&app.by(by).post(&org.at("upstream-providers"), body).await.ok()["id"])
}

both!(a_token_of_a_connection_ends_with_it, async |app| {
    let (ann, org, root) = founded(app).await;
    let other = app.create_org(&ann, "other").await;
    app.more_seats(&root, &other).await;
    let (okta, theirs) = (connection(app, &ann, &org, "okta").await, connection(app, &ann, &other, "theirs").await);
    let by = app.by(&ann);
    // By its name, or by its id; shown by its name.
    let made = [
        make(app, &ann, &org, json!({"name": "Okta", "connection_id": "okta"})).await,
        make(app, &ann, &org, json!({"name": "Okta too", "connection_id": okta})).await,
    ];
    assert!(made.iter().all(|token| token["connection_id"] == "okta"), "{made:?}");
    let none = make(app, &ann, &org, json!({"name": "None", "connection_id": null})).await;
    by.post_empty(&org.at(&format!("scim-tokens/{}/revoke", text(&made[1]["id"])))).await.done();
    let names: Vec<_> = listed(app, &ann, &org).await.iter().map(|token| token["connection_id"].clone()).collect();
    assert_eq!(names, [json!("okta"), json!("okta"), Value::Null]);
    for (wrong, code) in [
        ("theirs", "unknown_connection"),
        (theirs.as_str(), "unknown_connection"),
        ("con_nonsense", "unknown_connection"),
        ("", "unknown_connection"),
    ] {
        let answer = by.post(&org.at("scim-tokens"), json!({"name": "Wrong", "connection_id": wrong})).await;
        assert_eq!(answer.invalid(&["connection_id"])["details"][0]["code"], code, "{wrong}");
    }
    by.post(&org.at("scim-tokens"), json!({"name": "Wrong", "connection_id": 7})).await.invalid(&["connection_id"]);
    by.delete(&org.at(&format!("upstream-providers/{okta}"))).await.ok();
    let left = listed(app, &ann, &org).await;
    assert_eq!((left.len(), &left[0]["id"]), (1, &none["id"]), "the revoked one as well");
    assert_eq!(app.count("select cast(sum(scim_tokens) as bigint) from org_counters").await, 1, "their places are free");
    app.worker().await;
    let log = by.get(&org.at("audit-log?action=scim_token.deleted")).await.ok();
    let targets: Vec<_> = log["logs"].as_array().unwrap().iter().map(|entry| entry["target_id"].clone()).collect();
    assert!(targets.len() == 2 && made.iter().all(|token| targets.contains(&token["id"])), "{targets:?}");
    let log = by.get(&org.at("audit-log?action=scim_token.created")).await.ok();
    assert!(log["logs"].as_array().unwrap().iter().any(|entry| entry["metadata"]["connection_id"] == "okta"), "{log}");
});

both!(a_token_and_the_end_of_its_connection_at_once_leave_neither_without_the_other, async |app| {
    let (ann, org, _) = founded(app).await;
    for round in 0..4 {
        let okta = connection(app, &ann, &org, &format!("okta-{round}")).await;
        let path = org.at(&format!("upstream-providers/{okta}"));
        let make = async |n: usize| {
            let body = json!({"name": format!("Token {n}"), "connection_id": okta});
            app.by(&ann).post(&org.at("scim-tokens"), body).await
        };
        let delete = async { app.by(&ann).delete(&path).await.ok() };
        let (answers, _) = futures::join!(futures::future::join_all((0..4).map(make)), delete);
        for answer in answers {
            if answer.status != 200 {
                answer.invalid(&["connection_id"]);
            }
        }
        assert_eq!(listed(app, &ann, &org).await, Vec::<Value>::new());
    }
    assert_eq!(app.count("select cast(sum(scim_tokens) as bigint) from org_counters").await, 0);
});

both!(the_schema_knows_no_token_of_anothers_connection, async |app| {
    let (ann, org, root) = founded(app).await;
    let other = app.create_org(&ann, "other").await;
    app.more_seats(&root, &other).await;
    connection(app, &ann, &other, "theirs").await;
    make(app, &ann, &org, json!({"name": "Entra"})).await;
    let moved = sea_orm::ConnectionTrait::execute_unprepared(
        app.connection().await,
        "update scim_tokens set connection_id = (select id from connections)",
    );
    assert!(moved.await.is_err());
    assert_eq!(app.count("select count(*) from scim_tokens where connection_id is not null").await, 0);
});

both!(a_token_remembers_what_its_maker_held, async |app| {
    let (ann, org, _) = founded(app).await;
    app.role(&ann, "acme", "connector", &["integrations.manage", "org.members.view"]).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "connector").await;
    make(app, &ann, &org, json!({"name": "Of the owner"})).await;
    app.advance(chrono::TimeDelta::seconds(1));
    make(app, &bob, &org, json!({"name": "Of Bob"})).await;
    let rows = app.rows("select ceiling from scim_tokens order by created_at").await;
    let ceilings: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    assert_eq!(ceilings[0], "owner");
    let mut bobs: Vec<&str> = ceilings[1].split(' ').collect();
    bobs.sort_unstable();
    assert_eq!(bobs, ["integrations.manage", "org.members.view"]);
});
