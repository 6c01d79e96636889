//! From the outbox to the receiver: how many a second when there is a heap, how soon when there is one.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use crypto::Place;
use domain::{Clock, IdGen, WebhookId, core::clock::SystemClock};
use serde_json::json;
use uuid::Uuid;

use super::median;
use crate::{
    backends,
    http::{self, Connection},
    receiver::Receiver,
    report::{Line, Report},
    seed::{Caller, Dataset, id},
    world::{FLOOR, World},
};

/// Endpoints, each of an organization of its own.
const ENDPOINTS: usize = 200;
/// Events of a heap.
const EVENTS: i64 = 5_000;
/// Events of the heap before it.
const WARM_UP: i64 = 1_500;
/// The worker, as the database knows it.
const WORKER: &str = "tenantry-worker";
/// Events one by one.
const SINGLE: usize = 100;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let data = world.dataset(world.orgs).await?;
    let receiver = Receiver::start()?;
    let owners = owners(&data);
    subscribe(&data, receiver.port, &owners.iter().map(|c| c.org).collect::<Vec<_>>()).await?;
    // What other scenarios left behind is not for these endpoints.
    sqlx::raw_sql("delete from outbox; delete from mails; delete from deliveries").execute(&data.pool).await?;
    let (api, worker) = (world.api(&data.url, &[]).await?, world.worker(&data.url, &[]).await?);

    let mut delays = Vec::new();
    let mut connection = Connection::open(api.port).await?;
    for (n, owner) in owners.iter().cycle().take(SINGLE).enumerate() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let (before, sent) = (receiver.arrivals().len(), Instant::now());
        let body = json!({"name": format!("Company {n}")});
        let request = http::json("PATCH", &format!("/api/organizations/{}", owner.slug), Some(&owner.token), &body);
        connection.send(&request).await?;
        wait(&receiver, before + 1).await?;
        let arrived = receiver.arrivals().values().max().copied();
        delays.push(arrived.map_or(f64::NAN, |at| at.saturating_duration_since(sent).as_secs_f64() * 1000.0));
    }
    let delay = median(delays);
    report.figure("webhook, idle: request sent to receipt, median", format!("{delay:.1} ms"), Some((delay < 50.0, "< 50 ms")));

    report.figure("worker: most resident memory with single events", format!("{:.0} MB", worker.memory()?.1 * 1.048_576), None);
    // Stopped before, it would leave the last one in flight, for which the floor would be waited for in vain.
    settled(&data).await?;
    drop(worker);
    heaps(world, &data, &receiver, owners.len(), report).await
}

/// A heap of events for the floor and one for the worker, in turns.
async fn heaps(world: &World, data: &Dataset, receiver: &Receiver, endpoints: usize, report: &mut Report) -> Result<()> {
    let (mut rates, mut costs, mut memory) = ([vec![], vec![]], [vec![], vec![]], 0.0_f64);
    for _ in 0..world.rounds {
        let floor = world.deliverer(&data.url)?;
        warm_up(data, receiver, endpoints).await?;
        deliver(data, receiver, endpoints, FLOOR, &mut rates[0], &mut costs[0]).await?;
        drop(floor);
        let worker = world.worker(&data.url, &[]).await?;
        warm_up(data, receiver, endpoints).await?;
        deliver(data, receiver, endpoints, WORKER, &mut rates[1], &mut costs[1]).await?;
        memory = memory.max(worker.memory()?.1);
    }
    let ratio = median(rates[0].iter().zip(&rates[1]).map(|(floor, worker)| worker / floor).collect());
    let [floor, worker] = rates.map(median);
    report.ratio("webhooks: outbox to receiver", (floor, worker), ratio, Some((0.5, "≥ 50 %")));
    let times = median(costs[0].iter().zip(&costs[1]).map(|(floor, worker)| worker / floor).collect());
    let [floor, worker] = costs.map(median);
    report.line(Line {
        what: "webhooks: the database's processor time a delivery".to_owned(),
        floor: format!("{floor:.0} µs"),
        product: format!("{worker:.0} µs"),
        ratio: format!("{:.0} %", times * 100.0),
        target: "",
        reached: None,
    });
    report.figure("worker: most resident memory with such a heap", format!("{:.0} MB", memory * 1.048_576), None);
    Ok(())
}

/// A smaller heap, unmeasured: a process that just began prepares and plans each statement several times on each connection.
async fn warm_up(data: &Dataset, receiver: &Receiver, endpoints: usize) -> Result<()> {
    let before = receiver.arrivals().len();
    heap(data, endpoints, WARM_UP).await?;
    wait(receiver, before + WARM_UP as usize).await?;
    settled(data).await
}

/// One heap, until all of it arrived: deliveries a second, and the processor time of the database that each took, in microseconds.
async fn deliver(
    data: &Dataset,
    receiver: &Receiver,
    endpoints: usize,
    program: &str,
    rates: &mut Vec<f64>,
    costs: &mut Vec<f64>,
) -> Result<()> {
    let before = receiver.arrivals().len();
    let spent = backends::processor_time(&data.pool, program).await?;
    let sent = heap(data, endpoints, EVENTS).await?;
    wait(receiver, before + EVENTS as usize).await?;
    let last = receiver.arrivals().values().max().copied().unwrap_or(sent);
    rates.push(EVENTS as f64 / (last - sent).as_secs_f64());
    // The last of them are still to be settled.
    settled(data).await?;
    let spent = backends::processor_time(&data.pool, program).await? - spent;
    costs.push(spent.as_secs_f64() * 1e6 / EVENTS as f64);
    Ok(())
}

async fn settled(data: &Dataset) -> Result<()> {
    let began = Instant::now();
    while sqlx::query("select 1 from deliveries where state < 2 limit 1").fetch_optional(&data.pool).await?.is_some() {
        ensure!(began.elapsed() < Duration::from_secs(30), "not all deliveries were settled");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

/// Owners of as many organizations as there are endpoints.
pub(super) fn owners(data: &Dataset) -> Vec<&Caller> {
    let mut owners: Vec<_> = data.callers.iter().filter(|c| c.owner).collect();
    owners.dedup_by_key(|c| c.org);
    owners.truncate(ENDPOINTS);
    owners
}

/// An endpoint at a port of this machine for each of these organizations, which has answered 2xx before, and no others.
pub(super) async fn subscribe(data: &Dataset, port: u16, orgs: &[Uuid]) -> Result<()> {
    sqlx::raw_sql("delete from webhooks").execute(&data.pool).await?;
    let now = SystemClock.now();
    for (n, org) in orgs.iter().enumerate() {
        let webhook = WebhookId::new(id(6, n as i64));
        let text = webhook.to_string();
        let place = Place { org: *org, table: "webhooks", column: "secret", row: &text };
        let secret = data.store.keyring().seal(&place, b"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")?;
        let url = format!("http://127.0.0.1:{port}/hooks/{n}");
        sqlx::query("insert into webhooks (org_id, id, name, url, events, secret, is_active, created_at, updated_at) values ($1, $2, 'bench', $3, 'organization.updated user.invited', $4, true, $5, $5)")
            .bind(org).bind(webhook.uuid()).bind(url).bind(secret.as_str()).bind(now).execute(&data.pool).await?;
        sqlx::query("insert into destinations (org_id, webhook_id, failures, verified_at) values ($1, $2, 0, $3)")
            .bind(org)
            .bind(webhook.uuid())
            .bind(now)
            .execute(&data.pool)
            .await?;
    }
    Ok(())
}

/// Many events at once, as if all organizations were busy. Answers when they were committed.
async fn heap(data: &Dataset, endpoints: usize, events: i64) -> Result<Instant> {
    let mut tx = data.pool.begin().await?;
    let ids = crypto::OsRandom::new();
    let fresh: Vec<Uuid> = (0..events).map(|_| ids.uuid(SystemClock.now())).collect();
    sqlx::query(
        "insert into events (org_id, id, name, actor_kind, target_type, target_id, success, metadata, body, created_at)
select w.org_id, e.id, 'organization.updated', 'system', 'organization', 'x', true, '{}', '{\"event\":\"organization.updated\",\"data\":\"' || repeat('x', 400) || '\"}', now()
from unnest($1::uuid[]) with ordinality e(id, n) join (select org_id, row_number() over (order by id) - 1 as n from webhooks) w on w.n = e.n % $2",
    )
    .bind(&fresh)
    .bind(endpoints as i64)
    .execute(&mut *tx)
    .await?;
    sqlx::query("insert into outbox (org_id, event_id) select org_id, id from events where id = any($1)")
        .bind(&fresh)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(Instant::now())
}

async fn wait(receiver: &Receiver, count: usize) -> Result<()> {
    let began = Instant::now();
    while receiver.arrivals().len() < count {
        if began.elapsed() > Duration::from_secs(90) {
            bail!("{} of {count} events arrived in 90 s", receiver.arrivals().len());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}
