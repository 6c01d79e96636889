//! Sessions of our own pages: a browser's cookie names one. It is another one after every authentication, so that whoever put a cookie there before
//! does not get in with who signs in (session fixation).

use chrono::TimeDelta;
use domain::{
    Result, SessionId, Time, UserId,
    identity::{
        accounts::User,
        authentications::{Authentication, Authentications},
        sessions::Session,
    },
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

use crate::{
    Store, WriteTx,
    core::{
        error::{Constraint, from_db},
        sql::{self, Columns, Sql, sql},
    },
    identity::accounts::{USER_COLUMNS, next_user},
};

/// Never violated: they are random.
pub(crate) const SESSIONS_BROWSER: Constraint = Constraint { name: "sessions_browser", columns: "sessions.browser_hash" };

/// Somebody who is signed in in a browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrowserSession {
    /// The session.
    pub id: SessionId,
    /// Whose.
    pub user: User,
    /// What it did.
    pub did: Authentications,
}

/// What is still alive at `$2`, and began after `$3`.
const LIVES: &str = "s.revoked_at is null and s.expires_at > $2 and s.created_at > $3 and u.deleted_at is null";
const OF_BROWSER: Sql = sql!(
    "select s.id, s.user_id, {user}, s.authn
    from sessions s
    join users u on u.id = s.user_id
    where s.browser_hash = $1 and {lives}",
    user = USER_COLUMNS,
    lives = LIVES
);
const LOCK: Sql = sql!(
    "select s.id, s.user_id, {user}, s.authn
    from sessions s
    join users u on u.id = s.user_id
    where s.browser_hash = $1 and {lives}
    {for no key update of s}",
    user = USER_COLUMNS,
    lives = LIVES
);
const OF_ID: Sql = sql!(
    "select s.id, s.user_id, {user}, s.authn
    from sessions s
    join users u on u.id = s.user_id
    where s.id = $1 and {lives}
    {for no key update of s}",
    user = USER_COLUMNS,
    lives = LIVES
);

fn read(row: &QueryResult) -> Result<BrowserSession, DbErr> {
    let mut columns = Columns::of(row);
    let (id, user) = (SessionId::new(columns.next()?), UserId::new(columns.next()?));
    let user = next_user(user, &mut columns)?;
    let did = Authentications::stored(columns.next::<Option<String>>()?.as_deref());
    Ok(BrowserSession { id, user, did })
}

async fn one(
    db: &impl ConnectionTrait,
    sql: Sql,
    key: Value,
    (now, longest): (Time, TimeDelta),
) -> Result<Option<BrowserSession>> {
    let row = sql::one(db, sql, vec![key, now.into(), (now - longest).into()]).await?;
    row.map(|row| read(&row)).transpose().map_err(from_db)
}

impl Store {
    /// Who is signed in in the browser whose cookie hashes to this. No session lives `longest` or more.
    pub async fn browser_session(&self, hash: &str, now: Time, longest: TimeDelta) -> Result<Option<BrowserSession>> {
        one(&self.db, OF_BROWSER, hash.into(), (now, longest)).await
    }
}

const DID_MORE: Sql = sql!(
    "update sessions
    set authn = $2, browser_hash = $3, last_seen_at = $4, expires_at = $5, ip_address = $6, user_agent = $7
    where id = $1"
);
const BROWSER: Sql = sql!("update sessions set browser_hash = $2 where id = $1");

impl WriteTx {
    /// Who is signed in in the browser whose cookie hashes to this; nobody else changes the session until the transaction ends.
    pub async fn lock_browser_session(&self, hash: &str, longest: TimeDelta) -> Result<Option<BrowserSession>> {
        one(&self.tx, LOCK, hash.into(), (self.now(), longest)).await
    }

    /// A session that lives, which nobody else changes until the transaction ends.
    pub async fn lock_session(&self, id: SessionId, longest: TimeDelta) -> Result<Option<BrowserSession>> {
        one(&self.tx, OF_ID, id.uuid().into(), (self.now(), longest)).await
    }

    /// Records a sign-in of a browser.
    pub async fn insert_browser_session(&self, session: &Session, hash: &str) -> Result<()> {
        self.insert_session(session).await?;
        sql::execute(&self.tx, BROWSER, vec![session.id.uuid().into(), hash.into()]).await.map(|_| ())
    }

    /// A browser's session did more; its cookie is another one from now on.
    pub async fn browser_session_did(
        &self,
        session: &BrowserSession,
        done: impl IntoIterator<Item = Authentication>,
        (hash, expires_at): (&str, Time),
    ) -> Result<Authentications> {
        let did = done.into_iter().fold(session.did.clone(), Authentications::and);
        let values = vec![
            session.id.uuid().into(),
            did.to_text().into(),
            hash.into(),
            self.now().into(),
            expires_at.into(),
            self.origin().ip_address.clone().into(),
            self.origin().user_agent.clone().into(),
        ];
        sql::execute(&self.tx, DID_MORE, values).await?;
        Ok(did)
    }
}
