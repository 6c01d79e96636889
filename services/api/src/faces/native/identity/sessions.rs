//! The caller's sessions.

use actix_web::{HttpResponse, delete, get, web};
use app::App;
use domain::{SessionId, identity::sessions::Session};
use serde::Serialize;
use utoipa::ToSchema;

use super::USER;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, signed_in},
    path::{Named, PathId},
    wire::time,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(USER).add(sessions, signed_in()).add(revoke_session, signed_in()).add(revoke_others, signed_in());
}

impl PathId for SessionId {
    const NOUN: &'static str = "session";
}

/// One sign-in.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "ses_019ab2c3d4e57f008000000000000004", "method": "password", "ip_address": "203.0.113.7", "user_agent": "Mozilla/5.0", "current": true, "created_at": "2026-11-23T09:00:00.000000Z", "last_seen_at": "2026-11-23T09:00:00.000000Z", "expires_at": "2026-12-23T09:00:00.000000Z"}))]
struct SessionResponse {
    id: String,
    /// How: `password`.
    method: String,
    ip_address: Option<String>,
    user_agent: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
    created_at: String,
    last_seen_at: String,
    expires_at: String,
}

impl SessionResponse {
    fn of(s: Session, current: domain::SessionId) -> Self {
        Self {
            current: s.id == current,
            id: s.id.to_string(),
            method: s.method,
            ip_address: s.ip_address,
            user_agent: s.user_agent,
            created_at: time(s.created_at),
            last_seen_at: time(s.last_seen_at),
            expires_at: time(s.expires_at),
        }
    }
}

/// My sessions, newest first.
#[utoipa::path(
    operation_id = "user.sessions.list",
    responses((status = 200, body = [SessionResponse])),
)]
#[get("/api/user/sessions")]
async fn sessions(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<Vec<SessionResponse>>> {
    let (sessions, current) = app.list_sessions(&who.caller).await?;
    Ok(web::Json(sessions.into_iter().map(|s| SessionResponse::of(s, current)).collect()))
}

/// End one of my sessions.
#[utoipa::path(
    operation_id = "user.sessions.revoke",
    responses((status = 204, description = "It has ended.")),
)]
#[delete("/api/user/sessions/{session_id}")]
async fn revoke_session(app: web::Data<App>, who: SignedIn<Named<SessionId>>) -> ApiResult<HttpResponse> {
    app.revoke_session(&who.caller, who.path.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// How many sessions were ended.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"message": "Signed out everywhere else.", "revoked_count": 2}))]
struct RevokedResponse {
    message: &'static str,
    revoked_count: u64,
}

/// End all my other sessions.
#[utoipa::path(
    operation_id = "user.sessions.revokeOthers",
    responses((status = 200, body = RevokedResponse)),
)]
#[delete("/api/user/sessions")]
async fn revoke_others(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<RevokedResponse>> {
    let revoked_count = app.revoke_other_sessions(&who.caller).await?;
    Ok(web::Json(RevokedResponse { message: "Signed out everywhere else.", revoked_count }))
}
