//! Writing what was made: checkpoints, the register and the watermarks, if nobody else has moved the register meanwhile.

use std::collections::HashSet;

use domain::{OrgId, Result, Time};
use sea_orm::{DatabaseTransaction, QueryResult, Value};
use uuid::Uuid;

use super::Made;
use crate::{
    Store,
    core::{
        entity::checkpoints,
        sql::{self, Sql, sql},
    },
};

/// In the order of their ids: everybody who locks several takes them in the same order.
const LOCK_HEADS: Sql<1> = sql!(
    "select org_id
    from heads
    where org_id in (select org_id from {rows})
    order by org_id
    {for no key update}",
    rows = 1 (org_id: Uuid)
);

const LOCK_ENTRIES: Sql<1> = sql!(
    "select org_id, entry
    from audit_register
    where org_id in (select org_id from {rows})
    order by org_id
    {for no key update}",
    rows = 1 (org_id: Uuid)
);

const INSERT: Sql<7> = sql!(
    "insert into checkpoints (org_id, first_seq, last_seq, root, hash, signed, created_at)
    select org_id, first_seq, last_seq, root, hash, signed, created_at
    from {rows}",
    rows = 1 (org_id: Uuid, first_seq: i64, last_seq: i64, root: String, hash: String, signed: String, created_at: Time)
);

const MOVE_ENTRIES: Sql<2> = sql!(
    "update audit_register
    set entry = v.entry
    from {rows}
    where audit_register.org_id = v.org_id",
    rows = 1 (org_id: Uuid, entry: String)
);

const MOVE_WATERMARKS: Sql<2> = sql!(
    "update heads
    set sealed = v.seq
    from {rows}
    where heads.org_id = v.org_id",
    rows = 1 (org_id: Uuid, seq: i64)
);

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) records: u64,
    /// How far each log is sealed now.
    pub(super) logs: Vec<(OrgId, i64)>,
}

/// Writes what was made for organizations whose entry nobody has moved meanwhile.
pub(super) async fn keep(store: &Store, tx: &DatabaseTransaction, made: Vec<Made>) -> Result<Kept> {
    let orgs: Vec<[Value; 1]> = made.iter().map(|made| [made.org.into()]).collect();
    LOCK_HEADS.all(tx, vec![], orgs.clone()).await?;
    let read = |row: &QueryResult| Ok((row.try_get::<Uuid>("", "org_id")?, row.try_get::<String>("", "entry")?));
    let standing: HashSet<_> = sql::read_all(&LOCK_ENTRIES.all(tx, vec![], orgs).await?, read)?;
    let made: Vec<Made> = made.into_iter().filter(|made| standing.contains(&(made.org, made.found.clone()))).collect();
    if made.is_empty() {
        return Ok(Kept::default());
    }
    let mut entries: Vec<[Value; 2]> = Vec::with_capacity(made.len());
    for made in &made {
        entries.push([made.org.into(), store.seal_entry(OrgId::new(made.org), &made.entry)?.into()]);
    }
    MOVE_ENTRIES.execute(tx, vec![], entries).await?;
    let logs: Vec<(OrgId, i64)> = made.iter().map(|made| (OrgId::new(made.org), made.entry.seq)).collect();
    MOVE_WATERMARKS.execute(tx, vec![], logs.iter().map(|(org, seq)| [org.uuid().into(), (*seq).into()])).await?;
    let rows: Vec<checkpoints::Model> = made.into_iter().filter_map(|made| made.checkpoint).collect();
    let records: i64 = rows.iter().map(|row| row.last_seq - row.first_seq + 1).sum();
    if !rows.is_empty() {
        INSERT.execute(tx, vec![], rows.into_iter().map(values)).await?;
    }
    Ok(Kept { records: records.unsigned_abs(), logs })
}

fn values(row: checkpoints::Model) -> [Value; 7] {
    [
        row.org_id.into(),
        row.first_seq.into(),
        row.last_seq.into(),
        row.root.into(),
        row.hash.into(),
        row.signed.into(),
        row.created_at.into(),
    ]
}
