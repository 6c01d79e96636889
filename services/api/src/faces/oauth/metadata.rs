//! What this server can do (RFC 8414).

use actix_web::{HttpResponse, get, http::header, web};
use app::App;
use crypto::foreign::ALGORITHMS;
use serde::Serialize;
use utoipa::ToSchema;

use super::OAUTH;
use crate::http::operations::{Routes, anybody};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(OAUTH).add(metadata, anybody().unlimited());
}

/// What this server can do.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"issuer": "https://sso.example.com/", "token_endpoint": "https://sso.example.com/oauth/token", "introspection_endpoint": "https://sso.example.com/oauth/introspect", "jwks_uri": "https://sso.example.com/.well-known/jwks.json", "response_types_supported": [], "grant_types_supported": ["client_credentials"], "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"], "token_endpoint_auth_signing_alg_values_supported": ["RS256", "RS384", "PS256", "ES256", "EdDSA"], "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"], "introspection_endpoint_auth_signing_alg_values_supported": ["RS256", "RS384", "PS256", "ES256", "EdDSA"]}))]
#[allow(missing_docs, reason = "the names of RFC 8414")]
struct ServerMetadata {
    /// `iss` of tokens for other APIs, exactly.
    issuer: String,
    token_endpoint: String,
    introspection_endpoint: String,
    jwks_uri: String,
    /// None: nobody signs in here yet by a browser.
    response_types_supported: [&'static str; 0],
    grant_types_supported: [&'static str; 1],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    token_endpoint_auth_signing_alg_values_supported: [&'static str; 5],
    introspection_endpoint_auth_methods_supported: [&'static str; 3],
    introspection_endpoint_auth_signing_alg_values_supported: [&'static str; 5],
}

const METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "private_key_jwt"];

/// What this server can do as an OAuth 2 authorization server.
#[utoipa::path(operation_id = "oauth.metadata", responses((status = 200, body = ServerMetadata)))]
#[get("/.well-known/oauth-authorization-server")]
async fn metadata(app: web::Data<App>) -> HttpResponse {
    let issuer = app.issuer();
    let at = |path: &str| format!("{issuer}{path}");
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "public, max-age=300")).json(ServerMetadata {
        token_endpoint: at("oauth/token"),
        introspection_endpoint: at("oauth/introspect"),
        jwks_uri: at(".well-known/jwks.json"),
        response_types_supported: [],
        grant_types_supported: ["client_credentials"],
        token_endpoint_auth_methods_supported: METHODS,
        token_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        introspection_endpoint_auth_methods_supported: METHODS,
        introspection_endpoint_auth_signing_alg_values_supported: ALGORITHMS,
        issuer,
    })
}
