//! The Open Cybersecurity Schema Framework, 1.3: sign-ins are Authentication (3002), what happens to accounts is Account Change (3001), and
//! everything else is Entity Management (3004), all of Identity & Access Management.

use domain::delivery::log_streams::record::Record;
use serde_json::{Map, Value, json};

use super::{email, organization};

const VERSION: &str = "1.3.0";
const CATEGORY: i64 = 3;

/// A class and what was done, by their numbers.
#[derive(Clone, Copy)]
enum Class {
    Authentication(i64),
    AccountChange(i64),
    EntityManagement(i64),
}

const OTHER: i64 = 99;

impl Class {
    fn of(name: &str) -> Self {
        match name {
            "user.login.success" | "user.login.failed" => Self::Authentication(1),
            "user.logout" | "user.sessions_revoked" => Self::Authentication(2),
            "security.refresh_token.reused" => Self::Authentication(OTHER),
            "user.signup.success" | "user.joined" | "end_user.created" => Self::AccountChange(1),
            "security.password.changed" => Self::AccountChange(3),
            "user.removed" | "user.left" | "end_user.removed" => Self::AccountChange(6),
            name if name.starts_with("user.") || name.starts_with("end_user.") => Self::AccountChange(OTHER),
            name if name.ends_with(".created") => Self::EntityManagement(1),
            name if name.ends_with(".updated") || name.ends_with("_updated") => Self::EntityManagement(3),
            name if name.ends_with(".deleted") || name.ends_with(".removed") => Self::EntityManagement(4),
            _ => Self::EntityManagement(OTHER),
        }
    }

    const fn numbers(self) -> (i64, i64) {
        match self {
            Self::Authentication(activity) => (3002, activity),
            Self::AccountChange(activity) => (3001, activity),
            Self::EntityManagement(activity) => (3004, activity),
        }
    }
}

pub(super) fn mapped(record: &Record) -> Value {
    let class = Class::of(&record.name);
    let (class_uid, activity_id) = class.numbers();
    let mut root = json!({
        "category_uid": CATEGORY,
        "class_uid": class_uid,
        "activity_id": activity_id,
        "type_uid": class_uid * 100 + activity_id,
        // Informational, or low.
        "severity_id": if record.success { 1 } else { 2 },
        "status_id": if record.success { 1 } else { 2 },
        "time": record.at.timestamp_millis(),
        "message": record.name,
        "metadata": {
            "version": VERSION,
            "uid": record.id.to_string(),
            "sequence": record.seq,
            "event_code": record.name,
            "log_name": "audit",
            "tenant_uid": organization(record),
            "correlation_uid": record.request_id,
            "product": { "name": "Tenantry", "vendor_name": "Tenantry" },
        },
        "actor": actor(record),
        "unmapped": {
            "actor_type": record.actor_kind,
            "target_type": record.target_type,
            "target_id": record.target_id,
            "data": record.data,
        },
    });
    let Some(object) = root.as_object_mut() else { return root };
    if activity_id == OTHER {
        object.insert("activity_name".into(), record.name.clone().into());
    }
    match class {
        Class::Authentication(_) | Class::AccountChange(_) => object.insert("user".into(), user(record)),
        Class::EntityManagement(_) => {
            object.insert("entity".into(), json!({ "type": record.target_type, "uid": record.target_id }))
        }
    };
    if let Some(ip) = &record.ip_address {
        object.insert("src_endpoint".into(), json!({ "ip": ip }));
    }
    if let Some(agent) = &record.user_agent {
        object.insert("http_request".into(), json!({ "user_agent": agent }));
    }
    without_nulls(&mut root);
    root
}

fn actor(record: &Record) -> Value {
    if record.actor_kind == "user" {
        return json!({ "user": { "uid": record.actor_id, "email_addr": record.actor_email } });
    }
    json!({ "app_name": record.actor_kind, "app_uid": record.actor_id })
}

/// Whom it happened to.
fn user(record: &Record) -> Value {
    let is_user = record.target_type == "user";
    let own = record.actor_email.as_deref().filter(|_| is_user && record.actor_id.as_deref() == Some(&record.target_id));
    let address = email(record).or(own);
    json!({ "uid": is_user.then_some(&record.target_id), "email_addr": address })
}

fn without_nulls(value: &mut Value) {
    if let Value::Object(map) = value {
        let known = std::mem::take(map);
        let mut kept = Map::new();
        for (key, mut value) in known {
            // What is ours stays as it is.
            if key != "data" {
                without_nulls(&mut value);
            }
            if !value.is_null() {
                kept.insert(key, value);
            }
        }
        *map = kept;
    }
}
