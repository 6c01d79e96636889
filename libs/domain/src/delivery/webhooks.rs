//! Outgoing webhooks: endpoints of an organization, and the deliveries on their way to them.

pub mod circuit;
pub mod quota;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::core::id::id;
use crate::{
    EventId, OrgId, Time,
    core::value::{BadValue, Name, bad},
    events::record::EventName,
};

id! {
    /// An outgoing webhook endpoint.
    WebhookKind WebhookId = "whk"
}
id! {
    /// One event on its way to one destination.
    DeliveryKind DeliveryId = "dlv"
}

/// An endpoint. Its signing secret is stored sealed and not part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Identifier.
    pub id: WebhookId,
    /// The organization.
    pub org_id: OrgId,
    /// Unique per organization.
    pub name: Name,
    /// Where events are posted.
    pub url: EndpointUrl,
    /// Which events.
    pub events: Vec<EventName>,
    /// Whether events are sent at all.
    pub is_active: bool,
    /// Whether each event waits until the one before it arrived or was given up.
    #[serde(default)]
    pub in_order: bool,
    /// When it was switched off by us, and not by its organization.
    #[serde(default)]
    pub disabled_at: Option<Time>,
    /// Why, for the customer to read.
    #[serde(default)]
    pub disabled_reason: Option<String>,
    /// Until when the secrets that were rotated out sign as well.
    #[serde(default)]
    pub old_secrets_until: Option<Time>,
    /// Whether it was tried at its present URL and has never answered 2xx.
    #[serde(default)]
    pub unverified: bool,
    /// That it has not been given all events yet, because too many deliveries were open.
    #[serde(default)]
    pub behind: Option<quota::Behind>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// A URL that a customer wants called: http or https, with a host, without credentials or fragment, at most 2,000 characters.
/// Whether its address may be called is [`crate::core::ports::UrlGuard`]'s question.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EndpointUrl(Url);

impl EndpointUrl {
    /// The parsed URL.
    pub fn url(&self) -> &Url {
        &self.0
    }
    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
    /// One that the database gave back: it was parsed before it was stored, by whatever rules there were.
    pub fn stored(text: &str) -> Result<Self, BadValue> {
        Url::parse(text).map(Self).or_else(|_| bad("bad_url", "This is no URL."))
    }
    /// Scheme, host and port: what may be shown where the rest, which is often a secret, may not.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

/// The most characters of an [`EndpointUrl`].
const MAX_URL: usize = 2000;

impl FromStr for EndpointUrl {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        const RULE: &str = "Give an https URL such as https://example.com/hooks.";
        match Url::parse(s) {
            // As it is kept and called: what a URL does not hold as it is becomes three characters.
            Ok(url) if s.len().max(url.as_str().len()) > MAX_URL => {
                bad("too_long", format!("A URL has at most {MAX_URL} characters, as it is called."))
            }
            Ok(url) if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) => {
                bad("bad_url", RULE)
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => {
                bad("credentials_in_url", "Leave user name and password out of the URL.")
            }
            Ok(url) if url.fragment().is_some() => bad("bad_url", "Leave the fragment (#…) out of the URL."),
            Ok(url) => Ok(Self(url)),
            Err(_) => bad("bad_url", RULE),
        }
    }
}

/// One event on its way to one endpoint, as its history shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Identifier; the `X-Webhook-Delivery` header.
    pub id: DeliveryId,
    /// The endpoint.
    pub webhook_id: WebhookId,
    /// Its name now.
    pub webhook_name: String,
    /// The event; the `webhook-id` header.
    pub event_id: EventId,
    /// Its name.
    pub event_type: String,
    /// The exact bytes that are posted.
    pub payload: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// The last answer's status.
    pub response_status: Option<i32>,
    /// The last answer's body, cut; not in lists.
    pub response_body: Option<String>,
    /// How often it was tried, one that is in flight included.
    pub attempts: i32,
    /// How each finished attempt went, oldest first; not in lists.
    pub history: Vec<Attempt>,
    /// How often it is tried at most.
    pub max_attempts: i32,
    /// When it is tried next.
    pub next_at: Time,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was queued.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// How one attempt of a delivery went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which, from 1.
    pub number: i32,
    /// When it began.
    pub at: Time,
    /// How long it took.
    pub duration_ms: i64,
    /// The answer's status, if there was one.
    pub response_status: Option<i32>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Waits for its (next) attempt.
    Waiting = 0,
    /// Claimed by a worker until its lease ends.
    InFlight = 1,
    /// Answered 2xx.
    Delivered = 2,
    /// Given up.
    Failed = 3,
}

impl DeliveryState {
    /// A state the database gave back; an unknown number counts as failed, so it is never sent by mistake.
    pub const fn stored(n: i16) -> Self {
        match n {
            0 => DeliveryState::Waiting,
            1 => DeliveryState::InFlight,
            2 => DeliveryState::Delivered,
            _ => DeliveryState::Failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_as_long_as_it_is_called() {
        // Three characters of each.
        let grown = format!("https://example.com/{}x", "\u{1}".repeat(700));
        assert_eq!(grown.parse::<EndpointUrl>().unwrap_err().code, "too_long");
        let longest = format!("https://example.com/{}x", "\u{1}".repeat(659));
        let taken: EndpointUrl = longest.parse().unwrap();
        assert_eq!((taken.as_str().len(), taken.as_str().parse()), (1998, Ok(taken.clone())));
        // One that was taken when it could be longer is still shown, changed and deleted.
        assert!(EndpointUrl::stored(&grown).is_ok());
    }
}
