//! Who still has access: everything that grants a person anything, and the signed statement of what is left when they are gone.

use chrono::TimeDelta;
use crypto::audit::{checkpoint::PublicKeys, statement::AccessLeft};
use serde_json::{Value, json};
use tenantry_tests::{Org, TestApp, User, both, text};

use crate::core::shapes::has_exactly;

const ANSWER: &[&str] = &["user_id", "email", "is_member", "ended_at", "access", "counts", "total", "as_of", "statement"];
const GRANTED: &[&str] = &["kind", "id", "name", "detail", "since", "until", "remedy"];

async fn access(app: &TestApp, by: &User, org: &Org, of: &str) -> Value {
    let answer = app.by(by).get(&org.at(&format!("members/{of}/access"))).await.ok();
    has_exactly(&answer, ANSWER);
    answer
}

/// What an answer lists, each as its kind and name.
fn things(answer: &Value) -> Vec<String> {
    let listed = answer["access"].as_array().unwrap().iter();
    listed
        .map(|granted| {
            has_exactly(granted, GRANTED);
            format!("{} {}", text(&granted["kind"]), text(&granted["name"]))
        })
        .collect()
}

async fn opened(app: &TestApp, answer: &Value) -> AccessLeft {
    let keys = app.client().get("/.well-known/audit-keys.json").await.ok();
    PublicKeys::from_jwks(&keys).unwrap().open_statement(&text(&answer["statement"])).unwrap()
}

/// Ann's organization, in which the admin Bob has, has made and was shown one of everything.
async fn busy(app: &TestApp) -> (User, User, Org) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let by = app.by(&bob);
    by.post_empty(&org.at("select")).await.ok();
    by.post(&org.at("services"), json!({"slug": "portal", "name": "Portal", "service_type": "web"})).await.ok();
    by.post(&org.at("api-keys"), json!({"name": "Provisioning", "permissions": ["org.members.view"]})).await.ok();
    by.post(&org.at("services/portal/api-keys"), json!({"name": "Backend", "permissions": ["read:users"]})).await.ok();
    let hook = json!({"name": "Hook", "url": format!("{}/hook", app.client().base()), "events": ["role.deleted"]});
    by.post(&org.at("webhooks"), hook).await.ok();
    let direct = json!({"grants": [{"service_slug": "portal", "access": "viewer"}]});
    app.by(&ann).put(&org.at(&format!("members/{}/service-access", bob.id)), direct).await.ok();
    (ann, bob, org)
}

const LEFT: [&str; 5] =
    ["api_key Provisioning", "client_secret Portal", "service_key Backend", "webhook Hook", "webhook_secret Hook"];

both!(everything_that_grants_a_member_something_is_listed, async |app| {
    let (ann, bob, org) = busy(app).await;
    let answer = access(app, &ann, &org, &bob.id).await;
    let expected = [
        "api_key Provisioning",
        "client_secret Portal",
        "membership admin",
        "service_access Portal",
        "service_key Backend",
        "session password",
        "webhook Hook",
        "webhook_secret Hook",
    ];
    assert_eq!(things(&answer), expected);
    assert_eq!((&answer["is_member"], &answer["total"], &answer["email"]), (&json!(true), &json!(8), &json!("bob@example.com")));
    assert_eq!((&answer["statement"], &answer["ended_at"]), (&Value::Null, &Value::Null), "signed is what is left, not what is");
    assert_eq!((&answer["access"][3]["detail"], &answer["access"][0]["detail"]), (&json!("viewer"), &json!("org.members.view")));
    assert_eq!(answer["counts"].as_array().unwrap().len(), 8);
    // Nothing of another organization.
    let eve = app.sign_up("eve@example.com").await;
    let rival = app.create_org(&eve, "rival").await;
    app.invite_and_join(&eve, "rival", &bob, "member").await;
    assert_eq!(things(&access(app, &eve, &rival, &bob.id).await), ["membership member"]);
    // A platform owner can act everywhere; of one who has nothing else here, nothing is told.
    let root = app.platform_owner().await;
    app.by(&ann).get(&org.at(&format!("members/{}/access", root.id))).await.refused(404, "NOT_FOUND");
    app.more_seats(&root, &org).await;
    app.invite_and_join(&ann, "acme", &root, "member").await;
    assert_eq!(things(&access(app, &ann, &org, &root.id).await), ["membership member", "platform_owner platform owner"]);
    // Nor what somebody else was shown.
    let tier = json!({"tier_id": "tier_enterprise"});
    app.by(&root).patch(&format!("/api/platform/organizations/{}/tier", org.id), tier).await.ok();
    app.by(&ann).post(&org.at("scim-tokens"), json!({"name": "Directory"})).await.ok();
    assert_eq!(things(&access(app, &ann, &org, &bob.id).await), expected);
    assert!(things(&access(app, &ann, &org, &ann.id).await).contains(&"scim_token Directory".to_owned()));
});

both!(t22_a_removal_leaves_what_the_statement_says, async |app| {
    let (ann, bob, org) = busy(app).await;
    app.by(&ann).delete(&org.at(&format!("members/{}", bob.id))).await.done();
    let answer = access(app, &ann, &org, &bob.id).await;
    assert_eq!(things(&answer), LEFT);
    assert_eq!((&answer["is_member"], &answer["ended_at"]), (&json!(false), &json!("2026-11-23T09:00:00.000000Z")));
    let said = opened(app, &answer).await;
    assert_eq!((said.organization_id.to_string(), said.user_id.to_string(), said.total), (org.id.clone(), bob.id.clone(), 5));
    let named: Vec<(String, String)> =
        answer["access"].as_array().unwrap().iter().map(|granted| (text(&granted["kind"]), text(&granted["id"]))).collect();
    assert_eq!(said.left.iter().map(|left| (left.kind.clone(), left.id.clone())).collect::<Vec<_>>(), named);

    // Each remedy takes away what it is of.
    let id = |n: usize| named[n].1.clone();
    let by = app.by(&ann);
    by.post(&org.at(&format!("api-keys/{}/rotate", id(0))), json!({"grace_seconds": 0})).await.ok();
    by.post(&org.at("services/portal/secret/rotate"), json!({"grace_seconds": 60})).await.ok();
    by.delete(&org.at(&format!("services/portal/api-keys/{}", id(2)))).await;
    by.post(&org.at(&format!("webhooks/{}/rotate-secret", id(4))), json!({"grace_seconds": 0})).await.ok();
    assert_eq!(things(&access(app, &ann, &org, &bob.id).await), ["client_secret Portal", "webhook Hook"]);
    app.advance(TimeDelta::seconds(61));
    let moved = json!({"url": format!("{}/elsewhere", app.client().base())});
    by.patch(&org.at(&format!("webhooks/{}", id(3))), moved).await.ok();
    let answer = access(app, &ann, &org, &bob.id).await;
    assert_eq!((things(&answer), &answer["total"]), (vec![], &json!(0)));
    let said = opened(app, &answer).await;
    assert_eq!((said.left.len(), said.total, said.ended_at.as_deref()), (0, 0, Some("2026-11-23T09:00:00.000000Z")));
    // What they made is Ann's now.
    let hers = things(&access(app, &ann, &org, &ann.id).await);
    for thing in ["api_key Provisioning", "client_secret Portal", "webhook Hook", "webhook_secret Hook"] {
        assert!(hers.iter().any(|known| known == thing), "{thing}: {hers:?}");
    }
});

both!(a_statement_that_was_changed_is_not_believed, async |app| {
    let (ann, bob, org) = busy(app).await;
    app.by(&bob).delete(&org.at(&format!("members/{}", bob.id))).await.done();
    let answer = access(app, &ann, &org, &bob.id).await;
    let statement = text(&answer["statement"]);
    let keys = PublicKeys::from_jwks(&app.client().get("/.well-known/audit-keys.json").await.ok()).unwrap();
    let parts: Vec<&str> = statement.split('.').collect();
    let mut claims: Value = serde_json::from_slice(&decode(parts[1])).unwrap();
    claims["left"] = json!([]);
    claims["total"] = json!(0);
    let forged = format!("{}.{}.{}", parts[0], encode(&claims), parts[2]);
    assert!(keys.open_statement::<AccessLeft>(&statement).is_ok() && keys.open_statement::<AccessLeft>(&forged).is_err());
    assert!(keys.open(&statement).is_err(), "it is no checkpoint");
});

both!(an_invitation_lets_somebody_back_in, async |app| {
    let (ann, bob, org) = busy(app).await;
    app.by(&ann).delete(&org.at(&format!("members/{}", bob.id))).await.done();
    let (invitation, _) = app.invite(&ann, "acme", "bob@example.com", "member").await;
    let answer = access(app, &ann, &org, &bob.id).await;
    assert_eq!((&answer["access"][2]["kind"], &answer["access"][2]["id"]), (&json!("invitation"), &json!(invitation)));
    assert_eq!(opened(app, &answer).await.total, 6);
    app.by(&ann).post_empty(&org.at(&format!("invitations/{invitation}"))).await.done();
    assert_eq!(things(&access(app, &ann, &org, &bob.id).await), LEFT);
});

both!(who_may_not_remove_members_may_not_look, async |app| {
    let (ann, bob, org) = busy(app).await;
    let cy = app.member(&ann, "acme", "cy@example.com", "member").await;
    let path = org.at(&format!("members/{}/access", bob.id));
    app.by(&cy).get(&path).await.refused_as(403, "FORBIDDEN", "missing_permission");
    let eve = app.sign_up("eve@example.com").await;
    app.by(&eve).get(&path).await.refused_as(403, "FORBIDDEN", "not_a_member");
    for stranger in [&eve.id, "usr_00000000000000000000000000000000", "nobody"] {
        app.by(&ann).get(&org.at(&format!("members/{stranger}/access"))).await.refused(404, "NOT_FOUND");
    }
});

both!(of_each_kind_two_hundred_are_listed_and_all_are_counted, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    for _ in 0..203 {
        app.by(&bob).post_empty(&org.at("select")).await.ok();
    }
    let answer = access(app, &ann, &org, &bob.id).await;
    assert_eq!(answer["access"].as_array().unwrap().len(), 201);
    assert_eq!(
        (&answer["counts"], &answer["total"]),
        (&json!([{"kind": "membership", "count": 1}, {"kind": "session", "count": 203}]), &json!(204))
    );
});

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).unwrap()
}

fn encode(value: &Value) -> String {
    use base64::Engine;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(value.to_string())
}
