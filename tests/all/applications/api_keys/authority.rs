//! What a key may do: within what its maker held, within what programs may hold, in its own organization, as nobody.

use super::*;

both!(a_key_acts_as_itself, async |app| {
    let keyed = keyed(app, &["webhooks.manage", "audit_logs.view"]).await;
    let program = keyed.program(app);
    let hook = json!({"name": "Provisioning", "url": "https://127.0.0.1:9/hooks", "events": ["user.joined"]});
    program.post(&keyed.org.at("webhooks"), hook).await.ok();
    let record = &recorded(app, &keyed.ann, &keyed.org, "webhook.created").await[0];
    assert_eq!(record["actor_id"], json!(keyed.id));
    app.worker().await;
    let feed = program.get(&keyed.org.at("events?limit=100")).await.ok();
    let payloads = feed["events"].as_array().unwrap().iter().map(|event| &event["payload"]);
    let event = payloads.clone().find(|payload| payload["event"] == "webhook.created").unwrap_or_else(|| panic!("{feed}"));
    assert_eq!((&event["actor_type"], &event["actor_id"]), (&json!("api_key"), &json!(keyed.id)), "{event}");
    assert!(event.get("actor_user_id").is_none() && event.get("actor_email").is_none(), "{event}");
});

both!(what_only_a_person_may_do_is_refused_to_every_key, async |app| {
    let keyed = keyed(app, ALL).await;
    let (program, org) = (keyed.program(app), &keyed.org);
    for path in ["/api/user", "/api/user/sessions", "/api/organizations", "/api/invitations"] {
        program.get(path).await.refused_as(403, "FORBIDDEN", "person_required");
    }
    for path in ["api-keys", "roles", "audit-log/retention"] {
        program.get(&org.at(path)).await.refused_as(403, "FORBIDDEN", "person_required");
    }
    let member = json!({"email": "bob@example.com", "role": "member"});
    program.post_empty(&org.at("select")).await.refused_as(403, "FORBIDDEN", "person_required");
    program.post(&org.at("invitations"), member).await.refused_as(403, "FORBIDDEN", "person_required");
    program.post(&org.at("api-keys"), json!({"name": "Two", "permissions": []})).await.refused_as(
        403,
        "FORBIDDEN",
        "person_required",
    );
    program.post(&format!("{}/rotate", keyed.path()), json!({})).await.refused_as(403, "FORBIDDEN", "person_required");
    program.delete(&keyed.path()).await.refused_as(403, "FORBIDDEN", "person_required");
    program.delete(&org.path).await.refused_as(403, "FORBIDDEN", "person_required");
    program.get("/api/platform/organizations").await.refused_as(403, "FORBIDDEN", "platform_owner_required");
    let made = json!({"slug": "other", "name": "Other"});
    program.post("/api/organizations", made).await.refused_as(403, "FORBIDDEN", "person_required");
});

/// Everything that a key can hold.
const ALL: &[&str] = &[
    "org.settings.manage",
    "org.members.view",
    "org.members.manage",
    "billing.manage",
    "services.view",
    "services.create",
    "services.manage",
    "end_users.view",
    "end_users.manage",
    "webhooks.manage",
    "integrations.manage",
    "audit_logs.view",
    "risk_events.view",
    "risk_policies.manage",
];

both!(a_key_neither_removes_nor_raises_whoever_stands_above_members, async |app| {
    let keyed = keyed(app, ALL).await;
    let (program, org) = (keyed.program(app), &keyed.org);
    let bob = app.member(&keyed.ann, "acme", "bob@example.com", "admin").await;
    let cy = app.member(&keyed.ann, "acme", "cy@example.com", "member").await;
    program.get(&org.at("members")).await.ok();
    let role = json!({"role": "admin"});
    program.patch(&org.at(&format!("members/{}", cy.id)), role).await.refused_as(403, "FORBIDDEN", "person_required");
    program.delete(&org.at(&format!("members/{}", bob.id))).await.refused_as(403, "FORBIDDEN", "owner_required");
    program.delete(&org.at(&format!("members/{}", keyed.ann.id))).await.refused_as(403, "FORBIDDEN", "owner_required");
    program.delete(&org.at(&format!("members/{}", cy.id))).await.done();
    assert_eq!(recorded(app, &keyed.ann, org, "user.removed").await[0]["actor_id"], json!(keyed.id));
});

both!(nobody_makes_edits_or_rotates_a_key_beyond_what_they_hold, async |app| {
    let keyed = keyed(app, &["webhooks.manage"]).await;
    app.role(&keyed.ann, "acme", "integrator", &["integrations.manage"]).await;
    let bob = app.member(&keyed.ann, "acme", "bob@example.com", "integrator").await;
    let by = app.by(&bob);
    let beyond = json!({"name": "Two", "permissions": ["webhooks.manage"]});
    by.post(&keyed.org.at("api-keys"), beyond).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    by.patch(&keyed.path(), json!({"name": "Mine"})).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    by.post(&format!("{}/rotate", keyed.path()), json!({})).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    let own = make(app, &bob, &keyed.org, json!({"name": "Two", "permissions": ["integrations.manage"]})).await;
    let path = keyed.org.at(&format!("api-keys/{}", text(&own["id"])));
    let raised = json!({"permissions": ["integrations.manage", "webhooks.manage"]});
    by.patch(&path, raised).await.refused_as(403, "FORBIDDEN", "permission_not_held");
    by.patch(&path, json!({"permissions": []})).await.ok();
    // Taking access away needs nothing but the right to manage keys.
    by.delete(&keyed.path()).await.done();
});

both!(a_key_is_worth_nothing_in_another_organization, async |app| {
    let keyed = keyed(app, ALL).await;
    let eve = app.sign_up("eve@example.com").await;
    let rival = app.create_org(&eve, "rival").await;
    let theirs = make(app, &eve, &rival, json!({"name": "CI", "permissions": []})).await;
    let program = keyed.program(app);
    for path in [&rival.path, &rival.at("members"), &rival.at("webhooks"), &rival.at("audit-log"), &rival.at("events")] {
        program.get(path).await.refused_as(403, "FORBIDDEN", "not_a_member");
    }
    program.patch(&rival.path, json!({"name": "Mine"})).await.refused_as(403, "FORBIDDEN", "not_a_member");
    program.get("/api/organizations/nothing").await.refused(404, "NOT_FOUND");
    // Nor can an owner reach another one's keys, not through their own organization either.
    let foreign = keyed.org.at(&format!("api-keys/{}", text(&theirs["id"])));
    app.by(&keyed.ann).get(&foreign).await.refused(404, "NOT_FOUND");
    app.by(&keyed.ann).delete(&foreign).await.refused(404, "NOT_FOUND");
    app.by(&keyed.ann).get(&rival.at("api-keys")).await.refused_as(403, "FORBIDDEN", "not_a_member");
});

both!(a_key_works_as_long_as_its_organization_does, async |app| {
    let keyed = keyed(app, &["webhooks.manage"]).await;
    let root = app.platform_owner().await;
    let state = |what: &str| format!("/api/platform/organizations/{}/{what}", keyed.org.id);
    app.by(&root).post_empty(&state("suspend")).await.ok();
    keyed.program(app).get(&keyed.org.at("webhooks")).await.refused(403, "ORGANIZATION_NOT_ACTIVE");
    app.by(&root).post_empty(&state("activate")).await.ok();
    keyed.program(app).get(&keyed.org.at("webhooks")).await.ok();
    app.by(&keyed.ann).delete(&keyed.org.path).await.done();
    // The slug's next owner, as if the time were over for which it is held, has nothing to do with it.
    app.execute("delete from slug_holds").await;
    app.create_org(&keyed.ann, "acme").await;
    keyed.program(app).get(&keyed.org.at("webhooks")).await.refused_as(401, "UNAUTHORIZED", "api_key_invalid");
});
