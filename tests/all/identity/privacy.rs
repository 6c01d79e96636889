//! What is kept of a person, shown to them; and a person forgotten, everywhere, with logs that still verify.

use serde_json::{Value, json};
use tenantry_tests::{Org, TestApp, User, both, text};

use crate::{
    core::shapes::{USER, has_exactly},
    events::audit::erasure::verified,
};

async fn export(app: &TestApp, by: &User, id: &str) -> Value {
    app.by(by).get(&format!("/api/privacy/export/{id}")).await.ok()
}

async fn forget(app: &TestApp, by: &User, id: &str) -> tenantry_tests::Response {
    app.by(by).delete(&format!("/api/privacy/forget/{id}")).await
}

/// Every text of every table, as far as it names somebody.
async fn named(app: &TestApp, what: &str) -> Vec<String> {
    app.dump().await.lines().filter(|line| line.contains(what)).map(ToOwned::to_owned).collect()
}

async fn log(app: &TestApp, by: &User, org: &Org) -> Value {
    app.by(by).get(&org.at("audit-log?limit=100")).await.ok()
}

both!(everybody_is_shown_what_is_kept_of_them, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    app.by(&ann).post(&org.at("api-keys"), json!({"name": "Key", "permissions": []})).await;
    let own = export(app, &bob, &bob.id).await;
    has_exactly(&own, &["exported_at", "user", "data"]);
    has_exactly(&own["user"], USER);
    let data = &own["data"];
    has_exactly(&data["memberships"], &["total", "items"]);
    let membership = &data["memberships"]["items"][0];
    assert_eq!((&membership["organization_id"], &membership["role"]), (&json!(org.id), &json!("member")));
    let session = &data["sessions"]["items"][0];
    let shape =
        ["id", "method", "authentications", "ip_address", "user_agent", "created_at", "last_seen_at", "expires_at", "revoked_at"];
    has_exactly(session, &shape);
    assert!(text(&session["id"]).starts_with("ses_") && session["ip_address"] == "127.0.0.1", "{session}");
    let actions: Vec<_> = data["records"]["items"].as_array().unwrap().iter().map(|r| text(&r["action"])).collect();
    assert!(actions.contains(&"user.joined".to_owned()) && actions.contains(&"user.signup.success".to_owned()), "{actions:?}");
    assert_eq!(data["invitations_received"]["items"][0]["organization_id"], json!(org.id));
    assert_eq!(data["organizations_owned"]["total"], 0);
    assert!(!own.to_string().contains("ann@example.com"), "nobody else is in it");
    let anns = export(app, &ann, &ann.id).await;
    assert_eq!(
        (&anns["data"]["organizations_owned"]["total"], &anns["data"]["invitations_sent"]["total"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(export(app, &root, &bob.id).await["data"]["memberships"]["total"], 1);
    let told = app.by(&root).get("/api/platform/audit-log?action=export_user_data").await.ok();
    assert_eq!((&told["total"], &told["logs"][0]["platform_owner_id"]), (&json!(3), &json!(root.id)));
    for id in [bob.id.as_str(), root.id.as_str(), "usr_00000000000000000000000000000000", "nonsense"] {
        app.by(&ann).get(&format!("/api/privacy/export/{id}")).await.refused(404, "NOT_FOUND");
    }
    app.client().get(&format!("/api/privacy/export/{}", bob.id)).await.refused(401, "UNAUTHORIZED");
});

both!(who_is_forgotten_is_named_nowhere_and_the_logs_still_verify, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let (org, other) = (app.create_org(&ann, "acme").await, app.create_org(&ann, "other").await);
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    app.invite_and_join(&ann, "other", &bob, "member").await;
    app.by(&bob).post_empty(&org.at("select")).await.ok();
    let eve = app.sign_up("eve@example.com").await;
    app.create_org(&eve, "third").await;
    app.invite(&eve, "third", "bob@example.com", "member").await;
    app.by(&bob).patch("/api/user", json!({"email": "bobby@example.com", "password": bob.password})).await.ok();
    app.run_jobs().await;
    assert!(!named(app, "bob@example.com").await.is_empty());
    let members = app.count("select cast(sum(members) as bigint) from org_counters").await;
    assert!(forget(app, &root, &bob.id).await.ok()["message"].is_string());
    // At once: no access, no invitation, and the places are free.
    app.by(&bob).get("/api/user").await.refused(401, "UNAUTHORIZED");
    assert_eq!(app.count("select cast(sum(members) as bigint) from org_counters").await, members - 2);
    assert_eq!(app.count("select count(*) from invitations where pending_email is not null").await, 0);
    let shown = app.by(&root).get(&format!("/api/platform/users/{}", bob.id)).await.ok();
    assert!(shown["deleted_at"].is_string() && text(&shown["email"]).ends_with("@forgotten.invalid"), "{shown}");
    forget(app, &root, &bob.id).await.refused(404, "NOT_FOUND");
    // Soon after: nothing names them.
    for _ in 0..8 {
        app.worker().await;
        app.run_jobs().await;
    }
    let left = named(app, "bob@example.com").await;
    assert!(left.is_empty(), "{left:#?}");
    assert!(named(app, "bobby@example.com").await.is_empty());
    for (table, column) in [("sessions", "ip_address"), ("sign_ins", "ip_address"), ("sessions", "user_agent")] {
        let theirs = format!("select count(*) from {table} t join users u on u.id = t.user_id where u.deleted_at is not null");
        assert!(app.count(&theirs).await > 0, "{table}");
        assert_eq!(app.count(&format!("{theirs} and t.{column} is not null")).await, 0, "{table}.{column}");
    }
    for (by, org) in [(&ann, &org), (&ann, &other)] {
        let report = verified(app, by, org).await;
        assert!(report.erased > 0 && report.records > report.erased, "{} of {}", report.erased, report.records);
        let log = log(app, by, org).await;
        let last = log["logs"].as_array().unwrap().iter().filter(|r| r["action"] == "user.forgotten").count();
        assert_eq!(last, 1, "{log}");
        assert!(log["logs"].as_array().unwrap().iter().all(|r| r["action"] != "user.joined" || r["target_id"] == "erased"));
    }
    let told = app.by(&root).get("/api/platform/audit-log?action=forget_user").await.ok();
    assert_eq!(told["logs"][0]["metadata"], json!({"user_id": bob.id, "organizations": 2}));
    let login = json!({"email": "bob@example.com", "password": bob.password});
    app.client().post("/api/auth/login", login).await.refused(401, "UNAUTHORIZED");
    // The address is free again, for whoever has the mailbox.
    let again = app.sign_up("bob@example.com").await;
    assert_ne!(again.id, bob.id);
    assert_eq!(app.by(&again).get("/api/invitations").await.ok(), json!([]));
});

both!(the_owner_of_every_organization_concerned_may_forget, async |app| {
    let (ann, eve) = (app.sign_up("ann@example.com").await, app.sign_up("eve@example.com").await);
    let root = app.platform_owner().await;
    app.create_org(&ann, "acme").await;
    app.create_org(&eve, "rival").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let cy = app.member(&ann, "acme", "cy@example.com", "member").await;
    forget(app, &eve, &bob.id).await.refused(404, "NOT_FOUND");
    forget(app, &bob, &cy.id).await.refused(404, "NOT_FOUND");
    forget(app, &cy, &cy.id).await.refused(404, "NOT_FOUND");
    forget(app, &ann, "usr_00000000000000000000000000000000").await.refused(404, "NOT_FOUND");
    app.invite_and_join(&eve, "rival", &bob, "member").await;
    forget(app, &ann, &bob.id).await.refused_as(403, "FORBIDDEN", "owner_of_all_required");
    app.by(&bob).get("/api/user").await.ok();
    forget(app, &ann, &cy.id).await.ok();
    app.by(&cy).get("/api/user").await.refused(401, "UNAUTHORIZED");
    // Nothing is left half done: who owns an organization alone stays, in all others as well.
    app.invite_and_join(&ann, "acme", &eve, "member").await;
    forget(app, &root, &eve.id).await.refused_as(400, "BAD_REQUEST", "last_owner");
    app.by(&eve).get("/api/organizations/acme").await.ok();
    forget(app, &root, &root.id).await.refused_as(403, "FORBIDDEN", "platform_owner");
});

both!(an_address_that_was_given_to_an_account_erases_nobody_elses_records, async |app| {
    let (ann, eve) = (app.sign_up("ann@example.com").await, app.sign_up("eve@example.com").await);
    let rival = app.create_org(&eve, "rival").await;
    let invited = app.by(&eve).post(&rival.at("invitations"), json!({"email": ann.email, "role": "member"})).await.ok();
    let id = text(&invited["invitation"]["id"]);
    app.by(&eve).post(&rival.at(&format!("invitations/{id}/accept")), json!({})).await.ok();
    let members = app.by(&eve).get(&rival.at("members")).await.ok();
    let members = members["members"].as_array().unwrap();
    let managed = text(&members.iter().find(|member| member["user"]["email"] == ann.email.as_str()).unwrap()["user"]["id"]);
    assert_ne!(managed, ann.id, "an account of the organization's own");
    let signed_up = format!("select count(*) from events where name = 'user.signup.success' and target_id = '{}'", ann.id);
    assert_eq!(app.count(&signed_up).await, 1);
    forget(app, &eve, &managed).await.ok();
    for _ in 0..8 {
        app.worker().await;
        app.run_jobs().await;
    }
    assert_eq!(app.count(&signed_up).await, 1, "what the platform's log says of somebody else stays");
    assert_eq!(app.count("select count(*) from erasures").await, 0, "and everything is done");
    app.by(&ann).get("/api/user").await.ok();
});

both!(end_users_are_forgotten_with_what_they_use, async |app| {
    let (ann, root) = (app.sign_up("ann@example.com").await, app.platform_owner().await);
    let org = app.create_org(&ann, "acme").await;
    let service =
        json!({"name": "Portal", "slug": "portal", "service_type": "web", "redirect_uris": ["https://portal.example/cb"]});
    app.by(&ann).post(&org.at("services"), service).await.ok();
    let key = json!({"name": "Key", "permissions": ["write:users", "read:users"]});
    let key = text(&app.by(&ann).post(&org.at("services/portal/api-keys"), key).await.ok()["key"]);
    let program = app.client().bearer(&key);
    let user = program.post("/api/service/users", json!({"email": "user@customer.example"})).await.ok();
    let id = text(&user["id"]);
    assert_eq!(export(app, &root, &id).await["data"]["services_used"]["total"], 1);
    assert_eq!(app.count("select cast(sum(end_users) as bigint) from org_counters").await, 1);
    forget(app, &ann, &id).await.ok();
    assert_eq!(app.count("select cast(sum(end_users) as bigint) from org_counters").await, 0);
    assert_eq!(app.count("select cast(sum(users) as bigint) from services").await, 0);
    assert_eq!(app.count("select count(*) from service_users").await, 0);
    for _ in 0..8 {
        app.worker().await;
        app.run_jobs().await;
    }
    assert!(named(app, "user@customer.example").await.is_empty());
});
