//! Claiming: a worker takes destinations that are due, nobody waiting for anybody, and a few rows of each.

use std::{collections::HashSet, fmt};

use crypto::Sealed;
use domain::{
    DeliveryId, EventId, OrgId, Result, Time, WebhookId, authorization::policy::SystemScope, tenancy::organizations::OrgStatus,
};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use super::{
    candidates::{Candidate, candidates, due},
    destinations::{self, Destination},
    key,
    outcome::Ticket,
};
use crate::{
    Store,
    core::{error::from_db, sql},
    delivery::webhooks::secrets::SealedSecrets,
};

/// What to claim.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryClaim {
    /// Now.
    pub now: Time,
    /// Names this claim: only who knows it can settle.
    pub lease: Uuid,
    /// When the rows go to somebody else. At least twice as long as handling them can take.
    pub lease_until: Time,
    /// Endpoints at most.
    pub destinations: u64,
    /// Rows of one endpoint that may be in flight, over all workers. 1 keeps them in order.
    pub per_destination: u64,
    /// Rows at most.
    pub max_rows: u64,
    /// Rows of slow or failing endpoints among them at most.
    pub max_slow: u64,
}

/// A claimed row with everything that a send needs. Its secret keeps it from being shown.
pub struct ClaimedDelivery {
    /// To settle or release it.
    pub ticket: Ticket,
    /// The event: the `webhook-id` header.
    pub event: EventId,
    /// Its name.
    pub event_type: String,
    /// When it was queued.
    pub created_at: Time,
    /// When the event happened.
    pub happened_at: Time,
    /// The exact bytes to post.
    pub body: String,
    /// The trace of the request that caused it.
    pub traceparent: Option<String>,
    /// How often it is tried at most; `ticket.number` is this attempt.
    pub max_attempts: i32,
    /// Where to.
    pub url: String,
    /// Whether the endpoint is active.
    pub is_active: bool,
    /// The organization's status; `None` for one that we do not know.
    pub org_status: Option<OrgStatus>,
    /// Whether the organization was deleted.
    pub org_deleted: bool,
    /// Whether its endpoint is slow or failing.
    pub slow: bool,
    /// Sign it, the current one first; empty if it cannot be opened with the keys we have.
    pub secrets: Vec<String>,
}

impl fmt::Debug for ClaimedDelivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClaimedDelivery")
            .field("ticket", &self.ticket)
            .field("event_type", &self.event_type)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Claims due deliveries, endpoints in turn. A row whose lease ended after its last permitted attempt is given up on the way.
    pub async fn claim_deliveries(&self, _: SystemScope, claim: DeliveryClaim) -> Result<Vec<ClaimedDelivery>> {
        // Looking first keeps an idle worker from occupying SQLite's writer.
        if sql::one(&self.db, LOOK, vec![claim.now.into(), claim.max_slow.cast_signed().into()]).await?.is_none() {
            return Ok(Vec::new());
        }
        let work = self.bookkeep().await?;
        let (rows, slow) = take(&work.tx, claim).await?;
        work.commit().await?;
        let mut claimed = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut delivery = read(row, claim.lease).map_err(from_db)?;
            let (org, webhook) = (delivery.ticket.org, delivery.ticket.webhook);
            delivery.slow = slow.contains(&Destination { org, webhook });
            delivery.secrets = self.signing_secrets(org, webhook, &secrets(row, claim.now).map_err(from_db)?, claim.now).await?;
            claimed.push(delivery);
        }
        Ok(claimed)
    }
}

const LOOK: &str = "select 1 where exists (select 1 from destinations where slow = false and due_at <= $1)
                    or ($2 > 0 and exists (select 1 from destinations where slow = true and due_at <= $1))";

/// The claimed rows, and which of their destinations are slow.
async fn take(tx: &DatabaseTransaction, claim: DeliveryClaim) -> Result<(Vec<QueryResult>, HashSet<Destination>)> {
    let turns = due(tx, claim).await?;
    if turns.is_empty() {
        return Ok(Default::default());
    }
    let (exhausted, fresh): (Vec<_>, Vec<_>) = candidates(tx, &turns, claim).await?.into_iter().partition(|row| row.exhausted);
    give_up(tx, &exhausted, claim.now).await?;
    let rows = mark(tx, &fresh, claim).await?;
    let rooms: Vec<_> = turns.iter().map(|turn| (turn.to, turn.room)).collect();
    destinations::reschedule(tx, &rooms, claim.now).await?;
    Ok((rows, turns.into_iter().filter(|turn| turn.slow).map(|turn| turn.to).collect()))
}

/// The worker that made the last permitted attempt never told how it went.
async fn give_up(tx: &DatabaseTransaction, rows: &[Candidate], now: Time) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let text = format!(
        "update deliveries set state = 3, lease = null, error = 'the last attempt was interrupted', updated_at = $1
         where (org_id, id) in (values {})",
        sql::tuples(2, rows.len(), 2)
    );
    let values = std::iter::once(now.into()).chain(rows.iter().flat_map(|row| key(row.to.org, row.id))).collect();
    sql::execute(tx, &text, values).await?;
    Ok(())
}

const JOINED: &str = "select d.org_id, d.id, d.webhook_id, d.event_id, d.event_type, d.attempts, d.max_attempts, d.created_at, e.body, e.traceparent,
                      e.created_at as happened_at, w.url, w.secret, w.old_secrets,
                      w.old_secrets_until, w.is_active, o.status, o.deleted_at from deliveries d
                      join events e on e.org_id = d.org_id and e.id = d.event_id join webhooks w on w.org_id = d.org_id and w.id = d.webhook_id
                      join organizations o on o.id = d.org_id where (d.org_id, d.id) in";

/// Takes the lease, and reads what a send needs.
async fn mark(tx: &DatabaseTransaction, rows: &[Candidate], claim: DeliveryClaim) -> Result<Vec<QueryResult>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<Value> = rows.iter().flat_map(|row| key(row.to.org, row.id)).collect();
    let text = format!(
        "update deliveries set state = 1, attempts = attempts + 1, lease = $1, next_at = $2, updated_at = $3 where (org_id, id) in (values {})",
        sql::tuples(4, rows.len(), 2)
    );
    let mut values: Vec<Value> = vec![claim.lease.into(), claim.lease_until.into(), claim.now.into()];
    values.extend(keys.iter().cloned());
    sql::execute(tx, &text, values).await?;
    sql::all(tx, &format!("{JOINED} (values {}) order by d.created_at, d.id", sql::tuples(1, rows.len(), 2)), keys).await
}

fn read(row: &QueryResult, lease: Uuid) -> Result<ClaimedDelivery, DbErr> {
    let status: String = row.try_get("", "status")?;
    Ok(ClaimedDelivery {
        ticket: Ticket {
            org: OrgId::new(row.try_get("", "org_id")?),
            webhook: WebhookId::new(row.try_get("", "webhook_id")?),
            id: DeliveryId::new(row.try_get("", "id")?),
            lease,
            number: row.try_get("", "attempts")?,
        },
        event: EventId::new(row.try_get("", "event_id")?),
        event_type: row.try_get("", "event_type")?,
        created_at: row.try_get("", "created_at")?,
        happened_at: row.try_get("", "happened_at")?,
        body: row.try_get("", "body")?,
        traceparent: row.try_get("", "traceparent")?,
        max_attempts: row.try_get("", "max_attempts")?,
        url: row.try_get("", "url")?,
        is_active: row.try_get("", "is_active")?,
        org_status: status.parse().ok(),
        org_deleted: row.try_get::<Option<Time>>("", "deleted_at")?.is_some(),
        slow: false,
        secrets: Vec::new(),
    })
}

/// The sealed columns; old secrets whose time has ended are not even opened.
fn secrets(row: &QueryResult, now: Time) -> Result<SealedSecrets, DbErr> {
    let until: Option<Time> = row.try_get("", "old_secrets_until")?;
    let old: Option<String> = row.try_get("", "old_secrets")?;
    Ok(SealedSecrets {
        current: Sealed::from(row.try_get::<String>("", "secret")?),
        old: old.filter(|_| until.is_some_and(|until| until > now)).map(Sealed::from),
    })
}
