//! Payment providers: reading their calls, and calling them. What they publish of their interfaces is known here and nowhere else.

mod polar;
mod stripe;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, fmt, time::Duration};

use async_trait::async_trait;
use domain::{
    Error, IdKind, Kind, Result, Time,
    applications::billing::{
        PaymentMode, PaymentProvider,
        calls::{Account, Checkout, Customer, Session, Usage},
        told::Call,
    },
    core::{id::Id, ports::Payments},
};
use serde_json::Value;
use url::Url;

use crate::{
    config::{BillingConfig, Config},
    egress::{Egress, EgressError, Method, Outgoing},
};

/// What a checkout notes at the provider: whose a subscription will be, and for which service.
const USER_KEY: &str = "tenantry_user_id";
const SERVICE_KEY: &str = "tenantry_service_id";
/// What a customer notes there: which organization it is.
const ORGANIZATION_KEY: &str = "tenantry_organization_id";
/// What a number that is told counts.
const USERS_KEY: &str = "value";
/// More prices than a subscription has.
const MOST_ITEMS: usize = 20;
/// Bytes of an answer that are read; what is used of it is far less.
const LARGEST_ANSWER: usize = 256 * 1024;
/// When to come back to a provider that is away.
const LATER: u32 = 30;

/// The way to payment providers.
#[derive(Clone)]
pub struct Providers {
    egress: Egress,
    stripe: Url,
    polar: Url,
    polar_sandbox: Url,
    patience: Duration,
}

impl Providers {
    /// With the addresses that the operator configured.
    pub fn new(config: &Config, egress: Egress) -> Result<Self> {
        let BillingConfig { stripe_url, polar_url, polar_sandbox_url, timeout_seconds, .. } = &config.billing;
        let base = |text: &String| text.parse::<Url>().map_err(Error::internal);
        let (stripe, polar, polar_sandbox) = (base(stripe_url)?, base(polar_url)?, base(polar_sandbox_url)?);
        Ok(Self { egress, stripe, polar, polar_sandbox, patience: Duration::from_secs(*timeout_seconds) })
    }

    fn base(&self, account: &Account) -> &Url {
        match (account.provider, account.mode) {
            (PaymentProvider::Stripe, _) => &self.stripe,
            (PaymentProvider::Polar, PaymentMode::Live) => &self.polar,
            (PaymentProvider::Polar, PaymentMode::Test) => &self.polar_sandbox,
        }
    }

    /// Asks a provider, in the name of an account, and answers the status and what it says, if that is JSON.
    async fn ask(&self, account: &Account, request: Asked) -> Result<(u16, Option<Value>)> {
        let url = self.base(account).join(&request.path).map_err(Error::internal)?;
        let mut headers = vec![
            ("authorization".to_owned(), format!("Bearer {}", account.key.expose())),
            ("accept".to_owned(), "application/json".to_owned()),
        ];
        headers.extend(request.content_type.map(|kind| ("content-type".to_owned(), kind.to_owned())));
        headers.extend(request.once.map(|key| ("idempotency-key".to_owned(), key)));
        let outgoing = Outgoing {
            method: if request.content_type.is_some() { Method::POST } else { Method::GET },
            url,
            headers,
            body: request.body.into_bytes(),
            timeout: self.patience,
            max_response: LARGEST_ANSWER,
        };
        let answer = self.egress.send(outgoing).await.map_err(away)?;
        Ok((answer.status, serde_json::from_slice(&answer.body).ok()))
    }

    /// Asks, and reads what is answered to whoever may.
    async fn post(&self, account: &Account, request: Asked) -> Result<Value> {
        match self.ask(account, request).await? {
            (200..=299, answer) => answer.ok_or_else(not_understood),
            (status, answer) => Err(refused(status, answer.as_ref())),
        }
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Providers").field("stripe", &self.stripe.as_str()).finish_non_exhaustive()
    }
}

/// A request in the making.
struct Asked {
    /// Below the provider's address, without a slash before it.
    path: Cow<'static, str>,
    /// Of what is posted; `None`: nothing is, it only asks.
    content_type: Option<&'static str>,
    body: String,
    /// Under which name it counts once.
    once: Option<String>,
}

#[async_trait]
impl Payments for Providers {
    fn read(&self, provider: PaymentProvider, body: &[u8], sent: Time) -> Result<Call> {
        read(provider, body, sent)
    }

    async fn checkout(&self, account: &Account, wanted: &Checkout) -> Result<Session> {
        let request = match account.provider {
            PaymentProvider::Stripe => stripe::checkout(wanted),
            PaymentProvider::Polar => polar::checkout(wanted),
        };
        let answer = self.post(account, request).await?;
        Ok(Session { id: text(&answer, "id")?, url: page(&answer, "url")? })
    }

    async fn customer(&self, account: &Account, who: &Customer) -> Result<String> {
        let request = match account.provider {
            PaymentProvider::Stripe => stripe::customer(who),
            // It has no names for requests, and lets nobody be made twice: whoever is there already is found first.
            PaymentProvider::Polar => match self.ask(account, polar::known_customer(who)).await? {
                (200..=299, answer) => return text(&answer.ok_or_else(not_understood)?, "id"),
                (404, _) => polar::customer(who),
                (status, answer) => return Err(refused(status, answer.as_ref())),
            },
        };
        text(&self.post(account, request).await?, "id")
    }

    async fn portal(&self, account: &Account, customer: &str, return_url: &str) -> Result<String> {
        let (request, member) = match account.provider {
            PaymentProvider::Stripe => (stripe::portal(customer, return_url), "url"),
            PaymentProvider::Polar => (polar::portal(customer, return_url), "customer_portal_url"),
        };
        page(&self.post(account, request).await?, member)
    }

    async fn usage(&self, account: &Account, meter: &str, usage: &Usage) -> Result<()> {
        let request = match account.provider {
            PaymentProvider::Stripe => stripe::usage(meter, usage),
            PaymentProvider::Polar => polar::usage(meter, usage),
        };
        self.post(account, request).await.map(|_| ())
    }
}

fn read(provider: PaymentProvider, body: &[u8], sent: Time) -> Result<Call> {
    match provider {
        PaymentProvider::Stripe => stripe::read(body),
        PaymentProvider::Polar => polar::read(body, sent),
    }
}

fn not_read() -> Error {
    Error::field("body", "unknown_event", "This is no event as the provider documents it.")
}

/// An id of ours that metadata names. Metadata is anybody's to write at the provider: what is no such id is nothing.
fn metadata_id<K: IdKind>(metadata: &Value, key: &str) -> Option<Id<K>> {
    metadata.get(key)?.as_str()?.parse().ok()
}

/// A short text of an answer.
fn text(answer: &Value, member: &str) -> Result<String> {
    let text = answer.get(member).and_then(Value::as_str);
    text.filter(|text| (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic()))
        .map(str::to_owned)
        .ok_or_else(not_understood)
}

/// The address of a page, which a browser is going to be sent to.
fn page(answer: &Value, member: &str) -> Result<String> {
    let url = answer.get(member).and_then(Value::as_str).and_then(|text| text.parse::<Url>().ok());
    url.filter(|url| url.scheme() == "https").map(String::from).ok_or_else(not_understood)
}

/// Under which name a number is told once: who tells the same again changes nothing.
fn name_of(usage: &Usage) -> String {
    format!("{}-{}-{}", usage.organization, usage.month, usage.users)
}

fn away(e: EgressError) -> Error {
    Error::unavailable(LATER, "The payment provider cannot be reached. Try again later.").because(e)
}

fn not_understood() -> Error {
    Error::new(Kind::Protocol, "payment_answer", "The payment provider answered what cannot be understood. Try again later.")
}

/// What a refusal is to whoever asked. Of the provider's own words only its code is told on: they may repeat what was sent.
fn refused(status: u16, answer: Option<&Value>) -> Error {
    match status {
        401 | 403 => Error::conflict("payment_key_refused", "The payment provider refuses the key that is set. Set another one."),
        429 | 500.. => Error::unavailable(LATER, "The payment provider is busy. Try again later."),
        _ => {
            let known =
                |code: &&str| (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            let error = answer.map(|answer| &answer["error"]);
            let code =
                error.and_then(|error| error["code"].as_str().or_else(|| error["type"].as_str()).or_else(|| error.as_str()));
            let said = code.filter(known).map(|code| format!(" It says: {code}.")).unwrap_or_default();
            Error::conflict(
                "payment_refused",
                format!("The payment provider refused this.{said} Check prices and settings there."),
            )
        }
    }
}
