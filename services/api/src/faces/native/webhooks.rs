//! Webhooks (contract 1.6).

use actix_web::{HttpRequest, delete, get, patch, post, web};
use app::{
    App,
    webhooks::{NewWebhook, WebhookChanges},
};
use domain::{
    EventName, all,
    value::Name,
    webhooks::{Attempt, Delivery, DeliveryState, EndpointUrl, Webhook},
};
use serde::{Deserialize, Serialize};
use store::deliveries::DeliveryFilter;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::views::{EventTypeResponse, Pagination, event_types};
use crate::{
    context::SignedIn,
    error::ApiResult,
    wire::{Body, Field, Query, id, slug, time},
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    // The static segment must win over `{webhook_id}`.
    config
        .service(types)
        .service(create)
        .service(list)
        .service(get)
        .service(update)
        .service(delete)
        .service(test)
        .service(deliveries);
}

/// An endpoint.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "whk_019ab2c3d4e57f008000000000000008", "name": "Provisioning", "url": "https://example.com/hooks", "events": ["user.joined"], "is_active": true, "secret": "whsec_…", "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct WebhookResponse {
    id: String,
    name: String,
    url: String,
    events: Vec<&'static str>,
    is_active: bool,
    /// The signing secret; only in the answer that registers the endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<Webhook> for WebhookResponse {
    fn from(w: Webhook) -> Self {
        Self {
            id: w.id.to_string(),
            name: w.name.into_string(),
            url: w.url.as_str().to_owned(),
            events: w.events.into_iter().map(EventName::as_str).collect(),
            is_active: w.is_active,
            secret: None,
            created_at: time(w.created_at),
            updated_at: time(w.updated_at),
        }
    }
}

/// A new endpoint.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Provisioning", "url": "https://example.com/hooks", "events": ["user.joined", "user.removed"]}))]
struct CreateWebhookRequest {
    /// Unique in the organization.
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100, required)]
    name: Field<Name>,
    /// https, at a public address.
    #[serde(default)]
    #[schema(value_type = String, max_length = 2000, required)]
    url: Field<EndpointUrl>,
    /// Names that `webhooks.getEventTypes` lists.
    #[serde(default)]
    #[schema(value_type = Vec<String>, min_items = 1, required)]
    events: Field<Vec<EventName>>,
}

/// Register an endpoint. The answer shows its signing secret, this once.
#[utoipa::path(tag = "webhooks", operation_id = "organizations.webhooks.create", request_body = CreateWebhookRequest, responses((status = 200, body = WebhookResponse)))]
#[post("/api/organizations/{org_slug}/webhooks")]
async fn create(
    app: web::Data<App>,
    who: SignedIn,
    req: HttpRequest,
    path: web::Path<String>,
    body: Body<CreateWebhookRequest>,
) -> ApiResult<web::Json<WebhookResponse>> {
    let b = body.value;
    let (name, url, events) = all((b.name.required("name"), b.url.required("url"), b.events.required("events")))?;
    let caller = who.once("webhooks.create", req.path(), &body.raw);
    let made = app.create_webhook(&caller, &slug(&path)?, &NewWebhook { name, url, events }).await?;
    Ok(web::Json(WebhookResponse { secret: Some(made.secret), ..made.webhook.into() }))
}

/// All endpoints.
#[derive(Serialize, ToSchema)]
struct WebhooksResponse {
    webhooks: Vec<WebhookResponse>,
    total: usize,
}

/// The endpoints.
#[utoipa::path(tag = "webhooks", operation_id = "organizations.webhooks.list", responses((status = 200, body = WebhooksResponse)))]
#[get("/api/organizations/{org_slug}/webhooks")]
async fn list(app: web::Data<App>, who: SignedIn, path: web::Path<String>) -> ApiResult<web::Json<WebhooksResponse>> {
    let webhooks: Vec<WebhookResponse> =
        app.list_webhooks(&who.caller, &slug(&path)?).await?.into_iter().map(Into::into).collect();
    Ok(web::Json(WebhooksResponse { total: webhooks.len(), webhooks }))
}

/// One endpoint.
#[utoipa::path(tag = "webhooks", operation_id = "organizations.webhooks.get", responses((status = 200, body = WebhookResponse)))]
#[get("/api/organizations/{org_slug}/webhooks/{webhook_id}")]
async fn get(app: web::Data<App>, who: SignedIn, path: web::Path<(String, String)>) -> ApiResult<web::Json<WebhookResponse>> {
    Ok(web::Json(app.get_webhook(&who.caller, &slug(&path.0)?, id(&path.1, "webhook")?).await?.into()))
}

/// Changes of an endpoint.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"is_active": false}))]
struct UpdateWebhookRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 100)]
    name: Field<Name>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    url: Field<EndpointUrl>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    events: Field<Vec<EventName>>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    is_active: Field<bool>,
}

/// Change an endpoint, all of it or nothing.
#[utoipa::path(tag = "webhooks", operation_id = "organizations.webhooks.update", request_body = UpdateWebhookRequest, responses((status = 200, body = WebhookResponse)))]
#[patch("/api/organizations/{org_slug}/webhooks/{webhook_id}")]
async fn update(
    app: web::Data<App>,
    who: SignedIn,
    path: web::Path<(String, String)>,
    body: Body<UpdateWebhookRequest>,
) -> ApiResult<web::Json<WebhookResponse>> {
    let b = body.value;
    let (name, url, events, is_active) =
        all((b.name.optional("name"), b.url.optional("url"), b.events.optional("events"), b.is_active.optional("is_active")))?;
    let changes = WebhookChanges { name, url, events, is_active };
    Ok(web::Json(app.update_webhook(&who.caller, &slug(&path.0)?, id(&path.1, "webhook")?, &changes).await?.into()))
}

/// Delete an endpoint with its deliveries.
#[utoipa::path(tag = "webhooks", operation_id = "organizations.webhooks.delete", responses((status = 200, description = "`null`.", body = Option<String>, example = json!(null))))]
#[delete("/api/organizations/{org_slug}/webhooks/{webhook_id}")]
async fn delete(app: web::Data<App>, who: SignedIn, path: web::Path<(String, String)>) -> ApiResult<web::Json<()>> {
    app.delete_webhook(&who.caller, &slug(&path.0)?, id(&path.1, "webhook")?).await?;
    Ok(web::Json(()))
}

/// A test event on its way.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "job_id": "dlv_019ab2c3d4e57f008000000000000009", "delivery_id": "dlv_019ab2c3d4e57f008000000000000009"}))]
struct TestResponse {
    success: bool,
    job_id: String,
    delivery_id: String,
}

/// Send an endpoint a test event (`webhook.test.ping`).
#[utoipa::path(tag = "webhooks", operation_id = "organizations.webhooks.test", responses((status = 200, body = TestResponse)))]
#[post("/api/organizations/{org_slug}/webhooks/{webhook_id}/test")]
async fn test(
    app: web::Data<App>,
    who: SignedIn,
    req: HttpRequest,
    path: web::Path<(String, String)>,
) -> ApiResult<web::Json<TestResponse>> {
    let (slug, id) = (slug(&path.0)?, id(&path.1, "webhook")?);
    let delivery = app.test_webhook(&who.once("webhooks.test", req.path(), b""), &slug, id).await?.to_string();
    Ok(web::Json(TestResponse { success: true, job_id: delivery.clone(), delivery_id: delivery }))
}

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
    #[serde(skip_serializing_if = "Option::is_none")]
    response_body: Option<String>,
    attempt_count: i32,
    max_attempts: i32,
    /// How each finished attempt went, oldest first.
    attempts: Vec<AttemptResponse>,
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
            response_body: d.response_body,
            attempt_count: d.attempts,
            max_attempts: d.max_attempts,
            attempts: d.history.into_iter().map(Into::into).collect(),
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

/// An endpoint's deliveries, newest first.
#[utoipa::path(tag = "webhooks", operation_id = "organizations.webhooks.getDeliveries", params(("page" = Option<i64>, Query, description = "From 1."), ("limit" = Option<i64>, Query, description = "1 to 100; default 50."), ("event_type" = Option<String>, Query), ("delivered" = Option<bool>, Query)), responses((status = 200, body = DeliveriesResponse)))]
#[get("/api/organizations/{org_slug}/webhooks/{webhook_id}/deliveries")]
async fn deliveries(
    app: web::Data<App>,
    who: SignedIn,
    path: web::Path<(String, String)>,
    query: Query,
) -> ApiResult<web::Json<DeliveriesResponse>> {
    let (event_type, delivered) = all((query.text("event_type"), query.flag("delivered")))?;
    let page = query.page(50)?;
    let (found, total) = app
        .list_deliveries(&who.caller, &slug(&path.0)?, id(&path.1, "webhook")?, page, &DeliveryFilter { event_type, delivered })
        .await?;
    Ok(web::Json(DeliveriesResponse {
        deliveries: found.into_iter().map(Into::into).collect(),
        pagination: Pagination::of(page, total),
    }))
}

/// Every event name that an endpoint can subscribe to.
#[utoipa::path(tag = "webhooks", operation_id = "organizations.webhooks.getEventTypes", responses((status = 200, body = [EventTypeResponse])))]
#[get("/api/organizations/{org_slug}/webhooks/event-types")]
async fn types(app: web::Data<App>, who: SignedIn, path: web::Path<String>) -> ApiResult<web::Json<Vec<EventTypeResponse>>> {
    app.see_webhooks(&who.caller, &slug(&path)?).await?;
    Ok(web::Json(event_types()))
}
