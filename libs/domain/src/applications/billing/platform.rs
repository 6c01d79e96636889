//! How the platform bills organizations: through one provider, which says who has bought what. What an organization has bought is its tier.

use super::{
    PaymentMode, PaymentProvider,
    calls::Account,
    told::{Last, Outcome, Told, judge_after},
};
use crate::{OrgId, Time, applications::subscriptions::SubscriptionStatus, core::secret::ProviderSecret};

/// The platform's own account at a provider.
#[derive(Clone, Debug)]
pub struct PlatformBilling {
    /// In whose name the provider is called.
    pub account: Account,
    /// What it signs its calls with; `None`: none are believed.
    pub webhook_secret: Option<ProviderSecret>,
    /// Prices (Stripe) or products (Polar), each with the tier that it buys.
    pub tiers: Vec<(String, String)>,
    /// The tier of whoever has bought none.
    pub first_tier: String,
    /// The name of the meter that is told how many users are active; `None`: none is.
    pub meter: Option<String>,
}

/// What an organization is at the platform's provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingAccount {
    /// Whose.
    pub org: OrgId,
    /// The provider's id of the customer; `None`: it is none (any more).
    pub customer: Option<String>,
    /// How many customers it has been.
    pub customers: i64,
    /// What it has bought; `None`: nothing was told yet.
    pub bought: Option<Bought>,
}

/// What a provider said last of what an organization has bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bought {
    /// The provider's id of the subscription.
    pub subscription: String,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// Until when it is paid.
    pub until: Option<Time>,
    /// The moment of what was said.
    pub told_at: Time,
    /// The tier that it pays for now; `None`: none.
    pub tier: Option<String>,
}

impl PlatformBilling {
    /// Whether a call is about the other mode: money that moves where none should, or none where it should.
    pub fn is_of_other_mode(&self, live: Option<bool>) -> bool {
        live.is_some_and(|live| live != (self.account.mode == PaymentMode::Live))
    }

    /// Which provider it is.
    pub const fn provider(&self) -> PaymentProvider {
        self.account.provider
    }

    /// What is bought after a provider said something, and what that is to what was known. `None`: the same as before.
    pub fn after(&self, before: Option<&Bought>, told: &Told, at: Time) -> (Outcome, Option<Bought>) {
        let same = before.is_some_and(|before| before.subscription == told.id);
        let tier = self.tiers.iter().find(|(product, _)| told.products.contains(product)).map(|(_, tier)| tier.clone());
        // Something else that the organization pays the platform for.
        if tier.is_none() && !same {
            return (Outcome::Ignored, None);
        }
        let last = before.map(|before| Last { same, at: before.told_at });
        let outcome = judge_after(last, before.map_or(told.status, |before| before.status), told, at);
        if outcome != Outcome::Applied {
            return (outcome, None);
        }
        // Of a price that buys no tier it keeps the one that it bought.
        let tier = tier.or_else(|| before.and_then(|before| before.tier.clone())).filter(|_| pays(told.status));
        let after = Bought { subscription: told.id.clone(), status: told.status, until: told.until, told_at: at, tier };
        (Outcome::Applied, Some(after))
    }

    /// The tier of an organization that is at `now`, when what it has bought changes from one to another. `None`: it stays. A tier that the
    /// platform's owners gave meanwhile is not taken away, only replaced by one that is bought.
    pub fn tier_after(&self, now: &str, before: Option<&str>, after: Option<&str>) -> Option<String> {
        let next = match (before, after) {
            (before, after) if before == after => return None,
            (_, Some(bought)) => bought,
            (Some(ended), None) if ended == now => &self.first_tier,
            (_, None) => return None,
        };
        (next != now).then(|| next.to_owned())
    }
}

/// Whether whoever subscribes is served: a late payment is the provider's to collect.
const fn pays(status: SubscriptionStatus) -> bool {
    matches!(status, SubscriptionStatus::Active | SubscriptionStatus::Trialing | SubscriptionStatus::PastDue)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use SubscriptionStatus::{Active, Canceled, PastDue, Unpaid};

    fn billing() -> PlatformBilling {
        let key = ProviderSecret::stored("sk_test_1".to_owned());
        PlatformBilling {
            account: Account { provider: PaymentProvider::Stripe, mode: PaymentMode::Test, key },
            webhook_secret: None,
            tiers: vec![("price_pro".to_owned(), "pro".to_owned()), ("price_max".to_owned(), "max".to_owned())],
            first_tier: "free".to_owned(),
            meter: None,
        }
    }

    fn at(seconds: i64) -> Time {
        Time::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn told(id: &str, status: SubscriptionStatus, price: &str) -> Told {
        let products = vec!["price_of_support".to_owned(), price.to_owned()];
        Told { id: id.to_owned(), status, products, until: None, user: None, service: None, customer: None }
    }

    #[test]
    fn what_is_paid_for_is_bought() {
        let tier = |told: &Told| billing().after(None, told, at(1)).1.map(|bought| bought.tier);
        assert_eq!(tier(&told("sub_1", Active, "price_pro")), Some(Some("pro".to_owned())));
        assert_eq!(tier(&told("sub_1", PastDue, "price_max")), Some(Some("max".to_owned())));
        assert_eq!(tier(&told("sub_1", Unpaid, "price_pro")), Some(None));
        assert_eq!(tier(&told("sub_1", Canceled, "price_pro")), None, "nothing was bought");
        assert_eq!(tier(&told("sub_1", Active, "price_of_more_support")), None, "something else");
    }

    #[test]
    fn the_moment_decides_and_the_price_may_change() {
        let billing = billing();
        let first = billing.after(None, &told("sub_1", Active, "price_pro"), at(10)).1.unwrap();
        let next = |told: &Told, seconds| billing.after(Some(&first), told, at(seconds));
        assert_eq!(next(&told("sub_1", Active, "price_max"), 9), (Outcome::Outdated, None));
        assert_eq!(next(&told("sub_1", Active, "price_max"), 11).1.unwrap().tier.as_deref(), Some("max"));
        assert_eq!(next(&told("sub_1", PastDue, "price_odd"), 11).1.unwrap().tier.as_deref(), Some("pro"), "it keeps its tier");
        assert_eq!(next(&told("sub_2", Canceled, "price_max"), 11), (Outcome::Ignored, None), "another one's end");
        let ended = next(&told("sub_1", Canceled, "price_pro"), 12).1.unwrap();
        assert_eq!(ended.tier, None);
        assert_eq!(billing.after(Some(&ended), &told("sub_1", Active, "price_pro"), at(13)).0, Outcome::Outdated);
        assert_eq!(billing.after(Some(&ended), &told("sub_2", Active, "price_pro"), at(13)).0, Outcome::Applied);
    }

    #[test]
    fn a_tier_is_only_taken_by_what_gave_it() {
        let billing = billing();
        let tier = |now: &str, before: Option<&str>, after: Option<&str>| billing.tier_after(now, before, after);
        assert_eq!(tier("free", None, Some("pro")).as_deref(), Some("pro"));
        assert_eq!(tier("pro", Some("pro"), None).as_deref(), Some("free"));
        assert_eq!(tier("max", Some("pro"), None), None, "the platform's owners gave it meanwhile");
        assert_eq!(tier("max", Some("pro"), Some("pro")), None);
        assert_eq!(tier("pro", None, Some("pro")), None, "it is that already");
        assert_eq!(tier("free", None, None), None);
    }

    #[test]
    fn the_other_mode_is_told_by_what_says_it() {
        let billing = billing();
        let other = [Some(true), Some(false), None].map(|live| billing.is_of_other_mode(live));
        assert_eq!(other, [true, false, false]);
    }
}
