//! What this server can do (RFC 8414, OpenID Connect Discovery).

use actix_web::{HttpResponse, get, http::header, web};
use app::App;
use crypto::foreign::ALGORITHMS;
use domain::applications::authorization_requests::OWN_SCOPES;
use serde::Serialize;
use utoipa::ToSchema;

use super::OAUTH;
use crate::http::operations::{Routes, anybody};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(OAUTH).add(metadata, anybody().unlimited()).add(openid_configuration, anybody().unlimited());
}

/// What this server can do.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"issuer": "https://sso.example.com/", "authorization_endpoint": "https://sso.example.com/authorize", "token_endpoint": "https://sso.example.com/oauth/token", "jwks_uri": "https://sso.example.com/.well-known/jwks.json", "response_types_supported": ["code"], "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256", "ES256"]}))]
#[allow(missing_docs, reason = "the names of RFC 8414 and OpenID Connect Discovery")]
struct ServerMetadata {
    /// `iss` of ID tokens and of tokens for other APIs, exactly.
    issuer: String,
    authorization_endpoint: String,
    pushed_authorization_request_endpoint: String,
    device_authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: String,
    end_session_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    jwks_uri: String,
    scopes_supported: [&'static str; 4],
    response_types_supported: [&'static str; 1],
    response_modes_supported: [&'static str; 2],
    grant_types_supported: [&'static str; 5],
    subject_types_supported: [&'static str; 1],
    id_token_signing_alg_values_supported: [&'static str; 2],
    code_challenge_methods_supported: [&'static str; 1],
    acr_values_supported: [&'static str; 3],
    prompt_values_supported: [&'static str; 3],
    claims_supported: [&'static str; 14],
    ui_locales_supported: [&'static str; 3],
    /// The callback carries `iss` (RFC 9207).
    authorization_response_iss_parameter_supported: bool,
    /// What proofs of possession may be signed with (RFC 9449).
    dpop_signing_alg_values_supported: [&'static str; 5],
    backchannel_logout_supported: bool,
    backchannel_logout_session_supported: bool,
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
    token_endpoint_auth_methods_supported: [&'static str; 4],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 5],
    revocation_endpoint_auth_methods_supported: [&'static str; 4],
    revocation_endpoint_auth_signing_alg_values_supported: [&'static str; 5],
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 5],
}

const METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];
const METHODS_AND_NONE: [&str; 4] = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
const CLAIMS: [&str; 14] =
    ["iss", "sub", "aud", "iat", "exp", "auth_time", "acr", "amr", "sid", "nonce", "email", "email_verified", "name", "org_id"];

fn document(app: &App) -> HttpResponse {
    let issuer = app.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=300")).json(ServerMetadata {
        authorization_endpoint: at("authorize"),
        pushed_authorization_request_endpoint: at("oauth/par"),
        device_authorization_endpoint: at("oauth/device_authorization"),
        token_endpoint: at("oauth/token"),
        userinfo_endpoint: at("userinfo"),
        end_session_endpoint: at("oidc/logout"),
        revocation_endpoint: at("oauth/revoke"),
        introspection_endpoint: at("oauth/introspect"),
        jwks_uri: at(".well-known/jwks.json"),
        scopes_supported: OWN_SCOPES,
        response_types_supported: ["code"],
        response_modes_supported: ["query", "form_post"],
        grant_types_supported: [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:device_code",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["RS256", "ES256"],
        code_challenge_methods_supported: ["S256"],
        acr_values_supported: ["1", "2", "phr"],
        prompt_values_supported: ["none", "login", "select_account"],
        claims_supported: CLAIMS,
        ui_locales_supported: ["en", "de", "fr"],
        authorization_response_iss_parameter_supported: true,
        dpop_signing_alg_values_supported: ALGORITHMS,
        backchannel_logout_supported: true,
        backchannel_logout_session_supported: true,
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
        token_endpoint_auth_methods_supported: METHODS_AND_NONE,
        token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        revocation_endpoint_auth_methods_supported: METHODS_AND_NONE,
        revocation_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        introspection_endpoint_auth_methods_supported: METHODS,
        introspection_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        issuer,
    })
}

/// What this server can do as an OAuth 2 authorization server.
#[utoipa::path(operation_id = "oauth.metadata", responses((status = 200, body = ServerMetadata)))]
#[get("/.well-known/oauth-authorization-server")]
async fn metadata(app: web::Data<App>) -> HttpResponse {
    document(&app)
}

/// What this server can do as an OpenID provider: the same document.
#[utoipa::path(operation_id = "oauth.openidConfiguration", responses((status = 200, body = ServerMetadata)))]
#[get("/.well-known/openid-configuration")]
async fn openid_configuration(app: web::Data<App>) -> HttpResponse {
    document(&app)
}
