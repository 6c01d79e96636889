//! What is wrong with a file, for people.

use std::fmt;

use domain::EventId;

use crate::audit::checkpoint::Claims;

/// The sort of what was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A record says something else than it did.
    Altered,
    /// Records are not there.
    Missing,
    /// A record was not there before.
    Added,
    /// A record stands somewhere else.
    Reordered,
    /// A checkpoint is not to be believed, or does not fit.
    Checkpoint,
    /// This is no export, or no longer.
    Unreadable,
}

/// The first thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of which sort.
    pub what: What,
    /// The record's number, where there is one.
    pub seq: Option<i64>,
    /// The record, where it can be known.
    pub id: Option<EventId>,
    text: String,
}

impl Finding {
    pub(super) fn new(what: What, seq: i64, id: Option<EventId>, text: impl Into<String>) -> Self {
        Self { what, seq: Some(seq), id, text: text.into() }
    }
    pub(super) fn checkpoint(claims: Option<&Claims>, text: impl Into<String>) -> Self {
        let range = claims.map(|c| format!("of records {} to {}: ", c.first_seq, c.last_seq)).unwrap_or_default();
        Self { what: What::Checkpoint, seq: claims.map(|c| c.first_seq), id: None, text: range + &text.into() }
    }
    pub(super) fn unreadable(line: u64, text: &str) -> Self {
        Self { what: What::Unreadable, seq: None, id: None, text: format!("line {line}: {text}") }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, of_record) = match self.what {
            What::Altered => ("altered", true),
            What::Missing => ("missing", true),
            What::Added => ("added", true),
            What::Reordered => ("reordered", true),
            What::Checkpoint => ("checkpoint", false),
            What::Unreadable => ("unreadable", false),
        };
        f.write_str(name)?;
        if let (Some(seq), true) = (self.seq, of_record) {
            write!(f, ": record {seq}")?;
        }
        if let Some(id) = self.id {
            write!(f, " ({id})")?;
        }
        write!(f, ": {}", self.text)
    }
}
