//! Where a device that has no browser begins (RFC 8628, 3.1).

use actix_web::{HttpRequest, HttpResponse, http::header, post, web};
use app::{App, applications::user_tokens::DeviceAuthorization};
use domain::applications::device_codes::DeviceRequest;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    OAUTH,
    error::{OAuthErrorBody, OAuthResult},
    parameters::Parameters,
    token::{audience, scopes},
};
use crate::http::{
    context::Anyone,
    operations::{Routes, anybody},
    wire::Raw,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(OAUTH).add(begin, anybody().unlimited());
}

/// What a device asks for.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"client_id": "5f0c…", "scope": "openid offline_access", "organization": "acme"}))]
#[expect(dead_code, reason = "only describes: `Parameters` reads them")]
struct DeviceAuthorizationForm {
    client_id: Option<String>,
    client_secret: Option<String>,
    client_assertion: Option<String>,
    client_assertion_type: Option<String>,
    /// Scopes with blanks between; by default `openid`.
    scope: Option<String>,
    /// The API that access tokens are for, beside our own userinfo.
    audience: Option<String>,
    /// The same (RFC 8707).
    resource: Option<String>,
    /// The organization to sign in to, by id or slug.
    organization: Option<String>,
}

/// What a device shows, and asks with.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"device_code": "dc_…", "user_code": "WDJB-MJHT", "verification_uri": "https://sso.example.com/device", "expires_in": 900, "interval": 5}))]
struct DeviceAuthorizationResponse {
    /// What it asks `oauth.token` with. Nobody else may see it.
    device_code: String,
    /// What somebody types at `verification_uri`. There is no address that carries it: whoever sends one to somebody could be let in.
    user_code: String,
    verification_uri: String,
    /// Seconds until both are worth nothing.
    expires_in: i64,
    /// Seconds between two questions.
    interval: i32,
}

impl From<DeviceAuthorization> for DeviceAuthorizationResponse {
    fn from(made: DeviceAuthorization) -> Self {
        let DeviceAuthorization { device_code, user_code, verification_uri, expires_in, interval } = made;
        Self { device_code, user_code, verification_uri, expires_in, interval }
    }
}

/// Sign somebody in on a device that has no browser: it shows a code, which somebody types in a browser, and asks `oauth.token` until they have answered.
/// For clients with `device_flow`, and services with a `device_activation_uri`.
#[utoipa::path(
    operation_id = "oauth.authorizeDevice",
    request_body(content = DeviceAuthorizationForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = DeviceAuthorizationResponse),
        (status = 400, description = "The request is none, or this client signs nobody in on devices.", body = OAuthErrorBody),
        (status = 401, description = "The client is unknown, or what it authenticated with is wrong.", body = OAuthErrorBody),
        (
            status = 429,
            description = "Too many requests by this client, or too many from this network. Try again after `Retry-After` seconds.",
            body = OAuthErrorBody,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/oauth/device_authorization")]
async fn begin(app: web::Data<App>, from: Anyone, req: HttpRequest, body: Raw) -> OAuthResult<HttpResponse> {
    let parameters = Parameters::read(&req, &body.0)?;
    let asked = DeviceRequest {
        scopes: scopes(&parameters)?.unwrap_or_default(),
        audience: audience(&parameters)?,
        organization: parameters.get("organization").map(str::to_owned),
        native: false,
    };
    let proof = parameters.client(&req)?;
    let made: DeviceAuthorizationResponse = app.authorize_device(&from.0, &proof, &asked).await?.into();
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(made))
}
