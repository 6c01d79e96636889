//! T42 in real processes at their most talkative: every secret that is configured, typed or handed out while people work is looked for in
//! what API and worker log at level `trace` (their libraries included), in their traces, metrics and database files.

use std::{fs, path::Path};

use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Database, Receiver, block_on};

use super::{
    http::{Api, text},
    mail::Post,
    until,
    world::{Org, PASSWORD, World, plain},
};
use crate::attacks::canaries::spellings;

const MASTER: &str = "c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0ffee5ec2e7abcd";
const METRICS: &str = "canary-metrics-Tz8";
const WRONG: &str = "canary-wrong-Vb5";
const NEW: &str = "canary-new-Ku2";
const KEY: &str = "canary-idempotency-Hd6";

/// What the mail server accepts, and what that looks like on the wire.
const SMTP: &str = "the right one";
const SMTP_SENT: &str = "AHRlbmFudHJ5AHRoZSByaWdodCBvbmU=";

fn mailed(post: &Post, to: &str, page: &str) -> Option<String> {
    let mails: Vec<String> = post.messages().iter().map(|mail| plain(mail)).collect();
    let mail = mails.iter().rev().find(|mail| mail.contains(&format!("To: {to}")) && mail.contains(page))?;
    Some(mail.split(page).nth(1)?.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect())
}

async fn token(post: &Post, to: &str, page: &str) -> String {
    until(&format!("a mail to {to} with {page}"), async || mailed(post, to, page)).await
}

/// Signs up, signs in, is invited, forgets the password; answers every secret of it.
async fn work(api: &Api, post: &Post, org: &Org) -> Vec<String> {
    let bob = "bob@example.com";
    api.post("/api/auth/register", json!({"email": bob, "password": PASSWORD})).await.ok();
    let verify = token(post, bob, "/auth/verify-email?token=").await;
    api.post("/api/auth/verify-email", json!({"token": verify, "password": PASSWORD})).await.ok();
    let first = api.login(bob).await;
    let second = api.refresh(&first.refresh).await;
    assert_eq!(api.post("/api/auth/refresh", json!({"refresh_token": WRONG})).await.status, 401);
    assert_eq!(api.post("/api/auth/login", json!({"email": bob, "password": WRONG})).await.status, 401);
    let (body, key) = (json!({"email": bob, "role": "member"}), [("idempotency-key", KEY)]);
    let invited = org.owner.api.call(Method::POST, &org.at("invitations"), Some(&body), &key).await.expect("an answer").ok();
    let again = org.owner.api.call(Method::POST, &org.at("invitations"), Some(&body), &key).await.expect("an answer").ok();
    assert_eq!(invited["token"], again["token"]);
    assert_eq!(api.get(&format!("/invitations/accept/{}", text(&invited["token"]))).await.status, 200);
    second.api.post("/api/invitations/accept", json!({"token": invited["token"]})).await;
    api.post("/api/auth/forgot-password", json!({"email": bob})).await.ok();
    let reset = token(post, bob, "/auth/reset-password?token=").await;
    assert_eq!(api.get(&format!("/auth/reset-password?token={reset}")).await.status, 200);
    api.post("/api/auth/reset-password", json!({"token": reset, "new_password": NEW})).await.ok();
    org.hears_of(bob).await;
    let pairs = [&first, &second, &org.owner].into_iter().flat_map(|pair| [pair.access.clone(), pair.refresh.clone()]);
    pairs.chain([verify, reset, text(&invited["token"]), org.secret.clone()]).collect()
}

/// Everything in the data folder that is not a mail.
fn files(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter_map(|path| fs::read(path).ok()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
}

#[track_caller]
fn hides(place: &str, what: &str, secrets: &[String]) {
    for spelling in secrets.iter().flat_map(|secret| spellings(secret)) {
        let Some(at) = what.find(&spelling) else { continue };
        let from = what[..at].rfind('\n').map_or(0, |at| at + 1).max(at.saturating_sub(400));
        let around: String = what[what.floor_char_boundary(from)..].chars().take(600).collect();
        panic!("{spelling} is in {place}: …{around}…");
    }
}

fn talkative(post: &Post, collector: &Receiver, world: World) -> World {
    post.mails_of(world, SMTP)
        .set("log.filter", "trace")
        .set("telemetry.otlp_endpoint", &collector.url)
        .set("metrics.token", METRICS)
        .set("keys.master", format!("k1:{MASTER}"))
}

async fn watch(database: Database) {
    let (post, collector) = (Post::new(), Receiver::start().await);
    collector.answers_body("");
    let _smtp = post.serve("starttls").await;
    let world = talkative(&post, &collector, World::on(database).await);
    let (server, worker) = (world.api().await, world.worker().await);
    let org = Org::founded(&server.api(), "acme").await;
    let mut secrets = work(&server.api(), &post, &org).await;
    secrets.extend([PASSWORD, WRONG, NEW, KEY, METRICS, MASTER, SMTP, SMTP_SENT].map(str::to_owned));
    let metrics = server.api().with(METRICS).get("/metrics").await;
    assert!(metrics.status == 200 && metrics.text.contains("http_request_duration_seconds"));
    let (api_log, worker_log) = (server.stop().await, worker.stop().await);
    assert!(api_log.contains("TRACE") && worker_log.contains("TRACE"), "not talkative at all");
    let traces: String = collector.received().iter().map(|got| String::from_utf8_lossy(&got.body).into_owned()).collect();
    assert!(traces.contains("tenantry-api") && traces.contains("tenantry-worker"));
    hides("the API's log", &api_log, &secrets);
    hides("the worker's log", &worker_log, &secrets);
    hides("a trace", &traces, &secrets);
    hides("the metrics", &metrics.text, &secrets);
    hides("a file", &files(&world.data()), &secrets);
}

#[test]
fn t42_talkative_processes_hide_every_secret_on_sqlite() {
    block_on(Box::pin(watch(Database::Sqlite)));
}

#[test]
fn t42_talkative_processes_hide_every_secret_on_postgres_and_redis() {
    block_on(Box::pin(watch(Database::Postgres)));
}
