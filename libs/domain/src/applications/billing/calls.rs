//! What is asked of a payment provider.

use super::{PaymentMode, PaymentProvider};
use crate::{
    OrgId, ServiceId, Time, UserId,
    core::{secret::ProviderSecret, value::Email},
    events::analytics::Month,
};

/// In whose name a provider is called.
#[derive(Clone, Debug)]
pub struct Account {
    /// Which provider.
    pub provider: PaymentProvider,
    /// Whether money moves.
    pub mode: PaymentMode,
    /// The key there.
    pub key: ProviderSecret,
}

/// A page on which a user pays for a plan.
#[derive(Clone, Debug)]
pub struct Checkout {
    /// The price (Stripe) or product (Polar).
    pub product: String,
    /// Where the browser goes after a payment.
    pub success_url: String,
    /// Where it goes without one.
    pub cancel_url: String,
    /// Who pays.
    pub user: UserId,
    /// Their address.
    pub email: Email,
    /// For which service.
    pub service: ServiceId,
}

/// An organization, as a customer of the platform.
#[derive(Clone, Debug)]
pub struct Customer {
    /// Which.
    pub organization: OrgId,
    /// How many customers it has been before: whoever asks twice for the same one gets the same.
    pub before: i64,
    /// Its name.
    pub name: String,
    /// Where bills go.
    pub email: Email,
}

/// How many users of an organization were active in a month, as the platform is paid for it.
#[derive(Clone, Debug)]
pub struct Usage {
    /// Which.
    pub organization: OrgId,
    /// The customer that it is.
    pub customer: String,
    /// The month.
    pub month: Month,
    /// How many, so far.
    pub users: i64,
    /// A moment of that month.
    pub at: Time,
}

/// A page that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The provider's id of it.
    pub id: String,
    /// Its address.
    pub url: String,
}
