//! What a payment provider tells of a subscription, and what becomes of it. Its calls come more than once, late, and in any order: the
//! moment that the provider names decides, not when a call arrives.

use super::PaymentProvider;
use crate::{PlanId, ServiceId, Time, UserId, applications::subscriptions::SubscriptionStatus};

/// How many calls of a provider are remembered, so that each counts once. One that comes again later than that is outdated.
pub const REMEMBERED: i64 = 10_000;

/// A call of a provider, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The provider's id of it; the same when it comes again. `None`: its headers say it.
    pub id: Option<String>,
    /// The provider's name of what happened.
    pub kind: String,
    /// When, as the provider says.
    pub at: Time,
    /// Whether it is about money that moves; `None`: the provider does not say.
    pub live: Option<bool>,
    /// What it says of a subscription; `None`: it is about something else.
    pub about: Option<Told>,
    /// The customer that is no more, if it is about that.
    pub gone: Option<String>,
}

/// What a provider says of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The provider's id of it.
    pub id: String,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// Prices (Stripe) or products (Polar): what of ours it pays for.
    pub products: Vec<String>,
    /// Until when it is paid.
    pub until: Option<Time>,
    /// Whose it is, as its checkout noted it.
    pub user: Option<UserId>,
    /// For which service.
    pub service: Option<ServiceId>,
    /// Who pays, as the provider knows them.
    pub customer: Option<String>,
}

/// A subscription as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// For which service.
    pub service: ServiceId,
    /// Whose.
    pub user: UserId,
    /// Which plan.
    pub plan: PlanId,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// Until when it is paid.
    pub until: Option<Time>,
    /// The provider that said so, its id of it, and the moment; `None`: the service's own program did.
    pub by: Option<(PaymentProvider, String, Time)>,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The subscription is what it says.
    Applied,
    /// It was that already.
    Unchanged,
    /// It is about something else, or of the other mode.
    Ignored,
    /// Something later is known.
    Outdated,
    /// Nobody and nothing of ours is meant by it.
    Unmatched,
}

impl Outcome {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Unchanged => "unchanged",
            Self::Ignored => "ignored",
            Self::Outdated => "outdated",
            Self::Unmatched => "unmatched",
        }
    }
}

/// Whether what a provider says at a moment takes the place of what is known of this user and service.
///
/// A subscription that has ended at the provider never lives again: whoever comes back gets another one. Of two, the one of which was told
/// last counts; that another one has ended says nothing about the one that counts.
pub fn judge(known: &Known, provider: PaymentProvider, told: &Told, at: Time) -> Outcome {
    let by = known.by.as_ref().map(|(by, id, told_at)| Last { same: (*by, id) == (provider, &told.id), at: *told_at });
    judge_after(by, known.status, told, at)
}

/// What was said last of what is known.
pub(super) struct Last {
    /// Whether it was said of the same subscription.
    pub(super) same: bool,
    /// At which moment.
    pub(super) at: Time,
}

/// The same, of what stands at `status`; `None`: no provider has said anything.
pub(super) fn judge_after(last: Option<Last>, status: SubscriptionStatus, told: &Told, at: Time) -> Outcome {
    let Some(Last { same, at: told_at }) = last else {
        return if is_over(told.status) { Outcome::Ignored } else { Outcome::Applied };
    };
    match () {
        () if at < told_at => Outcome::Outdated,
        () if same && is_over(status) && !is_over(told.status) => Outcome::Outdated,
        // It begins so, and never comes back to it: what says so was sent in the same second as something later.
        () if same && told.status == SubscriptionStatus::Incomplete && status != told.status => Outcome::Outdated,
        () if !same && is_over(told.status) => Outcome::Ignored,
        () => Outcome::Applied,
    }
}

const fn is_over(status: SubscriptionStatus) -> bool {
    matches!(status, SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use SubscriptionStatus::{Active, Canceled, Incomplete, PastDue};

    fn at(seconds: i64) -> Time {
        Time::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn known(status: SubscriptionStatus, by: Option<(&str, i64)>) -> Known {
        let by = by.map(|(id, seconds)| (PaymentProvider::Stripe, id.to_owned(), at(seconds)));
        let nil = uuid::Uuid::nil();
        Known { service: ServiceId::new(nil), user: UserId::new(nil), plan: PlanId::new(nil), status, until: None, by }
    }

    fn told(id: &str, status: SubscriptionStatus) -> Told {
        Told { id: id.to_owned(), status, products: Vec::new(), until: None, user: None, service: None, customer: None }
    }

    #[test]
    fn the_moment_decides_and_not_the_order() {
        let one =
            |known: &Known, id: &str, status, seconds| judge(known, PaymentProvider::Stripe, &told(id, status), at(seconds));
        let active = known(Active, Some(("sub_1", 10)));
        assert_eq!(one(&active, "sub_1", PastDue, 11), Outcome::Applied);
        assert_eq!(one(&active, "sub_1", PastDue, 10), Outcome::Applied, "of one second, the later call counts");
        assert_eq!(one(&active, "sub_1", PastDue, 9), Outcome::Outdated);
        assert_eq!(one(&active, "sub_1", Incomplete, 10), Outcome::Outdated, "a beginning");
        let over = known(Canceled, Some(("sub_1", 10)));
        assert_eq!(one(&over, "sub_1", Active, 10), Outcome::Outdated, "it has ended");
        assert_eq!(one(&over, "sub_1", Active, 20), Outcome::Outdated);
        assert_eq!(one(&over, "sub_1", Canceled, 20), Outcome::Applied);
        assert_eq!((one(&over, "sub_2", Active, 9), one(&over, "sub_2", Active, 11)), (Outcome::Outdated, Outcome::Applied));
    }

    #[test]
    fn that_another_one_has_ended_says_nothing() {
        let active = known(Active, Some(("sub_2", 10)));
        assert_eq!(judge(&active, PaymentProvider::Stripe, &told("sub_1", Canceled), at(20)), Outcome::Ignored);
        assert_eq!(
            judge(&active, PaymentProvider::Polar, &told("sub_2", Canceled), at(20)),
            Outcome::Ignored,
            "the other provider's"
        );
        assert_eq!(judge(&active, PaymentProvider::Stripe, &told("sub_3", Active), at(20)), Outcome::Applied);
        let by_program = known(Active, None);
        assert_eq!(judge(&by_program, PaymentProvider::Stripe, &told("sub_1", Canceled), at(20)), Outcome::Ignored);
        assert_eq!(judge(&by_program, PaymentProvider::Stripe, &told("sub_1", Active), at(1)), Outcome::Applied);
    }
}
