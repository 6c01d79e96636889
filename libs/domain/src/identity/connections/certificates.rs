//! The certificates that verify a SAML provider's signatures.
//!
//! Nothing else is asked of one than its key and its dates: who issued it does not matter, since it is trusted because it was written down
//! or published in the metadata. What vanishes from the metadata is used for another week, so that a provider that takes its old
//! certificate away too early locks nobody out.

use chrono::TimeDelta;

use crate::Time;

/// Certificates that a connection may have.
pub const MAX_CERTIFICATES: usize = 10;

/// How long one that is not published any more is used.
pub const GRACE: TimeDelta = TimeDelta::days(7);

/// So many days before the last certificate ends the owners are told.
const WARNINGS: [i64; 3] = [60, 30, 7];

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of its DER, in hex.
    pub sha256: String,
    /// Its DER, in base64.
    pub der: String,
    /// Whose it says that it is.
    pub subject: String,
    /// From when it counts.
    pub not_before: Time,
    /// Until when.
    pub not_after: Time,
    /// Whether somebody wrote it down: what the metadata does not hold stays.
    pub by_hand: bool,
    /// Since when it is not in the metadata any more.
    pub gone_at: Option<Time>,
    /// The last warning that was given of its end, in days before it.
    pub warned: Option<i64>,
}

/// What a certificate is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Not yet.
    Next,
    /// It verifies.
    Current,
    /// Not any more.
    Retired,
}

impl State {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
        }
    }
}

impl Certificate {
    /// What it is good for now.
    pub fn state(&self, now: Time) -> State {
        let gone = self.gone_at.is_some_and(|since| now >= since + GRACE);
        match () {
            () if gone || now >= self.not_after => State::Retired,
            () if now < self.not_before => State::Next,
            () => State::Current,
        }
    }
}

/// What a connection has after metadata with `published` was read: new ones join, what vanished is used for [`GRACE`] more, and what was
/// retired for good is dropped.
pub fn joined(known: &[Certificate], published: &[Certificate], now: Time) -> Vec<Certificate> {
    let is_published = |certificate: &Certificate| published.iter().any(|one| one.sha256 == certificate.sha256);
    let stays = known.iter().cloned().map(|mut certificate| {
        certificate.gone_at = match () {
            () if certificate.by_hand || is_published(&certificate) => None,
            () => certificate.gone_at.or(Some(now)),
        };
        certificate
    });
    let stays = stays.filter(|certificate| certificate.by_hand || certificate.state(now) != State::Retired);
    let joins = published.iter().filter(|one| known.iter().all(|certificate| certificate.sha256 != one.sha256)).cloned();
    stays.chain(joins).take(MAX_CERTIFICATES).collect()
}

/// The certificate that lasts longest, and the warning that is due of its end, in days. Once that is given, it is not due again.
pub fn warning_due(certificates: &mut [Certificate], now: Time) -> Option<(&mut Certificate, i64)> {
    let usable = certificates.iter_mut().filter(|certificate| certificate.gone_at.is_none());
    let last = usable.max_by_key(|certificate| certificate.not_after)?;
    let left = last.not_after - now;
    let due = WARNINGS.into_iter().rfind(|warning| left <= TimeDelta::days(*warning))?;
    if last.warned.is_some_and(|warned| warned <= due) { None } else { Some((last, due)) }
}

#[cfg(test)]
mod tests;
