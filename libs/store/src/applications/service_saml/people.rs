//! By what services know people: names that were made for each of them, and sessions that they can end.

use domain::{Error, OrgId, Result, ServiceId, SessionId, Time, UserId};

use sea_orm::ConnectionTrait;

use super::of;
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// Sessions that one request of a service ends at most; the rest by the next.
const MOST: i64 = 200;

const NAME: Sql = sql!("select name from service_saml_names where org_id = $1 and service_id = $2 and user_id = $3");
const KEEP_NAME: Sql = sql!(
    "insert into service_saml_names (org_id, service_id, user_id, name, created_at)
    values ($1, $2, $3, $4, $5)
    on conflict (org_id, service_id, user_id) do nothing"
);
const KEEP_SESSION: Sql = sql!(
    "insert into service_saml_sessions (org_id, service_id, index_hash, name_hash, user_id, session_id, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)"
);
const MEANT: Sql = sql!(
    "select user_id, session_id, index_hash from service_saml_sessions
    where org_id = $1 and service_id = $2 and name_hash = $3 and expires_at > $4
    order by user_id, session_id
    limit $5"
);

/// What a service was told of a session that it can end.
#[derive(Clone, Debug)]
pub struct ToldSession {
    /// SHA-256 (hex) of the session's index.
    pub index_hash: String,
    /// The same of the name identifier.
    pub name_hash: String,
    /// Until when the session lasts.
    pub until: Time,
}

async fn name(db: &impl ConnectionTrait, (org, service): (OrgId, ServiceId), user: UserId) -> Result<Option<String>> {
    let row = sql::one(db, NAME, [of(org, service), vec![user.uuid().into()]].concat()).await?;
    row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)
}

impl Store {
    /// The name by which a service knows somebody, if it does.
    pub async fn public_saml_name(&self, of: (OrgId, ServiceId), user: UserId) -> Result<Option<String>> {
        name(&self.db, of, user).await
    }
}

impl WriteTx {
    /// The name by which a service knows somebody: `fresh`, unless it has one.
    pub async fn saml_name(&self, (org, service): (OrgId, ServiceId), user: UserId, fresh: &str) -> Result<String> {
        let own = vec![user.uuid().into(), fresh.into(), self.now().into()];
        sql::execute(&self.tx, KEEP_NAME, [of(org, service), own].concat()).await?;
        name(&self.tx, (org, service), user).await?.ok_or_else(|| Error::internal("a name is gone"))
    }

    /// Remembers a session of which a service was told.
    pub async fn keep_told_session(
        &self,
        (org, service): (OrgId, ServiceId),
        told: &ToldSession,
        (user, session): (UserId, SessionId),
    ) -> Result<()> {
        let own = vec![
            told.index_hash.as_str().into(),
            told.name_hash.as_str().into(),
            user.uuid().into(),
            session.uuid().into(),
            self.now().into(),
            told.until.into(),
        ];
        sql::execute(&self.tx, KEEP_SESSION, [of(org, service), own].concat()).await.map(|_| ())
    }

    /// The sessions that a service means by a name and these indexes (none: all of that name), and whose they are, each once.
    pub async fn told_sessions(
        &self,
        (org, service): (OrgId, ServiceId),
        (name, indexes): (&str, &[String]),
    ) -> Result<Vec<(UserId, SessionId)>> {
        let values = [of(org, service), vec![name.into(), self.now().into(), MOST.into()]].concat();
        let rows = sql::all(&self.tx, MEANT, values).await?;
        let all: Vec<(UserId, SessionId, String)> = sql::read_all(&rows, |row| {
            let mut columns = Columns::of(row);
            Ok((UserId::new(columns.next()?), SessionId::new(columns.next()?), columns.next()?))
        })?;
        let meant = all.into_iter().filter(|(.., index)| indexes.is_empty() || indexes.contains(index));
        let mut meant: Vec<_> = meant.map(|(user, session, _)| (user, session)).collect();
        meant.dedup();
        Ok(meant)
    }
}
