//! Elasticsearch's bulk requests, into a data stream, which only takes `create`. The event's id is the document's, so what comes twice is
//! answered 409 and is there once.

use domain::delivery::log_streams::{Receiver, options::Mapping, verdict::Answer, verdict::Reason};
use serde::Deserialize;
use serde_json::json;

use super::encoding::{Batch, Body, Entry, moment, put};
use crate::egress::Incoming;

/// The data stream where none is named: logs, of us, by its usual scheme.
const DATA_STREAM: &str = "logs-tenantry.audit-default";
/// An answer names each item.
const LONG: usize = 1 << 20;

pub(super) fn encode<'e>(to: &Receiver, entries: impl Iterator<Item = Entry<'e>>) -> Option<Batch> {
    let key = to.credentials.api_key.as_ref()?;
    let has_timestamp = to.options.mapping == Mapping::Ecs;
    let write = |bytes: &mut Vec<u8>, _, entry: Entry<'e>| {
        put(bytes, &json!({ "create": { "_id": entry.id } }));
        bytes.push(b'\n');
        let at = bytes.len();
        put(bytes, &entry.shape);
        if !has_timestamp && bytes.get(at) == Some(&b'{') {
            let stamp = format!("\"@timestamp\":\"{}\",", moment(entry.at));
            bytes.splice(at + 1..at + 1, stamp.into_bytes());
        }
        bytes.push(b'\n');
    };
    let body = Body::of(entries, b"", write, b"");
    let mut batch = Batch::new(to, "/", "application/x-ndjson", body).compressed(to, true);
    if !batch.url.path().ends_with("/_bulk") {
        let stream = to.options.index.as_ref().map_or(DATA_STREAM, |index| index.as_str());
        let path = format!("{}/{stream}/_bulk", batch.url.path().trim_end_matches('/'));
        batch.url.set_path(&path);
    }
    // Of each item its status is enough.
    batch.url.query_pairs_mut().append_pair("filter_path", "errors,items.*.status");
    batch.max_response = LONG;
    Some(batch.header("Authorization", format!("ApiKey {}", key.expose())))
}

#[derive(Deserialize)]
struct Reply {
    errors: bool,
    #[serde(default)]
    items: Vec<std::collections::BTreeMap<String, Item>>,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
}

/// What a 200 says of each item.
pub(super) fn judge(incoming: &Incoming, sent: usize) -> Answer {
    let Ok(reply) = serde_json::from_slice::<Reply>(&incoming.body) else { return Answer::No(Reason::BadAnswer) };
    if !reply.errors {
        return Answer::Taken;
    }
    let statuses: Vec<u16> = reply.items.iter().filter_map(|item| Some(item.values().next()?.status)).collect();
    if statuses.len() != sent {
        return Answer::No(Reason::BadAnswer);
    }
    let is_there = |status: u16| matches!(status, 200..300 | 409);
    let is_refused = |status: u16| matches!(status, 400 | 413 | 422);
    let rest = statuses.iter().position(|status| !is_there(*status) && !is_refused(*status));
    let settled = rest.unwrap_or(sent);
    let refused: Vec<_> = statuses[..settled].iter().copied().enumerate().filter(|(_, status)| is_refused(*status)).collect();
    match refused.first() {
        // None is there: is it the records, or the index?
        Some((_, status)) if !statuses.iter().any(|status| is_there(*status)) => Answer::Status { status: *status, wait: None },
        _ => Answer::Items { settled, refused, rest: rest.map(|at| statuses[at]) },
    }
}
