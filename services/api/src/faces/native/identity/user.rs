//! The caller's own account and sessions.

use actix_web::{HttpResponse, delete, get, patch, post, web};
use app::App;
use domain::{
    all,
    core::value::{Email, Password},
    identity::sessions::Session,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::faces::native::core::views::{MessageResponse, message};
use crate::http::{
    context::{SignedIn, SigningIn},
    error::ApiResult,
    wire::{Body, Field, id, time},
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(profile).service(update).service(confirm_email).service(change_password);
    config.service(sessions).service(revoke_session).service(revoke_others);
}

/// The caller. `org` and `service` are empty strings for a token that is not for one.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "usr_019ab2c3d4e57f008000000000000002", "email": "ann@example.com", "org": "acme", "service": "", "is_platform_owner": false}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct ProfileResponse {
    id: String,
    email: String,
    org: String,
    service: String,
    is_platform_owner: bool,
}

async fn show(app: &App, who: &SignedIn) -> ApiResult<web::Json<ProfileResponse>> {
    let (user, org) = app.profile(&who.caller).await?;
    let org = org.map(|slug| slug.into_string()).unwrap_or_default();
    Ok(web::Json(ProfileResponse {
        id: user.id.to_string(),
        email: user.email.into_string(),
        org,
        service: String::new(),
        is_platform_owner: user.is_platform_owner,
    }))
}

/// Who am I?
#[utoipa::path(tag = "user", operation_id = "user.getProfile", responses((status = 200, body = ProfileResponse)))]
#[get("/api/user")]
async fn profile(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<ProfileResponse>> {
    show(&app, &who).await
}

/// Changes of the caller's account.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@new.example.com"}))]
struct UpdateProfileRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    email: Field<Email>,
}

/// Change my address: it counts once the link mailed to it was used.
#[utoipa::path(tag = "user", operation_id = "user.updateProfile", request_body = UpdateProfileRequest, responses((status = 200, description = "The profile; still with the old address.", body = ProfileResponse)))]
#[patch("/api/user")]
async fn update(app: web::Data<App>, who: SignedIn, body: Body<UpdateProfileRequest>) -> ApiResult<web::Json<ProfileResponse>> {
    let (email,) = all((body.value.email.optional("email"),))?;
    if let Some(email) = email {
        app.request_email_change(&who.caller, &email).await?;
    }
    show(&app, &who).await
}

/// The token mailed to the new address.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"token": "email_…"}))]
struct ConfirmEmailRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    token: Field<String>,
}

/// Confirm a new address with the token from the mail. (The page behind the mailed link calls the same.)
#[utoipa::path(tag = "user", operation_id = "user.confirmEmail", security(()), request_body = ConfirmEmailRequest, responses((status = 200, body = MessageResponse)))]
#[post("/api/user/confirm-email")]
async fn confirm_email(
    app: web::Data<App>,
    from: SigningIn,
    body: Body<ConfirmEmailRequest>,
) -> ApiResult<web::Json<MessageResponse>> {
    let (token,) = all((body.value.token.required("token"),))?;
    app.confirm_email_change(&from.0, &token).await?;
    Ok(message("Your new address is confirmed."))
}

/// A change of password.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"current_password": "a long sentence only I know", "new_password": "another long sentence"}))]
struct ChangePasswordRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    current_password: Field<String>,
    #[serde(default)]
    #[schema(value_type = String, min_length = 8, required)]
    new_password: Field<Password>,
}

/// Change my password. Ends my other sessions.
#[utoipa::path(tag = "user", operation_id = "user.changePassword", request_body = ChangePasswordRequest, responses((status = 200, body = MessageResponse)))]
#[post("/api/user/change-password")]
async fn change_password(
    app: web::Data<App>,
    who: SignedIn,
    body: Body<ChangePasswordRequest>,
) -> ApiResult<web::Json<MessageResponse>> {
    let (current, new) =
        all((body.value.current_password.required("current_password"), body.value.new_password.required("new_password")))?;
    app.change_password(&who.caller, &current, &new).await?;
    Ok(message("Your password is changed."))
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
#[utoipa::path(tag = "user", operation_id = "user.sessions.list", responses((status = 200, body = [SessionResponse])))]
#[get("/api/user/sessions")]
async fn sessions(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<Vec<SessionResponse>>> {
    let (sessions, current) = app.list_sessions(&who.caller).await?;
    Ok(web::Json(sessions.into_iter().map(|s| SessionResponse::of(s, current)).collect()))
}

/// End one of my sessions.
#[utoipa::path(tag = "user", operation_id = "user.sessions.revoke", responses((status = 204, description = "It has ended.")))]
#[delete("/api/user/sessions/{session_id}")]
async fn revoke_session(app: web::Data<App>, who: SignedIn, path: web::Path<String>) -> ApiResult<HttpResponse> {
    app.revoke_session(&who.caller, id(&path, "session")?).await?;
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
#[utoipa::path(tag = "user", operation_id = "user.sessions.revokeOthers", responses((status = 200, body = RevokedResponse)))]
#[delete("/api/user/sessions")]
async fn revoke_others(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<RevokedResponse>> {
    let revoked_count = app.revoke_other_sessions(&who.caller).await?;
    Ok(web::Json(RevokedResponse { message: "Signed out everywhere else.", revoked_count }))
}
