//! Plans: what a service is sold as.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::services::ServiceId;
use crate::core::id::id;
use crate::{
    OrgId, Result, Time,
    core::value::{BadValue, Description, Name, bad},
};

id! {
    /// A plan of a service.
    PlanKind PlanId = "plan"
}

/// How many plans a service may have.
pub const MAX_PLANS: i64 = 50;

/// ISO 4217, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Currency(String);

impl Currency {
    /// What prices are in when nobody says otherwise.
    pub fn usual() -> Self {
        Self("usd".to_owned())
    }
    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// A code the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Currency {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let code = s.to_ascii_lowercase();
        let is_code = code.len() == 3 && code.bytes().all(|b| b.is_ascii_lowercase());
        if is_code { Ok(Self(code)) } else { bad("bad_currency", "Use a currency's code of three letters, such as usd.") }
    }
}

impl TryFrom<String> for Currency {
    type Error = BadValue;
    fn try_from(s: String) -> Result<Self, BadValue> {
        s.parse()
    }
}

/// What a plan includes, for programs and people: texts, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Features(Vec<String>);

impl Features {
    /// How many a plan may name.
    pub const MAX: usize = 50;
    /// Bytes of all of them together.
    pub const MAX_TEXT: usize = 2000;

    /// Texts that people can read, at most 200 characters each.
    pub fn parse(texts: Vec<String>) -> Result<Self, BadValue> {
        if texts.len() > Self::MAX {
            return bad("too_many", format!("Name at most {} features.", Self::MAX));
        }
        for text in &texts {
            let fine = (1..=200).contains(&text.chars().count()) && crate::core::text::is_plain(text);
            if !fine {
                return bad("bad_feature", "Use 1 to 200 characters for each feature, and no control characters.");
            }
        }
        if texts.iter().map(|text| text.len() + 3).sum::<usize>() > Self::MAX_TEXT {
            return bad("too_long", format!("All features together have at most {} characters.", Self::MAX_TEXT));
        }
        Ok(Self(texts))
    }
    /// The texts.
    pub fn texts(&self) -> &[String] {
        &self.0
    }
}

/// The id of a price at Stripe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct StripePriceId(String);

impl StripePriceId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// A text the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for StripePriceId {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let fine = (1..=255).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if fine { Ok(Self(s.to_owned())) } else { bad("bad_price_id", "Give the id of a price at Stripe, such as price_1Abc.") }
    }
}

impl TryFrom<String> for StripePriceId {
    type Error = BadValue;
    fn try_from(s: String) -> Result<Self, BadValue> {
        s.parse()
    }
}

/// The id of a product at Polar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct PolarProductId(String);

impl PolarProductId {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
    /// A text the database gave back.
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for PolarProductId {
    type Err = BadValue;
    fn from_str(s: &str) -> Result<Self, BadValue> {
        let fine = (1..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if fine {
            Ok(Self(s.to_ascii_lowercase()))
        } else {
            bad("bad_product_id", "Give the id of a product at Polar, which is a UUID.")
        }
    }
}

impl TryFrom<String> for PolarProductId {
    type Error = BadValue;
    fn try_from(s: String) -> Result<Self, BadValue> {
        s.parse()
    }
}

/// A plan of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Identifier.
    pub id: PlanId,
    /// The organization.
    pub org_id: OrgId,
    /// The service.
    pub service_id: ServiceId,
    /// Unique in the service.
    pub name: Name,
    /// What it is.
    pub description: Option<Description>,
    /// A month's price, in hundredths of the currency.
    pub price_cents: i64,
    /// The currency.
    pub currency: Currency,
    /// What it includes.
    pub features: Features,
    /// Its price at Stripe.
    pub stripe_price_id: Option<StripePriceId>,
    /// Its product at Polar.
    #[serde(default)]
    pub polar_product_id: Option<PolarProductId>,
    /// Whether users have it who chose none; one plan of a service is.
    pub is_default: bool,
    /// How many subscriptions there are to it.
    pub subscriptions: i64,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed.
    pub updated_at: Time,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plan_says_is_checked() {
        assert_eq!("USD".parse::<Currency>().unwrap().as_str(), "usd");
        for bad in ["", "us", "usdd", "u$d", "üsd"] {
            assert_eq!(bad.parse::<Currency>().unwrap_err().code, "bad_currency", "{bad}");
        }
        assert!("price_1Abc".parse::<StripePriceId>().is_ok());
        for bad in ["", "price 1", "price-1", &"p".repeat(256)] {
            assert_eq!(bad.parse::<StripePriceId>().unwrap_err().code, "bad_price_id", "{bad}");
        }
        assert_eq!(Features::parse(vec!["10 seats".to_owned()]).unwrap().texts(), ["10 seats"]);
        for bad in ["", "a\nb", &"a".repeat(201)] {
            assert_eq!(Features::parse(vec![bad.to_owned()]).unwrap_err().code, "bad_feature", "{bad}");
        }
        assert_eq!(Features::parse(vec!["x".repeat(200); 10]).unwrap_err().code, "too_long");
        assert_eq!(Features::parse(vec!["x".to_owned(); Features::MAX + 1]).unwrap_err().code, "too_many");
    }
}
