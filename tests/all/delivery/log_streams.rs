//! Log streams: made, shown, changed, deleted; and that they really forward, in order, that organization's log and no other.

mod faults;
mod forwarding;
mod platform;
mod providers;
mod settings;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tenantry_tests::{LogReceiver, Org, RECEIVER_KEY, Speaks, TestApp, User, text};

const FEATURE: &str = "update organizations set feature_overrides = '{\"allow_siem\": true}'";

/// An organization that may have log streams.
async fn founded(app: &TestApp) -> (User, Org) {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    app.execute(FEATURE).await;
    (ann, org)
}

/// What makes a stream to a receiver.
fn stream_to(receiver: &LogReceiver, speaks: Speaks) -> Value {
    let (provider, framing) = match speaks {
        Speaks::Hec { .. } => ("Splunk", "ndjson"),
        Speaks::Datadog => ("Datadog", "ndjson"),
        Speaks::Elastic => ("Elastic", "ndjson"),
        Speaks::Otlp => ("OTLP", "ndjson"),
        Speaks::Lines => ("Custom", "ndjson"),
        Speaks::Array => ("Custom", "array"),
    };
    json!({
        "name": format!("Stream to {provider}"), "provider_type": provider, "endpoint_url": receiver.url, "api_key": RECEIVER_KEY,
        "framing": framing, "from": "start",
    })
}

/// Makes a stream and answers its path.
async fn make(app: &TestApp, by: &User, org: &Org, body: Value) -> String {
    let made = app.by(by).post(&org.at("siem-configs"), body).await.expect(201).json();
    org.at(&format!("siem-configs/{}", text(&made["id"])))
}

/// A receiver, and an organization whose log is forwarded to it from its beginning.
async fn streaming(app: &TestApp, speaks: Speaks) -> (User, Org, LogReceiver, String) {
    let (ann, org) = founded(app).await;
    let receiver = LogReceiver::start(speaks).await;
    let path = make(app, &ann, &org, stream_to(&receiver, speaks)).await;
    (ann, org, receiver, path)
}

/// Something happens: the organization has another name, so often.
async fn rename(app: &TestApp, by: &User, org: &Org, times: usize) {
    for n in 0..times {
        app.by(by).patch(&org.path, json!({"name": format!("Acme {n} {}", app.now().timestamp_micros())})).await.ok();
    }
}

async fn shown(app: &TestApp, by: &User, path: &str) -> Value {
    let by = app.again(by).await;
    app.by(&by).get(path).await.ok()
}

/// What the log says about an action, newest first.
async fn recorded(app: &TestApp, by: &User, org: &Org, action: &str) -> Vec<Value> {
    app.worker().await;
    let by = app.again(by).await;
    let log = app.by(&by).get(&org.at(&format!("audit-log?action={action}"))).await.ok();
    log["logs"].as_array().unwrap().iter().map(|entry| entry["metadata"].clone()).collect()
}

/// Works until the stream has no reason to wait any more.
async fn patiently(app: &TestApp, seconds: i64) {
    app.advance(TimeDelta::seconds(seconds));
    app.worker().await;
}
