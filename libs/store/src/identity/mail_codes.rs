//! Codes and links that are mailed to who signs in by them ([`domain::identity::mail_codes`]): one of each flow, of an address that nobody has as well, which
//! opens nothing. Neither is kept: the link by its hash, the code by a tag that belongs to the flow.

use domain::{
    Result, Time, UserId,
    identity::{flows::FlowId, mail_codes::TRIES},
};
use sea_orm::{DbErr, QueryResult};
use uuid::Uuid;

use crate::{
    Store, WriteTx,
    core::{
        error::{Constraint, from_db},
        sql::{self, Columns, Sql, sql},
        table::{Age, Table, WhenOld, WithOrganization},
    },
};

/// Never violated: they are random.
const MAIL_CODES_LINK: Constraint = Constraint { name: "mail_codes_link", columns: "mail_codes.link_hash" };

/// Only written as SQL.
pub(crate) const MAIL_CODES: Table = Table {
    name: "mail_codes",
    unique: &[&MAIL_CODES_LINK],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!("delete from mail_codes where flow_id in (select flow_id from mail_codes where expires_at < $1 limit $2)"),
    ),
    with_organization: WithOrganization::GoesWith("flows"),
};

/// What the tag of a code is made for.
const CODE: &str = "mailed sign-in code";

/// What a mailed link stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailedLink {
    /// The sign-in that it was asked for in.
    pub flow: FlowId,
    /// Where that was.
    pub ip_address: Option<String>,
    /// What asked for it calls itself.
    pub user_agent: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
}

const LINK: Sql = sql!(
    "select c.flow_id, c.ip_address, c.user_agent, c.created_at
    from mail_codes c
    where c.link_hash = $1 and c.user_id is not null and c.expires_at > $2"
);

impl Store {
    /// What a mailed link stands for, without using it up.
    pub async fn public_mailed_link(&self, hash: &str, now: Time) -> Result<Option<MailedLink>> {
        let row = sql::one(&self.db, LINK, vec![hash.into(), now.into()]).await?;
        let read = |row: QueryResult| -> Result<MailedLink, DbErr> {
            let mut columns = Columns::of(&row);
            Ok(MailedLink {
                flow: FlowId::new(columns.next()?),
                ip_address: columns.next()?,
                user_agent: columns.next()?,
                created_at: columns.next()?,
            })
        };
        row.map(read).transpose().map_err(from_db)
    }
}

const PUT: Sql = sql!(
    "insert into mail_codes (flow_id, user_id, link_hash, code_tag, tries, ip_address, user_agent, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    on conflict (flow_id) do update set
      user_id = excluded.user_id, link_hash = excluded.link_hash, code_tag = excluded.code_tag, tries = excluded.tries,
      ip_address = excluded.ip_address, user_agent = excluded.user_agent, created_at = excluded.created_at,
      expires_at = excluded.expires_at"
);
const WHOSE: Sql = sql!("select user_id from mail_codes where flow_id = $1");
const TRY: Sql = sql!("update mail_codes set tries = tries - 1 where flow_id = $1 and expires_at > $2 and tries > 0");
const TAG: Sql = sql!("select code_tag, user_id from mail_codes where flow_id = $1");
const TAKE: Sql = sql!("delete from mail_codes where flow_id = $1 and code_tag = $2");

impl WriteTx {
    /// Makes a code and its link the ones of a flow, in the place of others. `user`: whose they are; `None`: they open nothing.
    pub async fn put_mail_code(
        &self,
        flow: FlowId,
        user: Option<UserId>,
        (code, link_hash): (&str, &str),
        expires_at: Time,
    ) -> Result<()> {
        let tag = self.store.keyring.tag(CODE, &text(flow, code))?;
        let values = vec![
            flow.uuid().into(),
            user.map(UserId::uuid).into(),
            link_hash.into(),
            tag.into(),
            TRIES.into(),
            self.origin().ip_address.as_deref().into(),
            self.origin().user_agent.as_deref().into(),
            self.now().into(),
            expires_at.into(),
        ];
        sql::execute(&self.tx, PUT, values).await.map(|_| ())
    }

    /// Whose the code of a flow is, for who locks the account before the code is tried; `None`: nobody's, or there is none.
    pub async fn mail_code_of(&self, flow: FlowId) -> Result<Option<UserId>> {
        let row = sql::one(&self.tx, WHOSE, vec![flow.uuid().into()]).await?;
        let user = row.map(|row| row.try_get_by_index::<Option<Uuid>>(0)).transpose().map_err(from_db)?;
        Ok(user.flatten().map(UserId::new))
    }

    /// Tries a code, and uses it up if it is right: then says whose it was. The try counts once the transaction commits, whatever the answer is.
    pub async fn try_mail_code(&self, flow: FlowId, code: &str) -> Result<Option<UserId>> {
        if sql::execute(&self.tx, TRY, vec![flow.uuid().into(), self.now().into()]).await? != 1 {
            return Ok(None);
        }
        let Some(row) = sql::one(&self.tx, TAG, vec![flow.uuid().into()]).await? else { return Ok(None) };
        let read = || -> Result<(String, Option<Uuid>), DbErr> { Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)) };
        let (tag, user) = read().map_err(from_db)?;
        let right = self.store.is_tag_by(&self.tx, CODE, &text(flow, code), &tag).await?;
        let Some(user) = user.filter(|_| right) else { return Ok(None) };
        let taken = sql::execute(&self.tx, TAKE, vec![flow.uuid().into(), tag.into()]).await? == 1;
        Ok(taken.then(|| UserId::new(user)))
    }
}

/// A code of one flow is none of another's.
fn text(flow: FlowId, code: &str) -> Vec<u8> {
    [flow.uuid().as_bytes().as_slice(), code.as_bytes()].concat()
}
