//! What else is signed with the keys of checkpoints: where a file ends, where retention lets a log begin, that a content was erased,
//! that a new key follows an old one, and what is left of a removed person's access. Each is a JWS with a `typ` of its own, so that none
//! passes for another; nothing is taken for signed because it looks plausible.

use domain::{ErasureId, EventId, OrgId, Result, UserId};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{SigningKey, jwt};

/// Something that an audit key signs.
pub trait Statement: Serialize + DeserializeOwned {
    /// The header's `typ`.
    const TYP: &'static str;
}

/// The key `kid` signs from now on, says the key before. Whoever trusts that one need not ask anybody about this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The new key's id.
    pub kid: String,
    /// Its public half.
    pub jwk: Value,
    /// When, RFC 3339.
    pub created_at: String,
}

impl Statement for Rotation {
    const TYP: &'static str = "tenantry-audit-key";
}

/// Retention removed the organization's records up to `seq`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retained {
    /// Whose log.
    pub organization_id: OrgId,
    /// The last record that was removed.
    pub seq: i64,
    /// The chain there.
    pub hash: String,
    /// When, RFC 3339.
    pub created_at: String,
}

impl Statement for Retained {
    const TYP: &'static str = "tenantry-audit-retention";
}

/// The content of a record was erased on request; this is left of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erased {
    /// Whose log.
    pub organization_id: OrgId,
    /// The record.
    pub id: EventId,
    /// The digest of what it said.
    pub digest: String,
    /// The order, which the log names as well; null for erasures from before they were signed.
    pub erasure_id: Option<ErasureId>,
    /// When, RFC 3339.
    pub created_at: String,
}

impl Statement for Erased {
    const TYP: &'static str = "tenantry-audit-erasure";
}

/// An export was written: this is all there was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Whose log.
    pub organization_id: OrgId,
    /// The number before the first record.
    pub anchor: i64,
    /// The last number.
    pub seq: i64,
    /// The chain there.
    pub hash: String,
    /// The last number under a checkpoint.
    pub sealed: i64,
    /// The fingerprint of that checkpoint; null if there is none.
    pub checkpoint: Option<String>,
    /// When, RFC 3339.
    pub created_at: String,
}

impl Statement for Ended {
    const TYP: &'static str = "tenantry-audit-export";
}

/// How many things a statement names: more would not be read as one token.
pub const MOST_LEFT: usize = 50;

/// What was left, at a moment, of the access of somebody who is no member of the organization any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessLeft {
    /// Which organization.
    pub organization_id: OrgId,
    /// Who.
    pub user_id: UserId,
    /// When the membership ended last, RFC 3339; null: the audit log does not remember one.
    pub ended_at: Option<String>,
    /// What is left; empty: nothing. At most [`MOST_LEFT`] things are named.
    pub left: Vec<Left>,
    /// How many things are left.
    pub total: i64,
    /// The moment, RFC 3339.
    pub created_at: String,
}

/// Something that still grants access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Left {
    /// What sort of thing: `api_key`, `client_secret`, …
    pub kind: String,
    /// Its id.
    pub id: String,
}

impl Statement for AccessLeft {
    const TYP: &'static str = "tenantry-access-left";
}

/// Signs.
pub fn sign<S: Statement>(key: &SigningKey, statement: &S) -> Result<String> {
    jwt::sign_jws(key, S::TYP, statement)
}
