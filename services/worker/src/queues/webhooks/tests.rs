use std::sync::Arc;

use chrono::TimeDelta;
use crypto::webhook;
use domain::{DeliveryId, EventId, OrgId, Time, WebhookId, core::clock::ManualClock, tenancy::organizations::OrgStatus};
use runtime::{Resources, Role, Sources};
use store::delivery::deliveries::{ClaimedDelivery, Ticket, Verdict};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use uuid::Uuid;

use super::Webhooks;
use crate::{Deps, queue::Queue};

const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn now() -> Time {
    "2026-11-23T08:00:00Z".parse().unwrap()
}

/// A worker on an empty database that may call this machine.
async fn webhooks(dir: &tempfile::TempDir) -> Webhooks {
    infra::install_tls_provider();
    let env = [("TENANTRY__EGRESS__ALLOW_NETWORKS", "127.0.0.0/8"), ("TENANTRY__DATA__DIR", dir.path().to_str().unwrap())];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = infra::config::load(None, env.into_iter()).unwrap();
    let sources = Sources { clock: Arc::new(ManualClock::at(now())), ..Sources::system() };
    let store = runtime::open_store(&config, Role::Api, &sources).await.unwrap();
    let resources = Resources::around(store, &config, sources).await.unwrap();
    Webhooks::new(Arc::new(Deps::of(&config, resources)), 8)
}

fn job(url: String, number: i32) -> ClaimedDelivery {
    let id = Uuid::from_u128(7);
    ClaimedDelivery {
        ticket: Ticket { org: OrgId::new(id), webhook: WebhookId::new(id), id: DeliveryId::new(id), lease: id, number },
        event: EventId::new(id),
        event_type: "user.joined".to_owned(),
        created_at: now(),
        happened_at: now(),
        body: "{\"event\":\"user.joined\",\"ä\":1}".to_owned(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
        max_attempts: 6,
        url,
        is_active: true,
        org_status: Some(OrgStatus::Active),
        org_deleted: false,
        slow: false,
        secrets: vec![SECRET.to_owned()],
    }
}

/// Answers one request with `answer` and tells what it was.
async fn receiver(answer: &'static str) -> (String, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let seen = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            let mut part = [0; 4096];
            let count = stream.read(&mut part).await.unwrap();
            request.extend_from_slice(&part[..count]);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (url, seen)
}

#[tokio::test]
async fn the_request_is_signed_and_the_answer_kept() {
    let dir = tempfile::tempdir().unwrap();
    let webhooks = webhooks(&dir).await;
    let (url, seen) = receiver("HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok").await;
    let outcome = webhooks.work(&webhooks.in_slot(job(url, 1))).await;
    assert_eq!(outcome.verdict, Verdict::Delivered { status: 202, body: "ok".to_owned() });
    let request = seen.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, job(String::new(), 1).body);
    let header = |name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(&format!("{}:", name.to_lowercase())));
        line.unwrap_or_else(|| panic!("no {name} in {head}")).split_once(": ").unwrap().1.to_owned()
    };
    assert_eq!(header("content-type"), "application/json");
    assert_eq!(header("user-agent"), "Tenantry-Webhooks/1");
    assert_eq!(header("x-webhook-delivery"), job(String::new(), 1).ticket.id.to_string());
    assert_eq!(header("x-webhook-event"), "user.joined");
    assert!(header("traceparent").contains("0af7651916cd43dd8448eb211c80319c"));
    let (id, timestamp, signature) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    assert_eq!(id, job(String::new(), 1).event.to_string());
    let received = webhook::Received { id: &id, timestamp: &timestamp, signature: &signature };
    webhook::verify_standard(&[SECRET], &received, body.as_bytes(), now(), TimeDelta::minutes(5)).unwrap();
}

#[tokio::test]
async fn the_status_decides_whatever_becomes_of_the_body() {
    let dir = tempfile::tempdir().unwrap();
    let webhooks = webhooks(&dir).await;
    for (answer, status, kept) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf", 200, "half"),
        ("HTTP/1.1 202 Accepted\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nno length\r\n", 202, "half"),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
    ] {
        let (url, _seen) = receiver(answer).await;
        let outcome = webhooks.work(&webhooks.in_slot(job(url, 1))).await;
        assert_eq!(outcome.verdict, Verdict::Delivered { status, body: kept.to_owned() }, "{answer}");
    }
    let (url, _seen) = receiver("HTTP/1.1 500 Oops\r\ncontent-length: 100\r\n\r\nhalf").await;
    let verdict = webhooks.work(&webhooks.in_slot(job(url, 1))).await.verdict;
    assert!(matches!(&verdict, Verdict::Retry { status: Some(500), body: Some(body), .. } if body == "half"), "{verdict:?}");
}

#[tokio::test]
async fn an_endpoint_that_asks_for_time_gets_it() {
    let dir = tempfile::tempdir().unwrap();
    let webhooks = webhooks(&dir).await;
    for answer in [
        "HTTP/1.1 429 Slow Down\r\nRetry-After: 900\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nRetry-After: Mon, 23 Nov 2026 08:15:00 GMT\r\ncontent-length: 0\r\n\r\n",
    ] {
        let (url, _seen) = receiver(answer).await;
        let outcome = webhooks.work(&webhooks.in_slot(job(url, 1))).await;
        let Verdict::Retry { next_at, .. } = outcome.verdict else { panic!() };
        assert_eq!((next_at, outcome.not_before), (now() + TimeDelta::seconds(900), Some(next_at)), "{answer}");
        // At the last attempt the others of the endpoint wait all the same.
        let (url, _seen) = receiver(answer).await;
        let last = webhooks.work(&webhooks.in_slot(job(url, 6))).await;
        assert_eq!(last.not_before, Some(next_at));
    }
}

#[tokio::test]
async fn a_refusal_is_tried_again_until_the_last_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let webhooks = webhooks(&dir).await;
    let (url, _seen) = receiver("HTTP/1.1 410 Gone\r\ncontent-length: 3\r\n\r\nbye").await;
    let Verdict::Retry { status, body, error, next_at } = webhooks.work(&webhooks.in_slot(job(url, 2))).await.verdict else {
        panic!()
    };
    assert_eq!((status, body.as_deref(), error.as_str()), (Some(410), Some("bye"), "the endpoint answered 410"));
    let wait = next_at - webhooks.deps.clock.now();
    assert!(wait >= TimeDelta::seconds(120) && wait <= TimeDelta::seconds(132), "{wait}");
    // Nobody listens there any more.
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let verdict = webhooks.work(&webhooks.in_slot(job(format!("http://{closed}/"), 6))).await.verdict;
    assert_eq!(verdict, Verdict::Failed { status: None, body: None, error: "the connection could not be made".to_owned() });
}

#[tokio::test]
async fn redirects_are_not_followed_and_private_addresses_not_called() {
    let dir = tempfile::tempdir().unwrap();
    let webhooks = webhooks(&dir).await;
    let (url, _seen) = receiver("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    let Verdict::Retry { status: Some(302), error, .. } = webhooks.work(&webhooks.in_slot(job(url, 1))).await.verdict else {
        panic!()
    };
    assert!(error.contains("redirects are not followed"));
    let Verdict::Retry { status: None, error, .. } =
        webhooks.work(&webhooks.in_slot(job("https://10.0.0.1/".to_owned(), 1))).await.verdict
    else {
        panic!()
    };
    assert!(error.contains("address_not_allowed"), "{error}");
}

#[tokio::test]
async fn what_must_not_be_sent_is_cancelled_without_a_call() {
    let dir = tempfile::tempdir().unwrap();
    let webhooks = webhooks(&dir).await;
    let jobs = [
        ClaimedDelivery { is_active: false, ..job("http://127.0.0.1:1/".to_owned(), 1) },
        ClaimedDelivery { org_deleted: true, ..job("http://127.0.0.1:1/".to_owned(), 1) },
    ];
    for job in jobs {
        assert!(matches!(webhooks.work(&webhooks.in_slot(job)).await.verdict, Verdict::Cancelled { .. }));
    }
    let suspended = ClaimedDelivery { org_status: Some(OrgStatus::Suspended), ..job("http://127.0.0.1:1/".to_owned(), 1) };
    assert!(matches!(webhooks.work(&webhooks.in_slot(suspended)).await.verdict, Verdict::Held { .. }));
    let unsigned = ClaimedDelivery { secrets: Vec::new(), ..job("http://127.0.0.1:1/".to_owned(), 1) };
    let Verdict::Retry { error, .. } = webhooks.work(&webhooks.in_slot(unsigned)).await.verdict else { panic!() };
    assert_eq!(error, "the webhook's secret cannot be read");
}
