//! The audit log and the feed.

use serde_json::json;

use super::{
    Maker, Noun, Operation,
    access::{
        Access::{Organization, Public},
        Rank::{Admin, Owner},
        op,
    },
    made,
};
use crate::text;

pub(super) const NOUNS: &[Noun] = &[Noun { parameter: "event_id", prefix: "evt_", make: made!(event) }];

pub(super) const OPERATIONS: &[Operation] = &[
    op("analytics.getLoginTrends", Organization(Admin)),
    op("analytics.getLoginsByProvider", Organization(Admin)),
    op("analytics.getLoginsByService", Organization(Admin)),
    op("analytics.getRecentLogins", Organization(Admin)),
    op("auditKeys", Public),
    op("organizations.auditLogs.checkpoints", Organization(Admin)),
    op("organizations.auditLogs.erase", Organization(Owner)).with(|_| json!({"email": "nobody@example.com"})),
    op("organizations.auditLogs.export", Organization(Admin)),
    op("organizations.auditLogs.get", Organization(Admin)),
    op("organizations.auditLogs.getEventTypes", Organization(Admin)),
    op("organizations.auditLogs.getRetention", Organization(Admin)),
    op("organizations.auditLogs.proof", Organization(Admin)),
    op("organizations.auditLogs.setRetention", Organization(Owner)).with(|_| json!({"days": 90})),
    op("organizations.events.list", Organization(Admin)),
];

async fn event(at: &Maker<'_>) -> String {
    (at.settle)().await;
    text(&at.get("audit-log").await["logs"][0]["id"])
}
