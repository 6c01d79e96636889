//! Log streams to a local HTTP event collector: how many records a second, how soon, and what it costs to have many.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use crypto::Place;
use domain::{Clock, IdGen, LogStreamId, core::clock::SystemClock};
use uuid::Uuid;

use super::{median, webhooks::owners};
use crate::{backends, receiver::Collector, report::Report, seed::Dataset, world::World};

/// Records of a heap.
const HEAP: i64 = 100_000;
/// Organizations that are busy at once.
const BUSY: usize = 20;
/// Their changes a second, all together, …
const RATE: i64 = 2_000;
/// … for so long.
const BUSY_FOR: Duration = Duration::from_secs(5);
/// Streams that have nothing to do.
const IDLE: i64 = 10_000;
const WORKER: &str = "tenantry-worker";

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let data = world.dataset(world.orgs).await?;
    let orgs: Vec<Uuid> = owners(&data).iter().map(|owner| owner.org).take(BUSY + 1).collect();
    heap(world, &data, orgs[0], report).await?;
    busy(world, &data, &orgs[1..], None, report).await?;
    busy(world, &data, &orgs[1..], Some(orgs[0]), report).await?;
    idle(world, &data, report).await?;
    clear(&data).await
}

async fn clear(data: &Dataset) -> Result<()> {
    sqlx::raw_sql("delete from log_streams; delete from outbox; delete from webhooks; delete from mails")
        .execute(&data.pool)
        .await?;
    Ok(())
}

/// A stream of each of these organizations to a port of this machine, which sleeps at the end of its log.
async fn streams(data: &Dataset, port: u16, orgs: &[Uuid]) -> Result<()> {
    let now = SystemClock.now();
    for (n, org) in orgs.iter().enumerate() {
        let stream = LogStreamId::new(crypto::OsRandom::new().uuid(now));
        let row = stream.to_string();
        let place = Place { org: *org, table: "log_streams", column: "api_key", row: &row };
        let key = data.store.keyring().seal(&place, b"B5A79AAD-D822-46CC-80D1-819F80D7BFB0")?;
        sqlx::query("insert into log_streams (org_id, id, name, name_key, provider, url, options, api_key, batch_size, enabled, created_at, updated_at) values ($1, $2, $3, $3, 'Splunk', $4, '{}', $5, 1000, true, $6, $6)")
            .bind(org).bind(stream.uuid()).bind(format!("bench {n} {row}")).bind(format!("http://127.0.0.1:{port}/")).bind(key.as_str()).bind(now)
            .execute(&data.pool).await?;
        sqlx::query("insert into stream_turns (org_id, stream_id, seq, is_on, failures, set_aside, lost) values ($1, $2, coalesce((select seq from heads where org_id = $1), 0), true, 0, 0, 0)")
            .bind(org).bind(stream.uuid()).execute(&data.pool).await?;
    }
    Ok(())
}

/// So many records at the end of an organization's log, as if they had been numbered.
async fn records(data: &Dataset, org: Uuid, count: i64) -> Result<()> {
    let mut tx = data.pool.begin().await?;
    let ids = crypto::OsRandom::new();
    for start in (0..count).step_by(10_000) {
        let fresh: Vec<Uuid> = (start..count.min(start + 10_000)).map(|_| ids.uuid(SystemClock.now())).collect();
        sqlx::query(
            "with made as (
  insert into events (org_id, id, name, actor_kind, actor_id, actor_email, target_type, target_id, ip_address, user_agent, request_id, success, metadata, body, created_at)
  select $1, e.id, 'organization.updated', 'user', 'usr_019ab2c3d4e57f008000000000000002', 'ann@example.com', 'organization', 'org_019ab2c3d4e57f008000000000000001',
    '203.0.113.7', 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36', '01a2285c08f5755abdd94d24470ae522', true, '{\"organization_id\":\"org_019ab2c3d4e57f008000000000000001\",\"name\":\"Company\"}', '{}', now()
  from unnest($2::uuid[]) e(id) returning id),
feeding as (
  insert into feed (org_id, seq, event_id, hash, chained)
  select $1, coalesce((select seq from heads where org_id = $1), 0) + row_number() over (), id, 'bench', 0 from made returning seq)
insert into heads (org_id, seq, hash, sealed, anchor) select $1, max(seq), 'bench', max(seq), 0 from feeding
on conflict (org_id) do update set seq = excluded.seq, sealed = excluded.seq",
        )
        .bind(org)
        .bind(&fresh)
        .execute(&mut *tx)
        .await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn heap(world: &World, data: &Dataset, org: Uuid, report: &mut Report) -> Result<()> {
    clear(data).await?;
    let collector = Collector::start(Duration::ZERO)?;
    streams(data, collector.port, &[org]).await?;
    let (mut rates, mut per_core, mut database, mut memory) = (vec![], vec![], vec![], 0.0_f64);
    for _ in 0..world.rounds {
        records(data, org, HEAP).await?;
        let worker = world.worker(&data.url, &[]).await?;
        let (before, spent) = (collector.count(), worker.processor_time()?);
        let spent_there = backends::processor_time(&data.pool, WORKER).await?;
        let began = Instant::now();
        sqlx::raw_sql("update stream_turns set due_at = now()").execute(&data.pool).await?;
        collector.wait(before + HEAP as usize).await?;
        rates.push(HEAP as f64 / began.elapsed().as_secs_f64());
        per_core.push(HEAP as f64 / (worker.processor_time()? - spent).as_secs_f64());
        let there = backends::processor_time(&data.pool, WORKER).await? - spent_there;
        database.push(there.as_secs_f64() * 1e6 / HEAP as f64);
        memory = memory.max(worker.memory()?.1);
    }
    let (rate, core) = (median(rates), median(per_core));
    report.figure("log stream: records a second to one receiver", format!("{rate:.0}/s"), Some((rate >= 10_000.0, "≥ 10,000/s")));
    report.figure(
        "log stream: records of one second of the worker's processor time",
        format!("{core:.0}"),
        Some((core >= 10_000.0, "≥ 10,000")),
    );
    report.figure("log stream: the database's processor time a record", format!("{:.0} µs", median(database)), None);
    report.figure("log stream: most resident memory of the worker", format!("{memory:.0} MiB"), Some((memory < 61.0, "< 64 MB")));
    Ok(())
}

/// Changes at a constant rate; beside them, perhaps, an organization with a heap whose receiver is slow.
async fn busy(world: &World, data: &Dataset, orgs: &[Uuid], behind: Option<Uuid>, report: &mut Report) -> Result<()> {
    clear(data).await?;
    let (collector, slow) = (Collector::start(Duration::ZERO)?, Collector::start(Duration::from_secs(1))?);
    streams(data, collector.port, orgs).await?;
    if let Some(org) = behind {
        streams(data, slow.port, &[org]).await?;
        records(data, org, HEAP).await?;
    }
    let worker = world.worker(&data.url, &[]).await?;
    sqlx::raw_sql("update stream_turns set due_at = now()").execute(&data.pool).await?;
    let (began, spent) = (Instant::now(), worker.processor_time()?);
    let mut sent = 0;
    while began.elapsed() < BUSY_FOR {
        let due = (began.elapsed().as_secs_f64() * RATE as f64) as i64;
        changes(data, orgs, due - sent).await?;
        sent = due;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    collector.wait(sent as usize).await?;
    let cost = (worker.processor_time()? - spent).as_secs_f64() / began.elapsed().as_secs_f64();
    let lag = collector.longest_lag();
    let what = if behind.is_some() { ", beside a heap for a receiver that takes a second for each batch" } else { "" };
    report.figure(
        &format!("log streams: longest lag at {RATE} changes a second{what}"),
        format!("{:.0} ms", lag.as_secs_f64() * 1000.0),
        Some((lag < Duration::from_secs(1), "< 1 s")),
    );
    report.figure(&format!("log streams: the worker's share of a core with that{what}"), format!("{:.0} %", cost * 100.0), None);
    Ok(())
}

/// So many events, committed now and not numbered, of these organizations in turn.
async fn changes(data: &Dataset, orgs: &[Uuid], count: i64) -> Result<()> {
    let (now, ids) = (SystemClock.now(), crypto::OsRandom::new());
    let fresh: Vec<Uuid> = (0..count).map(|_| ids.uuid(now)).collect();
    let mut tx = data.pool.begin().await?;
    sqlx::query(
        "insert into events (org_id, id, name, actor_kind, target_type, target_id, success, metadata, body, created_at)
select o.id, e.id, 'organization.updated', 'system', 'organization', 'x', true, '{}', '{}', $3
from unnest($1::uuid[]) with ordinality e(id, n) join unnest($2::uuid[]) with ordinality o(id, n) on o.n - 1 = e.n % $4",
    )
    .bind(&fresh)
    .bind(orgs)
    .bind(now)
    .bind(orgs.len() as i64)
    .execute(&mut *tx)
    .await?;
    sqlx::query("insert into outbox (org_id, event_id) select org_id, id from events where id = any($1)")
        .bind(&fresh)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(())
}

/// What ten thousand streams that sleep cost the worker and the database.
async fn idle(world: &World, data: &Dataset, report: &mut Report) -> Result<()> {
    clear(data).await?;
    let worker = world.worker(&data.url, &[]).await?;
    let measure = async || -> Result<f64> {
        // What began with the process is over.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let before = worker.processor_time()? + backends::processor_time(&data.pool, WORKER).await?;
        let began = Instant::now();
        tokio::time::sleep(Duration::from_secs(20)).await;
        let spent = worker.processor_time()? + backends::processor_time(&data.pool, WORKER).await? - before;
        Ok(spent.as_secs_f64() / began.elapsed().as_secs_f64() * 100.0)
    };
    let without = measure().await?;
    sqlx::query("insert into log_streams (org_id, id, name, name_key, provider, url, options, batch_size, enabled, created_at, updated_at)
select o.org_id, gen_random_uuid(), stream::text, stream::text, 'Custom', 'http://127.0.0.1:9/', '{}', 100, true, now(), now()
from generate_series(1, $1::bigint) stream
join (select org_id, row_number() over () as n, count(*) over () as logs from heads) o on o.n = stream % o.logs + 1")
        .bind(IDLE).execute(&data.pool).await?;
    let made = sqlx::query(
        "insert into stream_turns (org_id, stream_id, seq, is_on, failures, set_aside, lost)
select s.org_id, s.id, h.seq, true, 0, 0, 0 from log_streams s join heads h on h.org_id = s.org_id",
    )
    .execute(&data.pool)
    .await?
    .rows_affected();
    ensure!(made > 0, "no organization has a log");
    let with = measure().await?;
    report.figure("worker and its database sessions, idle", format!("{without:.2} % of a core"), None);
    report.figure(
        &format!("… beside {made} streams that sleep"),
        format!("{with:.2} % of a core"),
        Some((with - without < 1.0, "less than 1 % more")),
    );
    Ok(())
}
