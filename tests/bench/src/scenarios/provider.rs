//! The OpenID provider: tokens beside the bare signatures that they cost, what a token is worth beside the reading of one row, and the first page.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use crypto::{Alg, opaque};
use serde_json::Value;
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{all_succeeded, median};
use crate::{
    hashes,
    http::{self, Connection},
    load::{self, Shared},
    report::Report,
    seed::{self, Dataset},
    traffic,
    world::World,
};

const SECRET: &str = "cs_YmVuY2hiZW5jaGJlbmNoYmVuY2hiZW5jaGJlbmNoYmU";
const API: &str = "https://ledger.example.com";
const REDIRECT_URI: &str = "https://app.example.com/callback";
/// A verifier's challenge (RFC 7636): 43 signs.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
/// Pages a second for the latency.
const PAGES: f64 = 200.0;

pub(super) async fn run(world: &World, report: &mut Report) -> Result<()> {
    let data = world.dataset(world.orgs).await?;
    seed(&data).await?;
    let (api, floor) = (world.api(&data.url, &[]).await?, world.floor(&data.url).await?);

    let token = token(&[("grant_type", "client_credentials"), ("audience", API)]);
    let made = traffic::repeat(vec![token.clone()]);
    let made = beside_signatures(("client_credentials", api.port), &made, &token, world, report).await?;
    let renewals = renewals(&data);
    let first = renewals.first().context("nobody has a refresh token")?.clone();
    beside_signatures(("refresh, token kept", api.port), &traffic::repeat(renewals), &first, world, report).await?;

    let access = made["access_token"].as_str().context("no access token")?;
    let look = traffic::repeat(vec![form("/oauth/introspect", &[("token", access)])]);
    let (mut read, mut looked) = (Vec::new(), Vec::new());
    for _ in 0..world.rounds {
        for (port, traffic, rates) in [(floor.port, data.floor_reads(), &mut read), (api.port, look.clone(), &mut looked)] {
            let outcome = load::throughput(port, traffic, world.connections, world.time).await?;
            all_succeeded(&outcome, "introspection")?;
            rates.push(outcome.rate());
        }
    }
    let ratio = median(read.iter().zip(&looked).map(|(floor, product)| product / floor).collect());
    report.ratio("introspection, beside one row", (median(read), median(looked)), ratio, Some((0.5, "≥ 50 %")));
    page(api.port, world, report).await
}

/// Answers beside the signatures in one: as many threads sign as the machine has.
async fn beside_signatures(
    (what, port): (&str, u16),
    traffic: &Shared,
    one: &[u8],
    world: &World,
    report: &mut Report,
) -> Result<Value> {
    let mut connection = Connection::open(port).await?;
    let answer = connection.send(one).await?;
    ensure!(answer.status == 200, "{what}: {} {}", answer.status, String::from_utf8_lossy(answer.body));
    let answer: Value = serde_json::from_slice(answer.body)?;
    let signed = algorithms(&answer)?;
    let (mut bare, mut served) = (Vec::new(), Vec::new());
    for _ in 0..world.rounds {
        let mut seconds = 0.0;
        for (alg, times) in &signed {
            seconds += f64::from(*times) / hashes::all_cores(*alg, world.time / 2)?;
        }
        bare.push(1.0 / seconds);
        let outcome = load::throughput(port, traffic.clone(), world.connections, world.time).await?;
        all_succeeded(&outcome, what)?;
        served.push(outcome.rate());
    }
    let names: Vec<String> = signed.iter().map(|(alg, times)| format!("{times} × {alg:?}")).collect();
    let ratio = median(bare.iter().zip(&served).map(|(bare, served)| served / bare).collect());
    let line = format!("{what}, beside bare {}", names.join(", "));
    report.ratio(&line, (median(bare), median(served)), ratio, Some((0.7, "≥ 70 %")));
    Ok(answer)
}

/// What the tokens of an answer were signed with, and how often.
fn algorithms(answer: &Value) -> Result<HashMap<Alg, u32>> {
    let mut all = HashMap::new();
    for token in ["access_token", "id_token"].iter().filter_map(|name| answer[*name].as_str()) {
        let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap_or_default())?)?;
        let name = header["alg"].as_str().context("a token without an algorithm")?;
        *all.entry(name.parse::<Alg>().map_err(|e| anyhow::anyhow!("{e}"))?).or_default() += 1;
    }
    Ok(all)
}

/// The page that asks who somebody is: what it takes, and how large it is with everything that it loads.
async fn page(port: u16, world: &World, report: &mut Report) -> Result<()> {
    let mut connection = Connection::open(port).await?;
    let asked = [("client_id", "bench"), ("redirect_uri", REDIRECT_URI), ("response_type", "code"), ("scope", "openid")];
    let more = [("state", "s"), ("code_challenge", CHALLENGE), ("code_challenge_method", "S256")];
    let query = http::pairs(&[asked.as_slice(), &more].concat());
    let answer = connection.send(&http::get(&format!("/authorize?{query}"), None)).await?;
    let location = answer.header("location").context("nobody was led to a page")?;
    let cookie = answer.header("set-cookie").and_then(|set| set.split(';').next().map(str::to_owned)).context("no cookie")?;
    let shown = http::with_cookie(&location, &cookie);
    let answer = connection.send(&shown).await?;
    ensure!(answer.status == 200, "the page answered {}", answer.status);
    let html = String::from_utf8_lossy(answer.body).into_owned();
    let mut bytes = html.len();
    for part in html.split('"').filter(|part| part.starts_with("/signin/assets/")) {
        bytes += connection.send(&http::get(part, None)).await?.body.len();
    }
    let size = format!("{:.1} KB", bytes as f64 / 1000.0);
    report.figure("hosted page with all that it loads, not compressed", size, Some((bytes <= 30_000, "≤ 30 KB")));
    let outcome = load::constant(port, traffic::repeat(vec![shown]), world.connections, PAGES, world.time).await?;
    all_succeeded(&outcome, "page")?;
    report.latency("hosted page", PAGES, &outcome);
    let median = outcome.ms(50.0);
    report.figure("hosted page: median", format!("{median:.2} ms"), Some((median <= 5.0, "≤ 5 ms")));
    Ok(())
}

fn form(path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    http::form(path, &[&[("client_id", "bench"), ("client_secret", SECRET)], fields].concat())
}

fn token(fields: &[(&str, &str)]) -> Vec<u8> {
    form("/oauth/token", fields)
}

/// The client's refresh token in a session of each caller.
fn refresh_token(n: i64) -> String {
    let mut bytes = [7; 32];
    bytes[24..].copy_from_slice(&n.to_be_bytes());
    format!("rt_{}", URL_SAFE_NO_PAD.encode(bytes))
}

fn renewals(data: &Dataset) -> Vec<Vec<u8>> {
    let ask = |n: i64| token(&[("grant_type", "refresh_token"), ("refresh_token", &refresh_token(n))]);
    data.callers.iter().map(|caller| ask(caller.number)).collect()
}

async fn seed(data: &Dataset) -> Result<()> {
    let client = seed::id(6, 0);
    let quoted = |id: Uuid| format!("'{id}'::uuid");
    let text = include_str!("provider.sql")
        .replace("$platform", &quoted(Uuid::nil()))
        .replace("$client", &quoted(client))
        .replace("$secret_hash", &opaque::hash(SECRET))
        .replace("$api", API);
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&data.pool).await?;
    let of = |kind: u128| data.callers.iter().map(move |caller| seed::id(kind, caller.number)).collect::<Vec<_>>();
    let hashes: Vec<String> = data.callers.iter().map(|caller| opaque::hash(&refresh_token(caller.number))).collect();
    let organizations: Vec<Uuid> = data.callers.iter().map(|caller| caller.org).collect();
    let grants = "insert into grants (id, session_id, user_id, org_id, client_org_id, client_id, scope, refresh_hash, refresh_expires_at, created_at)
select x.id, x.session, x.person, x.org, $6, $7, 'openid offline_access', x.hash, now() + interval '30 days', now()
from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[]) x(id, session, person, org, hash) on conflict do nothing";
    let insert = sqlx::query(grants).bind(of(7)).bind(of(4)).bind(of(1)).bind(organizations).bind(hashes);
    insert.bind(Uuid::nil()).bind(client).execute(&data.pool).await?;
    // As the server does by itself, a minute later.
    sqlx::query("analyze").execute(&data.pool).await?;
    Ok(())
}
