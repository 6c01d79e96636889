//! Clients that hold connections and say nothing.

use std::time::{Duration, Instant};

use tenantry_tests::block_on;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::super::{
    process::Process,
    promptly, variable,
    world::{ROOT, World},
};

/// `TENANTRY_DRILL_CONNECTIONS` says how many; as many as this user's processes may have open, at most.
#[test]
fn idle_connections_stop_nobody() {
    block_on(async {
        // So long that a stop which waits for them shows.
        let world = World::sqlite().set("server.shutdown_seconds", 100);
        let server = world.api().await;
        let usual = twenty_reads(&server).await;
        let (before, _) = server.memory();
        let wanted = variable("TENANTRY_DRILL_CONNECTIONS", 500);
        let most = open_files().saturating_sub(300).min(wanted);
        let (mut idle, address) = (Vec::new(), server.base.trim_start_matches("http://"));
        while (idle.len() as u64) < most {
            let many = (0..100).map(|n| keep_alive(address, n % 2 == 0));
            idle.extend(futures::future::join_all(many).await);
        }
        let took = twenty_reads(&server).await;
        promptly("a sign-in and 20 reads", took, Duration::from_secs(5), usual);
        let (now, _) = server.memory();
        println!(
            "{} idle connections (asked for {wanted}): a sign-in and 20 reads in {took:.0?}; the server had {before} MB, now {now} MB",
            idle.len()
        );
        assert!(now < before + 20 + most / 25, "{now} MB: more than 40 KB for each connection");
        // They do not hold up the stop either.
        let started = Instant::now();
        server.stop().await;
        promptly("the stop", started.elapsed(), Duration::from_secs(10), usual);
        drop(idle);
    });
}

/// A sign-in and twenty reads; how long they took.
async fn twenty_reads(server: &Process) -> Duration {
    let started = Instant::now();
    let ann = server.api().login(ROOT).await;
    for _ in 0..20 {
        ann.api.get("/api/user").await.ok();
    }
    started.elapsed()
}

/// A connection that is kept: after an answer, or (a slow client) before its first byte.
async fn keep_alive(address: &str, answered: bool) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    if answered {
        stream.write_all(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("a request");
        let mut start = [0; 12];
        stream.read_exact(&mut start).await.expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 200");
    }
    stream
}

/// How many files this process and those that it starts may have open, after raising it as far as it goes.
fn open_files() -> u64 {
    let limit = |arguments: &[&str]| {
        let pid = std::process::id().to_string();
        let output =
            std::process::Command::new("prlimit").args(["--pid", &pid, "--noheadings", "--raw"]).args(arguments).output();
        String::from_utf8_lossy(&output.expect("prlimit (package util-linux)").stdout).trim().parse::<u64>()
    };
    let hard = limit(&["--nofile", "--output", "HARD"]).expect("a number");
    let _ = limit(&[&format!("--nofile={hard}:{hard}")]);
    hard
}
