//! Stripe, as its published interface has it: forms in, JSON out.

use chrono::DateTime;
use domain::{
    Result, Time,
    applications::billing::{
        calls::{Checkout, Customer, Usage},
        told::{Call, Told},
    },
};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded::Serializer;

use super::{Asked, MOST_ITEMS, ORGANIZATION_KEY, SERVICE_KEY, USER_KEY, USERS_KEY, metadata_id, name_of, not_read};

fn posted(path: &'static str, fields: &[(&str, &str)], once: Option<String>) -> Asked {
    let body = Serializer::new(String::new()).extend_pairs(fields).finish();
    Asked { path: path.into(), content_type: Some("application/x-www-form-urlencoded"), body, once }
}

pub(super) fn checkout(wanted: &Checkout) -> Asked {
    let (user, service) = (wanted.user.to_string(), wanted.service.to_string());
    let (noted_user, noted_service) =
        (format!("subscription_data[metadata][{USER_KEY}]"), format!("subscription_data[metadata][{SERVICE_KEY}]"));
    let fields = [
        ("mode", "subscription"),
        ("line_items[0][price]", wanted.product.as_str()),
        ("line_items[0][quantity]", "1"),
        ("success_url", wanted.success_url.as_str()),
        ("cancel_url", wanted.cancel_url.as_str()),
        ("client_reference_id", user.as_str()),
        ("customer_email", wanted.email.as_str()),
        (noted_user.as_str(), user.as_str()),
        (noted_service.as_str(), service.as_str()),
    ];
    posted("v1/checkout/sessions", &fields, None)
}

pub(super) fn customer(who: &Customer) -> Asked {
    let (organization, noted) = (who.organization.to_string(), format!("metadata[{ORGANIZATION_KEY}]"));
    let fields = [("name", who.name.as_str()), ("email", who.email.as_str()), (noted.as_str(), organization.as_str())];
    // Whoever asks twice at once gets the same customer; one that was deleted there is not what is asked for.
    posted("v1/customers", &fields, Some(format!("tenantry-customer-{organization}-{}", who.before)))
}

pub(super) fn portal(customer: &str, return_url: &str) -> Asked {
    posted("v1/billing_portal/sessions", &[("customer", customer), ("return_url", return_url)], None)
}

/// A meter takes the last number of a time, by `stripe_customer_id` and `value`.
pub(super) fn usage(meter: &str, usage: &Usage) -> Asked {
    let (users, at, name) = (usage.users.to_string(), usage.at.timestamp().to_string(), name_of(usage));
    let value = format!("payload[{USERS_KEY}]");
    let fields = [
        ("event_name", meter),
        ("payload[stripe_customer_id]", usage.customer.as_str()),
        (value.as_str(), users.as_str()),
        ("identifier", name.as_str()),
        ("timestamp", at.as_str()),
    ];
    posted("v1/billing/meter_events", &fields, None)
}

/// An event, as far as we look at it.
#[derive(Deserialize)]
struct StripeEvent {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: i64,
    livemode: Option<bool>,
    /// Whose account it is about, where that is not the one that the endpoint belongs to.
    account: Option<String>,
    #[serde(default)]
    data: StripeData,
}

#[derive(Default, Deserialize)]
struct StripeData {
    object: Option<Value>,
}

#[derive(Deserialize)]
struct StripeSubscription {
    id: String,
    status: String,
    customer: Option<String>,
    #[serde(default)]
    metadata: Value,
    /// In versions of the interface before 2025-03-31 here, later at the items.
    current_period_end: Option<i64>,
    items: Option<StripeItems>,
}

#[derive(Deserialize)]
struct StripeItems {
    #[serde(default)]
    data: Vec<StripeItem>,
}

#[derive(Deserialize)]
struct StripeItem {
    price: Option<StripePrice>,
    current_period_end: Option<i64>,
}

#[derive(Deserialize)]
struct StripePrice {
    id: String,
}

fn moment(seconds: i64) -> Result<Time> {
    DateTime::from_timestamp(seconds, 0).ok_or_else(not_read)
}

pub(super) fn read(body: &[u8]) -> Result<Call> {
    let event: StripeEvent = serde_json::from_slice(body).map_err(|_| not_read())?;
    let gone = event.data.object.as_ref().filter(|_| event.account.is_none() && event.kind == "customer.deleted");
    let gone = gone.and_then(|object| object["id"].as_str()).map(str::to_owned);
    let about_us = event.account.is_none() && event.kind.starts_with("customer.subscription.");
    let object = event.data.object.filter(|object| about_us && object["object"] == "subscription");
    let about = object.map(subscription).transpose()?.flatten();
    Ok(Call { id: Some(event.id), kind: event.kind, at: moment(event.created)?, live: event.livemode, about, gone })
}

/// `None`: it stands where nothing of ours can.
fn subscription(object: Value) -> Result<Option<Told>> {
    let read: StripeSubscription = serde_json::from_value(object).map_err(|_| not_read())?;
    let Ok(status) = read.status.parse() else { return Ok(None) };
    let items = read.items.map(|items| items.data).unwrap_or_default();
    let ends = items.iter().filter_map(|item| item.current_period_end).chain(read.current_period_end);
    let until = ends.max().map(moment).transpose()?;
    Ok(Some(Told {
        id: read.id,
        status,
        products: items.into_iter().filter_map(|item| Some(item.price?.id)).take(MOST_ITEMS).collect(),
        until,
        user: metadata_id(&read.metadata, USER_KEY),
        service: metadata_id(&read.metadata, SERVICE_KEY),
        customer: read.customer,
    }))
}
