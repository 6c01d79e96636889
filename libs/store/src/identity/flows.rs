//! Sign-ins in a browser ([`domain::identity::flows`]). Whatever a flow comes to, it ends by a statement that must hit one row: two tabs that finish
//! the same one get one answer.

mod entered;
pub(crate) mod table;

use domain::{
    OrgId, PasskeyChallengeId, Result, Time, UserId,
    applications::authorization_requests::AuthorizationRequest,
    core::value::{Email, Slug},
    identity::{
        connections::ConnectionId,
        federation::{
            UpstreamLoginId,
            attempts::{AttemptId, Reason},
        },
        flows::{FlowId, MOST_OF_A_BROWSER},
    },
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};
use uuid::Uuid;

pub use self::entered::{Entered, Named};
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

/// A flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Identifier.
    pub id: FlowId,
    /// The client that began it.
    pub client: (OrgId, Uuid),
    /// What it asked for.
    pub request: AuthorizationRequest,
    /// Names the browser; `None`: none has come yet.
    pub browser: Option<String>,
    /// The organization that is signed in to, if that is known, and is there still.
    pub organization: Option<Entered>,
    /// Whether there was one that is gone.
    pub is_bereft: bool,
    /// The address that was typed.
    pub email: Option<Email>,
    /// Whose sign-in waits for its second factor, and that sign-in.
    pub waiting: Option<(UserId, Uuid)>,
    /// The passkey that is asked for.
    pub passkey: Option<PasskeyChallengeId>,
    /// Since when a mailed code is asked for.
    pub mail_asked_at: Option<Time>,
    /// The connection that the browser is to be sent to next.
    pub connection: Option<ConnectionId>,
    /// Somebody who came back from a provider, and has to prove that an account is theirs.
    pub upstream: Option<UpstreamLoginId>,
    /// Why the last one who came back is not in.
    pub trouble: Option<Trouble>,
    /// How often somebody signed in in it.
    pub sign_ins: i32,
    /// From when on a session has to have authenticated to count.
    pub fresh_since: Option<Time>,
    /// When it began.
    pub created_at: Time,
    /// Until when it can be ended.
    pub expires_at: Time,
    /// When it was.
    pub ended_at: Option<Time>,
}

/// Why somebody who came back from a provider is not in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Why.
    pub reason: Reason,
    /// Finds it among the connection's attempts.
    pub attempt: AttemptId,
}

impl Trouble {
    fn text(&self) -> String {
        format!("{} {}", self.reason.as_str(), self.attempt)
    }
    fn stored(text: &str) -> Option<Self> {
        let (reason, attempt) = text.split_once(' ')?;
        Some(Self { reason: Reason::stored(reason)?, attempt: attempt.parse().ok()? })
    }
}

/// The columns of a [`Flow`], in the order of [`read`], and what they are selected from. An organization that is gone is none.
const FLOW: &str = "select f.id, f.client_org_id, f.client_id, f.request, f.browser_hash, f.org_id, o.id, o.slug, o.name, f.email, f.user_id, f.waiting_id,
      f.connection_id, f.upstream_id, f.trouble, f.sign_ins, f.fresh_since, f.created_at, f.expires_at, f.ended_at, f.passkey_challenge_id,
      f.mail_asked_at
    from flows f
    left join organizations o on o.id = f.org_id and o.deleted_at is null";
const FIND: Sql = sql!("{flow} where f.id = $1", flow = FLOW);
const PUSHED: Sql = sql!("{flow} where f.request_uri_hash = $1", flow = FLOW);

fn read(row: &QueryResult) -> Result<Flow, DbErr> {
    let mut columns = Columns::of(row);
    let id = FlowId::new(columns.next()?);
    let client = (OrgId::new(columns.next()?), columns.next()?);
    let request: String = columns.next()?;
    let browser = columns.next()?;
    let wanted: Option<Uuid> = columns.next()?;
    let (org, slug, name): (Option<Uuid>, Option<String>, Option<String>) = (columns.next()?, columns.next()?, columns.next()?);
    let organization = match (org, slug, name) {
        (Some(id), Some(slug), Some(name)) => Some(Entered { id: OrgId::new(id), slug: Slug::stored(slug), name }),
        _ => None,
    };
    let email = columns.next::<Option<String>>()?.map(Email::stored);
    let (user, waiting): (Option<Uuid>, Option<Uuid>) = (columns.next()?, columns.next()?);
    let (connection, upstream): (Option<Uuid>, Option<Uuid>) = (columns.next()?, columns.next()?);
    let trouble: Option<String> = columns.next()?;
    Ok(Flow {
        id,
        client,
        request: serde_json::from_str(&request).map_err(|e| DbErr::Json(e.to_string()))?,
        browser,
        is_bereft: wanted.is_some() && organization.is_none(),
        organization,
        email,
        waiting: user.map(UserId::new).zip(waiting),
        connection: connection.map(ConnectionId::new),
        upstream: upstream.map(UpstreamLoginId::new),
        trouble: trouble.as_deref().and_then(Trouble::stored),
        sign_ins: columns.next()?,
        fresh_since: columns.next()?,
        created_at: columns.next()?,
        expires_at: columns.next()?,
        ended_at: columns.next()?,
        passkey: columns.next::<Option<Uuid>>()?.map(PasskeyChallengeId::new),
        mail_asked_at: columns.next()?,
    })
}

async fn one(db: &impl ConnectionTrait, sql: Sql, key: Value) -> Result<Option<Flow>> {
    sql::one(db, sql, vec![key]).await?.map(|row| read(&row)).transpose().map_err(from_db)
}

impl Store {
    /// A flow, whoever it belongs to. Its name is random, and of no use without its browser's cookie.
    pub async fn public_flow(&self, id: FlowId) -> Result<Option<Flow>> {
        one(&self.db, FIND, id.uuid().into()).await
    }

    /// The flow whose request was pushed under this name.
    pub async fn public_pushed_flow(&self, hash: &str) -> Result<Option<Flow>> {
        one(&self.db, PUSHED, hash.into()).await
    }
}

const INSERT: Sql = sql!(
    "insert into flows
      (id, client_org_id, client_id, request, request_uri_hash, browser_hash, org_id, email, sign_ins, fresh_since,
       created_at, expires_at, connection_id)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
);
/// A browser that begins one flow after another loses the oldest.
const CROWD: Sql = sql!(
    "delete from flows
    where browser_hash = $1 and id in (
      select id from flows where browser_hash = $1 order by created_at desc, id desc limit 1000 offset $2)"
);
/// The first browser that comes with the name of a pushed request has it.
const CLAIM: Sql = sql!(
    "update flows
    set browser_hash = $2, expires_at = $4
    where id = $1 and browser_hash is null and ended_at is null and expires_at > $3"
);
const OPEN: &str = "id = $1 and browser_hash = $2 and ended_at is null and expires_at > $3";
const IDENTIFY: Sql = sql!(
    "update flows
    set email = $4, org_id = $5, fresh_since = $6, connection_id = $7, user_id = null, waiting_id = null, upstream_id = null, trouble = null,
      passkey_challenge_id = null, mail_asked_at = null
    where {open}",
    open = OPEN
);
const ENTER: Sql = sql!("update flows set org_id = $4 where {open} and org_id is null", open = OPEN);
const WAIT: Sql = sql!("update flows set user_id = $4, waiting_id = $5, mail_asked_at = null where {open}", open = OPEN);
const SIGN_IN: Sql = sql!(
    "update flows
    set user_id = null, waiting_id = null, connection_id = null, upstream_id = null, trouble = null, passkey_challenge_id = null,
      mail_asked_at = null, sign_ins = sign_ins + 1
    where {open} and sign_ins = $4",
    open = OPEN
);
const CHOOSE: Sql = sql!(
    "update flows set connection_id = $4, upstream_id = null, trouble = null, passkey_challenge_id = null, mail_asked_at = null
    where {open}",
    open = OPEN
);
const PASSKEY: Sql = sql!("update flows set passkey_challenge_id = $4 where {open}", open = OPEN);
/// For the address that was typed, which may be another one meanwhile.
const MAIL: Sql = sql!(
    "update flows set mail_asked_at = $3, passkey_challenge_id = null where {open} and email = $4 and waiting_id is null",
    open = OPEN
);
const NO_MAIL: Sql = sql!("update flows set mail_asked_at = null where {open}", open = OPEN);
/// Once: whoever comes again is shown the page, and not sent there in a circle.
const SENT: Sql = sql!("update flows set connection_id = null where {open} and connection_id = $4", open = OPEN);
const TROUBLE: Sql = sql!("update flows set trouble = $4, upstream_id = null, connection_id = null where {open}", open = OPEN);
const LEAVE: Sql = sql!("update flows set org_id = null where {open}", open = OPEN);
const REFRESH: Sql = sql!("update flows set fresh_since = $3 where {open}", open = OPEN);
const END: Sql = sql!("update flows set ended_at = $3 where {open}", open = OPEN);

/// A flow and the browser that it belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Mine<'a> {
    /// The flow.
    pub id: FlowId,
    /// Names the browser.
    pub browser: &'a str,
    /// How often somebody had signed in in it when it was read.
    pub sign_ins: i32,
}

impl WriteTx {
    fn mine(&self, flow: Mine<'_>) -> Vec<Value> {
        vec![flow.id.uuid().into(), flow.browser.into(), self.now().into()]
    }

    async fn change(&self, sql: Sql, flow: Mine<'_>, values: Vec<Value>) -> Result<bool> {
        Ok(sql::execute(&self.tx, sql, [self.mine(flow), values].concat()).await? == 1)
    }

    /// Begins a flow; `pushed` names its request where that was left here before a browser came.
    pub async fn insert_flow(&self, flow: &Flow, pushed: Option<&str>) -> Result<()> {
        let request = serde_json::to_string(&flow.request).map_err(domain::Error::internal)?;
        let values = vec![
            flow.id.uuid().into(),
            flow.client.0.uuid().into(),
            flow.client.1.into(),
            request.into(),
            pushed.into(),
            flow.browser.as_deref().into(),
            flow.organization.as_ref().map(|org| org.id.uuid()).into(),
            flow.email.as_ref().map(Email::as_str).into(),
            flow.sign_ins.into(),
            flow.fresh_since.into(),
            flow.created_at.into(),
            flow.expires_at.into(),
            flow.connection.map(ConnectionId::uuid).into(),
        ];
        sql::execute(&self.tx, INSERT, values).await?;
        match &flow.browser {
            Some(browser) => self.crowd(browser).await,
            None => Ok(()),
        }
    }

    async fn crowd(&self, browser: &str) -> Result<()> {
        sql::execute(&self.tx, CROWD, vec![browser.into(), MOST_OF_A_BROWSER.into()]).await.map(|_| ())
    }

    /// Gives a flow whose request was pushed to a browser. `false`: another one has it, or it is over.
    pub async fn claim_flow(&self, flow: Mine<'_>, until: Time) -> Result<bool> {
        let claimed = self.change(CLAIM, flow, vec![until.into()]).await?;
        self.crowd(flow.browser).await?;
        Ok(claimed)
    }

    /// An address was typed, which may lead to an organization, and there to a provider; a session counts if it has authenticated since then. `false`: the flow is over.
    pub async fn identify_flow(
        &self,
        flow: Mine<'_>,
        email: &Email,
        (org, fresh_since): (Option<OrgId>, Option<Time>),
        through: Option<ConnectionId>,
    ) -> Result<bool> {
        let through = through.map(ConnectionId::uuid);
        let values = vec![email.as_str().into(), org.map(OrgId::uuid).into(), fresh_since.into(), through.into()];
        self.change(IDENTIFY, flow, values).await
    }

    /// A connection was chosen, to which the browser is sent next. `false`: the flow is over.
    pub async fn choose_connection(&self, flow: Mine<'_>, connection: ConnectionId) -> Result<bool> {
        self.change(CHOOSE, flow, vec![connection.uuid().into()]).await
    }

    /// The browser is sent there. `false`: it was, or the flow is over.
    pub async fn sent_to_connection(&self, flow: Mine<'_>, connection: ConnectionId) -> Result<bool> {
        self.change(SENT, flow, vec![connection.uuid().into()]).await
    }

    /// Whoever was sent to a provider, or was to be, is not in: nobody is sent there before it is chosen again. `false`: the flow is over.
    pub async fn flow_in_trouble(&self, flow: Mine<'_>, trouble: &Trouble) -> Result<bool> {
        self.change(TROUBLE, flow, vec![trouble.text().into()]).await
    }

    /// An organization was chosen, where none was. `false`: one was, or the flow is over.
    pub async fn choose_organization(&self, flow: Mine<'_>, org: OrgId) -> Result<bool> {
        self.change(ENTER, flow, vec![org.uuid().into()]).await
    }

    /// The flow's sign-in waits for its second factor, or does no more. `false`: the flow is over.
    pub async fn flow_waits(&self, flow: Mine<'_>, waiting: Option<(UserId, Uuid)>) -> Result<bool> {
        let (user, id) = (waiting.map(|(user, _)| user.uuid()), waiting.map(|(_, id)| id));
        self.change(WAIT, flow, vec![user.into(), id.into()]).await
    }

    /// The flow asks for a passkey, or does no more. `false`: the flow is over.
    pub async fn flow_asks_passkey(&self, flow: Mine<'_>, challenge: Option<PasskeyChallengeId>) -> Result<bool> {
        self.change(PASSKEY, flow, vec![challenge.map(PasskeyChallengeId::uuid).into()]).await
    }

    /// The flow asks for a code that is mailed to an address. `false`: another one was typed, somebody signed in meanwhile, or the flow is over.
    pub async fn flow_asks_mail(&self, flow: Mine<'_>, email: &Email) -> Result<bool> {
        self.change(MAIL, flow, vec![email.as_str().into()]).await
    }

    /// The flow asks for no mailed code any more. `false`: the flow is over.
    pub async fn flow_does_without_mail(&self, flow: Mine<'_>) -> Result<bool> {
        self.change(NO_MAIL, flow, vec![]).await
    }

    /// Somebody signed in in the flow. `false`: somebody else did at the same moment, or the flow is over.
    pub async fn sign_in_flow(&self, flow: Mine<'_>) -> Result<bool> {
        self.change(SIGN_IN, flow, vec![flow.sign_ins.into()]).await
    }

    /// The organization is not entered: another one may be chosen. `false`: the flow is over.
    pub async fn leave_organization(&self, flow: Mine<'_>) -> Result<bool> {
        self.change(LEAVE, flow, vec![]).await
    }

    /// From now on only a session counts that authenticates in the flow. `false`: the flow is over.
    pub async fn refresh_flow(&self, flow: Mine<'_>) -> Result<bool> {
        self.change(REFRESH, flow, vec![]).await
    }

    /// Ends the flow. `false`: it was over.
    pub async fn end_flow(&self, flow: Mine<'_>) -> Result<bool> {
        self.change(END, flow, vec![]).await
    }
}
