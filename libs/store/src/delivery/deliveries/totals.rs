//! How many deliveries an endpoint has. Rows come, go and change, so they are counted: among the newest [`Total::EXACT`], and at an endpoint
//! with a long history once in some seconds.

use chrono::TimeDelta;
use domain::{OrgId, Result, Time, Total, WebhookId};
use moka::sync::Cache;

use super::{DeliveryFilter, MATCHING, NEWEST, SHOWN};
use crate::{
    Store,
    core::sql::{self, Sql, sql},
};

/// How long the total of a long history is believed.
const BELIEVED: TimeDelta = TimeDelta::seconds(5);
/// A history is long beyond so many deliveries; a shorter one is counted each time.
const LONG: u64 = 1000;
/// Totals that a process remembers.
const REMEMBERED: u64 = 2000;

/// The totals of long histories that this process has counted, and when.
#[derive(Clone)]
pub(crate) struct Totals(Cache<(OrgId, WebhookId, DeliveryFilter), (Total, Time)>);

impl Default for Totals {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

const ALL: Sql = sql!(
    "select count(*) from (
       select 1 from deliveries d where d.org_id = $1 and d.webhook_id = $2 limit $3) as t"
);
const SOME: Sql = sql!("select count(*) {matching}", matching = MATCHING, shown = SHOWN, newest = NEWEST);

impl Store {
    /// How many deliveries of an endpoint match.
    pub(super) async fn delivery_total(
        &self,
        org: OrgId,
        webhook: WebhookId,
        filter: &DeliveryFilter,
        now: Time,
    ) -> Result<Total> {
        let key = (org, webhook, filter.clone());
        if let Some((total, at)) = self.delivery_totals.0.get(&key)
            && (now - at).abs() < BELIEVED
        {
            return Ok(total);
        }
        let everything = DeliveryFilter::default();
        let (total, is_long) = if *filter == everything {
            let most = (Total::EXACT + 1).cast_signed();
            let counted = sql::count(&self.db, ALL, vec![org.uuid().into(), webhook.uuid().into(), most.into()]).await?;
            let total = Total::counted(counted.unsigned_abs());
            (total, total.n > LONG)
        } else {
            let all = Box::pin(self.delivery_total(org, webhook, &everything, now)).await?;
            let n = sql::count(&self.db, SOME, filter.values(org, webhook)).await?.unsigned_abs();
            // There may be more among those that nobody looks at.
            (Total { n, ..all }, all.n > LONG)
        };
        if is_long {
            self.delivery_totals.0.insert(key, (total, now));
        }
        Ok(total)
    }
}
