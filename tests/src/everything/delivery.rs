//! Webhooks and deliveries.

use serde_json::json;

use super::{
    Maker, Noun, Operation,
    access::{Access::Organization, Rank::Admin, op},
    made,
};
use crate::text;

pub(super) const NOUNS: &[Noun] = &[
    Noun { parameter: "webhook_id", prefix: "whk_", make: made!(webhook) },
    Noun { parameter: "delivery_id", prefix: "dlv_", make: made!(delivery) },
];

pub(super) const OPERATIONS: &[Operation] = &[
    op("organizations.webhooks.create", Organization(Admin))
        .with(|n| json!({"name": format!("Sweep {n}"), "url": "http://127.0.0.1:9/", "events": ["user.joined"]})),
    op("organizations.webhooks.delete", Organization(Admin)),
    op("organizations.webhooks.get", Organization(Admin)),
    op("organizations.webhooks.getDeliveries", Organization(Admin)),
    op("organizations.webhooks.getDelivery", Organization(Admin)),
    op("organizations.webhooks.getEventTypes", Organization(Admin)),
    op("organizations.webhooks.list", Organization(Admin)),
    op("organizations.webhooks.redeliver", Organization(Admin)),
    op("organizations.webhooks.redeliverRange", Organization(Admin))
        .with(|_| json!({"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z"})),
    op("organizations.webhooks.rotateSecret", Organization(Admin)),
    op("organizations.webhooks.test", Organization(Admin)),
    op("organizations.webhooks.update", Organization(Admin)).with(|_| json!({"name": "Sweep"})),
];

async fn webhook(at: &Maker<'_>) -> String {
    // What happened so far is numbered first, so that none of it is sent there.
    (at.settle)().await;
    let body = json!({"name": "Hook", "url": "http://127.0.0.1:9/", "events": ["user.removed"]});
    text(&at.post("webhooks", body).await["id"])
}

async fn delivery(at: &Maker<'_>) -> String {
    text(&at.post(&format!("webhooks/{}/test", at.id("webhook_id")), json!({})).await["delivery_id"])
}
