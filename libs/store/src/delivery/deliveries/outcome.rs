//! What became of a claimed row, as the worker says it and as the row keeps it.

use domain::{DeliveryId, OrgId, Time, WebhookId, delivery::webhooks::DeliveryState};
use uuid::Uuid;

/// A claimed row, and the right to settle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The organization.
    pub org: OrgId,
    /// The endpoint.
    pub webhook: WebhookId,
    /// The delivery.
    pub id: DeliveryId,
    /// The claim.
    pub lease: Uuid,
    /// Which attempt this is, from 1.
    pub number: i32,
}

/// How an attempt went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Of which row.
    pub ticket: Ticket,
    /// When it began.
    pub at: Time,
    /// How long it took.
    pub duration_ms: i64,
    /// What follows.
    pub verdict: Verdict,
}

/// What follows from an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It arrived.
    Delivered {
        /// The answer's status.
        status: u16,
        /// The answer's body.
        body: String,
    },
    /// It did not; try again.
    Retry {
        /// The answer's status, if there was one.
        status: Option<u16>,
        /// The answer's body, if there was one.
        body: Option<String>,
        /// For the customer to read.
        error: String,
        /// When to try again.
        next_at: Time,
    },
    /// It did not, and that was the last attempt.
    Failed {
        /// The answer's status, if there was one.
        status: Option<u16>,
        /// The answer's body, if there was one.
        body: Option<String>,
        /// For the customer to read.
        error: String,
    },
    /// It was not sent, and will not be: no attempt.
    Cancelled {
        /// For the customer to read.
        reason: String,
    },
}

/// Characters of an answer that are kept.
const LONGEST: usize = 10_000;

/// The part of an answer that is kept. PostgreSQL has no text with a NUL in it.
fn clip(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}

/// An outcome as the row keeps it.
pub(super) struct Row {
    pub(super) state: DeliveryState,
    pub(super) next_at: Time,
    pub(super) status: Option<i32>,
    pub(super) body: Option<String>,
    pub(super) error: Option<String>,
    /// 1 where the claim counted an attempt that did not take place.
    pub(super) unsent: i32,
}

impl Row {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let row = |state, status: Option<u16>, body: Option<&String>, error: Option<&String>| Row {
            state,
            next_at: outcome.at,
            status: status.map(i32::from),
            body: body.map(|text| clip(text)),
            error: error.map(|text| clip(text)),
            unsent: 0,
        };
        match &outcome.verdict {
            Verdict::Delivered { status, body } => row(DeliveryState::Delivered, Some(*status), Some(body), None),
            Verdict::Retry { status, body, error, next_at } => {
                Row { next_at: *next_at, ..row(DeliveryState::Waiting, *status, body.as_ref(), Some(error)) }
            }
            Verdict::Failed { status, body, error } => row(DeliveryState::Failed, *status, body.as_ref(), Some(error)),
            Verdict::Cancelled { reason } => Row { unsent: 1, ..row(DeliveryState::Failed, None, None, Some(reason)) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_cut_between_characters_and_without_nul() {
        assert_eq!(clip("a\0b"), "ab");
        let cut = clip(&"ä".repeat(LONGEST + 5));
        assert_eq!(cut.chars().count(), LONGEST);
        assert!(cut.chars().all(|c| c == 'ä'));
    }
}
