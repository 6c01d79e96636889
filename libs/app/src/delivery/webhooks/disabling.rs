//! Switching off endpoints: those to which nothing has arrived for days, which the worker finds by the clock, and those that say
//! themselves that they are gone (410). Their organization hears of it by an event, its owners by mail.

use chrono::TimeDelta;
use domain::{
    Event, Result, Time,
    authorization::policy::SystemScope,
    delivery::{
        mails::{Mail, Template},
        webhooks::{Webhook, circuit::Circuit},
    },
};
use serde_json::json;
use store::{Change, NoEvent, Store, WriteTx, delivery::webhooks::disabling::FailingWebhook};

/// When an endpoint is switched off.
#[derive(Clone, Debug)]
pub struct Disabling {
    /// After how long without a single success. Only time between failures counts: one failed event in a quiet month does not.
    pub after: TimeDelta,
    /// Where the mail leads to.
    pub link: String,
}

/// Switches off at most `limit` endpoints that have failed for too long. Answers how many.
pub async fn disable_failing(store: &Store, scope: SystemScope, now: Time, disabling: &Disabling, limit: u64) -> Result<u64> {
    let mut count = 0;
    for failing in store.failing_webhooks(scope, disabling.after, limit).await? {
        let why = |_: &Webhook, circuit: Circuit| {
            let seconds = circuit.failing_seconds;
            (seconds >= disabling.after.num_seconds()).then(|| format!("nothing arrived for {} days", seconds / 86_400))
        };
        count += u64::from(disable(store, scope, now, failing, &disabling.link, why).await?);
    }
    Ok(count)
}

/// Switches off an endpoint that answered at `at` that it is gone. Nothing happens if it was changed since.
pub async fn disable_gone(
    store: &Store,
    scope: SystemScope,
    now: Time,
    gone: FailingWebhook,
    at: Time,
    link: &str,
) -> Result<bool> {
    let why = |webhook: &Webhook, _| (webhook.updated_at <= at).then(|| GONE.to_owned());
    disable(store, scope, now, gone, link, why).await
}

const GONE: &str = "the endpoint answered 410: it is gone";

/// `false` if there is no reason any more, or it was switched off or deleted meanwhile.
async fn disable(
    store: &Store,
    scope: SystemScope,
    now: Time,
    failing: FailingWebhook,
    link: &str,
    why: impl Fn(&Webhook, Circuit) -> Option<String>,
) -> Result<bool> {
    let work = async |tx: &WriteTx| {
        let found = tx.lock_failing_webhook(scope, failing).await?.filter(|(webhook, _)| webhook.is_active);
        let Some((webhook, reason)) = found.and_then(|(webhook, circuit)| why(&webhook, circuit).map(|why| (webhook, why)))
        else {
            return Ok(Change::silent(false, NoEvent::Unchanged));
        };
        tx.disable_webhook(scope, failing, &reason).await?;
        tell_owners(tx, scope, &webhook, link).await?;
        let event = Event::WebhookDisabled { webhook_id: webhook.id, name: webhook.name.to_string(), reason };
        Ok(Change::new(true, webhook.org_id, event))
    };
    let disabled = store.write_as_job(scope, now, async |tx| work(&tx).await).await?;
    // Each delivery that waits would be cancelled at its turn as well, but would take a worker's concurrency slot for it.
    while disabled && store.cancel_waiting(scope, failing, now).await?.more {}
    Ok(disabled)
}

async fn tell_owners(tx: &WriteTx, scope: SystemScope, webhook: &Webhook, link: &str) -> Result<()> {
    for owner in tx.owners(scope, webhook.org_id).await? {
        // Only the origin: the rest of such a URL is often a secret.
        let context = json!({ "organization": owner.organization, "url": webhook.url.origin(), "link": link });
        let mail = Mail { template: Template::WebhookDisabled, to: owner.email, context, language: None };
        tx.queue_mail(webhook.org_id, &mail).await?;
    }
    Ok(())
}
