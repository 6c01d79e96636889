//! OpenTelemetry's log records over HTTP, as JSON: the record is the body, structured.

use domain::{
    Time,
    delivery::log_streams::{
        Receiver,
        verdict::{Answer, Reason},
    },
};
use serde::Serialize;
use serde_json::{Value, json};

use super::encoding::{Batch, Body, Entry, put};
use crate::egress::Incoming;

const PATH: &str = "/v1/logs";

/// As protobuf's JSON has numbers of 64 bits: in quotation marks.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogRecord<'a> {
    time_unix_nano: String,
    observed_time_unix_nano: String,
    severity_number: u8,
    severity_text: &'a str,
    event_name: &'a str,
    body: Value,
    attributes: [Value; 1],
}

fn nanoseconds(at: Time) -> String {
    (i128::from(at.timestamp_micros()) * 1000).to_string()
}

pub(super) fn encode<'e>(to: &Receiver, host: &str, now: Time, entries: impl Iterator<Item = Entry<'e>>) -> Option<Batch> {
    let text = |key: &str, text: &str| json!({ "key": key, "value": { "stringValue": text } });
    let resource = json!({ "attributes": [text("service.name", "tenantry"), text("host.name", host)] });
    let begin = format!(
        "{{\"resourceLogs\":[{{\"resource\":{resource},\"scopeLogs\":[{{\"scope\":{{\"name\":\"tenantry.audit\"}},\"logRecords\":["
    );
    let observed = nanoseconds(now);
    let write = |bytes: &mut Vec<u8>, place: usize, entry: Entry<'e>| {
        if place > 0 {
            bytes.push(b',');
        }
        // INFO and WARN, by their numbers.
        let (severity_number, severity_text) = if entry.success { (9, "INFO") } else { (13, "WARN") };
        let record = LogRecord {
            time_unix_nano: nanoseconds(entry.at),
            observed_time_unix_nano: observed.clone(),
            severity_number,
            severity_text,
            event_name: entry.name,
            body: any(serde_json::to_value(&entry.shape).unwrap_or_default()),
            attributes: [text("log.record.uid", &entry.id)],
        };
        put(bytes, &record);
    };
    let body = Body::of(entries, begin.as_bytes(), write, b"]}]}]}");
    let batch = Batch::new(to, PATH, "application/json", body).compressed(to, true);
    Some(super::custom::authorized(batch, to))
}

/// A value in OpenTelemetry's own words.
fn any(value: Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(truth) => json!({ "boolValue": truth }),
        Value::Number(number) if number.is_f64() => json!({ "doubleValue": number }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::String(text) => json!({ "stringValue": text }),
        Value::Array(values) => json!({ "arrayValue": { "values": values.into_iter().map(any).collect::<Vec<_>>() } }),
        Value::Object(members) => {
            let pair = |(key, value)| json!({ "key": key, "value": any(value) });
            json!({ "kvlistValue": { "values": members.into_iter().map(pair).collect::<Vec<_>>() } })
        }
    }
}

/// What a 200 says: all of them, or that some were rejected, but not which.
pub(super) fn judge(incoming: &Incoming) -> Answer {
    if incoming.body.is_empty() {
        return Answer::Taken;
    }
    let Ok(Value::Object(reply)) = serde_json::from_slice(&incoming.body) else { return Answer::No(Reason::BadAnswer) };
    let rejected = reply.get("partialSuccess").and_then(|partial| partial.get("rejectedLogRecords"));
    let is_none = match rejected {
        None | Some(Value::Null) => true,
        Some(Value::String(count)) => count == "0",
        Some(count) => count == 0,
    };
    if is_none { Answer::Taken } else { Answer::Status { status: 400, wait: None } }
}
