//! Slugs that belong to nobody any more and are not free yet. Access tokens, bookmarks and customers' configurations name an organization
//! by its slug; a newcomer who could take it at once would be taken for the organization that had it.

use chrono::TimeDelta;
use domain::{OrgId, Result, UserId, core::value::Slug};

use crate::{
    WriteTx,
    core::{
        sql::{self, Sql, sql},
        table::{Age, Table, WhenOld, WithOrganization},
    },
};

/// How long the slug of a deleted organization stays with it; far longer than any access token lives (`tokens.access_seconds` is at most
/// a day).
const HELD: TimeDelta = TimeDelta::days(30);

/// Only written as SQL.
pub(crate) const SLUG_HOLDS: Table = Table {
    name: "slug_holds",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!(
            "delete from slug_holds
             where slug in (select slug from slug_holds where until <= $1 limit $2)"
        ),
    ),
    with_organization: WithOrganization::Stays("that is what it is for; it ends by its own time"),
};

const HOLD: Sql = sql!(
    "insert into slug_holds (slug, org_id, owner_user_id, until)
     select slug, id, owner_user_id, $2 from organizations where id = $1 and deleted_at is null
     on conflict (slug) do update
     set org_id = excluded.org_id, owner_user_id = excluded.owner_user_id, until = excluded.until"
);

/// Holds an organization's slug from now on. Call it before the organization loses it.
pub(super) async fn hold(tx: &WriteTx, org: OrgId) -> Result<()> {
    sql::execute(&tx.tx, HOLD, vec![org.uuid().into(), (tx.now() + HELD).into()]).await?;
    Ok(())
}

const HELD_FOR_ANOTHER: Sql = sql!("select count(*) from slug_holds where slug = $1 and org_id <> $2 and until > $3");

/// Refuses a slug that is held for another organization (`slug_taken`). Call it after the slug was written: a deletion that gives it up at
/// the same time is then either committed, and its hold seen, or still has the slug.
pub(super) async fn refuse_held(tx: &WriteTx, slug: &Slug, org: OrgId) -> Result<()> {
    let values = vec![slug.as_str().into(), org.uuid().into(), tx.now().into()];
    if sql::count(&tx.tx, HELD_FOR_ANOTHER, values).await? == 0 { Ok(()) } else { Err(super::slug_taken()) }
}

const COUNT_HELD: Sql = sql!("select count(*) from slug_holds where owner_user_id = $1 and until > $2");

impl WriteTx {
    /// How many slugs are held after organizations that this person owned. Lock the account first.
    pub async fn count_held_slugs(&self, owner: UserId) -> Result<i64> {
        sql::count(&self.tx, COUNT_HELD, vec![owner.uuid().into(), self.now().into()]).await
    }
}
