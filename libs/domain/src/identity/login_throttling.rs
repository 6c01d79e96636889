//! Guessing at passwords (T41): slowed for whoever guesses, without letting them lock out whose password it is.
//!
//! Failed sign-ins are counted in three budgets, which are kept in the database: neither a restart nor an emptied cache forgives them.
//!
//! 1. **This account from this network**: [`FROM_ONE_NETWORK`]. Whoever guesses waits, and nobody else does.
//! 2. **This network**: [`BY_ONE_NETWORK`], over all accounts: a few common passwords tried on many accounts.
//! 3. **This account**: [`AT_ONE_ACCOUNT`], over all networks: many machines that guess together. While it is used up, a network from which nobody
//!    has signed in to this account has to wait for its turn, at most [`LONGEST_WAIT`]; then it gets one try, however many others
//!    wait. So a stranger's guesses cost the person, in the worst case, that wait, once, in a place where they are new.
//!
//! A network from which the person has signed in before is **known** for [`KNOWN_FOR`]: there only the first budget counts, and what
//! fails there is held against nobody else. An address without an account is counted like one with an account (T40).

use std::time::Duration;

use chrono::TimeDelta;

use crate::{Time, core::rate::Limit};

/// Five at once, then one each ten seconds.
pub const FROM_ONE_NETWORK: Limit = Limit { burst: 5, period: Duration::from_secs(10) };
/// Fifty at once, then six a minute.
pub const BY_ONE_NETWORK: Limit = Limit { burst: 50, period: Duration::from_secs(10) };
/// Twenty at once, then one a minute, before networks have to wait for their turn.
pub const AT_ONE_ACCOUNT: Limit = Limit { burst: 20, period: Duration::from_secs(60) };
/// How long a network waits for its turn at most.
pub const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// How long a network is known after a sign-in.
pub const KNOWN_FOR: TimeDelta = TimeDelta::days(90);
/// How long what was counted is kept after it stopped mattering; also how long a turn waits for whoever took it.
pub const KEPT_FOR: TimeDelta = TimeDelta::hours(1);

/// One budget, as it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// When nothing of it is used any more, in microseconds since 1970.
    pub full_at: i64,
    /// When it is this network's turn, if it waits for one.
    pub turn_at: Option<Time>,
    /// When somebody signed in to this account from this network.
    pub known_at: Option<Time>,
}

/// The budgets that a sign-in is judged by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    /// This account from this network.
    pub pair: Budget,
    /// This network.
    pub network: Budget,
    /// This account.
    pub account: Budget,
}

/// What becomes of a sign-in, before its password is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// It is tried.
    Try,
    /// It is tried, and its network's turn is over.
    TryInTurn,
    /// It is refused for so long.
    Wait(Duration),
    /// It is refused for so long; then it is its network's turn.
    WaitForTurn(Duration),
}

impl Budgets {
    /// Whether the person signed in from this network lately.
    pub fn is_known(&self, now: Time) -> bool {
        self.pair.known_at.is_some_and(|at| now - at < KNOWN_FOR)
    }

    /// Decides on one sign-in.
    pub fn judge(&self, now: Time) -> Judgement {
        if let Some(wait) = self.pair.wait(now, FROM_ONE_NETWORK) {
            return Judgement::Wait(wait);
        }
        if self.is_known(now) {
            return Judgement::Try;
        }
        if let Some(wait) = self.network.wait(now, BY_ONE_NETWORK) {
            return Judgement::Wait(wait);
        }
        match (self.account.wait(now, AT_ONE_ACCOUNT), self.pair.turn_at) {
            (None, _) => Judgement::Try,
            // Further ahead than a wait is long: the clock was set back meanwhile.
            (Some(_), Some(turn)) => match (turn - now).to_std() {
                Ok(wait) if !wait.is_zero() && wait <= LONGEST_WAIT => Judgement::Wait(wait),
                _ => Judgement::TryInTurn,
            },
            (Some(wait), None) => Judgement::WaitForTurn(wait),
        }
    }
}

impl Budget {
    /// How long until one more guess is allowed; `None`: now. Never longer than [`LONGEST_WAIT`]. What a clock that was ahead left is
    /// forgotten.
    pub fn wait(&self, now: Time, limit: Limit) -> Option<Duration> {
        let until_full = self.full_at.saturating_sub(now.timestamp_micros()).max(0);
        let refused = until_full <= farthest(limit) && !limit.fits(until_full);
        refused.then(|| limit.admission(false, until_full).retry_after.min(LONGEST_WAIT))
    }
}

/// The farthest that a budget's `full_at` may be from now: what is guessed beyond makes nobody wait longer.
pub fn farthest(limit: Limit) -> i64 {
    limit.tolerance() + i64::try_from(LONGEST_WAIT.as_micros()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-11-23T09:00:00Z";

    fn now() -> Time {
        NOW.parse().unwrap()
    }
    fn used(limit: Limit, guesses: i64) -> Budget {
        Budget { full_at: now().timestamp_micros() + limit.micros() * guesses, ..Budget::default() }
    }
    /// As much as is ever counted.
    fn used_up(limit: Limit) -> Budget {
        Budget { full_at: now().timestamp_micros() + farthest(limit), ..Budget::default() }
    }
    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn whoever_guesses_waits() {
        let budgets = |guesses| Budgets { pair: used(FROM_ONE_NETWORK, guesses), ..Budgets::default() };
        assert_eq!(Budgets::default().judge(now()), Judgement::Try);
        assert_eq!(budgets(4).judge(now()), Judgement::Try);
        assert_eq!(budgets(5).judge(now()), Judgement::Wait(seconds(10)));
        assert_eq!(budgets(5).judge(now() + TimeDelta::seconds(10)), Judgement::Try);
    }

    #[test]
    fn a_network_that_tries_many_accounts_waits() {
        let budgets = Budgets { network: used(BY_ONE_NETWORK, 50), ..Budgets::default() };
        assert_eq!(budgets.judge(now()), Judgement::Wait(seconds(10)));
    }

    #[test]
    fn new_networks_take_turns_while_an_account_is_attacked() {
        let mut budgets = Budgets { account: used(AT_ONE_ACCOUNT, 20), ..Budgets::default() };
        assert_eq!(budgets.judge(now()), Judgement::WaitForTurn(seconds(60)));
        budgets.account = used_up(AT_ONE_ACCOUNT);
        assert_eq!(budgets.judge(now()), Judgement::WaitForTurn(LONGEST_WAIT));
        budgets.pair.turn_at = Some(now() + TimeDelta::seconds(90));
        assert_eq!(budgets.judge(now()), Judgement::Wait(seconds(90)));
        assert_eq!(budgets.judge(now() + TimeDelta::seconds(90)), Judgement::TryInTurn, "however much was guessed meanwhile");
    }

    #[test]
    fn where_one_signed_in_before_only_ones_own_mistakes_count() {
        let known = Some(now() - TimeDelta::days(89));
        let attacked = |known_at, own| Budgets {
            pair: Budget { known_at, ..used(FROM_ONE_NETWORK, own) },
            network: used_up(BY_ONE_NETWORK),
            account: used_up(AT_ONE_ACCOUNT),
        };
        assert_eq!(attacked(known, 4).judge(now()), Judgement::Try);
        assert_eq!(attacked(known, 5).judge(now()), Judgement::Wait(seconds(10)));
        assert_ne!(attacked(Some(now() - KNOWN_FOR), 0).judge(now()), Judgement::Try);
    }

    #[test]
    fn what_a_clock_that_was_ahead_left_is_forgotten() {
        let budgets = Budgets { pair: used(FROM_ONE_NETWORK, 5), account: used(AT_ONE_ACCOUNT, 20), ..Budgets::default() };
        assert_eq!(budgets.judge(now() - TimeDelta::days(3)), Judgement::Try);
        let turn = Budget { turn_at: Some(now() + TimeDelta::days(3)), ..Budget::default() };
        let attacked = Budgets { pair: turn, account: used(AT_ONE_ACCOUNT, 20), ..Budgets::default() };
        assert_eq!(attacked.judge(now()), Judgement::TryInTurn);
    }
}
