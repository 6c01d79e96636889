//! The history of an endpoint: its deliveries, and one of them with every attempt.

use actix_web::{get, web};
use app::App;
use domain::{
    DeliveryId, WebhookId, all,
    delivery::webhooks::{Attempt, Delivery, DeliveryState},
};
use serde::Serialize;
use store::delivery::deliveries::DeliveryFilter;
use utoipa::ToSchema;

use crate::faces::native::core::views::{Pagination, Paging};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    path::OrgPath,
    wire::{Query, time},
};

/// How one attempt went.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"number": 1, "at": "2026-11-23T09:00:00.000000Z", "duration_ms": 12, "response_status_code": 503, "error": "the endpoint answered 503"}))]
struct AttemptResponse {
    /// From 1.
    number: i32,
    at: String,
    duration_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_status_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl From<Attempt> for AttemptResponse {
    fn from(a: Attempt) -> Self {
        Self {
            number: a.number,
            at: time(a.at),
            duration_ms: a.duration_ms,
            response_status_code: a.response_status,
            error: a.error,
        }
    }
}

/// One event on its way to one endpoint.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "dlv_019ab2c3d4e57f008000000000000009", "webhook_id": "whk_019ab2c3d4e57f008000000000000008", "webhook_name": "Provisioning", "event_type": "user.joined", "payload": {"event": "user.joined"}, "response_status_code": 200, "response_body": "ok", "attempt_count": 1, "max_attempts": 6, "attempts": [{"number": 1, "at": "2026-11-23T09:00:01.000000Z", "duration_ms": 12, "response_status_code": 200}], "delivered": true, "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:01.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct DeliveryResponse {
    id: String,
    webhook_id: String,
    webhook_name: String,
    event_type: String,
    #[schema(value_type = Object)]
    payload: serde_json::Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_status_code: Option<i32>,
    /// At most 4,096 bytes of the last answer; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_body: Option<String>,
    attempt_count: i32,
    max_attempts: i32,
    /// How each finished attempt went, oldest first; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<AttemptResponse>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_retry_at: Option<String>,
    delivered: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_error: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<Delivery> for DeliveryResponse {
    fn from(d: Delivery) -> Self {
        let waits = d.state == DeliveryState::Waiting;
        Self {
            id: d.id.to_string(),
            webhook_id: d.webhook_id.to_string(),
            webhook_name: d.webhook_name,
            event_type: d.event_type,
            payload: serde_json::from_str(&d.payload).unwrap_or_default(),
            response_status_code: d.response_status,
            response_body: None,
            attempt_count: d.attempts,
            max_attempts: d.max_attempts,
            attempts: None,
            next_retry_at: waits.then(|| time(d.next_at)),
            delivered: d.state == DeliveryState::Delivered,
            delivery_error: d.error,
            created_at: time(d.created_at),
            updated_at: time(d.updated_at),
        }
    }
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
struct DeliveriesResponse {
    deliveries: Vec<DeliveryResponse>,
    pagination: Pagination,
}

/// An endpoint's newest 10,000 deliveries, newest first, without answers and attempts. Filters choose among these.
#[utoipa::path(
    operation_id = "organizations.webhooks.getDeliveries",
    params(
        Paging,
        ("event_type" = Option<String>, Query),
        ("delivered" = Option<bool>, Query),
    ),
    responses((status = 200, body = DeliveriesResponse)),
)]
#[get("/webhooks/{webhook_id}/deliveries")]
pub(super) async fn deliveries(
    app: web::Data<App>,
    who: SignedIn<OrgPath<WebhookId>>,
    query: Query,
) -> ApiResult<web::Json<DeliveriesResponse>> {
    let (event_type, delivered) = all((query.text("event_type"), query.flag("delivered")))?;
    let page = query.page(50)?;
    let (found, total) =
        app.list_deliveries(&who.caller, &who.path.org, who.path.id, page, &DeliveryFilter { event_type, delivered }).await?;
    Ok(web::Json(DeliveriesResponse {
        deliveries: found.into_iter().map(Into::into).collect(),
        pagination: Pagination::of(page, total),
    }))
}

/// One delivery, with every attempt and the last answer.
#[utoipa::path(
    operation_id = "organizations.webhooks.getDelivery",
    responses((status = 200, body = DeliveryResponse)),
)]
#[get("/webhooks/{webhook_id}/deliveries/{delivery_id}")]
pub(super) async fn delivery(
    app: web::Data<App>,
    who: SignedIn<OrgPath<(WebhookId, DeliveryId)>>,
) -> ApiResult<web::Json<DeliveryResponse>> {
    let (webhook, id) = who.path.id;
    let mut found = app.get_delivery(&who.caller, &who.path.org, webhook, id).await?;
    let attempts = std::mem::take(&mut found.history).into_iter().map(Into::into).collect();
    let response_body = found.response_body.take();
    Ok(web::Json(DeliveryResponse { attempts: Some(attempts), response_body, ..found.into() }))
}
