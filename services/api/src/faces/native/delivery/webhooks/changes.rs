//! Registering an endpoint, changing it, and giving it another secret.

use actix_web::{patch, post, web};
use app::{
    App,
    delivery::webhooks::{NewWebhook, WebhookChanges},
};
use domain::{EventName, WebhookId, all, core::value::Name, delivery::webhooks::EndpointUrl};
use serde::Deserialize;
use utoipa::ToSchema;

use super::WebhookResponse;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    path::OrgPath,
    wire::{Body, Field},
};

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
    /// Each event waits until the one before it arrived or was given up; default false.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    in_order: Field<bool>,
}

/// Register an endpoint. The answer shows its signing secret, this once.
#[utoipa::path(
    operation_id = "organizations.webhooks.create",
    request_body = CreateWebhookRequest,
    responses((status = 200, body = WebhookResponse)),
)]
#[post("/webhooks")]
pub(super) async fn create(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath>,
    body: Body<CreateWebhookRequest>,
) -> ApiResult<web::Json<WebhookResponse>> {
    let b = body.value;
    let (name, url, events, in_order) =
        all((b.name.required("name"), b.url.required("url"), b.events.required("events"), b.in_order.optional("in_order")))?;
    who.once("webhooks.create", &body.raw);
    let new = NewWebhook { name, url, events, in_order: in_order.unwrap_or(false) };
    let made = app.create_webhook(&who.caller, &who.path.org, &new).await?;
    Ok(web::Json(WebhookResponse { secret: Some(made.secret), ..made.webhook.into() }))
}

/// Changes of an endpoint.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"is_active": false}))]
struct UpdateWebhookRequest {
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100)]
    name: Field<Name>,
    #[serde(default)]
    #[schema(value_type = String, max_length = 2000)]
    url: Field<EndpointUrl>,
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    events: Field<Vec<EventName>>,
    #[serde(default)]
    #[schema(value_type = bool)]
    is_active: Field<bool>,
    /// Each event waits until the one before it arrived or was given up.
    #[serde(default)]
    #[schema(value_type = bool)]
    in_order: Field<bool>,
}

/// Change an endpoint, all of it or nothing.
#[utoipa::path(
    operation_id = "organizations.webhooks.update",
    request_body = UpdateWebhookRequest,
    responses((status = 200, body = WebhookResponse)),
)]
#[patch("/webhooks/{webhook_id}")]
pub(super) async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath<WebhookId>>,
    body: Body<UpdateWebhookRequest>,
) -> ApiResult<web::Json<WebhookResponse>> {
    let b = body.value;
    let (name, url, events, is_active, in_order) = all((
        b.name.change("name"),
        b.url.change("url"),
        b.events.change("events"),
        b.is_active.change("is_active"),
        b.in_order.change("in_order"),
    ))?;
    let changes = WebhookChanges { name, url, events, is_active, in_order };
    Ok(web::Json(app.update_webhook(&who.caller, &who.path.org, who.path.id, &changes).await?.into()))
}

/// How an endpoint changes over to a new secret.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"grace_seconds": 86_400}))]
struct RotateSecretRequest {
    /// For how long the present secret signs beside the new one: a day if left out, at most seven; 0 ends all old ones at once.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 604_800)]
    grace_seconds: Field<i64>,
}

/// Give an endpoint a new signing secret. The answer shows it, this once.
#[utoipa::path(
    operation_id = "organizations.webhooks.rotateSecret",
    request_body = RotateSecretRequest,
    responses((status = 200, body = WebhookResponse)),
)]
#[post("/webhooks/{webhook_id}/rotate-secret")]
pub(super) async fn rotate(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath<WebhookId>>,
    body: Body<RotateSecretRequest>,
) -> ApiResult<web::Json<WebhookResponse>> {
    let (grace,) = all((body.value.grace_seconds.optional("grace_seconds"),))?;
    who.once("webhooks.rotateSecret", &body.raw);
    let made = app.rotate_webhook_secret(&who.caller, &who.path.org, who.path.id, grace).await?;
    Ok(web::Json(WebhookResponse { secret: Some(made.secret), ..made.webhook.into() }))
}
