//! Who can act: every credential of every face becomes a [`Principal`] in one place, and after that nobody looks at headers.
//!
//! A [`Credential`] is what a request presents; the database turns it into a principal if it still lives, at every use. A
//! [`PrincipalId`] names a principal without looking anything up: whose requests are counted, whose idempotency keys are kept apart.

use std::{fmt, net::IpAddr};

use crate::core::id::id;
use crate::{
    ApiKeyId, Error, OrgId, Result, UserId,
    applications::{api_keys::ApiKey, service_keys::ServiceKey},
    identity::{
        accounts::Person,
        impersonation::ImpersonationCredential,
        sessions::{BrowserCredential, SessionCredential},
    },
    tenancy::roles::Caps,
};

id! {
    /// An OAuth client.
    ClientKind ClientId = "cli"
}
id! {
    /// The token of a directory.
    ScimTokenKind ScimTokenId = "tok"
}

/// Who acts, as the database knew them when it was asked last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A person, through a live session.
    Person(Person),
    /// A program of the SaaS company or of an organization, with an access token of its own.
    Client(Client),
    /// A program of one organization, with a key of that organization.
    ApiKey(ApiKey),
    /// A program of one service, with a key of that service.
    ServiceKey(ServiceKey),
    /// A directory that provisions one organization.
    ScimToken(ScimToken),
    /// A scheduled job of ours, by its name.
    Job(&'static str),
}

/// An OAuth client that acts for itself in one organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Identifier.
    pub id: ClientId,
    /// The organization its token is for.
    pub org_id: OrgId,
    /// What its scopes allow there.
    pub caps: Caps,
}

/// The token of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimToken {
    /// Identifier.
    pub id: ScimTokenId,
    /// The organization it provisions.
    pub org_id: OrgId,
}

/// The kinds of principals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// [`Principal::Person`].
    Person,
    /// [`Principal::Client`].
    Client,
    /// [`Principal::ApiKey`].
    ApiKey,
    /// [`Principal::ServiceKey`].
    ServiceKey,
    /// [`Principal::ScimToken`].
    ScimToken,
    /// [`Principal::Job`].
    Job,
}

impl PrincipalKind {
    /// Every kind: what is tested for one is tested for all.
    pub const ALL: [Self; 6] = [Self::Person, Self::Client, Self::ApiKey, Self::ServiceKey, Self::ScimToken, Self::Job];
}

impl Principal {
    /// Its kind.
    pub const fn kind(&self) -> PrincipalKind {
        match self {
            Self::Person(_) => PrincipalKind::Person,
            Self::Client(_) => PrincipalKind::Client,
            Self::ApiKey(_) => PrincipalKind::ApiKey,
            Self::ServiceKey(_) => PrincipalKind::ServiceKey,
            Self::ScimToken(_) => PrincipalKind::ScimToken,
            Self::Job(_) => PrincipalKind::Job,
        }
    }
    /// The person, if it is one.
    pub const fn person(&self) -> Option<&Person> {
        match self {
            Self::Person(person) => Some(person),
            _ => None,
        }
    }
    /// Whether it is this account's person.
    pub fn is_user(&self, id: UserId) -> bool {
        self.person().is_some_and(|person| person.id == id)
    }
    /// Whether it is a person who operates the platform.
    pub fn is_operator(&self) -> bool {
        self.person().is_some_and(|person| person.is_platform_owner)
    }
    /// The person who acts. For what only a human being can do: accept an invitation, own something, change who they are, be shown a
    /// secret. `Forbidden` (`person_required`) for everybody else, and (`impersonated`) for who acts as them.
    pub fn require_person(&self) -> Result<&Person> {
        match self.person().ok_or_else(person_required)? {
            Person { impersonation: Some(_), .. } => Err(impersonated()),
            person => Ok(person),
        }
    }
    /// Whether somebody else acts as the person.
    pub fn is_impersonated(&self) -> bool {
        self.person().is_some_and(|person| person.impersonation.is_some())
    }
    /// Who answers for what is done: the person, or who acts as them. `None` for a program.
    pub fn answerable(&self) -> Option<UserId> {
        let person = self.person()?;
        Some(person.impersonation.as_ref().map_or(person.id, |by| by.operator))
    }
}

/// What a program is told where only a person will do.
pub fn person_required() -> Error {
    Error::forbidden("person_required", "Only a person may do this: sign in, and send the access token instead of a key.")
}

/// What somebody is told who came through an organization's provider only, where their account is concerned.
pub fn own_sign_in_required() -> Error {
    Error::forbidden(
        "own_sign_in_required",
        "You signed in through an organization's identity provider, which speaks about that organization only. Sign in with your own \
         password.",
    )
}

/// What who acts as somebody else is told where only that person will do.
pub fn impersonated() -> Error {
    Error::forbidden("impersonated", "You act as somebody else, and only they may do this themselves.")
}

/// What a request presents. Whether it still holds, only the database knows: every use asks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A verified access token of a person.
    Session(SessionCredential),
    /// A browser's cookie, on our own pages: for what is the person's own, and nothing of an organization's.
    Browser(BrowserCredential),
    /// A verified token of who acts as somebody else.
    Impersonation(ImpersonationCredential),
    /// An API key that was alive a moment ago.
    ApiKey(ApiKeyCredential),
    /// A service's API key that was alive a moment ago.
    ServiceKey(ServiceKeyCredential),
}

/// A presented API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeyCredential {
    /// Which key it is.
    pub id: ApiKeyId,
    /// What is looked up: the SHA-256 of the secret, in hex.
    pub hash: String,
    /// Where it is used from; `None` if that is not known.
    pub from: Option<IpAddr>,
}

/// A presented API key of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceKeyCredential {
    /// Which key it is.
    pub id: ApiKeyId,
    /// What is looked up: the SHA-256 of the secret, in hex.
    pub hash: String,
}

impl Credential {
    /// Whose it is.
    pub const fn id(&self) -> PrincipalId {
        match self {
            Self::Session(session) => PrincipalId::User(session.user),
            Self::Browser(browser) => PrincipalId::User(browser.user),
            // Nobody's budget is used up by whoever looks after them.
            Self::Impersonation(who) => PrincipalId::User(who.operator),
            Self::ApiKey(key) => PrincipalId::ApiKey(key.id),
            Self::ServiceKey(key) => PrincipalId::ApiKey(key.id),
        }
    }
    /// The session of a person. `Forbidden` (`person_required`) for a program's credential, and (`impersonated`) for who acts as them.
    pub fn require_session(&self) -> Result<&SessionCredential> {
        match self {
            Self::Session(session) => Ok(session),
            Self::Impersonation(_) => Err(impersonated()),
            Self::Browser(_) | Self::ApiKey(_) | Self::ServiceKey(_) => Err(person_required()),
        }
    }
    /// Whether it is a person's own. `Forbidden` as [`Credential::require_session`].
    pub fn require_own(&self) -> Result<()> {
        match self {
            Self::Browser(_) => Ok(()),
            other => other.require_session().map(|_| ()),
        }
    }
}

/// Names a principal that presented a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalId {
    /// A person's account, through whichever session.
    User(UserId),
    /// An API key, of an organization or of a service.
    ApiKey(ApiKeyId),
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::ApiKey(id) => id.fmt(f),
        }
    }
}
