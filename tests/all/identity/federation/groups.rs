//! What groups give: the roles that a connection's mapping names, for as long as the provider names the groups.

use serde_json::{Value, json};
use tenantry_tests::{Browser, PASSWORD, TestApp, User, both, text};

use super::Scene;

/// Kim, a plain member, whose session of her own shows what she may do at each moment.
struct Mapped {
    scene: Scene,
    kim: User,
    hooks: String,
}

fn kim(groups: Value) -> Value {
    json!({"sub": "kim", "email": "kim@acme.example", "email_verified": true, "groups": groups})
}

fn ops() -> Value {
    json!([{"group": "Ops", "role": "hooks"}])
}

impl Mapped {
    /// The group `Ops` gives the role `hooks`; Kim has proved that the account is hers, and is in no group.
    async fn set(app: &TestApp) -> Self {
        let scene = Scene::set(app, json!({"jit": true})).await;
        app.execute("update organizations set max_users = 9 where slug = 'acme'").await;
        let hooks = app.role(&scene.owner, "acme", "hooks", &["webhooks.manage"]).await;
        let kim_herself = app.member(&scene.owner, "acme", "kim@acme.example", "member").await;
        let mapped = Self { scene, kim: kim_herself, hooks };
        mapped.change(app, json!({"role_mapping": ops()})).await;
        let browser = Browser::new(app);
        let (at, _) = mapped.scene.come(app, &browser, kim(json!([]))).await.1.page();
        browser.send(&at, &[("step", "prove"), ("password", PASSWORD)]).await.away();
        mapped
    }
    fn connection(&self) -> String {
        self.scene.org.at(&format!("upstream-providers/{}", self.scene.connection))
    }
    async fn change(&self, app: &TestApp, change: Value) -> Value {
        let owner = app.again(&self.scene.owner).await;
        app.by(&owner).patch(&self.connection(), change).await.ok()
    }
    /// She signs in through the provider, which says this of her; answers the attempt's notes.
    async fn comes(&self, app: &TestApp, claims: Value) -> Value {
        self.scene.read(app, self.scene.come(app, &Browser::new(app), claims).await).await;
        let attempt = self.scene.attempt(app).await;
        assert_eq!(attempt["outcome"], "signed_in", "{attempt}");
        attempt["notes"].clone()
    }
    /// Whether the session that she began by herself may do what the role allows.
    async fn may(&self, app: &TestApp) -> bool {
        let answer = app.by(&self.kim).get(&self.scene.org.at("webhooks")).await;
        assert!(matches!(answer.status, 200 | 403), "{answer}");
        answer.status == 200
    }
    /// The sources of the role.
    async fn sources(&self, app: &TestApp) -> Value {
        let path = self.scene.org.at(&format!("members/{}/roles", self.kim.id));
        let all = app.by(&self.kim).get(&path).await.ok();
        let found = all.as_array().unwrap().iter().find(|role| role["slug"] == "hooks").cloned();
        found.map_or(Value::Null, |role| role["sources"].clone())
    }
}

async fn told(app: &TestApp, name: &str) -> i64 {
    app.count(&format!("select count(*) from events where name = '{name}'")).await
}

both!(groups_give_roles_and_take_them, async |app| {
    let mapped = Mapped::set(app).await;
    assert!(!mapped.may(app).await, "in no group");
    assert_eq!(mapped.comes(app, kim(json!(["Others", "Ops"]))).await, Value::Null);
    assert!(mapped.may(app).await, "at once, in every session");
    let source =
        json!([{"kind": "connection", "provider_id": mapped.scene.connection, "provider_name": "Acme Okta", "sleeps": false}]);
    assert_eq!(mapped.sources(app).await, source);
    // Again changes nothing, and says nothing.
    mapped.comes(app, kim(json!(["Ops"]))).await;
    assert_eq!((told(app, "user.roles_assigned").await, told(app, "user.roles_unassigned").await), (1, 0));
    let body = app.rows("select body from events where name = 'user.roles_assigned'").await;
    let data: Value = serde_json::from_str(&body[0].try_get_by_index::<String>(0).unwrap()).unwrap();
    assert_eq!(
        (&data["data"]["roles"], &data["data"]["source"], &data["data"]["provider_id"]),
        (&json!(["hooks"]), &json!("connection"), &json!(mapped.scene.connection))
    );
    // What is not said changes nothing: it is noted.
    let unsaid = json!({"sub": "kim", "email": "kim@acme.example", "email_verified": true});
    let overage = json!({"sub": "kim", "email": "kim@acme.example", "_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://x.example"}}});
    for claims in [unsaid, overage] {
        assert_eq!(mapped.comes(app, claims).await[0]["code"], "groups_missing");
        assert!(mapped.may(app).await);
    }
    // Names are compared byte by byte; none of these is the group.
    assert_eq!(mapped.comes(app, kim(json!(["ops", "Ops ", "hooks"]))).await, Value::Null);
    assert!(!mapped.may(app).await, "lost, and at once");
    assert_eq!((mapped.sources(app).await, told(app, "user.roles_unassigned").await), (Value::Null, 1));
    // An empty list takes what was given, and only by this connection.
    mapped.comes(app, kim(json!(["Ops"]))).await;
    let owner = app.again(&mapped.scene.owner).await;
    let direct = mapped.scene.org.at(&format!("members/{}/roles/{}", mapped.kim.id, mapped.hooks));
    app.by(&owner).put(&direct, json!({})).await.ok();
    assert_eq!(mapped.sources(app).await.as_array().unwrap().len(), 2);
    mapped.comes(app, kim(json!([]))).await;
    assert_eq!(mapped.sources(app).await, json!([{"kind": "direct", "sleeps": false}]));
    assert!(mapped.may(app).await);
    // What a connection gave is not taken by hand.
    app.by(&owner).delete(&direct).await.ok();
    mapped.comes(app, kim(json!(["Ops"]))).await;
    app.by(&owner).delete(&direct).await.refused_as(400, "BAD_REQUEST", "role_not_direct");
    app.by(&owner).delete(&mapped.scene.org.at(&format!("roles/{}", mapped.hooks))).await.refused_as(
        400,
        "BAD_REQUEST",
        "role_in_use",
    );
});

both!(somebody_new_has_the_roles_of_their_groups, async |app| {
    let mapped = Mapped::set(app).await;
    let claims = json!({"sub": "new", "email": "new@acme.example", "groups": ["Ops"]});
    let id = mapped.scene.read(app, mapped.scene.come(app, &Browser::new(app), claims).await).await;
    let user = format!("usr_{}", text(&id["sub"]).trim_start_matches("auth0|"));
    let roles = app.by(&mapped.kim).get(&mapped.scene.org.at(&format!("members/{user}/roles"))).await.ok();
    assert_eq!((&roles[0]["slug"], &roles[1]["slug"]), (&json!("member"), &json!("hooks")));
});

both!(t20_a_mapped_role_beyond_the_ceiling_sleeps, async |app| {
    let mapped = Mapped::set(app).await;
    app.role(&mapped.scene.owner, "acme", "integrator", &["integrations.manage"]).await;
    app.role(&mapped.scene.owner, "acme", "hooker", &["integrations.manage", "org.roles.manage", "webhooks.manage"]).await;
    let pat = app.member(&mapped.scene.owner, "acme", "pat@acme.example", "integrator").await;
    let max = app.member(&mapped.scene.owner, "acme", "max@acme.example", "hooker").await;
    mapped.comes(app, kim(json!(["Ops"]))).await;
    assert!(mapped.may(app).await);
    // Whoever changes whom the connection speaks for bounds what it gives, also what it has given.
    app.by(&pat).patch(&mapped.connection(), json!({"attribute_mapping": {"subject": "sub"}})).await.ok();
    assert!(!mapped.may(app).await);
    assert_eq!(mapped.sources(app).await[0]["sleeps"], true);
    app.execute("update identities set reprove = false").await;
    let notes = mapped.comes(app, kim(json!(["Ops"]))).await;
    assert_eq!((&notes[0]["code"], &notes[0]["role"]), (&json!("role_beyond_ceiling"), &json!("hooks")));
    assert_eq!(mapped.sources(app).await, Value::Null, "it is not kept for a better time");
    // Somebody who holds it confirms; then the next sign-in gives it.
    app.by(&max).patch(&mapped.connection(), json!({"role_mapping": ops()})).await.ok();
    assert!(!mapped.may(app).await);
    mapped.comes(app, kim(json!(["Ops"]))).await;
    assert!(mapped.may(app).await);
    // The connection may give what Max holds: the role that is edited beyond that sleeps, and wakes when it is edited back.
    let owner = app.again(&mapped.scene.owner).await;
    let role = mapped.scene.org.at(&format!("roles/{}", mapped.hooks));
    app.by(&owner).put(&role, json!({"permissions": ["webhooks.manage", "billing.manage"]})).await.ok();
    assert!(!mapped.may(app).await);
    app.by(&owner).put(&role, json!({"permissions": ["webhooks.manage"]})).await.ok();
    assert!(mapped.may(app).await);
});

both!(t20_who_decides_on_groups_holds_what_they_give, async |app| {
    let mapped = Mapped::set(app).await;
    app.role(&mapped.scene.owner, "acme", "integrator", &["integrations.manage"]).await;
    app.role(&mapped.scene.owner, "acme", "mapper", &["integrations.manage", "org.roles.manage"]).await;
    let pat = app.member(&mapped.scene.owner, "acme", "pat@acme.example", "integrator").await;
    let max = app.member(&mapped.scene.owner, "acme", "max@acme.example", "mapper").await;
    // Which claim names the groups is as good as the mapping: people may write some claims themselves.
    for by in [&pat, &max] {
        let change = json!({"attribute_mapping": {"groups": "nickname"}});
        app.by(by).patch(&mapped.connection(), change).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    }
    app.by(&pat).patch(&mapped.connection(), json!({"attribute_mapping": {"email": "mail"}})).await.ok();
    mapped.change(app, json!({"attribute_mapping": {"groups": "teams"}})).await;
    mapped.comes(app, json!({"sub": "kim", "email": "kim@acme.example", "groups": [], "teams": "Ops"})).await;
    assert!(mapped.may(app).await);
});

both!(t22_what_a_connection_gave_ends_with_its_mapping_and_with_it, async |app| {
    let mapped = Mapped::set(app).await;
    mapped.comes(app, kim(json!(["Ops"]))).await;
    // Switched off, it gives nothing; switched on again, what it gave.
    mapped.change(app, json!({"enabled": false})).await;
    assert!(!mapped.may(app).await);
    assert_eq!(mapped.sources(app).await[0]["sleeps"], true);
    mapped.change(app, json!({"enabled": true})).await;
    assert!(mapped.may(app).await);
    // A mapping that is taken away takes the role from everybody.
    mapped.change(app, json!({"role_mapping": [{"group": "Others", "role": "hooks"}]})).await;
    assert!(!mapped.may(app).await);
    assert_eq!(app.count("select count(*) from member_roles").await, 0);
    let ended = "select count(*) from events where name = 'connection.updated' and metadata like '%\"ended_roles\":[\"hooks\"]%'";
    assert_eq!(app.count(ended).await, 1);
    // So does the end of the connection; a role that is gone is skipped, and noted.
    mapped.change(app, json!({"role_mapping": ops()})).await;
    mapped.comes(app, kim(json!(["Ops"]))).await;
    let owner = app.again(&mapped.scene.owner).await;
    mapped.comes(app, kim(json!([]))).await;
    assert_eq!(app.by(&owner).delete(&mapped.scene.org.at(&format!("roles/{}", mapped.hooks))).await.status, 204);
    let notes = mapped.comes(app, kim(json!(["Ops"]))).await;
    assert_eq!((&notes[0]["code"], &notes[0]["role"]), (&json!("role_gone"), &json!("hooks")));
    // One that is made anew under the name is given again, by whoever mapped the name.
    app.role(&owner, "acme", "hooks", &["webhooks.manage"]).await;
    mapped.comes(app, kim(json!(["Ops"]))).await;
    assert!(mapped.may(app).await);
    app.by(&owner).delete(&mapped.connection()).await;
    assert!(!mapped.may(app).await);
    assert_eq!(app.count("select count(*) from member_roles").await, 0);
});

both!(t22_who_was_removed_has_no_mapped_role_left, async |app| {
    let mapped = Mapped::set(app).await;
    mapped.comes(app, kim(json!(["Ops"]))).await;
    let owner = app.again(&mapped.scene.owner).await;
    app.by(&owner).delete(&mapped.scene.org.at(&format!("members/{}", mapped.kim.id))).await;
    assert_eq!(app.count("select count(*) from member_roles").await, 0);
    mapped.scene.come(app, &Browser::new(app), kim(json!(["Ops"]))).await.1.page();
    assert_eq!(mapped.scene.attempt(app).await["reason"], "access_removed");
    assert_eq!(app.count("select count(*) from member_roles").await, 0);
});

both!(a_directory_decides_on_groups_instead, async |app| {
    let mapped = Mapped::set(app).await;
    mapped.comes(app, kim(json!(["Ops"]))).await;
    let owner = app.again(&mapped.scene.owner).await;
    app.execute("update organizations set tier_id = 'tier_enterprise' where slug = 'acme'").await;
    let body = json!({"name": "Directory", "connection_id": "okta"});
    app.by(&owner).post(&mapped.scene.org.at("scim-tokens"), body).await.ok();
    for groups in [json!([]), json!(["Ops"])] {
        assert_eq!(mapped.comes(app, kim(groups)).await[0]["code"], "directory_decides");
        assert!(mapped.may(app).await, "roles stay as they were");
    }
    app.execute("update scim_tokens set revoked_at = created_at").await;
    assert_eq!(mapped.comes(app, kim(json!([]))).await, Value::Null);
    assert!(!mapped.may(app).await);
});

both!(a_role_of_another_organization_is_not_given, async |app| {
    let mapped = Mapped::set(app).await;
    let zed = app.sign_up("zed@example.com").await;
    let other = app.create_org(&zed, "other").await;
    app.role(&zed, "other", "hooks", &["webhooks.manage"]).await;
    app.role(&zed, "other", "theirs", &["webhooks.manage"]).await;
    let owner = app.again(&mapped.scene.owner).await;
    let foreign = json!({"role_mapping": [{"group": "Ops", "role": "theirs"}]});
    app.by(&owner).patch(&mapped.connection(), foreign).await.invalid(&["role_mapping"]);
    for built_in in ["owner", "admin", "member"] {
        let body = json!({"role_mapping": [{"group": "Ops", "role": built_in}]});
        app.by(&owner).patch(&mapped.connection(), body).await.refused(400, "BAD_REQUEST");
    }
    app.invite_and_join(&zed, "other", &mapped.kim, "member").await;
    mapped.comes(app, kim(json!(["Ops"]))).await;
    assert!(mapped.may(app).await);
    app.by(&mapped.kim).get(&other.at("webhooks")).await.refused(403, "FORBIDDEN");
});
