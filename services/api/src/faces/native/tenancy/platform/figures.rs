//! The platform in numbers, as the worker counted them last: every ten minutes.

use actix_web::{get, web};
use app::{App, events::analytics::DaysAsked};
use domain::{
    Result, all,
    tenancy::platform::{OrganizationLine, PlatformTotals},
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::faces::native::tenancy::PLATFORM;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, platform_owner},
    wire::{Query, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(PLATFORM)
        .add(overview, platform_owner())
        .add(statuses, platform_owner())
        .add(growth, platform_owner())
        .add(activity, platform_owner())
        .add(top, platform_owner())
        .add(recent, platform_owner());
}

/// Which days: at most 366, by default the last 30.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only describes")]
struct PlatformPeriod {
    /// The first day: `2026-11-01`.
    start_date: Option<String>,
    /// The last day: `2026-11-30`.
    end_date: Option<String>,
}

fn period(query: &Query) -> Result<DaysAsked> {
    let (start, end) = all((query.parsed("start_date"), query.parsed("end_date")))?;
    Ok(DaysAsked { start, end })
}

/// What there is on the platform.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"total_organizations": 12, "total_users": 340, "total_end_users": 5100, "total_services": 20, "total_logins_24h": 75, "total_logins_30d": 2100, "computed_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the names say it")]
struct PlatformOverviewResponse {
    total_organizations: i64,
    total_users: i64,
    /// Once for each organization whose services they use.
    total_end_users: i64,
    total_services: i64,
    total_logins_24h: i64,
    total_logins_30d: i64,
    /// When it was counted; null: not yet.
    computed_at: Option<String>,
}

/// What there is on the platform.
#[utoipa::path(operation_id = "platform.analytics.getOverview", responses((status = 200, body = PlatformOverviewResponse)))]
#[get("/api/platform/analytics/overview")]
async fn overview(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<PlatformOverviewResponse>> {
    let (all, at) = app.platform_totals(&who.caller).await?;
    Ok(web::Json(PlatformOverviewResponse {
        total_organizations: all.organizations(),
        total_users: all.users,
        total_end_users: all.end_users,
        total_services: all.services,
        total_logins_24h: all.sign_ins_24h,
        total_logins_30d: all.sign_ins_30d,
        computed_at: at.map(time),
    }))
}

/// How many organizations are in each state.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"pending": 1, "active": 10, "suspended": 1, "rejected": 0}))]
#[allow(missing_docs, reason = "the names say it")]
struct OrganizationStatusResponse {
    pending: i64,
    active: i64,
    suspended: i64,
    rejected: i64,
}

/// How many organizations are in each state.
#[utoipa::path(operation_id = "platform.analytics.getOrganizationStatus", responses((status = 200, body = OrganizationStatusResponse)))]
#[get("/api/platform/analytics/organization-status")]
async fn statuses(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<OrganizationStatusResponse>> {
    let (PlatformTotals { pending, active, suspended, rejected, .. }, _) = app.platform_totals(&who.caller).await?;
    Ok(web::Json(OrganizationStatusResponse { pending, active, suspended, rejected }))
}

/// What was new on a day.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"date": "2026-11-23", "new_organizations": 2, "new_users": 31}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct GrowthResponse {
    date: String,
    new_organizations: i64,
    new_users: i64,
}

/// New organizations and accounts by day, of the days on which there were some.
#[utoipa::path(operation_id = "platform.analytics.getGrowthTrends", params(PlatformPeriod), responses((status = 200, body = [GrowthResponse])))]
#[get("/api/platform/analytics/growth-trends")]
async fn growth(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<Vec<GrowthResponse>>> {
    let days = app.platform_days(&who.caller, period(&query)?).await?.into_iter();
    let some = days.filter(|day| day.new_organizations > 0 || day.new_users > 0);
    let shown = some.map(|d| GrowthResponse { date: d.day, new_organizations: d.new_organizations, new_users: d.new_users });
    Ok(web::Json(shown.collect()))
}

/// How many sign-ins there were on a day.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"date": "2026-11-23", "count": 75}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct ActivityResponse {
    date: String,
    count: i64,
}

/// Sign-ins by day, of the days that have some.
#[utoipa::path(operation_id = "platform.analytics.getLoginActivity", params(PlatformPeriod), responses((status = 200, body = [ActivityResponse])))]
#[get("/api/platform/analytics/login-activity")]
async fn activity(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<Vec<ActivityResponse>>> {
    let days = app.platform_days(&who.caller, period(&query)?).await?.into_iter().filter(|day| day.sign_ins > 0);
    Ok(web::Json(days.map(|day| ActivityResponse { date: day.day, count: day.sign_ins }).collect()))
}

/// An organization, and how much it is used.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "org_019ab2c3d4e57f008000000000000001", "name": "Acme", "slug": "acme", "user_count": 31, "service_count": 2, "login_count_30d": 410}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct TopOrganizationResponse {
    id: String,
    name: String,
    slug: String,
    user_count: i64,
    service_count: i64,
    login_count_30d: i64,
}

impl From<(OrganizationLine, i64)> for TopOrganizationResponse {
    fn from((o, login_count_30d): (OrganizationLine, i64)) -> Self {
        Self {
            id: o.id.to_string(),
            name: o.name.to_string(),
            slug: o.slug.into_string(),
            user_count: o.members,
            service_count: o.services,
            login_count_30d,
        }
    }
}

/// The organizations that were signed in to most in 30 days.
#[utoipa::path(
    operation_id = "platform.analytics.getTopOrganizations",
    params(("limit" = Option<i64>, Query, description = "1 to 100; default 10.")),
    responses((status = 200, body = [TopOrganizationResponse])),
)]
#[get("/api/platform/analytics/top-organizations")]
async fn top(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<Vec<TopOrganizationResponse>>> {
    let limit = query.page(10)?.limit as usize;
    Ok(web::Json(app.top_organizations(&who.caller, limit).await?.into_iter().map(Into::into).collect()))
}

/// An organization.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "org_019ab2c3d4e57f008000000000000001", "name": "Acme", "slug": "acme", "status": "active", "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct RecentOrganizationResponse {
    id: String,
    name: String,
    slug: String,
    status: &'static str,
    created_at: String,
}

impl From<OrganizationLine> for RecentOrganizationResponse {
    fn from(o: OrganizationLine) -> Self {
        Self {
            id: o.id.to_string(),
            name: o.name.to_string(),
            slug: o.slug.into_string(),
            status: o.status.as_str(),
            created_at: time(o.created_at),
        }
    }
}

/// The newest organizations.
#[utoipa::path(
    operation_id = "platform.analytics.getRecentOrganizations",
    params(("limit" = Option<i64>, Query, description = "1 to 100; default 10.")),
    responses((status = 200, body = [RecentOrganizationResponse])),
)]
#[get("/api/platform/analytics/recent-organizations")]
async fn recent(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<Vec<RecentOrganizationResponse>>> {
    let limit = query.page(10)?.limit.into();
    Ok(web::Json(app.newest_organizations(&who.caller, limit).await?.into_iter().map(Into::into).collect()))
}
