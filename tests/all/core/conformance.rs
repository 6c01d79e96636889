//! The contract's own checks, those that no other module makes: verbs and statuses as the document promises them, one-time
//! secrets, and that nothing secret is stored or shown (T42).

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tenantry_tests::{PASSWORD, Receiver, both, text};

fn document() -> Value {
    serde_json::from_str(&api::http::openapi::document().to_json().expect("JSON")).expect("JSON")
}

/// `METHOD path` of every operation.
fn operations() -> BTreeMap<String, (String, Value)> {
    let mut found = BTreeMap::new();
    for (path, item) in document()["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("a path") {
            let id = text(&operation["operationId"]);
            assert!(
                found.insert(id.clone(), (format!("{} {path}", method.to_uppercase()), operation.clone())).is_none(),
                "{id} twice"
            );
        }
    }
    found
}

/// Checks 1 to 4: what the SDK sends.
#[test]
fn verbs_and_paths_are_those_that_the_sdk_sends() {
    let operations = operations();
    for (id, expected) in [
        ("organizations.members.transferOwnership", "POST /api/organizations/{org_slug}/transfer-ownership"),
        ("organizations.members.transferOwnershipById", "POST /api/organizations/{org_slug}/members/transfer-ownership"),
        ("organizations.members.remove", "POST /api/organizations/{org_slug}/members/{user_id}"),
        ("organizations.members.removeByDelete", "DELETE /api/organizations/{org_slug}/members/{user_id}"),
        ("organizations.members.updateRole", "PATCH /api/organizations/{org_slug}/members/{user_id}"),
        ("organizations.members.add", "POST /api/organizations/{org_slug}/invitations/{invitation_id}/accept"),
        ("organizations.roles.update", "PUT /api/organizations/{org_slug}/roles/{role_id}"),
        ("organizations.roles.updateByPatch", "PATCH /api/organizations/{org_slug}/roles/{role_id}"),
        ("organizations.update", "PATCH /api/organizations/{org_slug}"),
        ("organizations.updateBranding", "PATCH /api/organizations/{org_slug}/branding"),
        ("organizations.getBranding", "GET /api/organizations/{org_slug}/branding"),
        ("organizations.getPublicBranding", "GET /api/organizations/{org_slug}/branding/public"),
        ("organizations.setCustomDomain", "POST /api/organizations/{org_slug}/domain"),
        ("organizations.verifyCustomDomain", "POST /api/organizations/{org_slug}/domain/verify"),
        ("organizations.getDomainConfiguration", "GET /api/organizations/{org_slug}/domain"),
        ("organizations.deleteCustomDomain", "DELETE /api/organizations/{org_slug}/domain"),
        ("organizations.domainRoutes.list", "GET /api/organizations/{org_slug}/domain-routes"),
        ("organizations.domainRoutes.create", "POST /api/organizations/{org_slug}/domain-routes"),
        ("organizations.domainRoutes.verify", "POST /api/organizations/{org_slug}/domain-routes/{domain_id}/verify"),
        ("organizations.domainRoutes.delete", "DELETE /api/organizations/{org_slug}/domain-routes/{domain_id}"),
        ("organizations.setSmtp", "POST /api/organizations/{org_slug}/smtp"),
        ("organizations.getSmtp", "GET /api/organizations/{org_slug}/smtp"),
        ("organizations.testSmtp", "POST /api/organizations/{org_slug}/smtp/test"),
        ("organizations.deleteSmtp", "DELETE /api/organizations/{org_slug}/smtp"),
        ("organizations.select", "POST /api/organizations/{org_slug}/select"),
        ("organizations.siem.update", "PUT /api/organizations/{org_slug}/siem-configs/{config_id}"),
        ("organizations.siem.test", "POST /api/organizations/{org_slug}/siem-configs/{config_id}/test"),
        ("organizations.webhooks.update", "PATCH /api/organizations/{org_slug}/webhooks/{webhook_id}"),
        ("organizations.webhooks.test", "POST /api/organizations/{org_slug}/webhooks/{webhook_id}/test"),
        ("invitations.cancel", "POST /api/organizations/{org_slug}/invitations/{invitation_id}"),
        ("services.update", "PATCH /api/organizations/{org_slug}/services/{service_slug}"),
        ("services.rotateSecret", "POST /api/organizations/{org_slug}/services/{service_slug}/secret/rotate"),
        ("services.plans.update", "PATCH /api/organizations/{org_slug}/services/{service_slug}/plans/{plan_id}"),
        ("platform.organizations.updateTier", "PATCH /api/platform/organizations/{org_id}/tier"),
        ("auth.refreshToken", "POST /api/auth/refresh"),
    ] {
        assert_eq!(operations.get(id).map(|(what, _)| what.as_str()), Some(expected), "{id}");
    }
}

/// Check 6: 204 and 201 where the contract says so, 200 elsewhere.
#[test]
fn only_these_answer_204_or_201() {
    let silent = [
        "auth.passkeys.delete",
        "organizations.deleteCustomDomain",
        "organizations.oauthCredentials.delete",
        "organizations.roles.delete",
        "organizations.siem.delete",
        "organizations.upstreamProviders.unlinkIdentity",
        "platform.clientGrants.addOrganization",
        "platform.clientGrants.delete",
        "platform.clientGrants.removeOrganization",
        "platform.clients.delete",
        "platform.organizations.delete",
        "platform.resourceServers.delete",
        "platform.siem.delete",
        "services.delete",
        "user.consents.revoke",
        "user.identities.unlink",
        "user.sessions.revoke",
    ];
    // RFC 9126.
    let made = ["oauth.pushRequest", "organizations.siem.create", "platform.siem.create"];
    for (id, (_, operation)) in operations() {
        let answers = operation["responses"].as_object().expect("answers");
        assert_eq!(answers.contains_key("204"), silent.contains(&id.as_str()), "{id}");
        assert_eq!(answers.contains_key("201"), made.contains(&id.as_str()), "{id}");
        // A form of a page that leads to another page says 303 only, and what only leads on 302.
        assert!(["200", "201", "204", "302", "303"].iter().any(|status| answers.contains_key(*status)), "{id}");
        assert!(!answers.contains_key("500"), "{id}");
    }
}

/// Every error of the document has the contract's body.
#[test]
fn refusals_are_documented_in_the_contracts_shape() {
    for (id, (_, operation)) in operations() {
        let refusals =
            operation["responses"].as_object().expect("answers").iter().filter(|(status, _)| status.starts_with(['4', '5']));
        for (status, answer) in refusals {
            let schema = &answer["content"]["application/json"]["schema"]["$ref"];
            let page = answer["content"].as_object().is_some_and(|content| content.contains_key("text/html"));
            // What speaks OAuth refuses as RFC 6749 has it; what HTTP refuses before it has our shape.
            let shape = if id.starts_with("oauth.") && status != "413" { "OAuthErrorBody" } else { "ErrorBody" };
            assert!(page || *schema == format!("#/components/schemas/{shape}"), "{id} {status}: {answer}");
        }
    }
}

both!(two_posts_with_empty_bodies_add_a_member, async |app| {
    // Check 3, byte for byte: `members.add` reads `invitation.id` and posts an empty body with a JSON content type.
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let first = app.by(&ann).post(&org.at("invitations"), json!({"email": "bob@example.com", "role": "member"})).await.ok();
    let accept = app.by(&ann).post_empty(&org.at(&format!("invitations/{}/accept", text(&first["invitation"]["id"])))).await;
    assert_eq!(accept.text(), "null");
    // The second time the SDK sends `{}`, or anything at all: it is not looked at.
    let second = app.by(&ann).post(&org.at("select"), json!({"ignored": [1, 2]})).await;
    second.ok();
});

both!(t42_no_secret_is_stored_or_shown_again, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let receiver = Receiver::start().await;
    let events = ["user.invited", "security.password.changed", "webhook.created", "user.login.success", "user.removed"];
    let hook = app.by(&ann).post(&org.at("webhooks"), json!({"name": "Hook", "url": receiver.url, "events": events})).await.ok();
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    let request = app.by(&ann).request(reqwest::Method::POST, &org.at("invitations")).header("idempotency-key", "canary-key");
    let invited = request.json(&json!({"email": "cy@example.com", "role": "member"})).send().await.ok();
    let selected = app.by(&ann).post_empty(&org.at("select")).await.ok();
    app.client().post("/api/auth/forgot-password", json!({"email": "bob@example.com"})).await.ok();
    app.client().post("/api/auth/register", json!({"email": "new@example.com", "password": "canary of a password"})).await.ok();
    app.by(&ann)
        .post("/api/user/change-password", json!({"current_password": PASSWORD, "new_password": "another canary"}))
        .await
        .ok();
    app.by(&ann).post_empty(&org.at(&format!("members/{}", bob.id))).await.done();
    let stored_before_mailing = app.dump().await;
    app.worker().await;
    let secrets = [
        text(&hook["secret"]),
        text(&hook["secret"]).replace("whsec_", ""),
        text(&invited["token"]),
        text(&selected["refresh_token"]),
        text(&selected["access_token"]),
        ann.refresh.clone(),
        ann.access.clone(),
        PASSWORD.to_owned(),
        "canary of a password".to_owned(),
        "another canary".to_owned(),
        app.mailed_token("bob@example.com", "reset-password"),
        app.mailed_token("new@example.com", "verify-email"),
    ];
    let mut shown = String::new();
    for rest in
        ["", "/members", "/invitations", "/roles", "/webhooks", "/audit-log", "/audit-log/export", "/audit-log/export?format=csv"]
    {
        shown += &app.by(&ann).get(&format!("{}{rest}", org.path)).await.expect(200).text();
    }
    shown += &app.by(&ann).get(&org.at(&format!("webhooks/{}/deliveries", text(&hook["id"])))).await.ok().to_string();
    shown += &app.by(&ann).get("/api/user/sessions").await.ok().to_string();
    let wrong = app
        .by(&ann)
        .post("/api/user/change-password", json!({"current_password": "a wrong canary", "new_password": "short"}))
        .await;
    assert!(!wrong.text().contains("canary"), "errors do not repeat secrets: {wrong}");
    let posted: String =
        receiver.received().iter().map(|r| String::from_utf8_lossy(&r.body).into_owned() + &format!("{:?}", r.headers)).collect();
    assert!(!receiver.received().is_empty());
    for (place, text) in [
        ("the database", stored_before_mailing),
        ("the database, later", app.dump().await),
        ("an answer", shown),
        ("a webhook", posted),
    ] {
        for secret in &secrets {
            assert!(!text.contains(secret.as_str()), "{place} shows {secret}");
        }
        assert!(!text.contains("canary-key"), "{place} shows an idempotency key");
    }
});
