//! One record of a log, as streams are given it: all that the audit log shows, with its place in the feed.

use serde_json::Value;

use crate::{EventId, OrgId, Time};

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its number in the feed, from 1.
    pub seq: i64,
    /// The event's id: the same in the audit log, the feed and webhooks, and at every repetition.
    pub id: EventId,
    /// Whose log; `PLATFORM`: the platform's own.
    pub org: OrgId,
    /// What happened.
    pub name: String,
    /// When.
    pub at: Time,
    /// Whether it worked.
    pub success: bool,
    /// What sort of who did it: `user`, `api_key`, `system`, `anonymous`, …
    pub actor_kind: String,
    /// Who.
    pub actor_id: Option<String>,
    /// Their address then.
    pub actor_email: Option<String>,
    /// What it happened to.
    pub target_type: String,
    /// Its id.
    pub target_id: String,
    /// From where.
    pub ip_address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// More about it, without secrets.
    pub data: Value,
}

/// The name of the event that tells of a record that was passed over. About itself none is made.
pub const SET_ASIDE: &str = "siem_config.record_set_aside";
