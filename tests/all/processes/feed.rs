//! One order for everybody: two API processes, two workers, sixteen writers at once on one organization, and readers of every kind at both
//! processes. Each sees every event once, in the same order, numbered without gaps, under the ids that the receiver got.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Instant,
};

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::block_on;

use super::{
    NEVER,
    http::Api,
    invariants::{all_arrived, feeds_are_whole, stop_in_order},
    process::free_port,
    world::{Org, World},
};

const WRITERS: usize = 16;
/// What each of them does.
const INVITATIONS: usize = 12;

/// A feed as a reader saw it.
type Seen = Vec<(i64, String)>;

/// How a reader reads.
#[derive(Clone, Copy)]
enum Manner {
    /// Page after page without a pause.
    Pages { limit: usize },
    /// Waiting for each next page.
    LongPoll,
}

/// Reads from the beginning until the feed has come to `end`.
async fn read(api: Api, org: &Org, manner: Manner, end: &AtomicI64) -> Seen {
    let (mut seen, mut next) = (Seen::new(), 0);
    let query = match manner {
        Manner::Pages { limit } => format!("limit={limit}"),
        Manner::LongPoll => "limit=100&wait=2".to_owned(),
    };
    loop {
        let page = api.get(&org.at(&format!("events?after={next}&{query}"))).await.ok();
        note(&mut seen, page["events"].as_array().expect("events"));
        next = page["next"].as_i64().expect("next");
        assert_eq!(next, seen.len() as i64, "a page says where it ends");
        if next == end.load(Ordering::Acquire) {
            return seen;
        }
    }
}

fn note(seen: &mut Seen, events: &[Value]) {
    for event in events {
        let seq = event["seq"].as_i64().expect("seq");
        assert_eq!(seq, seen.len() as i64 + 1, "a gap, or an event twice");
        seen.push((seq, event["id"].as_str().expect("id").to_owned()));
    }
}

/// The same as a stream.
#[expect(clippy::disallowed_methods, reason = "the test is the client")]
async fn follow(base: &str, org: &Org, end: &AtomicI64) -> Seen {
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().expect("a client");
    let request = http.get(format!("{base}{}", org.at("events"))).bearer_auth(&org.owner.access);
    let mut response = request.header("accept", "text/event-stream").send().await.expect("a stream");
    let (mut seen, mut gathered) = (Seen::new(), String::new());
    while end.load(Ordering::Acquire) != seen.len() as i64 {
        let chunk = response.chunk().await.expect("a living stream").expect("an endless stream");
        gathered.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        while let Some((block, rest)) = gathered.split_once("\n\n") {
            let data = block.lines().find_map(|line| line.strip_prefix("data: "));
            let event = data.map(|json| serde_json::from_str::<Value>(json).expect("JSON"));
            note(&mut seen, event.as_slice());
            gathered = rest.to_owned();
        }
    }
    seen
}

async fn write(api: Api, org: &Org, writer: usize) {
    for n in 0..INVITATIONS {
        let body = json!({"email": format!("guest-{writer}-{n}@example.com"), "role": "member"});
        let key = format!("{writer}-{n}");
        let made = api.call(Method::POST, &org.at("invitations"), Some(&body), &[("idempotency-key", &key)]).await;
        made.expect("an answer").ok();
    }
}

#[test]
fn every_reader_sees_one_order_under_many_writers_and_workers() {
    block_on(async {
        let world = World::postgres().await;
        let first = world.api().await;
        let org = Org::founded(&first.api(), "feed").await;
        let second = world.spawn_api(free_port(), &[("server.public_url", &first.base)]).ready().await;
        let workers = [world.worker().await, world.worker().await];
        let (one, two) = (org.owner.api.clone(), org.owner.api.via(&second.base));
        let (end, started) = (AtomicI64::new(-1), Instant::now());
        let writing = async {
            futures::future::join_all((0..WRITERS).map(|n| write([&one, &two][n % 2].clone(), &org, n))).await;
            let total = org.audit(&first.api()).await.len() as i64;
            end.store(total, Ordering::Release);
            total
        };
        let readers = async {
            let pages = |limit| Manner::Pages { limit };
            futures::join!(
                read(one.clone(), &org, pages(7), &end),
                read(two.clone(), &org, pages(100), &end),
                read(one.clone(), &org, Manner::LongPoll, &end),
                read(two.clone(), &org, Manner::LongPoll, &end),
                follow(&first.base, &org, &end),
                follow(&second.base, &org, &end),
            )
        };
        let both = Box::pin(async { futures::join!(writing, readers) });
        let (total, (a, b, c, d, e, f)) = tokio::time::timeout(NEVER, both).await.expect("every reader comes to the end");
        for other in [&b, &c, &d, &e, &f] {
            assert_eq!(&a, other, "two readers, two orders");
        }
        let db = world.connection().await;
        let (_, owed) = all_arrived(&db, &first.api(), &org).await;
        let ids: std::collections::BTreeSet<_> = a.iter().map(|(_, id)| id.clone()).collect();
        assert!(owed.is_subset(&ids), "webhooks carry the feed's ids");
        println!("{total} events by {WRITERS} writers, read alike by 6 readers at 2 processes in {:.1?}", started.elapsed());
        stop_in_order(&db, [first, second], workers).await;
        feeds_are_whole(&db).await;
    });
}
