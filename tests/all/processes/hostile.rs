//! Clients that are slow, endless or many; and a stop in the middle of a request.

mod idle;
mod readers;

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use tenantry_tests::block_on;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    NEVER,
    process::Process,
    until,
    world::{Org, PASSWORD, ROOT, World},
};

async fn connect(server: &Process) -> TcpStream {
    TcpStream::connect(server.base.trim_start_matches("http://")).await.expect("a connection")
}

/// Keeps writing `part` with pauses until the server hangs up; what it answered before. Fails if it never does.
async fn drip(mut stream: TcpStream, head: &str, part: &str) -> String {
    let (started, pause) = (Instant::now(), Duration::from_millis(400));
    stream.write_all(head.as_bytes()).await.expect("the head");
    let mut answer = Vec::new();
    loop {
        assert!(started.elapsed() < NEVER, "still connected: {answer:?}");
        match tokio::time::timeout(pause, stream.read_buf(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(_)) => {}
            Err(_) => {
                let _ = stream.write_all(part.as_bytes()).await;
            }
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn slow_senders_are_let_go_and_disturb_nobody() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let silent = drip(connect(&server).await, "GET /health/live HTTP/1.1\r\n", "");
        let headers = drip(connect(&server).await, "GET /health/live HTTP/1.1\r\nhost: x\r\n", "x-a: b\r\n");
        let (silent, headers, ()) = tokio::join!(silent, headers, async {
            server.api().login(ROOT).await;
        });
        for (what, answer) in [("silence", silent), ("headers", headers)] {
            assert!(!answer.contains(" 200 ") && !answer.contains(" 500 "), "{what}: {answer}");
        }
        server.stop().await;
    });
}

const CHUNKED: &str =
    "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";

/// Sends `part` without end until the server answers (or, with `to_the_end`, hangs up); how much was taken, and the answer. Fails when
/// neither happens in time.
async fn pour(stream: TcpStream, head: &str, part: &str, to_the_end: bool) -> (usize, String) {
    let (mut from, mut to) = stream.into_split();
    to.write_all(head.as_bytes()).await.expect("the head");
    let (mut sent, mut answer) = (0, Vec::new());
    let pouring = async {
        while to.write_all(part.as_bytes()).await.is_ok() {
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
    tokio::time::timeout(NEVER, both).await.expect("the server does something about it");
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
fn an_endless_body_ends_with_its_connection() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let token = server.api().login(ROOT).await.access;
        let chunk = format!("1000\r\n{}\r\n", "a".repeat(0x1000));
        // Read by a handler that gives up, by nobody because of a refusal, and by nobody because no body is wanted.
        let heads = [
            (CHUNKED.to_owned(), "413"),
            (CHUNKED.replace("/api/auth/login", "/api/nowhere"), "404"),
            (
                CHUNKED
                    .replace("/api/auth/login", "/api/auth/logout")
                    .replace("host", &format!("authorization: Bearer {token}\r\nhost")),
                "200",
            ),
        ];
        for (head, status) in heads {
            let started = Instant::now();
            let (sent, answer) = pour(connect(&server).await, &head, &chunk, true).await;
            println!("{status}: let go after {:.1?} and {sent} bytes", started.elapsed());
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head}: {answer}");
        }
        // A client that ends its body, even late, may go on.
        server.api().login(ROOT).await;
        server.stop().await;
    });
}

#[test]
fn a_body_that_drips_is_cut_off() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let head = "POST /api/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5000\r\n\r\n";
        let answer = drip(connect(&server).await, head, " ").await;
        assert!(!answer.contains(" 200 "), "{answer}");
        server.stop().await;
    });
}

#[test]
fn a_stop_lets_requests_and_deliveries_finish() {
    block_on(async {
        let world = World::sqlite().patient();
        let mut server = world.api().await;
        let org = Org::founded(&server.api(), "acme").await;
        org.receiver.delays(Duration::from_secs(2));
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
        until("the delivery is on its way", async || (!org.receiver.received().is_empty()).then_some(())).await;
        server.signal("TERM");
        let api = server.api();
        until("nobody is let in any more", async || {
            api.call(Method::GET, "/health/live", None, &[("connection", "close")]).await.is_err().then_some(())
        })
        .await;
        assert!(server.runs(), "a request is waiting");
        stream.write_all(tail.as_bytes()).await.expect("the other half");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an answer");
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}\n{}", server.output());
        assert!(server.ended().await.success(), "{}", server.output());

        let server = world.api().await;
        org.hears_of("late@example.com").await;
        let early = org.receiver.received().iter().filter(|r| String::from_utf8_lossy(&r.body).contains("early@")).count();
        assert_eq!(early, 1, "a delivery that was in flight was settled before the end");
        server.stop().await;
    });
}
