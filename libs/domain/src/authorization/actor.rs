//! Who is acting, from where, and when: the stamp on every change.

use std::net::IpAddr;

use ipnet::IpNet;

use super::principal::Principal;
use crate::{ApiKeyId, ClientId, ScimTokenId, Time, UserId, core::value::Email};

/// Who acts, as the audit log, the feed and webhooks say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A signed-in person.
    User {
        /// Who.
        id: UserId,
        /// Their address.
        email: Email,
    },
    /// A platform owner who acts as somebody.
    Impersonated {
        /// As whom.
        id: UserId,
        /// Their address.
        email: Email,
        /// Who really acts.
        operator: UserId,
        /// Their address.
        operator_email: Email,
    },
    /// An OAuth client for itself.
    Client(ClientId),
    /// An API key of the organization, or of one of its services.
    ApiKey(ApiKeyId),
    /// A directory.
    ScimToken(ScimTokenId),
    /// A job of ours.
    System(&'static str),
    /// Nobody we know: sign-up, sign-in, one-time links.
    Anonymous,
}

impl Actor {
    /// `user`, `client`, `api_key`, `scim_token`, `system` or `anonymous`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Actor::User { .. } | Actor::Impersonated { .. } => "user",
            Actor::Client(_) => "client",
            Actor::ApiKey(_) => "api_key",
            Actor::ScimToken(_) => "scim_token",
            Actor::System(_) => "system",
            Actor::Anonymous => "anonymous",
        }
    }
    /// What the audit log calls it.
    pub fn id(&self) -> Option<String> {
        match self {
            Actor::User { id, .. } | Actor::Impersonated { id, .. } => Some(id.to_string()),
            Actor::Client(id) => Some(id.to_string()),
            Actor::ApiKey(id) => Some(id.to_string()),
            Actor::ScimToken(id) => Some(id.to_string()),
            Actor::System(job) => Some((*job).to_owned()),
            Actor::Anonymous => None,
        }
    }
    /// Who answers for what is done: a user, or who acts as them.
    pub const fn answerable(&self) -> Option<UserId> {
        match self {
            Actor::User { id, .. } | Actor::Impersonated { operator: id, .. } => Some(*id),
            _ => None,
        }
    }
    /// Who really acts, where that is not the user.
    pub const fn operator(&self) -> Option<(UserId, &Email)> {
        match self {
            Actor::Impersonated { operator, operator_email, .. } => Some((*operator, operator_email)),
            _ => None,
        }
    }
    /// Whether a program of the customer's acts.
    pub const fn is_program(&self) -> bool {
        matches!(self, Actor::Client(_) | Actor::ApiKey(_) | Actor::ScimToken(_))
    }
    /// A user's address.
    pub const fn email(&self) -> Option<&Email> {
        match self {
            Actor::User { email, .. } | Actor::Impersonated { email, .. } => Some(email),
            _ => None,
        }
    }
}

impl From<&Principal> for Actor {
    fn from(principal: &Principal) -> Self {
        match principal {
            Principal::Person(person) => match &person.impersonation {
                None => Actor::User { id: person.id, email: person.email.clone() },
                Some(by) => Actor::Impersonated {
                    id: person.id,
                    email: person.email.clone(),
                    operator: by.operator,
                    operator_email: by.operator_email.clone(),
                },
            },
            Principal::Client(client) => Actor::Client(client.id),
            Principal::ApiKey(key) => Actor::ApiKey(key.id),
            Principal::ServiceKey(key) => Actor::ApiKey(key.id),
            Principal::ScimToken(token) => Actor::ScimToken(token.id),
            Principal::Job(name) => Actor::System(name),
        }
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

impl Origin {
    /// The client's address, if it is known.
    pub fn address(&self) -> Option<IpAddr> {
        self.ip_address.as_deref().and_then(|text| text.parse().ok())
    }

    /// What requests are counted by: an IPv4 address, or the /64 that an IPv6 customer owns.
    pub fn network(&self) -> String {
        let [network, ..] = self.ranges();
        network
    }

    /// The network and what is around it, wider and wider. IPv6: /64, /56 and /48, the least and the most that a customer is given. IPv4: the
    /// address, its /24, which is a small provider or an office, and its /16, which may be a cloud's.
    pub fn ranges(&self) -> [String; 3] {
        let Some(address) = self.address() else {
            return ["-", "-", "-"].map(str::to_owned);
        };
        let around = |bits| IpNet::new(address, bits).map_or_else(|_| "-".to_owned(), |net| net.trunc().to_string());
        match address {
            IpAddr::V6(_) => [64, 56, 48].map(around),
            IpAddr::V4(_) => [address.to_string(), around(24), around(16)],
        }
    }
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
