//! A rolling restart under load: each process is asked to stop and started again, one after the other, and no request fails. A
//! connection that is refused, or hung up before the answer, is tried once more at the other server, as load balancers do; what must not
//! happen twice carries an idempotency key, which makes that safe.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::block_on;

use super::{
    http::Api,
    invariants::{arrived, feeds_are_whole, owed},
    process::free_port,
    until,
    world::{Org, World},
};

/// Who balances the load, and what it saw.
struct Balancer<'a> {
    bases: &'a [String; 2],
    next: AtomicUsize,
    asked: AtomicUsize,
    refused: AtomicUsize,
    hung_up: AtomicUsize,
    stop: AtomicBool,
}

impl Balancer<'_> {
    async fn call(&self, api: &Api, method: Method, path: &str, body: Option<&Value>) -> Result<(), String> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let key = [("idempotency-key", format!("turn-{turn}"))];
        let headers: Vec<_> = key.iter().filter(|_| body.is_some()).map(|(name, value)| (*name, value.as_str())).collect();
        let ask = async |turn: usize| api.via(&self.bases[turn % 2]).call(method.clone(), path, body, &headers).await;
        let mut answer = ask(turn).await;
        if let Err(error) = &answer {
            let count = if error.is_connect() { &self.refused } else { &self.hung_up };
            count.fetch_add(1, Ordering::Relaxed);
            answer = ask(turn + 1).await;
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        match answer {
            Ok(answer) if answer.status == 200 => Ok(()),
            Ok(answer) => Err(format!("{method} {path}: {answer:?}")),
            Err(error) => Err(format!("{method} {path}: {error:?}")),
        }
    }

    /// About forty requests a second, a tenth of them writes.
    async fn load(&self, org: &Org, who: &str) -> Vec<String> {
        let mut failures = Vec::new();
        for n in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let begun = Instant::now();
            let outcome = if n % 10 == 0 {
                let body = json!({"email": format!("{who}{n}@example.com"), "role": "member"});
                self.call(&org.owner.api, Method::POST, &org.at("invitations"), Some(&body)).await
            } else {
                self.call(&org.owner.api, Method::GET, &org.path, None).await
            };
            failures.extend(outcome.err());
            // The rate of the load, not a wait for anything.
            tokio::time::sleep(Duration::from_millis(25).saturating_sub(begun.elapsed())).await;
        }
        failures
    }
}

#[test]
fn no_request_fails_while_everything_is_replaced() {
    block_on(Box::pin(async {
        let world = World::postgres().await.set("server.public_url", "http://sso.test");
        let ports = [free_port(), free_port()];
        let worker_port = free_port();
        let mut apis = Vec::new();
        for port in ports {
            apis.push(Some(world.spawn_api(port, &[]).ready().await));
        }
        let mut worker = Some(world.spawn_worker(worker_port).ready().await);
        let bases = ports.map(|port| format!("http://127.0.0.1:{port}"));
        let org = Org::founded(&Api::at(&bases[0]), "acme").await;
        let balancer = Balancer {
            bases: &bases,
            next: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            hung_up: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
        };
        let (ann, bob, ()) = tokio::join!(balancer.load(&org, "ann"), balancer.load(&org, "bob"), async {
            for _ in 0..2 {
                for (at, port) in ports.into_iter().enumerate() {
                    let before = balancer.asked.load(Ordering::Relaxed);
                    apis[at].take().expect("it runs").stop().await;
                    apis[at] = Some(world.spawn_api(port, &[]).ready().await);
                    until("requests go on", 10, async || (balancer.asked.load(Ordering::Relaxed) > before + 20).then_some(()))
                        .await;
                }
                worker.take().expect("it runs").stop().await;
                worker = Some(world.spawn_worker(worker_port).ready().await);
            }
            balancer.stop.store(true, Ordering::Relaxed);
        });
        let failures = [ann, bob].concat();
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        let (asked, refused, hung_up) = (of(&balancer.asked), of(&balancer.refused), of(&balancer.hung_up));
        println!("{asked} requests, {refused} refused and {hung_up} hung up on, all of which the other server answered");
        assert!(failures.is_empty(), "{} of {} failed:\n{failures:#?}", failures.len(), asked);
        let owed = owed(&org.audit(&Api::at(&bases[0])).await);
        until("every event arrives", 20, async || owed.is_subset(&arrived(&org).into_keys().collect()).then_some(())).await;
        assert!(arrived(&org).values().all(|times| *times == 1), "a worker that is asked to stop repeats nothing");
        for process in apis.into_iter().flatten().chain(worker) {
            process.stop().await;
        }
        feeds_are_whole(&world.connection().await).await;
    }));
}
