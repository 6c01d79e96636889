//! Impersonation: a platform owner acts as somebody else, for a while, in one organization at most. The token is of its own type, so that
//! nothing which verifies access tokens takes it for one; whoever acts stands beside whom they act as wherever it is told what was done;
//! and what only a human being can do stays theirs.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::sessions::SessionCredential;
use crate::core::id::id;
use crate::{
    GrantId, OrgId, SessionId, UserId,
    core::value::{Email, Slug},
};

id! {
    /// A platform owner who acts as somebody else.
    ImpersonationKind ImpersonationId = "imp"
}

/// How long one lasts; it is not renewed.
pub const LASTS: TimeDelta = TimeDelta::minutes(15);

/// How many a platform owner may have going at the same time.
pub const MOST_AT_ONCE: i64 = 20;

/// Characters of a reason at most.
pub const LONGEST_REASON: usize = 500;

/// The `typ` header of the token.
pub const IMPERSONATION_TYP: &str = "impersonation+jwt";

/// Who really acts (RFC 8693, section 4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActClaim {
    /// The platform owner.
    pub sub: UserId,
    /// Their address when the token was made; for display only.
    pub email: String,
    /// Why, if they said so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
}

/// The claims of the token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImpersonationClaims {
    /// `impersonation`.
    pub token_use: String,
    /// As whom.
    pub sub: UserId,
    /// Their address when the token was made; for display only.
    pub email: String,
    /// Never.
    pub is_platform_owner: bool,
    /// Who acts.
    pub act: ActClaim,
    /// The session of whoever acts.
    pub sid: SessionId,
    /// The organization's slug, if it is for one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub org: Option<Slug>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub org_id: Option<OrgId>,
    /// `platform` or `org:<slug>`.
    pub aud: String,
    /// The server's public URL.
    pub iss: String,
    /// Which impersonation it is.
    pub jti: ImpersonationId,
    /// Unix seconds.
    pub iat: i64,
    /// Unix seconds.
    pub exp: i64,
}

/// What a verified token says. Whether it still holds, only the database knows: every use asks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImpersonationCredential {
    /// Which.
    pub id: ImpersonationId,
    /// Who acts, …
    pub operator: UserId,
    /// … through which sign-in, …
    pub session: SessionId,
    /// … as whom.
    pub user: UserId,
}

impl From<&ImpersonationClaims> for ImpersonationCredential {
    fn from(claims: &ImpersonationClaims) -> Self {
        Self { id: claims.jti, operator: claims.act.sub, session: claims.sid, user: claims.sub }
    }
}

impl ImpersonationCredential {
    /// The credential as that of the person: of the operator's session, and of no grant.
    pub fn as_session(&self) -> SessionCredential {
        SessionCredential { user: self.user, session: self.session, grant: GrantId::new(self.id.uuid()), from: None }
    }
}

/// Who really acts, of a [`Person`](super::accounts::Person).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impersonation {
    /// Which.
    pub id: ImpersonationId,
    /// The platform owner.
    pub operator: UserId,
    /// Their address now.
    pub operator_email: Email,
    /// The one organization in which they may; `None`: in none.
    pub org: Option<OrgId>,
}
