//! What looking for a proof comes to, and what follows from it for a domain that was proven before.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::{Challenge, Domain, Proof};
use crate::Time;

/// Why a proof was not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Miss {
    /// There is nothing.
    Absent,
    /// There is something else.
    Different,
    /// Nobody answers, or in time.
    Unanswered,
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finding {
    /// The proof.
    Proven(Proof),
    /// None: what there is instead of the record, and of the file if one would do.
    Missing {
        /// Of the record.
        record: Miss,
        /// Of the file.
        file: Option<Miss>,
    },
}

impl Finding {
    /// The proof.
    pub const fn proof(self) -> Option<Proof> {
        match self {
            Self::Proven(proof) => Some(proof),
            Self::Missing { .. } => None,
        }
    }

    /// What to tell whoever asked. Says nothing about what is behind the name but what its owner knows.
    pub fn told(self, of: &Challenge) -> String {
        let (record, file) = match self {
            Self::Proven(_) => return format!("{} is verified.", of.domain),
            Self::Missing { record, file } => (record, file),
        };
        let dns = match record {
            Miss::Absent => format!("There is no TXT record {} yet.", of.record),
            Miss::Different => format!("The TXT record {} has another value.", of.record),
            Miss::Unanswered => format!("The name servers did not answer for the TXT record {}.", of.record),
        };
        match file {
            None => format!("{dns} Changes of the DNS can take a while to arrive."),
            Some(Miss::Different) => format!("{dns} {} answers with something else.", of.file()),
            Some(_) => format!("{dns} {} could not be fetched.", of.file()),
        }
    }
}

/// How a domain fails that was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Since when.
    pub since: Time,
    /// In how many daily checks.
    pub checks: i16,
}

/// A proof that has been missing for so long counts no more.
pub const LAPSES_AFTER: TimeDelta = TimeDelta::days(7);

/// From one check to the next.
const EVERY: TimeDelta = TimeDelta::days(1);

/// The failed check at which a domain lapses: seven days after the first.
const LAST: i16 = 8;

/// Failed checks that its owners are told of: at once, and three days and one day before it lapses.
const TOLD: [i16; 3] = [1, 5, 7];

impl Failing {
    /// When the domain lapses, at the earliest.
    pub fn lapses_at(self) -> Time {
        self.since + LAPSES_AFTER
    }
}

/// What a daily check comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// The proof is there.
    Fine,
    /// It is there again.
    Recovered,
    /// It is missing.
    Failing {
        /// Whether its owners are told.
        told: bool,
    },
    /// It has been missing for too long.
    Lapsed,
}

impl Domain {
    /// Was proven now, by somebody who asked or by a daily check.
    pub fn prove(&mut self, proof: Proof, now: Time) {
        let since = self.proven.map_or(now, |(_, since)| since);
        self.proven = Some((proof, since));
        self.failing = None;
        self.checked_at = Some(now);
        self.next_check_at = Some(now + EVERY);
        self.updated_at = now;
    }

    /// Takes note of a daily check.
    pub fn check(&mut self, proof: Option<Proof>, now: Time) -> Checked {
        self.checked_at = Some(now);
        self.next_check_at = Some(now + EVERY);
        if let Some(proof) = proof {
            let failed = self.failing.is_some();
            self.prove(proof, now);
            return if failed { Checked::Recovered } else { Checked::Fine };
        }
        let mut failing = self.failing.unwrap_or(Failing { since: now, checks: 0 });
        failing.checks = failing.checks.saturating_add(1);
        self.updated_at = now;
        if failing.checks >= LAST {
            (self.proven, self.failing, self.next_check_at) = (None, None, None);
            return Checked::Lapsed;
        }
        self.failing = Some(failing);
        Checked::Failing { told: TOLD.contains(&failing.checks) }
    }
}
