//! What an organization makes of risky sign-ins.

use actix_web::{get, post, put, web};
use app::App;
use domain::{
    all,
    authorization::resource::{RiskEvents, RiskPolicy},
    identity::risk::{Attempts, EnforcementMode, RiskChanges, RiskEvent, RiskSettings, Score},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::OrgPath,
    wire::{Body, Field, Query, time},
};

const RISK: Tag = Tag { name: "risk", about: "Risky sign-ins: how they are judged, and what is done about them." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(RISK)
        .of_org(settings, reading::<RiskPolicy>())
        .of_org(update, writing::<RiskPolicy>())
        .of_org(reset, writing::<RiskPolicy>())
        .of_org(events, reading::<RiskEvents>());
}

/// What an organization makes of risky sign-ins.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"enforcement_mode": "log_only", "low_threshold": 30, "medium_threshold": 70, "new_device_score": 20, "impossible_travel_score": 50, "velocity_score": 30, "velocity_threshold": 10}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct RiskSettingsResponse {
    /// `log_only`: sign-ins are judged, and that is written down. `monitor`: and told, by events. `challenge`: and asked for a mailed code.
    /// `block`: and refused beyond the upper threshold.
    enforcement_mode: &'static str,
    /// From this score on a sign-in is challenged.
    low_threshold: i64,
    /// From this score on it is blocked.
    medium_threshold: i64,
    new_device_score: i64,
    impossible_travel_score: i64,
    velocity_score: i64,
    /// More tries than these within five minutes from one network count.
    velocity_threshold: i64,
}

impl From<RiskSettings> for RiskSettingsResponse {
    fn from(s: RiskSettings) -> Self {
        Self {
            enforcement_mode: s.enforcement_mode.as_str(),
            low_threshold: s.low_threshold.into(),
            medium_threshold: s.medium_threshold.into(),
            new_device_score: s.new_device_score.into(),
            impossible_travel_score: s.impossible_travel_score.into(),
            velocity_score: s.velocity_score.into(),
            velocity_threshold: s.velocity_threshold.into(),
        }
    }
}

/// The settings as they are now.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"message": "The settings count from now on.", "settings": {"enforcement_mode": "challenge", "low_threshold": 30, "medium_threshold": 70, "new_device_score": 20, "impossible_travel_score": 50, "velocity_score": 30, "velocity_threshold": 10}}))]
struct RiskSettingsChangedResponse {
    message: &'static str,
    settings: RiskSettingsResponse,
}

/// What the organization makes of risky sign-ins.
#[utoipa::path(operation_id = "organizations.riskSettings.get", responses((status = 200, body = RiskSettingsResponse)))]
#[get("/risk-settings")]
async fn settings(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<RiskSettingsResponse>> {
    Ok(web::Json(app.risk_settings(&who.caller, &who.path.org).await?.into()))
}

/// Changes of the settings. What is left out stays.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"enforcement_mode": "challenge", "low_threshold": 20}))]
struct UpdateRiskSettingsRequest {
    /// `log_only`, `monitor`, `challenge` or `block`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    enforcement_mode: Field<EnforcementMode>,
    /// Less than `medium_threshold`, as it will be.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100)]
    low_threshold: Field<Score>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100)]
    medium_threshold: Field<Score>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100)]
    new_device_score: Field<Score>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100)]
    impossible_travel_score: Field<Score>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100)]
    velocity_score: Field<Score>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 1_000_000)]
    velocity_threshold: Field<Attempts>,
}

impl UpdateRiskSettingsRequest {
    fn parsed(self) -> domain::Result<RiskChanges> {
        let (enforcement_mode, low_threshold, medium_threshold, new_device_score, travel, velocity_score, velocity_threshold) =
            all((
                self.enforcement_mode.optional("enforcement_mode"),
                self.low_threshold.optional("low_threshold"),
                self.medium_threshold.optional("medium_threshold"),
                self.new_device_score.optional("new_device_score"),
                self.impossible_travel_score.optional("impossible_travel_score"),
                self.velocity_score.optional("velocity_score"),
                self.velocity_threshold.optional("velocity_threshold"),
            ))?;
        Ok(RiskChanges {
            enforcement_mode,
            low_threshold,
            medium_threshold,
            new_device_score,
            impossible_travel_score: travel,
            velocity_score,
            velocity_threshold,
        })
    }
}

/// Change what the organization makes of risky sign-ins, all of it or nothing.
#[utoipa::path(
    operation_id = "organizations.riskSettings.update",
    request_body = UpdateRiskSettingsRequest,
    responses((status = 200, body = RiskSettingsChangedResponse)),
)]
#[put("/risk-settings")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    body: Body<UpdateRiskSettingsRequest>,
) -> ApiResult<web::Json<RiskSettingsChangedResponse>> {
    let changed = app.update_risk_settings(&who.caller, &who.path.org, &body.value.parsed()?).await?;
    let message = "The settings count from now on.";
    Ok(web::Json(RiskSettingsChangedResponse { message, settings: changed.into() }))
}

/// Back to the settings that are usual: `log_only`.
#[utoipa::path(operation_id = "organizations.riskSettings.reset", responses((status = 200, body = RiskSettingsChangedResponse)))]
#[post("/risk-settings/reset")]
async fn reset(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<RiskSettingsChangedResponse>> {
    let usual = app.reset_risk_settings(&who.caller, &who.path.org).await?;
    let message = "The settings are the usual ones again.";
    Ok(web::Json(RiskSettingsChangedResponse { message, settings: usual.into() }))
}

/// What a sign-in was judged on. The same inputs give the same answer.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"settings": {"enforcement_mode": "challenge", "low_threshold": 30, "medium_threshold": 70, "new_device_score": 20, "impossible_travel_score": 50, "velocity_score": 30, "velocity_threshold": 10}, "device": "new_device", "attempts": 11}))]
struct RiskInputsResponse {
    /// The settings of that moment.
    settings: RiskSettingsResponse,
    /// `trusted_device`, `untrusted_cookie`, `cookie_mismatch`, `invalid_cookie` or `new_device`.
    device: &'static str,
    /// Tries from the network within five minutes, this one included.
    attempts: i64,
    /// Kilometres from the last sign-in whose place is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    distance_km: Option<f64>,
    /// Seconds since that.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<i64>,
}

/// A sign-in with the right password, as the organization judged it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "rsk_019ab2c3d4e57f008000000000000014", "user_id": "usr_019ab2c3d4e57f008000000000000002", "user_email": "ann@example.com", "created_at": "2026-11-23T09:00:00.000000Z", "risk_score": 50, "risk_factors": ["new_device", "velocity_limit"], "risk_action": "challenge_mfa", "risk_verdict": "challenge_mfa", "signed_in": true, "geo_country": "DE", "geo_city": "Berlin", "geo_lat": 52.52, "geo_long": 13.405, "ip_address": "203.0.113.7", "provider": "password", "inputs": {"settings": {"enforcement_mode": "challenge", "low_threshold": 30, "medium_threshold": 70, "new_device_score": 20, "impossible_travel_score": 50, "velocity_score": 30, "velocity_threshold": 10}, "device": "new_device", "attempts": 11}}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct RiskEventResponse {
    id: String,
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_email: Option<String>,
    created_at: String,
    /// 0 to 100.
    risk_score: i64,
    risk_factors: Vec<String>,
    /// What was done: `log_only`, `allow`, `challenge_mfa` or `block`.
    risk_action: &'static str,
    /// What the thresholds said: `allow`, `challenge_mfa` or `block`.
    risk_verdict: &'static str,
    /// Whether the person got in, with the code where one was asked for.
    signed_in: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo_country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo_city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo_lat: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo_long: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip_address: Option<String>,
    /// How: `password`.
    provider: String,
    inputs: RiskInputsResponse,
}

impl From<RiskEvent> for RiskEventResponse {
    fn from(e: RiskEvent) -> Self {
        let (geo_lat, geo_long) = e.location.at.map(|at| at.degrees()).unzip();
        let observed = e.inputs.observed;
        Self {
            id: e.id.to_string(),
            user_id: e.user_id.to_string(),
            user_email: e.user_email.map(|email| email.to_string()),
            created_at: time(e.created_at),
            risk_score: e.score,
            risk_factors: e.factors,
            risk_action: e.action.as_str(),
            risk_verdict: e.verdict.as_str(),
            signed_in: e.session_id.is_some(),
            geo_country: e.location.country,
            geo_city: e.location.city,
            geo_lat,
            geo_long,
            ip_address: e.ip_address,
            provider: e.provider,
            inputs: RiskInputsResponse {
                settings: e.inputs.settings.into(),
                device: observed.device.factor(),
                attempts: observed.attempts,
                distance_km: observed.travel.map(|way| way.from.distance_km(way.to).round()),
                seconds: observed.travel.map(|way| way.seconds),
            },
        }
    }
}

/// The organization's sign-ins as they were judged, newest first.
#[utoipa::path(
    operation_id = "organizations.security.getRiskEvents",
    params(
        ("page" = Option<i64>, Query, description = "From 1."),
        ("limit" = Option<i64>, Query, description = "1 to 100; default 50."),
        ("min_score" = Option<i64>, Query, description = "Only with at least this score; default 0."),
    ),
    responses((status = 200, body = [RiskEventResponse])),
)]
#[get("/risk-events")]
async fn events(app: web::Data<App>, who: SignedIn<OrgPath>, query: Query) -> ApiResult<web::Json<Vec<RiskEventResponse>>> {
    let (min_score,) = all((query.number("min_score"),))?;
    let events = app.risk_events(&who.caller, &who.path.org, min_score.unwrap_or(0), query.page(50)?).await?;
    Ok(web::Json(events.into_iter().map(Into::into).collect()))
}
