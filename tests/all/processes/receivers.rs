//! Receivers with every bad manner, on one worker, beside a good one: they cost their own organization's deliveries and nobody
//! else's; the worker's memory stays bounded; nothing private is reached through them.
//!
//! `TENANTRY_DRILL_EVENTS` says how many events each of them is sent.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tenantry_tests::block_on;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::{
    http::text,
    invariants::{all_arrived, feeds_are_whole, stop_in_order},
    promptly, until, variable,
    world::{EVENTS, Org, World},
};

/// What a receiver does with a request that it has read.
#[derive(Clone, Debug)]
enum Manner {
    /// Never answers.
    Hangs,
    /// One byte a second, for ever.
    Trickles,
    /// Hangs up hard.
    Resets,
    /// Sends the caller to an address inside.
    Redirects(String),
    /// An answer without an end.
    EndlessBody,
    /// Headers without an end.
    EndlessHeaders,
    /// Speaks no HTTP.
    Garbage,
    /// Was to speak TLS, and does not.
    NoTls,
    /// Accepts connections and reads nothing.
    Deaf,
}

struct Receiver {
    url: String,
    called: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Receiver {
    async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let scheme = if matches!(manner, Manner::NoTls) { "https" } else { "http" };
        let url = format!("{scheme}://{}/", listener.local_addr().expect("an address"));
        let called = Arc::new(AtomicUsize::new(0));
        let counter = called.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(behave(stream, manner.clone()));
            }
        });
        Self { url, called, serving }
    }
    fn called(&self) -> usize {
        self.called.load(Ordering::Relaxed)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Writes `part` again and again until nobody takes it.
async fn pour(stream: &mut TcpStream, part: &[u8], pause: Duration) {
    while stream.write_all(part).await.is_ok() {
        tokio::time::sleep(pause).await;
    }
}

async fn behave(mut stream: TcpStream, manner: Manner) {
    if !matches!(manner, Manner::Deaf) {
        let _ = stream.read(&mut [0; 16_384]).await;
    }
    let head = b"HTTP/1.1 200 OK\r\n".as_slice();
    match manner {
        Manner::Hangs | Manner::Deaf => std::future::pending().await,
        Manner::Trickles => pour(&mut stream, b"H", Duration::from_secs(1)).await,
        Manner::Resets => {
            let _ = stream.set_zero_linger();
        }
        Manner::Redirects(to) => {
            let answer = format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
        Manner::EndlessBody => {
            let _ = stream.write_all(&[head, b"transfer-encoding: chunked\r\n\r\n"].concat()).await;
            let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
            pour(&mut stream, chunk.as_bytes(), Duration::ZERO).await;
        }
        Manner::EndlessHeaders => {
            let _ = stream.write_all(head).await;
            let header = format!("x-more: {}\r\n", "x".repeat(0x1000));
            pour(&mut stream, header.as_bytes(), Duration::ZERO).await;
        }
        Manner::Garbage | Manner::NoTls => {
            let _ = stream.write_all(&[0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x28]).await;
        }
    }
}

/// Whatever listens inside; nobody may be sent here.
async fn inside() -> Receiver {
    Receiver::start(Manner::Hangs).await
}

/// Subscribes; the webhook's id.
async fn hook(org: &Org, name: &str, url: &str) -> String {
    let hook = json!({"name": name, "url": url, "events": EVENTS});
    text(&org.owner.api.post(&org.at("webhooks"), hook).await.ok()["id"])
}

/// Invites somebody; how long it takes until the organization's receiver knows.
async fn told_of(org: &Org, email: &str) -> Duration {
    let sent = Instant::now();
    org.invite(email).await;
    org.hears_of(email).await;
    sent.elapsed()
}

#[test]
fn bad_manners_cost_nobody_else_anything() {
    block_on(Box::pin(async {
        let world = World::postgres().await.set("webhooks.max_attempts", 2).set("worker.concurrency", 64);
        // The worst case for the worker: nobody is ever left alone.
        let world = world.set("webhooks.open_after_failures", 0);
        let (server, worker) = (world.api().await, world.worker().await);
        let (rude, good) = (Org::founded(&server.api(), "rude").await, Org::founded(&server.api(), "good").await);
        let private = inside().await;
        let manners = [
            Manner::Hangs,
            Manner::Trickles,
            Manner::Resets,
            Manner::Redirects(private.url.clone()),
            Manner::Redirects("http://169.254.169.254/latest/meta-data".to_owned()),
            Manner::EndlessBody,
            Manner::EndlessHeaders,
            Manner::Garbage,
            Manner::NoTls,
            Manner::Deaf,
        ];
        let (mut usual, events) = (Duration::ZERO, variable("TENANTRY_DRILL_EVENTS", 8));
        for n in 0..4 {
            usual = usual.max(told_of(&good, &format!("before{n}@example.com")).await);
        }
        let (before, _) = worker.memory();
        let mut receivers = Vec::new();
        for (n, manner) in manners.iter().enumerate() {
            let receiver = Receiver::start(manner.clone()).await;
            let id = hook(&rude, &format!("Rude {n}"), &receiver.url).await;
            receivers.push((manner, id, receiver));
        }
        let mut slowest = Duration::ZERO;
        for n in 0..events {
            rude.invite(&format!("guest{n}@example.com")).await;
            slowest = slowest.max(told_of(&good, &format!("friend{n}@example.com")).await);
        }
        for (manner, id, receiver) in &receivers {
            let path = rude.at(&format!("webhooks/{id}/deliveries?limit=100"));
            until(&format!("{manner:?}: all of its deliveries are settled"), async || {
                let list = rude.owner.api.get(&path).await.ok();
                // An endless answer is an answer: its 200 counts, and what follows is cut off.
                let settled = |d: &&serde_json::Value| {
                    d["delivered"] == true || (d["attempt_count"] == 2 && d["delivery_error"].is_string())
                };
                (list["deliveries"].as_array()?.iter().filter(settled).count() as u64 == events).then_some(())
            })
            .await;
            assert!(receiver.called() as u64 >= events, "{manner:?} was called {} times", receiver.called());
        }
        assert_eq!(private.called(), 0, "somebody followed a redirect to an address inside");
        let (_, peak) = worker.memory();
        assert!(peak < before + 64, "the worker grew from {before} MB to {peak} MB");
        promptly("a delivery to a well-behaved receiver", slowest, Duration::from_secs(3), usual);
        println!(
            "{} rude receivers, {events} events each: settled; a good one waited {slowest:.0?} at most; the worker had {before} MB, {peak} MB at most",
            receivers.len()
        );
        let db = world.connection().await;
        for org in [&rude, &good] {
            all_arrived(&db, &server.api(), org).await;
        }
        stop_in_order(&db, [server], [worker]).await;
        feeds_are_whole(&db).await;
    }));
}
