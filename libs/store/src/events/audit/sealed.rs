//! Reading the sealed log: checkpoints, the proof of one record, and the export that can be verified offline.

use crypto::audit::{
    chain,
    export::{Anchor, Chained, End, FORMAT, Header, Line, Record},
    leaf::moment,
    merkle,
    statement::{self, Ended, Retained},
};
use domain::{
    Error, EventId, OrgId, Page, Result, Time, Total,
    authorization::{
        policy::{OrgScope, Read},
        resource::AuditLog,
    },
    events::record::TEST_PING,
};
use sea_orm::{ColumnTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect};

use super::leaves::{StoredRecord, record_columns};
use crate::{
    Store,
    core::{
        entity::{checkpoints, heads},
        error::from_db,
        sql::{self, Sql, sql},
    },
};

/// One checkpoint.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The first record that it covers.
    pub first_seq: i64,
    /// The last.
    pub last_seq: i64,
    /// The Merkle root over their leaves.
    pub root: String,
    /// The hash chain at the last.
    pub hash: String,
    /// The whole of it, signed: a compact JWS of [`crypto::audit::checkpoint::Claims`].
    pub signed: String,
    /// When.
    pub created_at: Time,
}

impl From<checkpoints::Model> for Checkpoint {
    fn from(row: checkpoints::Model) -> Self {
        let checkpoints::Model { first_seq, last_seq, root, hash, signed, created_at, .. } = row;
        Self { first_seq, last_seq, root, hash, signed, created_at }
    }
}

/// What proves that one record is in the log.
#[derive(Clone, Debug)]
pub struct Proof {
    /// The record, with everything that its leaf is computed from.
    pub record: Record,
    /// Its place under the root, from 0.
    pub index: usize,
    /// Leaves under the root.
    pub size: usize,
    /// The hashes beside its way up, the lowest first.
    pub path: Vec<String>,
    /// The root, signed.
    pub checkpoint: Checkpoint,
}

/// What an export was begun with: it ends where the log ended then, and holds the checkpoints that there were then.
#[derive(Clone, Debug)]
pub struct ExportFrame {
    /// The first line.
    pub header: Header,
    /// The last line.
    pub end: End,
    sealed: i64,
}

macro_rules! records {
    ($which:literal) => {
        concat!(
            "select f.seq, f.hash, f.leaf, f.chained, ",
            record_columns!(),
            " from feed f
            join events e on e.org_id = f.org_id and e.id = f.event_id
            where f.org_id = $1 and ",
            $which
        )
    };
}

const ONE: &str = records!("f.event_id = $2");

const AFTER: &str = records!(
    "f.seq > $2 and f.seq <= $3
    order by f.seq
    limit $4"
);

fn read(row: &QueryResult) -> Result<Record, DbErr> {
    let (stored, chained): (_, i16) = (StoredRecord::read(row)?, row.try_get("", "chained")?);
    Ok(Record {
        seq: row.try_get("", "seq")?,
        id: stored.id,
        action: stored.name,
        success: stored.success,
        created_at: moment(stored.at),
        salt: stored.salt,
        content: stored.digest.is_none().then_some(stored.content),
        erased: stored.digest,
        erasure: stored.erasure,
        leaf: row.try_get("", "leaf")?,
        chained: if chained == 1 { Chained::Leaf } else { Chained::Body },
        hash: row.try_get("", "hash")?,
    })
}

/// `$3` is the name of what is in no log.
const EXISTS: &str = "select 1 from events where org_id = $1 and id = $2 and name <> $3";

const LEAVES: Sql = sql!(
    "select leaf
    from feed
    where org_id = $1 and seq >= $2 and seq <= $3
    order by seq"
);

const RETAINED: &str = "select retained from audit_register where org_id = $1";

fn of(org: OrgId) -> sea_orm::Select<checkpoints::Entity> {
    checkpoints::Entity::find().filter(checkpoints::Column::OrgId.eq(org.uuid()))
}

impl Store {
    /// A page of the checkpoints, newest first, and how many there are: what is beyond [`Total::EXACT`] is in no page.
    pub async fn checkpoints_page(&self, scope: OrgScope<'_, AuditLog, Read>, page: Page) -> Result<(Vec<Checkpoint>, Total)> {
        use sea_orm::PaginatorTrait;
        let total = of(scope.org()).limit(Total::EXACT + 1).count(&self.db).await.map_err(from_db)?;
        let total = Total::counted(total);
        if page.offset() >= total.n {
            return Ok((Vec::new(), total));
        }
        let newest = of(scope.org()).order_by_desc(checkpoints::Column::FirstSeq);
        let rows = newest
            .offset(page.offset())
            .limit(u64::from(page.limit).min(total.n - page.offset()))
            .all(&self.db)
            .await
            .map_err(from_db)?;
        Ok((rows.into_iter().map(Into::into).collect(), total))
    }

    /// Proves that a record is in the log. `NotFound` for a record that is not there (any more); `Conflict` (`not_sealed_yet`) for one
    /// that no checkpoint covers yet.
    pub async fn audit_proof(&self, scope: OrgScope<'_, AuditLog, Read>, id: EventId) -> Result<Proof> {
        let org = scope.org();
        if sql::one(&self.db, EXISTS, vec![org.uuid().into(), id.uuid().into(), TEST_PING.into()]).await?.is_none() {
            return Err(Error::not_found("audit record"));
        }
        let row = sql::one(&self.db, ONE, vec![org.uuid().into(), id.uuid().into()]).await?.ok_or_else(not_sealed_yet)?;
        let record = read(&row).map_err(from_db)?;
        let covering = of(org)
            .filter(checkpoints::Column::LastSeq.gte(record.seq))
            .filter(checkpoints::Column::FirstSeq.lte(record.seq))
            .order_by_asc(checkpoints::Column::LastSeq);
        let checkpoint = match covering.one(&self.db).await.map_err(from_db)? {
            Some(row) => Checkpoint::from(row),
            None if record.seq <= self.head(org).await?.sealed => return Err(Error::not_found("audit record")),
            None => return Err(not_sealed_yet()),
        };
        let range = vec![org.uuid().into(), checkpoint.first_seq.into(), checkpoint.last_seq.into()];
        let rows = sql::all(&self.db, LEAVES, range).await?;
        let leaves: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>().map_err(from_db)?;
        let index = usize::try_from(record.seq - checkpoint.first_seq).unwrap_or_default();
        // Retention has begun to remove this segment: its leaves are not all there any more.
        if leaves.len() as i64 != checkpoint.last_seq - checkpoint.first_seq + 1 {
            return Err(Error::not_found("audit record"));
        }
        Ok(Proof { path: merkle::path(&leaves, index), record, index, size: leaves.len(), checkpoint })
    }

    async fn head(&self, org: OrgId) -> Result<heads::Model> {
        let row = heads::Entity::find_by_id(org.uuid()).one(&self.db).await.map_err(from_db)?;
        Ok(row.unwrap_or_else(|| heads::Model { org_id: org.uuid(), seq: 0, hash: chain::genesis(org), sealed: 0, anchor: 0 }))
    }

    /// Begins an export.
    pub async fn begin_export(&self, scope: OrgScope<'_, AuditLog, Read>, now: Time) -> Result<ExportFrame> {
        self.frame(scope.org(), now).await
    }

    pub(super) async fn frame(&self, org: OrgId, now: Time) -> Result<ExportFrame> {
        let key = self.audit_key(now).await?;
        // In this order: the head is never behind what was sealed before it is read.
        let (sealed, retained) = (self.sealed_last(org).await?, self.retained(org).await?);
        let head = self.head(org).await?;
        let set = self.audit_jwks().await?;
        let list = |name: &str| set[name].as_array().cloned().unwrap_or_default();
        let rotations = list("rotations").iter().filter_map(|jws| jws.as_str().map(ToOwned::to_owned)).collect();
        let anchor = self.anchor(org, retained).await?;
        let ended = Ended {
            organization_id: org,
            anchor: anchor.seq,
            seq: head.seq,
            hash: head.hash.clone(),
            sealed: sealed.seq,
            checkpoint: sealed.checkpoint,
            created_at: moment(now),
        };
        let end = End { seq: head.seq, hash: head.hash, signed: Some(statement::sign(&key, &ended)?) };
        let header = Header { format: FORMAT.to_owned(), organization_id: org, anchor, keys: list("keys"), rotations };
        Ok(ExportFrame { header, end, sealed: sealed.seq })
    }

    /// Where retention lets the log begin, if the server has signed that.
    async fn retained(&self, org: OrgId) -> Result<Option<(Retained, String)>> {
        let row = sql::one(&self.db, RETAINED, vec![org.uuid().into()]).await?;
        let signed: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose().map_err(from_db)?.flatten();
        let Some((signed, keys)) = signed.zip(self.audit_public_keys().await?) else { return Ok(None) };
        let said = keys.open_statement::<Retained>(&signed).ok().filter(|said| said.organization_id == org);
        Ok(said.map(|said| (said, signed)))
    }

    async fn anchor(&self, org: OrgId, retained: Option<(Retained, String)>) -> Result<Anchor> {
        let Some((Retained { seq, hash, .. }, signed)) = retained else {
            return Ok(Anchor { seq: 0, hash: chain::genesis(org), checkpoint: None, retained: None });
        };
        let checkpoint = of(org).filter(checkpoints::Column::LastSeq.eq(seq)).one(&self.db).await.map_err(from_db)?;
        Ok(Anchor { seq, hash, checkpoint: checkpoint.map(|row| row.signed), retained: Some(signed) })
    }

    /// The next records of an export after number `after`, each checkpoint behind the last record that it covers, and the number to go on
    /// after; none at the end. Decide anew for each step. `Conflict` (`export_outlived`) when retention has overtaken it.
    pub async fn export_after(
        &self,
        scope: OrgScope<'_, AuditLog, Read>,
        frame: &ExportFrame,
        after: i64,
        limit: u64,
    ) -> Result<(Vec<Line>, Option<i64>)> {
        self.lines_after(scope.org(), frame, after, limit).await
    }

    pub(super) async fn lines_after(
        &self,
        org: OrgId,
        frame: &ExportFrame,
        after: i64,
        limit: u64,
    ) -> Result<(Vec<Line>, Option<i64>)> {
        if self.head(org).await?.anchor > after {
            return Err(Error::conflict("export_outlived", "Old records were removed during the export. Begin it again."));
        }
        let range = vec![org.uuid().into(), after.into(), frame.end.seq.into(), limit.cast_signed().into()];
        let rows = sql::all(&self.db, AFTER, range).await?;
        let records: Vec<Record> = rows.iter().map(read).collect::<Result<_, _>>().map_err(from_db)?;
        // Checkpoints behind the last record there is: something was taken out past us, and whoever verifies must see it.
        let until = records.last().map_or(frame.sealed, |record| record.seq.min(frame.sealed));
        let ends = of(org)
            .filter(checkpoints::Column::LastSeq.gt(after))
            .filter(checkpoints::Column::LastSeq.lte(until))
            .order_by_asc(checkpoints::Column::LastSeq);
        let ends = ends.all(&self.db).await.map_err(from_db)?;
        let next = records.last().map(|record| record.seq);
        Ok((merge(records, ends), next))
    }
}

fn not_sealed_yet() -> Error {
    Error::conflict("not_sealed_yet", "No checkpoint covers this record yet. Try again in a minute.")
}

fn merge(records: Vec<Record>, ends: Vec<checkpoints::Model>) -> Vec<Line> {
    let mut lines = Vec::with_capacity(records.len() + ends.len());
    let mut ends = ends.into_iter().peekable();
    for record in records {
        while let Some(end) = ends.next_if(|end| end.last_seq < record.seq) {
            lines.push(Line::Checkpoint(end.signed));
        }
        lines.push(Line::Record(Box::new(record)));
    }
    lines.extend(ends.map(|end| Line::Checkpoint(end.signed)));
    lines
}
