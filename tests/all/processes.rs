//! The binaries as an operator runs them: real processes, real signals, real partners (PostgreSQL, Redis, a mail server, a trace
//! collector), and what happens when one of them dies.
//!
//! The programs are those of the folder this test was built into: `make test` builds them first. Nothing here waits for a fixed time:
//! everything that takes time is asked for until it is so, or until a deadline says that it never will be. Where it matters that something
//! is quick, it is measured beside what the same takes on this machine when nothing is wrong ([`promptly`]).
//!
//! - [`world`] is a folder, a database and settings; [`process`] a program that runs in it; [`http`] a client that sees failures.
//! - [`partners`] are servers of a test's own, to be stopped and started at will.

#![expect(clippy::print_stdout, reason = "the drills say what they checked")]

mod access_statement;
mod algorithms;
mod browser;
mod caddy;
mod canaries;
mod clock_jumps;
mod clocks_apart;
mod cluster;
mod command_line;
mod connections;
mod demo;
mod disk_full;
mod drill;
mod failover_postgres;
mod feed;
mod first_start;
mod freezes;
mod hangs;
mod hostile;
mod http;
mod invariants;
mod limits;
mod load;
mod log_streams;
mod mail;
mod node;
mod oauth;
mod openid_clients;
mod outage_postgres;
mod outage_redis;
mod own_mail_server;
mod partners;
mod process;
mod proxy;
mod receivers;
mod rolling;
mod rotation;
mod saas;
mod saml;
mod sdk;
mod sealed_audit;
mod surroundings;
mod syslog;
mod traces;
mod upgrades;
mod world;

use std::time::{Duration, Instant};

/// How long a drill is, unless it is the short form: its caller says so in the environment.
#[expect(clippy::disallowed_methods, reason = "a drill's length is its caller's choice")]
fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Longer than anything takes that will happen at all, also on a slow machine that does something else at the same time.
const NEVER: Duration = Duration::from_secs(120);

/// Asks again and again until there is an answer; fails the test after [`NEVER`], saying what was waited for.
#[track_caller]
fn until<T>(what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> impl Future<Output = T> {
    let caller = std::panic::Location::caller();
    async move {
        let deadline = Instant::now() + NEVER;
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            assert!(Instant::now() < deadline, "{caller}: after {NEVER:?} still not: {what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Fails if something took longer than `bound`, which is for a quick machine, and ten times what the same took (`usual`) on this one when
/// nothing was in the way.
#[track_caller]
fn promptly(what: &str, took: Duration, bound: Duration, usual: Duration) {
    let most = bound + usual * 10;
    assert!(took < most, "{what} took {took:?}, more than {most:?}");
}
