//! Devices that wait until somebody answers for them. Each is answered once, in the sign-in of the browser in which its code was typed first, and
//! exchanged for tokens once (T33).

use chrono::TimeDelta;
use domain::{
    GrantId, OrgId, PLATFORM, Result, SessionId, Time, UserId,
    applications::device_codes::{Asked, DeviceRequest},
    identity::flows::FlowId,
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use uuid::Uuid;

use crate::{
    Store, WriteTx,
    core::{
        error::{Constraint, from_db},
        sql::{self, Columns, Sql, sql},
        table::{Age, Table, WhenOld, WithOrganization},
    },
};

const DEVICE_CODES_USER_CODE: Constraint = Constraint { name: "device_codes_user_code", columns: "device_codes.user_code_hash" };

/// Only written as SQL.
pub(crate) const DEVICE_CODES: Table = Table {
    name: "device_codes",
    unique: &[&DEVICE_CODES_USER_CODE],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!("delete from device_codes where hash in (select hash from device_codes where kept_until < $1 limit $2)"),
    ),
    with_organization: WithOrganization::Deleted(sql!(
        "delete from device_codes where hash in (select hash from device_codes where org_id = $1 limit $2)"
    )),
};

/// How long a code is remembered that cannot be used any more.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

/// A device that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceCode {
    /// Names it.
    pub hash: String,
    /// Whose client it is.
    pub client: (OrgId, Uuid),
    /// What it asks for.
    pub request: DeviceRequest,
    /// Into which organization.
    pub org: Option<OrgId>,
    /// Where it is.
    pub ip_address: Option<String>,
    /// What it calls itself.
    pub user_agent: Option<String>,
    /// When it began to wait.
    pub created_at: Time,
    /// Until when.
    pub expires_at: Time,
}

/// A device that asks whether somebody has answered, locked.
#[derive(Clone, Debug)]
pub struct AskingDevice {
    /// It.
    pub device: DeviceCode,
    /// What its question finds.
    pub asked: Asked,
    /// The session in which it was approved.
    pub session: Option<SessionId>,
    /// What came of it.
    pub grant: Option<GrantId>,
}

const INSERT: Sql = sql!(
    "insert into device_codes
      (hash, user_code_hash, client_org_id, client_id, request, org_id, ip_address, user_agent, created_at, expires_at, kept_until,
       interval_seconds)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
    on conflict (user_code_hash) do nothing"
);
const DEVICE: &str =
    "d.hash, d.client_org_id, d.client_id, d.request, d.org_id, d.ip_address, d.user_agent, d.created_at, d.expires_at";
const TYPED: Sql = sql!(
    "select {device} from device_codes d where d.user_code_hash = $1 and d.flow_id is null and d.expires_at > $2",
    device = DEVICE
);
const SHOWN: Sql = sql!("select {device} from device_codes d where d.user_code_hash = $1 and d.flow_id is null", device = DEVICE);
const OF_FLOW: Sql = sql!(
    "select {device} from device_codes d where d.hash = $1 and d.flow_id = $2 and d.answered_at is null and d.expires_at > $3",
    device = DEVICE
);
const BIND: Sql = sql!("update device_codes set flow_id = $2 where hash = $1 and flow_id is null and expires_at > $3");
const ANSWER: Sql = sql!(
    "update device_codes
    set answered_at = $3, session_id = $4, org_id = $5
    where hash = $1 and flow_id = $2 and answered_at is null and expires_at > $3"
);
const ASK: Sql = sql!(
    "select {device}, d.polled_at, d.interval_seconds, d.answered_at, d.session_id, d.used_at, d.grant_id
    from device_codes d
    where d.hash = $1
    {for no key update of d}",
    device = DEVICE
);
const ASKED: Sql = sql!("update device_codes set polled_at = $2, interval_seconds = $3 where hash = $1");
const USE: Sql = sql!("update device_codes set used_at = $2, grant_id = $3 where hash = $1 and used_at is null");
/// What an organization's member has approved and nobody has fetched yet.
const END_OF: Sql = sql!(
    "delete from device_codes
    where org_id = $1 and used_at is null and session_id in (select id from sessions where user_id = $2)"
);

fn next_device(columns: &mut Columns<'_>) -> Result<DeviceCode, DbErr> {
    let hash = columns.next()?;
    let client = (OrgId::new(columns.next()?), columns.next()?);
    let request: String = columns.next()?;
    Ok(DeviceCode {
        hash,
        client,
        request: serde_json::from_str(&request).map_err(|e| DbErr::Json(e.to_string()))?,
        org: columns.next::<Option<Uuid>>()?.map(OrgId::new),
        ip_address: columns.next()?,
        user_agent: columns.next()?,
        created_at: columns.next()?,
        expires_at: columns.next()?,
    })
}

fn device(row: &QueryResult) -> Result<DeviceCode, DbErr> {
    next_device(&mut Columns::of(row))
}

fn asking(row: &QueryResult) -> Result<AskingDevice, DbErr> {
    let mut columns = Columns::of(row);
    let device = next_device(&mut columns)?;
    let (before, interval) = (columns.next()?, columns.next()?);
    let answered: Option<Time> = columns.next()?;
    let session = columns.next::<Option<Uuid>>()?.map(SessionId::new);
    let used: Option<Time> = columns.next()?;
    let approved = answered.map(|_| session.is_some());
    let asked = Asked { before, interval, expires_at: device.expires_at, approved, used: used.is_some() };
    Ok(AskingDevice { asked, session, grant: columns.next::<Option<Uuid>>()?.map(GrantId::new), device })
}

async fn of_flow(db: &impl ConnectionTrait, hash: &str, flow: FlowId, now: Time) -> Result<Option<DeviceCode>> {
    let row = sql::one(db, OF_FLOW, vec![hash.into(), flow.uuid().into(), now.into()]).await?;
    row.map(|row| device(&row)).transpose().map_err(from_db)
}

impl Store {
    /// A device by the code that somebody typed, if nobody else has typed it yet.
    pub async fn public_device(&self, user_code_hash: &str, now: Time) -> Result<Option<DeviceCode>> {
        let row = sql::one(&self.db, TYPED, vec![user_code_hash.into(), now.into()]).await?;
        row.map(|row| device(&row)).transpose().map_err(from_db)
    }

    /// A device by its code, if nobody has typed it yet: also one that waits no more, while it is remembered.
    pub async fn public_shown_device(&self, user_code_hash: &str) -> Result<Option<DeviceCode>> {
        let row = sql::one(&self.db, SHOWN, vec![user_code_hash.into()]).await?;
        row.map(|row| device(&row)).transpose().map_err(from_db)
    }

    /// The device that a flow is to answer, while nobody has.
    pub async fn device_of_flow(&self, hash: &str, flow: FlowId, now: Time) -> Result<Option<DeviceCode>> {
        of_flow(&self.db, hash, flow, now).await
    }
}

impl WriteTx {
    /// Lets a device wait. `false`: that code is another one's.
    pub async fn insert_device(&self, device: &DeviceCode, user_code_hash: &str, interval: i32) -> Result<bool> {
        let request = serde_json::to_string(&device.request).map_err(domain::Error::internal)?;
        let values = vec![
            device.hash.as_str().into(),
            user_code_hash.into(),
            device.client.0.uuid().into(),
            device.client.1.into(),
            request.into(),
            device.org.map(OrgId::uuid).into(),
            device.ip_address.as_deref().into(),
            device.user_agent.as_deref().into(),
            device.created_at.into(),
            device.expires_at.into(),
            (device.expires_at + REMEMBERED).into(),
            interval.into(),
        ];
        Ok(sql::execute(&self.tx, INSERT, values).await? == 1)
    }

    /// From now on a device is answered in that flow only. `false`: somebody else has typed its code, or it waits no more.
    pub async fn bind_device(&self, hash: &str, flow: FlowId) -> Result<bool> {
        Ok(sql::execute(&self.tx, BIND, vec![hash.into(), flow.uuid().into(), self.now().into()]).await? == 1)
    }

    /// Answers a device: approved, by whom and for which organization; `None`: denied. `false`: it was answered, or waits no more.
    pub async fn answer_device(&self, hash: &str, flow: FlowId, approved: Option<(SessionId, OrgId)>) -> Result<bool> {
        let (session, org) = (approved.map(|(session, _)| session.uuid()), approved.map(|(_, org)| org.uuid()));
        let values = vec![hash.into(), flow.uuid().into(), self.now().into(), session.into(), org.into()];
        Ok(sql::execute(&self.tx, ANSWER, values).await? == 1)
    }

    /// A device that asks, locked: of two questions one waits here.
    pub async fn lock_device(&self, hash: &str) -> Result<Option<AskingDevice>> {
        let row = sql::one(&self.tx, ASK, vec![hash.into()]).await?;
        row.map(|row| asking(&row)).transpose().map_err(from_db)
    }

    /// Notes that a device asked, and how many seconds it is to wait.
    pub async fn device_asked(&self, hash: &str, interval: i32) -> Result<()> {
        sql::execute(&self.tx, ASKED, vec![hash.into(), self.now().into(), interval.into()]).await.map(|_| ())
    }

    /// A locked device was exchanged for a grant, or for nothing.
    pub async fn use_device(&self, hash: &str, grant: Option<GrantId>) -> Result<()> {
        let values = vec![hash.into(), self.now().into(), grant.map(GrantId::uuid).into()];
        sql::execute(&self.tx, USE, values).await.map(|_| ())
    }

    /// Ends what somebody has approved for an organization and no device has fetched yet.
    pub(crate) async fn end_devices(&self, org: OrgId, user: UserId) -> Result<()> {
        debug_assert!(org != PLATFORM);
        sql::execute(&self.tx, END_OF, vec![org.uuid().into(), user.uuid().into()]).await.map(|_| ())
    }
}
