//! Splunk's HTTP event collector: events one after the other, each in its envelope, with the time as seconds since 1970.
//!
//! Every request names a channel, the stream's own. A token with indexer acknowledgement wants one, and then answers with a number, by
//! which it is asked until it says that the events are on disk; a token without does not mind.

use std::time::Duration;

use domain::delivery::log_streams::{
    Receiver,
    credentials::ReceiverKey,
    verdict::{Answer, Reason},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    Receivers,
    encoding::{Batch, Body, Entry, SHORT, put},
    mapping::Shape,
    unanswered,
};
use crate::egress::Incoming;

const EVENTS: &str = "/services/collector/event";
const ACKS: &str = "/services/collector/ack";
/// Where the path of events has this end, acknowledgements are asked for beside it.
const COLLECTOR: &str = "/collector";

/// What is not acknowledged within this time is sent again.
pub(super) const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(30);
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Serialize)]
struct Envelope<'a> {
    time: f64,
    host: &'a str,
    source: &'a str,
    sourcetype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    event: &'a Shape<'a>,
}

pub(super) fn encode<'e>(to: &Receiver, host: &str, entries: impl Iterator<Item = Entry<'e>>) -> Option<Batch> {
    let key = to.credentials.api_key.as_ref()?;
    let sourcetype = format!("tenantry:{}", to.options.mapping.as_str());
    let write = |bytes: &mut Vec<u8>, _, entry: Entry<'e>| {
        let index = to.options.index.as_ref().map(|index| index.as_str());
        // Milliseconds, which a number of 64 bits holds exactly enough.
        let time = entry.at.timestamp_millis() as f64 / 1000.0;
        put(bytes, &Envelope { time, host, source: "tenantry", sourcetype: &sourcetype, index, event: &entry.shape });
        bytes.push(b'\n');
    };
    let body = Body::of(entries, b"", write, b"");
    let batch = Batch::new(to, EVENTS, "application/json", body).compressed(to, false);
    Some(authorized(batch, to, key))
}

fn authorized(batch: Batch, to: &Receiver, key: &ReceiverKey) -> Batch {
    let batch = batch.header("Authorization", format!("Splunk {}", key.expose()));
    batch.header("X-Splunk-Request-Channel", to.id.uuid().hyphenated().to_string())
}

#[derive(Deserialize)]
struct Reply {
    code: i64,
    #[serde(rename = "ackId")]
    ack_id: Option<u64>,
}

/// What a 2xx says: it is there, or will be acknowledged under this number.
pub(super) fn taken(incoming: &Incoming) -> Result<Option<u64>, Reason> {
    match serde_json::from_slice::<Reply>(&incoming.body) {
        Ok(Reply { code: 0, ack_id }) => Ok(ack_id),
        _ => Err(Reason::BadAnswer),
    }
}

impl Receivers {
    /// Asks until the events are acknowledged.
    pub(super) async fn acknowledged(&self, to: &Receiver, id: u64) -> Answer {
        let (until, mut pause) = (Instant::now() + ACKNOWLEDGED_WITHIN, FIRST_LOOK);
        loop {
            let Some(batch) = question(to, id) else { return super::NO_KEY };
            match self.post(batch).await {
                Err(error) => return Answer::No(unanswered(error)),
                Ok(incoming) if incoming.status != 200 => {
                    return Answer::Status { status: incoming.status, wait: self.asked(&incoming) };
                }
                Ok(incoming) => match acknowledges(&incoming, id) {
                    None => return Answer::No(Reason::BadAnswer),
                    Some(true) => return Answer::Taken,
                    Some(false) if Instant::now() + pause > until => return Answer::No(Reason::NotAcknowledged),
                    Some(false) => {}
                },
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

fn question(to: &Receiver, id: u64) -> Option<Batch> {
    let key = to.credentials.api_key.as_ref()?;
    let mut url = to.url.url().clone();
    let path = match url.path().rfind(COLLECTOR) {
        Some(at) => format!("{}{COLLECTOR}/ack", &url.path()[..at]),
        None => ACKS.to_owned(),
    };
    url.set_path(&path);
    url.query_pairs_mut().append_pair("channel", &to.id.uuid().hyphenated().to_string());
    let body = json!({ "acks": [id] }).to_string().into_bytes();
    let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
    Some(authorized(Batch { url, headers, body, records: 0, max_response: SHORT }, to, key))
}

fn acknowledges(incoming: &Incoming, id: u64) -> Option<bool> {
    let reply: serde_json::Value = serde_json::from_slice(&incoming.body).ok()?;
    reply.get("acks")?.get(id.to_string())?.as_bool()
}
