//! SCIM tokens: how an organization's directory adds, changes and removes its people. A token belongs to the organization and outlives
//! whoever made it; what it may give lies within what its maker held (T20), which it remembers.

use serde::{Deserialize, Serialize};

pub use crate::authorization::principal::ScimTokenId;
use crate::{OrgId, Time, core::value::Name, identity::connections::ConnectionSlug};

/// How many tokens an organization may have, with those that were revoked.
pub const MAX_SCIM_TOKENS: i64 = 50;

/// A token of an organization, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScimToken {
    /// Identifier.
    pub id: ScimTokenId,
    /// The organization.
    pub org_id: OrgId,
    /// For people.
    pub name: Name,
    /// The first characters of the secret, to recognise it by.
    pub prefix: String,
    /// The connection whose people it provisions; `None`: none. It ends with that.
    #[serde(default)]
    pub connection: Option<ConnectionSlug>,
    /// Until when it works; `None`: until it is revoked.
    pub expires_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
}

impl ScimToken {
    /// Whether it works now.
    pub fn is_active(&self, now: Time) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| at > now)
    }
}
