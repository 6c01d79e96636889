//! The Elastic Common Schema: the fields it has for who, what, from where and how it ended; the rest under a name of our own.

use domain::delivery::log_streams::record::Record;
use serde_json::{Map, Value, json};

use super::{email, moment, organization};

const VERSION: &str = "8.17.0";

pub(super) fn mapped(record: &Record) -> Value {
    let (category, kinds) = categories(&record.name);
    let mut root = Map::new();
    root.insert("@timestamp".into(), moment(record.at).into());
    root.insert("ecs".into(), json!({ "version": VERSION }));
    root.insert("message".into(), record.name.clone().into());
    let event = json!({
        "id": record.id.to_string(),
        "sequence": record.seq,
        "action": record.name,
        "kind": "event",
        "category": category,
        "type": kinds,
        "outcome": if record.success { "success" } else { "failure" },
        "module": "tenantry",
        "dataset": "tenantry.audit",
    });
    root.insert("event".into(), event);
    if let Some(id) = organization(record) {
        root.insert("organization".into(), json!({ "id": id }));
    }
    user(record, &mut root);
    if let Some(ip) = &record.ip_address {
        root.insert("source".into(), json!({ "ip": ip }));
    }
    if let Some(agent) = &record.user_agent {
        root.insert("user_agent".into(), json!({ "original": agent }));
    }
    if let Some(id) = &record.request_id {
        root.insert("http".into(), json!({ "request": { "id": id } }));
    }
    let own = json!({
        "actor": { "type": record.actor_kind, "id": record.actor_id },
        "target": { "type": record.target_type, "id": record.target_id },
        "data": record.data,
    });
    root.insert("tenantry".into(), own);
    Value::Object(root)
}

/// Who did it; and to whom, if it was somebody else.
fn user(record: &Record, root: &mut Map<String, Value>) {
    let mut user = Map::new();
    if record.actor_kind == "user" {
        user.extend(record.actor_id.clone().map(|id| ("id".to_owned(), id.into())));
        user.extend(record.actor_email.clone().map(|email| ("email".to_owned(), email.into())));
    } else if let Some(email) = email(record) {
        user.insert("email".to_owned(), email.into());
    }
    if record.target_type == "user" && record.actor_id.as_deref() != Some(&record.target_id) {
        let mut target = Map::from_iter([("id".to_owned(), Value::from(record.target_id.clone()))]);
        target.extend(email(record).map(|email| ("email".to_owned(), email.into())));
        user.insert("target".to_owned(), target.into());
    }
    let mut related = Map::new();
    let names: Vec<&str> =
        [record.actor_id.as_deref(), record.actor_email.as_deref(), email(record)].into_iter().flatten().collect();
    if !names.is_empty() {
        related.insert("user".to_owned(), names.into());
    }
    related.extend(record.ip_address.clone().map(|ip| ("ip".to_owned(), vec![ip].into())));
    if !related.is_empty() {
        root.insert("related".into(), related.into());
    }
    if !user.is_empty() {
        root.insert("user".into(), user.into());
    }
}

/// `event.category` and `event.type`, of those that the schema allows.
fn categories(name: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match name {
        "user.login.success" | "user.login.failed" => (&["authentication"], &["start"]),
        "user.logout" | "user.sessions_revoked" => (&["authentication", "session"], &["end"]),
        "security.refresh_token.reused" => (&["authentication", "intrusion_detection"], &["denied"]),
        "user.signup.success" | "user.joined" | "end_user.created" => (&["iam"], &["user", "creation"]),
        "user.removed" | "user.left" | "end_user.removed" => (&["iam"], &["user", "deletion"]),
        name if name.starts_with("user.") || name.starts_with("end_user.") || name.starts_with("security.") => {
            (&["iam"], &["user", "change"])
        }
        name if name.starts_with("role.") => (&["iam"], &["group", "change"]),
        name if name.ends_with(".created") => (&["configuration"], &["creation"]),
        name if name.ends_with(".deleted") || name.ends_with(".removed") => (&["configuration"], &["deletion"]),
        _ => (&["configuration"], &["change"]),
    }
}
