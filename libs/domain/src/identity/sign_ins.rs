//! Sign-ins: that a session entered an organization. A session that switches between organizations and comes back has entered once.

use crate::core::id::id;
use crate::{ServiceId, Time, UserId};

id! {
    /// A session's entry into an organization.
    SignInKind SignInId = "sgn"
}

/// A session's entry into an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// Identifier.
    pub id: SignInId,
    /// Who.
    pub user_id: UserId,
    /// The service that was signed in to, with its name; `None`: the organization itself.
    pub service: Option<(ServiceId, Option<String>)>,
    /// How the person signed in: `password`.
    pub method: String,
    /// From where.
    pub ip_address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// When.
    pub created_at: Time,
    /// The score that the organization gave it, and what counted; `None`: it was not judged.
    pub risk: Option<(i64, Vec<String>)>,
    /// The country it came from, as far as it is known.
    pub country: Option<String>,
    /// The city.
    pub city: Option<String>,
}
