//! What follows from a receiver's answer. Pure: the table of cases is the test below.
//!
//! A batch that is refused as a whole (400, 413, 422) is halved until one record is alone. Refused alone it is a *suspect*: perhaps the
//! receiver refuses everything because a setting is wrong, and then nothing may be skipped. So the next record is tried alone; only when the
//! receiver takes one are the suspects before it proven to be poison, set aside and named.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::core::clock::stretched;

/// Suspects in a row; where more are refused, it is the receiver or the settings.
pub const MOST_SUSPECTS: usize = 20;
/// Nobody is made to wait longer because a receiver asks for it.
const LONGEST_ASKED: TimeDelta = TimeDelta::hours(1);

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $hint:literal;)*) => {
        /// Why a receiver did not take a batch.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reason { $($(#[$doc])* $variant),* }
        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
            /// Stable, for programs.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $name),* } }
            /// For people: what it is and what to do.
            pub const fn hint(self) -> &'static str { match self { $(Self::$variant => $hint),* } }
            /// What the database gave back; `None`: a newer version's.
            pub fn stored(text: &str) -> Option<Self> { Self::ALL.iter().copied().find(|reason| reason.as_str() == text) }
        }
    };
}

reasons! {
    /// The records themselves are refused.
    Refused = "refused", "The receiver refuses the records themselves (400, 413 or 422), each alone as well. Check its index, format and limits.";
    /// The credentials are refused.
    Unauthorized = "unauthorized", "The receiver refuses the credentials (401 or 403). Check the key and what it may do.";
    /// It asks for fewer requests.
    Overloaded = "overloaded", "The receiver asks for fewer requests (429). Records wait until it takes more.";
    /// It fails.
    Failing = "receiver_failing", "The receiver fails (5xx). Records wait until it works again.";
    /// There is no such thing there.
    Unexpected = "unexpected_status", "This is no answer of such a receiver. Check the URL.";
    /// It leads elsewhere.
    Redirected = "redirected", "The receiver redirects, which is not followed. Set the URL that it leads to.";
    /// It took too long.
    Timeout = "timeout", "The receiver did not answer in time.";
    /// Nobody listens.
    Unreachable = "unreachable", "Nobody answers at this host and port.";
    /// The name leads nowhere.
    NoAddress = "no_address", "The host name leads to no address that may be called.";
    /// There is no agreement on encryption, or the certificate does not fit.
    Tls = "tls_failed", "There was no agreement on encryption, or the certificate is not trusted here.";
    /// The address may not be called.
    NotAllowed = "address_not_allowed", "This address may not be called.";
    /// What answers does not speak the protocol.
    BadAnswer = "bad_answer", "What answers does not speak the protocol that is expected.";
    /// It took the batch and did not say that it is safe.
    NotAcknowledged = "not_acknowledged", "The receiver took the records and did not acknowledge in time that they are indexed.";
    /// There is no key.
    NoKey = "no_api_key", "This receiver needs an `api_key`.";
    /// The credentials cannot be opened.
    Unreadable = "credentials_unreadable", "The stored credentials cannot be read. Set them again, or ask the operator.";
}

/// What came of handing over a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is there, all of it.
    Taken,
    /// The first `settled` are there but for those that are `refused` (places in the batch, with the status of each), of which the receiver
    /// took others; `rest`: what the next one was answered.
    Items {
        /// How many, from the first, need no further attempt.
        settled: usize,
        /// Which of these were refused.
        refused: Vec<(usize, u16)>,
        /// The status of the next one, if there is one.
        rest: Option<u16>,
    },
    /// None is there.
    Status {
        /// The answer's status.
        status: u16,
        /// How long to wait, if it says so.
        wait: Option<TimeDelta>,
    },
    /// There was no answer.
    No(Reason),
}

/// What was handed over, and how it went before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Records in the batch.
    pub sent: usize,
    /// How many it could have had.
    pub room: usize,
    /// How many a batch may have at most.
    pub most: usize,
    /// Suspects before this batch.
    pub suspects: usize,
    /// Failed attempts since the last success.
    pub failures: u32,
}

/// Why a receiver did not take something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Why.
    pub reason: Reason,
    /// The answer's status, if there was one.
    pub status: Option<u16>,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Suspects are poison and set aside, and so are these of the batch. The rest of the first `settled` arrived.
    GoOn {
        /// How many, from the first, need no further attempt.
        settled: usize,
        /// Which of them are poison: place and status.
        poison: Vec<(usize, u16)>,
        /// Records of the next batch at most.
        room: usize,
        /// What keeps the next one from being sent now.
        wait: Option<(TimeDelta, Failure)>,
    },
    /// The same again with fewer, at once.
    Fewer {
        /// Records of the next batch at most.
        room: usize,
    },
    /// The one record of the batch is a suspect, by this status: the one behind it is tried, alone.
    Suspect(u16),
    /// None of it arrived. The same again, later.
    Wait {
        /// How long.
        after: TimeDelta,
        /// Why.
        failure: Failure,
    },
}

/// What follows from `answer`; `jitter` is from 0 to 1.
pub fn next(answer: Answer, attempt: Attempt, jitter: f64) -> Next {
    let room = (attempt.room * 2).clamp(1, attempt.most);
    match answer {
        Answer::Taken => Next::GoOn { settled: attempt.sent, poison: Vec::new(), room, wait: None },
        Answer::Items { settled, refused, rest } => {
            let failures = if settled > 0 { 0 } else { attempt.failures };
            let wait = rest.map(|status| {
                let failure = Failure { reason: reason(status), status: Some(status) };
                (after(failure.reason, None, failures, jitter), failure)
            });
            Next::GoOn { settled, poison: refused, room, wait }
        }
        Answer::Status { status, wait } => {
            let failure = Failure { reason: reason(status), status: Some(status) };
            match failure.reason {
                Reason::Refused if attempt.sent > 1 => Next::Fewer { room: attempt.sent / 2 },
                Reason::Refused if attempt.suspects < MOST_SUSPECTS => Next::Suspect(status),
                reason => Next::Wait { after: after(reason, wait, attempt.failures, jitter), failure },
            }
        }
        Answer::No(reason) => {
            Next::Wait { after: after(reason, None, attempt.failures, jitter), failure: Failure { reason, status: None } }
        }
    }
}

/// What follows where a suspect is the last record that there is.
pub fn last_is_suspect(status: u16, failures: u32, jitter: f64) -> Next {
    let failure = Failure { reason: Reason::Refused, status: Some(status) };
    Next::Wait { after: after(Reason::Refused, None, failures, jitter), failure }
}

/// What a status other than 2xx says.
pub const fn reason(status: u16) -> Reason {
    match status {
        400 | 413 | 422 => Reason::Refused,
        401 | 403 => Reason::Unauthorized,
        408 => Reason::Timeout,
        429 => Reason::Overloaded,
        300..=399 => Reason::Redirected,
        500..=599 => Reason::Failing,
        _ => Reason::Unexpected,
    }
}

/// What heals by itself is tried sooner than what somebody has to repair.
fn after(reason: Reason, asked: Option<TimeDelta>, failures: u32, jitter: f64) -> TimeDelta {
    let (first, longest) = match reason {
        Reason::Refused
        | Reason::Overloaded
        | Reason::Failing
        | Reason::Timeout
        | Reason::Unreachable
        | Reason::BadAnswer
        | Reason::NotAcknowledged => (TimeDelta::seconds(1), TimeDelta::minutes(5)),
        _ => (TimeDelta::seconds(30), TimeDelta::minutes(15)),
    };
    let wait = first.num_milliseconds().saturating_mul(1 << failures.min(20)).min(longest.num_milliseconds());
    let own = TimeDelta::milliseconds(stretched(wait, jitter));
    asked.map_or(own, |asked| own.max(asked.min(LONGEST_ASKED)))
}

#[cfg(test)]
mod tests;
