//! What is left of deleted organizations. Their last event is delivered first; their events stay for as long as any.

use domain::Result;
use sea_orm::DatabaseTransaction;
use uuid::Uuid;

use super::{Purged, ids};
use crate::{
    Store,
    core::{
        sql::{self, Sql, sql},
        table::WithOrganization,
        tables,
    },
};

/// Nothing of it waits to be sequenced or delivered any more. One organization at a time: the oldest tombstone.
const FINISHED: Sql = sql!(
    "select o.id
     from organizations o
     where o.deleted_at is not null
       and not exists (select 1 from outbox q where q.org_id = o.id)
       and not exists (select 1 from deliveries d where d.org_id = o.id and d.{open})
       and not exists (select 1 from destinations n where n.org_id = o.id and n.behind_from is not null)
       and not exists (
         select 1 from stream_turns t join heads h on h.org_id = t.org_id
         where t.org_id = o.id and t.is_on and t.failures = 0 and t.seq < h.seq)
     order by o.deleted_at
     limit 1"
);

pub(super) async fn purge(store: &Store, batch: u64, purged: &mut Purged) -> Result<()> {
    if sql::one(&store.db, FINISHED, vec![]).await?.is_none() {
        return Ok(());
    }
    let (rows, gone) = store.bookkeep_long(async |tx| step(&tx, batch).await).await?;
    purged.rows += rows;
    purged.organizations += u64::from(gone);
    // The next batch of this one, or the next organization.
    purged.more |= rows > 0;
    Ok(())
}

/// Deletes a batch of the first part that has rows left, or at last the organization itself.
async fn step(tx: &DatabaseTransaction, batch: u64) -> Result<(u64, bool)> {
    let Some(org) = ids(tx, FINISHED, vec![]).await?.first().copied() else { return Ok((0, false)) };
    // In an order that the references between them allow. Accounts managed by the organization go with it; its owner's only after it.
    for table in tables::ALL {
        let WithOrganization::Deleted(part) = table.with_organization else { continue };
        let rows = sql::execute(tx, part, vec![org.into(), batch.cast_signed().into()]).await?;
        if rows > 0 {
            return Ok((rows, false));
        }
    }
    remove(tx, org).await
}

const REMOVE: Sql = sql!("delete from organizations where id = $1");
const REMOVE_OWNER: Sql = sql!("delete from users where realm = $1");

async fn remove(tx: &DatabaseTransaction, org: Uuid) -> Result<(u64, bool)> {
    let rows = sql::execute(tx, REMOVE, vec![org.into()]).await?;
    let owner = sql::execute(tx, REMOVE_OWNER, vec![org.into()]).await?;
    Ok((rows + owner, rows > 0))
}
