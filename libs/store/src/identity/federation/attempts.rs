//! What became of those who came back from a provider, as far as an organization looks into it.

use domain::{
    ConnectionId, Error, OrgId, Page, Result, UserId,
    authorization::{
        policy::{OrgScope, Read},
        resource::Connections,
    },
    identity::{
        connections::mapping::effect::Note,
        federation::attempts::{Attempt, AttemptId, Failure, KEPT, MOST_OF_A_CONNECTION, Outcome, Reason, Stage},
        saml::checks,
    },
};
use sea_orm::{DbErr, QueryResult};

use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

const INSERT: Sql = sql!(
    "insert into connection_attempts
      (org_id, connection_id, id, outcome, stage, reason, detail, checks, subject, email, user_id, ip_address, created_at, expires_at, notes)
    select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
    where exists (select 1 from connections c where c.org_id = $1 and c.id = $2)"
);
const CROWD: Sql = sql!(
    "delete from connection_attempts
    where org_id = $1 and connection_id = $2 and coalesce(stage, '') <> 'answer' and id in (
      select id from connection_attempts where org_id = $1 and connection_id = $2 and coalesce(stage, '') <> 'answer'
      order by created_at desc, id desc limit 1000 offset $3)"
);
const CROWD_OF_ANSWERS: Sql = sql!(
    "delete from connection_attempts
    where org_id = $1 and connection_id = $2 and stage = 'answer' and id in (
      select id from connection_attempts where org_id = $1 and connection_id = $2 and stage = 'answer'
      order by created_at desc, id desc limit 1000 offset $3)"
);
/// Of them, those whose browser brought no code.
const MOST_ANSWERS: i64 = 20;
const LIST: Sql = sql!(
    "select id, outcome, stage, reason, detail, checks, subject, email, user_id, ip_address, created_at, notes
    from connection_attempts
    where org_id = $1 and connection_id = $2
    order by created_at desc, id desc
    limit $3 offset $4"
);
const ONE: Sql = sql!(
    "select id, outcome, stage, reason, detail, checks, subject, email, user_id, ip_address, created_at, notes
    from connection_attempts
    where org_id = $1 and connection_id = $2 and id = $3"
);

fn read(row: &QueryResult) -> Result<Attempt, DbErr> {
    let mut columns = Columns::of(row);
    let (id, outcome) = (AttemptId::new(columns.next()?), columns.next::<String>()?);
    let (stage, reason): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    let detail = columns.next()?;
    let checks: Option<String> = columns.next()?;
    let failure = || {
        let stage = stage.as_deref().and_then(Stage::named).unwrap_or(Stage::Connection);
        let reason = reason.as_deref().and_then(Reason::stored).unwrap_or(Reason::ConnectionDisabled);
        Failure { stage, reason, detail, checks: checks.as_deref().map(checks::from_text).unwrap_or_default() }
    };
    Ok(Attempt {
        id,
        outcome: match outcome.as_str() {
            "signed_in" => Outcome::SignedIn,
            "waits" => Outcome::Waits,
            "tested" => Outcome::Tested,
            _ => Outcome::Failed(failure()),
        },
        subject: columns.next()?,
        email: columns.next()?,
        user: columns.next::<Option<uuid::Uuid>>()?.map(UserId::new),
        ip_address: columns.next()?,
        at: columns.next()?,
        // A newer version may have written others.
        notes: columns.next::<Option<String>>()?.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default(),
    })
}

fn notes(notes: &[Note]) -> Result<Option<String>> {
    (!notes.is_empty()).then(|| serde_json::to_string(notes).map_err(Error::internal)).transpose()
}

impl WriteTx {
    /// Writes an attempt down, if the connection is still there; the oldest go.
    pub async fn record_attempt(&self, org: OrgId, connection: ConnectionId, attempt: &Attempt) -> Result<()> {
        let (outcome, failure) = match &attempt.outcome {
            Outcome::SignedIn => ("signed_in", None),
            Outcome::Waits => ("waits", None),
            Outcome::Tested => ("tested", None),
            Outcome::Failed(failure) => ("failed", Some(failure)),
        };
        let of = || vec![org.uuid().into(), connection.uuid().into()];
        let values = vec![
            attempt.id.uuid().into(),
            outcome.into(),
            failure.map(|failure| failure.stage.as_str()).into(),
            failure.map(|failure| failure.reason.as_str()).into(),
            failure.and_then(|failure| failure.detail.clone()).into(),
            failure.map(|failure| checks::to_text(&failure.checks)).filter(|text| !text.is_empty()).into(),
            attempt.subject.clone().into(),
            attempt.email.clone().into(),
            attempt.user.map(UserId::uuid).into(),
            attempt.ip_address.clone().into(),
            attempt.at.into(),
            (attempt.at + KEPT).into(),
            notes(&attempt.notes)?.into(),
        ];
        sql::execute(&self.tx, INSERT, [of(), values].concat()).await?;
        // What comes of answers without a code anybody can bring about: it drives out nothing else.
        if failure.is_some_and(|failure| failure.stage == Stage::Answer) {
            return sql::execute(&self.tx, CROWD_OF_ANSWERS, [of(), vec![MOST_ANSWERS.into()]].concat()).await.map(|_| ());
        }
        sql::execute(&self.tx, CROWD, [of(), vec![(MOST_OF_A_CONNECTION - MOST_ANSWERS).into()]].concat()).await.map(|_| ())
    }
}

impl Store {
    /// The attempt that a test sign-in came to.
    pub async fn public_attempt(&self, (org, connection): (OrgId, ConnectionId), id: AttemptId) -> Result<Option<Attempt>> {
        let row = sql::one(&self.db, ONE, vec![org.uuid().into(), connection.uuid().into(), id.uuid().into()]).await?;
        row.map(|row| read(&row)).transpose().map_err(from_db)
    }

    /// The attempts of a connection, newest first.
    pub async fn list_attempts(
        &self,
        scope: OrgScope<'_, Connections, Read>,
        connection: ConnectionId,
        page: Page,
    ) -> Result<Vec<Attempt>> {
        if page.offset() > Page::MAX_OFFSET {
            return Ok(Vec::new());
        }
        let of = [scope.org().uuid().into(), connection.uuid().into()];
        let values = of.into_iter().chain([i64::from(page.limit).into(), page.offset().cast_signed().into()]).collect();
        sql::read_all(&sql::all(&self.db, LIST, values).await?, read)
    }
}
