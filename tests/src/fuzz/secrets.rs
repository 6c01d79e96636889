//! What is sealed and signed with our keys: nothing that we did not make opens or verifies, and no refusal shows a key.

use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta};
use crypto::{
    Keyring, MasterKeys, OsRandom, Place, Sealed,
    webhook::{Received, headers, verify_standard},
};
use domain::Time;
use uuid::Uuid;

use super::{fields, text};

const SECRET: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const BODY: &[u8] = b"{}";

fn now() -> Time {
    DateTime::from_timestamp(1_800_000_000, 0).expect("a moment")
}

/// Lines: id, timestamp, signature. Only ours are good.
pub(super) fn signature(data: &[u8]) {
    let [id, timestamp, signature] = fields(text(data));
    let check = |received: Received<'_>, body: &[u8]| verify_standard(&[SECRET], &received, body, now(), TimeDelta::minutes(5));
    let made = headers(&[SECRET], "msg_1", now(), BODY).expect("signatures");
    let ours = made.iter().find(|(name, _)| *name == "webhook-signature").map(|(_, value)| value.as_str()).expect("ours");
    let stamp = now().timestamp().to_string();
    let forged = check(Received { id, timestamp, signature }, BODY);
    assert!(
        forged.is_err() || (id == "msg_1" && timestamp == stamp && signature.contains(ours)),
        "{id:?} {timestamp:?} {signature:?}"
    );
    for (id, timestamp, body) in [(id, stamp.as_str(), BODY), ("msg_1", timestamp, BODY), ("msg_1", &stamp, data)] {
        let same = id == "msg_1" && timestamp == stamp && body == BODY;
        assert_eq!(check(Received { id, timestamp, signature: ours }, body).is_ok(), same, "{id:?} {timestamp:?}");
    }
}

static RING: LazyLock<Keyring> = LazyLock::new(|| ring("a1"));
static UNUSED: LazyLock<Keyring> = LazyLock::new(|| ring("b2"));

fn ring(byte: &str) -> Keyring {
    let ring = Keyring::new(MasterKeys::parse(&format!("m1:{}", byte.repeat(32))).expect("a key"));
    let key = ring.mint_data_key(1, &OsRandom::new());
    ring.load(vec![key]).expect("its key");
    ring
}

/// The bytes as an envelope, and as a place that the envelope was not made for.
pub(super) fn sealed(data: &[u8]) {
    let place = |row| Place { org: Uuid::from_u128(1), table: "webhooks", column: "secret", row };
    // Under keys that have sealed nothing: a fuzzer that watches comparisons learns what this process has sealed, and sends it back.
    assert!(UNUSED.open(&place("1"), &Sealed::from(text(data).to_owned())).is_err(), "{:?} opens", text(data));
    let ours = RING.seal(&place("1"), data).expect("an envelope");
    assert_eq!(*RING.open(&place("1"), &ours).expect("ours"), data);
    assert_eq!(RING.open(&place(text(data)), &ours).is_ok(), text(data) == "1");
    let mut bytes = ours.as_str().as_bytes().to_vec();
    for change in data.chunks_exact(2) {
        let at = usize::from(change[0]) * bytes.len() / 256;
        bytes[at] = change[1];
    }
    let changed = String::from_utf8(bytes).unwrap_or_default();
    assert!(changed == ours.as_str() || RING.open(&place("1"), &Sealed::from(changed)).is_err());
}

/// A refusal never shows what could be a key.
pub(super) fn masters(data: &[u8]) {
    let s = text(data);
    match MasterKeys::parse(s) {
        Ok(keys) => assert!(s.split_whitespace().next().is_some_and(|first| first.starts_with(keys.active_id())), "{s:?}"),
        Err(error) => {
            let shown = s.split([':', ' ', '\n']).find(|part| part.len() > 16 && error.contains(part));
            assert!(shown.is_none(), "{error}");
        }
    }
}
