//! Making a service, changing it, and giving its client another secret.

use actix_web::{patch, post, web};
use app::{
    App,
    applications::services::{NewService, ServiceChanges},
};
use domain::{
    Result, all,
    applications::{
        services::{ProviderScopes, ServiceSettings, ServiceType},
        uris::{PageUri, RedirectUri, ResourceUri},
    },
    core::value::{Name, ServiceSlug},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::views::{CreateServiceResponse, ListedServiceResponse, RotateSecretResponse};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    path::OrgPath,
    wire::{Body, Field},
};

/// A new service.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"slug": "portal", "name": "Portal", "service_type": "web", "github_scopes": ["user:email"], "redirect_uris": ["https://portal.example.com/callback"]}))]
struct CreateServiceRequest {
    /// Its name in URLs, for good; unique in the organization.
    #[serde(default)]
    #[schema(value_type = String, min_length = 3, max_length = 50, required)]
    slug: Field<ServiceSlug>,
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100, required)]
    name: Field<Name>,
    /// `web`, `mobile`, `desktop` or `api`.
    #[serde(default)]
    #[schema(value_type = String, required)]
    service_type: Field<ServiceType>,
    /// What GitHub is asked for at a sign-in; default: its usual scopes.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    github_scopes: Field<ProviderScopes>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    microsoft_scopes: Field<ProviderScopes>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    google_scopes: Field<ProviderScopes>,
    /// Where sign-ins may come back to, as exact texts: https; http on this machine; for mobile and desktop also a scheme with a dot.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    redirect_uris: Field<Vec<RedirectUri>>,
    /// The page where a device's user types the code.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    device_activation_uri: Field<PageUri>,
    /// Where it begins a sign-in that nobody there asked for (OpenID Connect Core, 4): https; http on this machine.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    initiate_login_uri: Field<PageUri>,
    /// What access tokens can be for: https URIs under hosts that the organization has proven to be its own.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 10)]
    resource_uris: Field<Vec<ResourceUri>>,
    /// Whether anybody with an account of the platform, or who comes through one of the organization's connections, may begin to use it, once they allow it what it asks for. Default: false.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    sign_up: Field<bool>,
    /// Whether sign-ins through `/auth/{provider}` end with tokens in the fragment of a redirect URI. Default: false; codes are safer.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    implicit_grant: Field<bool>,
}

impl CreateServiceRequest {
    fn parse(self) -> Result<NewService> {
        let (
            slug,
            name,
            service_type,
            github,
            microsoft,
            google,
            redirect_uris,
            device_activation_uri,
            initiate_login_uri,
            resource_uris,
            sign_up,
            implicit_grant,
        ) = all((
            self.slug.required("slug"),
            self.name.required("name"),
            self.service_type.required("service_type"),
            self.github_scopes.optional("github_scopes"),
            self.microsoft_scopes.optional("microsoft_scopes"),
            self.google_scopes.optional("google_scopes"),
            self.redirect_uris.optional("redirect_uris"),
            self.device_activation_uri.optional("device_activation_uri"),
            self.initiate_login_uri.optional("initiate_login_uri"),
            self.resource_uris.optional("resource_uris"),
            self.sign_up.optional("sign_up"),
            self.implicit_grant.optional("implicit_grant"),
        ))?;
        let settings = ServiceSettings {
            name,
            service_type,
            github_scopes: github.unwrap_or_default(),
            microsoft_scopes: microsoft.unwrap_or_default(),
            google_scopes: google.unwrap_or_default(),
            redirect_uris: redirect_uris.unwrap_or_default(),
            device_activation_uri,
            initiate_login_uri,
            resource_uris: resource_uris.unwrap_or_default(),
            sign_up: sign_up.unwrap_or_default(),
            implicit_grant: implicit_grant.unwrap_or_default(),
        };
        Ok(NewService { slug, settings })
    }
}

/// Make a service with an OAuth client and a free plan. The answer shows the client's secret, this once.
#[utoipa::path(
    operation_id = "services.create",
    request_body = CreateServiceRequest,
    responses((status = 200, body = CreateServiceResponse)),
)]
#[post("/services")]
pub(super) async fn create(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath>,
    body: Body<CreateServiceRequest>,
) -> ApiResult<web::Json<CreateServiceResponse>> {
    let new = body.value.parse()?;
    who.once("services.create", &body.raw);
    Ok(web::Json(app.create_service(&who.caller, &who.path.org, &new).await?.into()))
}

/// Changes of a service.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Customer portal", "redirect_uris": ["https://portal.example.com/callback"], "device_activation_uri": null}))]
pub(in crate::faces::native) struct UpdateServiceRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 100)]
    name: Field<Name>,
    /// `web`, `mobile`, `desktop` or `api`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    service_type: Field<ServiceType>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    github_scopes: Field<ProviderScopes>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    microsoft_scopes: Field<ProviderScopes>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    google_scopes: Field<ProviderScopes>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    redirect_uris: Field<Vec<RedirectUri>>,
    /// Null: devices do not sign in to it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    device_activation_uri: Field<PageUri>,
    /// Where it begins a sign-in that nobody there asked for (OpenID Connect Core, 4): null: nowhere.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000)]
    initiate_login_uri: Field<PageUri>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 10)]
    resource_uris: Field<Vec<ResourceUri>>,
    /// Whether it takes sign-ups. Whoever uses it already goes on.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    sign_up: Field<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    implicit_grant: Field<bool>,
}

impl UpdateServiceRequest {
    pub(in crate::faces::native) fn parse(self) -> Result<ServiceChanges> {
        let (
            name,
            service_type,
            github,
            microsoft,
            google,
            redirect_uris,
            device_activation_uri,
            initiate_login_uri,
            resource_uris,
            sign_up,
            implicit_grant,
        ) = all((
            self.name.change("name"),
            self.service_type.change("service_type"),
            self.github_scopes.change("github_scopes"),
            self.microsoft_scopes.change("microsoft_scopes"),
            self.google_scopes.change("google_scopes"),
            self.redirect_uris.change("redirect_uris"),
            self.device_activation_uri.patch("device_activation_uri"),
            self.initiate_login_uri.patch("initiate_login_uri"),
            self.resource_uris.change("resource_uris"),
            self.sign_up.change("sign_up"),
            self.implicit_grant.change("implicit_grant"),
        ))?;
        let scopes = [github, microsoft, google];
        Ok(ServiceChanges {
            name,
            service_type,
            scopes,
            redirect_uris,
            device_activation_uri,
            initiate_login_uri,
            resource_uris,
            sign_up,
            implicit_grant,
        })
    }
}

/// Change a service, all of it or nothing. Fields that are not sent stay.
#[utoipa::path(
    operation_id = "services.update",
    request_body = UpdateServiceRequest,
    responses((status = 200, body = ListedServiceResponse)),
)]
#[patch("/services/{service_slug}")]
pub(super) async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath<ServiceSlug>>,
    body: Body<UpdateServiceRequest>,
) -> ApiResult<web::Json<ListedServiceResponse>> {
    let changes = body.value.parse()?;
    Ok(web::Json(app.update_service(&who.caller, &who.path.org, &who.path.id, &changes).await?.into()))
}

/// How a client changes over to a new secret.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"grace_seconds": 3_600}))]
struct RotateClientSecretRequest {
    /// For how long the present secret works beside the new one: a day if left out, at most seven; 0 ends all old ones at once.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 604_800)]
    grace_seconds: Field<i64>,
}

/// Give a service's client another secret. The answer shows it, this once.
#[utoipa::path(
    operation_id = "services.rotateSecret",
    request_body = RotateClientSecretRequest,
    responses((status = 200, body = RotateSecretResponse)),
)]
#[post("/services/{service_slug}/secret/rotate")]
pub(super) async fn rotate(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath<ServiceSlug>>,
    body: Body<RotateClientSecretRequest>,
) -> ApiResult<web::Json<RotateSecretResponse>> {
    let (grace,) = all((body.value.grace_seconds.optional("grace_seconds"),))?;
    who.once("services.rotateSecret", &body.raw);
    Ok(web::Json(app.rotate_client_secret(&who.caller, &who.path.org, &who.path.id, grace).await?.into()))
}
