//! Sending events again: one delivery, or everything that happened in a time.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use chrono::TimeDelta;
use domain::{
    DeliveryId, Error, Event, EventId, EventName, Result, Time, WebhookId,
    authorization::{
        policy::{OrgScope, Write},
        resource::Webhooks,
    },
    core::value::Slug,
    delivery::webhooks::Webhook,
};
use serde::{Deserialize, Serialize};
use store::{Change, NoEvent, WriteTx, delivery::deliveries::Redelivery};

use crate::{App, Caller};

/// Which events to send again.
pub struct RedeliveryRequest {
    /// Those that happened from here on …
    pub from: Time,
    /// … and before this.
    pub to: Time,
    /// With one of these names; all that the endpoint subscribed to, if not said.
    pub names: Option<Vec<EventName>>,
    /// Only those that have not arrived there yet.
    pub only_missing: bool,
    /// Where the call before stopped.
    pub after: Option<EventId>,
}

/// What is sent again.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Queued {
    /// How many events.
    pub deliveries: usize,
    /// Where to go on; `None` if that was all.
    pub next: Option<EventId>,
}

impl App {
    /// Sends the event of a delivery once more, as a new delivery with the same `webhook-id`. `Conflict` (`webhook_inactive`,
    /// `event_erased`, `too_many_waiting`). `RateLimited`: the organization has sent as many again as it may for now.
    pub async fn redeliver(&self, c: &Caller, slug: &Slug, id: WebhookId, delivery: DeliveryId) -> Result<DeliveryId> {
        self.admit_redelivery(c, slug).await?;
        self.in_org::<Webhooks, _>(c, slug, async |tx, scope| {
            let webhook = tx.pin_webhook(scope, id).await?;
            let queued = tx.redeliver(scope, active(&webhook)?, delivery, self.settings.making).await?;
            Ok(Change::new(queued, scope.org(), redelivered(&webhook, 1)))
        })
        .await
    }

    /// Sends the events of a time again, as many as one call may: go on after `next`. Also those from before the endpoint existed or
    /// while it was switched off; never those that are still on their way to it. `Conflict` (`webhook_inactive`, `too_many_waiting`).
    pub async fn redeliver_range(&self, c: &Caller, slug: &Slug, id: WebhookId, asked: &RedeliveryRequest) -> Result<Queued> {
        if asked.from >= asked.to {
            return Err(Error::field("to", "out_of_range", "`to` must be later than `from`."));
        }
        let budget = self.admit_redelivery(c, slug).await?;
        let made = AtomicUsize::new(0);
        let range = async |tx: &WriteTx, scope: OrgScope<'_, Webhooks, Write>| {
            let webhook = tx.pin_webhook(scope, id).await?;
            let which = Redelivery {
                from: asked.from.max(Time::UNIX_EPOCH),
                // Nothing has happened later; a clock a little ahead of this one must not matter.
                to: asked.to.min(tx.now() + TimeDelta::days(1)),
                names: names(&webhook, asked.names.as_deref())?,
                only_missing: asked.only_missing,
                after: asked.after,
                most: budget.most(),
            };
            let done = tx.redeliver_events(scope, active(&webhook)?, &which, self.settings.making).await?;
            made.store(done.queued, Relaxed);
            let queued = Queued { deliveries: done.queued, next: done.next };
            if queued.deliveries == 0 {
                return Ok(Change::silent(queued, NoEvent::Unchanged));
            }
            Ok(Change::new(queued, scope.org(), redelivered(&webhook, queued.deliveries)))
        };
        let queued = self.in_org::<Webhooks, _>(c, slug, range).await?;
        // Not by the answer: a repeated request, which gets it again, makes nothing.
        self.charge_redelivery(budget, made.load(Relaxed)).await;
        Ok(queued)
    }
}

fn redelivered(webhook: &Webhook, deliveries: usize) -> Event {
    Event::WebhookRedelivered { webhook_id: webhook.id, name: webhook.name.to_string(), deliveries }
}

/// To one that is switched off nothing is sent: what was queued would be cancelled at its turn.
fn active(webhook: &Webhook) -> Result<&Webhook> {
    if webhook.is_active {
        return Ok(webhook);
    }
    Err(Error::conflict("webhook_inactive", "The webhook is not active. Switch it on first."))
}

/// The asked names, which must be among those that the endpoint subscribed to.
fn names(webhook: &Webhook, asked: Option<&[EventName]>) -> Result<Vec<EventName>> {
    let Some(asked) = asked else { return Ok(webhook.events.clone()) };
    match asked.iter().find(|name| !webhook.events.contains(name)) {
        None => Ok(asked.to_vec()),
        Some(name) => Err(Error::field("event_types", "not_subscribed", format!("The webhook does not subscribe to {name}."))),
    }
}
