//! One trace from a caller's request through the API and the worker to the customer's endpoint, as a collector sees it.

use reqwest::Method;
use serde_json::json;
use tenantry_tests::{Receiver, block_on};

use super::{
    until,
    world::{Org, World},
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn holds(body: &[u8], part: &[u8]) -> bool {
    body.windows(part.len()).any(|window| window == part)
}

#[test]
fn one_trace_from_the_request_to_the_delivery() {
    block_on(async {
        let (collector, id) = (Receiver::start().await, hex::decode(TRACE).expect("hex"));
        collector.answers_body("");
        let world = World::sqlite().apart().set("telemetry.otlp_endpoint", &collector.url);
        let (server, worker) = (world.api().await, world.worker().await);
        let org = Org::founded(&server.api(), "acme").await;
        let parent = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let body = json!({"email": "traced@example.com", "role": "member"});
        let headers = [("traceparent", parent.as_str())];
        let made = org.owner.api.call(Method::POST, &org.at("invitations"), Some(&body), &headers).await;
        made.expect("an answer").ok();
        org.hears_of("traced@example.com").await;
        let delivery = org.receiver.received().into_iter().find(|r| String::from_utf8_lossy(&r.body).contains("traced@"));
        let sent = delivery.expect("it arrived").header("traceparent").to_owned();
        assert!(sent.starts_with(&format!("00-{TRACE}-")) && sent != parent, "the endpoint got {sent:?}");
        let span = hex::decode(sent.split('-').nth(2).expect("a span id")).expect("hex");

        // The last spans are sent before a process ends.
        server.stop().await;
        worker.stop().await;
        for service in ["tenantry-api", "tenantry-worker"] {
            until(&format!("the trace reaches the collector from {service}"), async || {
                let all = collector.received();
                all.iter().any(|r| holds(&r.body, service.as_bytes()) && holds(&r.body, &id)).then_some(())
            })
            .await;
        }
        let all = collector.received();
        assert!(all.iter().any(|r| holds(&r.body, b"tenantry-worker") && holds(&r.body, &span)), "the delivery's own span");
        assert!(all.iter().all(|r| r.header("content-type") == "application/x-protobuf"));
        for secret in [org.secret.as_bytes(), org.owner.access.as_bytes()] {
            assert!(!all.iter().any(|r| holds(&r.body, secret)), "a secret is in a trace");
        }
    });
}

/// A collector that is away, or slow, holds nothing up.
#[test]
fn a_collector_that_is_away_costs_spans_and_nothing_else() {
    block_on(async {
        let world =
            World::sqlite().set("telemetry.otlp_endpoint", format!("http://127.0.0.1:{}/v1/traces", super::process::free_port()));
        let server = world.api().await;
        let org = Org::founded(&server.api(), "acme").await;
        org.invite("anyway@example.com").await;
        org.hears_of("anyway@example.com").await;
        server.stop().await;
    });
}
