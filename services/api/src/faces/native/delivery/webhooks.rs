//! Webhooks: the endpoints. What changes them, their history, and what is sent on
//! request are in the files beside this one.

mod changes;
mod deliveries;
mod redeliver;

use actix_web::{delete, get, web};
use app::App;
use domain::{
    EventName, WebhookId,
    authorization::resource::Webhooks,
    delivery::webhooks::{Webhook, quota::Behind},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::faces::native::core::views::{Done, EventTypeResponse, event_types};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::{OrgPath, PathId},
    wire::time,
};

const WEBHOOKS: Tag = Tag { name: "webhooks", about: "Endpoints that are told what happened." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(WEBHOOKS)
        // The static segment must win over `{webhook_id}`.
        .of_org(types, reading::<Webhooks>())
        .of_org(changes::create, writing::<Webhooks>().idempotent().shows_secret_once())
        .of_org(list, reading::<Webhooks>())
        .of_org(get, reading::<Webhooks>())
        .of_org(changes::update, writing::<Webhooks>())
        .of_org(delete, writing::<Webhooks>())
        .of_org(changes::rotate, writing::<Webhooks>().idempotent().shows_secret_once())
        .of_org(redeliver::test, writing::<Webhooks>().idempotent())
        .of_org(redeliver::redeliver, writing::<Webhooks>().idempotent())
        .of_org(redeliver::redeliver_range, writing::<Webhooks>().idempotent())
        .of_org(deliveries::deliveries, reading::<Webhooks>())
        .of_org(deliveries::delivery, reading::<Webhooks>());
}

impl PathId for WebhookId {
    const NOUN: &'static str = "webhook";
}

/// An endpoint.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "whk_019ab2c3d4e57f008000000000000008", "name": "Provisioning", "url": "https://example.com/hooks", "events": ["user.joined"], "is_active": true, "secret": "whsec_…", "behind": {"since": "2026-11-23T09:00:00.000000Z", "seq": 42, "reason": "endpoint"}, "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct WebhookResponse {
    id: String,
    name: String,
    url: String,
    events: Vec<&'static str>,
    is_active: bool,
    /// The signing secret; only in the answer that registers the endpoint or gives it a new secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    /// Whether each event waits until the one before it arrived or was given up. Left out if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    in_order: bool,
    /// When the server switched the endpoint off, because it had failed for days.
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_reason: Option<String>,
    /// Until when the secrets before the present one sign as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secrets_until: Option<String>,
    /// Whether the endpoint was called at its present URL and has never answered 2xx: it is called rarely, and few deliveries may wait for
    /// it. Left out if not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    unverified: bool,
    /// That it is sent some events later, because too many deliveries wait. Left out if not.
    #[serde(skip_serializing_if = "Option::is_none")]
    behind: Option<BehindResponse>,
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
            in_order: w.in_order,
            disabled_at: w.disabled_at.map(time),
            disabled_reason: w.disabled_reason,
            old_secrets_until: w.old_secrets_until.map(time),
            unverified: w.unverified,
            behind: w.behind.map(Into::into),
            created_at: time(w.created_at),
            updated_at: time(w.updated_at),
        }
    }
}

/// An endpoint for which no deliveries are queued for now. It is sent what it missed from the event feed, in its order, when fewer wait.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"since": "2026-11-23T09:00:00.000000Z", "seq": 42, "reason": "endpoint"}))]
struct BehindResponse {
    /// Since when.
    since: String,
    /// The number in the event feed of the first event that it has not been sent.
    seq: i64,
    /// Where as many wait as may: `endpoint`, `organization`, or `unverified` for an endpoint that has never answered 2xx.
    reason: &'static str,
}

impl From<Behind> for BehindResponse {
    fn from(behind: Behind) -> Self {
        Self { since: time(behind.since), seq: behind.from, reason: behind.why.as_str() }
    }
}

/// All endpoints.
#[derive(Serialize, ToSchema)]
struct WebhooksResponse {
    webhooks: Vec<WebhookResponse>,
    total: usize,
}

/// The endpoints.
#[utoipa::path(
    operation_id = "organizations.webhooks.list",
    responses((status = 200, body = WebhooksResponse)),
)]
#[get("/webhooks")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<WebhooksResponse>> {
    let webhooks: Vec<WebhookResponse> =
        app.list_webhooks(&who.caller, &who.path.org).await?.into_iter().map(Into::into).collect();
    Ok(web::Json(WebhooksResponse { total: webhooks.len(), webhooks }))
}

/// One endpoint.
#[utoipa::path(
    operation_id = "organizations.webhooks.get",
    responses((status = 200, body = WebhookResponse)),
)]
#[get("/webhooks/{webhook_id}")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<WebhookId>>) -> ApiResult<web::Json<WebhookResponse>> {
    Ok(web::Json(app.get_webhook(&who.caller, &who.path.org, who.path.id).await?.into()))
}

/// Delete an endpoint with its deliveries.
#[utoipa::path(operation_id = "organizations.webhooks.delete", responses(Done))]
#[delete("/webhooks/{webhook_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<WebhookId>>) -> ApiResult<Done> {
    app.delete_webhook(&who.caller, &who.path.org, who.path.id).await?;
    Ok(Done)
}

/// Every event name that an endpoint can subscribe to.
#[utoipa::path(
    operation_id = "organizations.webhooks.getEventTypes",
    responses((status = 200, body = [EventTypeResponse])),
)]
#[get("/webhooks/event-types")]
async fn types(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<Vec<EventTypeResponse>>> {
    app.see_webhooks(&who.caller, &who.path.org).await?;
    Ok(web::Json(event_types(EventName::subscribable())))
}
