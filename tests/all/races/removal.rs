//! A removal against every use of access: while a member calls one operation from many connections, they are removed. What is begun
//! after the removal was acknowledged is refused, and no change of theirs is committed after the removal's commit (T22).

use std::cell::Cell;

use futures::future::join_all;
use reqwest::Method;
use serde_json::json;
use tenantry_tests::{
    Client, Database, Response, TestApp, User, both,
    everything::{Access, Rank, access},
    text,
};

use super::{invariants, sound, watched};
use crate::authorization::isolation::{document::operations, request, world::World};

const VICTIM: &str = "victim@example.com";

/// One removal (or another end of a right) among the calls of many: each of `calls` is repeated until the removal is acknowledged and once more after that. An
/// answer may break off while the removal is on its way, and not later.
pub(super) async fn removal_among(
    what: &str,
    remove: impl Future<Output = Response>,
    calls: Vec<impl AsyncFn() -> Option<Response>>,
) {
    let (begun, removed) = (Cell::new(0), Cell::new(false));
    let many = calls.len();
    let calling = join_all(calls.into_iter().map(async |call| {
        loop {
            let late = removed.get();
            begun.set(begun.get() + 1);
            let Some(answer) = call().await else {
                assert!(!late, "{what}, begun after the removal was acknowledged, had an answer that broke off");
                continue;
            };
            assert!(answer.status < 500, "{what}: {answer}");
            if late {
                assert!(matches!(answer.status, 401 | 403), "{what}, begun after the removal was acknowledged: {answer}");
                return;
            }
        }
    }));
    let removing = async {
        // In the middle of it: when all of them have begun.
        while begun.get() < many {
            tokio::task::yield_now().await;
        }
        assert_eq!(remove.await.status, 200, "{what}: the removal");
        removed.set(true);
    };
    futures::join!(calling, removing);
}

/// How many connections one operation is called from.
pub(super) fn callers(app: &TestApp) -> usize {
    if app.database == Database::Postgres { 50 } else { 8 }
}

/// The victim is a member again: a client with their platform token and one with a token for the organization.
async fn joined(app: &TestApp, ann: &User, victim: &User) -> [Client; 2] {
    app.invite_and_join(ann, "acme", victim, "admin").await;
    let selected = app.by(victim).post_empty("/api/organizations/acme/select").await.ok();
    [app.by(victim), app.client().bearer(&text(&selected["access_token"]))]
}

fn removal(app: &TestApp, ann: &User, org: &str, victim: &User) -> impl Future<Output = Response> + use<> {
    app.by(ann).request(Method::DELETE, &format!("{org}/members/{}", victim.id)).send()
}

both!(t22_no_operation_outlives_a_removal, async |app| {
    let world = World::new(app).await;
    watched(app).await;
    invariants::acts_only_as_a_member(app, VICTIM).await;
    let victim = app.sign_up(VICTIM).await;
    let mut n = 0;
    for operation in &operations() {
        if !matches!(access(&operation.id), Access::Organization(least) if least <= Rank::Admin) {
            continue;
        }
        let tokens = joined(app, &world.ann, &victim).await;
        let calls = (0..callers(app)).map(|caller| {
            n += 1;
            let (by, ids, n) = (&tokens[caller % 2], world.in_acme(), n);
            async move || request(by, operation, &ids, n).send_and_lose().await.ok()
        });
        let remove = removal(app, &world.ann, "/api/organizations/acme", &victim);
        Box::pin(removal_among(&operation.id, remove, calls.collect())).await;
    }
    sound(app).await;
    // The webhooks that were made in passing lead nowhere.
    app.worker().await;
    app.execute("delete from deliveries where state < 2").await;
});

both!(t22_no_token_is_made_or_renewed_after_a_removal, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let victim = app.sign_up(VICTIM).await;
    watched(app).await;
    joined(app, &ann, &victim).await;
    let mut chains = Vec::new();
    for _ in 0..callers(app) / 2 {
        let pair = app.by(&victim).post_empty(&org.at("select")).await.ok();
        chains.push(tokio::sync::Mutex::new(text(&pair["refresh_token"])));
    }
    let (renewing, selecting) = (&chains, &org.at("select"));
    let calls = (0..callers(app)).map(|n| {
        let victim = &victim;
        async move || match renewing.get(n) {
            Some(token) => Some(renew(app, &mut *token.lock().await).await),
            None => Some(app.by(victim).post_empty(selecting).await),
        }
    });
    removal_among("refresh and select", removal(app, &ann, &org.path, &victim), calls.collect()).await;
    app.by(&victim).get("/api/user").await.ok();
    sound(app).await;
});

async fn renew(app: &TestApp, token: &mut String) -> Response {
    let answer = app.client().post("/api/auth/refresh", json!({"refresh_token": token})).await;
    if answer.status == 200 {
        *token = text(&answer.json()["refresh_token"]);
    }
    answer
}

both!(t22_a_removal_against_an_acceptance_leaves_one_of_the_two, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let victim = app.sign_up(VICTIM).await;
    let crowd = watched(app).await;
    for _ in 0..3 {
        let (_, token) = app.invite(&ann, "acme", VICTIM, "member").await;
        let accept = || app.by(&victim).request(Method::POST, "/api/invitations/accept").json(&json!({"token": token})).send();
        let (accepting, removing) = futures::join!(
            join_all((0..crowd / 2).map(|_| accept())),
            join_all((0..crowd / 2).map(|_| removal(app, &ann, &org.path, &victim))),
        );
        let accepted = accepting.iter().filter(|answer| answer.status == 200).count();
        let removed = removing.iter().filter(|answer| answer.status == 200).count();
        assert!(accepted == 1 && removed <= 1, "accepted {accepted} times, removed {removed} times");
        let members = app.count("select count(*) from memberships").await;
        assert_eq!(members, 2 - removed as i64, "the founder, and whoever was accepted and not removed");
        if removed == 0 {
            removal(app, &ann, &org.path, &victim).await.done();
        }
        sound(app).await;
    }
});
