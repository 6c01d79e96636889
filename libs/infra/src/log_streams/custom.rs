//! Any HTTP server: a record in each line, or a JSON array; signed, if the organization wants it.

use domain::{
    Time,
    delivery::log_streams::{Receiver, options::Framing},
};

use super::encoding::{Batch, Body, Entry, put};

pub(super) fn encode<'e>(to: &Receiver, now: Time, entries: impl Iterator<Item = Entry<'e>>) -> Option<Batch> {
    let is_array = to.options.framing == Framing::Array;
    let write = |bytes: &mut Vec<u8>, place: usize, entry: Entry<'e>| {
        if is_array && place > 0 {
            bytes.push(b',');
        }
        put(bytes, &entry.shape);
        if !is_array {
            bytes.push(b'\n');
        }
    };
    let (begin, end): (&[u8], &[u8]) = if is_array { (b"[", b"]") } else { (b"", b"") };
    let content_type = if is_array { "application/json" } else { "application/x-ndjson" };
    let body = Body::of(entries, begin, write, end);
    let mut batch = authorized(Batch::new(to, "/", content_type, body).compressed(to, false), to);
    if let Some(secret) = &to.credentials.signing_secret {
        // Of the bytes that travel.
        let signature = crypto::webhook::timed_signature(secret.expose(), now, &batch.body);
        batch = batch.header("X-Tenantry-Signature", signature);
    }
    Some(batch)
}

/// With the header of the organization's choice; else the key as a bearer's.
pub(super) fn authorized(batch: Batch, to: &Receiver) -> Batch {
    match (&to.credentials.auth_header, &to.credentials.api_key) {
        (Some(header), _) => {
            let (name, value) = header.parts();
            batch.header(name, value)
        }
        (None, Some(key)) => batch.header("Authorization", format!("Bearer {}", key.expose())),
        (None, None) => batch,
    }
}
