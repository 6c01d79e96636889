//! How many deliveries are open, at little cost: each destination's row has a number that is never too low. It grows by what is made, and
//! is counted anew only where it says that a bound was reached; settling sets it to nothing when nothing waits. So counting costs in
//! proportion to what is made, and a backlog of somebody's costs nobody's pass anything.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    OrgId, Result, WebhookId,
    delivery::webhooks::quota::{Full, Open, Quotas, Room},
};
use sea_orm::{DatabaseTransaction, DbErr, QueryResult};
use uuid::Uuid;

use super::destinations::Destination;
use crate::core::{
    error::from_db,
    sql::{self, Sql, sql},
};

/// What is open at an endpoint.
struct At {
    verified: bool,
    behind_from: Option<i64>,
    /// At most; `None` where nobody has counted yet.
    most: Option<i64>,
}

/// What is done where the organization's bound seems to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    /// The other endpoints are counted as well.
    Counted,
    /// They were a moment ago.
    Known,
}

/// What is open at all endpoints of some organizations.
pub(crate) struct OpenDeliveries {
    quotas: Quotas,
    at: BTreeMap<Destination, At>,
    /// Whose numbers are true.
    counted: BTreeSet<Destination>,
    /// Whether the other endpoints of an organization were counted.
    pub(super) counted_others: bool,
}

const READ: Sql<1> = sql!(
    "select org_id, webhook_id, verified_at is not null as verified, behind_from, open_most
     from destinations
     where org_id in (select org_id from {rows})",
    rows = 1 (org_id: Uuid)
);

// Nobody has to count further than the bound.
const COUNT: Sql<2> = sql!(
    "update destinations
     set open_most = (
       select count(*) from (
         select 1 from deliveries d
         where d.org_id = destinations.org_id and d.webhook_id = destinations.webhook_id and d.{open}
         limit $1) as o)
     where (org_id, webhook_id) in (select org_id, webhook_id from {rows})
     returning org_id, webhook_id, open_most",
    rows = 2 (org_id: Uuid, webhook_id: Uuid)
);

// What somebody else has is not waited for: its number stays as it is, which is too high at worst.
const LOCK_OTHERS: Sql = sql!(
    "select org_id, webhook_id
     from destinations
     where org_id = $1
     {for update skip locked}"
);

impl OpenDeliveries {
    /// Reads the numbers of `locked` destinations' organizations. After the lock, not with it: so it sees what the last holder wrote.
    pub(crate) async fn read(tx: &DatabaseTransaction, locked: &[Destination], quotas: Quotas) -> Result<Self> {
        let orgs: BTreeSet<OrgId> = locked.iter().map(|to| to.org).collect();
        let rows = READ.all(tx, vec![], orgs.into_iter().map(|org| [org.uuid().into()])).await?;
        Ok(Self { quotas, at: sql::read_all(&rows, read)?, counted: BTreeSet::new(), counted_others: false })
    }

    /// The number in the feed from which on a locked destination catches up, if it is behind.
    pub(crate) fn behind_from(&self, to: Destination) -> Option<i64> {
        self.at.get(&to)?.behind_from
    }

    /// How many more may be made for a locked destination; true at least where fewer than `wanted` are left.
    pub(crate) async fn room(&mut self, tx: &DatabaseTransaction, to: Destination, wanted: i64, others: Others) -> Result<Room> {
        if self.at.get(&to).is_none_or(|at| at.most.is_none()) {
            self.count(tx, &[to]).await?;
        }
        let room = self.estimate(to);
        if room.left >= wanted {
            return Ok(room);
        }
        self.count(tx, &[to]).await?;
        let room = self.estimate(to);
        if room.left >= wanted || room.bound != Full::Organization || others == Others::Known {
            return Ok(room);
        }
        let others = sql::all(tx, LOCK_OTHERS, vec![to.org.uuid().into()]).await?;
        let others: Vec<_> = sql::read_all(&others, Destination::read)?;
        self.counted_others = true;
        self.count(tx, &others).await?;
        Ok(self.estimate(to))
    }

    fn estimate(&self, to: Destination) -> Room {
        let most = |at: &At| at.most.unwrap_or(0);
        let first = Destination { org: to.org, webhook: WebhookId::new(Uuid::nil()) };
        let of_org = self.at.range(first..).take_while(|(other, _)| other.org == to.org);
        let organization = of_org.map(|(_, at)| most(at)).sum();
        let (here, verified) = self.at.get(&to).map_or((0, false), |at| (most(at), at.verified));
        self.quotas.room(Open { here, organization }, verified)
    }

    async fn count(&mut self, tx: &DatabaseTransaction, keys: &[Destination]) -> Result<()> {
        let keys: Vec<_> = keys.iter().filter(|to| !self.counted.contains(to)).collect();
        if keys.is_empty() {
            return Ok(());
        }
        for row in COUNT.all(tx, vec![self.quotas.endpoint.into()], keys.iter().map(|to| to.key())).await? {
            let to = Destination::read(&row).map_err(from_db)?;
            let most = row.try_get("", "open_most").map_err(from_db)?;
            if let Some(at) = self.at.get_mut(&to) {
                at.most = most;
            }
            self.counted.insert(to);
        }
        Ok(())
    }

    /// So many are made. Answers how many are open now at most: the destination's row has to hold it.
    pub(crate) fn make(&mut self, to: Destination, count: usize) -> i64 {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let most = self.at.get_mut(&to).map(|at| at.most.insert(at.most.unwrap_or(0) + count));
        most.copied().unwrap_or(count)
    }
}

fn read(row: &QueryResult) -> Result<(Destination, At), DbErr> {
    let at = At {
        verified: row.try_get("", "verified")?,
        behind_from: row.try_get("", "behind_from")?,
        most: row.try_get("", "open_most")?,
    };
    Ok((Destination::read(row)?, at))
}
