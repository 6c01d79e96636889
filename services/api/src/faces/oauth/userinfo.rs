//! Who signed in (OpenID Connect Core, 5.3).

use actix_web::{HttpRequest, HttpResponse, get, http::header, post, web};
use app::App;
use domain::Error;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    OAUTH,
    error::{Bearer, OAuthErrorBody},
    parameters::key_proof,
};
use crate::http::{
    context::Anyone,
    operations::{Routes, anybody},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(OAUTH).add(userinfo, anybody().unlimited()).add(post_userinfo, anybody().unlimited());
}

/// Who signed in, as far as the token's scopes tell.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"sub": "auth0|019ab2c3d4e57f008000000000000001", "email": "ann@example.com", "email_verified": true, "org_id": "org_019ab2c3d4e57f008000000000000002"}))]
struct UserInfoResponse {
    /// What they are known by; it never becomes somebody else's.
    sub: String,
    /// Scope `email`.
    email: Option<String>,
    /// Whether the address is proven to be theirs.
    email_verified: Option<bool>,
    /// Scope `profile`.
    name: Option<String>,
    nickname: Option<String>,
    /// Unix seconds.
    updated_at: Option<i64>,
    /// The organization that was signed in to.
    org_id: Option<String>,
}

/// Who signed in. Needs an access token that `oauth.token` gave for a code; one that is bound to a key by the scheme `DPoP`, with a proof.
#[utoipa::path(
    operation_id = "oauth.userInfo",
    responses((status = 200, body = UserInfoResponse), (status = 401, description = "The access token is missing, is none, or holds no more.", body = OAuthErrorBody)),
)]
#[get("/userinfo")]
async fn userinfo(app: web::Data<App>, from: Anyone, req: HttpRequest) -> Result<HttpResponse, Bearer> {
    tell(&app, &from, &req, "GET").await
}

/// The same by `POST`.
#[utoipa::path(
    operation_id = "oauth.postUserInfo",
    responses((status = 200, body = UserInfoResponse), (status = 401, description = "The access token is missing, is none, or holds no more.", body = OAuthErrorBody)),
)]
#[post("/userinfo")]
async fn post_userinfo(app: web::Data<App>, from: Anyone, req: HttpRequest) -> Result<HttpResponse, Bearer> {
    tell(&app, &from, &req, "POST").await
}

async fn tell(app: &App, from: &Anyone, req: &HttpRequest, method: &'static str) -> Result<HttpResponse, Bearer> {
    let mut headers = req.headers().get_all(header::AUTHORIZATION).filter_map(|value| value.to_str().ok());
    let token = match (headers.next(), headers.next()) {
        (Some(one), None) => one.split_once(' ').map(|(scheme, token)| (scheme.to_ascii_lowercase(), token.trim())),
        _ => None,
    };
    let (is_bound, token) = match token {
        Some((scheme, token)) if scheme == "bearer" => (false, token),
        Some((scheme, token)) if scheme == "dpop" => (true, token),
        _ => {
            let none = Error::unauthenticated("invalid_token", "Send the access token: `Authorization: Bearer …`, or `DPoP …`.");
            return Err(Bearer(none, false));
        }
    };
    let refused = |e| Bearer(e, is_bound);
    let shown = match is_bound {
        true => key_proof(req, (method, "userinfo")).map_err(refused)?,
        false => None,
    };
    let info = app.user_info(&from.0, token, shown.as_ref()).await.map_err(refused)?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(info))
}
