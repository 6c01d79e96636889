//! What became of a claimed row, as the worker says it and as the row keeps it.

use domain::{
    DeliveryId, OrgId, Time, WebhookId,
    delivery::webhooks::{DeliveryState, circuit::Sign},
};
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
    /// Before this nothing may be sent to the endpoint: it asked for that.
    pub not_before: Option<Time>,
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
    /// It may not be sent now: no attempt. It and all that waits at its endpoint wait on.
    Held {
        /// For the customer to read.
        reason: String,
        /// When to look again.
        until: Time,
    },
}

impl Verdict {
    /// The answer's status, if there was one.
    pub const fn status(&self) -> Option<u16> {
        match self {
            Self::Delivered { status, .. } => Some(*status),
            Self::Retry { status, .. } | Self::Failed { status, .. } => *status,
            Self::Cancelled { .. } | Self::Held { .. } => None,
        }
    }

    /// What it says about the endpoint.
    pub(super) const fn sign(&self) -> Sign {
        match self {
            Self::Delivered { .. } => Sign::Arrived,
            Self::Retry { status, .. } | Self::Failed { status, .. } => Sign::of_failure(*status),
            Self::Cancelled { .. } | Self::Held { .. } => Sign::Unsent,
        }
    }
}

/// Bytes of an answer that are kept, and shown.
pub const MAX_ANSWER: usize = 4096;

/// The part of an answer that is kept. PostgreSQL has no text with a NUL in it.
pub(super) fn clip(text: &str) -> String {
    let mut kept: String = text.chars().filter(|c| *c != '\0').take(MAX_ANSWER).collect();
    kept.truncate(kept.floor_char_boundary(MAX_ANSWER));
    kept
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
            Verdict::Held { reason, .. } => Row { unsent: 1, ..row(DeliveryState::Waiting, None, None, Some(reason)) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_cut_between_characters_and_without_nul() {
        assert_eq!(clip("a\0b"), "ab");
        let cut = clip(&format!("x{}", "ä".repeat(MAX_ANSWER)));
        assert_eq!(cut.len(), MAX_ANSWER - 1);
        assert!(cut.chars().skip(1).all(|c| c == 'ä'));
    }
}
