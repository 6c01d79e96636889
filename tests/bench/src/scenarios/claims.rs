//! Claiming and settling without the worker and the receiver: what a delivery costs the database, in processor time of the one backend
//! that serves it. 1,000 endpoints with 100 waiting rows each.

use anyhow::{Context, Result};
use chrono::TimeDelta;
use domain::{
    Clock, IdGen, Time, authorization::policy::SystemScope, core::clock::SystemClock, delivery::webhooks::circuit::Breaker,
};
use sqlx::AssertSqlSafe;
use store::delivery::deliveries::{DeliveryClaim, Outcome, Verdict};

use super::{median, webhooks};
use crate::{backends, report::Report, seed::Dataset, world::World};

#[expect(clippy::disallowed_methods, reason = "the bench plays the worker")]
const SCOPE: SystemScope = SystemScope::job("bench");
const BREAKER: Breaker = Breaker { after_failures: 5, first: TimeDelta::seconds(30) };
/// Rows of one claim at most, as the worker's default.
const MOST: u64 = 64;
/// Claims of one measurement.
const CLAIMS: u64 = 300;
/// As the database knows this program's store.
const BENCH: &str = "bench";

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let data = world.dataset(world.orgs).await?;
    let mut orgs: Vec<_> = data.callers.iter().map(|c| c.org).collect();
    orgs.sort_unstable();
    orgs.dedup();
    sqlx::raw_sql("delete from outbox; delete from deliveries").execute(&data.pool).await?;
    webhooks::subscribe(&data, 1, &orgs).await?;
    let (mut full, mut varying) = (Vec::new(), Vec::new());
    for _ in 0..world.rounds {
        full.push(measure(&data, |_| MOST).await?);
        // Each number from 1 to 64, in an order that is not theirs.
        varying.push(measure(&data, |n| n * 29 % MOST + 1).await?);
    }
    for (what, costs) in [("64 at a time", full), ("1 to 64, varying", varying)] {
        let cost = median(costs);
        let goal = (cost <= 300.0, "≤ 300 µs");
        report.figure(&format!("claim and settle a delivery, {what}: the database"), format!("{cost:.0} µs"), Some(goal));
    }
    sqlx::raw_sql("delete from deliveries; delete from webhooks").execute(&data.pool).await?;
    Ok(())
}

async fn measure(data: &Dataset, most: impl Fn(u64) -> u64) -> Result<f64> {
    refill(data).await?;
    // Once, so that the statements are known to the backend.
    for n in 0..10 {
        round(data, most(n)).await?;
    }
    let before = backends::processor_time(&data.pool, BENCH).await?;
    let mut rows = 0;
    for n in 0..CLAIMS {
        rows += round(data, most(n)).await?;
    }
    let spent = backends::processor_time(&data.pool, BENCH).await? - before;
    Ok(spent.as_secs_f64() * 1e6 / rows as f64)
}

/// A claim, and all of it settled as arrived. Answers how many.
async fn round(data: &Dataset, max_rows: u64) -> Result<usize> {
    let now = SystemClock.now();
    let claim = DeliveryClaim {
        now,
        lease: crypto::OsRandom::new().uuid(now),
        lease_until: now + TimeDelta::minutes(1),
        destinations: MOST,
        per_destination: 4,
        max_rows,
        max_slow: MOST,
    };
    let claimed = data.store.claim_deliveries(SCOPE, claim).await?;
    let arrived = |at: Time| {
        let verdict = || Verdict::Delivered { status: 200, body: "ok".to_owned() };
        claimed.iter().map(move |row| Outcome { ticket: row.ticket, at, duration_ms: 5, not_before: None, verdict: verdict() })
    };
    let outcomes: Vec<_> = arrived(now).collect();
    data.store.settle_deliveries(SCOPE, SystemClock.now(), BREAKER, &outcomes).await?;
    Ok(outcomes.len())
}

/// A hundred waiting rows for each endpoint, of one event of its organization, and nothing else.
async fn refill(data: &Dataset) -> Result<()> {
    let text = "delete from deliveries;
insert into events (org_id, id, name, actor_kind, target_type, target_id, success, metadata, body, created_at)
  select org_id, gen_random_uuid(), 'bench.claims', 'system', 'organization', 'x', true, '{}', repeat('x', 400), now() from webhooks w
  where not exists (select 1 from events e where e.org_id = w.org_id and e.name = 'bench.claims');
insert into deliveries (org_id, id, webhook_id, event_id, event_type, state, attempts, max_attempts, next_at, created_at, updated_at)
  select w.org_id, gen_random_uuid(), w.id, e.id, e.name, 0, 0, 8, now(), now(), now()
  from webhooks w join events e on e.org_id = w.org_id and e.name = 'bench.claims' cross join generate_series(1, 100);
update destinations set due_at = now();";
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&data.pool).await.context("refilling")?;
    sqlx::raw_sql("vacuum analyze deliveries, attempts, destinations").execute(&data.pool).await?;
    Ok(())
}
