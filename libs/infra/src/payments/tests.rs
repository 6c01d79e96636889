//! Events in the shapes that the providers publish.

use chrono::{DateTime, TimeDelta};
use domain::{Time, applications::subscriptions::SubscriptionStatus};
use serde_json::{Value, json};

use super::*;

const USER: &str = "usr_019ab2c3d4e57f008000000000000002";

fn heard(provider: PaymentProvider, event: &Value) -> Result<Call> {
    read(provider, event.to_string().as_bytes(), Time::UNIX_EPOCH)
}

fn stripe_event(object: Value) -> Value {
    json!({
        "id": "evt_1", "object": "event", "api_version": "2025-03-31.basil", "created": 1_700_000_000, "livemode": false,
        "type": "customer.subscription.updated", "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null},
        "data": {"object": object, "previous_attributes": {"status": "trialing"}},
    })
}

#[test]
fn a_subscription_at_stripe_is_read_in_old_and_new_versions() {
    let new = json!({
        "id": "sub_1", "object": "subscription", "status": "past_due", "customer": "cus_1", "metadata": {USER_KEY: USER},
        "items": {"object": "list", "data": [
            {"id": "si_1", "current_period_end": 1_700_000_100, "price": {"id": "price_1", "object": "price"}},
            {"id": "si_2", "current_period_end": 1_700_000_200, "price": {"id": "price_2", "object": "price"}},
        ]},
    });
    let call = heard(PaymentProvider::Stripe, &stripe_event(new)).unwrap();
    assert_eq!((call.id.as_deref(), call.live, call.at), (Some("evt_1"), Some(false), at(1_700_000_000)));
    let told = call.about.unwrap();
    assert_eq!((told.status, told.until), (SubscriptionStatus::PastDue, Some(at(1_700_000_200))));
    assert_eq!(
        (told.products, told.user.map(|id| id.to_string())),
        (vec!["price_1".into(), "price_2".into()], Some(USER.into()))
    );
    let old = json!({
        "id": "sub_1", "object": "subscription", "status": "canceled", "current_period_end": 1_700_000_300, "metadata": {},
        "items": {"data": [{"price": {"id": "price_1"}}]},
    });
    let told = heard(PaymentProvider::Stripe, &stripe_event(old)).unwrap().about.unwrap();
    assert_eq!((told.until, told.user), (Some(at(1_700_000_300)), None));
}

fn at(seconds: i64) -> Time {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

#[test]
fn what_is_about_something_else_is_that_and_no_mistake() {
    let invoice =
        json!({"id": "evt_2", "type": "invoice.paid", "created": 1, "data": {"object": {"id": "in_1", "object": "invoice"}}});
    assert_eq!(heard(PaymentProvider::Stripe, &invoice).unwrap().about, None);
    let thin = json!({"id": "evt_3", "type": "customer.subscription.updated", "created": 1});
    assert_eq!(heard(PaymentProvider::Stripe, &thin).unwrap().about, None);
    let mut connected = stripe_event(json!({"id": "sub_1", "object": "subscription", "status": "active"}));
    connected["account"] = json!("acct_1");
    assert_eq!(heard(PaymentProvider::Stripe, &connected).unwrap().about, None);
    let unheard = stripe_event(json!({"id": "sub_1", "object": "subscription", "status": "dreaming"}));
    assert_eq!(heard(PaymentProvider::Stripe, &unheard).unwrap().about, None);
    let order = json!({"type": "order.paid", "timestamp": "2026-01-01T00:00:00Z", "data": {"id": "1"}});
    assert_eq!(heard(PaymentProvider::Polar, &order).unwrap().about, None);
}

#[test]
fn what_is_no_event_is_refused() {
    for odd in [
        json!([]),
        json!({}),
        json!({"id": 1, "type": "x", "created": 1}),
        json!({"id": "evt_1", "type": "x", "created": i64::MAX}),
    ] {
        assert_eq!(heard(PaymentProvider::Stripe, &odd).unwrap_err().details[0].code, "unknown_event", "{odd}");
    }
    let odd = stripe_event(json!({"id": 7, "object": "subscription", "status": "active"}));
    assert!(heard(PaymentProvider::Stripe, &odd).is_err());
    assert!(heard(PaymentProvider::Polar, &json!({"type": "subscription.active", "data": {}})).is_err());
    assert!(read(PaymentProvider::Polar, "[".repeat(10_000).as_bytes(), Time::UNIX_EPOCH).is_err());
}

#[test]
fn a_subscription_at_polar_is_read() {
    let event = json!({
        "type": "subscription.active", "timestamp": "2026-01-02T00:00:00Z",
        "data": {
            "id": "8d1f", "status": "active", "created_at": "2026-01-01T00:00:00Z", "modified_at": "2026-01-01T12:00:00.123456Z",
            "current_period_end": "2026-02-01T00:00:00Z", "product_id": "3c1a", "metadata": {},
            "customer": {"id": "77aa", "external_id": USER, "email": "dana@example.com"},
        },
    });
    let call = heard(PaymentProvider::Polar, &event).unwrap();
    assert_eq!((call.id, call.at.to_rfc3339()), (None, "2026-01-01T12:00:00.123456+00:00".to_owned()));
    let told = call.about.unwrap();
    assert_eq!((told.id.as_str(), told.products), ("8d1f", vec!["3c1a".to_owned()]));
    assert_eq!(told.user.map(|id| id.to_string()).as_deref(), Some(USER));
}

#[test]
fn a_refusal_says_what_to_do_and_repeats_nothing() {
    let told = |status, body: Value| {
        let e = refused(status, Some(&body));
        (e.kind, e.code, e.message.into_owned())
    };
    let (kind, code, said) = told(401, json!({"error": {"message": "Invalid API Key provided: sk_test_123"}}));
    assert_eq!((kind, code), (Kind::Conflict, "payment_key_refused"));
    assert!(!said.contains("sk_test"));
    let (kind, code, said) = told(400, json!({"error": {"code": "resource_missing", "message": "No such price: 'price_1'"}}));
    assert_eq!((kind, code), (Kind::Conflict, "payment_refused"));
    assert!(said.contains("resource_missing") && !said.contains("price_1"));
    let (_, _, said) = told(422, json!({"error": "RequestValidationError", "detail": []}));
    assert!(said.contains("RequestValidationError"));
    assert!(!told(400, json!({"error": {"code": "<script>"}})).2.contains('<'));
    assert_eq!((told(429, json!({})).0, told(503, json!({})).0), (Kind::Unavailable, Kind::Unavailable));
    assert_eq!(refused(302, None).kind, Kind::Conflict);
}
