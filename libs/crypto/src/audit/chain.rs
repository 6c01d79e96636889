//! The hash chain over an organization's feed. Whoever keeps one hash can later prove that nothing before it was changed, removed or
//! inserted.
//!
//! The format:
//!
//! - Before the first event stands the genesis hash: `hex(SHA-256(organization))`, over the id's text (`org_…`).
//! - Each event's hash is `hex(SHA-256(len(previous) ‖ previous ‖ seq ‖ len(event) ‖ event ‖ len(what) ‖ what))`, where `previous` is
//!   the hash before it as hexadecimal text, `seq` its number as 8 bytes, `event` its id as text (`evt_…`), `what` its leaf, and each
//!   length is 8 bytes. All numbers are big-endian. The lengths keep two different rows from reading alike.
//! - For events from before there were leaves, `what` is the exact text of the body.

use domain::{EventId, OrgId};
use sha2::{Digest, Sha256};

/// What the chain of an organization begins with.
pub fn genesis(org: OrgId) -> String {
    hex::encode(Sha256::digest(org.to_string()))
}

/// The hash of one event of the feed.
pub fn link(previous: &str, seq: i64, event: EventId, what: &str) -> String {
    let sized = |hash: Sha256, part: &str| hash.chain_update((part.len() as u64).to_be_bytes()).chain_update(part);
    let hash = sized(Sha256::new(), previous).chain_update(seq.to_be_bytes());
    let hash = sized(hash, &event.to_string());
    hex::encode(sized(hash, what).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(n: u128) -> EventId {
        EventId::new(uuid::Uuid::from_u128(n))
    }

    #[test]
    fn the_format_is_what_the_description_says() {
        let org = OrgId::new(uuid::Uuid::from_u128(1));
        let first = genesis(org);
        assert_eq!(first, hex::encode(Sha256::digest("org_00000000000000000000000000000001")));
        let mut bytes = vec![];
        bytes.extend(64_u64.to_be_bytes());
        bytes.extend(first.as_bytes());
        bytes.extend(1_i64.to_be_bytes());
        bytes.extend(36_u64.to_be_bytes());
        bytes.extend(b"evt_00000000000000000000000000000002");
        bytes.extend(2_u64.to_be_bytes());
        bytes.extend(b"{}");
        assert_eq!(link(&first, 1, event(2), "{}"), hex::encode(Sha256::digest(bytes)));
    }

    #[test]
    fn every_part_counts() {
        let all = [
            link("a", 1, event(1), "b"),
            link("b", 1, event(1), "b"),
            link("a", 2, event(1), "b"),
            link("a", 1, event(2), "b"),
            link("a", 1, event(1), "c"),
        ];
        let distinct: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }
}
