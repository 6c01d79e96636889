//! The shape of a record: our own, or one that receivers understand by themselves.

mod ecs;
mod ocsf;

use domain::{
    PLATFORM,
    delivery::log_streams::{options::Mapping, record::Record},
};
use serde::Serialize;
use serde_json::Value;

use super::encoding::moment;

/// A record in its shape.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Shape<'a> {
    Plain(Box<Plain<'a>>),
    Mapped(Value),
}

pub(super) fn shaped(record: &Record, mapping: Mapping) -> Shape<'_> {
    match mapping {
        Mapping::Plain => Shape::Plain(Box::new(Plain::of(record))),
        Mapping::Ecs => Shape::Mapped(ecs::mapped(record)),
        Mapping::Ocsf => Shape::Mapped(ocsf::mapped(record)),
    }
}

/// Our own shape: what the audit log shows, in the words of webhooks, with the place in the feed.
#[derive(Serialize)]
pub(super) struct Plain<'a> {
    id: String,
    seq: i64,
    event: &'a str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<String>,
    success: bool,
    actor: Who<'a>,
    target: What<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    data: &'a Value,
}

#[derive(Serialize)]
struct Who<'a> {
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
}

#[derive(Serialize)]
struct What<'a> {
    r#type: &'a str,
    id: &'a str,
}

impl<'a> Plain<'a> {
    fn of(record: &'a Record) -> Self {
        Self {
            id: record.id.to_string(),
            seq: record.seq,
            event: &record.name,
            timestamp: moment(record.at),
            organization_id: organization(record),
            success: record.success,
            actor: Who { r#type: &record.actor_kind, id: record.actor_id.as_deref(), email: record.actor_email.as_deref() },
            target: What { r#type: &record.target_type, id: &record.target_id },
            ip_address: record.ip_address.as_deref(),
            user_agent: record.user_agent.as_deref(),
            request_id: record.request_id.as_deref(),
            data: &record.data,
        }
    }
}

/// Absent for the platform's own log.
fn organization(record: &Record) -> Option<String> {
    (record.org != PLATFORM).then(|| record.org.to_string())
}

/// The address in a record's own part: whose sign-in it was, who was invited.
fn email(record: &Record) -> Option<&str> {
    record.data.get("email").and_then(Value::as_str)
}

#[cfg(test)]
pub(in crate::log_streams) mod tests;
