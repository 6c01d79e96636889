//! Something is wrong; what comes after it tells what. A forger rarely computes everything anew, and then the hashes that were left as
//! they were say what stood there.

use domain::{EventId, OrgId};

use super::{Checked, Finding, What};
use crate::audit::{
    chain,
    export::{Chained, Record},
    leaf::{Kept, digest, leaf},
};

/// A record in the chain.
pub(super) struct Place {
    pub(super) seq: i64,
    pub(super) id: Option<EventId>,
    pub(super) hash: String,
}

/// What may have happened.
pub(super) enum Suspect {
    /// A number was left out: it comes later (moved), or not at all (missing).
    Gap { expected: i64, found: i64, id: EventId },
    /// A record does not follow the one before, or is not what its own leaf says.
    Broken { before: String, here: Place, why: &'static str },
    /// A number came twice: the next record follows one of the two.
    Twice { seq: i64, first: (EventId, String), second: (EventId, String) },
}

impl Suspect {
    pub(super) fn gap(expected: i64, record: &Record) -> Self {
        Self::Gap { expected, found: record.seq, id: record.id }
    }

    pub(super) fn broken(before: &str, record: &Record, why: &'static str) -> Self {
        let here = Place { seq: record.seq, id: Some(record.id), hash: record.hash.clone() };
        Self::Broken { before: before.to_owned(), here, why }
    }

    /// A number that was there already.
    pub(super) fn again(here: &Place, record: &Record) -> Checked<Self> {
        match here.id {
            Some(id) if here.seq == record.seq && id != record.id => {
                let (first, second) = ((id, here.hash.clone()), (record.id, record.hash.clone()));
                Ok(Self::Twice { seq: record.seq, first, second })
            }
            _ => Err(Finding::new(What::Added, record.seq, Some(record.id), "this number was there already")),
        }
    }

    /// Looks at the next record of the file.
    pub(super) fn next(&mut self, record: &Record, org: OrgId) -> Checked {
        match self {
            Self::Gap { expected, found, id } if record.seq == *expected => {
                let text = format!("it stands before record {expected} ({})", record.id);
                Err(Finding::new(What::Reordered, *found, Some(*id), text))
            }
            Self::Gap { .. } => Ok(()),
            Self::Broken { before, here, .. } => {
                let added = consistent(record, org, before, here.seq).is_ok() || follows(record, before, here.seq);
                if added {
                    return Err(Finding::new(What::Added, here.seq, here.id, "the record behind it follows the one before it"));
                }
                if follows(record, &here.hash, record.seq + 1) {
                    let text = "what was there is gone, and the records behind it were numbered anew";
                    return Err(Finding::new(What::Missing, here.seq, None, text));
                }
                Err(self.conclude())
            }
            Self::Twice { seq, first, second } => {
                let (added, text) = if follows(record, &second.1, record.seq) {
                    (first.0, "another record has its number, and the next one follows that")
                } else {
                    (second.0, "its number was there already")
                };
                Err(Finding::new(What::Added, *seq, Some(added), text))
            }
        }
    }

    /// Nothing more comes.
    pub(super) fn conclude(&self) -> Finding {
        match self {
            Self::Gap { expected, found, .. } => {
                let text = match found - expected {
                    1 => "it is not in the file".to_owned(),
                    _ => format!("nor are those up to {}", found - 1),
                };
                Finding::new(What::Missing, *expected, None, text)
            }
            Self::Broken { here, why, .. } => Finding::new(What::Altered, here.seq, here.id, *why),
            Self::Twice { seq, second, .. } => Finding::new(What::Added, *seq, Some(second.0), "its number was there already"),
        }
    }
}

/// Whether a record's hash is what follows from `before` for number `seq`.
pub(super) fn follows(record: &Record, before: &str, seq: i64) -> bool {
    what(record).is_some_and(|what| chain::link(before, seq, record.id, what) == record.hash)
}

/// What the link is over; none for an old record whose body is erased.
fn what(record: &Record) -> Option<&str> {
    match record.chained {
        Chained::Leaf => record.leaf.as_deref(),
        Chained::Body => record.content.as_ref().map(|content| content.body.as_str()),
    }
}

/// Whether everything in a record agrees: content, leaf, and link to the record before.
pub(super) fn consistent(record: &Record, org: OrgId, before: &str, seq: i64) -> Result<(), &'static str> {
    let digest = match (&record.salt, &record.content, &record.erased) {
        (Some(salt), Some(content), None) => Some(digest(salt, content)),
        (None, None, Some(digest)) => Some(digest.clone()),
        // From before there were leaves, and not under a checkpoint yet: only the chain speaks for it.
        (None, Some(_), None) if record.leaf.is_none() && record.chained == Chained::Body => None,
        _ => return Err("it is neither whole nor erased"),
    };
    let kept = Kept { org, id: record.id, name: &record.action, success: record.success, at: &record.created_at };
    if digest.map(|digest| leaf(&kept, &digest)) != record.leaf {
        return Err("it does not have the leaf that was computed from it");
    }
    // The body of an old record is gone with its erasure. Its hash stays bound by the record behind it and by the checkpoint.
    let is_stated = record.erased.is_some() && record.chained == Chained::Body;
    if is_stated || follows(record, before, seq) { Ok(()) } else { Err("it does not follow the record before it") }
}
