//! Claiming: a worker takes destinations that are due, nobody waiting for anybody, and a few rows of each.

use std::{collections::HashSet, fmt};

use crypto::Sealed;
use domain::{
    DeliveryId, EventId, OrgId, Result, Time, WebhookId, authorization::policy::SystemScope, tenancy::organizations::OrgStatus,
};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult};
use uuid::Uuid;

use super::{
    candidates::{Candidate, DeliveryClaim, candidates, due},
    destinations::{self, Destination},
    outcome::Ticket,
    recovery,
};
use crate::{
    Store,
    core::{
        dialect,
        error::from_db,
        sql::{self, Sql, sql},
    },
    delivery::webhooks::secrets::SealedSecrets,
};

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

/// Looking first keeps an idle worker from occupying SQLite's writer.
const ANY_DUE: Sql = sql!(
    "select 1
     where exists (select 1 from destinations where slow = false and due_at <= $1)
       or ($2 > 0 and exists (select 1 from destinations where slow = true and due_at <= $1))"
);

impl Store {
    /// Claims due deliveries, endpoints in turn. A row whose lease ended after its last permitted attempt is given up on the way.
    pub async fn claim_deliveries(&self, _: SystemScope, claim: DeliveryClaim) -> Result<Vec<ClaimedDelivery>> {
        if sql::one(&self.db, ANY_DUE, vec![claim.now.into(), claim.max_slow.cast_signed().into()]).await?.is_none() {
            return Ok(Vec::new());
        }
        let (rows, slow) = self.bookkeep(async |tx| take(&tx, claim).await).await?;
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

/// The claimed rows, and which of their destinations are slow.
async fn take(tx: &DatabaseTransaction, claim: DeliveryClaim) -> Result<(Vec<QueryResult>, HashSet<Destination>)> {
    let turns = due(tx, claim).await?;
    if turns.is_empty() {
        return Ok(Default::default());
    }
    let mut candidates = candidates(tx, &turns, claim).await?;
    recovery::choose_probes(tx, &turns, &mut candidates, claim.now).await?;
    let (exhausted, open): (Vec<_>, Vec<_>) = candidates.into_iter().partition(|row| row.exhausted);
    give_up(tx, &exhausted, claim.now).await?;
    let rows = lease(tx, &open, claim).await?;
    let rooms: Vec<_> = turns.iter().map(|turn| (turn.to, turn.room)).collect();
    destinations::reschedule(tx, &rooms, claim.now).await?;
    Ok((rows, turns.into_iter().filter(|turn| turn.slow).map(|turn| turn.to).collect()))
}

const GIVE_UP: Sql<2> = sql!(
    "update deliveries
     set state = {failed}, lease = null, error = 'the last attempt was interrupted', updated_at = $1
     where (org_id, id) in (select org_id, id from {rows})",
    rows = 2 (org_id: Uuid, id: Uuid)
);

/// The worker that made the last permitted attempt never told how it went.
async fn give_up(tx: &DatabaseTransaction, rows: &[Candidate], now: Time) -> Result<()> {
    if !rows.is_empty() {
        GIVE_UP.execute(tx, vec![now.into()], rows.iter().map(Candidate::key)).await?;
    }
    Ok(())
}

const LEASE: Sql<2> = sql!(
    "update deliveries
     set state = {in_flight}, attempts = attempts + 1, lease = $1, next_at = $2, updated_at = $3
     where (org_id, id) in (select org_id, id from {rows})",
    rows = 4 (org_id: Uuid, id: Uuid)
);

/// What a send needs of what else there is.
const OF_THE_REST: &str = "e.body, e.traceparent, e.created_at as happened_at,
       w.url, w.secret, w.old_secrets, w.old_secrets_until, w.is_active,
       o.status, o.deleted_at";

const THE_REST: &str = "join events e on e.org_id = d.org_id and e.id = d.event_id
     join webhooks w on w.org_id = d.org_id and w.id = d.webhook_id
     join organizations o on o.id = d.org_id";

const LEASED: Sql<2> = sql!(
    "select d.org_id, d.id, d.webhook_id, d.event_id, d.event_type, d.attempts, d.max_attempts, d.created_at, {of_the_rest}
     from deliveries d {the_rest}
     where (d.org_id, d.id) in (select org_id, id from {rows})
     order by d.created_at, d.id",
    rows = 1 (org_id: Uuid, id: Uuid),
    of_the_rest = OF_THE_REST,
    the_rest = THE_REST
);

/// Both in one, where an update can be read from.
const LEASE_ON_POSTGRES: Sql<2> = sql!(
    "with d as (
       update deliveries x
       set state = {in_flight}, attempts = x.attempts + 1, lease = $1, next_at = $2, updated_at = $3
       from {rows}
       where x.org_id = v.org_id and x.id = v.id
       returning x.org_id, x.id, x.webhook_id, x.event_id, x.event_type, x.attempts, x.max_attempts, x.created_at)
     select d.*, {of_the_rest}
     from d {the_rest}
     order by d.created_at, d.id",
    rows = 4 (org_id: Uuid, id: Uuid),
    of_the_rest = OF_THE_REST,
    the_rest = THE_REST
);

/// Takes the lease, and reads what a send needs.
async fn lease(tx: &DatabaseTransaction, rows: &[Candidate], claim: DeliveryClaim) -> Result<Vec<QueryResult>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let (values, keys) =
        (vec![claim.lease.into(), claim.lease_until.into(), claim.now.into()], || rows.iter().map(Candidate::key));
    if !dialect::is_sqlite(tx) {
        return LEASE_ON_POSTGRES.all(tx, values, keys()).await;
    }
    LEASE.execute(tx, values, keys()).await?;
    LEASED.all(tx, vec![], keys()).await
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
