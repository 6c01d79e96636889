//! Impersonations: who acts as whom. What makes one work is read in [`crate::authorization::facts`].

use domain::{Error, ImpersonationId, OrgId, Result, Time, UserId, authorization::policy::PlatformScope, core::value::Slug};
use sea_orm::QueryResult;

use crate::{
    WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
        table::{Age, Table, WhenOld, WithOrganization},
    },
};

pub(crate) const IMPERSONATIONS: Table = Table {
    name: "impersonations",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Sessions,
        sql!(
            "delete from impersonations
            where id in (select id from impersonations where expires_at < $1 order by expires_at limit $2)"
        ),
    ),
    with_organization: WithOrganization::Stays("it says who did what there, and ends by itself"),
};

/// A platform owner who begins to act as somebody.
#[derive(Clone, Debug)]
pub struct NewImpersonation {
    /// Identifier.
    pub id: ImpersonationId,
    /// As whom.
    pub user: UserId,
    /// Where; [`domain::PLATFORM`]: in no organization.
    pub org: OrgId,
    /// Why; empty: they did not say.
    pub reason: String,
    /// Until when.
    pub expires_at: Time,
}

/// One that was ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Which.
    pub id: ImpersonationId,
    /// As whom.
    pub user: UserId,
    /// Where; [`domain::PLATFORM`]: in no organization.
    pub org: OrgId,
}

const LIVING: Sql = sql!("select count(*) from impersonations where operator_id = $1 and expires_at > $2 and ended_at is null");
const INSERT: Sql = sql!(
    "insert into impersonations (id, operator_id, session_id, user_id, org_id, reason, created_at, expires_at)
    values ($1, $2, $3, $4, $5, $6, $7, $8)"
);
/// Where somebody is a member, or an end user, or whose their account is.
const BELONGS: Sql = sql!(
    "select o.id, o.slug
    from (
      select org_id from memberships where user_id = $1
      union select org_id from end_users where user_id = $1
      union select realm from users where id = $1
    ) b
    join organizations o on o.id = b.org_id
    where o.deleted_at is null and ($2 = '' or o.slug = $2)
    order by o.created_at, o.id
    limit 2"
);
const END: Sql = sql!(
    "update impersonations set ended_at = $2
    where id = $1 and ended_at is null and expires_at > $2
    returning user_id, org_id"
);

fn belonging(row: &QueryResult) -> Result<(OrgId, Slug), sea_orm::DbErr> {
    let mut columns = Columns::of(row);
    Ok((OrgId::new(columns.next()?), Slug::stored(columns.next()?)))
}

impl WriteTx {
    /// Two of the organizations that somebody has to do with, or the one that is named.
    pub async fn organizations_of(&self, _: PlatformScope<'_>, user: UserId, named: Option<&Slug>) -> Result<Vec<(OrgId, Slug)>> {
        let values = vec![user.uuid().into(), named.map_or("", Slug::as_str).into()];
        sql::read_all(&sql::all(&self.tx, BELONGS, values).await?, belonging)
    }

    /// Begins an impersonation by whoever the scope is of. `Conflict` (`impersonation_limit`) beyond `most` at once.
    pub async fn insert_impersonation(&self, scope: PlatformScope<'_>, new: &NewImpersonation, most: i64) -> Result<()> {
        let operator = scope.require_person()?;
        // Two that begin at once are counted one after the other.
        self.lock_account(operator.id).await?;
        if sql::count(&self.tx, LIVING, vec![operator.id.uuid().into(), self.now().into()]).await? >= most {
            let text = format!("You act as {most} others already. End one of these first.");
            return Err(Error::conflict("impersonation_limit", text));
        }
        let values = vec![
            new.id.uuid().into(),
            operator.id.uuid().into(),
            operator.session.uuid().into(),
            new.user.uuid().into(),
            new.org.uuid().into(),
            new.reason.as_str().into(),
            self.now().into(),
            new.expires_at.into(),
        ];
        sql::execute(&self.tx, INSERT, values).await.map(|_| ())
    }

    /// Ends one that still lasts; `None` if there is none. Whoever asks must be the one who acts, or operate the platform.
    pub async fn end_impersonation(&self, id: ImpersonationId) -> Result<Option<Ended>> {
        let row = sql::one(&self.tx, END, vec![id.uuid().into(), self.now().into()]).await?;
        let read = |row: QueryResult| {
            let mut columns = Columns::of(&row);
            Ok(Ended { id, user: UserId::new(columns.next()?), org: OrgId::new(columns.next()?) })
        };
        row.map(read).transpose().map_err(from_db)
    }
}
