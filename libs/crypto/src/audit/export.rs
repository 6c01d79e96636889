//! The file that a customer takes away: one JSON object a line, each with one member that says what it is.
//!
//! ```text
//! {"header":{…}}          whose log, where it begins, and the public keys
//! {"record":{…}}          a record with everything that its leaf and its link are computed from
//! {"checkpoint":"…"}      after the last record that it covers
//! {"end":{…}}             where it ends, signed
//! ```
//!
//! Where it begins, that a content was erased, and where it ends are statements ([`super::statement`]) that the verifier demands. Files of the
//! version before ([`OLD_FORMAT`]) do not have them: they are read, and what nothing proves is said.
//!
//! Unknown members are refused: nothing in the file is outside of what is checked.

use domain::{EventId, OrgId};
use serde::{Deserialize, Serialize};

use super::leaf::Content;

/// The name of this format.
pub const FORMAT: &str = "tenantry-audit-2";
/// The format before: without signed statements of beginning, end and erasures.
pub const OLD_FORMAT: &str = "tenantry-audit-1";
/// Records that one checkpoint covers at most.
pub const MAX_SEGMENT: usize = 4096;

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The first.
    Header(Header),
    /// A record.
    Record(Box<Record>),
    /// A checkpoint, as a compact JWS.
    Checkpoint(String),
    /// The last.
    End(End),
}

/// What the file is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// Whose log.
    pub organization_id: OrgId,
    /// What the first record follows.
    pub anchor: Anchor,
    /// The public keys of checkpoints, as JWKs. To prove where the file comes from, take them from elsewhere.
    pub keys: Vec<serde_json::Value>,
    /// What each key's predecessor says of it ([`super::statement::Rotation`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotations: Vec<String>,
}

/// The place in the chain where a file begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// The number before the first record; 0 for a whole log.
    pub seq: i64,
    /// The chain there.
    pub hash: String,
    /// The checkpoint that ends there; none for a whole log.
    pub checkpoint: Option<String>,
    /// What proves that retention removed what was before ([`super::statement::Retained`]); none for a whole log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retained: Option<String>,
}

/// What a record's link in the chain is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Chained {
    /// The exact body: records from before there were leaves.
    Body,
    /// The leaf.
    Leaf,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// Its number.
    pub seq: i64,
    /// Its id.
    pub id: EventId,
    /// The event's name.
    pub action: String,
    /// Whether it worked.
    pub success: bool,
    /// When.
    pub created_at: String,
    /// What keeps an erased record's content from being guessed; gone with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// Everything else, unless it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// What is left of an erased content: its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased: Option<String>,
    /// What proves that it was ([`super::statement::Erased`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erasure: Option<String>,
    /// Its hash in the Merkle tree; none for an old record that no checkpoint covers yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaf: Option<String>,
    /// What the chain is over.
    pub chained: Chained,
    /// The chain at this record.
    pub hash: String,
}

/// Where the file ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The last number.
    pub seq: i64,
    /// The chain there.
    pub hash: String,
    /// What proves that this was all ([`super::statement::Ended`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<String>,
}
