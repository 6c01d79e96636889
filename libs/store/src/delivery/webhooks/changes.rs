//! What follows from a change of an endpoint for what waits at it.

use domain::{
    Result, Time,
    authorization::{
        policy::{OrgScope, Write},
        resource::Webhooks,
    },
    delivery::webhooks::Webhook,
};
use sea_orm::DatabaseTransaction;

use crate::{
    WriteTx,
    core::sql::{self, Sql, sql},
    delivery::deliveries::{
        catching_up, circuits,
        destinations::{self, Destination},
    },
};

/// Its number in the feed, or before everything else, as a test event.
const PUT_IN_ORDER: Sql = sql!(
    "update deliveries
     set line = coalesce(
       (select f.seq from feed f where f.org_id = deliveries.org_id and f.event_id = deliveries.event_id), 0)
     where org_id = $1 and webhook_id = $2 and {open} and line is null"
);

impl WriteTx {
    /// Forgets how a locked endpoint has been answering: it was repaired, or switched on or off, or (`moved`) has another URL, where
    /// whoever is there has to answer 2xx first. What waits is tried at once; with what one that is off has missed, it does not catch up.
    pub async fn forget_failures(&self, scope: OrgScope<'_, Webhooks, Write>, webhook: &Webhook, moved: bool) -> Result<()> {
        let to = Destination { org: scope.org(), webhook: webhook.id };
        destinations::lock(&self.tx, &mut [to]).await?;
        if moved {
            circuits::moved(&self.tx, to, self.now()).await?;
        }
        circuits::close(&self.tx, to).await?;
        if !webhook.is_active {
            catching_up::give_up(&self.tx, to).await?;
        }
        reschedule(&self.tx, to, self.now()).await
    }

    /// Makes the workers keep to a changed `in_order`. Call it after [`WriteTx::save_webhook`], with the endpoint still locked: a pass of
    /// the sequencer waits for that lock, so each row is either seen here or made with its place.
    pub async fn put_in_order(&self, scope: OrgScope<'_, Webhooks, Write>, webhook: &Webhook) -> Result<()> {
        let to = Destination { org: scope.org(), webhook: webhook.id };
        destinations::lock(&self.tx, &mut [to]).await?;
        if webhook.in_order {
            sql::execute(&self.tx, PUT_IN_ORDER, vec![to.org.uuid().into(), to.webhook.uuid().into()]).await?;
        }
        reschedule(&self.tx, to, self.now()).await
    }
}

async fn reschedule(tx: &DatabaseTransaction, to: Destination, now: Time) -> Result<()> {
    destinations::reschedule(tx, &[(to, u64::MAX)], now).await
}
