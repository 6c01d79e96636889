//! Webhook endpoints and their deliveries.

mod budget;
pub mod catching_up;
pub mod disabling;
mod redeliver;
mod secrets;

pub use redeliver::{Queued, RedeliveryRequest};
pub use secrets::GRACE_DAYS;

use crypto::webhook::new_secret;
use domain::{
    DeliveryId, Event, EventName, Page, Result, Time, Total, WebhookId,
    authorization::{
        policy::{OrgScope, Read, decide, may_try},
        resource::Webhooks,
    },
    core::value::{Name, Slug},
    delivery::webhooks::{Delivery, EndpointUrl, Webhook},
};
use serde::{Deserialize, Serialize};
use store::{Change, delivery::deliveries::DeliveryFilter};

use crate::{App, Caller};

/// A new endpoint.
pub struct NewWebhook {
    /// Unique per organization.
    pub name: Name,
    /// Where events are posted.
    pub url: EndpointUrl,
    /// Which events; at least one.
    pub events: Vec<EventName>,
    /// Whether each event waits until the one before it arrived or was given up.
    pub in_order: bool,
}

/// What may be changed of an endpoint.
pub struct WebhookChanges {
    /// Another name.
    pub name: Option<Name>,
    /// Another URL.
    pub url: Option<EndpointUrl>,
    /// Other events.
    pub events: Option<Vec<EventName>>,
    /// Whether events are sent.
    pub is_active: Option<bool>,
    /// Whether each event waits until the one before it arrived or was given up.
    pub in_order: Option<bool>,
}

/// A registered endpoint; the secret is shown this once.
#[derive(Clone, Serialize, Deserialize)]
pub struct Registered {
    /// The endpoint.
    pub webhook: Webhook,
    /// Signs what is sent to it.
    pub secret: String,
}

impl App {
    /// The endpoints.
    pub async fn list_webhooks(&self, c: &Caller, slug: &Slug) -> Result<Vec<Webhook>> {
        let standing = self.standing(c, slug).await?;
        self.store.list_webhooks(decide(&standing)?).await
    }

    /// One endpoint.
    pub async fn get_webhook(&self, c: &Caller, slug: &Slug, id: WebhookId) -> Result<Webhook> {
        let standing = self.standing(c, slug).await?;
        self.store.get_webhook(decide(&standing)?, id).await
    }

    /// Whether the caller may manage webhooks: for the list of event names.
    pub async fn see_webhooks(&self, c: &Caller, slug: &Slug) -> Result<()> {
        let standing = self.standing(c, slug).await?;
        let _: OrgScope<'_, Webhooks, Read> = decide(&standing)?;
        Ok(())
    }

    /// Registers an endpoint and answers its signing secret, this once. `AlreadyExists` (`webhook_name_taken`).
    pub async fn create_webhook(&self, c: &Caller, slug: &Slug, new: &NewWebhook) -> Result<Registered> {
        self.check_url(c, slug, &new.url).await?;
        self.in_org::<Webhooks, _>(c, slug, async |tx, scope| {
            let webhook = Webhook {
                id: WebhookId::new(tx.uuid()),
                org_id: scope.org(),
                name: new.name.clone(),
                url: new.url.clone(),
                events: new.events.clone(),
                is_active: true,
                in_order: new.in_order,
                disabled_at: None,
                disabled_reason: None,
                old_secrets_until: None,
                unverified: false,
                behind: None,
                created_at: tx.now(),
                updated_at: tx.now(),
            };
            let secret = new_secret(self.ids.as_ref());
            tx.insert_webhook(scope, &webhook, &secret).await?;
            let (name, url, events) = (webhook.name.to_string(), webhook.url.origin(), webhook.events.clone());
            let event = Event::WebhookCreated { webhook_id: webhook.id, name, url, events };
            Ok(Change::new(Registered { webhook, secret }, scope.org(), event))
        })
        .await
    }

    /// Resolving a name takes time and must not happen inside a transaction; nor for somebody who may not register endpoints.
    async fn check_url(&self, c: &Caller, slug: &Slug, url: &EndpointUrl) -> Result<()> {
        may_try::<Webhooks>(&self.standing(c, slug).await?)?;
        self.guard.check("url", url.url()).await.map_err(|violation| domain::Error::invalid(vec![violation]))
    }

    /// Changes an endpoint, all of it or nothing.
    pub async fn update_webhook(&self, c: &Caller, slug: &Slug, id: WebhookId, changes: &WebhookChanges) -> Result<Webhook> {
        if let Some(url) = &changes.url {
            self.check_url(c, slug, url).await?;
        }
        self.in_org::<Webhooks, _>(c, slug, async |tx, scope| {
            let mut webhook = tx.lock_webhook(scope, id).await?;
            let before = webhook.clone();
            apply(changes, &mut webhook, tx.now());
            tx.save_webhook(scope, &before, &webhook).await?;
            if webhook.in_order != before.in_order {
                tx.put_in_order(scope, &webhook).await?;
            }
            if changes.url.is_some() || changes.is_active.is_some() {
                // Moved, repaired or given up: what was known about it does not hold any more.
                tx.forget_failures(scope, &webhook, webhook.url != before.url).await?;
            }
            let (name, url, events) = (webhook.name.to_string(), webhook.url.origin(), webhook.events.clone());
            let event = Event::WebhookUpdated { webhook_id: id, name, url, events, is_active: webhook.is_active };
            Ok(Change::new(webhook, scope.org(), event))
        })
        .await
    }

    /// Deletes an endpoint with its deliveries.
    pub async fn delete_webhook(&self, c: &Caller, slug: &Slug, id: WebhookId) -> Result<()> {
        self.in_org::<Webhooks, _>(c, slug, async |tx, scope| {
            let webhook = tx.lock_webhook(scope, id).await?;
            tx.delete_webhook(scope, id).await?;
            Ok(Change::new((), scope.org(), Event::WebhookDeleted { webhook_id: id, name: webhook.name.to_string() }))
        })
        .await
    }

    /// Sends an endpoint a test event. `Conflict` (`too_many_waiting`), `RateLimited` as `redeliver`.
    pub async fn test_webhook(&self, c: &Caller, slug: &Slug, id: WebhookId) -> Result<DeliveryId> {
        self.admit_redelivery(c, slug).await?;
        self.in_org::<Webhooks, _>(c, slug, async |tx, scope| {
            let webhook = tx.lock_webhook(scope, id).await?;
            let delivery = tx.enqueue_test(scope, &webhook, self.settings.making).await?;
            Ok(Change::new(delivery, scope.org(), Event::WebhookTested { webhook_id: id, name: webhook.name.to_string() }))
        })
        .await
    }

    /// An endpoint's deliveries, newest first, and how many match.
    pub async fn list_deliveries(
        &self,
        c: &Caller,
        slug: &Slug,
        id: WebhookId,
        page: Page,
        filter: &DeliveryFilter,
    ) -> Result<(Vec<Delivery>, Total)> {
        let standing = self.standing(c, slug).await?;
        let scope = decide(&standing)?;
        let is_long = page.is_deep() || *filter != DeliveryFilter::default();
        self.list(scope.org(), is_long, self.store.list_deliveries(scope, id, page, filter, c.call.now)).await
    }

    /// One of them, with its attempts and the last answer.
    pub async fn get_delivery(&self, c: &Caller, slug: &Slug, id: WebhookId, delivery: DeliveryId) -> Result<Delivery> {
        let standing = self.standing(c, slug).await?;
        self.store.get_delivery(decide(&standing)?, id, delivery).await
    }
}

fn apply(changes: &WebhookChanges, webhook: &mut Webhook, now: Time) {
    if let Some(name) = &changes.name {
        webhook.name = name.clone();
    }
    if let Some(url) = &changes.url {
        webhook.unverified &= webhook.url == *url;
        webhook.url = url.clone();
    }
    if let Some(events) = &changes.events {
        webhook.events.clone_from(events);
    }
    if let Some(is_active) = changes.is_active {
        webhook.is_active = is_active;
        (webhook.disabled_at, webhook.disabled_reason) = (None, None);
        webhook.behind = webhook.behind.filter(|_| is_active);
    }
    webhook.in_order = changes.in_order.unwrap_or(webhook.in_order);
    webhook.updated_at = now;
}
