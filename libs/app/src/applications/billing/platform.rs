//! Calls of the provider that the platform itself bills organizations through. What one says of a customer changes what the organization has
//! bought, and so its tier: at most once, and never back to what was before.

use domain::{
    Actor, Event, Result,
    applications::billing::{
        platform::{BillingAccount, PlatformBilling},
        told::{Call as Told, Outcome, Told as About},
    },
    authorization::policy::SystemScope,
};
use store::{Change, NoEvent, WriteTx};

use super::inbound::{CALLS, Signed, not_genuine};
use crate::{App, Call, core::limits::rate_request};

impl App {
    /// Takes a call of a provider for the platform's own account. `Invalid` (`invalid_signature`) for one that is not genuine, or where the
    /// platform has no account at this provider.
    pub async fn take_platform_billing_call(&self, call: &Call, signed: &Signed<'_>, body: &[u8]) -> Result<()> {
        let (provider, scope) = (signed.provider(), signed.scope());
        if self.settings.limits.enabled {
            self.admit("billing", &[rate_request("billing", &format!("platform {}", call.origin.network()), CALLS)]).await?;
        }
        let billing = self.settings.billing.as_ref().filter(|billing| billing.provider() == provider).ok_or_else(not_genuine)?;
        let secret = billing.webhook_secret.as_ref().ok_or_else(not_genuine)?;
        signed.verify(secret.expose(), body, call.now)?;
        let read = self.payments.read(provider, body, call.now)?;
        let id = signed.id_of(&read)?;
        self.anonymously(call, async |tx| {
            tx.acts(Actor::System(provider.as_str()));
            take(tx, scope, billing, (id, &read)).await
        })
        .await
    }
}

async fn take(tx: &WriteTx, scope: SystemScope, billing: &PlatformBilling, (id, call): (&str, &Told)) -> Result<Change<()>> {
    let provider = billing.provider();
    if !tx.begin_platform_billing_call(scope, provider, (id, call)).await? {
        return Ok(Change::silent((), NoEvent::Unchanged));
    }
    let (outcome, change) = match (&call.gone, &call.about) {
        _ if billing.is_of_other_mode(call.live) => (Outcome::Ignored, None),
        (Some(customer), _) => forget(tx, scope, billing, customer).await?,
        (None, Some(told)) => apply(tx, scope, billing, (call, told)).await?,
        (None, None) => (Outcome::Ignored, None),
    };
    tx.end_platform_billing_call(scope, provider, id, outcome).await?;
    let (name, outcome) = (provider.as_str(), outcome.as_str());
    metrics::counter!("platform_billing_calls_total", "provider" => name, "outcome" => outcome).increment(1);
    Ok(change.unwrap_or_else(|| Change::silent((), NoEvent::Housekeeping)))
}

type Taken = (Outcome, Option<Change<()>>);

/// A customer that is no more has bought nothing.
async fn forget(tx: &WriteTx, scope: SystemScope, billing: &PlatformBilling, customer: &str) -> Result<Taken> {
    let Some(before) = tx.lock_billing_account(scope, billing.provider(), customer).await? else {
        return Ok((Outcome::Unmatched, None));
    };
    let after = BillingAccount { customer: None, bought: None, ..before.clone() };
    let event = Event::BillingAccountDeleted { organization_id: before.org, provider: billing.provider().as_str() };
    let change = Change::new((), before.org, event);
    Ok((Outcome::Applied, Some(settle(tx, scope, billing, (&before, &after), change).await?)))
}

/// Makes what an organization has bought what the provider says, if that is the newest that is known.
async fn apply(tx: &WriteTx, scope: SystemScope, billing: &PlatformBilling, (call, told): (&Told, &About)) -> Result<Taken> {
    let provider = billing.provider();
    let known = match &told.customer {
        Some(customer) => tx.lock_billing_account(scope, provider, customer).await?,
        None => None,
    };
    let Some(before) = known else { return Ok((Outcome::Unmatched, None)) };
    let (outcome, bought) = billing.after(before.bought.as_ref(), told, call.at);
    let Some(bought) = bought else { return Ok((outcome, None)) };
    let after = BillingAccount { bought: Some(bought.clone()), ..before.clone() };
    let stands =
        |account: &BillingAccount| account.bought.as_ref().map(|bought| (bought.status, bought.tier.clone(), bought.until));
    if stands(&before) == stands(&after) {
        tx.save_billing_account(scope, provider, &after).await?;
        return Ok((Outcome::Unchanged, None));
    }
    let event = Event::BillingAccountUpdated {
        organization_id: before.org,
        provider: provider.as_str(),
        status: bought.status.as_str(),
        tier_id: bought.tier,
    };
    let change = Change::new((), before.org, event);
    Ok((outcome, Some(settle(tx, scope, billing, (&before, &after), change).await?)))
}

/// Keeps what an account is now, and gives its organization the tier that this makes.
async fn settle(
    tx: &WriteTx,
    scope: SystemScope,
    billing: &PlatformBilling,
    (before, after): (&BillingAccount, &BillingAccount),
    change: Change<()>,
) -> Result<Change<()>> {
    fn tier(account: &BillingAccount) -> Option<&str> {
        account.bought.as_ref()?.tier.as_deref()
    }
    tx.save_billing_account(scope, billing.provider(), after).await?;
    let moved = tx.move_tier(scope, after.org, |now| billing.tier_after(now, tier(before), tier(after))).await?;
    Ok(match moved {
        Some(event) => change.and(after.org, event),
        None => change,
    })
}
