//! Refresh tokens: each works once, and one that comes back is noticed.

use chrono::TimeDelta;
use domain::{
    Error, Result, Time,
    core::value::Slug,
    identity::{accounts::User, authentications::Authentications, sessions::GrantRow},
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryResult, Set, sea_query::Expr};

use super::{grant, next_grant};
use crate::{
    WriteTx,
    core::{
        entity::{grants, spent_refresh_tokens},
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
    identity::{
        accounts::{USER_COLUMNS, next_user},
        sign_in_policy::{Entrance, next_entrance},
    },
};

/// What a presented refresh token turned out to be.
pub enum Presented {
    /// The current token of a living grant, now locked.
    Current(Box<Refreshable>),
    /// It was used before, at this time; the grant and session it belongs to.
    Spent {
        /// Its family.
        grant: GrantRow,
        /// When it was used, by the database's clock.
        at: Time,
    },
    /// Not ours, expired, or of an ended session.
    Unknown,
}

/// A grant that may be refreshed.
pub struct Refreshable {
    /// The grant.
    pub grant: GrantRow,
    /// Whose it is.
    pub user: User,
    /// What its session did to authenticate.
    pub did: Authentications,
    /// For an organization's grant: its slug, and what decides whether the user may still be in it.
    pub organization: Option<(Slug, Entrance)>,
    /// When its session began.
    pub signed_in_at: Time,
    /// When it was presented, by the database's clock.
    pub at: Time,
}

/// The grant that a refresh token is the current one of, if everything it depends on lives. A deleted organization is none.
const PRESENTED: Sql = sql!(
    "select g.id, g.session_id, g.user_id, g.org_id, {user}, s.authn, o.slug, o.status, m.role, o.sign_in_policy,
      s.created_at, {clock} as clock
    from grants g
    join sessions s on s.id = g.session_id
    join users u on u.id = g.user_id
    left join organizations o on o.id = g.org_id and o.deleted_at is null
    left join memberships m on m.org_id = g.org_id and m.user_id = g.user_id
    where g.refresh_hash = $1 and g.client_id is null and g.revoked_at is null and g.refresh_expires_at > $2
      and s.revoked_at is null and s.expires_at > $2 and s.created_at > $3 and u.deleted_at is null
    {for no key update of g}",
    user = USER_COLUMNS
);

/// Reads a row of [`PRESENTED`].
fn refreshable(tx: &WriteTx, row: &QueryResult) -> Result<Refreshable, DbErr> {
    let mut columns = Columns::of(row);
    let grant = next_grant(&mut columns)?;
    let user = next_user(grant.user_id, &mut columns)?;
    let did = Authentications::stored(columns.next::<Option<String>>()?.as_deref());
    let (slug, status): (Option<String>, Option<String>) = (columns.next()?, columns.next()?);
    let entrance = next_entrance(&status.unwrap_or_default(), &mut columns)?;
    let organization = slug.map(|slug| (Slug::stored(slug), entrance));
    Ok(Refreshable { grant, user, did, organization, signed_in_at: columns.next()?, at: tx.by_database_clock(columns.next()?) })
}

impl WriteTx {
    /// Looks a refresh token up by its hash and locks its grant: of two racers one waits here, and then finds it spent. One statement:
    /// what ended meanwhile without touching the grant (session, account, organization) is asked again whenever the tokens are used.
    /// A session that began more than `longest` ago is none any more.
    pub async fn present_refresh(&self, hash: &str, longest: TimeDelta) -> Result<Presented> {
        let values = vec![hash.into(), self.now().into(), (self.now() - longest).into()];
        match sql::one(&self.tx, PRESENTED, values).await? {
            Some(row) => Ok(Presented::Current(Box::new(refreshable(self, &row).map_err(from_db)?))),
            None => self.spent(hash).await,
        }
    }

    async fn spent(&self, hash: &str) -> Result<Presented> {
        let Some(spent) = spent_refresh_tokens::Entity::find_by_id(hash).one(&self.tx).await.map_err(from_db)? else {
            return Ok(Presented::Unknown);
        };
        let row = grants::Entity::find_by_id(spent.grant_id).one(&self.tx).await.map_err(from_db)?;
        Ok(match row {
            Some(row) if row.revoked_at.is_none() && row.client_id.is_none() => {
                Presented::Spent { grant: grant(&row), at: spent.spent_at }
            }
            _ => Presented::Unknown,
        })
    }

    /// Replaces a grant's refresh token, by compare-and-swap, and remembers the old one so that its return is noticed. `at` is the time by
    /// the database's clock.
    pub async fn rotate_refresh(&self, g: &GrantRow, old: &str, new: String, at: Time, expires_at: Time) -> Result<()> {
        let swapped = grants::Entity::update_many()
            .col_expr(grants::Column::RefreshHash, Expr::value(new))
            .col_expr(grants::Column::RefreshExpiresAt, Expr::value(expires_at))
            .filter(grants::Column::Id.eq(g.id.uuid()))
            .filter(grants::Column::RefreshHash.eq(old))
            .exec(&self.tx)
            .await
            .map_err(from_db)?;
        if swapped.rows_affected != 1 {
            return Err(Error::unauthenticated("refresh_token_used", "This refresh token was used already. Sign in again."));
        }
        let spent =
            spent_refresh_tokens::ActiveModel { hash: Set(old.to_owned()), grant_id: Set(g.id.uuid()), spent_at: Set(at) };
        spent_refresh_tokens::Entity::insert(spent).exec_without_returning(&self.tx).await.map_err(from_db)?;
        self.touch_session(g.session_id, expires_at).await
    }

    /// The grant a refresh token belongs to, for revocation; `None` if it is unknown or ended.
    pub async fn grant_of_refresh(&self, hash: &str) -> Result<Option<GrantRow>> {
        let row = grants::Entity::find().filter(grants::Column::RefreshHash.eq(hash)).one(&self.tx).await.map_err(from_db)?;
        Ok(row.filter(|row| row.revoked_at.is_none() && row.client_id.is_none()).as_ref().map(grant))
    }
}

#[cfg(test)]
mod tests;
