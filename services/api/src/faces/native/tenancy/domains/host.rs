//! An organization's own host.

use actix_web::{delete, get, post, web};
use app::App;
use domain::{
    Error,
    authorization::resource::Host,
    tenancy::domains::{Domain, Failing},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{DomainRequest, VerificationMethod, VerificationResponse, methods};
use crate::faces::native::core::views::Gone;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::OrgPath,
    wire::{Body, time},
};

const DOMAIN: Tag = Tag { name: "domain", about: "An organization's own host." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(DOMAIN)
        .of_org(get, reading::<Host>())
        .of_org(set, writing::<Host>())
        .of_org(verify, writing::<Host>())
        .of_org(delete, writing::<Host>());
}

/// The organization's own host. Beside the first two nothing is there while there is none.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"custom_domain": "auth.acme.com", "domain_verified": true, "verified_at": "2026-11-23T09:00:00.000000Z", "verification_methods": [{"method": "HTTP File", "instructions": "Serve 3f0c9f6e-7d0a-4b5e-9a51-0f6f7f3b2c11 as plain text at http://auth.acme.com/.well-known/sso-verification.txt, without a redirect, and leave it there.", "record_value": "3f0c9f6e-7d0a-4b5e-9a51-0f6f7f3b2c11"}]}))]
struct HostResponse {
    custom_domain: Option<String>,
    domain_verified: bool,
    /// Since when.
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
    /// What has to be published, and to stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_methods: Option<Vec<VerificationMethod>>,
}

impl From<Option<Domain>> for HostResponse {
    fn from(host: Option<Domain>) -> Self {
        let host = host.as_ref();
        let failing = host.and_then(|host| host.failing);
        Self {
            custom_domain: host.map(|host| host.name.to_string()),
            domain_verified: host.is_some_and(Domain::is_verified),
            verified_at: host.and_then(|host| host.proven).map(|(_, since)| time(since)),
            checked_at: host.and_then(|host| host.checked_at).map(time),
            failing_since: failing.map(|failing| time(failing.since)),
            lapses_at: failing.map(|failing: Failing| time(failing.lapses_at())),
            verification_methods: host.map(|host| methods(&host.challenge())),
        }
    }
}

/// What has to be published. Either will do.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"verification_token": "3f0c9f6e-7d0a-4b5e-9a51-0f6f7f3b2c11", "verification_methods": [{"method": "DNS TXT Record", "instructions": "Add a TXT record named _sso-verification.auth.acme.com with the value 3f0c9f6e-7d0a-4b5e-9a51-0f6f7f3b2c11, and leave it there.", "record_type": "TXT", "record_name": "_sso-verification.auth.acme.com", "record_value": "3f0c9f6e-7d0a-4b5e-9a51-0f6f7f3b2c11"}]}))]
struct HostClaimResponse {
    verification_token: String,
    verification_methods: Vec<VerificationMethod>,
}

/// The organization's own host, and whether it has proven that.
#[utoipa::path(
    operation_id = "organizations.getDomainConfiguration",
    responses((status = 200, body = HostResponse)),
)]
#[get("/domain")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<HostResponse>> {
    Ok(web::Json(app.get_host(&who.caller, &who.path.org).await?.into()))
}

/// Claim a host in the place of the one before. It has to be proven anew, also if it is the same, and what rested on the one before ends.
/// 400 if another organization has proven it.
#[utoipa::path(
    operation_id = "organizations.setCustomDomain",
    request_body = DomainRequest,
    responses((status = 200, body = HostClaimResponse)),
)]
#[post("/domain")]
async fn set(app: web::Data<App>, who: SignedIn<OrgPath>, body: Body<DomainRequest>) -> ApiResult<web::Json<HostClaimResponse>> {
    let name = body.value.domain.required("domain").map_err(|violation| Error::invalid(vec![violation]))?;
    let challenge = app.set_host(&who.caller, &who.path.org, &name).await?.challenge();
    let verification_methods = methods(&challenge);
    Ok(web::Json(HostClaimResponse { verification_token: challenge.token, verification_methods }))
}

/// Look for the proof now, which takes up to five seconds. 200 also when it is not there.
#[utoipa::path(
    operation_id = "organizations.verifyCustomDomain",
    responses((status = 200, body = VerificationResponse)),
)]
#[post("/domain/verify")]
async fn verify(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<VerificationResponse>> {
    Ok(web::Json(app.verify_host(&who.caller, &who.path.org).await?.into()))
}

/// Give the host up, and with it what rested on it.
#[utoipa::path(operation_id = "organizations.deleteCustomDomain", responses(Gone))]
#[delete("/domain")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<Gone> {
    app.delete_host(&who.caller, &who.path.org).await?;
    Ok(Gone)
}
