//! Switching off endpoints to which nothing has arrived for days: what the worker does by the clock. Their organization hears of it by an
//! event, its owners by mail.

use chrono::TimeDelta;
use domain::{
    Event, Result, Time,
    authorization::policy::SystemScope,
    delivery::{
        mails::{Mail, Template},
        webhooks::Webhook,
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
        if store.write_as_job(scope, now, async |tx| disable(&tx, scope, failing, disabling).await).await? {
            count += 1;
            // Each delivery that waits would be cancelled at its turn as well, but would take a worker's concurrency slot for it.
            while store.cancel_waiting(scope, failing, now).await?.more {}
        }
    }
    Ok(count)
}

/// `false` if it was repaired, switched off or deleted meanwhile.
async fn disable(tx: &WriteTx, scope: SystemScope, failing: FailingWebhook, disabling: &Disabling) -> Result<Change<bool>> {
    let Some((webhook, circuit)) = tx.lock_failing_webhook(scope, failing).await? else {
        return Ok(Change::silent(false, NoEvent::Unchanged));
    };
    if !webhook.is_active || circuit.failing_seconds < disabling.after.num_seconds() {
        return Ok(Change::silent(false, NoEvent::Unchanged));
    }
    let reason = format!("nothing arrived for {} days", circuit.failing_seconds / 86_400);
    tx.disable_webhook(scope, failing, &reason).await?;
    tell_owners(tx, scope, &webhook, &disabling.link).await?;
    let event = Event::WebhookDisabled { webhook_id: webhook.id, name: webhook.name.to_string(), reason };
    Ok(Change::new(true, webhook.org_id, event))
}

async fn tell_owners(tx: &WriteTx, scope: SystemScope, webhook: &Webhook, link: &str) -> Result<()> {
    for owner in tx.webhook_owners(scope, webhook).await? {
        // Only the origin: the rest of such a URL is often a secret.
        let context = json!({ "organization": owner.organization, "url": webhook.url.origin(), "link": link });
        let mail = Mail { template: Template::WebhookDisabled, to: owner.email, context };
        tx.queue_mail(webhook.org_id, &mail).await?;
    }
    Ok(())
}
