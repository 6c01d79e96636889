//! Pages of the log, newest first, and how many records there are. Neither costs more the longer a log is:
//!
//! - Without a filter the numbers of the feed say both. They have no gaps, so the log's length is its last number less the anchor (where
//!   retention lets it begin), and a page is a range of numbers, however deep.
//! - With a filter the total is counted up to [`Total::EXACT`], once; later only what was numbered since, until the anchor moves.
//!   Beyond the total pages are empty, so an `OFFSET` skips no more than that.
//!
//! Records that were committed a moment ago and have no number yet are shown and counted with the one that they will get.

use domain::{
    OrgId, PLATFORM, Page, Result, Total,
    authorization::{
        policy::{OrgScope, PlatformScope, Read},
        resource::AuditLog,
    },
    events::record::TEST_PING,
};
use moka::sync::Cache;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, PaginatorTrait, QueryFilter, QueryOrder, QueryResult,
    QuerySelect, QueryTrait, Select, Value,
    sea_query::{Expr, ExprTrait as _},
};

use super::{AuditFilter, AuditRecord, record};
use crate::{
    Store,
    core::{
        entity::{events, feed},
        error::from_db,
        sql::{self, Sql, sql},
    },
};

/// Later than this many new records it is as cheap to count anew.
const NEW: i64 = 1000;
/// Filters whose totals a process remembers.
const REMEMBERED: u64 = 2000;

/// What a filter's total was at a number of the feed.
#[derive(Clone, Copy, Debug)]
struct Counted {
    total: Total,
    seq: i64,
    anchor: i64,
}

/// The totals that this process has counted.
#[derive(Clone)]
pub(crate) struct Totals(Cache<(OrgId, AuditFilter), Counted>);

impl Default for Totals {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

/// The outbox in its order. It has no index by organization, so only its beginning is looked at; what is beyond shows when it is numbered.
const UNNUMBERED: &str = "select q.org_id, q.event_id, q.pos from outbox q order by q.pos limit 1000";

const ENDS: Sql = sql!(
    "select coalesce(h.seq, 0) as seq, coalesce(h.anchor, 0) as anchor,
       (select count(*) from ({unnumbered}) q where q.org_id = $1) as coming
     from (select 1 as one) x left join heads h on h.org_id = $1",
    unnumbered = UNNUMBERED
);

/// Whoever has no number yet has the place that it will get.
const PLACES: Sql = sql!(
    "select e.*
     from (
       select f.event_id, f.seq as place from feed f where f.org_id = $1 and f.seq > $2 and f.seq <= $3
       union all
       select q.event_id,
         coalesce((select h.seq from heads h where h.org_id = $1), 0) + row_number() over (order by q.pos) as place
       from ({unnumbered}) q
       where q.org_id = $1) x
     join events e on e.org_id = $1 and e.id = x.event_id
     where x.place > $2 and x.place <= $3
     order by x.place desc",
    unnumbered = UNNUMBERED
);

/// Where the log ends, and what a filter matches of the records after number `$2` and of those without a number.
const SINCE: Sql = sql!(
    "select coalesce(h.seq, 0) as seq, coalesce(h.anchor, 0) as anchor,
       (select count(*) from (select f.event_id from feed f where f.org_id = $1 and f.seq > $2 order by f.seq limit $3) n
        join events e on e.org_id = $1 and e.id = n.event_id
        where {matching}) as since,
       (select count(*) from ({unnumbered}) q join events e on e.org_id = q.org_id and e.id = q.event_id
        where q.org_id = $1 and {matching}) as coming
     from (select 1 as one) x left join heads h on h.org_id = $1",
    unnumbered = UNNUMBERED,
    matching = MATCHING
);
const MATCHING: &str = "($4 is null or e.name = $4) and ($5 is null or e.target_type = $5) and ($6 is null or e.target_id = $6)";

fn ends(row: Option<QueryResult>, third: &str) -> Result<[i64; 4]> {
    let read = |row: &QueryResult| -> Result<[i64; 4], DbErr> {
        Ok([row.try_get("", "seq")?, row.try_get("", "anchor")?, row.try_get("", third)?, row.try_get("", "coming")?])
    };
    row.as_ref().map(read).transpose().map_err(from_db).map(Option::unwrap_or_default)
}

/// Every record that a filter matches, those that retention is about to remove too.
pub(super) fn matching(org: OrgId, filter: &AuditFilter) -> Select<events::Entity> {
    let mut query =
        events::Entity::find().filter(events::Column::OrgId.eq(org.uuid())).filter(events::Column::Name.ne(TEST_PING));
    if let Some(action) = &filter.action {
        query = query.filter(events::Column::Name.eq(action));
    }
    if let Some(kind) = &filter.target_type {
        query = query.filter(events::Column::TargetType.eq(kind));
    }
    if let Some(id) = &filter.target_id {
        query = query.filter(events::Column::TargetId.eq(id));
    }
    query
}

/// The number without the index over numbers: the one over events finds the entry, and SQLite would take the other.
fn number() -> Expr {
    Expr::col((feed::Entity, feed::Column::Seq)).add(0)
}

/// The record's entry in the feed.
fn numbered() -> Select<feed::Entity> {
    feed::Entity::find()
        .select_only()
        .column(feed::Column::Seq)
        .filter(Expr::col((feed::Entity, feed::Column::OrgId)).equals((events::Entity, events::Column::OrgId)))
        .filter(Expr::col((feed::Entity, feed::Column::EventId)).equals((events::Entity, events::Column::Id)))
}

/// Leaves out what lies before the anchor: retention has ended it, and removes it in batches.
pub(super) fn kept(query: Select<events::Entity>, anchor: i64) -> Select<events::Entity> {
    if anchor == 0 {
        return query;
    }
    query.filter(Expr::exists(numbered().filter(number().lte(anchor)).into_query()).not())
}

/// Whether an index begins with what the filter names: what matches is found in its order, without looking at what does not.
fn is_indexed(filter: &AuditFilter) -> bool {
    let AuditFilter { action, target_type, target_id } = filter;
    match (action, target_type) {
        (Some(_), None) => target_id.is_none(),
        (None, Some(_)) => true,
        (Some(_), Some(_)) | (None, None) => false,
    }
}

impl Store {
    /// Whether a page goes through many records: its total is still to be counted, it lies deep, or no index answers the filter.
    pub fn audit_page_is_long(&self, org: OrgId, filter: &AuditFilter, offset: u64) -> bool {
        *filter != AuditFilter::default()
            && (offset > Page::NEAR || !is_indexed(filter) || !self.audit_totals.0.contains_key(&(org, filter.clone())))
    }

    /// A page of the organization's log, newest first, and how many records match.
    pub async fn audit_page(
        &self,
        scope: OrgScope<'_, AuditLog, Read>,
        filter: &AuditFilter,
        p: Page,
    ) -> Result<(Vec<AuditRecord>, Total)> {
        self.log(scope.org(), filter, p.offset(), u64::from(p.limit)).await
    }

    /// The platform's own log.
    pub async fn platform_audit_page(
        &self,
        _: PlatformScope<'_>,
        filter: &AuditFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<AuditRecord>, Total)> {
        self.log(PLATFORM, filter, offset, limit).await
    }

    async fn log(&self, org: OrgId, filter: &AuditFilter, offset: u64, limit: u64) -> Result<(Vec<AuditRecord>, Total)> {
        if *filter == AuditFilter::default() {
            self.all(org, offset, limit).await
        } else {
            self.some(org, filter, offset, limit).await
        }
    }

    async fn all(&self, org: OrgId, offset: u64, limit: u64) -> Result<(Vec<AuditRecord>, Total)> {
        let [seq, anchor, _, coming] = ends(sql::one(&self.db, ENDS, vec![org.uuid().into()]).await?, "seq")?;
        let end = seq + coming;
        let total = Total::exact(u64::try_from(end - anchor).unwrap_or(0));
        let last = end.saturating_sub_unsigned(offset);
        let first = Ord::max(last.saturating_sub_unsigned(limit), anchor);
        if last <= first {
            return Ok((Vec::new(), total));
        }
        let rows = sql::all(&self.db, PLACES, vec![org.uuid().into(), first.into(), last.into()]).await?;
        Ok((sql::read_all(&rows, |row| events::Model::from_query_result(row, "").map(record))?, total))
    }

    async fn some(&self, org: OrgId, filter: &AuditFilter, offset: u64, limit: u64) -> Result<(Vec<AuditRecord>, Total)> {
        let (total, anchor) = self.audit_total(org, filter).await?;
        if offset >= total.n {
            return Ok((Vec::new(), total));
        }
        let newest = kept(matching(org, filter), anchor).order_by_desc(events::Column::Id);
        // No page goes beyond what the total counts.
        let rows = newest.offset(offset).limit(Ord::min(limit, total.n - offset)).all(&self.db).await.map_err(from_db)?;
        Ok((rows.into_iter().map(record).collect(), total))
    }

    /// How many records a filter matches, and where the log begins.
    async fn audit_total(&self, org: OrgId, filter: &AuditFilter) -> Result<(Total, i64)> {
        let key = (org, filter.clone());
        let known = self.audit_totals.0.get(&key);
        let from = known.map_or(i64::MAX, |counted| counted.seq);
        let AuditFilter { action, target_type, target_id } = filter.clone();
        let values: Vec<Value> =
            vec![org.uuid().into(), from.into(), NEW.into(), action.into(), target_type.into(), target_id.into()];
        let [seq, anchor, since, coming] = ends(sql::one(&self.db, SINCE, values).await?, "since")?;
        let still = known.filter(|counted| counted.anchor == anchor && (0..NEW).contains(&(seq - counted.seq)));
        let counted = match still {
            Some(counted) => Counted { total: counted.total.and(since.unsigned_abs()), seq, anchor },
            None => Counted { total: count(&self.db, org, filter, seq, anchor).await?, seq, anchor },
        };
        self.audit_totals.0.insert(key, counted);
        Ok((counted.total.and(coming.unsigned_abs()), anchor))
    }
}

/// Counts what has a number after `anchor` and not after `seq`: what is numbered meanwhile is counted as new later.
async fn count(db: &impl ConnectionTrait, org: OrgId, filter: &AuditFilter, seq: i64, anchor: i64) -> Result<Total> {
    let there = numbered().filter(number().gt(anchor)).filter(number().lte(seq));
    let query = matching(org, filter)
        .select_only()
        .column(events::Column::Id)
        .filter(Expr::exists(there.into_query()))
        .limit(Total::EXACT + 1);
    Ok(Total::counted(query.count(db).await.map_err(from_db)?))
}

#[cfg(test)]
mod tests;
