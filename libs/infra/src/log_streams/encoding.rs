//! What all protocols have in common: entries, bodies with a bound, headers, compression.

use std::io::Write;

use chrono::SecondsFormat;
use domain::{
    Time,
    delivery::log_streams::{Receiver, options::Mapping, record::Record},
};
use flate2::{Compression, write::GzEncoder};
use serde::Serialize;
use serde_json::json;
use url::Url;

use super::mapping::{Shape, shaped};

/// A body is no longer than this, unless one record alone is: what the strictest receivers take, before compression.
pub(super) const MAX_BODY: usize = 4 << 20;

/// A record in the shape in which it is sent, and what protocols want to know of it beside.
pub(super) struct Entry<'a> {
    /// When it happened.
    pub(super) at: Time,
    /// The same at every repetition.
    pub(super) id: String,
    /// What happened.
    pub(super) name: &'a str,
    /// Whether it worked.
    pub(super) success: bool,
    /// The record.
    pub(super) shape: Shape<'a>,
}

impl<'a> Entry<'a> {
    pub(super) fn of(record: &'a Record, mapping: Mapping) -> Self {
        let (id, name) = (record.id.to_string(), record.name.as_str());
        Self { at: record.at, id, name, success: record.success, shape: shaped(record, mapping) }
    }

    /// One that says that it is a test.
    pub(super) fn test(at: Time) -> Self {
        let body = json!({ "test": true, "message": "This is a test record.", "timestamp": moment(at) });
        Self { at, id: format!("test-{}", at.timestamp_micros()), name: "test", success: true, shape: Shape::Mapped(body) }
    }
}

/// As the API writes moments.
pub(super) fn moment(at: Time) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A request to be sent.
pub(super) struct Batch {
    pub(super) url: Url,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Records in it.
    pub(super) records: usize,
    pub(super) max_response: usize,
}

/// Bytes of a short answer.
pub(super) const SHORT: usize = 16 * 1024;

impl Batch {
    pub(super) fn new(to: &Receiver, path: &str, content_type: &str, body: Body) -> Self {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        let mut url = to.url.url().clone();
        // What somebody wrote is what they want.
        if matches!(url.path(), "" | "/") {
            url.set_path(path);
        }
        Self { url, headers, body: body.bytes, records: body.records, max_response: SHORT }
    }

    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Compresses the body, if the organization wants it or, where it said nothing, `usually`.
    pub(super) fn compressed(mut self, to: &Receiver, usually: bool) -> Self {
        if !to.options.gzip.unwrap_or(usually) {
            return self;
        }
        let mut encoder = GzEncoder::new(Vec::with_capacity(self.body.len() / 4), Compression::fast());
        // Writing to memory does not fail; if it did, the body would leave as it is.
        let Ok(compressed) = encoder.write_all(&self.body).and_then(|()| encoder.finish()) else { return self };
        self.body = compressed;
        self.header("Content-Encoding", "gzip")
    }
}

/// A body that grows record by record.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    pub(super) records: usize,
}

impl Body {
    /// Writes entries one after the other, each by `write`, until they are all there or the next would be too much.
    pub(super) fn of<'a>(
        entries: impl Iterator<Item = Entry<'a>>,
        begin: &[u8],
        mut write: impl FnMut(&mut Vec<u8>, usize, Entry<'a>),
        end: &[u8],
    ) -> Self {
        let (mut bytes, mut records) = (begin.to_vec(), 0);
        for entry in entries {
            let before = bytes.len();
            write(&mut bytes, records, entry);
            if bytes.len() + end.len() > MAX_BODY && records > 0 {
                bytes.truncate(before);
                break;
            }
            records += 1;
        }
        bytes.extend_from_slice(end);
        Self { bytes, records }
    }
}

/// Appends JSON. What is written here always serializes.
pub(super) fn put(bytes: &mut Vec<u8>, value: &impl Serialize) {
    let before = bytes.len();
    if serde_json::to_writer(&mut *bytes, value).is_err() {
        bytes.truncate(before);
    }
}
