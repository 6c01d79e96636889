//! Second factors, for who operates the platform: of one account, and in numbers.

use actix_web::{delete, get, post, web};
use app::App;
use domain::{
    UserId,
    identity::factors::{FactorFigures, SUSPICIOUS, Suspicious},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::faces::native::{
    core::views::{MessageResponse, message},
    identity::factors::MfaStatusResponse,
    tenancy::PLATFORM,
};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, platform_owner},
    path::Named,
    wire::time,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(PLATFORM)
        .add(status, platform_owner())
        .add(reset, platform_owner())
        .add(metrics, platform_owner())
        .add(suspicious, platform_owner())
        .add(generated, platform_owner())
        .add(generate, platform_owner());
}

/// What an account has enrolled.
#[utoipa::path(operation_id = "platform.users.getMfaStatus", responses((status = 200, body = MfaStatusResponse)))]
#[get("/api/platform/users/{user_id}/mfa/status")]
async fn status(app: web::Data<App>, who: SignedIn<Named<UserId>>) -> ApiResult<web::Json<MfaStatusResponse>> {
    Ok(web::Json(app.platform_factors(&who.caller, who.path.0).await?.into()))
}

/// Take somebody's second factors away, who has lost them. Make sure first that it is they who ask: from then on the password alone lets
/// them in, and a mailed code where an organization demands two factors.
#[utoipa::path(operation_id = "platform.users.resetMfa", responses((status = 200, body = MessageResponse)))]
#[delete("/api/platform/users/{user_id}/mfa")]
async fn reset(app: web::Data<App>, who: SignedIn<Named<UserId>>) -> ApiResult<web::Json<MessageResponse>> {
    app.reset_factors(&who.caller, who.path.0).await?;
    Ok(message("The account has no second factor any more."))
}

/// Second factors in numbers.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"total_users": 340, "mfa_enabled_users": 85, "adoption_rate": 0.25, "verifications_succeeded": 120, "verifications_failed": 4}))]
struct MfaMetricsResponse {
    total_users: i64,
    /// With an authenticator app.
    mfa_enabled_users: i64,
    /// Their share of all, 0 to 1.
    adoption_rate: f64,
    /// Codes that were right on that day (UTC).
    verifications_succeeded: i64,
    /// Codes that were wrong.
    verifications_failed: i64,
}

impl From<FactorFigures> for MfaMetricsResponse {
    fn from(f: FactorFigures) -> Self {
        // Four digits are exact enough, and exact in both numbers.
        let share = if f.users == 0 { 0 } else { f.enrolled.saturating_mul(10_000) / f.users };
        Self {
            total_users: f.users,
            mfa_enabled_users: f.enrolled,
            adoption_rate: f64::from(i32::try_from(share).unwrap_or(i32::MAX)) / 10_000.0,
            verifications_succeeded: f.succeeded,
            verifications_failed: f.failed,
        }
    }
}

/// Second factors in numbers: accounts as they are now, codes of today.
#[utoipa::path(operation_id = "platform.mfa.getMetrics", responses((status = 200, body = MfaMetricsResponse)))]
#[get("/api/platform/mfa/metrics")]
async fn metrics(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<MfaMetricsResponse>> {
    Ok(web::Json(app.factor_figures(&who.caller).await?.into()))
}

/// Count them now, and keep the figures as those of today.
#[utoipa::path(operation_id = "platform.mfa.generateMetrics", responses((status = 200, body = MfaMetricsResponse)))]
#[post("/api/platform/mfa/metrics/generate")]
async fn generate(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<MfaMetricsResponse>> {
    Ok(web::Json(app.keep_factor_figures(&who.caller).await?.into()))
}

/// Figures that were kept.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"date": "2026-11-30", "total_users": 340, "mfa_enabled_users": 85, "adoption_rate": 0.25, "verifications_succeeded": 120, "verifications_failed": 4, "generated_at": "2026-11-30T09:00:00.000000Z"}))]
struct MfaMetricsOfDayResponse {
    /// The day, in UTC.
    date: String,
    #[serde(flatten)]
    metrics: MfaMetricsResponse,
    /// When they were counted last.
    generated_at: String,
}

/// The figures that were kept, of at most 366 days, the newest first.
#[utoipa::path(operation_id = "platform.mfa.listMetrics", responses((status = 200, body = [MfaMetricsOfDayResponse])))]
#[get("/api/platform/mfa/metrics/generate")]
async fn generated(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<Vec<MfaMetricsOfDayResponse>>> {
    let days = app.factor_days(&who.caller).await?.into_iter();
    Ok(web::Json(
        days.map(|(date, figures, at)| MfaMetricsOfDayResponse { date, metrics: figures.into(), generated_at: time(at) })
            .collect(),
    ))
}

/// An account at which codes were guessed at.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"user_id": "usr_019ab2c3d4e57f008000000000000002", "email": "ann@example.com", "failed_attempts": 12, "successful_attempts": 0}))]
struct SuspiciousMfaResponse {
    user_id: String,
    email: String,
    /// Wrong codes since yesterday, 00:00 UTC.
    failed_attempts: i64,
    /// Right ones.
    successful_attempts: i64,
}

/// Where codes are guessed at.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"threshold": 5, "accounts": [{"user_id": "usr_019ab2c3d4e57f008000000000000002", "email": "ann@example.com", "failed_attempts": 12, "successful_attempts": 0}]}))]
struct SuspiciousMfaActivityResponse {
    /// Accounts with so many wrong codes since yesterday are listed.
    threshold: i64,
    /// At most 100, those with most first.
    accounts: Vec<SuspiciousMfaResponse>,
}

impl From<Suspicious> for SuspiciousMfaResponse {
    fn from(s: Suspicious) -> Self {
        Self {
            user_id: s.user_id.to_string(),
            email: s.email.to_string(),
            failed_attempts: s.failed,
            successful_attempts: s.succeeded,
        }
    }
}

/// Accounts at which second factors were guessed at. Whoever guesses knows the password.
#[utoipa::path(operation_id = "platform.mfa.getSuspiciousActivity", responses((status = 200, body = SuspiciousMfaActivityResponse)))]
#[get("/api/platform/mfa/suspicious-activity")]
async fn suspicious(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<SuspiciousMfaActivityResponse>> {
    let accounts = app.guessed_at(&who.caller).await?.into_iter().map(Into::into).collect();
    Ok(web::Json(SuspiciousMfaActivityResponse { threshold: SUSPICIOUS, accounts }))
}
