//! Connections whose documents and certificates are looked at again. As with domains, a claim moves the time of the next look ahead.

use domain::{Result, Time, authorization::policy::SystemScope, identity::connections::Connection};

use super::{
    columns::{CONNECTION, FROM, fill, read},
    save,
};
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

const ANY: Sql = sql!("select 1 from connections where next_check_at <= $1 limit 1");
const CLAIM: Sql = sql!(
    "update connections
    set next_check_at = $2
    where (org_id, id) in (
      select org_id, id from connections where next_check_at <= $1 order by next_check_at limit $3 {for update skip locked})
    returning org_id, id"
);
const GET: Sql = sql!("select {connection} {from} where c.org_id = $1 and c.id = $2", connection = CONNECTION, from = FROM);
const LOCK: Sql = sql!(
    "select {connection} {from} where c.org_id = $1 and c.id = $2 and c.next_check_at = $3 and c.updated_at = $4 {for update of c}",
    connection = CONNECTION,
    from = FROM
);

impl Store {
    /// Claims at most `limit` connections that are due, until `until`.
    pub async fn claim_due_connections(&self, _: SystemScope, now: Time, until: Time, limit: u64) -> Result<Vec<Connection>> {
        // Looking first keeps an idle worker from occupying SQLite's writer.
        if sql::one(&self.db, ANY, vec![now.into()]).await?.is_none() {
            return Ok(Vec::new());
        }
        let values = vec![now.into(), until.into(), limit.cast_signed().into()];
        let claimed = self.bookkeep(async |tx| sql::all(&*tx, CLAIM, values).await).await?;
        let mut all = Vec::new();
        for row in claimed {
            let mut columns = Columns::of(&row);
            let key: [uuid::Uuid; 2] = [columns.next().map_err(from_db)?, columns.next().map_err(from_db)?];
            // One that was deleted meanwhile is not looked at.
            let Some(row) = sql::one(&self.db, GET, key.map(Into::into).to_vec()).await? else { continue };
            let mut found = [read(&row).map_err(from_db)?];
            fill(&self.db, found[0].org_id, &mut found).await?;
            all.extend(found);
        }
        Ok(all)
    }
}

impl WriteTx {
    /// A claimed connection, locked until the transaction ends; `None` if it was deleted, changed or looked at meanwhile.
    pub async fn lock_due_connection(&self, _: SystemScope, claimed: &Connection) -> Result<Option<Connection>> {
        let values =
            vec![claimed.org_id.uuid().into(), claimed.id.uuid().into(), claimed.next_check_at.into(), claimed.updated_at.into()];
        let Some(row) = sql::one(&self.tx, LOCK, values).await? else { return Ok(None) };
        let mut found = [read(&row).map_err(from_db)?];
        fill(&self.tx, claimed.org_id, &mut found).await?;
        let [connection] = found;
        Ok(Some(connection))
    }

    /// Writes what a look at a locked connection came to.
    pub async fn save_due_connection(&self, _: SystemScope, connection: &Connection) -> Result<()> {
        save(&self.tx, connection).await
    }
}
