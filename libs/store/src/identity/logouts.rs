//! Clients to be told that a session has ended: a queue like that of mails. What ends a session puts its clients here in the same transaction, so that
//! nobody is forgotten, and nobody told who was not concerned.

use std::collections::HashMap;

use domain::{
    OrgId, Result, SessionId, Time, UserId, applications::resource_servers::TokenAlg, authorization::policy::SystemScope,
};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult, Value};
use uuid::Uuid;

use crate::{
    Store, WriteTx,
    core::{
        error::Constraint,
        sql::{self, Columns, Sql, sql},
        table::{Age, Table, WhenOld, WithOrganization},
    },
};

const LOGOUTS_ONCE: Constraint =
    Constraint { name: "logouts_once", columns: "logouts.session_id, logouts.client_org_id, logouts.client_id" };

/// Only written as SQL.
pub(crate) const LOGOUTS: Table = Table {
    name: "logouts",
    unique: &[&LOGOUTS_ONCE],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Deliveries,
        sql!("delete from logouts where id in (select id from logouts where {finished} and updated_at < $1 limit $2)"),
    ),
    with_organization: WithOrganization::GoesWith("clients"),
};

/// Clients of one transaction at most: whoever has more sessions and clients than that is told of the rest by tokens that hold no more.
const MOST: i64 = 1000;

/// The clients of sessions of `$1` that have ended at `$2`.
const CONCERNED: Sql = sql!(
    "select distinct g.session_id, g.client_org_id, g.client_id
    from sessions s
    join grants g on g.session_id = s.id
    join clients c on c.org_id = g.client_org_id and c.id = g.client_id
    where s.user_id = $1 and s.revoked_at = $2 and c.backchannel_logout_uri is not null
    limit $3"
);
const QUEUE: Sql<4> = sql!(
    "insert into logouts
      (id, session_id, client_org_id, client_id, user_id, state, attempts, next_at, created_at, updated_at)
    select v.id, v.session_id, v.client_org_id, v.client_id, $1, {waiting}, 0, $2, $2, $2
    from {rows}
    where true
    on conflict (session_id, client_org_id, client_id) do nothing",
    rows = 3 (id: Uuid, session_id: Uuid, client_org_id: Uuid, client_id: Uuid)
);

impl WriteTx {
    /// Queues what clients are told of the sessions that somebody's transaction has just ended.
    pub(super) async fn queue_logouts(&self, user: UserId) -> Result<()> {
        let values = vec![user.uuid().into(), self.now().into(), MOST.into()];
        let found: Vec<[Uuid; 3]> = sql::read_all(&sql::all(&self.tx, CONCERNED, values).await?, concerned)?;
        if found.is_empty() {
            return Ok(());
        }
        let rows = found.into_iter().map(|[session, org, client]| [self.uuid(), session, org, client].map(Value::from));
        QUEUE.execute(&self.tx, vec![user.uuid().into(), self.now().into()], rows).await.map(|_| ())
    }
}

fn concerned(row: &QueryResult) -> Result<[Uuid; 3], DbErr> {
    let mut columns = Columns::of(row);
    Ok([columns.next()?, columns.next()?, columns.next()?])
}

/// A claimed logout, and the right to settle it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogoutTicket {
    /// Which.
    pub id: Uuid,
    /// The claim.
    pub lease: Uuid,
    /// Which attempt this is, from 1.
    pub number: i32,
}

/// Where a client is told, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToldClient {
    /// Its name in OAuth.
    pub client_id: String,
    /// Where it is told.
    pub uri: String,
    /// What its tokens are signed with.
    pub alg: TokenAlg,
}

/// A claimed logout.
#[derive(Clone, Debug)]
pub struct ClaimedLogout {
    /// To settle or release it.
    pub ticket: LogoutTicket,
    /// The session that ended.
    pub session: SessionId,
    /// Whose it was.
    pub user: UserId,
    /// Who is told; `None`: the client wants to hear nothing any more.
    pub client: Option<ToldClient>,
}

/// What to claim.
#[derive(Clone, Copy, Debug)]
pub struct LogoutClaim {
    /// Now.
    pub now: Time,
    /// Names this claim.
    pub lease: Uuid,
    /// When they go to somebody else.
    pub lease_until: Time,
    /// Attempts after which one whose worker vanished is given up.
    pub max_attempts: i32,
    /// Rows at most.
    pub max_rows: u64,
}

/// What follows from an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoutVerdict {
    /// The client has it.
    Told,
    /// Try again then.
    Retry(String, Time),
    /// Given up.
    Failed(String),
}

const ANY_DUE: Sql = sql!("select 1 from logouts where {open} and next_at <= $1 limit 1");
const DUE: Sql = sql!(
    "select id, state = {in_flight} and attempts >= $3 as exhausted
    from logouts
    where {open} and next_at <= $1
    order by next_at, id
    limit $2
    {for update skip locked}"
);
const LEASE: Sql<1> = sql!(
    "update logouts
    set state = {in_flight}, attempts = attempts + 1, lease = $1, next_at = $2, updated_at = $3
    where id in (select id from {rows})
    returning id, session_id, user_id, client_org_id, client_id, attempts",
    rows = 4 (id: Uuid)
);
const GIVE_UP: Sql<1> = sql!(
    "update logouts
    set state = {failed}, lease = null, error = 'the last attempt was interrupted', updated_at = $1
    where id in (select id from {rows})",
    rows = 2 (id: Uuid)
);
const CLIENTS: Sql<2> = sql!(
    "select c.org_id, c.id, c.client_id, c.backchannel_logout_uri, c.id_token_alg
    from {rows}
    join clients c on c.org_id = v.org_id and c.id = v.id
    where c.backchannel_logout_uri is not null",
    rows = 1 (org_id: Uuid, id: Uuid)
);
const SETTLE: Sql<5> = sql!(
    "update logouts
    set state = v.state, next_at = v.next_at, lease = null, error = v.error, updated_at = $1
    from {rows}
    where logouts.id = v.id and logouts.lease = v.lease and logouts.state = {in_flight}",
    rows = 2 (id: Uuid, lease: Uuid, state: i16, next_at: Time, error: Option<String>)
);
const RELEASE: Sql<2> = sql!(
    "update logouts
    set state = {waiting}, attempts = attempts - 1, lease = null, next_at = $1, updated_at = $1
    from {rows}
    where logouts.id = v.id and logouts.lease = v.lease and logouts.state = {in_flight}",
    rows = 2 (id: Uuid, lease: Uuid)
);

/// A row that was leased: its ticket, session, user and client.
type Leased = (LogoutTicket, SessionId, UserId, (OrgId, Uuid));

fn leased(row: &QueryResult, lease: Uuid) -> Result<Leased, DbErr> {
    let mut columns = Columns::of(row);
    let (id, session, user) = (columns.next()?, SessionId::new(columns.next()?), UserId::new(columns.next()?));
    let client = (OrgId::new(columns.next()?), columns.next()?);
    Ok((LogoutTicket { id, lease, number: columns.next()? }, session, user, client))
}

async fn take(tx: &DatabaseTransaction, claim: LogoutClaim) -> Result<Vec<QueryResult>> {
    let values = vec![claim.now.into(), claim.max_rows.cast_signed().into(), claim.max_attempts.into()];
    let read = |row: &QueryResult| Ok((row.try_get("", "id")?, row.try_get("", "exhausted")?));
    let due: Vec<(Uuid, bool)> = sql::read_all(&sql::all(tx, DUE, values).await?, read)?;
    let (exhausted, open): (Vec<_>, Vec<_>) = due.into_iter().partition(|(_, exhausted)| *exhausted);
    let ids = |rows: Vec<(Uuid, bool)>| rows.into_iter().map(|(id, _)| [Value::from(id)]);
    if !exhausted.is_empty() {
        GIVE_UP.execute(tx, vec![claim.now.into()], ids(exhausted)).await?;
    }
    if open.is_empty() {
        return Ok(Vec::new());
    }
    LEASE.all(tx, vec![claim.lease.into(), claim.lease_until.into(), claim.now.into()], ids(open)).await
}

fn told(row: &QueryResult) -> Result<((OrgId, Uuid), ToldClient), DbErr> {
    let mut columns = Columns::of(row);
    let of = (OrgId::new(columns.next()?), columns.next()?);
    let (client_id, uri, alg): (_, _, Option<String>) = (columns.next()?, columns.next()?, columns.next()?);
    let parse = |name: String| name.parse().map_err(|e: domain::BadValue| DbErr::Type(e.to_string()));
    Ok((of, ToldClient { client_id, uri, alg: alg.map_or(Ok(TokenAlg::default()), parse)? }))
}

impl Store {
    /// Claims what is due, the longest waiting first.
    pub async fn claim_logouts(&self, _: SystemScope, claim: LogoutClaim) -> Result<Vec<ClaimedLogout>> {
        if sql::one(&self.db, ANY_DUE, vec![claim.now.into()]).await?.is_none() {
            return Ok(Vec::new());
        }
        let rows = self.bookkeep(async |tx| take(&tx, claim).await).await?;
        let leased: Vec<Leased> = sql::read_all(&rows, |row| leased(row, claim.lease))?;
        if leased.is_empty() {
            return Ok(Vec::new());
        }
        let of = leased.iter().map(|(.., (org, client))| [Value::from(org.uuid()), (*client).into()]);
        let clients: HashMap<_, _> = sql::read_all(&CLIENTS.all(&self.db, vec![], of).await?, told)?;
        let claimed = |(ticket, session, user, of)| ClaimedLogout { ticket, session, user, client: clients.get(&of).cloned() };
        Ok(leased.into_iter().map(claimed).collect())
    }

    /// Writes what became of claimed ones; those whose lease ended are left alone. At most some hundred at once.
    pub async fn settle_logouts(&self, _: SystemScope, now: Time, outcomes: &[(LogoutTicket, LogoutVerdict)]) -> Result<()> {
        use domain::delivery::webhooks::DeliveryState::{Delivered, Failed, Waiting};
        let rows = || {
            outcomes.iter().map(|(ticket, verdict)| -> [Value; 5] {
                let (state, next_at, error) = match verdict {
                    LogoutVerdict::Told => (Delivered, now, None),
                    LogoutVerdict::Retry(error, next_at) => (Waiting, *next_at, Some(error.as_str())),
                    LogoutVerdict::Failed(error) => (Failed, now, Some(error.as_str())),
                };
                [ticket.id.into(), ticket.lease.into(), (state as i16).into(), next_at.into(), error.into()]
            })
        };
        self.bookkeep(async |tx| SETTLE.execute(&*tx, vec![now.into()], rows()).await.map(|_| ())).await
    }

    /// Gives back what was claimed and not started.
    pub async fn release_logouts(&self, _: SystemScope, now: Time, tickets: &[LogoutTicket]) -> Result<()> {
        let rows = || tickets.iter().map(|ticket| [Value::from(ticket.id), ticket.lease.into()]);
        self.bookkeep(async |tx| RELEASE.execute(&*tx, vec![now.into()], rows()).await.map(|_| ())).await
    }
}
