//! One record as one hash, in two steps, because a record may be erased in part.
//!
//! - The *digest* covers what an erasure removes: the content, and a random salt without which nobody can guess it.
//! - The *leaf* covers what stays for ever (organization, id, name, outcome, time) and the digest.
//!
//! So an erased record, of which only the digest is left, still has its leaf: what stays of it cannot be altered unnoticed.
//!
//! The format: `hex(SHA-256(…))` over the parts in the order of [`digest`] and [`leaf`], each of them as its length in 8 bytes
//! (big-endian) and its text; a part that may be missing has a byte in front, 1 if it is there and 0 if not. The first part is a tag.

use domain::{EventId, OrgId, Time};
use serde::{Deserialize, Serialize};

use super::Parts;

/// What an erasure removes: every stored field but those of [`Kept`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Content {
    /// `user`, `system` or `anonymous`.
    pub actor_kind: String,
    /// Who did it.
    pub actor_id: Option<String>,
    /// Their address then.
    pub actor_email: Option<String>,
    /// What it happened to.
    pub target_type: String,
    /// Its id.
    pub target_id: String,
    /// From where.
    pub ip_address: Option<String>,
    /// With what.
    pub user_agent: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// Its trace.
    pub traceparent: Option<String>,
    /// More, as the exact JSON text.
    pub metadata: String,
    /// What webhooks posted, as the exact JSON text.
    pub body: String,
}

/// What stays of every record.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// Whose log.
    pub org: OrgId,
    /// The record.
    pub id: EventId,
    /// The event's name.
    pub name: &'a str,
    /// Whether it worked.
    pub success: bool,
    /// When, as [`moment`] writes it.
    pub at: &'a str,
}

/// The hash of what an erasure removes.
pub fn digest(salt: &str, content: &Content) -> String {
    Parts::of("tenantry audit content 1")
        .with(salt)
        .with(&content.actor_kind)
        .maybe(content.actor_id.as_deref())
        .maybe(content.actor_email.as_deref())
        .with(&content.target_type)
        .with(&content.target_id)
        .maybe(content.ip_address.as_deref())
        .maybe(content.user_agent.as_deref())
        .maybe(content.request_id.as_deref())
        .maybe(content.traceparent.as_deref())
        .with(&content.metadata)
        .with(&content.body)
        .hex()
}

/// The hash of a record.
pub fn leaf(kept: &Kept<'_>, digest: &str) -> String {
    Parts::of("tenantry audit record 1")
        .with(&kept.org.to_string())
        .with(&kept.id.to_string())
        .with(kept.name)
        .with(if kept.success { "true" } else { "false" })
        .with(kept.at)
        .with(digest)
        .hex()
}

/// A moment as the formats of this module write it: RFC 3339 in UTC with six decimals.
pub fn moment(at: Time) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::{Value, json};
    use sha2::{Digest, Sha256};

    use super::*;

    fn sample() -> Value {
        json!({"actor_kind": "user", "actor_id": "usr_1", "actor_email": "a@b.c", "target_type": "user", "target_id": "usr_2",
            "ip_address": "::1", "user_agent": "curl", "request_id": "r", "traceparent": "t", "metadata": "{}", "body": "{\"a\":1}"})
    }

    fn of(value: Value) -> String {
        digest("salt", &serde_json::from_value(value).unwrap())
    }

    #[test]
    fn every_field_counts_and_missing_is_not_empty() {
        let mut seen = HashSet::from([of(sample())]);
        for name in sample().as_object().unwrap().keys() {
            let mut other = sample();
            other[name] = json!("another");
            assert!(seen.insert(of(other)), "{name}");
            let mut empty = sample();
            empty[name] = json!("");
            assert!(seen.insert(of(empty)), "empty {name}");
            let mut missing = sample();
            missing[name] = Value::Null;
            if let Ok(content) = serde_json::from_value(missing) {
                assert!(seen.insert(digest("salt", &content)), "missing {name}");
            }
        }
        assert!(seen.insert(digest("other salt", &serde_json::from_value(sample()).unwrap())));
    }

    #[test]
    fn text_does_not_move_from_one_field_to_the_next() {
        let with = |kind: &str, id: &str| {
            let mut other = sample();
            (other["target_type"], other["target_id"]) = (json!(kind), json!(id));
            of(other)
        };
        assert_ne!(with("user", "x"), with("use", "rx"));
    }

    #[test]
    fn what_stays_is_covered_by_the_leaf() {
        let at = moment("2026-11-23T09:00:00.5Z".parse().unwrap());
        let id = |n| uuid::Uuid::from_u128(n);
        let kept = Kept { org: OrgId::new(id(1)), id: EventId::new(id(2)), name: "user.joined", success: true, at: &at };
        let others = [
            Kept { org: OrgId::new(id(3)), ..kept },
            Kept { id: EventId::new(id(3)), ..kept },
            Kept { name: "user.removed", ..kept },
            Kept { success: false, ..kept },
            Kept { at: "2026-11-23T09:00:00.500001Z", ..kept },
        ];
        let mut seen: HashSet<String> = others.iter().map(|kept| leaf(kept, "d")).collect();
        assert!(seen.insert(leaf(&kept, "d")) && seen.insert(leaf(&kept, "e")));
        assert_eq!(seen.len(), 7);
        let mut bytes = Vec::new();
        for part in [
            "tenantry audit record 1",
            "org_00000000000000000000000000000001",
            "evt_00000000000000000000000000000002",
            "user.joined",
            "true",
            "2026-11-23T09:00:00.500000Z",
            "d",
        ] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        assert_eq!(leaf(&kept, "d"), hex::encode(Sha256::digest(bytes)), "the documented format");
    }
}
