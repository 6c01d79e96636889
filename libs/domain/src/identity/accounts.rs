//! Accounts: a user is a person's account in one realm, the platform's or (a *managed* account) one organization's.
//! E-mail is unique per realm and never the key.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{
    authentications::Authentications,
    impersonation::Impersonation,
    sessions::{FRESH_FOR, SessionCredential},
};
use crate::core::id::id;
use crate::{GrantId, OrgId, Result, SessionId, Time, authorization::principal::own_sign_in_required, core::value::Email};

id! {
    /// A person's account in one realm.
    UserKind UserId = "usr"
}

/// A person's account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Identifier.
    pub id: UserId,
    /// [`crate::PLATFORM`], or the organization that manages the account.
    pub realm: OrgId,
    /// Unique per realm.
    pub email: Email,
    /// Whether the person operates the platform.
    pub is_platform_owner: bool,
    /// When the mailbox was proven; sign-in by password needs it.
    pub email_verified_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
    /// When it was closed; a closed account cannot sign in.
    pub deleted_at: Option<Time>,
}

/// The caller of an authenticated request: a user, through one live session and grant. [`Person::signed_in`] is the only way to get one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Person {
    /// The user.
    pub id: UserId,
    /// Their address now (not the token's).
    pub email: Email,
    /// [`crate::PLATFORM`], or the organization that manages the account.
    pub realm: OrgId,
    /// Whether they have proven the mailbox.
    pub email_verified: bool,
    /// Read from the database at every request, never from the token.
    pub is_platform_owner: bool,
    /// The sign-in.
    pub session: SessionId,
    /// What of it this token is for.
    pub grant: GrantId,
    /// What it did to authenticate.
    pub did: Authentications,
    /// Where they are; `None`: nobody knows.
    pub from: Option<IpAddr>,
    /// Who really acts, if that is somebody else: then `session` is theirs.
    pub impersonation: Option<Impersonation>,
}

impl Person {
    /// Somebody whose session was just found alive. What they may do is decided on this, so only `store` may say it: clippy refuses this
    /// call, and the one place that makes it `expect`s the refusal. A session that is confined has no part in what the account is on the
    /// platform.
    pub fn signed_in(
        who: &SessionCredential,
        email: Email,
        realm: OrgId,
        email_verified: bool,
        is_platform_owner: bool,
        did: Authentications,
    ) -> Self {
        let &SessionCredential { user: id, session, grant, from } = who;
        let is_platform_owner = is_platform_owner && !did.is_confined(realm);
        Self { id, email, realm, email_verified, is_platform_owner, session, grant, did, from, impersonation: None }
    }
    /// The same, while somebody else acts as them.
    #[must_use]
    pub fn impersonated(self, by: Impersonation) -> Self {
        Self { impersonation: Some(by), ..self }
    }
    /// Whether this sign-in may be used in the organization at all.
    pub fn may_be_in(&self, org: OrgId) -> bool {
        self.impersonation.as_ref().is_none_or(|by| by.org == Some(org))
    }
    /// Whether the session is an organization's word only ([`Authentications::is_confined`]).
    pub fn is_confined(&self) -> bool {
        self.did.is_confined(self.realm)
    }
    /// For what concerns the account, and not one organization: `Forbidden` (`own_sign_in_required`) for a session that is confined.
    pub fn require_unconfined(&self) -> Result<()> {
        if self.is_confined() { Err(own_sign_in_required()) } else { Ok(()) }
    }
    /// Whether they showed just now, by something of their own, that it is they. Then nobody else is likely to hold the token yet. The organization's
    /// providers are an account's own if the organization manages it.
    pub fn is_fresh(&self, now: Time) -> bool {
        is_recent(self.did.newest_own_in(self.realm), now)
    }
    /// Whether they confirmed just now, by a second factor that they have enrolled, that it is they.
    pub fn has_fresh_factor(&self, now: Time) -> bool {
        is_recent(self.did.newest_factor(), now)
    }
    /// Whether the address proves who they are outside their realm. A managed account's address was chosen by the organization that
    /// manages it, so it proves nothing to any other.
    pub fn owns_address(&self) -> bool {
        self.realm == crate::PLATFORM && self.email_verified
    }
}

fn is_recent(at: Option<i64>, now: Time) -> bool {
    at.is_some_and(|at| now.timestamp() - at <= FRESH_FOR.num_seconds())
}

/// What a one-time link was mailed for. A token of one purpose is refused for every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPurpose {
    /// Prove the mailbox of a new account.
    VerifyEmail,
    /// Set a new password.
    ResetPassword,
    /// Prove the new mailbox of an account.
    ChangeEmail,
    /// Become the first platform owner.
    PlatformOwner,
    /// Sign in, by whoever asks our API.
    MagicLink,
    /// Nothing: written so that an address without an account takes as much work as one with one. Works nowhere.
    Decoy,
}

impl LinkPurpose {
    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            LinkPurpose::VerifyEmail => "verify_email",
            LinkPurpose::ResetPassword => "reset_password",
            LinkPurpose::ChangeEmail => "change_email",
            LinkPurpose::PlatformOwner => "platform_owner",
            LinkPurpose::MagicLink => "magic_link",
            LinkPurpose::Decoy => "decoy",
        }
    }
    /// How long the link works.
    pub const fn lifetime(self) -> chrono::TimeDelta {
        match self {
            LinkPurpose::ResetPassword => chrono::TimeDelta::hours(1),
            LinkPurpose::MagicLink => super::mail_codes::LASTS,
            _ => chrono::TimeDelta::hours(24),
        }
    }
}
