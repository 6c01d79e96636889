//! The caller's second factors.

use actix_web::{delete, get, post, web};
use app::{App, identity::factors::SetUp};
use domain::{all, identity::factors::Enrolled};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::USER;
use crate::faces::native::core::views::{MessageResponse, message};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, signed_in},
    wire::{Body, Field, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(USER)
        .add(status, signed_in())
        .add(set_up, signed_in().shows_secret_once())
        .add(verify, signed_in())
        .add(renew, signed_in().shows_secret_once())
        .add(disable, signed_in());
}

/// What an account has enrolled.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"enabled": true, "enabled_at": "2026-11-30T09:00:00.000000Z", "backup_codes_remaining": 10}))]
pub(in crate::faces::native) struct MfaStatusResponse {
    /// Whether it is asked for at each sign-in.
    enabled: bool,
    /// Since when.
    enabled_at: Option<String>,
    /// Recovery codes that are left, of ten.
    backup_codes_remaining: i64,
}

impl From<Enrolled> for MfaStatusResponse {
    fn from(enrolled: Enrolled) -> Self {
        Self {
            enabled: enrolled.totp_since.is_some(),
            enabled_at: enrolled.totp_since.map(time),
            backup_codes_remaining: enrolled.recovery_codes,
        }
    }
}

/// My second factors.
#[utoipa::path(operation_id = "user.mfa.getStatus", responses((status = 200, body = MfaStatusResponse)))]
#[get("/api/user/mfa/status")]
async fn status(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<MfaStatusResponse>> {
    Ok(web::Json(app.own_factors(&who.caller).await?.into()))
}

/// To show that it is the person who asks.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"password": "a long sentence only I know"}))]
struct SetUpMfaRequest {
    /// Needed unless the sign-in is less than 15 minutes old.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Field<String>,
}

/// An authenticator app that was set up.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "otpauth_url": "otpauth://totp/Tenantry:ann%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Tenantry", "backup_codes": ["k2vq-7h3m-xw4d-p5ra"]}))]
struct SetUpMfaResponse {
    /// To be typed into the app.
    secret: String,
    /// To be shown as a QR code.
    otpauth_url: String,
    /// Ten; each works once, when the app is lost.
    backup_codes: Vec<String>,
}

impl From<SetUp> for SetUpMfaResponse {
    fn from(made: SetUp) -> Self {
        Self { secret: made.secret, otpauth_url: made.url, backup_codes: made.recovery_codes }
    }
}

/// Set an authenticator app up (TOTP, RFC 6238). Nothing is asked for until `user.mfa.verify` was sent a code of it; setting up again before
/// that forgets this one.
#[utoipa::path(
    operation_id = "user.mfa.setup",
    request_body = SetUpMfaRequest,
    responses((status = 200, body = SetUpMfaResponse)),
)]
#[post("/api/user/mfa/setup")]
async fn set_up(app: web::Data<App>, who: SignedIn, body: Body<SetUpMfaRequest>) -> ApiResult<web::Json<SetUpMfaResponse>> {
    let (password,) = all((body.value.password.optional("password"),))?;
    Ok(web::Json(app.set_up_totp(&who.caller, password.as_deref()).await?.into()))
}

/// A code.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"code": "123456"}))]
struct MfaCodeRequest {
    /// Six digits of the app; once it is confirmed, a recovery code will do.
    #[serde(default)]
    #[schema(value_type = String, max_length = 1024, required)]
    code: Field<String>,
}

/// Confirm the app that was set up. From then on it is asked for at each sign-in. Where it is confirmed already, this gives the session that
/// asks its second factor. Each code works once.
#[utoipa::path(
    operation_id = "user.mfa.verify",
    request_body = MfaCodeRequest,
    responses((status = 200, body = MessageResponse)),
)]
#[post("/api/user/mfa/verify")]
async fn verify(app: web::Data<App>, who: SignedIn, body: Body<MfaCodeRequest>) -> ApiResult<web::Json<MessageResponse>> {
    let (code,) = all((body.value.code.required("code"),))?;
    app.confirm_factor(&who.caller, &code).await?;
    Ok(message("This session has its second factor."))
}

/// New recovery codes.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"backup_codes": ["k2vq-7h3m-xw4d-p5ra"]}))]
struct BackupCodesResponse {
    /// Ten; each works once. Those before work no more.
    backup_codes: Vec<String>,
}

/// Make new recovery codes. Needs a sign-in of the last 15 minutes, with two factors.
#[utoipa::path(operation_id = "user.mfa.regenerateBackupCodes", responses((status = 200, body = BackupCodesResponse)))]
#[post("/api/user/mfa/backup-codes/regenerate")]
async fn renew(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<BackupCodesResponse>> {
    Ok(web::Json(BackupCodesResponse { backup_codes: app.renew_recovery_codes(&who.caller).await? }))
}

/// Take my second factors away. Needs a sign-in of the last 15 minutes, with two factors.
#[utoipa::path(operation_id = "user.mfa.disable", responses((status = 200, body = MessageResponse)))]
#[delete("/api/user/mfa")]
async fn disable(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<MessageResponse>> {
    app.drop_own_factors(&who.caller).await?;
    Ok(message("Your account has no second factor any more."))
}
