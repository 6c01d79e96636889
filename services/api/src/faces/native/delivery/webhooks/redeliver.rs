//! Sending on request: a test event, one delivery again, or the events of a time again.

use actix_web::{post, web};
use app::{App, delivery::webhooks::RedeliveryRequest};
use domain::{DeliveryId, EventId, EventName, Time, WebhookId, all};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{
    context::SignedIn,
    error::ApiResult,
    path::{OrgPath, PathId},
    wire::{Body, Field},
};

impl PathId for DeliveryId {
    const NOUN: &'static str = "delivery";
}

/// A delivery on its way.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "job_id": "dlv_019ab2c3d4e57f008000000000000009", "delivery_id": "dlv_019ab2c3d4e57f008000000000000009"}))]
struct QueuedResponse {
    success: bool,
    job_id: String,
    delivery_id: String,
}

impl From<DeliveryId> for QueuedResponse {
    fn from(delivery: DeliveryId) -> Self {
        Self { success: true, job_id: delivery.to_string(), delivery_id: delivery.to_string() }
    }
}

/// Send an endpoint a test event (`webhook.test.ping`).
#[utoipa::path(
    operation_id = "organizations.webhooks.test",
    responses((status = 200, body = QueuedResponse)),
)]
#[post("/webhooks/{webhook_id}/test")]
pub(super) async fn test(app: web::Data<App>, mut who: SignedIn<OrgPath<WebhookId>>) -> ApiResult<web::Json<QueuedResponse>> {
    who.once("webhooks.test", b"");
    Ok(web::Json(app.test_webhook(&who.caller, &who.path.org, who.path.id).await?.into()))
}

/// Send the event of a delivery again: a new delivery with the same `webhook-id`, whatever became of the first.
#[utoipa::path(
    operation_id = "organizations.webhooks.redeliver",
    responses((status = 200, body = QueuedResponse)),
)]
#[post("/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver")]
pub(super) async fn redeliver(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath<(WebhookId, DeliveryId)>>,
) -> ApiResult<web::Json<QueuedResponse>> {
    who.once("webhooks.redeliver", b"");
    let (webhook, delivery) = who.path.id;
    Ok(web::Json(app.redeliver(&who.caller, &who.path.org, webhook, delivery).await?.into()))
}

/// A time whose events are sent again.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"from": "2026-11-22T00:00:00Z", "to": "2026-11-23T00:00:00Z", "event_types": ["user.joined"], "only_missing": true}))]
struct RedeliverRequest {
    /// Events that happened from here on …
    #[serde(default)]
    #[schema(value_type = String, format = DateTime, required)]
    from: Field<Time>,
    /// … and before this.
    #[serde(default)]
    #[schema(value_type = String, format = DateTime, required)]
    to: Field<Time>,
    /// Some of those that the endpoint subscribed to; all of them if left out.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    event_types: Field<Vec<EventName>>,
    /// Leave out what has arrived at this endpoint before.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    only_missing: Field<bool>,
    /// `next` of the call before.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    after: Field<EventId>,
}

/// What is sent again.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "deliveries": 1000, "next": "evt_019ab2c3d4e57f008000000000000007"}))]
struct RedeliverResponse {
    success: bool,
    /// How many deliveries were made, at most 1,000 in one call.
    deliveries: usize,
    /// There may be more: call again with this as `after`.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Send the events of a time again, also those from before the endpoint existed or while it was switched off. Events that are still on
/// their way to it are left out.
#[utoipa::path(
    operation_id = "organizations.webhooks.redeliverRange",
    request_body = RedeliverRequest,
    responses((status = 200, body = RedeliverResponse)),
)]
#[post("/webhooks/{webhook_id}/redeliver")]
pub(super) async fn redeliver_range(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath<WebhookId>>,
    body: Body<RedeliverRequest>,
) -> ApiResult<web::Json<RedeliverResponse>> {
    let asked = body.value.parse()?;
    who.once("webhooks.redeliverRange", &body.raw);
    let queued = app.redeliver_range(&who.caller, &who.path.org, who.path.id, &asked).await?;
    let next = queued.next.map(|event| event.to_string());
    Ok(web::Json(RedeliverResponse { success: true, deliveries: queued.deliveries, next }))
}

impl RedeliverRequest {
    fn parse(self) -> domain::Result<RedeliveryRequest> {
        let (from, to, names, only_missing, after) = all((
            self.from.required("from"),
            self.to.required("to"),
            self.event_types.optional("event_types"),
            self.only_missing.optional("only_missing"),
            self.after.optional("after"),
        ))?;
        Ok(RedeliveryRequest { from, to, names, only_missing: only_missing.unwrap_or(false), after })
    }
}
