//! Pages of payment providers: an organization's own, where it manages what it pays the platform; and those on which a user pays for a plan of
//! an organization's service. The provider is asked outside of any transaction, in the name of whoever is paid.

use std::time::Duration;

use domain::{
    Error, Event, PlanId, Result,
    applications::billing::{
        PaymentProvider,
        calls::{Account, Checkout, Customer, Session},
        pages::{allowed, origins},
        platform::Bought,
    },
    authorization::{
        policy::{decide, may_try, own},
        resource::BillingAccount,
    },
    core::{
        rate::Limit,
        value::{ServiceSlug, Slug},
    },
    events::analytics::{ActiveUsers, Month},
    tenancy::organizations::OrganizationView,
};
use store::{Change, NoEvent};

use super::inbound::scope_of;
use crate::{App, Caller, core::limits::rate_request};

/// Pages that one caller may have made: ten at once, then one in ten seconds.
const PAGES: Limit = Limit { burst: 10, period: Duration::from_secs(10) };

/// What an organization is to the platform's billing.
pub struct BillingInfo {
    /// At which provider it is known; `None`: at none.
    pub provider: Option<PaymentProvider>,
    /// What it has bought from the platform.
    pub bought: Option<Bought>,
    /// Who was active this month.
    pub active: ActiveUsers,
}

/// What a user wants to pay for.
pub struct NewCheckout {
    /// The plan.
    pub plan: PlanId,
    /// Where the browser goes after a payment.
    pub success_url: String,
    /// Where it goes without one.
    pub cancel_url: String,
}

impl App {
    /// What the organization is at the provider that the platform bills through, and how many of its users were active this month.
    pub async fn billing_info(&self, c: &Caller, slug: &Slug) -> Result<BillingInfo> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        let active = self.store.active_users(scope, Month::of(c.call.now)).await?;
        let Some(billing) = &self.settings.billing else { return Ok(BillingInfo { provider: None, bought: None, active }) };
        let known = self.store.platform_billing_account(scope, billing.provider()).await?;
        let known = known.filter(|account| account.customer.is_some());
        Ok(BillingInfo {
            provider: known.as_ref().map(|_| billing.provider()),
            bought: known.and_then(|known| known.bought),
            active,
        })
    }

    /// Makes the page on which the organization manages what it pays, and makes it a customer first if it is none. `Conflict`
    /// (`billing_not_configured`); `Invalid` for a page that is nobody's.
    pub async fn billing_portal(&self, c: &Caller, slug: &Slug, return_url: &str) -> Result<String> {
        let standing = self.standing(c, slug).await?;
        may_try::<BillingAccount>(&standing)?;
        let scope = decide(&standing)?;
        let account = &self.settings.billing.as_ref().ok_or_else(not_configured)?.account;
        let host = self.store.proven_host(scope).await?;
        let mut known = origins(self.settings.page_origins.iter().map(String::as_str));
        known.extend(host.into_iter().flat_map(|host| origins([format!("https://{host}").as_str()])));
        let return_url = checked("return_url", return_url, &known)?;
        self.admit_page(c).await?;
        let known = self.store.platform_billing_account(scope, account.provider).await?;
        let customers = known.as_ref().map_or(0, |known| known.customers);
        let customer = match known.and_then(|known| known.customer) {
            Some(customer) => customer,
            None => self.become_customer(c, slug, account, (scope.view(), customers)).await?,
        };
        self.payments.portal(account, &customer, &return_url).await
    }

    async fn become_customer(
        &self,
        c: &Caller,
        slug: &Slug,
        account: &Account,
        (view, before): (&OrganizationView, i64),
    ) -> Result<String> {
        let organization = &view.organization;
        let email = self.person(c).await?.email;
        let who = Customer { organization: organization.id, before, name: organization.name.to_string(), email };
        let customer = self.payments.customer(account, &who).await?;
        self.in_org::<BillingAccount, _>(c, slug, async |tx, scope| {
            if !tx.put_billing_customer(scope, account.provider, &customer).await? {
                // Somebody else was first.
                let known = tx.platform_billing_account(scope, account.provider).await?.and_then(|known| known.customer);
                return Ok(Change::silent(known.unwrap_or_else(|| customer.clone()), NoEvent::Unchanged));
            }
            let event = Event::BillingAccountCreated { organization_id: scope.org(), provider: account.provider.as_str() };
            Ok(Change::new(customer.clone(), scope.org(), event))
        })
        .await
    }

    /// Makes the page on which a user of a service pays for a plan, at the organization's own account. `NotFound` for whoever does not use the
    /// service; `Conflict` (`not_for_sale`, `already_subscribed`); `Invalid` for pages that are not the service's.
    pub async fn checkout(&self, c: &Caller, slug: &Slug, service: &ServiceSlug, new: &NewCheckout) -> Result<Session> {
        let person = self.person(c).await?;
        person.require_unconfined()?;
        let offer = self.store.own_offer(own(&person), slug, service, new.plan).await?;
        let hosts: Vec<String> = offer.host.iter().map(|host| format!("https://{host}")).collect();
        let known = origins(offer.redirect_uris.iter().chain(&hosts).map(String::as_str));
        let success_url = checked("success_url", &new.success_url, &known)?;
        let cancel_url = checked("cancel_url", &new.cancel_url, &known)?;
        if offer.pays {
            return Err(Error::conflict(
                "already_subscribed",
                "You pay for this service already. Manage that at the payment provider.",
            ));
        }
        self.admit_page(c).await?;
        let sold = [(PaymentProvider::Stripe, &offer.stripe_price_id), (PaymentProvider::Polar, &offer.polar_product_id)];
        for (provider, product) in sold {
            let Some(product) = product else { continue };
            let Some(known) = self.store.billing_caller(scope_of(provider), offer.org, provider).await? else { continue };
            let account = Account { provider, mode: known.mode, key: known.secret };
            let (product, user, email) = (product.clone(), person.id, offer.email.clone());
            let wanted = Checkout { product, success_url, cancel_url, user, email, service: offer.service };
            return self.payments.checkout(&account, &wanted).await;
        }
        Err(Error::conflict(
            "not_for_sale",
            "This plan is not sold: it needs a price, and the organization an account, at a payment provider.",
        ))
    }

    /// Each asks a provider, in the name of whoever is paid.
    async fn admit_page(&self, c: &Caller) -> Result<()> {
        if !self.settings.limits.enabled {
            return Ok(());
        }
        self.admit("billing", &[rate_request("billing_page", &c.who.id().to_string(), PAGES)]).await
    }
}

fn checked(field: &'static str, text: &str, known: &[url::Origin]) -> Result<String> {
    allowed(text, known).map_err(|bad| Error::field(field, bad.code, bad.message))
}

fn not_configured() -> Error {
    Error::conflict("billing_not_configured", "This platform bills through no payment provider.")
}
