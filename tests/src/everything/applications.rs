//! API keys; services and plans.

use serde_json::json;

use super::{
    Maker, Noun, Operation,
    access::{
        Access::Organization,
        Rank::{Admin, Member, Owner},
        op,
    },
    made,
};
use crate::text;

pub(super) const NOUNS: &[Noun] = &[
    Noun { parameter: "api_key_id", prefix: "apk_", make: made!(api_key) },
    Noun { parameter: "service_slug", prefix: "", make: made!(service) },
    Noun { parameter: "plan_id", prefix: "plan_", make: made!(plan) },
];

pub(super) const OPERATIONS: &[Operation] = &[
    op("organizations.apiKeys.create", Organization(Admin)).with(|n| json!({"name": format!("Sweep {n}"), "permissions": []})),
    op("organizations.apiKeys.delete", Organization(Admin)),
    op("organizations.apiKeys.get", Organization(Admin)),
    op("organizations.apiKeys.list", Organization(Admin)),
    op("organizations.apiKeys.rotate", Organization(Admin)),
    op("organizations.apiKeys.update", Organization(Admin)),
    op("services.create", Organization(Admin))
        .with(|n| json!({"slug": format!("sweep-{n}"), "name": "Sweep", "service_type": "web"})),
    op("services.delete", Organization(Owner)),
    op("services.get", Organization(Admin)),
    op("services.list", Organization(Member)),
    op("services.plans.create", Organization(Admin))
        .with(|n| json!({"name": format!("Sweep {n}"), "price_cents": 0, "currency": "usd"})),
    op("services.plans.delete", Organization(Admin)),
    op("services.plans.list", Organization(Admin)),
    op("services.plans.update", Organization(Admin)).with(|n| json!({"price_cents": n})),
    op("services.rotateSecret", Organization(Admin)),
    op("services.update", Organization(Admin)).with(|n| json!({"name": format!("Sweep {n}")})),
];

async fn api_key(at: &Maker<'_>) -> String {
    text(&at.post("api-keys", json!({"name": "Program", "permissions": ["webhooks.manage"]})).await["id"])
}

async fn service(at: &Maker<'_>) -> String {
    let slug = format!("{}-portal", at.id("org_slug"));
    let made = at.post("services", json!({"slug": slug, "name": "Portal", "service_type": "web"})).await;
    at.keep("nobody", &made["service"]);
    at.post(&format!("services/{slug}/secret/rotate"), json!({})).await;
    slug
}

async fn plan(at: &Maker<'_>) -> String {
    let body = json!({"name": "Team", "price_cents": 4900, "currency": "usd"});
    text(&at.post(&format!("services/{}/plans", at.id("service_slug")), body).await["plan"]["id"])
}
