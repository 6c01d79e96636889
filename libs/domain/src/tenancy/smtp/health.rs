//! How an organization's mail server has been doing. One that is down for a minute, or whose settings do not work, is left alone for a
//! while: its mails leave through the platform's, and after a pause a mail tries it again.

use chrono::TimeDelta;

use super::{Failure, Remedy};
use crate::Time;

/// A server that is down for so long is not waited for any more.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);
/// The shortest and the longest pause before the next mail tries a server that failed: as long as it has been failing.
const PAUSES: (TimeDelta, TimeDelta) = (TimeDelta::minutes(5), TimeDelta::hours(1));
/// `last_sent_at` is written at most this often.
const SUCCESS_RECORDED_EVERY: TimeDelta = TimeDelta::minutes(1);

/// How it has been doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// When it first failed since it last took a mail.
    pub down_since: Option<Time>,
    /// When a mail tries it again; until then they leave through the platform's.
    pub retry_at: Option<Time>,
    /// What failed last since it last took a mail, and when.
    pub last_failure: Option<(Failure, Time)>,
    /// When it last took a mail, to the minute.
    pub last_sent_at: Option<Time>,
}

/// The same in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was sent yet.
    Untried,
    /// It takes mails.
    Working,
    /// It failed just now; mails wait for it.
    Unsteady,
    /// It fails: mails leave through the platform's.
    Failing,
}

impl State {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Untried => "untried",
            Self::Working => "working",
            Self::Unsteady => "unsteady",
            Self::Failing => "failing",
        }
    }
}

impl Health {
    /// In a word.
    pub const fn state(&self) -> State {
        match (self.retry_at, self.down_since, self.last_sent_at) {
            (Some(_), ..) => State::Failing,
            (None, Some(_), _) => State::Unsteady,
            (None, None, Some(_)) => State::Working,
            (None, None, None) => State::Untried,
        }
    }
    /// Whether mails leave through the platform's instead.
    pub const fn is_failing(&self) -> bool {
        self.retry_at.is_some()
    }
    /// Whether it is tried now.
    pub fn is_tried(&self, now: Time) -> bool {
        self.retry_at.is_none_or(|at| at <= now)
    }
    /// After it took a mail; `None`: that is known.
    pub fn after_success(&self, now: Time) -> Option<Self> {
        let is_known = self.last_sent_at.is_some_and(|at| (now - at).abs() < SUCCESS_RECORDED_EVERY);
        let is_news = self.down_since.is_some() || self.retry_at.is_some() || !is_known;
        is_news.then(|| Self { last_sent_at: Some(now), ..Self::default() })
    }
    /// After a failure that says something about the server; `None`: it says nothing.
    pub fn after_failure(&self, failure: &Failure, now: Time) -> Option<Self> {
        let is_broken = match failure.remedy() {
            Remedy::Down => false,
            Remedy::Broken => true,
            Remedy::GiveUp | Remedy::Elsewhere | Remedy::Again => return None,
        };
        let since = self.down_since.unwrap_or(now);
        let pause = (now - since).clamp(PAUSES.0, PAUSES.1);
        let is_failing = is_broken || self.is_failing() || now - since >= PATIENCE;
        Some(Self {
            down_since: Some(since),
            retry_at: is_failing.then(|| now + pause),
            last_failure: Some((*failure, now)),
            last_sent_at: self.last_sent_at,
        })
    }
}
