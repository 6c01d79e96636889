//! Codes that clients exchange for tokens. Each works once; one that comes back ends what came of it (RFC 9700, 4.5; T28).

use chrono::TimeDelta;
use domain::{
    GrantId, OrgId, PLATFORM, Result, SessionId, Time, UserId, applications::authorization_requests::AuthorizationRequest,
};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::{
    WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
        table::{Age, Table, WhenOld, WithOrganization},
    },
};

/// Only written as SQL.
pub(crate) const CODES: Table = Table {
    name: "codes",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!("delete from codes where hash in (select hash from codes where kept_until < $1 limit $2)"),
    ),
    with_organization: WithOrganization::Deleted(sql!(
        "delete from codes where hash in (select hash from codes where org_id = $1 limit $2)"
    )),
};

/// How long a code is remembered that cannot be used any more.
const REMEMBERED: TimeDelta = TimeDelta::days(1);

/// A code, as it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// For whom.
    pub client: (OrgId, Uuid),
    /// Of which sign-in.
    pub session: SessionId,
    /// Into which organization; [`PLATFORM`]: none.
    pub org: OrgId,
    /// What was asked for.
    pub request: AuthorizationRequest,
    /// Where the browser was.
    pub ip_address: Option<String>,
}

/// A code that somebody presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PresentedCode {
    /// It is used up by this.
    First(Box<Code>),
    /// It was used before, and this came of it.
    Again(Option<GrantId>),
    /// There is none, or it has run out.
    Unknown,
}

const INSERT: Sql = sql!(
    "insert into codes (hash, client_org_id, client_id, session_id, org_id, request, ip_address, created_at, expires_at, kept_until)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
);
const USE: Sql = sql!("update codes set used_at = $2 where hash = $1 and used_at is null and expires_at > $2");
const FIND: Sql = sql!(
    "select client_org_id, client_id, session_id, org_id, request, ip_address, used_at, grant_id from codes where hash = $1"
);
const CAME_OF: Sql = sql!("update codes set grant_id = $2 where hash = $1");
/// What an organization's member has not used yet.
const END_OF: Sql = sql!(
    "delete from codes
    where org_id = $1 and used_at is null and session_id in (select id from sessions where user_id = $2)"
);

fn read(row: &QueryResult) -> Result<(Code, Option<Time>, Option<GrantId>), DbErr> {
    let mut columns = Columns::of(row);
    let client = (OrgId::new(columns.next()?), columns.next()?);
    let (session, org) = (SessionId::new(columns.next()?), OrgId::new(columns.next()?));
    let request: String = columns.next()?;
    let request = serde_json::from_str(&request).map_err(|e| DbErr::Json(e.to_string()))?;
    let ip_address = columns.next()?;
    Ok((Code { client, session, org, request, ip_address }, columns.next()?, columns.next::<Option<_>>()?.map(GrantId::new)))
}

impl WriteTx {
    /// Makes a code.
    pub async fn insert_code(&self, hash: &str, code: &Code, expires_at: Time) -> Result<()> {
        let request = serde_json::to_string(&code.request).map_err(domain::Error::internal)?;
        let values = vec![
            hash.into(),
            code.client.0.uuid().into(),
            code.client.1.into(),
            code.session.uuid().into(),
            code.org.uuid().into(),
            request.into(),
            code.ip_address.as_deref().into(),
            self.now().into(),
            expires_at.into(),
            (expires_at + REMEMBERED).into(),
        ];
        sql::execute(&self.tx, INSERT, values).await.map(|_| ())
    }

    /// Uses a code up, whoever presents it.
    pub async fn use_code(&self, hash: &str) -> Result<PresentedCode> {
        let first = sql::execute(&self.tx, USE, vec![hash.into(), self.now().into()]).await? == 1;
        let Some(row) = sql::one(&self.tx, FIND, vec![hash.into()]).await? else { return Ok(PresentedCode::Unknown) };
        let (code, used_at, grant) = read(&row).map_err(from_db)?;
        Ok(match used_at {
            _ if first => PresentedCode::First(Box::new(code)),
            Some(_) => PresentedCode::Again(grant),
            None => PresentedCode::Unknown,
        })
    }

    /// Remembers what came of a code.
    pub async fn came_of_code(&self, hash: &str, grant: GrantId) -> Result<()> {
        sql::execute(&self.tx, CAME_OF, vec![hash.into(), grant.uuid().into()]).await.map(|_| ())
    }

    /// Ends what somebody has not exchanged yet for an organization.
    pub(crate) async fn end_codes(&self, org: OrgId, user: UserId) -> Result<()> {
        debug_assert!(org != PLATFORM);
        sql::execute(&self.tx, END_OF, vec![org.uuid().into(), user.uuid().into()]).await.map(|_| ())
    }
}
