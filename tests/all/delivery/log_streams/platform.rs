//! The platform's own log, for who operates it.

use serde_json::json;
use tenantry_tests::{LogReceiver, Speaks, both, text};

use super::{founded, rename, shown, stream_to};
use crate::core::shapes::has_exactly;

const HEC: Speaks = Speaks::Hec { acks: false };
const PATH: &str = "/api/platform/siem-configs";

both!(the_platforms_log_is_forwarded_and_nothing_of_an_organization, async |app| {
    let (ann, org) = founded(app).await;
    let root = app.platform_owner().await;
    let receiver = LogReceiver::start(HEC).await;
    let made = app.by(&root).post(PATH, stream_to(&receiver, HEC)).await.expect(201).json();
    assert_eq!(made.get("org_id"), None);
    let path = format!("{PATH}/{}", text(&made["id"]));
    rename(app, &ann, &org, 3).await;
    app.by(&root).post(&format!("/api/platform/organizations/{}/suspend", org.id), json!({"reason": "x"})).await.ok();
    app.worker().await;
    let events = receiver.events();
    assert!(
        events.contains(&"suspend_organization".to_owned()) && events.contains(&"siem_config.created".to_owned()),
        "{events:?}"
    );
    assert!(!events.iter().any(|event| event == "organization.updated"), "{events:?}");
    let seqs = receiver.seqs();
    assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>());
    assert_eq!(shown(app, &root, &path).await["lag_records"], 0);
    let list = app.by(&root).get(PATH).await.ok();
    has_exactly(&list, &["siem_configs", "total"]);
    assert_eq!(app.by(&root).put(&path, json!({"batch_size": 3})).await.ok()["batch_size"], 3);
    assert_eq!(app.by(&root).post_empty(&format!("{path}/test")).await.ok()["success"], true);
    for answer in [app.by(&ann).get(PATH).await, app.by(&ann).get(&path).await, app.by(&ann).delete(&path).await] {
        answer.refused(403, "FORBIDDEN");
    }
    app.by(&ann).get(&org.at(&format!("siem-configs/{}", text(&made["id"])))).await;
    app.by(&root).delete(&path).await.expect(204);
    app.by(&root).get(&path).await.refused(404, "NOT_FOUND");
});

both!(a_stream_of_an_organization_is_none_of_the_platforms, async |app| {
    let (ann, org) = founded(app).await;
    let receiver = LogReceiver::start(HEC).await;
    let made = app.by(&ann).post(&org.at("siem-configs"), stream_to(&receiver, HEC)).await.expect(201).json();
    let root = app.platform_owner().await;
    let path = format!("{PATH}/{}", text(&made["id"]));
    app.by(&root).get(&path).await.refused(404, "NOT_FOUND");
    app.by(&root).put(&path, json!({"enabled": false})).await.refused(404, "NOT_FOUND");
    app.by(&root).delete(&path).await.refused(404, "NOT_FOUND");
});
