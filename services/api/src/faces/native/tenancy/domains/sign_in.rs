//! Domains of an organization's people's addresses.

use actix_web::{delete, get, patch, post, web};
use app::{App, tenancy::domains::RouteChanges};
use domain::{
    ConnectionId, DomainId, all,
    authorization::resource::SignInDomains,
    tenancy::domains::{Domain, DomainName, LoginPolicy},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{VerificationMethod, VerificationResponse, methods};
use crate::faces::native::core::views::Done;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::OrgPath,
    wire::{Body, Field, time},
};

const DOMAIN_ROUTES: Tag = Tag { name: "domain-routes", about: "Domains of an organization's people's addresses." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(DOMAIN_ROUTES)
        .of_org(list, reading::<SignInDomains>())
        .of_org(create, writing::<SignInDomains>().idempotent())
        .of_org(get, reading::<SignInDomains>())
        .of_org(update, writing::<SignInDomains>())
        .of_org(verify, writing::<SignInDomains>())
        .of_org(delete, writing::<SignInDomains>());
}

/// A domain of addresses.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "ord_019ab2c3d4e57f008000000000000009", "org_id": "org_019ab2c3d4e57f008000000000000001", "domain": "acme.com", "upstream_provider_id": null, "login_policy": "any", "announce": true, "verified": true, "verification_token": "3f0c9f6e-7d0a-4b5e-9a51-0f6f7f3b2c11", "verification_methods": [{"method": "DNS TXT Record", "instructions": "Add a TXT record named _sso-verification-019ab2c3d4e57f008000000000000001.acme.com with the value 3f0c9f6e-7d0a-4b5e-9a51-0f6f7f3b2c11, and leave it there.", "record_type": "TXT", "record_name": "_sso-verification-019ab2c3d4e57f008000000000000001.acme.com", "record_value": "3f0c9f6e-7d0a-4b5e-9a51-0f6f7f3b2c11"}], "verified_at": "2026-11-23T09:00:00.000000Z", "created_at": "2026-11-23T08:00:00.000000Z"}))]
struct DomainRouteResponse {
    id: String,
    org_id: String,
    domain: String,
    /// The connection through which its people sign in; null: none.
    #[schema(required)]
    upstream_provider_id: Option<String>,
    /// `any`: every way of signing in will do. `upstream_only`: only through that connection.
    login_policy: &'static str,
    /// Whether an address leads there before anybody signed in.
    announce: bool,
    verified: bool,
    verification_token: String,
    /// What has to be published, and to stay.
    verification_methods: Vec<VerificationMethod>,
    /// Since when it is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_at: Option<String>,
    /// When it was last looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_at: Option<String>,
    /// Since when the proof of a verified one is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    failing_since: Option<String>,
    /// When it stops to count as verified, unless the proof is there again.
    #[serde(skip_serializing_if = "Option::is_none")]
    lapses_at: Option<String>,
    created_at: String,
}

impl From<Domain> for DomainRouteResponse {
    fn from(domain: Domain) -> Self {
        let challenge = domain.challenge();
        Self {
            id: domain.id.to_string(),
            org_id: domain.org_id.to_string(),
            verified: domain.is_verified(),
            domain: domain.name.to_string(),
            upstream_provider_id: domain.route.connection.map(|id| id.to_string()),
            login_policy: domain.route.login_policy.as_str(),
            announce: domain.route.announce,
            verification_methods: methods(&challenge),
            verification_token: challenge.token,
            verified_at: domain.proven.map(|(_, since)| time(since)),
            checked_at: domain.checked_at.map(time),
            failing_since: domain.failing.map(|failing| time(failing.since)),
            lapses_at: domain.failing.map(|failing| time(failing.lapses_at())),
            created_at: time(domain.created_at),
        }
    }
}

/// A domain to be claimed.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"domain": "acme.com"}))]
struct CreateDomainRouteRequest {
    #[serde(default)]
    #[schema(value_type = String, max_length = 200, required)]
    domain: Field<DomainName>,
    /// The connection through which its people sign in.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    upstream_provider_id: Field<ConnectionId>,
    /// `any` (default) or `upstream_only`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    login_policy: Field<LoginPolicy>,
    /// Default true.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    announce: Field<bool>,
}

/// All of them, at most 100.
#[utoipa::path(
    operation_id = "organizations.domainRoutes.list",
    responses((status = 200, body = Vec<DomainRouteResponse>)),
)]
#[get("/domain-routes")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<Vec<DomainRouteResponse>>> {
    let domains = app.list_sign_in_domains(&who.caller, &who.path.org).await?;
    Ok(web::Json(domains.into_iter().map(Into::into).collect()))
}

/// Claim a domain, which means nothing until it is verified. Other organizations may have it as well.
#[utoipa::path(
    operation_id = "organizations.domainRoutes.create",
    request_body = CreateDomainRouteRequest,
    responses((status = 200, body = DomainRouteResponse)),
)]
#[post("/domain-routes")]
async fn create(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath>,
    body: Body<CreateDomainRouteRequest>,
) -> ApiResult<web::Json<DomainRouteResponse>> {
    let b = body.value;
    let (name, connection, login_policy, announce) = all((
        b.domain.required("domain"),
        b.upstream_provider_id.patch("upstream_provider_id"),
        b.login_policy.change("login_policy"),
        b.announce.change("announce"),
    ))?;
    let route = RouteChanges { connection, login_policy, announce };
    who.once("domainRoutes.create", &body.raw);
    Ok(web::Json(app.claim_sign_in_domain(&who.caller, &who.path.org, &name, &route).await?.into()))
}

/// Changes of where a domain's people sign in.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"upstream_provider_id": null}))]
struct UpdateDomainRouteRequest {
    /// Null: through none in particular.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    upstream_provider_id: Field<ConnectionId>,
    /// `any` or `upstream_only`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    login_policy: Field<LoginPolicy>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    announce: Field<bool>,
}

/// Change where people with addresses of a domain sign in. Counts once the domain is verified. A connection that a domain leads to begins a
/// new generation, and gives no more than whoever did this holds.
#[utoipa::path(
    operation_id = "organizations.domainRoutes.update",
    request_body = UpdateDomainRouteRequest,
    responses((status = 200, body = DomainRouteResponse)),
)]
#[patch("/domain-routes/{domain_id}")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath<DomainId>>,
    body: Body<UpdateDomainRouteRequest>,
) -> ApiResult<web::Json<DomainRouteResponse>> {
    let b = body.value;
    let (connection, login_policy, announce) = all((
        b.upstream_provider_id.patch("upstream_provider_id"),
        b.login_policy.change("login_policy"),
        b.announce.change("announce"),
    ))?;
    let route = RouteChanges { connection, login_policy, announce };
    Ok(web::Json(app.route_sign_in_domain(&who.caller, &who.path.org, who.path.id, &route).await?.into()))
}

/// One of them.
#[utoipa::path(
    operation_id = "organizations.domainRoutes.get",
    responses((status = 200, body = DomainRouteResponse)),
)]
#[get("/domain-routes/{domain_id}")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<DomainId>>) -> ApiResult<web::Json<DomainRouteResponse>> {
    Ok(web::Json(app.get_sign_in_domain(&who.caller, &who.path.org, who.path.id).await?.into()))
}

/// Look for the proof now, which takes up to five seconds. 200 also when it is not there.
#[utoipa::path(
    operation_id = "organizations.domainRoutes.verify",
    responses((status = 200, body = VerificationResponse)),
)]
#[post("/domain-routes/{domain_id}/verify")]
async fn verify(app: web::Data<App>, who: SignedIn<OrgPath<DomainId>>) -> ApiResult<web::Json<VerificationResponse>> {
    Ok(web::Json(app.verify_sign_in_domain(&who.caller, &who.path.org, who.path.id).await?.into()))
}

/// Give a domain up.
#[utoipa::path(operation_id = "organizations.domainRoutes.delete", responses(Done))]
#[delete("/domain-routes/{domain_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<DomainId>>) -> ApiResult<Done> {
    app.release_sign_in_domain(&who.caller, &who.path.org, who.path.id).await?;
    Ok(Done)
}
