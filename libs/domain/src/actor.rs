//! Who is acting, from where, and when: the stamp on every change.

use crate::{Time, UserId, accounts::Person, value::Email};

/// Who acts. Every credential of every face becomes one; after that nobody looks at headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in person.
    User {
        /// Who.
        id: UserId,
        /// Their address, for the audit log.
        email: Email,
    },
    /// A job of ours.
    System(&'static str),
    /// Nobody we know: sign-up, sign-in, one-time links.
    Anonymous,
}

impl Actor {
    /// `user`, `system` or `anonymous`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Actor::User { .. } => "user",
            Actor::System(_) => "system",
            Actor::Anonymous => "anonymous",
        }
    }
    /// What the audit log calls it.
    pub fn id(&self) -> Option<String> {
        match self {
            Actor::User { id, .. } => Some(id.to_string()),
            Actor::System(job) => Some((*job).to_owned()),
            Actor::Anonymous => None,
        }
    }
    /// A user's address.
    pub fn email(&self) -> Option<&Email> {
        match self {
            Actor::User { email, .. } => Some(email),
            _ => None,
        }
    }
}

impl From<&Person> for Actor {
    fn from(person: &Person) -> Self {
        Actor::User { id: person.id, email: person.email.clone() }
    }
}

/// Where a request came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Client address, after trusted proxies.
    pub ip_address: Option<String>,
    /// `User-Agent`, cut to 300 characters.
    pub user_agent: Option<String>,
    /// In logs, answers and audit records.
    pub request_id: Option<String>,
    /// W3C trace context, carried to the deliveries.
    pub traceparent: Option<String>,
}

/// Who, from where, when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Who.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
    /// When.
    pub now: Time,
}
