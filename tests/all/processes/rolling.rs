//! A rolling restart under load: each process is asked to stop and started again, one after the other, and no request fails. Between
//! clients and servers stands what stands there in production, a balancer that sends new connections to those servers that are ready;
//! clients keep their connections until they are asked to close them. Nobody tries anything a second time.
//!
//! `TENANTRY_DRILL_ROLLS` says how many times everything is replaced.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::json;
use tenantry_tests::block_on;

use super::{
    http::Api,
    invariants::{all_arrived, arrived, feeds_are_whole, stop_in_order},
    process::{Process, free_port},
    proxy::Proxy,
    until, variable,
    world::{Org, World},
};

/// People who use the API through the balancer.
struct Load {
    asked: AtomicUsize,
    stop: AtomicBool,
}

impl Load {
    /// About forty requests a second, a tenth of them writes; whatever failed.
    async fn of(&self, org: &Org, who: &str) -> Vec<String> {
        let (api, mut failures) = (org.owner.api.on_connections_of_its_own(), Vec::new());
        for n in 0.. {
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            let begun = Instant::now();
            let invitation = json!({"email": format!("{who}{n}@example.com"), "role": "member"});
            let answer = if n % 10 == 0 {
                api.call(Method::POST, &org.at("invitations"), Some(&invitation), &[]).await
            } else {
                api.call(Method::GET, &org.path, None, &[]).await
            };
            self.asked.fetch_add(1, Ordering::Relaxed);
            match answer {
                Ok(answer) if answer.status == 200 => {}
                Ok(answer) => failures.push(format!("{who}'s {n}th: {answer:?}")),
                Err(error) => failures.push(format!("{who}'s {n}th: {error:?}")),
            }
            // The rate of the load, not a wait for anything.
            tokio::time::sleep(Duration::from_millis(25).saturating_sub(begun.elapsed())).await;
        }
        failures
    }

    /// Fifty more requests are answered.
    async fn goes_on(&self) {
        let before = self.asked.load(Ordering::Relaxed);
        until("requests go on", async || (self.asked.load(Ordering::Relaxed) > before + 50).then_some(())).await;
    }
}

/// Two APIs and a worker.
struct Crew<'a> {
    world: &'a World,
    apis: [Option<Process>; 2],
    worker: Option<Process>,
}

impl Crew<'_> {
    async fn replace_everything(&mut self, ports: [u16; 3], load: &Load) {
        for (api, port) in self.apis.iter_mut().zip(ports) {
            api.take().expect("it runs").stop().await;
            *api = Some(self.world.spawn_api(port, &[]).ready().await);
            load.goes_on().await;
        }
        self.worker.take().expect("it runs").stop().await;
        self.worker = Some(self.world.spawn_worker(ports[2]).ready().await);
    }
}

#[test]
fn no_request_fails_while_everything_is_replaced() {
    block_on(Box::pin(async {
        let world = World::postgres().await.set("server.public_url", "http://sso.test").patient();
        let ports = [free_port(), free_port(), free_port()];
        let mut crew = Crew {
            world: &world,
            apis: [Some(world.spawn_api(ports[0], &[]).ready().await), Some(world.spawn_api(ports[1], &[]).ready().await)],
            worker: Some(world.spawn_worker(ports[2]).ready().await),
        };
        let balancer = Proxy::to_the_ready([ports[0], ports[1]]).await;
        let front = Api::at(&format!("http://127.0.0.1:{}", balancer.port));
        let org = Org::founded(&front, "acme").await;
        let load = Load { asked: AtomicUsize::new(0), stop: AtomicBool::new(false) };
        let (ann, bob, cy, ()) = tokio::join!(load.of(&org, "ann"), load.of(&org, "bob"), load.of(&org, "cy"), async {
            for _ in 0..variable("TENANTRY_DRILL_ROLLS", 1) {
                crew.replace_everything(ports, &load).await;
            }
            load.stop.store(true, Ordering::Relaxed);
        });
        let (failures, asked) = ([ann, bob, cy].concat(), load.asked.load(Ordering::Relaxed));
        println!("{asked} requests while everything was replaced, {} of them failed", failures.len());
        assert!(failures.is_empty(), "{} of {asked} failed:\n{failures:#?}", failures.len());
        let db = world.connection().await;
        all_arrived(&db, &front, &org).await;
        assert!(arrived(&org).values().all(|times| *times == 1), "a worker that is asked to stop repeats nothing");
        stop_in_order(&db, crew.apis.into_iter().flatten(), crew.worker).await;
        feeds_are_whole(&db).await;
    }));
}
