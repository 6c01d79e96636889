//! Polar, as its published interface has it: JSON in and out; its calls are Standard Webhooks.

use chrono::SecondsFormat;
use domain::{
    Result, Time,
    applications::billing::{
        calls::{Checkout, Customer, Usage},
        told::{Call, Told},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, ORGANIZATION_KEY, SERVICE_KEY, USER_KEY, USERS_KEY, metadata_id, name_of, not_read};

fn posted(path: &'static str, body: &Value) -> Asked {
    Asked { path: path.into(), content_type: Some("application/json"), body: body.to_string(), once: None }
}

pub(super) fn checkout(wanted: &Checkout) -> Asked {
    let body = json!({
        "products": [wanted.product],
        "success_url": wanted.success_url,
        "return_url": wanted.cancel_url,
        "external_customer_id": wanted.user.to_string(),
        "customer_email": wanted.email.as_str(),
        "metadata": {USER_KEY: wanted.user.to_string(), SERVICE_KEY: wanted.service.to_string()},
    });
    posted("v1/checkouts/", &body)
}

pub(super) fn customer(who: &Customer) -> Asked {
    let body = json!({
        "email": who.email.as_str(),
        "name": who.name.as_str(),
        "external_id": who.organization.to_string(),
        "metadata": {ORGANIZATION_KEY: who.organization.to_string()},
    });
    posted("v1/customers/", &body)
}

/// Asks whether there is one.
pub(super) fn known_customer(who: &Customer) -> Asked {
    let path = format!("v1/customers/external/{}", who.organization);
    Asked { path: path.into(), content_type: None, body: String::new(), once: None }
}

/// A meter takes the largest `value` of a time.
pub(super) fn usage(meter: &str, usage: &Usage) -> Asked {
    let event = json!({
        "name": meter,
        "customer_id": usage.customer,
        "external_id": name_of(usage),
        "timestamp": usage.at.to_rfc3339_opts(SecondsFormat::Secs, true),
        "metadata": {USERS_KEY: usage.users},
    });
    posted("v1/events/ingest", &json!({"events": [event]}))
}

pub(super) fn portal(customer: &str, return_url: &str) -> Asked {
    posted("v1/customer-sessions/", &json!({"customer_id": customer, "return_url": return_url}))
}

/// An event, as far as we look at it. Its id is in the headers.
#[derive(Deserialize)]
struct PolarEvent {
    #[serde(rename = "type")]
    kind: String,
    timestamp: Option<Time>,
    #[serde(default)]
    data: Value,
}

#[derive(Deserialize)]
struct PolarSubscription {
    id: String,
    status: String,
    created_at: Option<Time>,
    /// Null: not since it was made.
    modified_at: Option<Time>,
    current_period_end: Option<Time>,
    product_id: Option<String>,
    customer_id: Option<String>,
    #[serde(default)]
    metadata: Value,
    customer: Option<PolarCustomer>,
}

#[derive(Deserialize)]
struct PolarCustomer {
    external_id: Option<String>,
}

pub(super) fn read(body: &[u8], sent: Time) -> Result<Call> {
    let event: PolarEvent = serde_json::from_slice(body).map_err(|_| not_read())?;
    if !event.kind.starts_with("subscription.") {
        let gone = event.data["id"].as_str().filter(|_| event.kind == "customer.deleted").map(str::to_owned);
        return Ok(Call { id: None, kind: event.kind, at: event.timestamp.unwrap_or(sent), live: None, about: None, gone });
    }
    let read: PolarSubscription = serde_json::from_value(event.data).map_err(|_| not_read())?;
    let at = read.modified_at.or(event.timestamp).or(read.created_at).unwrap_or(sent);
    let about = read.status.parse().ok().map(|status| Told {
        id: read.id,
        status,
        products: read.product_id.into_iter().collect(),
        until: read.current_period_end,
        user: metadata_id(&read.metadata, USER_KEY).or_else(|| read.customer?.external_id?.parse().ok()),
        service: metadata_id(&read.metadata, SERVICE_KEY),
        customer: read.customer_id,
    });
    Ok(Call { id: None, kind: event.kind, at, live: None, about, gone: None })
}
