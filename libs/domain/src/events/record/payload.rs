//! The public form of an event.

use serde::Serialize;
use serde_json::Value;

use super::Event;
use crate::OrgId;

/// The test event; sent to one endpoint on request, never subscribed to.
pub const TEST_PING: &str = "webhook.test.ping";

/// What webhooks post and the feed shows. Absent fields are left out, as the contract says.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Payload<'a> {
    /// The event's name.
    pub event: &'a str,
    /// RFC 3339.
    pub timestamp: String,
    /// Whose event it is; absent for the platform's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrgId>,
    /// Who did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_user_id: Option<String>,
    /// Their address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_email: Option<String>,
    /// Who really did it, where a platform owner acts as that user: `user_id` and `email`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Value>,
    /// What sort of program did it, if no person did: `api_key`, `client`, `scim_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_type: Option<&'a str>,
    /// The program's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor_id: Option<String>,
    /// What it happened to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_type: Option<&'a str>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_id: Option<&'a str>,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// For people; of the test event only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'a str>,
}

impl Event {
    /// The payload's `data`.
    pub fn data(&self) -> Value {
        let mut whole = serde_json::to_value(self).unwrap_or_default();
        whole.get_mut("data").map(Value::take).unwrap_or_default()
    }
}
