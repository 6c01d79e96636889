//! Clients that are slow, endless or many; and a stop in the middle of a request.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tenantry_tests::block_on;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    process::Process,
    until,
    world::{Org, PASSWORD, ROOT, World},
};

async fn connect(server: &Process) -> TcpStream {
    TcpStream::connect(server.base.trim_start_matches("http://")).await.expect("a connection")
}

/// Keeps writing `part` with pauses until the server hangs up or answers; how long that took, and the answer.
async fn drip(mut stream: TcpStream, head: &str, part: &str, pause: Duration, at_most: Duration) -> (Duration, String) {
    let started = Instant::now();
    stream.write_all(head.as_bytes()).await.expect("the head");
    let mut answer = Vec::new();
    while started.elapsed() < at_most {
        match tokio::time::timeout(pause, stream.read_buf(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(_)) => {}
            Err(_) => {
                let _ = stream.write_all(part.as_bytes()).await;
            }
        }
    }
    (started.elapsed(), String::from_utf8_lossy(&answer).into_owned())
}

const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn slow_senders_are_let_go_and_disturb_nobody() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let pause = Duration::from_millis(400);
        let silent = drip(connect(&server).await, "GET /health/live HTTP/1.1\r\n", "", pause, PATIENCE);
        let headers = drip(connect(&server).await, "GET /health/live HTTP/1.1\r\nhost: x\r\n", "x-a: b\r\n", pause, PATIENCE);
        let (silent, headers, ()) = tokio::join!(silent, headers, async {
            server.api().login(ROOT).await;
        });
        for (what, (took, answer)) in [("silence", silent), ("headers", headers)] {
            assert!(took < PATIENCE, "{what}: still connected after {took:?}: {answer:?}");
            assert!(!answer.contains(" 200 ") && !answer.contains(" 500 "), "{what}: {answer}");
        }
        server.stop().await;
    });
}

const CHUNKED: &str =
    "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

/// Sends `part` without end until the server answers (or, with `to_the_end`, hangs up); how much was taken, and the answer.
async fn pour(stream: TcpStream, head: &str, part: &str, to_the_end: bool) -> (usize, String) {
    let (mut from, mut to) = stream.into_split();
    to.write_all(head.as_bytes()).await.expect("the head");
    let (mut sent, mut answer) = (0, Vec::new());
    let pouring = async {
        while sent < 64 << 20 && to.write_all(part.as_bytes()).await.is_ok() {
            sent += part.len();
        }
        if !to_the_end {
            std::future::pending::<()>().await;
        }
    };
    let reading =
        async { while from.read_buf(&mut answer).await.is_ok_and(|read| read > 0) && (to_the_end || !answer.ends_with(b"}")) {} };
    let both = async {
        tokio::select! { () = pouring => {}, () = reading => {} }
    };
    tokio::time::timeout(PATIENCE, both).await.expect("the server does something about it");
    (sent, String::from_utf8_lossy(&answer).into_owned())
}

#[test]
fn an_endless_body_and_endless_headers_are_refused() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let chunk = format!("1000\r\n{}\r\n", "a".repeat(0x1000));
        let (_, answer) = pour(connect(&server).await, CHUNKED, &chunk, false).await;
        assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("\"error_code\""), "{answer}");
        let header = format!("x-a: {}\r\n", "a".repeat(0x1000));
        let (sent, answer) = pour(connect(&server).await, "GET /health/live HTTP/1.1\r\nhost: x\r\n", &header, true).await;
        assert!(sent < 16 << 20 && !answer.contains(" 200 ") && !answer.contains(" 500 "), "after {sent} bytes: {answer}");
        let declared = server.api().post("/api/auth/login", json!({"email": "x".repeat(300_000), "password": PASSWORD})).await;
        assert_eq!(declared.status, 413, "{declared:?}");
        assert!(declared.json()["error_code"].is_string(), "{declared:?}");
        server.stop().await;
    });
}

#[test]
#[ignore = "known: behind the 413, actix-http reads a chunked body to its end before it closes the connection"]
fn an_endless_body_ends_with_its_connection() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let chunk = format!("1000\r\n{}\r\n", "a".repeat(0x1000));
        let (sent, answer) = pour(connect(&server).await, CHUNKED, &chunk, true).await;
        assert!(sent < 16 << 20, "{sent} bytes were taken: {answer}");
        server.stop().await;
    });
}

#[test]
fn a_body_that_drips_is_cut_off() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let head = "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n";
        let (took, answer) = drip(connect(&server).await, head, " ", Duration::from_millis(400), 2 * PATIENCE).await;
        assert!(took < 2 * PATIENCE && !answer.contains(" 200 "), "still connected after {took:?}: {answer:?}");
        server.stop().await;
    });
}

#[test]
fn five_hundred_idle_connections_stop_nobody() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let mut idle = Vec::new();
        for _ in 0..500 {
            let mut stream = connect(&server).await;
            stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("a request");
            let mut start = [0; 12];
            stream.read_exact(&mut start).await.expect("an answer");
            assert_eq!(&start, b"HTTP/1.1 200");
            idle.push(stream);
        }
        let started = Instant::now();
        let ann = server.api().login(ROOT).await;
        for _ in 0..20 {
            ann.api.get("/api/user").await.ok();
        }
        assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
        // They do not hold up the stop either.
        let started = Instant::now();
        server.stop().await;
        assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
        drop(idle);
    });
}

#[test]
fn a_stop_lets_requests_and_deliveries_finish() {
    block_on(async {
        let world = World::sqlite();
        let mut server = world.api().await;
        let org = Org::founded(&server.api(), "acme").await;
        org.receiver.delays(Duration::from_millis(700));
        let invitation = json!({"email": "late@example.com", "role": "member"}).to_string();
        let (head, tail) = invitation.split_at(10);
        let mut stream = connect(&server).await;
        let request = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{head}",
            org.at("invitations"),
            org.owner.access,
            invitation.len()
        );
        stream.write_all(request.as_bytes()).await.expect("half a request");
        // Answered by the same thread pool after ours was read.
        org.invite("early@example.com").await;
        until("the delivery is on its way", 10, async || (!org.receiver.received().is_empty()).then_some(())).await;
        server.signal("TERM");
        let api = server.api();
        until("nobody is let in any more", 10, async || {
            api.call(Method::GET, "/health/live", None, &[("connection", "close")]).await.is_err().then_some(())
        })
        .await;
        assert!(server.runs(), "a request is waiting");
        stream.write_all(tail.as_bytes()).await.expect("the other half");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}\n{}", server.output());
        assert!(server.ended(30).await.success(), "{}", server.output());

        let server = world.api().await;
        org.hears_of("late@example.com").await;
        let early = org.receiver.received().iter().filter(|r| String::from_utf8_lossy(&r.body).contains("early@")).count();
        assert_eq!(early, 1, "a delivery that was in flight was settled before the end");
        server.stop().await;
    });
}
