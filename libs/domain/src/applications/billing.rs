//! How an organization's services are paid for: its own account at a payment provider, which tells us who has paid.

pub mod calls;
pub mod pages;
pub mod platform;
pub mod told;

use std::str::FromStr;

use crate::core::{
    id::id,
    secret::ProviderSecret,
    value::{BadValue, bad},
};
use crate::{OrgId, Result, Time, Violation};

id! {
    /// An organization's account at a payment provider.
    BillingCredentialsKind BillingCredentialsId = "blc"
}

/// Who takes payments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentProvider {
    /// Stripe.
    Stripe,
    /// Polar.
    Polar,
}

impl PaymentProvider {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stripe => "stripe",
            Self::Polar => "polar",
        }
    }
}

impl FromStr for PaymentProvider {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "stripe" => Ok(Self::Stripe),
            "polar" => Ok(Self::Polar),
            _ => bad("unknown_provider", "Use stripe or polar."),
        }
    }
}

/// Whether money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentMode {
    /// It does not: the provider's test mode, or its sandbox.
    Test,
    /// It does.
    Live,
}

impl PaymentMode {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

impl FromStr for PaymentMode {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        match s {
            "test" => Ok(Self::Test),
            "live" => Ok(Self::Live),
            _ => bad("unknown_mode", "Use test or live."),
        }
    }
}

/// An account, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingCredentials {
    /// Identifier.
    pub id: BillingCredentialsId,
    /// Whose.
    pub org_id: OrgId,
    /// At which provider.
    pub provider: PaymentProvider,
    /// Whether money moves.
    pub mode: PaymentMode,
    /// When there first was one.
    pub created_at: Time,
    /// When it was last set.
    pub updated_at: Time,
}

/// The secrets of an account.
#[derive(Clone, Debug)]
pub struct BillingSecrets {
    /// The key at the provider.
    pub api_key: ProviderSecret,
    /// What the provider signs its calls with.
    pub webhook_secret: ProviderSecret,
}

/// Whether a key is one of that mode, as far as its text says: a mistake here moves money, or does not.
pub fn fits(provider: PaymentProvider, mode: PaymentMode, key: &ProviderSecret) -> Result<(), Violation> {
    let begins = |with: &[&str]| with.iter().any(|start| key.expose().starts_with(start));
    let wrong = match (provider, mode) {
        (PaymentProvider::Stripe, _) if begins(&["pk_"]) => {
            return Err(Violation::new(
                "api_key",
                "publishable_key",
                "This is a publishable key. Send a secret or a restricted one.",
            ));
        }
        (PaymentProvider::Stripe, PaymentMode::Live) => begins(&["sk_test_", "rk_test_"]),
        (PaymentProvider::Stripe, PaymentMode::Test) => begins(&["sk_live_", "rk_live_"]),
        (PaymentProvider::Polar, _) => false,
    };
    if wrong { Err(Violation::new("mode", "wrong_mode", "The key says that it is of the other mode.")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_says_its_mode_is_believed() {
        let code = |mode: &str, key: &str| {
            fits(PaymentProvider::Stripe, mode.parse().unwrap(), &key.parse().unwrap()).map_err(|v| (v.field, v.code))
        };
        assert_eq!(code("live", "sk_test_1"), Err(("mode".to_owned(), "wrong_mode")));
        assert_eq!(code("test", "rk_live_1"), Err(("mode".to_owned(), "wrong_mode")));
        assert_eq!(code("test", "pk_test_1"), Err(("api_key".to_owned(), "publishable_key")));
        assert_eq!((code("test", "sk_test_1"), code("live", "rk_live_1"), code("live", "odd")), (Ok(()), Ok(()), Ok(())));
        assert_eq!(fits(PaymentProvider::Polar, PaymentMode::Live, &"sk_test_1".parse().unwrap()), Ok(()));
    }
}
