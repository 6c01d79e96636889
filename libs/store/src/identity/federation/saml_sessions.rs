//! Sessions at SAML providers: by what name and session a provider knows somebody who came through it, so that it can sign them out here, and we can there.

use domain::{
    ConnectionId, Error, OrgId, Result, SessionId, Time, UserId,
    identity::{
        authentications::Authentications,
        federation::{UpstreamLoginId, asserted::SamlWord},
        saml::{MessageId, NameId},
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{logins::UpstreamLogin, table::SAML_SESSION};
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// Which session at a provider: the sign-in through which it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SamlSessionKey {
    /// The organization.
    pub org: OrgId,
    /// The connection.
    pub connection: ConnectionId,
    /// The sign-in.
    pub login: UpstreamLoginId,
}

/// By what a provider finds its session, hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlSessionHashes {
    /// SHA-256 (hex) of the name identifier's key.
    pub name: String,
    /// The same of the session's index.
    pub index: Option<String>,
}

/// What is sealed: the name identifier and the session's index.
#[derive(Serialize, Deserialize)]
struct Kept(NameId, Option<String>);

/// Sessions that one request of a provider ends at most; the rest by the next.
const MOST: i64 = 200;

const KEEP: Sql = sql!(
    "insert into saml_sessions (org_id, connection_id, id, user_id, name_hash, index_hash, sealed, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    on conflict (org_id, connection_id, id) do nothing"
);
const NAMED: Sql = sql!(
    "select id, user_id, index_hash from saml_sessions
    where org_id = $1 and connection_id = $2 and name_hash = $3 and expires_at > $4
    order by created_at desc, id
    limit $5"
);
const GET: Sql =
    sql!("select sealed from saml_sessions where org_id = $1 and connection_id = $2 and id = $3 and expires_at > $4");
const DONE: Sql = sql!("delete from saml_sessions where org_id = $1 and connection_id = $2 and id = $3");
const LEAVE: Sql = sql!(
    "update saml_sessions set request_id = $4, state_hash = $5, back = $6
    where org_id = $1 and connection_id = $2 and id = $3"
);
const LEFT: Sql = sql!(
    "delete from saml_sessions
    where org_id = $1 and connection_id = $2 and state_hash = $3 and request_id = $4
    returning back"
);
const SESSIONS: Sql = sql!(
    "select id, authn from sessions where user_id = $1 and revoked_at is null and expires_at > $2 and authn is not null limit 1000"
);
const DID_LESS: Sql = sql!("update sessions set authn = $2 where id = $1");

impl SamlSessionKey {
    fn values(&self) -> Vec<sea_orm::Value> {
        vec![self.org.uuid().into(), self.connection.uuid().into(), self.login.uuid().into()]
    }
}

impl Store {
    /// By what name and session a provider knows somebody, while that counts.
    pub async fn public_saml_session(&self, of: SamlSessionKey, now: Time) -> Result<Option<(NameId, Option<String>)>> {
        let values = of.values().into_iter().chain([now.into()]).collect();
        let Some(row) = sql::one(&self.db, GET, values).await? else { return Ok(None) };
        let sealed: String = row.try_get_by_index(0).map_err(from_db)?;
        let plain = self.open_sealed(&SAML_SESSION.place(of.org, &of.login.to_string()), &sealed.into()).await?;
        let Kept(name_id, index) = serde_json::from_slice(&plain).map_err(Error::internal)?;
        Ok(Some((name_id, index)))
    }
}

impl WriteTx {
    /// Remembers a session at a provider, until it could not count here any more.
    pub async fn keep_saml_session(
        &self,
        login: &UpstreamLogin,
        (word, hashes): (&SamlWord, &SamlSessionHashes),
        (user, until): (UserId, Time),
    ) -> Result<()> {
        let Some(name_id) = &word.name_id else { return Ok(()) };
        let kept = serde_json::to_vec(&Kept(name_id.clone(), word.session_index.clone())).map_err(Error::internal)?;
        let sealed = self.store.keyring().seal(&SAML_SESSION.place(login.org, &login.id.to_string()), &kept)?;
        let key = SamlSessionKey { org: login.org, connection: login.connection, login: login.id };
        let own = [
            user.uuid().into(),
            hashes.name.as_str().into(),
            hashes.index.clone().into(),
            sealed.as_str().into(),
            self.now().into(),
            until.into(),
        ];
        sql::execute(&self.tx, KEEP, key.values().into_iter().chain(own).collect()).await.map(|_| ())
    }

    /// The sessions that a provider means by a name and these indexes (none: all of that name), and whose they are.
    pub async fn saml_sessions_of(
        &self,
        (org, connection): (OrgId, ConnectionId),
        (name, indexes): (&str, &[String]),
    ) -> Result<Vec<(UpstreamLoginId, UserId)>> {
        let values = vec![org.uuid().into(), connection.uuid().into(), name.into(), self.now().into(), MOST.into()];
        let rows = sql::all(&self.tx, NAMED, values).await?;
        let all: Vec<(Uuid, Uuid, Option<String>)> = sql::read_all(&rows, |row| {
            let mut columns = Columns::of(row);
            Ok((columns.next()?, columns.next()?, columns.next()?))
        })?;
        let meant = |index: &Option<String>| indexes.is_empty() || index.as_ref().is_some_and(|index| indexes.contains(index));
        let meant = all.into_iter().filter(|(.., index)| meant(index));
        Ok(meant.map(|(id, user, _)| (UpstreamLoginId::new(id), UserId::new(user))).collect())
    }

    /// Somebody's sessions did not come through these sign-ins any more; one of which nothing is left ends. Answers how many were changed. What the provider
    /// is known by of them is forgotten.
    pub async fn end_authentications(
        &self,
        (org, connection): (OrgId, ConnectionId),
        (user, logins): (UserId, &[UpstreamLoginId]),
    ) -> Result<u64> {
        self.lock_account(user).await?;
        for login in logins {
            let key = SamlSessionKey { org, connection, login: *login };
            sql::execute(&self.tx, DONE, key.values()).await?;
        }
        let rows = sql::all(&self.tx, SESSIONS, vec![user.uuid().into(), self.now().into()]).await?;
        let all: Vec<(Uuid, String)> = sql::read_all(&rows, |row| {
            let mut columns = Columns::of(row);
            Ok((columns.next()?, columns.next()?))
        })?;
        let mut changed = 0;
        for (id, text) in all {
            let did = Authentications::stored(Some(&text));
            let left = did.clone().without(logins);
            if left == did {
                continue;
            }
            changed += 1;
            if left == Authentications::default() {
                self.revoke_session(user, SessionId::new(id)).await?;
            } else {
                sql::execute(&self.tx, DID_LESS, vec![id.into(), left.to_text().into()]).await?;
            }
        }
        Ok(changed)
    }

    /// A provider is asked to sign somebody out, whose browser then goes `back`. `false`: the session there is not known any more.
    pub async fn leave_saml_session(
        &self,
        of: SamlSessionKey,
        (request, state_hash, back): (&MessageId, &str, Option<&str>),
    ) -> Result<bool> {
        let own = [request.as_str().into(), state_hash.into(), back.map(str::to_owned).into()];
        Ok(sql::execute(&self.tx, LEAVE, of.values().into_iter().chain(own).collect()).await? == 1)
    }

    /// A provider has answered such a request: where the browser goes on. `None`: nobody asked it.
    pub async fn saml_session_left(
        &self,
        (org, connection): (OrgId, ConnectionId),
        (state_hash, request): (&str, &str),
    ) -> Result<Option<Option<String>>> {
        let values = vec![org.uuid().into(), connection.uuid().into(), state_hash.into(), request.into()];
        let row = sql::one(&self.tx, LEFT, values).await?;
        row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)
    }
}
