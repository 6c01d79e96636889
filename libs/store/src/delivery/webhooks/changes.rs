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
    core::sql,
    delivery::deliveries::{
        circuits,
        destinations::{self, Destination},
    },
};

impl WriteTx {
    /// Forgets how a locked endpoint has been answering: it was repaired, moved, or switched on or off. What waits is tried at once.
    pub async fn forget_failures(&self, scope: OrgScope<'_, Webhooks, Write>, webhook: &Webhook) -> Result<()> {
        let to = Destination { org: scope.org(), webhook: webhook.id };
        destinations::lock(&self.tx, &mut [to]).await?;
        circuits::close(&self.tx, to).await?;
        look_again(&self.tx, to, self.now()).await
    }

    /// Makes the workers keep to a changed `in_order`. Call it after [`WriteTx::save_webhook`], with the endpoint still locked: a pass of
    /// the sequencer waits for that lock, so each row is either seen here or made in line.
    pub async fn line_up(&self, scope: OrgScope<'_, Webhooks, Write>, webhook: &Webhook) -> Result<()> {
        let to = Destination { org: scope.org(), webhook: webhook.id };
        destinations::lock(&self.tx, &mut [to]).await?;
        if webhook.in_order {
            sql::execute(&self.tx, LINE_UP, vec![to.org.uuid().into(), to.webhook.uuid().into()]).await?;
        }
        look_again(&self.tx, to, self.now()).await
    }
}

const LINE_UP: &str = "update deliveries set line = coalesce(
                         (select f.seq from feed f where f.org_id = deliveries.org_id and f.event_id = deliveries.event_id), 0)
                       where org_id = $1 and webhook_id = $2 and state < 2 and line is null";

async fn look_again(tx: &DatabaseTransaction, to: Destination, now: Time) -> Result<()> {
    destinations::reschedule(tx, &[(to, u64::MAX)], now).await
}
