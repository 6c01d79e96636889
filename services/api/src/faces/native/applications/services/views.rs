//! How services are shown.

use app::applications::services::{CreatedService, RotatedSecret};
use domain::applications::services::{ListedService, Service, ServiceUsage};
use serde::Serialize;
use utoipa::ToSchema;

use crate::faces::native::applications::plans::PlanDetails;
use crate::http::wire::time;

/// A service.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "svc_019ab2c3d4e57f00800000000000000a", "org_id": "org_019ab2c3d4e57f008000000000000001", "slug": "portal", "name": "Portal", "service_type": "web", "client_id": "5f0d9b1c2e3a4d5f6a7b8c9d0e1f2a3b", "github_scopes": ["user:email"], "microsoft_scopes": [], "google_scopes": [], "redirect_uris": ["https://portal.example.com/callback"], "resource_uris": [], "sign_up": false, "implicit_grant": false, "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(in crate::faces::native) struct ServiceResponse {
    id: String,
    org_id: String,
    slug: String,
    name: String,
    /// `web`, `mobile`, `desktop` or `api`.
    service_type: &'static str,
    /// What the service's OAuth client is called.
    client_id: String,
    /// What the client authenticates with. Only in the answer that makes the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
    /// Until when the secret before the last rotation works as well.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_secret_until: Option<String>,
    github_scopes: Vec<String>,
    microsoft_scopes: Vec<String>,
    google_scopes: Vec<String>,
    /// Where sign-ins may come back to, compared as exact texts.
    redirect_uris: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device_activation_uri: Option<String>,
    /// Where it begins a sign-in that nobody there asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    initiate_login_uri: Option<String>,
    /// What access tokens can be for, beside the service itself.
    resource_uris: Vec<String>,
    /// Whether anybody with an account of the platform, and whoever comes through one of the organization's connections, may begin to use it.
    sign_up: bool,
    /// Whether sign-ins through `/auth/{provider}` end with tokens in the fragment of a redirect URI.
    implicit_grant: bool,
    created_at: String,
    updated_at: String,
}

impl From<Service> for ServiceResponse {
    fn from(service: Service) -> Self {
        let s = service.settings;
        Self {
            id: service.id.to_string(),
            org_id: service.org_id.to_string(),
            slug: service.slug.into_string(),
            name: s.name.into_string(),
            service_type: s.service_type.as_str(),
            client_id: service.client_id,
            client_secret: None,
            old_secret_until: service.old_secret_until.map(time),
            github_scopes: s.github_scopes.texts().to_vec(),
            microsoft_scopes: s.microsoft_scopes.texts().to_vec(),
            google_scopes: s.google_scopes.texts().to_vec(),
            redirect_uris: s.redirect_uris.into_iter().map(String::from).collect(),
            device_activation_uri: s.device_activation_uri.map(String::from),
            initiate_login_uri: s.initiate_login_uri.map(String::from),
            resource_uris: s.resource_uris.into_iter().map(String::from).collect(),
            sign_up: s.sign_up,
            implicit_grant: s.implicit_grant,
            created_at: time(service.created_at),
            updated_at: time(service.updated_at),
        }
    }
}

/// A service with its counts.
#[derive(Serialize, ToSchema)]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(super) struct ListedServiceResponse {
    service: ServiceResponse,
    plan_count: i64,
    subscription_count: i64,
}

impl From<ListedService> for ListedServiceResponse {
    fn from(listed: ListedService) -> Self {
        Self { service: listed.service.into(), plan_count: listed.plans, subscription_count: listed.subscriptions }
    }
}

/// How many services there are, and may be.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"current_services": 1, "max_services": 2, "tier": "free"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(super) struct UsageResponse {
    current_services: i64,
    max_services: i64,
    /// The name of the organization's tier.
    tier: String,
}

impl From<ServiceUsage> for UsageResponse {
    fn from(usage: ServiceUsage) -> Self {
        Self { current_services: usage.current, max_services: usage.max, tier: usage.tier }
    }
}

/// Some services.
#[derive(Serialize, ToSchema)]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(super) struct ServicesResponse {
    pub(super) services: Vec<ListedServiceResponse>,
    pub(super) usage: UsageResponse,
}

/// A new service, its first plan, and how many services there are now.
#[derive(Serialize, ToSchema)]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(super) struct CreateServiceResponse {
    service: ServiceResponse,
    default_plan: PlanDetails,
    usage: UsageResponse,
}

impl From<CreatedService> for CreateServiceResponse {
    fn from(made: CreatedService) -> Self {
        let service = ServiceResponse { client_secret: Some(made.client_secret), ..made.service.into() };
        Self { service, default_plan: made.default_plan.into(), usage: made.usage.into() }
    }
}

/// A service with its client's new secret.
#[derive(Serialize, ToSchema)]
pub(super) struct RotateSecretResponse {
    /// The service.
    service: ServiceResponse,
    /// What its client authenticates with.
    client_secret: String,
}

impl From<RotatedSecret> for RotateSecretResponse {
    fn from(rotated: RotatedSecret) -> Self {
        Self { service: rotated.service.into(), client_secret: rotated.client_secret }
    }
}
