//! Attempts to sign in are judged before the password is looked at, so that guessing costs no hash, and counted when it was wrong. The
//! rules are in [`domain::identity::login_throttling`].

use std::time::Duration;

use chrono::TimeDelta;
use crypto::opaque;
use domain::{
    Origin, Result, SessionId, Time, UserId,
    core::{
        rate::{Limit, whole_seconds},
        value::Email,
    },
    identity::login_throttling::{AT_ONE_ACCOUNT, BY_ONE_NETWORK, Budgets, FROM_ONE_NETWORK, Judgement},
};
use store::{Change, NoEvent, WriteTx};

use crate::{App, Call, core::limits::refuse};

/// One attempt to sign in: the names of the budgets that it is judged by.
pub(crate) struct LoginAttempt {
    pair: String,
    network: String,
    account: String,
    known: bool,
    in_turn: bool,
}

impl LoginAttempt {
    /// Whether the account's owner signed in from this network lately.
    pub(crate) fn is_known(&self) -> bool {
        self.known
    }
}

/// Whom an attempt is about: an account, or an address that has none and is counted alike.
fn subject(user: Option<UserId>, email: &Email) -> String {
    user.map_or_else(|| email.to_string(), |user| user.to_string())
}

/// The name of the budget of an account from a network.
pub(crate) fn pair(user: UserId, call: &Call) -> String {
    name("pair", &user.to_string(), &call.origin.network())
}

/// The name of the budget of a network.
pub(crate) fn network(origin: &Origin) -> String {
    name("network", "", &origin.network())
}

fn name(kind: &str, subject: &str, network: &str) -> String {
    opaque::hash(&format!("{kind} {subject} {network}"))
}

impl App {
    /// Judges an attempt at the account `user`, or at `email` if there is none: `RateLimited` if it has to wait.
    pub(crate) async fn admit_login(&self, call: &Call, user: Option<UserId>, email: &Email) -> Result<LoginAttempt> {
        let (subject, network) = (subject(user, email), call.origin.network());
        let mut attempt = LoginAttempt {
            pair: name("pair", &subject, &network),
            network: name("network", "", &network),
            account: name("account", &subject, ""),
            known: false,
            in_turn: false,
        };
        if !self.settings.limits.enabled {
            return Ok(attempt);
        }
        let names = [attempt.pair.as_str(), &attempt.network, &attempt.account];
        let [pair, network, account] = self.store.public_login_budgets(names, call.now).await?;
        let budgets = Budgets { pair, network, account };
        attempt.known = budgets.is_known(call.now);
        match budgets.judge(call.now) {
            Judgement::Try => Ok(attempt),
            Judgement::TryInTurn => self.take_turn(call, attempt).await,
            Judgement::Wait(wait) => Err(refuse("guesses", whole_seconds(wait))),
            Judgement::WaitForTurn(wait) => self.queue(call, &attempt, wait).await,
        }
    }

    async fn take_turn(&self, call: &Call, attempt: LoginAttempt) -> Result<LoginAttempt> {
        let taken = async |tx: &WriteTx| Ok(Change::silent(tx.take_turn(&attempt.pair).await?, NoEvent::Housekeeping));
        if self.anonymously(call, taken).await? {
            Ok(LoginAttempt { in_turn: true, ..attempt })
        } else {
            Err(refuse("guesses", 1))
        }
    }

    /// The password was not looked at after all: if it was this network's turn, it still is.
    pub(crate) async fn give_turn_back(&self, call: &Call, attempt: &LoginAttempt) -> Result<()> {
        if !attempt.in_turn {
            return Ok(());
        }
        let again =
            async |tx: &WriteTx| Ok(Change::silent(tx.queue_for_turn(&attempt.pair, call.now).await?, NoEvent::Housekeeping));
        self.anonymously(call, again).await
    }

    async fn queue(&self, call: &Call, attempt: &LoginAttempt, wait: Duration) -> Result<LoginAttempt> {
        let turn = call.now + TimeDelta::from_std(wait).unwrap_or_default();
        let queue = async |tx: &WriteTx| Ok(Change::silent(tx.queue_for_turn(&attempt.pair, turn).await?, NoEvent::Housekeeping));
        self.anonymously(call, queue).await?;
        Err(refuse("guesses", whole_seconds(wait)))
    }

    /// Counts an attempt that failed, in the transaction that records it. In the same order everywhere, for these are rows that many want.
    pub(crate) async fn charge_failed_login(&self, tx: &WriteTx, attempt: &LoginAttempt) -> Result<()> {
        if !self.settings.limits.enabled {
            return Ok(());
        }
        tx.charge_login_budget(&attempt.pair, FROM_ONE_NETWORK).await?;
        // Where the person signs in usually, mistakes are held against nobody else.
        if !attempt.known {
            tx.charge_login_budget(&attempt.account, AT_ONE_ACCOUNT).await?;
            tx.charge_login_budget(&attempt.network, BY_ONE_NETWORK).await?;
        }
        Ok(())
    }

    /// Judges whether somebody signed in may try the password of their own account; to be charged by the name that it answers.
    pub(crate) async fn admit_password_check(&self, session: SessionId, now: Time) -> Result<String> {
        let name = name("session", &session.to_string(), "");
        if self.settings.limits.enabled {
            let [own] = self.store.public_login_budgets([&name], now).await?;
            if let Some(wait) = own.wait(now, OWN) {
                return Err(refuse("guesses", whole_seconds(wait)));
            }
        }
        Ok(name)
    }

    /// Counts such a password that was wrong.
    pub(crate) async fn charge_password_check(&self, call: &Call, name: &str) -> Result<()> {
        if !self.settings.limits.enabled {
            return Ok(());
        }
        self.anonymously(call, async |tx| Ok(Change::silent(tx.charge_login_budget(name, OWN).await?, NoEvent::Housekeeping)))
            .await
    }
}

/// Attempts of one session at its own account's password.
const OWN: Limit = FROM_ONE_NETWORK;
