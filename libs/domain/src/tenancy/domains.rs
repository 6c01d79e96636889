//! Domains that organizations prove to be theirs: the host that shows the organization's pages (`auth.acme.com`), and the domains of its
//! people's addresses. A claim means nothing until it is proven, and what was proven is looked at again every day.
//!
//! A host belongs to one organization. A sign-in domain may be proven by several, each under a challenge of its own: whoever comes second
//! takes nothing from the first (T39).

mod checks;
mod name;
mod public_mail;

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use self::{
    checks::{Checked, Failing, Finding, LAPSES_AFTER, Miss},
    name::DomainName,
};
use crate::core::id::id;
use crate::{
    ConnectionId, OrgId, Time,
    core::value::{BadValue, bad},
};

id! {
    /// A domain that an organization claims.
    DomainIdKind DomainId = "ord"
}

/// What a domain is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DomainKind {
    /// Shows the organization's pages. Says nothing about mail.
    Host,
    /// Its people have addresses there.
    SignIn,
}

/// How a domain was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// By a TXT record.
    Dns,
    /// By a file that the host serves.
    Http,
}

/// How people with addresses of a domain may sign in to the organization.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoginPolicy {
    /// Every way will do.
    #[default]
    Any,
    /// Only through the connection that the domain leads to.
    UpstreamOnly,
}

/// Where a sign-in domain's people sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The connection that speaks for their addresses; `None`: none does.
    pub connection: Option<ConnectionId>,
    /// How they may sign in.
    pub login_policy: LoginPolicy,
    /// Whether an address leads there before anybody signed in, which tells that the organization has the domain.
    pub announce: bool,
}

impl Default for Route {
    fn default() -> Self {
        // Proving a sign-in domain is the opt-in.
        Self { connection: None, login_policy: LoginPolicy::Any, announce: true }
    }
}

impl Route {
    /// `Invalid` where nobody could sign in: only through a connection, and there is none.
    pub fn check(&self) -> crate::Result<()> {
        if self.login_policy == LoginPolicy::UpstreamOnly && self.connection.is_none() {
            let text = "Name the connection with `upstream_provider_id`: people could not sign in at all.";
            return Err(crate::Error::field("login_policy", "no_upstream_provider", text));
        }
        Ok(())
    }
}

macro_rules! names {
    ($ty:ident { $($variant:ident = $name:literal),* }) => {
        impl $ty {
            /// The name that is stored and told.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
        impl std::str::FromStr for $ty {
            type Err = BadValue;
            fn from_str(s: &str) -> Result<Self, BadValue> {
                match s { $($name => Ok(Self::$variant),)* _ => bad("unknown", concat!("Use one of: ", $($name, " ",)* ".")) }
            }
        }
        impl fmt::Display for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }
    };
}
names!(DomainKind { Host = "host", SignIn = "sign_in" });
names!(Proof { Dns = "dns", Http = "http" });
names!(LoginPolicy { Any = "any", UpstreamOnly = "upstream_only" });

/// What an organization has to publish. Not a secret: it says who claims the domain, and everybody can read it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The domain.
    pub domain: DomainName,
    /// The name of the TXT record.
    pub record: String,
    /// Its value; what the file holds.
    pub token: String,
    /// Whether a file will do as well.
    pub by_file: bool,
}

impl Challenge {
    /// Where the file is.
    pub fn file(&self) -> String {
        format!("http://{}{FILE}", self.domain)
    }
}

/// The path of the file that proves a host.
pub const FILE: &str = "/.well-known/sso-verification.txt";

/// A domain that an organization claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// Whose.
    pub org_id: OrgId,
    /// Identifier.
    pub id: DomainId,
    /// What for.
    pub kind: DomainKind,
    /// The domain.
    pub name: DomainName,
    /// What is to be published; another one whenever it is claimed anew.
    pub token: Uuid,
    /// Where its people sign in.
    pub route: Route,
    /// How and when it was proven; `None`: it is not.
    pub proven: Option<(Proof, Time)>,
    /// When it was last looked at.
    pub checked_at: Option<Time>,
    /// How it fails, though it is proven; `None`: it does not.
    pub failing: Option<Failing>,
    /// When it is looked at again; `None`: when somebody asks.
    pub next_check_at: Option<Time>,
    /// When it was claimed.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

impl Domain {
    /// A claim, which means nothing yet.
    pub fn claimed(org_id: OrgId, kind: DomainKind, name: DomainName, token: Uuid, (id, now): (Uuid, Time)) -> Self {
        Self {
            org_id,
            id: DomainId::new(id),
            kind,
            name,
            token,
            route: Route::default(),
            proven: None,
            checked_at: None,
            failing: None,
            next_check_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether it is proven.
    pub const fn is_verified(&self) -> bool {
        self.proven.is_some()
    }

    /// What has to be published. A sign-in domain's record has the organization in its name, so that each proves it by itself.
    pub fn challenge(&self) -> Challenge {
        let record = match self.kind {
            DomainKind::Host => format!("_sso-verification.{}", self.name),
            DomainKind::SignIn => format!("_sso-verification-{}.{}", self.org_id.uuid().simple(), self.name),
        };
        Challenge { domain: self.name.clone(), record, token: self.token.to_string(), by_file: self.kind == DomainKind::Host }
    }
}

#[cfg(test)]
mod tests;
