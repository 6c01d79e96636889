//! Devices that have no browser, as the native contract has them. (The same by RFC 8628: `oauth.authorizeDevice`.)

use actix_web::{HttpResponse, http::header, post, web};
use app::{
    App,
    applications::user_tokens::{DeviceAuthorization, UserTokens, WaitingDevice},
};
use domain::{Error, all, applications::device_codes::UserCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AUTH;
use crate::http::{
    context::{Anyone, SigningIn},
    error::{ApiResult, ErrorBody},
    operations::{Routes, anybody},
    wire::{Body, Field},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(AUTH).add(request, anybody()).add(verify, anybody()).add(exchange, anybody().unlimited());
}

/// A device of a service.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"client_id": "5f0d9b1c2e3a4d5f6a7b8c9d0e1f2a3b", "org": "acme", "service": "portal"}))]
struct DeviceCodeRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    client_id: Field<String>,
    /// The organization's slug.
    #[serde(default)]
    #[schema(value_type = String, required)]
    org: Field<String>,
    /// The service's slug.
    #[serde(default)]
    #[schema(value_type = String, required)]
    service: Field<String>,
}

/// What a device shows, and asks with.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"device_code": "dc_…", "user_code": "WDJB-MJHT", "verification_uri": "https://sso.example.com/device", "expires_in": 900, "interval": 5}))]
struct DeviceCodeResponse {
    /// What it asks `auth.deviceCode.exchangeToken` with.
    device_code: String,
    /// What somebody types at `verification_uri`.
    user_code: String,
    verification_uri: String,
    /// Seconds until both are worth nothing.
    expires_in: i64,
    /// Seconds between two questions.
    interval: i32,
}

impl From<DeviceAuthorization> for DeviceCodeResponse {
    fn from(made: DeviceAuthorization) -> Self {
        let DeviceAuthorization { device_code, user_code, verification_uri, expires_in, interval } = made;
        Self { device_code, user_code, verification_uri, expires_in, interval }
    }
}

/// Sign somebody in on a device that has no browser: it shows a code, which somebody types in a browser. For services with a `device_activation_uri`,
/// whose devices name their client and show nothing else of themselves.
#[utoipa::path(
    operation_id = "auth.deviceCode.request",
    request_body = DeviceCodeRequest,
    responses((status = 200, body = DeviceCodeResponse)),
)]
#[post("/auth/device/code")]
async fn request(app: web::Data<App>, from: SigningIn, body: Body<DeviceCodeRequest>) -> ApiResult<HttpResponse> {
    let b = body.value;
    let (client, org, service) = all((b.client_id.required("client_id"), b.org.required("org"), b.service.required("service")))?;
    let made: DeviceCodeResponse = app.authorize_services_device(&from.0, &client, (&org, &service)).await?.into();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(made))
}

/// A code that a device shows.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"user_code": "WDJB-MJHT"}))]
struct VerifyDeviceRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    user_code: Field<String>,
}

/// What waits with it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"org_slug": "acme", "service_slug": "portal", "available_providers": ["okta"]}))]
struct VerifyDeviceResponse {
    org_slug: String,
    service_slug: String,
    /// The organization's identity providers, by their `connection_id`.
    available_providers: Vec<String>,
}

impl From<WaitingDevice> for VerifyDeviceResponse {
    fn from(found: WaitingDevice) -> Self {
        Self {
            org_slug: found.organization.to_string(),
            service_slug: found.service.to_string(),
            available_providers: found.ways.into_iter().map(|way| way.slug.as_str().to_owned()).collect(),
        }
    }
}

/// Ask which service's device shows this code. It answers for nobody: that is done on the page `verification_uri`, by who has signed in there.
#[utoipa::path(
    operation_id = "auth.deviceCode.verify",
    request_body = VerifyDeviceRequest,
    responses((status = 200, body = VerifyDeviceResponse)),
)]
#[post("/auth/device/verify")]
async fn verify(
    app: web::Data<App>,
    from: SigningIn,
    body: Body<VerifyDeviceRequest>,
) -> ApiResult<web::Json<VerifyDeviceResponse>> {
    let (code,) = all((body.value.user_code.required("user_code"),))?;
    let code = UserCode::typed(&code).map_err(|bad| Error::field("user_code", bad.code, bad.message))?;
    Ok(web::Json(app.waiting_device_of_code(&from.0, &code).await?.into()))
}

/// A device that asks.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "dc_…", "client_id": "5f0d9b1c2e3a4d5f6a7b8c9d0e1f2a3b"}))]
struct DeviceTokenRequest {
    /// `urn:ietf:params:oauth:grant-type:device_code`.
    #[serde(default)]
    #[schema(value_type = String, required)]
    grant_type: Field<String>,
    #[serde(default)]
    #[schema(value_type = String, required)]
    device_code: Field<String>,
    #[serde(default)]
    #[schema(value_type = String, required)]
    client_id: Field<String>,
}

/// What a device got.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"access_token": "eyJhbGciOiJSUzI1NiJ9.…", "token_type": "Bearer", "expires_in": 600}))]
struct DeviceTokenResponse {
    /// A JWT, which `oauth.userInfo` takes.
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
}

impl From<UserTokens> for DeviceTokenResponse {
    fn from(made: UserTokens) -> Self {
        Self { access_token: made.access_token, token_type: "Bearer", expires_in: made.expires_in }
    }
}

const DEVICE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Exchange a device's code, once, after somebody has let it in. `DEVICE_CODE_PENDING`: nobody has answered yet; `SLOW_DOWN`: it asked too soon;
/// `DEVICE_CODE_EXPIRED`.
#[utoipa::path(
    operation_id = "auth.deviceCode.exchangeToken",
    request_body = DeviceTokenRequest,
    responses(
        (status = 200, body = DeviceTokenResponse),
        (status = 400, description = "Nobody has answered yet, or in time, or they refused; or there is no such code.", body = ErrorBody),
        (
            status = 429,
            description = "Too many requests of this client's devices from this network. Try again after `Retry-After` seconds.",
            body = ErrorBody,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/auth/token")]
async fn exchange(app: web::Data<App>, from: Anyone, body: Body<DeviceTokenRequest>) -> ApiResult<HttpResponse> {
    let b = body.value;
    let (grant, code, client) =
        all((b.grant_type.required("grant_type"), b.device_code.required("device_code"), b.client_id.required("client_id")))?;
    if grant != DEVICE {
        return Err(Error::field("grant_type", "unknown_grant_type", format!("Use {DEVICE}.")).into());
    }
    let made: DeviceTokenResponse = app.services_device_tokens(&from.0, &client, &code).await?.into();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(made))
}
