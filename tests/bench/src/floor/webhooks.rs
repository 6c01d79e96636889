//! The floor of webhooks: the same bodies posted with the same HTTP client, and the same rows written in the same states, in batches of
//! 64. It claims nothing that another could have, signs nothing, judges no answer, and knows no order, circuits or failures.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use domain::{Clock, IdGen, core::clock::SystemClock};
use infra::{
    config::{DnsConfig, EgressConfig},
    egress::{Egress, Method, Outgoing},
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Events of one batch.
const BATCH: i64 = 64;
/// Batches on their way at once, so that one is written while another is posted.
const BATCHES: usize = 2;
/// Posts at once: as many as the product's slots.
const POSTS: usize = 64;

/// What is posted.
struct Post {
    org: Uuid,
    event: Uuid,
    webhook: Uuid,
    url: String,
    body: String,
}

/// Delivers what comes into the outbox until it is killed.
pub(crate) fn deliver(database: &str) -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let pool = PgPoolOptions::new().max_connections(4).test_before_acquire(false).connect(database).await?;
        let network = EgressConfig { allow_networks: vec!["127.0.0.0/8".parse()?], timeout_seconds: 10, ca_file: None };
        let egress = Egress::new(&network, &DnsConfig { resolver: None }).map_err(anyhow::Error::msg)?;
        let slots = Arc::new(Semaphore::new(POSTS));
        futures::future::try_join_all((0..BATCHES).map(|_| batches(pool.clone(), egress.clone(), slots.clone()))).await?;
        Ok(())
    })
}

async fn batches(pool: PgPool, egress: Egress, slots: Arc<Semaphore>) -> Result<()> {
    loop {
        let posts = number(&pool).await?;
        if posts.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        }
        let ids = mark(&pool, &posts).await?;
        let sent = posts.iter().map(|post| send(post, egress.clone(), slots.clone()));
        futures::future::try_join_all(sent).await?;
        settle(&pool, &posts, &ids).await?;
    }
}

/// Takes a batch out of the outbox: entries of the feed, its heads.
async fn number(pool: &PgPool) -> Result<Vec<Post>> {
    let mut tx = pool.begin().await?;
    let rows: Vec<(Uuid, Uuid, Uuid, String, String)> = sqlx::query_as(
        "with o as (
  delete from outbox where pos in (select pos from outbox order by pos limit $1 for update skip locked) returning org_id, event_id)
select o.org_id as org, o.event_id as event, w.id as webhook, w.url, e.body
from o join events e on e.org_id = o.org_id and e.id = o.event_id join webhooks w on w.org_id = o.org_id",
    )
    .bind(BATCH)
    .fetch_all(&mut *tx)
    .await?;
    let post = |(org, event, webhook, url, body)| Post { org, event, webhook, url, body };
    let posts: Vec<Post> = rows.into_iter().map(post).collect();
    let (orgs, events) = keys(&posts, |post| post.event);
    sqlx::query(
        "with n as (
  insert into heads (org_id, seq, hash) select o, count(*), repeat('0', 64) from unnest($1::uuid[]) o group by o order by o
  on conflict (org_id) do update set seq = heads.seq + excluded.seq, hash = excluded.hash returning org_id, seq)
insert into feed (org_id, seq, event_id, hash, chained)
select n.org_id, n.seq + 1 - row_number() over (partition by n.org_id), v.event, repeat('0', 64), 0
from unnest($1::uuid[], $2::uuid[]) v(org, event) join n on n.org_id = v.org",
    )
    .bind(orgs)
    .bind(events)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(posts)
}

/// Makes the deliveries and takes them.
async fn mark(pool: &PgPool, posts: &[Post]) -> Result<Vec<Uuid>> {
    let (random, now) = (crypto::OsRandom::new(), SystemClock.now());
    let ids: Vec<Uuid> = posts.iter().map(|_| random.uuid(now)).collect();
    let (orgs, webhooks) = keys(posts, |post| post.webhook);
    let mut tx = pool.begin().await?;
    sqlx::query(
        "insert into deliveries
  (org_id, id, webhook_id, event_id, event_type, state, attempts, max_attempts, next_at, created_at, updated_at)
select v.org, v.id, v.webhook, v.event, 'organization.updated', 0, 0, 8, $5, $5, $5
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[]) v(org, id, webhook, event)",
    )
    .bind(&orgs)
    .bind(&ids)
    .bind(&webhooks)
    .bind(keys(posts, |post| post.event).1)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    sqlx::query(
        "update deliveries d set state = 1, attempts = 1, lease = d.id, next_at = $3, updated_at = $3
from unnest($1::uuid[], $2::uuid[]) v(org, id) where d.org_id = v.org and d.id = v.id",
    )
    .bind(&orgs)
    .bind(&ids)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    destinations(&mut tx, &orgs, &webhooks).await?;
    tx.commit().await?;
    Ok(ids)
}

async fn send(post: &Post, egress: Egress, slots: Arc<Semaphore>) -> Result<()> {
    let _slot = slots.acquire_owned().await?;
    let outgoing = Outgoing {
        method: Method::POST,
        url: post.url.parse()?,
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("webhook-id".to_owned(), post.event.to_string()),
        ],
        body: post.body.clone().into_bytes(),
        timeout: Duration::from_secs(10),
        max_response: 4096,
    };
    egress.send(outgoing).await.map(|_| ()).map_err(anyhow::Error::msg)
}

/// Writes that they arrived, and the attempts.
async fn settle(pool: &PgPool, posts: &[Post], ids: &[Uuid]) -> Result<()> {
    let ((orgs, webhooks), now) = (keys(posts, |post| post.webhook), SystemClock.now());
    let mut tx = pool.begin().await?;
    destinations(&mut tx, &orgs, &webhooks).await?;
    sqlx::query(
        "with v as (select * from unnest($1::uuid[], $2::uuid[]) v(org, id)),
a as (insert into attempts (org_id, delivery_id, number, at, duration_ms, response_status) select v.org, v.id, 1, $3, 5, 200 from v)
update deliveries d set state = 2, lease = null, response_status = 200, response_body = 'ok', updated_at = $3
from v where d.org_id = v.org and d.id = v.id",
    )
    .bind(&orgs)
    .bind(ids)
    .bind(now)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// What is known of the endpoints changes with each claim and each settling; written in one order, as several batches are at work.
async fn destinations(tx: &mut sqlx::PgTransaction<'_>, orgs: &[Uuid], webhooks: &[Uuid]) -> Result<()> {
    sqlx::query(
        "with l as (
  select org_id, webhook_id from destinations
  where (org_id, webhook_id) in (select * from unnest($1::uuid[], $2::uuid[])) order by org_id, webhook_id for update)
update destinations d set due_at = null from l where d.org_id = l.org_id and d.webhook_id = l.webhook_id",
    )
    .bind(orgs)
    .bind(webhooks)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

fn keys(posts: &[Post], of: impl Fn(&Post) -> Uuid) -> (Vec<Uuid>, Vec<Uuid>) {
    posts.iter().map(|post| (post.org, of(post))).unzip()
}
