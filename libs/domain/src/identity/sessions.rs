//! Sessions and grants. A session is one sign-in: how, when, where. A grant is what it may act on (the platform or one organization)
//! and holds one family of refresh tokens. `login`, `create` and `select` each make a grant; tokens name it, so two tabs in two
//! organizations never disturb each other.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::authentications::Authentications;

use crate::core::id::id;
use crate::{OrgId, Time, UserId, core::value::Slug};

id! {
    /// One sign-in.
    SessionKind SessionId = "ses"
}
id! {
    /// What a session may act on: one refresh family.
    GrantKind GrantId = "grt"
}

/// One sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Identifier.
    pub id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// How the person signed in: `password`.
    pub method: String,
    /// Everything that it did to authenticate.
    pub did: Authentications,
    /// From where.
    pub ip_address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// When.
    pub created_at: Time,
    /// When its tokens were last renewed.
    pub last_seen_at: Time,
    /// When it ends unless it is renewed.
    pub expires_at: Time,
}

/// How long ago a sign-in may be to count as fresh.
pub const FRESH_FOR: chrono::TimeDelta = chrono::TimeDelta::minutes(15);

/// What a session may act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantRow {
    /// Identifier; the access token's `gid`.
    pub id: GrantId,
    /// The sign-in; the access token's `sid`.
    pub session_id: SessionId,
    /// Whose.
    pub user_id: UserId,
    /// [`crate::PLATFORM`], or the organization it is for.
    pub org_id: OrgId,
}

/// A pair of tokens, as every sign-in answers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenPair {
    /// A JWT (`typ: at+jwt`).
    pub access_token: String,
    /// Opaque; works once.
    pub refresh_token: String,
    /// Seconds until the access token expires.
    pub expires_in: i64,
}

/// The claims of an access token (RFC 9068 in spirit): who and through what, never what they may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// `management_access`.
    pub token_use: String,
    /// User id.
    pub sub: UserId,
    /// The address when the token was made; for display only.
    pub email: String,
    /// For display only; re-read from the database at every request.
    pub is_platform_owner: bool,
    /// The session.
    pub sid: SessionId,
    /// The grant.
    pub gid: GrantId,
    /// The organization's slug, when the grant is for one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub org: Option<Slug>,
    /// The organization's id, when the grant is for one: what never names another organization, for whoever verifies without asking us.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub org_id: Option<OrgId>,
    /// `platform` or `org:<slug>`. A slug does not go to another organization while a token that names it can live.
    pub aud: String,
    /// The server's public URL.
    pub iss: String,
    /// Unique per token.
    pub jti: String,
    /// Unix seconds.
    pub iat: i64,
    /// Unix seconds.
    pub exp: i64,
}

/// The claims of what answers a right password while a code is still asked for. It opens nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreauthClaims {
    /// `mfa_preauth`.
    pub token_use: String,
    /// User id.
    pub sub: UserId,
    /// The address, for display only.
    pub email: String,
    /// The slug of the organization that is signed in to.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub org: Option<Slug>,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub org_id: Option<OrgId>,
    /// `platform` or `org:<slug>`.
    pub aud: String,
    /// The server's public URL.
    pub iss: String,
    /// Names the sign-in that waits.
    pub jti: Uuid,
    /// Always.
    pub mfa_required: bool,
    /// Unix seconds.
    pub iat: i64,
    /// Unix seconds.
    pub exp: i64,
}

/// The `typ` header of such a token.
pub const PREAUTH_TYP: &str = "mfa-preauth+jwt";

/// What a verified access token says. Whether it still holds, only the database knows: every use asks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionCredential {
    /// Who.
    pub user: UserId,
    /// Through which sign-in.
    pub session: SessionId,
    /// For what.
    pub grant: GrantId,
    /// Where it is used from; `None` if that is not known.
    pub from: Option<IpAddr>,
}

impl SessionCredential {
    /// What the claims say, used from there.
    pub const fn of(claims: &AccessClaims, from: Option<IpAddr>) -> Self {
        Self { user: claims.sub, session: claims.sid, grant: claims.gid, from }
    }
}

/// What a browser's cookie says to our own pages. Whether it still holds, only the database knows: every use asks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserCredential {
    /// Who.
    pub user: UserId,
    /// Through which sign-in.
    pub session: SessionId,
    /// What is looked up: the SHA-256 of the cookie, in hex. It is another one after every authentication.
    pub hash: String,
    /// Where it is used from; `None` if that is not known.
    pub from: Option<IpAddr>,
}

impl BrowserCredential {
    /// The credential as that of its session, and of no grant.
    pub const fn as_session(&self) -> SessionCredential {
        SessionCredential { user: self.user, session: self.session, grant: GrantId::new(Uuid::nil()), from: self.from }
    }
}

/// The `typ` header of an access token.
pub const ACCESS_TYP: &str = "at+jwt";
