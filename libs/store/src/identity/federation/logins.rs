//! People on their way to an identity provider and back. Each is answered once, by the browser that was sent.

use domain::{
    ConnectionId, Error, OrgId, Result, Time, UserId,
    identity::{
        federation::{
            Bindings, Binds, UpstreamLoginId,
            asserted::Asserted,
            attempts::{Failure, Reason, Stage},
        },
        flows::FlowId,
        saml::{MessageId, checks},
    },
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use serde::{Deserialize, Serialize};

use super::table::SEALED;
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
    identity::flows::Mine,
};

/// Somebody who was sent to a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamLogin {
    /// Identifier.
    pub id: UpstreamLoginId,
    /// The organization that is signed in to.
    pub org: OrgId,
    /// Through which connection.
    pub connection: ConnectionId,
    /// Its generation then.
    pub generation: i64,
    /// For which flow.
    pub flow: FlowId,
    /// Names the browser.
    pub browser: String,
    /// Whether they were to be asked again.
    pub fresh: bool,
    /// When they were sent.
    pub created_at: Time,
    /// Until when they may come back.
    pub expires_at: Time,
    /// Whether an answer was judged, and its outcome waits.
    pub judged: bool,
    /// Whether somebody came back.
    pub answered: bool,
    /// Whose account it is said to be, which has to be proven.
    pub user: Option<UserId>,
    sealed: String,
}

/// What is sealed: first what the answer has to fit, then what it was.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Content {
    Bindings {
        nonce: String,
        verifier: String,
    },
    Request(String),
    Asserted(Box<Asserted>),
    /// Stage, reason and checks.
    Refused(String, String, String),
}

impl Content {
    fn of(binds: &Binds) -> Self {
        match binds {
            Binds::Code(bindings) => Self::Bindings { nonce: bindings.nonce.clone(), verifier: bindings.verifier.clone() },
            Binds::Response(request) => Self::Request(request.as_str().to_owned()),
        }
    }
}

/// How an answer was judged that comes by way of a form of another site, in which a browser shows no cookies.
pub type Judged = std::result::Result<Asserted, Failure>;

const COLUMNS: &str = "id, org_id, connection_id, generation, flow_id, browser_hash, fresh, created_at, expires_at, judged_at, answered_at, user_id, sealed";
const BY_STATE: Sql = sql!("select {columns} from upstream_logins where state_hash = $1", columns = COLUMNS);
const BY_ID: Sql = sql!("select {columns} from upstream_logins where id = $1 and expires_at > $2", columns = COLUMNS);

fn read(row: &QueryResult) -> Result<UpstreamLogin, DbErr> {
    let mut columns = Columns::of(row);
    Ok(UpstreamLogin {
        id: UpstreamLoginId::new(columns.next()?),
        org: OrgId::new(columns.next()?),
        connection: ConnectionId::new(columns.next()?),
        generation: columns.next()?,
        flow: FlowId::new(columns.next()?),
        browser: columns.next()?,
        fresh: columns.next()?,
        created_at: columns.next()?,
        expires_at: columns.next()?,
        judged: columns.next::<Option<Time>>()?.is_some(),
        answered: columns.next::<Option<Time>>()?.is_some(),
        user: columns.next::<Option<uuid::Uuid>>()?.map(UserId::new),
        sealed: columns.next()?,
    })
}

async fn one(db: &impl ConnectionTrait, sql: Sql, values: Vec<Value>) -> Result<Option<UpstreamLogin>> {
    sql::one(db, sql, values).await?.map(|row| read(&row)).transpose().map_err(from_db)
}

impl Store {
    /// Who was sent with this state.
    pub async fn public_upstream_login(&self, state_hash: &str) -> Result<Option<UpstreamLogin>> {
        one(&self.db, BY_STATE, vec![state_hash.into()]).await
    }

    /// One by its id, while it counts.
    pub async fn public_upstream_login_of_flow(&self, id: UpstreamLoginId, now: Time) -> Result<Option<UpstreamLogin>> {
        one(&self.db, BY_ID, vec![id.uuid().into(), now.into()]).await
    }

    async fn open_content(&self, login: &UpstreamLogin) -> Result<Content> {
        let plain = self.open_sealed(&SEALED.place(login.org, &login.id.to_string()), &login.sealed.clone().into()).await?;
        serde_json::from_slice(&plain).map_err(Error::internal)
    }

    /// The nonce and the verifier that a login was sent with. The state is known by its hash only, and comes back with the browser.
    pub async fn upstream_bindings(&self, login: &UpstreamLogin, state: &str) -> Result<Bindings> {
        match self.open_content(login).await? {
            Content::Bindings { nonce, verifier } => Ok(Bindings { state: state.to_owned(), nonce, verifier }),
            _ => Err(Error::internal("an upstream login that was not sent with a nonce")),
        }
    }

    /// The request that an answer has to name; `None`: one was judged already.
    pub async fn upstream_request(&self, login: &UpstreamLogin) -> Result<Option<MessageId>> {
        match self.open_content(login).await? {
            Content::Request(id) => Ok(Some(MessageId::stored(id))),
            _ => Ok(None),
        }
    }

    /// What came of an answer that was judged; `None`: none came.
    pub async fn upstream_judged(&self, login: &UpstreamLogin) -> Result<Option<Judged>> {
        Ok(match self.open_content(login).await? {
            Content::Asserted(asserted) => Some(Ok(*asserted)),
            Content::Refused(stage, reason, checks) => {
                let stage = Stage::named(&stage).unwrap_or(Stage::Answer);
                let reason = Reason::stored(&reason).unwrap_or(Reason::AnswerUnreadable);
                Some(Err(Failure { checks: checks::from_text(&checks), ..Failure::at(stage, reason) }))
            }
            Content::Request(_) | Content::Bindings { .. } => None,
        })
    }

    /// What the provider said of somebody who has to prove it.
    pub async fn upstream_asserted(&self, login: &UpstreamLogin) -> Result<Asserted> {
        match self.open_content(login).await? {
            Content::Asserted(asserted) => Ok(*asserted),
            _ => Err(Error::internal("an upstream login without an answer")),
        }
    }

    fn seal_content(&self, org: OrgId, id: UpstreamLoginId, content: &Content) -> Result<String> {
        let plain = serde_json::to_vec(content).map_err(Error::internal)?;
        Ok(self.keyring().seal(&SEALED.place(org, &id.to_string()), &plain)?.as_str().to_owned())
    }
}

const INSERT: Sql = sql!(
    "insert into upstream_logins
      (id, org_id, connection_id, generation, flow_id, browser_hash, state_hash, sealed, fresh, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
);
/// Whoever goes back and forth has the newest ones.
const CROWD: Sql = sql!(
    "delete from upstream_logins
    where flow_id = $1 and id in (
      select id from upstream_logins where flow_id = $1 order by created_at desc, id desc limit 1000 offset 9)"
);
const ANSWER: Sql = sql!("update upstream_logins set answered_at = $2 where id = $1 and answered_at is null and expires_at > $2");
const WAIT: Sql = sql!("update upstream_logins set user_id = $2, sealed = $3, expires_at = $4 where id = $1");
const JUDGED: Sql = sql!(
    "update upstream_logins set judged_at = $2, sealed = $3
    where id = $1 and judged_at is null and answered_at is null and expires_at > $2"
);
const DONE: Sql = sql!("delete from upstream_logins where id = $1");
const KEEP: Sql = sql!("update upstream_logins set sealed = $2, expires_at = $3 where id = $1");
const SHOWS: Sql = sql!(
    "update flows set upstream_id = $4, trouble = null
    where id = $1 and browser_hash = $2 and ended_at is null and expires_at > $3"
);
const PROVES: Sql = sql!(
    "update flows set upstream_id = $4, email = $5, trouble = null
    where id = $1 and browser_hash = $2 and ended_at is null and expires_at > $3"
);

impl WriteTx {
    /// Remembers somebody who is being sent to a provider.
    pub async fn insert_upstream_login(
        &self,
        (id, state_hash): (UpstreamLoginId, &str),
        (org, connection, generation): (OrgId, ConnectionId, i64),
        (flow, fresh): (Mine<'_>, bool),
        (binds, expires_at): (&Binds, Time),
    ) -> Result<()> {
        sql::execute(&self.tx, CROWD, vec![flow.id.uuid().into()]).await?;
        let values = vec![
            id.uuid().into(),
            org.uuid().into(),
            connection.uuid().into(),
            generation.into(),
            flow.id.uuid().into(),
            flow.browser.into(),
            state_hash.into(),
            self.store.seal_content(org, id, &Content::of(binds))?.into(),
            fresh.into(),
            self.now().into(),
            expires_at.into(),
        ];
        sql::execute(&self.tx, INSERT, values).await.map(|_| ())
    }

    /// Somebody came back. `false`: they did before, or it is too late.
    pub async fn answer_upstream_login(&self, id: UpstreamLoginId) -> Result<bool> {
        Ok(sql::execute(&self.tx, ANSWER, vec![id.uuid().into(), self.now().into()]).await? == 1)
    }

    /// An answer was judged; what came of it waits for the browser. `false`: one was before, or it is too late.
    pub async fn keep_judged(&self, login: &UpstreamLogin, judged: &Judged) -> Result<bool> {
        let content = match judged {
            Ok(asserted) => Content::Asserted(Box::new(asserted.clone())),
            Err(failure) => Content::Refused(
                failure.stage.as_str().to_owned(),
                failure.reason.as_str().to_owned(),
                checks::to_text(&failure.checks),
            ),
        };
        let sealed = self.store.seal_content(login.org, login.id, &content)?;
        let values = vec![login.id.uuid().into(), self.now().into(), sealed.into()];
        Ok(sql::execute(&self.tx, JUDGED, values).await? == 1)
    }

    /// What the provider said waits until somebody proves that the account is theirs. `false`: the flow is over.
    pub async fn wait_for_proof(
        &self,
        login: &UpstreamLogin,
        asserted: &Asserted,
        (user, email): (UserId, &domain::core::value::Email),
        (flow, until): (Mine<'_>, Time),
    ) -> Result<bool> {
        let sealed = self.store.seal_content(login.org, login.id, &Content::Asserted(Box::new(asserted.clone())))?;
        let values = vec![login.id.uuid().into(), user.uuid().into(), sealed.into(), until.into()];
        sql::execute(&self.tx, WAIT, values).await?;
        let values =
            vec![flow.id.uuid().into(), flow.browser.into(), self.now().into(), login.id.uuid().into(), email.as_str().into()];
        Ok(sql::execute(&self.tx, PROVES, values).await? == 1)
    }

    /// What the provider said in a test sign-in is kept for the page that shows it.
    pub async fn keep_for_trial(
        &self,
        login: &UpstreamLogin,
        asserted: &Asserted,
        (flow, until): (Mine<'_>, Time),
    ) -> Result<()> {
        let sealed = self.store.seal_content(login.org, login.id, &Content::Asserted(Box::new(asserted.clone())))?;
        sql::execute(&self.tx, KEEP, vec![login.id.uuid().into(), sealed.into(), until.into()]).await?;
        let values = vec![flow.id.uuid().into(), flow.browser.into(), self.now().into(), login.id.uuid().into()];
        sql::execute(&self.tx, SHOWS, values).await.map(|_| ())
    }

    /// A login is done with. `false`: it was before.
    pub async fn end_upstream_login(&self, id: UpstreamLoginId) -> Result<bool> {
        Ok(sql::execute(&self.tx, DONE, vec![id.uuid().into()]).await? == 1)
    }
}
