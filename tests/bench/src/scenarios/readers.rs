//! What 40 members of one organization with a long history cost everybody else: they read the lists that it made long, each as fast as they are
//! answered, while others read their organizations. With the limits of the default configuration, because these are part of the bound.

use anyhow::Result;
use sqlx::AssertSqlSafe;

use super::{median, webhooks};
use crate::{
    http,
    load::{self, Outcome, Shared},
    report::Report,
    seed::{Dataset, id},
    traffic::repeat,
    world::World,
};

/// Members of the long organization who read, each over a connection.
const READERS: usize = 40;
/// Its events, and the deliveries of its endpoint.
const EVENTS: i64 = 150_000;
/// Its slug; its number is 0.
const LONG: &str = "org-0";
/// Organization reads a second by everybody else.
const OTHERS: f64 = 100.0;

/// What they read, by the kind of page. `{n}` is another number for each request.
const PAGES: [(&str, &[&str]); 4] = [
    (
        "newest pages",
        &["audit-log?limit=100", "{hook}/deliveries?limit=100", "members?limit=50", "events?after=100000&limit=100"],
    ),
    (
        "deep pages",
        &[
            "audit-log?limit=100&page=1400",
            "audit-log?limit=100&page=100&action=organization.updated",
            "{hook}/deliveries?limit=100&page=100",
        ],
    ),
    (
        "filters that match much, or little",
        &[
            "audit-log?limit=100&action=organization.updated",
            "audit-log?limit=100&target_type=user",
            "{hook}/deliveries?limit=100&delivered=false",
            "{hook}/deliveries?limit=100&event_type=user.left",
        ],
    ),
    (
        "filters that are new each time",
        &[
            "audit-log?limit=100&target_id=usr_{n}",
            "audit-log?limit=100&action=organization.updated&target_id=usr_{n}",
            "audit-log?limit=100&action=organization.updated&target_id={n}",
            "audit-log?limit=100&target_id={n}",
            "{hook}/deliveries?limit=100&event_type=user.{n}",
        ],
    ),
];

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let data = world.dataset(world.orgs).await?;
    lengthen(&data).await?;
    let api = world.api(&data.url, &[("rate_limits.enabled", "true")]).await?;
    let others = others(&data);
    let mut alone = Outcome::default();
    let mut beside: Vec<_> = PAGES.iter().map(|_| (Outcome::default(), Outcome::default(), Vec::new())).collect();
    for _ in 0..world.rounds {
        for ((_, pages), (others_beside, read, ratios)) in PAGES.iter().zip(&mut beside) {
            let quiet = load::constant(api.port, others.clone(), 16, OTHERS, world.time).await?;
            let (by_readers, during) = tokio::try_join!(
                load::patient(api.port, readers(&data, pages), READERS, world.time),
                load::constant(api.port, others.clone(), 16, OTHERS, world.time)
            )?;
            ratios.push(during.ms(99.0) / quiet.ms(99.0));
            alone = alone.and(quiet);
            *others_beside = std::mem::take(others_beside).and(during);
            *read = std::mem::take(read).and(by_readers);
        }
    }
    report.latency("organization read, alone", OTHERS, &alone);
    for ((what, _), (others_beside, read, ratios)) in PAGES.iter().zip(beside) {
        report.latency(&format!("organization read, beside {READERS} who read {what}"), OTHERS, &others_beside);
        report.latency(&format!("{what}, by {READERS}"), read.rate(), &read);
        let times = median(ratios);
        let refused = others_beside.refused();
        let goal = (times <= 2.0 && refused == 0, "≤ 2 × alone, 0");
        let figure = format!("{times:.1} × alone, {refused} refused");
        report.figure(&format!("p99 of the organization read beside {READERS} who read {what}"), figure, Some(goal));
        report.figure(&format!("{what}: answers by status"), format!("{:?}", read.statuses), None);
    }
    Ok(())
}

/// Everybody who has nothing to do with the long organization.
fn others(data: &Dataset) -> Shared {
    let others = data.callers.iter().filter(|c| c.slug != LONG);
    repeat(others.map(|c| http::get(&format!("/api/organizations/{}", c.slug), Some(&c.token))).collect())
}

/// Each page by each reader in turns.
fn readers(data: &Dataset, pages: &[&str]) -> Shared {
    let tokens: Vec<_> = data.callers.iter().filter(|c| c.slug == LONG).take(READERS).map(|c| &c.token).collect();
    let hook = format!("webhooks/{}", domain::WebhookId::new(id(6, 0)));
    let requests = (0..pages.len() * tokens.len() * 50).map(|n| {
        let page = pages[n / tokens.len() % pages.len()].replace("{hook}", &hook).replace("{n}", &format!("{n:032x}"));
        http::get(&format!("/api/organizations/{LONG}/{page}"), Some(tokens[n % tokens.len()]))
    });
    repeat(requests.collect())
}

/// Gives one organization a long log, an endpoint with a long history, and members who may read both.
async fn lengthen(data: &Dataset) -> Result<()> {
    webhooks::subscribe(data, 1, &[id(2, 0)]).await?;
    let (org, hook) = (id(2, 0), id(6, 0));
    let name = |n| format!("case when {n} % 1000 = 0 then 'user.removed' else 'organization.updated' end");
    let text = format!(
        "delete from outbox; delete from deliveries; delete from feed where org_id = '{org}'; delete from events where org_id = '{org}';
         update memberships set role = 'admin' where org_id = '{org}' and role = 'member';
         insert into events (org_id, id, name, actor_kind, target_type, target_id, success, metadata, body, created_at)
           select '{org}', lpad(to_hex(n), 32, '0')::uuid, {name}, 'system',
             case when n % 1000 = 0 then 'user' else 'organization' end, 'org_0', true, '{{}}', repeat('x', 400), now()
           from generate_series(1, {EVENTS}) n;
         insert into feed (org_id, seq, event_id, hash) select '{org}', n, lpad(to_hex(n), 32, '0')::uuid, '' from generate_series(1, {EVENTS}) n;
         insert into heads (org_id, seq, hash) values ('{org}', {EVENTS}, '') on conflict (org_id) do update set seq = excluded.seq;
         insert into deliveries (org_id, id, webhook_id, event_id, event_type, state, attempts, max_attempts, next_at, created_at, updated_at)
           select '{org}', lpad(to_hex(n), 32, '0')::uuid, '{hook}', lpad(to_hex(n), 32, '0')::uuid, {name}, 2, 1, 8, now(), now(), now()
           from generate_series(1, {EVENTS}) n;",
        name = name("n")
    );
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&data.pool).await?;
    sqlx::raw_sql("vacuum analyze events, feed, deliveries, memberships, heads").execute(&data.pool).await?;
    Ok(())
}
