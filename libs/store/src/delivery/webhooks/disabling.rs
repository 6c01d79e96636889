//! Switching off endpoints to which nothing has arrived for days. Their organization hears of it by an event, its owners by mail.

use chrono::TimeDelta;
use domain::{
    Actor, Event, OrgId, Origin, Result, Stamp, Time, WebhookId,
    authorization::policy::SystemScope,
    core::value::Email,
    delivery::{
        mails::{Mail, Template},
        webhooks::Webhook,
    },
    tenancy::roles::RoleName,
};
use sea_orm::{DatabaseTransaction, EntityTrait, QuerySelect, Set};
use serde_json::json;

use super::webhook;
use crate::{
    Change, NoEvent, Store, WriteTx,
    core::{entity::webhooks, error::from_db, sql},
    delivery::deliveries::{
        circuits,
        destinations::{self, Destination},
    },
};

/// When an endpoint is switched off.
#[derive(Clone, Debug)]
pub struct Disabling {
    /// After how long without a single success. Only time between failures counts: one failed event in a quiet month does not.
    pub after: TimeDelta,
    /// Where the mail leads to.
    pub link: String,
}

/// Deliveries that are cancelled in one transaction.
const BATCH: i64 = 1000;

impl Store {
    /// Switches off at most `limit` endpoints that have failed for too long. Answers how many.
    pub async fn disable_failing_webhooks(
        &self,
        scope: SystemScope,
        now: Time,
        disabling: &Disabling,
        limit: u64,
    ) -> Result<usize> {
        let seconds = disabling.after.num_seconds();
        let rows = sql::all(&self.db, FAILING, vec![seconds.into(), limit.cast_signed().into()]).await?;
        let stamp = Stamp { actor: Actor::System(scope.job), origin: Origin::default(), now };
        let mut count = 0;
        for row in rows {
            let org = OrgId::new(row.try_get("", "org_id").map_err(from_db)?);
            let to = Destination { org, webhook: WebhookId::new(row.try_get("", "webhook_id").map_err(from_db)?) };
            if self.disable(&stamp, to, disabling).await? {
                count += 1;
                self.cancel_waiting(to, now).await?;
            }
        }
        Ok(count)
    }

    /// Not [`Store::write`], whose closures the worker's boxed futures cannot hold; who loses a race here is called again later.
    async fn disable(&self, stamp: &Stamp, to: Destination, disabling: &Disabling) -> Result<bool> {
        let tx = self.begin(stamp).await?;
        match disable(&tx, to, disabling).await {
            Ok(change) => tx.commit(change).await,
            Err(error) => {
                tx.rollback().await;
                Err(error)
            }
        }
    }

    /// What waits at an endpoint that was switched off, in batches: each of them would be cancelled at its turn as well, but would take
    /// a worker's hand for it.
    async fn cancel_waiting(&self, to: Destination, now: Time) -> Result<()> {
        loop {
            let cancelled = self.bookkeep(async |tx| cancel(&tx, to, now).await).await?;
            if cancelled < BATCH.unsigned_abs() {
                return Ok(());
            }
        }
    }
}

const FAILING: &str = "select d.org_id, d.webhook_id from destinations d join organizations o on o.id = d.org_id
                       where d.failing_seconds > 0 and d.failing_seconds >= $1 and o.deleted_at is null order by d.failing_seconds desc limit $2";

// Only while it is off: it may have been switched on again meanwhile.
const CANCEL: &str = "update deliveries set state = 3, error = 'the webhook is not active', updated_at = $1
                      where (org_id, id) in (select d.org_id, d.id from deliveries d join webhooks w on w.org_id = d.org_id and w.id = d.webhook_id
                        where d.org_id = $2 and d.webhook_id = $3 and d.state = 0 and w.is_active = false limit $4)";

async fn cancel(tx: &DatabaseTransaction, to: Destination, now: Time) -> Result<u64> {
    destinations::lock(tx, &mut [to]).await?;
    let values = vec![now.into(), to.org.uuid().into(), to.webhook.uuid().into(), BATCH.into()];
    let cancelled = sql::execute(tx, CANCEL, values).await?;
    destinations::reschedule(tx, &[(to, u64::MAX)], now).await?;
    Ok(cancelled)
}

/// `false` if it was repaired, switched off or deleted meanwhile.
async fn disable(tx: &WriteTx, to: Destination, disabling: &Disabling) -> Result<Change<bool>> {
    let key = (to.org.uuid(), to.webhook.uuid());
    let row = webhooks::Entity::find_by_id(key).lock_exclusive().one(&tx.tx).await.map_err(from_db)?;
    let circuit = circuits::lock(&tx.tx, &[to]).await?.remove(&to);
    let (Some(row), Some(circuit)) = (row, circuit) else { return Ok(Change::silent(false, NoEvent::Unchanged)) };
    if !row.is_active || circuit.failing_seconds < disabling.after.num_seconds() {
        return Ok(Change::silent(false, NoEvent::Unchanged));
    }
    let webhook = webhook(row)?;
    let reason = format!("nothing arrived for {} days", circuit.failing_seconds / 86_400);
    switch_off(tx, &webhook, &reason).await?;
    circuits::close(&tx.tx, to).await?;
    destinations::reschedule(&tx.tx, &[(to, u64::MAX)], tx.now()).await?;
    tell_owners(tx, &webhook, &disabling.link).await?;
    let event = Event::WebhookDisabled { webhook_id: webhook.id, name: webhook.name.to_string(), reason };
    Ok(Change::new(true, to.org, event))
}

async fn switch_off(tx: &WriteTx, webhook: &Webhook, reason: &str) -> Result<()> {
    let row = webhooks::ActiveModel {
        org_id: Set(webhook.org_id.uuid()),
        id: Set(webhook.id.uuid()),
        is_active: Set(false),
        disabled_at: Set(Some(tx.now())),
        disabled_reason: Set(Some(reason.to_owned())),
        updated_at: Set(tx.now()),
        ..Default::default()
    };
    webhooks::Entity::update(row).exec(&tx.tx).await.map_err(from_db)?;
    Ok(())
}

const OWNERS: &str = "select u.email, o.name from memberships m join users u on u.id = m.user_id
                      join organizations o on o.id = m.org_id where m.org_id = $1 and m.role = $2 and u.deleted_at is null order by m.id";

async fn tell_owners(tx: &WriteTx, webhook: &Webhook, link: &str) -> Result<()> {
    let values = vec![webhook.org_id.uuid().into(), RoleName::Owner.as_str().into()];
    for row in sql::all(&tx.tx, OWNERS, values).await? {
        let (email, organization): (String, String) =
            (row.try_get("", "email").map_err(from_db)?, row.try_get("", "name").map_err(from_db)?);
        // Only the origin: the rest of such a URL is often a secret.
        let context = json!({ "organization": organization, "url": webhook.url.origin(), "link": link });
        let mail = Mail { template: Template::WebhookDisabled, to: Email::stored(email), context };
        tx.queue_mail(webhook.org_id, &mail).await?;
    }
    Ok(())
}
