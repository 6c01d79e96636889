//! What is left of deleted organizations. Their last event is delivered first; their events stay for as long as any.

use domain::Result;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::{Purged, ids};
use crate::{Store, core::sql};

/// Nothing of it waits to be sequenced or delivered any more. One organization at a time: the oldest tombstone.
const FINISHED: &str = "select o.id from organizations o where o.deleted_at is not null
and not exists (select 1 from outbox q where q.org_id = o.id)
and not exists (select 1 from deliveries d where d.org_id = o.id and d.state < 2) order by o.deleted_at limit 1";

/// In an order that the references between them allow. Deliveries take their attempts along, webhooks their destinations, users
/// their sessions. Accounts managed by the organization go with it; its owner's only after the organization.
const PARTS: &[&str] = &[
    "delete from deliveries where org_id = $1 and id in (select id from deliveries where org_id = $1 limit $2)",
    "delete from webhooks where org_id = $1 and id in (select id from webhooks where org_id = $1 limit $2)",
    "delete from api_keys where org_id = $1 and id in (select id from api_keys where org_id = $1 limit $2)",
    "delete from invitations where org_id = $1 and id in (select id from invitations where org_id = $1 limit $2)",
    "delete from roles where org_id = $1 and id in (select id from roles where org_id = $1 limit $2)",
    "delete from grants where id in (select g.id from memberships m join grants g on g.user_id = m.user_id and g.org_id = m.org_id where m.org_id = $1 limit $2)",
    "delete from memberships where org_id = $1 and id in (select id from memberships where org_id = $1 limit $2)",
    "delete from users where id in (select id from users where realm = $1 and id <> (select owner_user_id from organizations where id = $1) limit $2)",
];

pub(super) async fn purge(store: &Store, batch: u64, purged: &mut Purged) -> Result<()> {
    if sql::one(&store.db, FINISHED, vec![]).await?.is_none() {
        return Ok(());
    }
    let work = store.bookkeep().await?;
    let (rows, gone) = step(&work.tx, batch).await?;
    work.commit().await?;
    purged.rows += rows;
    purged.organizations += u64::from(gone);
    // The next batch of this one, or the next organization.
    purged.more |= rows > 0;
    Ok(())
}

/// Deletes a batch of the first part that has rows left, or at last the organization itself.
async fn step(tx: &DatabaseTransaction, batch: u64) -> Result<(u64, bool)> {
    let Some(org) = ids(tx, FINISHED, vec![]).await?.first().copied() else { return Ok((0, false)) };
    for part in PARTS {
        let rows = sql::execute(tx, part, vec![org.into(), batch.cast_signed().into()]).await?;
        if rows > 0 {
            return Ok((rows, false));
        }
    }
    remove(tx, org).await
}

async fn remove(tx: &DatabaseTransaction, org: Uuid) -> Result<(u64, bool)> {
    let rows = sql::execute(tx, "delete from organizations where id = $1", vec![org.into()]).await?;
    let owner = sql::execute(tx, "delete from users where realm = $1", vec![org.into()]).await?;
    Ok((rows + owner, rows > 0))
}
