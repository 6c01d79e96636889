//! What a client that draws its own sign-in page asks first.

use actix_web::{get, post, web};
use app::{App, identity::discovery::SignInContext};
use domain::{
    all,
    core::value::{Email, ServiceSlug, Slug},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AUTH;
use crate::http::{
    context::SigningIn,
    error::ApiResult,
    operations::{Routes, anybody},
    wire::{Body, Field, Query},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(AUTH).add(lookup, anybody()).add(context, anybody());
}

/// Characters of a redirect URI at most.
const LONGEST_URI: usize = 2000;

/// An address.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "bea@acme.example"}))]
struct LookupEmailRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    email: Field<Email>,
}

/// How people with addresses of a domain sign in.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"connection_id": "okta", "provider_name": "Acme Okta", "domain_verified": true, "auth_method": "upstream"}))]
struct LookupEmailResponse {
    /// The organization's identity provider to which they are led.
    connection_id: Option<String>,
    /// Its name for people.
    provider_name: Option<String>,
    /// Whether one organization proved the domain to be its own, and lets that be known.
    domain_verified: bool,
    /// `upstream` or `password`.
    auth_method: &'static str,
}

/// Ask where somebody with this address signs in. The answer is about the domain, if an organization has verified and announces it, and the same for
/// every other address, whether or not it has an account.
#[utoipa::path(
    operation_id = "auth.lookupEmail",
    request_body = LookupEmailRequest,
    responses((status = 200, body = LookupEmailResponse)),
)]
#[post("/api/auth/lookup-email")]
async fn lookup(app: web::Data<App>, _: SigningIn, body: Body<LookupEmailRequest>) -> ApiResult<web::Json<LookupEmailResponse>> {
    let (email,) = all((body.value.email.required("email"),))?;
    let found = app.discover(&email).await?;
    Ok(web::Json(LookupEmailResponse {
        auth_method: if found.way.is_some() { "upstream" } else { "password" },
        connection_id: found.way.as_ref().map(|way| way.slug.as_str().to_owned()),
        provider_name: found.way.map(|way| way.name.to_string()),
        domain_verified: found.is_known,
    }))
}

/// An organization, as its sign-in page shows it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"slug": "acme", "name": "Acme", "logo_url": "https://sso.example.com/api/organizations/acme/branding/logo?v=019ab2c3d4e57f008000000000000009", "primary_color": "#1f4fd8", "status": "active"}))]
struct ContextOrganization {
    slug: String,
    name: String,
    /// Where we serve its logo.
    logo_url: Option<String>,
    primary_color: Option<String>,
    /// `active`: others are not told of.
    status: &'static str,
}

/// A service, as its sign-in page names it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"slug": "reports", "name": "Reports", "service_type": "web", "redirect_uri_valid": true}))]
struct ContextService {
    slug: String,
    name: String,
    service_type: &'static str,
    /// Whether a sign-in may come back to the `redirect_uri` that was sent.
    redirect_uri_valid: bool,
}

/// What a sign-in page shows.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"organization": {"slug": "acme", "name": "Acme", "logo_url": null, "primary_color": "#1f4fd8", "status": "active"}, "service": {"slug": "reports", "name": "Reports", "service_type": "web", "redirect_uri_valid": true}, "available_providers": ["okta"], "auth_methods": ["password", "upstream"], "support_available": false}))]
struct SignInContextResponse {
    /// null: there is no such organization, or it is not active.
    organization: Option<ContextOrganization>,
    /// null: the organization has no such service.
    service: Option<ContextService>,
    /// The organization's identity providers, by their `connection_id`.
    available_providers: Vec<String>,
    /// What the page offers, `password` and `upstream`; what the organization demands is told after a right password only.
    auth_methods: Vec<&'static str>,
    /// Always false: nobody is named whom people could ask.
    support_available: bool,
}

impl SignInContextResponse {
    fn of(app: &App, shown: SignInContext) -> Self {
        let base = &app.settings.public_url;
        let organization = shown.organization.map(|(org, branding)| ContextOrganization {
            logo_url: branding.logo_version.map(|v| format!("{base}/api/organizations/{}/branding/logo?v={v}", org.slug)),
            primary_color: branding.primary_color.map(|color| color.as_str().to_owned()),
            slug: org.slug.to_string(),
            name: org.name,
            status: "active",
        });
        let service = shown.service.map(|service| ContextService {
            slug: service.named.slug.to_string(),
            name: service.name,
            service_type: service.named.service_type.as_str(),
            redirect_uri_valid: service.comes_back,
        });
        let available_providers: Vec<_> = shown.ways.into_iter().map(|way| way.slug.as_str().to_owned()).collect();
        let mut auth_methods = vec!["password"];
        if !available_providers.is_empty() {
            auth_methods.push("upstream");
        }
        Self { organization, service, available_providers, auth_methods, support_available: false }
    }
}

/// Ask what the sign-in page of an organization, or of one of its services, shows: what anybody sees who opens ours.
#[utoipa::path(
    operation_id = "auth.getContext",
    params(
        ("org" = Option<String>, Query, description = "The organization's slug."),
        ("service" = Option<String>, Query, description = "The slug of one of its services."),
        ("redirect_uri" = Option<String>, Query, description = "Where the sign-in is to come back to, as it is registered."),
    ),
    responses((status = 200, body = SignInContextResponse)),
)]
#[get("/api/auth/context")]
async fn context(app: web::Data<App>, _: SigningIn, query: Query) -> ApiResult<web::Json<SignInContextResponse>> {
    let (org, service, redirect_uri) =
        all((query.text("org"), query.text("service"), query.longer_text("redirect_uri", LONGEST_URI)))?;
    // What can be nobody's name is one that nobody has.
    let org = org.and_then(|org| org.parse::<Slug>().ok());
    let service = service.and_then(|service| service.parse::<ServiceSlug>().ok());
    let shown = app.sign_in_context((org.as_ref(), service.as_ref()), redirect_uri.as_deref()).await?;
    Ok(web::Json(SignInContextResponse::of(&app, shown)))
}
