//! API keys.

use serde_json::json;

use super::{
    Maker, Noun, Operation,
    access::{Access::Organization, Rank::Admin, op},
    made,
};
use crate::text;

pub(super) const NOUNS: &[Noun] = &[Noun { parameter: "api_key_id", prefix: "apk_", make: made!(api_key) }];

pub(super) const OPERATIONS: &[Operation] = &[
    op("organizations.apiKeys.create", Organization(Admin)).with(|n| json!({"name": format!("Sweep {n}"), "permissions": []})),
    op("organizations.apiKeys.delete", Organization(Admin)),
    op("organizations.apiKeys.get", Organization(Admin)),
    op("organizations.apiKeys.list", Organization(Admin)),
    op("organizations.apiKeys.rotate", Organization(Admin)),
    op("organizations.apiKeys.update", Organization(Admin)),
];

async fn api_key(at: &Maker<'_>) -> String {
    text(&at.post("api-keys", json!({"name": "Program", "permissions": ["webhooks.manage"]})).await["id"])
}
