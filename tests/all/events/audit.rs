//! The audit log: filters, pages, names, export, and what is not in it. How it is sealed is in [`sealed`]; what
//! an organization decides about it in [`rules`], and how people are erased from it in [`erasure`].

pub(crate) mod erasure;
mod rules;
mod sealed;

use serde_json::{Value, json};
use tenantry_tests::{Org, TestApp, User, both, text};

use crate::core::shapes::{PAGINATION, has, has_exactly};

/// An organization in which a few things happened.
async fn eventful(app: &TestApp) -> (User, Org, User) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    app.by(&ann).patch(&org.at(&format!("members/{}", bob.id)), json!({"role": "admin"})).await.ok();
    app.by(&ann).patch(&org.path, json!({"name": "Acme 2"})).await.ok();
    app.by(&ann).post_empty(&org.at(&format!("members/{}", bob.id))).await.done();
    (ann, org, bob)
}

fn actions(page: &Value) -> Vec<String> {
    page["logs"].as_array().expect("logs").iter().map(|log| text(&log["action"])).collect()
}

both!(it_tells_what_happened_newest_first, async |app| {
    let (ann, org, bob) = eventful(app).await;
    let page = app.by(&ann).get(&org.at("audit-log")).await.ok();
    has_exactly(&page, &["logs", "pagination"]);
    has_exactly(&page["pagination"], PAGINATION);
    let expected = [
        "user.removed",
        "organization.updated",
        "user.role_updated",
        "user.joined",
        "invitation.accepted",
        "user.invited",
        "organization.created",
    ];
    let mut found = actions(&page);
    // Two events of one transaction have no order that anybody promised.
    found[3..5].sort_by(|a, b| b.cmp(a));
    assert_eq!(found, expected);
    for log in page["logs"].as_array().unwrap() {
        let required = ["id", "organization_id", "actor_id", "action", "target_type", "target_id", "success", "created_at"];
        has(log, &required, &["actor", "ip_address", "user_agent", "metadata"]);
        assert_eq!(
            (&log["organization_id"], &log["success"], &log["ip_address"]),
            (&json!(org.id), &json!(true), &json!("127.0.0.1"))
        );
    }
    let removed = &page["logs"][0];
    assert_eq!((&removed["actor"], &removed["target_id"]), (&json!({"id": ann.id, "email": "ann@example.com"}), &json!(bob.id)));
    assert_eq!(removed["metadata"]["email"], "bob@example.com");
});

both!(filters_apply_together_and_know_other_names, async |app| {
    let (ann, org, bob) = eventful(app).await;
    let find = async |query: &str| app.by(&ann).get(&org.at(&format!("audit-log?{query}"))).await.ok();
    assert_eq!(actions(&find("action=user.removed").await), ["user.removed"]);
    assert_eq!(actions(&find("action=member.removed").await), ["user.removed"], "the original's name");
    assert_eq!(actions(&find("action=member.role_changed").await), ["user.role_updated"]);
    assert_eq!(find("target_type=user").await["pagination"]["total"], 3);
    assert_eq!(find(&format!("target_id={}", bob.id)).await["pagination"]["total"], 3);
    assert_eq!(actions(&find(&format!("action=user.joined&target_type=user&target_id={}", bob.id)).await), ["user.joined"]);
    assert_eq!(
        find("action=user.joined&target_type=organization").await["pagination"]["total"],
        0,
        "all filters, not one of them"
    );
    assert_eq!(find("action=never.heard").await["pagination"]["total"], 0);
    let page = find("limit=3&page=2").await;
    assert_eq!(page["logs"].as_array().unwrap().len(), 3);
    assert_eq!(
        page["pagination"],
        json!({"page": 2, "limit": 3, "total": 7, "total_pages": 3, "has_next": true, "has_prev": true})
    );
    assert_eq!(find("page=999999999").await["logs"], json!([]));
});

both!(it_is_for_those_who_may_read_it, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "member").await;
    for rest in ["audit-log", "audit-log/event-types", "audit-log/export"] {
        app.by(&bob).get(&org.at(rest)).await.refused(403, "FORBIDDEN");
    }
    app.role(&ann, "acme", "reader", &["audit_logs.view"]).await;
    app.by(&ann).patch(&org.at(&format!("members/{}", bob.id)), json!({"role": "reader"})).await.ok();
    for rest in ["audit-log", "audit-log/event-types", "audit-log/export"] {
        app.by(&bob).get(&org.at(rest)).await.expect(200);
    }
});

/// Every name that existing clients know.
const CATALOGUE: &str = "user.invited user.joined user.removed user.role_updated service.created service.updated service.deleted \
service.oauth_credentials.updated organization.updated organization.smtp.configured organization.smtp.removed plan.created plan.updated plan.deleted \
subscription.created subscription.updated subscription.canceled invitation.accepted invitation.declined invitation.expired invitation.revoked \
security.mfa.enabled security.mfa.disabled security.password.changed user.signup.success user.login.success user.login.failed user.logout \
user.mfa.enabled user.mfa.disabled user.mfa.verify.success user.mfa.verify.failed api_key.created api_key.deleted domain.set domain.verified \
domain.deleted branding.updated";

both!(one_registry_names_everything_that_can_happen, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let types = app.by(&ann).get(&org.at("audit-log/event-types")).await.ok();
    let names: Vec<_> = types.as_array().unwrap().iter().map(|entry| text(&entry["value"])).collect();
    for name in CATALOGUE.split_whitespace() {
        assert!(names.iter().any(|n| n == name), "{name} is missing");
    }
    has_exactly(&types[0], &["value", "label", "category"]);
    let entry = types.as_array().unwrap().iter().find(|entry| entry["value"] == "user.role_updated").unwrap();
    assert_eq!((&entry["label"], &entry["category"]), (&json!("USER ROLE UPDATED"), &json!("user")));
    // What happens to log streams stands in the log, and no webhook can subscribe to it.
    let subscribable = types.as_array().unwrap().iter().filter(|entry| entry["category"] != "siem_config");
    let subscribable: Vec<&Value> = subscribable.collect();
    assert!(subscribable.len() < names.len());
    assert_eq!(app.by(&ann).get(&org.at("webhooks/event-types")).await.ok(), json!(subscribable));
});

both!(an_export_is_the_whole_log_oldest_first, async |app| {
    let (ann, org, _) = eventful(app).await;
    let ndjson = app.by(&ann).get(&org.at("audit-log/export?format=ndjson")).await.expect(200);
    assert_eq!(ndjson.header("content-type"), "application/x-ndjson");
    let rows: Vec<Value> = ndjson.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut list = app.by(&ann).get(&org.at("audit-log")).await.ok()["logs"].as_array().unwrap().clone();
    list.reverse();
    assert_eq!(rows, list, "the same records as the list");
    let csv = app.by(&ann).get(&org.at("audit-log/export?format=csv&action=user.removed")).await.expect(200);
    assert!(csv.header("content-type").starts_with("text/csv"), "{csv}");
    let text = csv.text();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(
        lines[0],
        "id,created_at,action,success,actor_id,actor_email,target_type,target_id,ip_address,user_agent,metadata"
    );
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[1].contains(",user.removed,true,"), "{lines:?}");
    let empty = app.by(&ann).get(&org.at("audit-log/export?format=csv&action=never.heard")).await.expect(200);
    assert_eq!(empty.text().lines().count(), 1, "a header also for nothing");
    app.by(&ann).get(&org.at("audit-log/export?format=xlsx")).await.invalid(&["format"]);
});

both!(an_export_of_many_pages_is_complete_and_in_order, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    // As many as two steps of an export and a bit; written past the API, which would take a while.
    let columns = "org_id, id, name, actor_kind, actor_id, actor_email, target_type, target_id, ip_address, user_agent, request_id, traceparent, success, metadata, body, created_at";
    let copied = columns
        .replacen("id, name", "{id}, name", 1)
        .replace("metadata", "'{\"apiKey\":\"canary\",\"deep\":[{\"client_secret\":\"canary\",\"token_id\":\"kept\"}]}'");
    for n in 1..=1100 {
        let id = match app.database {
            tenantry_tests::Database::Sqlite => format!("x'ffffffffffff7fff8000{n:012x}'"),
            tenantry_tests::Database::Postgres => format!("'ffffffff-ffff-7fff-8000-{n:012x}'"),
        };
        app.execute(&format!("insert into events ({columns}) select {} from events where name = 'organization.created' and metadata not like '%canary%'", copied.replace("{id}", &id))).await;
    }
    let export = app.by(&ann).get(&org.at("audit-log/export")).await.expect(200).text();
    let ids: Vec<String> = export.lines().map(|line| text(&serde_json::from_str::<Value>(line).unwrap()["id"])).collect();
    assert_eq!(ids.len(), 1101);
    assert!(ids.is_sorted());
    // The second line of defence against secrets in records (T42).
    assert!(!export.contains("canary") && export.contains("kept"), "redacted at every depth");
});
