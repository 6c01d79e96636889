//! Datadog's log intake, version 2: an array of at most 1,000 logs. The record travels as the JSON text of `message`, which Datadog takes
//! apart itself; attributes beside it would have to be strings.

use domain::delivery::log_streams::Receiver;
use serde::Serialize;

use super::encoding::{Batch, Body, Entry, put};

const PATH: &str = "/api/v2/logs";

#[derive(Serialize)]
struct Item<'a> {
    ddsource: &'a str,
    ddtags: String,
    hostname: &'a str,
    service: &'a str,
    status: &'a str,
    message: String,
}

pub(super) fn encode<'e>(to: &Receiver, host: &str, entries: impl Iterator<Item = Entry<'e>>) -> Option<Batch> {
    let key = to.credentials.api_key.as_ref()?;
    let write = |bytes: &mut Vec<u8>, place: usize, entry: Entry<'e>| {
        if place > 0 {
            bytes.push(b',');
        }
        let item = Item {
            ddsource: "tenantry",
            ddtags: format!("event:{}", entry.name),
            hostname: host,
            service: "tenantry",
            status: if entry.success { "info" } else { "warn" },
            message: serde_json::to_string(&entry.shape).unwrap_or_default(),
        };
        put(bytes, &item);
    };
    let body = Body::of(entries, b"[", write, b"]");
    let batch = Batch::new(to, PATH, "application/json", body).compressed(to, true);
    Some(batch.header("DD-API-KEY", key.expose()))
}
