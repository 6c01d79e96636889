//! Long lists: a page of very many end users beside a floor that reads the same rows, and a page of a log of very many records beside one
//! of ten thousand. Only if named: it fills gigabytes (`--list-rows`).

use anyhow::{Context, Result};
use sqlx::AssertSqlSafe;

use super::{all_succeeded, median};
use crate::{
    http,
    load::{self, Outcome, Shared},
    report::{Line, Report},
    seed::{Caller, Dataset},
    traffic::repeat,
    world::World,
};

/// Records of the short log.
const SHORT: i64 = 10_000;
/// Pages of a log a second, for the latencies.
const RATE: f64 = 200.0;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let data = world.dataset(world.orgs).await?;
    let mut owners = data.callers.iter().filter(|caller| caller.owner).collect::<Vec<_>>();
    owners.dedup_by_key(|caller| caller.org);
    let [used, short, long] = owners.get(..3).context("three owners")?.try_into()?;
    report.progress(&format!("{} end users, and as many records", world.list_rows));
    end_users(&data, used, world.list_rows).await?;
    for (owner, rows) in [(short, SHORT), (long, world.list_rows)] {
        records(&data, owner, rows).await?;
    }
    sqlx::raw_sql("vacuum analyze").execute(&data.pool).await?;
    pages_of_end_users(world, &data, used, report).await?;
    pages_of_logs(world, &data, (short, long), report).await
}

/// A service, and accounts that use it.
async fn end_users(data: &Dataset, owner: &Caller, rows: i64) -> Result<()> {
    let org = owner.org;
    let text = format!(
        "delete from clients where org_id = '{org}';
         delete from users where realm = '{org}';
         insert into clients (org_id, id, client_id, name, redirect_uris, created_at, updated_at)
         values ('{org}', '{org}', 'bench-{org}', 'Bench', '', now(), now());
         insert into services (org_id, id, slug, service_type, github_scopes, microsoft_scopes, google_scopes, plans, api_keys, users,
           subscriptions, created_at, updated_at)
         values ('{org}', '{org}', 'bench', 'web', '', '', '', 0, 0, {rows}, 0, now(), now());
         insert into users (id, realm, email, is_platform_owner, created_at, updated_at)
         select ('00000007-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, '{org}', 'end-user' || n || '@example.com', false, now(), now()
         from generate_series(1, {rows}) n;
         insert into service_users (org_id, service_id, user_id, made_here, created_at)
         select '{org}', '{org}', id, true, now() from users where realm = '{org}';
         insert into end_users (org_id, user_id, services, created_at)
         select '{org}', id, 1, now() - random() * interval '300 days' from users where realm = '{org}';
         update org_counters set end_users = {rows}, services = 1 where org_id = '{org}'"
    );
    fill(data, text).await
}

/// A log of so many records, newest last.
async fn records(data: &Dataset, owner: &Caller, rows: i64) -> Result<()> {
    let org = owner.org;
    let text = format!(
        "delete from events where org_id = '{org}';
         insert into events (org_id, id, name, actor_kind, actor_id, target_type, target_id, success, metadata, body, created_at)
         select '{org}', ('019a0000' || lpad(to_hex(n), 24, '0'))::uuid, case n % 5 when 0 then 'organization.updated' else 'user.joined' end,
           'user', 'usr_1', 'user', 'usr_' || n % 1000, true, repeat('m', 118), repeat('b', 400), now()
         from generate_series(1, {rows}) n"
    );
    fill(data, text.replace("repeat('m', 118)", "'{\"text\":\"' || repeat('m', 100) || '\"}'")).await
}

async fn fill(data: &Dataset, text: String) -> Result<()> {
    let mut one = data.pool.acquire().await?;
    sqlx::raw_sql("set synchronous_commit = off").execute(&mut *one).await?;
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut *one).await?;
    Ok(one.close().await?)
}

fn page(owner: &Caller, rest: &str) -> Shared {
    repeat(vec![http::get(&format!("/api/organizations/{}/{rest}", owner.slug), Some(&owner.token))])
}

async fn pages_of_end_users(world: &World, data: &Dataset, owner: &Caller, report: &mut Report) -> Result<()> {
    let (api, floor) = (world.api(&data.url, &[]).await?, world.floor(&data.url).await?);
    let product = page(owner, "users?limit=50");
    let sides = [(floor.port, repeat(vec![http::get(&format!("/end-users/{}", owner.org), None)])), (api.port, product)];
    let mut rates = [vec![], vec![]];
    for round in 0..=world.rounds {
        for (side, (port, traffic)) in sides.iter().enumerate() {
            let outcome = load::throughput(*port, traffic.clone(), world.connections, world.time).await?;
            all_succeeded(&outcome, "end users")?;
            // The first round warms up.
            if round > 0 {
                rates[side].push(outcome.rate());
            }
        }
    }
    let [floors, products] = rates;
    let ratio = median(floors.iter().zip(&products).map(|(floor, product)| product / floor).collect());
    let what = format!("page of 50 of {} end users", world.list_rows);
    report.ratio(&what, (median(floors), median(products)), ratio, Some((0.5, "≥ 50 %")));
    Ok(())
}

async fn pages_of_logs(world: &World, data: &Dataset, (short, long): (&Caller, &Caller), report: &mut Report) -> Result<()> {
    let api = world.api(&data.url, &[]).await?;
    for (what, rest) in [
        ("first page of 50", "audit-log?limit=50"),
        ("page 100 of 50", "audit-log?limit=50&page=100"),
        ("first page of one action", "audit-log?limit=50&action=organization.updated"),
    ] {
        let mut steady = [Outcome::default(), Outcome::default()];
        for round in 0..=world.rounds {
            for (side, owner) in [short, long].into_iter().enumerate() {
                let outcome = load::constant(api.port, page(owner, rest), world.connections, RATE, world.time).await?;
                all_succeeded(&outcome, what)?;
                if round > 0 {
                    steady[side] = std::mem::take(&mut steady[side]).and(outcome);
                }
            }
        }
        let [few, many] = steady.map(|outcome| outcome.ms(99.0));
        report.line(Line {
            what: format!("audit log of {} beside {SHORT} records, {what}: p99", world.list_rows),
            floor: format!("{few:.2} ms"),
            product: format!("{many:.2} ms"),
            ratio: format!("{:.2} ×", many / few),
            target: "≤ 2 ×",
            reached: Some(many / few <= 2.0),
        });
    }
    Ok(())
}
