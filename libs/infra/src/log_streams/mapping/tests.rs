use serde_json::json;

use super::*;

pub(in crate::log_streams) fn record() -> Record {
    Record {
        seq: 42,
        id: "evt_019ab2c3d4e57f008000000000000001".parse().unwrap(),
        org: "org_019ab2c3d4e57f008000000000000001".parse().unwrap(),
        name: "user.role_updated".to_owned(),
        at: "2026-11-23T09:00:00.123456Z".parse().unwrap(),
        success: true,
        actor_kind: "user".to_owned(),
        actor_id: Some("usr_1".to_owned()),
        actor_email: Some("ann@example.com".to_owned()),
        target_type: "user".to_owned(),
        target_id: "usr_2".to_owned(),
        ip_address: Some("203.0.113.7".to_owned()),
        user_agent: Some("curl/8".to_owned()),
        request_id: Some("req-1".to_owned()),
        data: json!({"user_id": "usr_2", "email": "bob@example.com", "role": "admin"}),
    }
}

fn written(record: &Record, mapping: Mapping) -> Value {
    serde_json::to_value(shaped(record, mapping)).unwrap()
}

#[test]
fn plain_says_everything() {
    let expected = json!({
        "id": "evt_019ab2c3d4e57f008000000000000001", "seq": 42, "event": "user.role_updated",
        "timestamp": "2026-11-23T09:00:00.123456Z", "organization_id": "org_019ab2c3d4e57f008000000000000001", "success": true,
        "actor": {"type": "user", "id": "usr_1", "email": "ann@example.com"}, "target": {"type": "user", "id": "usr_2"},
        "ip_address": "203.0.113.7", "user_agent": "curl/8", "request_id": "req-1",
        "data": {"user_id": "usr_2", "email": "bob@example.com", "role": "admin"},
    });
    assert_eq!(written(&record(), Mapping::Plain), expected);
}

#[test]
fn ecs_has_its_own_fields() {
    let expected = json!({
        "@timestamp": "2026-11-23T09:00:00.123456Z", "ecs": {"version": "8.17.0"}, "message": "user.role_updated",
        "event": {
            "id": "evt_019ab2c3d4e57f008000000000000001", "sequence": 42, "action": "user.role_updated", "kind": "event",
            "category": ["iam"], "type": ["user", "change"], "outcome": "success", "module": "tenantry", "dataset": "tenantry.audit",
        },
        "organization": {"id": "org_019ab2c3d4e57f008000000000000001"},
        "user": {"id": "usr_1", "email": "ann@example.com", "target": {"id": "usr_2", "email": "bob@example.com"}},
        "related": {"user": ["usr_1", "ann@example.com", "bob@example.com"], "ip": ["203.0.113.7"]},
        "source": {"ip": "203.0.113.7"}, "user_agent": {"original": "curl/8"}, "http": {"request": {"id": "req-1"}},
        "tenantry": {
            "actor": {"type": "user", "id": "usr_1"}, "target": {"type": "user", "id": "usr_2"},
            "data": {"user_id": "usr_2", "email": "bob@example.com", "role": "admin"},
        },
    });
    assert_eq!(written(&record(), Mapping::Ecs), expected);
}

#[test]
fn ocsf_has_classes_with_their_required_attributes() {
    for (name, success, class, activity) in [
        ("user.login.success", true, 3002, 1),
        ("user.login.failed", false, 3002, 1),
        ("user.logout", true, 3002, 2),
        ("security.refresh_token.reused", false, 3002, 99),
        ("user.joined", true, 3001, 1),
        ("security.password.changed", true, 3001, 3),
        ("user.removed", true, 3001, 6),
        ("user.role_updated", true, 3001, 99),
        ("webhook.created", true, 3004, 1),
        ("organization.updated", true, 3004, 3),
        ("api_key.deleted", true, 3004, 4),
        ("webhook.redelivered", true, 3004, 99),
    ] {
        let event = written(&Record { name: name.to_owned(), success, ..record() }, Mapping::Ocsf);
        assert_eq!((&event["class_uid"], &event["activity_id"]), (&json!(class), &json!(activity)), "{name}");
        assert_eq!(event["type_uid"], json!(class * 100 + activity), "{name}");
        assert_eq!((&event["category_uid"], &event["time"]), (&json!(3), &json!(1_795_424_400_123_i64)), "{name}");
        assert_eq!(event["status_id"], json!(if success { 1 } else { 2 }), "{name}");
        assert!(event["severity_id"].is_number() && event["metadata"]["product"]["vendor_name"].is_string(), "{name}");
        assert_eq!(event["metadata"]["version"], "1.3.0");
        // What each class requires beside these.
        if class == 3004 {
            assert!(event["entity"].is_object());
        } else {
            assert_eq!(event["user"]["uid"], "usr_2", "{name}");
        };
        assert_eq!(event.get("activity_name").is_some(), activity == 99, "{name}");
    }
}

#[test]
fn what_nobody_knows_is_left_out() {
    let bare = Record {
        org: PLATFORM,
        actor_kind: "system".to_owned(),
        actor_id: None,
        actor_email: None,
        ip_address: None,
        user_agent: None,
        request_id: None,
        data: json!({"email": null}),
        ..record()
    };
    for mapping in [Mapping::Plain, Mapping::Ecs, Mapping::Ocsf] {
        let mut event = written(&bare, mapping);
        // What is a record's own stays as it is.
        event.as_object_mut().unwrap().retain(|key, _| !["data", "tenantry", "unmapped"].contains(&key.as_str()));
        assert!(!event.to_string().contains("null"), "{mapping:?}: {event}");
        assert!(event.get("organization_id").is_none() && event.get("organization").is_none(), "{mapping:?}");
    }
}
