//! An organization's own OAuth clients at social providers.

use serde_json::{Value, json};
use tenantry_tests::{Org, TestApp, User, both, text};

use crate::core::shapes::has_exactly;

const SHOWN: &[&str] = &["id", "org_id", "provider", "client_id", "has_secret", "created_at", "updated_at"];

async fn founded(app: &TestApp) -> (User, Org) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    (ann, org)
}

both!(a_client_is_set_replaced_and_given_up, async |app| {
    let (ann, org) = founded(app).await;
    let (by, path) = (app.by(&ann), org.at("oauth-credentials/github"));
    by.get(&path).await.refused(404, "NOT_FOUND");
    by.delete(&path).await.refused(404, "NOT_FOUND");
    let set = by.post(&path, json!({"client_id": "Iv1.1", "client_secret": "first-secret"})).await.ok();
    has_exactly(&set, SHOWN);
    assert_eq!((&set["provider"], &set["client_id"], &set["has_secret"]), (&json!("github"), &json!("Iv1.1"), &json!(true)));
    assert_eq!((&set["org_id"], by.get(&path).await.ok()), (&json!(org.id), set.clone()));
    app.advance(chrono::TimeDelta::seconds(5));
    let again = by.post(&path, json!({"client_id": "Iv1.2", "client_secret": "second-secret"})).await.ok();
    assert_eq!((&again["id"], &again["created_at"], &again["client_id"]), (&set["id"], &set["created_at"], &json!("Iv1.2")));
    assert_ne!(again["updated_at"], set["updated_at"]);
    let google = by.post(&org.at("oauth-credentials/google"), json!({"client_id": "g", "client_secret": "s"})).await.ok();
    assert_ne!(google["id"], set["id"]);
    by.delete(&path).await.expect(204);
    by.get(&path).await.refused(404, "NOT_FOUND");
    assert_eq!(by.get(&org.at("oauth-credentials/google")).await.ok(), google);
    app.worker().await;
    for (action, times) in [("service.oauth_credentials.updated", 3), ("service.oauth_credentials.deleted", 1)] {
        let log = by.get(&org.at(&format!("audit-log?action={action}"))).await.ok();
        assert_eq!(log["logs"].as_array().unwrap().len(), times, "{action}");
        assert!(log["logs"].to_string().contains("Iv1.2") && !log.to_string().contains("-secret"), "{log}");
    }
});

both!(only_three_providers_have_one_and_nothing_is_empty, async |app| {
    let (ann, org) = founded(app).await;
    let by = app.by(&ann);
    let body = || json!({"client_id": "id", "client_secret": "secret"});
    for provider in ["gitlab", "GitHub", "apple", "%20", "github%00", "x".repeat(300).as_str()] {
        let path = org.at(&format!("oauth-credentials/{provider}"));
        let wanted = if provider.contains("%00") { 404 } else { 400 };
        for answer in [by.post(&path, body()).await, by.get(&path).await, by.delete(&path).await] {
            assert_eq!(answer.status, wanted, "{provider}: {answer}");
        }
    }
    let path = org.at("oauth-credentials/microsoft");
    by.post(&path, json!({})).await.invalid(&["client_id", "client_secret"]);
    by.post(&path, json!({"client_id": "", "client_secret": ""})).await.invalid(&["client_id", "client_secret"]);
    by.post(&path, json!({"client_id": "a b", "client_secret": "a\nb"})).await.invalid(&["client_id", "client_secret"]);
    by.post(&path, json!({"client_id": "a\u{0}", "client_secret": 7})).await.invalid(&["client_id", "client_secret"]);
    by.post(&path, json!({"client_id": "x".repeat(256), "client_secret": "y".repeat(1025)}))
        .await
        .invalid(&["client_id", "client_secret"]);
    by.get(&path).await.refused(404, "NOT_FOUND");
});

both!(many_who_set_the_first_one_at_once_leave_one, async |app| {
    let (ann, org) = founded(app).await;
    let path = org.at("oauth-credentials/github");
    let set = async |n: usize| {
        app.by(&ann).post(&path, json!({"client_id": format!("id-{n}"), "client_secret": format!("secret-{n}")})).await.ok()
    };
    let answers = futures::future::join_all((0..8).map(set)).await;
    let kept = app.by(&ann).get(&path).await.ok();
    assert!(answers.iter().all(|answer| answer["id"] == kept["id"]), "one row, whoever was first");
    assert!(answers.iter().any(|answer| answer["client_id"] == kept["client_id"]));
});

both!(whoever_entered_a_secret_is_listed_with_it, async |app| {
    let (ann, org) = founded(app).await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let body = json!({"client_id": "id", "client_secret": "secret"});
    let set = app.by(&bob).post(&org.at("oauth-credentials/github"), body.clone()).await.ok();
    let listed = async || {
        let access = app.by(&ann).get(&org.at(&format!("members/{}/access", bob.id))).await.ok();
        let all = access["access"].as_array().unwrap_or_else(|| panic!("{access}")).clone();
        all.into_iter().find(|one| one["kind"] == "oauth_credentials").map(|one| text(&one["id"]))
    };
    assert_eq!(listed().await, Some(text(&set["id"])));
    // Somebody else's secret takes its place.
    let again = app.by(&ann).post(&org.at("oauth-credentials/github"), body).await.ok();
    assert_eq!((listed().await, &again["id"]), (None, &set["id"]));
    assert_ne!(Value::Null, again["id"]);
});
