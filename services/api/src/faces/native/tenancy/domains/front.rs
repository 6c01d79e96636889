//! What is asked about hosts by those who know no organization yet: the proxy in front, and the pages that it leads to.

use actix_web::{HttpRequest, HttpResponse, get, web};
use app::App;
use domain::{Error, Result, tenancy::domains::DomainName};
use serde::Serialize;
use store::tenancy::domains::PublicHost;
use utoipa::ToSchema;

use super::super::branding::BrandingResponse;
use crate::http::{
    context::{Anyone, Fronting, SigningIn},
    error::{ApiResult, ErrorBody},
    hosts::organization_of,
    operations::{Routes, Tag, anybody},
    wire::Query,
};

const HOSTS: Tag = Tag { name: "hosts", about: "Organizations' hosts, for the proxy in front and for pages before a sign-in." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(HOSTS).add(ask, anybody()).add(context, anybody()).add(file, anybody().unlimited());
}

/// A host that a certificate may be had for.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"domain": "auth.acme.com"}))]
struct AskResponse {
    domain: String,
}

fn unknown() -> Error {
    Error::not_found("host")
}

/// May a certificate be had for this host? 200 if an active organization has proven it, else 404: what a proxy asks that gets certificates on
/// demand. Requests that a trusted proxy makes for itself are not counted.
#[utoipa::path(
    operation_id = "hosts.ask",
    params(("domain" = String, Query, description = "The host's name.")),
    responses(
        (status = 200, body = AskResponse),
        (status = 404, description = "No organization has proven it.", body = ErrorBody),
    ),
)]
#[get("/tls/ask")]
async fn ask(app: web::Data<App>, _: Fronting, query: Query) -> ApiResult<web::Json<AskResponse>> {
    let name = query.text("domain").map_err(|violation| Error::invalid(vec![violation]))?;
    let host: DomainName = name.and_then(|name| name.parse().ok()).ok_or_else(unknown)?;
    app.public_host(&host).await?.ok_or_else(unknown)?;
    Ok(web::Json(AskResponse { domain: host.as_str().to_owned() }))
}

/// The organization whose host a request was made to.
async fn of(app: &App, req: &HttpRequest) -> Result<(DomainName, PublicHost)> {
    organization_of(app, req).await?.ok_or_else(unknown)
}

/// Whose host this is, and how its organization looks.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"host": "auth.acme.com", "organization": {"slug": "acme", "name": "Acme Inc."}, "branding": {"logo_url": null, "primary_color": "#1f4fd8"}}))]
struct HostContextResponse {
    host: String,
    organization: HostOrganization,
    branding: BrandingResponse,
}

/// What everybody may know of an organization at its host.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"slug": "acme", "name": "Acme Inc."}))]
struct HostOrganization {
    slug: String,
    name: String,
}

/// The organization whose own host this request was made to, for pages that are shown before anybody signs in. Only the `Host` that a trusted
/// proxy passed on counts. 404 on every other host.
#[utoipa::path(
    operation_id = "hosts.getContext",
    responses(
        (status = 200, body = HostContextResponse),
        (status = 404, description = "This is no organization's host.", body = ErrorBody),
    ),
)]
#[get("/api/host")]
async fn context(app: web::Data<App>, _: SigningIn, req: HttpRequest) -> ApiResult<web::Json<HostContextResponse>> {
    let (host, found) = of(&app, &req).await?;
    let branding = app.public_branding(&found.slug).await?;
    Ok(web::Json(HostContextResponse {
        host: host.as_str().to_owned(),
        branding: BrandingResponse::of(&app, &found.slug, branding),
        organization: HostOrganization { slug: found.slug.into_string(), name: found.name.into_string() },
    }))
}

/// What keeps an organization's host proven when it leads here: the token, once it was proven otherwise. For a host that is not, nothing: that it
/// leads here proves nothing for anybody.
#[utoipa::path(
    operation_id = "hosts.getProof",
    responses(
        (status = 200, description = "The token.", body = String, content_type = "text/plain"),
        (status = 404, description = "This is no organization's host.", body = ErrorBody),
    ),
)]
#[get("/.well-known/sso-verification.txt")]
async fn file(app: web::Data<App>, _: Anyone, req: HttpRequest) -> ApiResult<HttpResponse> {
    let (_, found) = of(&app, &req).await?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(found.token.to_string()))
}
