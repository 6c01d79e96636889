//! Sign-ins of an organization in numbers.

use actix_web::{get, web};
use app::{App, events::analytics::DaysAsked};
use domain::{Result, all, authorization::resource::Analytics, identity::sign_ins::SignIn};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading},
    path::OrgPath,
    wire::{Query, time},
};

const ANALYTICS: Tag =
    Tag { name: "analytics", about: "Sign-ins in numbers, by days in UTC. New ones are added within a minute." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(ANALYTICS)
        .of_org(by_day, reading::<Analytics>())
        .of_org(by_service, reading::<Analytics>())
        .of_org(by_provider, reading::<Analytics>())
        .of_org(recent, reading::<Analytics>());
}

/// Which days: at most 366, by default the last 30.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only describes")]
struct Period {
    /// The first day: `2026-11-01`.
    start_date: Option<String>,
    /// The last day: `2026-11-30`.
    end_date: Option<String>,
}

fn period(query: &Query) -> Result<DaysAsked> {
    let (start, end) = all((query.parsed("start_date"), query.parsed("end_date")))?;
    Ok(DaysAsked { start, end })
}

/// How many sign-ins there were on a day.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"date": "2026-11-23", "count": 7}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct LoginDayResponse {
    date: String,
    count: i64,
}

/// Sign-ins by day, of the days that have some.
#[utoipa::path(operation_id = "analytics.getLoginTrends", params(Period), responses((status = 200, body = [LoginDayResponse])))]
#[get("/analytics/login-trends")]
async fn by_day(app: web::Data<App>, who: SignedIn<OrgPath>, query: Query) -> ApiResult<web::Json<Vec<LoginDayResponse>>> {
    let days = app.sign_ins_by_day(&who.caller, &who.path.org, period(&query)?).await?;
    Ok(web::Json(days.into_iter().map(|(date, count)| LoginDayResponse { date, count }).collect()))
}

/// How many sign-ins there were to a service.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"service_id": "svc_019ab2c3d4e57f008000000000000010", "service_name": "Portal", "count": 7}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct ServiceLoginsResponse {
    service_id: String,
    service_name: String,
    count: i64,
}

/// Sign-ins to each service, most first. Those to the organization itself are to no service.
#[utoipa::path(operation_id = "analytics.getLoginsByService", params(Period), responses((status = 200, body = [ServiceLoginsResponse])))]
#[get("/analytics/logins-by-service")]
async fn by_service(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    query: Query,
) -> ApiResult<web::Json<Vec<ServiceLoginsResponse>>> {
    let services = app.sign_ins_by_service(&who.caller, &who.path.org, period(&query)?).await?;
    let shown = services.into_iter().map(|s| ServiceLoginsResponse {
        service_id: s.service_id.to_string(),
        service_name: s.service_name,
        count: s.count,
    });
    Ok(web::Json(shown.collect()))
}

/// How many sign-ins there were in one way.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"provider": "password", "count": 7}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct ProviderLoginsResponse {
    provider: String,
    count: i64,
}

/// Sign-ins by the way that was taken, most first.
#[utoipa::path(operation_id = "analytics.getLoginsByProvider", params(Period), responses((status = 200, body = [ProviderLoginsResponse])))]
#[get("/analytics/logins-by-provider")]
async fn by_provider(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    query: Query,
) -> ApiResult<web::Json<Vec<ProviderLoginsResponse>>> {
    let ways = app.sign_ins_by_method(&who.caller, &who.path.org, period(&query)?).await?;
    Ok(web::Json(ways.into_iter().map(|(provider, count)| ProviderLoginsResponse { provider, count }).collect()))
}

/// A sign-in.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "sgn_019ab2c3d4e57f008000000000000013", "user_id": "usr_019ab2c3d4e57f008000000000000002", "service_id": null, "provider": "password", "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct RecentLoginResponse {
    id: String,
    user_id: String,
    /// The service that was signed in to; null: the organization.
    service_id: Option<String>,
    /// How: `password`.
    provider: String,
    created_at: String,
}

impl From<SignIn> for RecentLoginResponse {
    fn from(s: SignIn) -> Self {
        Self {
            id: s.id.to_string(),
            user_id: s.user_id.to_string(),
            service_id: s.service.map(|(id, _)| id.to_string()),
            provider: s.method,
            created_at: time(s.created_at),
        }
    }
}

/// The newest sign-ins.
#[utoipa::path(
    operation_id = "analytics.getRecentLogins",
    params(Period, ("limit" = Option<i64>, Query, description = "1 to 100; default 10.")),
    responses((status = 200, body = [RecentLoginResponse])),
)]
#[get("/analytics/recent-logins")]
async fn recent(app: web::Data<App>, who: SignedIn<OrgPath>, query: Query) -> ApiResult<web::Json<Vec<RecentLoginResponse>>> {
    let limit = query.page(10)?.limit;
    let recent = app.recent_sign_ins(&who.caller, &who.path.org, period(&query)?, limit).await?;
    Ok(web::Json(recent.into_iter().map(Into::into).collect()))
}
