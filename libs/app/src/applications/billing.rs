//! An organization's own accounts at payment providers. Their secrets go in and do not come out.

pub mod inbound;
pub mod pages;
pub mod platform;
pub mod usage;

use domain::{
    Error, Event, Result,
    applications::billing::{BillingCredentials, BillingSecrets, PaymentMode, PaymentProvider, fits},
    authorization::{policy::decide, resource::BillingCredentials as Resource},
    core::value::Slug,
};
use store::Change;

use crate::{App, Caller};

/// What an organization sets.
pub struct NewBillingCredentials {
    /// At which provider.
    pub provider: PaymentProvider,
    /// Whether money moves.
    pub mode: PaymentMode,
    /// The key there, and what the provider signs its calls with.
    pub secrets: BillingSecrets,
}

impl App {
    /// The organization's account at a provider, if there is one, without its secrets.
    pub async fn get_billing_credentials(
        &self,
        c: &Caller,
        slug: &Slug,
        provider: PaymentProvider,
    ) -> Result<Option<BillingCredentials>> {
        let standing = self.standing(c, slug).await?;
        self.store.billing_credentials(decide(&standing)?, provider).await
    }

    /// Lets the organization's services be paid through its own account.
    pub async fn set_billing_credentials(&self, c: &Caller, slug: &Slug, new: &NewBillingCredentials) -> Result<()> {
        fits(new.provider, new.mode, &new.secrets.api_key).map_err(|violation| Error::invalid(vec![violation]))?;
        self.in_org::<Resource, _>(c, slug, async |tx, scope| {
            let credentials = tx.put_billing_credentials(scope, new.provider, new.mode, &new.secrets).await?;
            let event = Event::BillingCredentialsSet {
                billing_credentials_id: credentials.id,
                provider: new.provider.as_str(),
                mode: new.mode.as_str(),
            };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }

    /// Forgets the account. `NotFound`: there is none.
    pub async fn delete_billing_credentials(&self, c: &Caller, slug: &Slug, provider: PaymentProvider) -> Result<()> {
        self.in_org::<Resource, _>(c, slug, async |tx, scope| {
            let known = tx.lock_billing_credentials(scope, provider).await?;
            let known = known.ok_or_else(|| Error::not_found("account of the organization at this provider"))?;
            tx.delete_billing_credentials(scope, &known).await?;
            let event = Event::BillingCredentialsDeleted { billing_credentials_id: known.id, provider: provider.as_str() };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }
}
