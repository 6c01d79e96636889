//! Who uses a service, and what they have of it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    PlanId, ServiceId, Time, UserId,
    core::value::{BadValue, Name, ServiceSlug, bad},
    identity::accounts::User,
};

/// How many users a service may have.
pub const MAX_SERVICE_USERS: i64 = 5_000_000;

/// An account that uses a service without being a member of its organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceUser {
    /// The account.
    pub user: User,
    /// Whether the account was made for this service: then the service may change its address.
    pub made_here: bool,
    /// Since when.
    pub since: Time,
}

/// Where a subscription stands, in Stripe's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubscriptionStatus {
    /// Paid, or for nothing.
    Active,
    /// Tried out.
    Trialing,
    /// A payment is late.
    PastDue,
    /// Ended.
    Canceled,
    /// The first payment has not arrived.
    Incomplete,
    /// It never did.
    IncompleteExpired,
    /// Payments stopped.
    Unpaid,
    /// Stopped for a while.
    Paused,
}

impl SubscriptionStatus {
    const ALL: [Self; 8] = [
        Self::Active,
        Self::Trialing,
        Self::PastDue,
        Self::Canceled,
        Self::Incomplete,
        Self::IncompleteExpired,
        Self::Unpaid,
        Self::Paused,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Trialing => "trialing",
            Self::PastDue => "past_due",
            Self::Canceled => "canceled",
            Self::Incomplete => "incomplete",
            Self::IncompleteExpired => "incomplete_expired",
            Self::Unpaid => "unpaid",
            Self::Paused => "paused",
        }
    }
}

impl FromStr for SubscriptionStatus {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match Self::ALL.into_iter().find(|status| status.as_str() == s) {
            Some(status) => Ok(status),
            None => bad("unknown_status", format!("Use one of: {}.", Self::ALL.map(Self::as_str).join(", "))),
        }
    }
}

/// What a user has of a service; at most one of each service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Whose.
    pub user_id: UserId,
    /// The service.
    pub service_id: ServiceId,
    /// Its name in URLs.
    pub service_slug: ServiceSlug,
    /// Its name.
    pub service_name: Name,
    /// The plan.
    pub plan_id: PlanId,
    /// Its name.
    pub plan_name: Name,
    /// Where it stands.
    pub status: SubscriptionStatus,
    /// Until when it is paid.
    pub current_period_end: Option<Time>,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

/// Totals of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTotals {
    /// Users.
    pub users: i64,
    /// Subscriptions.
    pub subscriptions: i64,
}
