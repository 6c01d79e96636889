//! From the outbox to the receiver: how many a second when there is a heap, how soon when there is one.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use crypto::Place;
use domain::{Clock, IdGen, WebhookId, core::clock::SystemClock};
use serde_json::json;
use uuid::Uuid;

use super::median;
use crate::{
    http::{self, Connection},
    receiver::Receiver,
    report::Report,
    seed::{Dataset, id},
    world::World,
};

/// Endpoints, each of an organization of its own.
const ENDPOINTS: usize = 200;
/// Events of the heap.
const EVENTS: i64 = 15_000;
/// Events one by one.
const SINGLE: usize = 100;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let data = world.dataset(world.orgs).await?;
    let receiver = Receiver::start()?;
    let mut owners: Vec<_> = data.callers.iter().filter(|c| c.owner).collect();
    owners.dedup_by_key(|c| c.org);
    owners.truncate(ENDPOINTS);
    subscribe(&data, &receiver, &owners.iter().map(|c| c.org).collect::<Vec<_>>()).await?;
    // What other scenarios left behind is not for these endpoints.
    sqlx::raw_sql("delete from outbox; delete from mails").execute(&data.pool).await?;
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

    let before = receiver.arrivals().len();
    let sent = heap(&data, owners.len()).await?;
    wait(&receiver, before + EVENTS as usize).await?;
    let last = receiver.arrivals().values().max().copied().unwrap_or(sent);
    let rate = EVENTS as f64 / (last - sent).as_secs_f64();
    report.figure("webhooks: outbox to receiver", format!("{rate:.0}/s"), Some((rate >= 1500.0, "≥ 1,500/s")));
    report.figure("worker: most resident memory with that heap", format!("{:.0} MB", worker.memory()?.1 * 1.048_576), None);
    Ok(())
}

async fn subscribe(data: &Dataset, receiver: &Receiver, orgs: &[Uuid]) -> Result<()> {
    sqlx::raw_sql("delete from webhooks").execute(&data.pool).await?;
    let now = SystemClock.now();
    for (n, org) in orgs.iter().enumerate() {
        let webhook = WebhookId::new(id(6, n as i64));
        let text = webhook.to_string();
        let place = Place { org: *org, table: "webhooks", column: "secret", row: &text };
        let secret = data.store.keyring().seal(&place, b"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")?;
        let url = format!("http://127.0.0.1:{}/hooks/{n}", receiver.port);
        sqlx::query("insert into webhooks (org_id, id, name, url, events, secret, is_active, created_at, updated_at) values ($1, $2, 'bench', $3, 'organization.updated user.invited', $4, true, $5, $5)")
            .bind(org).bind(webhook.uuid()).bind(url).bind(secret.as_str()).bind(now).execute(&data.pool).await?;
        sqlx::query("insert into destinations (org_id, webhook_id, failures) values ($1, $2, 0)")
            .bind(org)
            .bind(webhook.uuid())
            .execute(&data.pool)
            .await?;
    }
    Ok(())
}

/// Many events at once, as if all organizations were busy. Answers when they were committed.
async fn heap(data: &Dataset, endpoints: usize) -> Result<Instant> {
    let mut tx = data.pool.begin().await?;
    let ids = crypto::OsRandom::new();
    let fresh: Vec<Uuid> = (0..EVENTS).map(|_| ids.uuid(SystemClock.now())).collect();
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
