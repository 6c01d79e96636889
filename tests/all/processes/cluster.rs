//! Several of each at once on one empty PostgreSQL database: who migrates, whose keys hold, and the main job across all of them.

use serde_json::json;
use tenantry_tests::{Receiver, block_on};

use super::{
    http::{Api, text},
    invariants::{all_arrived, arrived, count, feeds_are_whole, stop_in_order},
    process::{Process, free_port},
    until,
    world::{EVENTS, Org, PASSWORD, World},
};

/// Two APIs and two workers, started at the same moment on nothing. A worker that was quicker than the migration says so and ends;
/// whoever supervises it starts it again.
async fn start(world: &World) -> ([Process; 2], [Process; 2]) {
    let ports = [free_port(), free_port(), free_port(), free_port()];
    let mut apis = [world.spawn_api(ports[0], &[]), world.spawn_api(ports[1], &[])];
    let mut workers = [world.spawn_worker(ports[2]), world.spawn_worker(ports[3])];
    for api in &mut apis {
        assert!(api.came_up().await, "{}", api.output());
    }
    for (worker, port) in workers.iter_mut().zip(&ports[2..]) {
        if !worker.came_up().await {
            assert!(worker.output().contains("Start tenantry-api first"), "{}", worker.output());
            *worker = world.spawn_worker(*port).ready().await;
        }
    }
    (apis, workers)
}

async fn sign_up(world: &World, register: &Api, verify: &Api, email: &str) {
    register.post("/api/auth/register", json!({"email": email, "password": PASSWORD})).await.ok();
    let token = world.mailed(email, "/auth/verify-email?token=").await;
    verify.post("/api/auth/verify-email", json!({"token": token, "password": PASSWORD})).await.ok();
}

#[test]
fn the_main_job_across_two_of_each() {
    block_on(async { main_job(World::postgres().await).await });
}

/// Sign-up, an organization, members, invitations, webhooks, and a sealed audit log.
pub(super) async fn main_job(world: World) {
    Box::pin(async {
        let world = world.set("server.public_url", "http://sso.test").patient();
        let (apis, workers) = start(&world).await;
        let (one, two) = (apis[0].api(), apis[1].api());
        // At once: a token of either is good at the other, although each may have made the signing key.
        let (first, second) = (one.login(super::world::ROOT).await, two.login(super::world::ROOT).await);
        for token in [&first, &second] {
            for api in [&one, &two] {
                token.api.via(&api.base).get("/api/user").await.ok();
            }
        }
        sign_up(&world, &one, &two, "ann@example.com").await;
        sign_up(&world, &two, &one, "bob@example.com").await;
        let ann = two.refresh(&one.login("ann@example.com").await.refresh).await;
        one.with(&ann.access).get("/api/user").await.ok();
        one.with(&ann.access).post("/api/organizations", json!({"slug": "acme", "name": "Acme"})).await.ok();
        let receiver = Receiver::start().await;
        let mut org = Org {
            path: "/api/organizations/acme".to_owned(),
            owner: two.tokens(&two.with(&ann.access).post("/api/organizations/acme/select", json!({})).await.ok()),
            receiver,
            secret: String::new(),
        };
        let hook = json!({"name": "All", "url": org.receiver.url, "events": EVENTS});
        org.secret = text(&org.owner.api.post(&org.at("webhooks"), hook).await.ok()["secret"]);
        org.invite("bob@example.com").await;
        let token = world.mailed("bob@example.com", "/invitations/accept/").await;
        let bob = two.login("bob@example.com").await;
        let accepted = bob.api.via(&one.base).post("/api/invitations/accept", json!({"token": token})).await;
        assert_eq!(accepted.status, 200, "{accepted:?}");
        let bob = one.tokens(&bob.api.via(&one.base).post(&org.at("select"), json!({})).await.ok());
        bob.api.via(&two.base).get(&org.path).await.ok();
        let transfer = json!({"new_owner_email": "bob@example.com"});
        org.owner.api.via(&one.base).post(&org.at("transfer-ownership"), transfer).await.ok();
        for n in 0..40 {
            let api = [&one, &two][n % 2];
            let body = json!({"email": format!("guest{n}@example.com"), "role": "member"});
            bob.api.via(&api.base).post(&org.at("invitations"), body).await.ok();
        }

        until("the audit log is sealed", async || {
            let list = org.owner.api.get(&org.at("audit-log/checkpoints")).await.ok();
            list["checkpoints"].as_array().is_some_and(|all| !all.is_empty()).then_some(())
        })
        .await;
        let db = world.connection().await;
        let (_, owed) = all_arrived(&db, &two, &org).await;
        assert!(owed.len() >= 42, "{owed:?}");
        let said = stop_in_order(&db, apis, workers).await;
        assert!(!said.contains("ERROR"), "{said}");
        assert_eq!(arrived(&org).into_keys().collect::<std::collections::BTreeSet<_>>(), owed, "nothing else arrived");
        assert!(arrived(&org).values().all(|times| *times == 1), "nobody died, so nothing came twice");
        feeds_are_whole(&db).await;
        assert_eq!(count(&db, "select count(*) from data_keys").await, 1, "one data key, whoever was first");
        assert_eq!(count(&db, "select count(*) from users where is_platform_owner").await, 1, "one first owner");
        let _ = db.close().await;
    })
    .await;
}
