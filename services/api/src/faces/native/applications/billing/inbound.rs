//! Where payment providers call, each organization's at a path of its own. What is read is what was signed, byte by byte.

use actix_web::{HttpRequest, post, web};
use app::{App, applications::billing::inbound::Signed};
use crypto::webhook::Received;
use domain::OrgId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::{
    context::Anyone,
    error::{ApiResult, ErrorBody},
    path::{Named, TypedPath},
    wire::Raw,
};

/// It was taken, whatever it was about.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"received": true}))]
pub(super) struct ReceivedResponse {
    received: bool,
}

const TAKEN: ReceivedResponse = ReceivedResponse { received: true };

/// A header's text; empty if there is none, or several, or no text.
fn header<'r>(req: &'r HttpRequest, name: &str) -> &'r str {
    let mut all = req.headers().get_all(name);
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().unwrap_or_default(),
        _ => "",
    }
}

/// What Standard Webhooks sign with.
fn received(req: &HttpRequest) -> Received<'_> {
    let [id, timestamp, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| header(req, name));
    Received { id, timestamp, signature }
}

/// An event of an organization's own Stripe account, signed with the signing secret that it set. Each is taken once; what it says of a subscription
/// counts if nothing later was told. Events about anything else are taken and ignored.
#[utoipa::path(
    operation_id = "billing.receiveStripe",
    request_body(content = Object, description = "An event, as Stripe sends it.", content_type = "application/json"),
    params(("Stripe-Signature" = Option<String>, Header, description = "`t=…,v1=…`")),
    responses(
        (status = 200, body = ReceivedResponse),
        (status = 404, description = "This is no organization's id.", body = ErrorBody),
        (
            status = 429,
            description = "Too many calls from this network. Try again after `Retry-After` seconds.",
            body = ErrorBody,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/webhooks/stripe/{org_id}")]
pub(super) async fn stripe(
    app: web::Data<App>,
    who: Anyone,
    req: HttpRequest,
    body: Raw,
) -> ApiResult<web::Json<ReceivedResponse>> {
    let Named(org) = Named::<OrgId>::of(&req)?;
    app.take_billing_call(&who.0, org, &Signed::Stripe(header(&req, "stripe-signature")), &body.0).await?;
    Ok(web::Json(TAKEN))
}

/// An event of an organization's own account at Polar, signed as Standard Webhooks has it with the secret that it set. Each is taken once; what it
/// says of a subscription counts if nothing later was told. Events about anything else are taken and ignored.
#[utoipa::path(
    operation_id = "billing.receivePolar",
    request_body(content = Object, description = "An event, as Polar sends it.", content_type = "application/json"),
    params(
        ("webhook-id" = Option<String>, Header, description = "The event's id."),
        ("webhook-timestamp" = Option<String>, Header, description = "Seconds since 1970."),
        ("webhook-signature" = Option<String>, Header, description = "`v1,…`"),
    ),
    responses(
        (status = 200, body = ReceivedResponse),
        (status = 404, description = "This is no organization's id.", body = ErrorBody),
        (
            status = 429,
            description = "Too many calls from this network. Try again after `Retry-After` seconds.",
            body = ErrorBody,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/webhooks/polar/{org_id}")]
pub(super) async fn polar(
    app: web::Data<App>,
    who: Anyone,
    req: HttpRequest,
    body: Raw,
) -> ApiResult<web::Json<ReceivedResponse>> {
    let Named(org) = Named::<OrgId>::of(&req)?;
    app.take_billing_call(&who.0, org, &Signed::Polar(received(&req)), &body.0).await?;
    Ok(web::Json(TAKEN))
}

/// An event of the platform's own Stripe account, signed with the secret that its operator set. Each is taken once: what it says of a customer's
/// subscription is what the organization has bought, and so its tier, if nothing later was told. Events about anything else are taken and ignored.
#[utoipa::path(
    operation_id = "billing.receivePlatformStripe",
    request_body(content = Object, description = "An event, as Stripe sends it.", content_type = "application/json"),
    params(("Stripe-Signature" = Option<String>, Header, description = "`t=…,v1=…`")),
    responses(
        (status = 200, body = ReceivedResponse),
        (
            status = 429,
            description = "Too many calls from this network. Try again after `Retry-After` seconds.",
            body = ErrorBody,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/webhooks/stripe")]
pub(super) async fn platform_stripe(
    app: web::Data<App>,
    who: Anyone,
    req: HttpRequest,
    body: Raw,
) -> ApiResult<web::Json<ReceivedResponse>> {
    app.take_platform_billing_call(&who.0, &Signed::Stripe(header(&req, "stripe-signature")), &body.0).await?;
    Ok(web::Json(TAKEN))
}

/// An event of the account at whichever provider the platform bills through, as that signs it. As above.
#[utoipa::path(
    operation_id = "billing.receivePlatform",
    request_body(content = Object, description = "An event, as the provider sends it.", content_type = "application/json"),
    responses(
        (status = 200, body = ReceivedResponse),
        (
            status = 429,
            description = "Too many calls from this network. Try again after `Retry-After` seconds.",
            body = ErrorBody,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/webhooks/billing")]
pub(super) async fn platform(
    app: web::Data<App>,
    who: Anyone,
    req: HttpRequest,
    body: Raw,
) -> ApiResult<web::Json<ReceivedResponse>> {
    let signed = match header(&req, "stripe-signature") {
        "" => Signed::Polar(received(&req)),
        signature => Signed::Stripe(signature),
    };
    app.take_platform_billing_call(&who.0, &signed, &body.0).await?;
    Ok(web::Json(TAKEN))
}
