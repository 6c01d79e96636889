//! Single logout by the redirect binding (saml-profiles-2.0-os, 4.4), both ways.

use chrono::TimeDelta;

use super::{MessageId, NameId, RelayState, SpKey};
use crate::{
    Time,
    identity::connections::{Issuer, ProviderUrl},
};

/// What a logout message of a provider has to fit.
#[derive(Clone, Debug)]
pub struct LogoutExpectation {
    /// The provider's entity ID.
    pub issuer: Issuer,
    /// What verifies its signatures now, in DER.
    pub certificates: Vec<Vec<u8>>,
    /// Our single logout service, where it arrived.
    pub slo: String,
    /// What clocks may differ by; more than [`super::MAX_SKEW`] counts as that.
    pub skew: TimeDelta,
    /// Now.
    pub now: Time,
}

impl LogoutExpectation {
    /// The skew, within its bounds.
    pub fn bounded_skew(&self) -> TimeDelta {
        super::bounded(self.skew)
    }
}

/// A message of a provider that is genuine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Logout {
    /// Somebody is to be signed out.
    Requested {
        /// Its id, which our answer names; never again until `seen_until`.
        id: String,
        /// How long the id has to be remembered.
        seen_until: Time,
        /// Whom.
        name_id: NameId,
        /// Which of their sessions at the provider; none: all.
        session_indexes: Vec<String>,
        /// What our answer has to bring back, as it came.
        relay_state: Option<String>,
    },
    /// The answer to a request of ours.
    Answered {
        /// Which.
        in_response_to: String,
        /// Whether they are signed out there.
        is_success: bool,
        /// What we sent along.
        relay_state: Option<String>,
    },
}

/// A request to sign somebody out there.
#[derive(Clone, Debug)]
pub struct LogoutRequest {
    /// Its id, which the answer names.
    pub id: MessageId,
    /// When it is made.
    pub issued_at: Time,
    /// The provider's single logout service (redirect binding).
    pub destination: ProviderUrl,
    /// Our entity ID.
    pub entity_id: String,
    /// Whom, as the assertion had it.
    pub name_id: NameId,
    /// Which session.
    pub session_index: Option<String>,
    /// What comes back with the answer.
    pub relay_state: Option<RelayState>,
    /// What signs it.
    pub key: SpKey,
}

/// The answer to a provider's request.
#[derive(Clone, Debug)]
pub struct LogoutResponse {
    /// Its id.
    pub id: MessageId,
    /// When it is made.
    pub issued_at: Time,
    /// The provider's single logout service (redirect binding).
    pub destination: ProviderUrl,
    /// Our entity ID.
    pub entity_id: String,
    /// The request's id, as it came.
    pub in_response_to: String,
    /// Whether they are signed out here.
    pub is_success: bool,
    /// The request's, as it came.
    pub relay_state: Option<String>,
    /// What signs it.
    pub key: SpKey,
}
