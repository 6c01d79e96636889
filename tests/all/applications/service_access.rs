//! Access to single services, given to members directly: what it allows, who may give it, and when it ends (T20, T22).

use serde_json::{Value, json};
use tenantry_tests::{Client, Org, Response, TestApp, User, both, text};

use super::services::{founded, make};
use crate::core::shapes::has_exactly;

/// An owner with two services, and a plain member.
struct Staffed {
    ann: User,
    bob: User,
    org: Org,
}

impl Staffed {
    async fn new(app: &TestApp) -> Self {
        let (ann, org) = founded(app).await;
        make(app, &ann, &org, "portal").await;
        make(app, &ann, &org, "shop").await;
        let root = app.platform_owner().await;
        app.more_seats(&root, &org).await;
        let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
        Self { ann, bob, org }
    }
    fn path(&self, user: &User) -> String {
        self.org.at(&format!("members/{}/service-access", user.id))
    }
    async fn give(&self, app: &TestApp, by: &User, service: &str, access: Value) -> Response {
        let body = json!({"grants": [{"service_slug": service, "access": access}]});
        app.by(by).put(&self.path(&self.bob), body).await
    }
}

fn denied(answer: Response) {
    answer.refused_as(403, "FORBIDDEN", "missing_permission");
}

async fn listed(client: &Client, org: &Org) -> Vec<String> {
    let listed = client.get(&org.at("services")).await.ok();
    listed["services"].as_array().unwrap().iter().map(|one| text(&one["service"]["slug"])).collect()
}

both!(access_is_shown_for_every_service_and_changed_for_those_that_are_named, async |app| {
    let s = Staffed::new(app).await;
    let shown = app.by(&s.ann).get(&s.path(&s.bob)).await.ok();
    has_exactly(&shown[0], &["service_id", "service_slug", "service_name", "access"]);
    let access = |shown: &Value| shown.as_array().unwrap().iter().map(|one| one["access"].clone()).collect::<Vec<_>>();
    assert_eq!(access(&shown), [Value::Null, Value::Null]);
    let grants = json!([{"service_slug": "portal", "access": "viewer"}, {"service_slug": "shop", "access": "manager"}]);
    let given = app.by(&s.ann).put(&s.path(&s.bob), json!({"grants": grants})).await.ok();
    assert_eq!(access(&given), [json!("viewer"), json!("manager")]);
    let given = s.give(app, &s.ann, "portal", Value::Null).await.ok();
    assert_eq!(access(&given), [Value::Null, json!("manager")]);
    assert_eq!(app.by(&s.ann).get(&s.path(&s.bob)).await.ok(), given);
    // The same again is no event, and neither is nothing.
    s.give(app, &s.ann, "shop", json!("manager")).await.ok();
    app.by(&s.ann).put(&s.path(&s.bob), json!({"grants": []})).await.ok();
    for name in ["user.service_access_updated", "member.service_access_updated"] {
        let log = app.by(&s.ann).get(&s.org.at(&format!("audit-log?action={name}"))).await.ok();
        let told = log["logs"].as_array().unwrap().iter();
        let told: Vec<_> = told.map(|one| (one["metadata"]["service_slug"].clone(), one["metadata"]["access"].clone())).collect();
        let expected = [("portal", Value::Null), ("shop", json!("manager")), ("portal", json!("viewer"))];
        assert_eq!(told, expected.map(|(slug, access)| (json!(slug), access)), "{log}");
    }
});

both!(an_unknown_service_changes_nothing, async |app| {
    let s = Staffed::new(app).await;
    for unknown in ["nothing", "Not a slug", ""] {
        let grants = json!([{"service_slug": "portal", "access": "viewer"}, {"service_slug": unknown, "access": "viewer"}]);
        app.by(&s.ann).put(&s.path(&s.bob), json!({"grants": grants})).await.refused(404, "NOT_FOUND");
    }
    // Another organization's neither.
    let eve = app.sign_up("eve@example.com").await;
    let rival = app.create_org(&eve, "rival").await;
    make(app, &eve, &rival, "rivals").await;
    s.give(app, &s.ann, "rivals", json!("viewer")).await.refused(404, "NOT_FOUND");
    app.by(&eve).get(&s.path(&s.bob)).await.refused_as(403, "FORBIDDEN", "not_a_member");
    app.by(&s.ann).get(&s.path(&eve)).await.refused(404, "NOT_FOUND");
    app.by(&s.ann).put(&s.path(&eve), json!({"grants": []})).await.refused(404, "NOT_FOUND");
    for wrong in [
        json!({}),
        json!({"grants": "all"}),
        json!({"grants": [{"service_slug": "portal"}]}),
        json!({"grants": [{"service_slug": "portal", "access": "owner"}]}),
        json!({"grants": [7]}),
        json!({"grants": [{"service_slug": "portal", "access": null}, {"service_slug": "portal", "access": "viewer"}]}),
        json!({"grants": (0..101).map(|n| json!({"service_slug": format!("s{n}"), "access": null})).collect::<Vec<_>>()}),
    ] {
        app.by(&s.ann).put(&s.path(&s.bob), wrong).await.invalid(&["grants"]);
    }
    assert_eq!(app.count("select count(*) from service_grants").await, 0);
});

both!(what_was_given_reaches_one_service_and_no_further, async |app| {
    let s = Staffed::new(app).await;
    let (bob, portal, shop) = (app.by(&s.bob), s.org.at("services/portal"), s.org.at("services/shop"));
    let plan = json!({"name": "Team", "price_cents": 1, "currency": "usd"});
    assert!(listed(&bob, &s.org).await.is_empty());
    denied(bob.get(&portal).await);
    s.give(app, &s.ann, "portal", json!("viewer")).await.ok();
    assert_eq!(listed(&bob, &s.org).await, ["portal"]);
    bob.get(&portal).await.ok();
    bob.get(&format!("{portal}/plans")).await.ok();
    denied(bob.patch(&portal, json!({"name": "Mine"})).await);
    denied(bob.post(&format!("{portal}/plans"), plan.clone()).await);
    denied(bob.get(&shop).await);
    s.give(app, &s.ann, "portal", json!("manager")).await.ok();
    bob.patch(&portal, json!({"name": "Managed"})).await.ok();
    bob.post(&format!("{portal}/plans"), plan.clone()).await.ok();
    bob.post(&format!("{portal}/secret/rotate"), json!({})).await.ok();
    denied(bob.delete(&portal).await);
    denied(bob.patch(&shop, json!({"name": "Mine"})).await);
    denied(bob.post(&format!("{shop}/plans"), plan).await);
    denied(bob.post(&s.org.at("services"), json!({"slug": "mine", "name": "Mine", "service_type": "web"})).await);
    s.give(app, &s.ann, "portal", Value::Null).await.ok();
    denied(bob.get(&portal).await);
    assert!(listed(&bob, &s.org).await.is_empty());
});

both!(t20_nobody_gives_what_they_do_not_hold_nor_to_themselves, async |app| {
    let s = Staffed::new(app).await;
    app.role(&s.ann, "acme", "people", &["org.members.manage"]).await;
    app.role(&s.ann, "acme", "people-who-look", &["org.members.manage", "services.view"]).await;
    let cy = app.member(&s.ann, "acme", "cy@example.com", "people").await;
    let beyond = |answer: Response| answer.refused_as(403, "FORBIDDEN", "permission_not_held");
    beyond(s.give(app, &cy, "portal", json!("viewer")).await);
    denied(s.give(app, &s.bob, "portal", json!("viewer")).await);
    let own = json!({"grants": [{"service_slug": "portal", "access": "manager"}]});
    app.by(&cy).put(&s.path(&cy), own).await.refused_as(400, "BAD_REQUEST", "own_access");
    // What they were given themselves they may give.
    app.by(&s.ann).put(&s.path(&cy), json!({"grants": [{"service_slug": "portal", "access": "viewer"}]})).await.ok();
    s.give(app, &cy, "portal", json!("viewer")).await.ok();
    beyond(s.give(app, &cy, "portal", json!("manager")).await);
    beyond(s.give(app, &cy, "shop", json!("viewer")).await);
    // Taking away needs nothing more.
    s.give(app, &s.ann, "shop", json!("manager")).await.ok();
    s.give(app, &cy, "shop", json!("viewer")).await.ok();
    s.give(app, &cy, "shop", Value::Null).await.ok();
    let di = app.member(&s.ann, "acme", "di@example.com", "people-who-look").await;
    s.give(app, &di, "shop", json!("viewer")).await.ok();
    beyond(s.give(app, &di, "shop", json!("manager")).await);
    // Nor does a program.
    let key = json!({"name": "Program", "permissions": ["org.members.manage", "services.manage"]});
    let program = app.client().bearer(&text(&app.by(&s.ann).post(&s.org.at("api-keys"), key).await.ok()["secret"]));
    program.get(&s.path(&s.bob)).await.ok();
    program.put(&s.path(&s.bob), json!({"grants": []})).await.refused_as(403, "FORBIDDEN", "person_required");
});

both!(t22_it_ends_with_the_role_and_with_the_membership, async |app| {
    let s = Staffed::new(app).await;
    let grants = async || app.count("select count(*) from service_grants").await;
    let (bob, portal) = (app.by(&s.bob), s.org.at("services/portal"));
    let member = s.org.at(&format!("members/{}", s.bob.id));
    app.role(&s.ann, "acme", "helper", &["webhooks.manage"]).await;
    s.give(app, &s.ann, "portal", json!("manager")).await.ok();
    app.by(&s.ann).patch(&member, json!({"role": "helper"})).await.ok();
    denied(bob.get(&portal).await);
    assert_eq!(grants().await, 0);
    s.give(app, &s.ann, "portal", json!("manager")).await.ok();
    app.by(&s.ann).delete(&member).await.done();
    bob.get(&portal).await.refused_as(403, "FORBIDDEN", "not_a_member");
    assert_eq!(grants().await, 0);
    // Coming back is a new membership.
    app.invite_and_join(&s.ann, "acme", &s.bob, "member").await;
    denied(bob.get(&portal).await);
    s.give(app, &s.ann, "portal", json!("viewer")).await.ok();
    bob.delete(&member).await.done();
    assert_eq!(grants().await, 0);
    // It ends with the service as well.
    app.invite_and_join(&s.ann, "acme", &s.bob, "member").await;
    s.give(app, &s.ann, "portal", json!("viewer")).await.ok();
    app.by(&s.ann).delete(&portal).await.expect(204);
    assert_eq!(grants().await, 0);
    make(app, &s.ann, &s.org, "portal").await;
    denied(bob.get(&portal).await);
});

both!(nothing_is_written_by_access_after_it_was_taken_away, async |app| {
    let s = Staffed::new(app).await;
    s.give(app, &s.ann, "portal", json!("manager")).await.ok();
    let (bob, portal) = (app.by(&s.bob), s.org.at("services/portal"));
    let names = (0..30).map(|n| format!("Name {n}"));
    let writes = futures::future::join_all(names.map(|name| bob.patch(&portal, json!({"name": name}))));
    let take = async {
        s.give(app, &s.ann, "portal", Value::Null).await.ok();
        app.by(&s.ann).get(&portal).await.ok()["service"]["name"].clone()
    };
    let (answers, name) = futures::join!(writes, take);
    answers.into_iter().filter(|answer| answer.status != 200).for_each(denied);
    assert_eq!(app.by(&s.ann).get(&portal).await.ok()["service"]["name"], name);
});
