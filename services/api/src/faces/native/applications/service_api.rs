//! The service API: what a service's own program sees and changes of its service, with a key of it. Which service, the key says.

use std::str::FromStr;

use actix_web::{get, patch, web};
use app::{App, applications::subscriptions::Totals};
use domain::{
    UserId,
    authorization::resource::{OneService, ServiceAnalytics},
    core::id::NotAnId,
};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::services::{ServiceResponse, UpdateServiceRequest};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, read_by_service_key, write_by_service_key},
    path::PathId,
    wire::Body,
};

pub(super) const SERVICE_API: Tag =
    Tag { name: "service-api", about: "What a service's own program does, with an API key of the service in `X-Api-Key`." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(SERVICE_API)
        .add(info, read_by_service_key::<OneService>())
        .add(update_info, write_by_service_key::<OneService>())
        .add(analytics, read_by_service_key::<ServiceAnalytics>());
}

/// A user of a service, by the account.
pub(super) struct EndUser(pub(super) UserId);

impl FromStr for EndUser {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.parse().map(Self)
    }
}

impl PathId for EndUser {
    const NOUN: &'static str = "user";
}

/// Which part of a list.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only describes")]
pub(super) struct Window {
    /// 1 to 100; default 50.
    limit: Option<i64>,
    /// How many to skip; default 0.
    offset: Option<i64>,
}

/// The service whose key this is.
#[utoipa::path(
    operation_id = "serviceApi.getInfo",
    responses((status = 200, body = ServiceResponse)),
)]
#[get("/api/service/info")]
async fn info(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<ServiceResponse>> {
    Ok(web::Json(app.own_service(&who.caller).await?.into()))
}

/// Change the service whose key this is. Fields that are not sent stay.
#[utoipa::path(
    operation_id = "serviceApi.updateInfo",
    request_body = UpdateServiceRequest,
    responses((status = 200, body = ServiceResponse)),
)]
#[patch("/api/service/info")]
async fn update_info(
    app: web::Data<App>,
    who: SignedIn,
    body: Body<UpdateServiceRequest>,
) -> ApiResult<web::Json<ServiceResponse>> {
    let changes = body.value.parse()?;
    Ok(web::Json(app.update_own_service(&who.caller, &changes).await?.service.into()))
}

/// A service in numbers.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"total_users": 2, "total_subscriptions": 1, "plans": [{"plan_id": "plan_019ab2c3d4e57f00800000000000000b", "plan_name": "Team", "subscription_count": 1}]}))]
#[allow(missing_docs, reason = "the names say it")]
struct AnalyticsResponse {
    total_users: i64,
    total_subscriptions: i64,
    plans: Vec<PlanCount>,
}

/// A plan, and how many subscriptions there are to it.
#[derive(Serialize, ToSchema)]
#[allow(missing_docs, reason = "the names say it")]
struct PlanCount {
    plan_id: String,
    plan_name: String,
    subscription_count: i64,
}

impl From<Totals> for AnalyticsResponse {
    fn from(totals: Totals) -> Self {
        let total_subscriptions = totals.plans.iter().map(|plan| plan.subscriptions).sum();
        let plans = totals.plans.into_iter().map(|plan| PlanCount {
            plan_id: plan.id.to_string(),
            plan_name: plan.name.into_string(),
            subscription_count: plan.subscriptions,
        });
        Self { total_users: totals.users, total_subscriptions, plans: plans.collect() }
    }
}

/// The service in numbers.
#[utoipa::path(
    operation_id = "serviceApi.getAnalytics",
    responses((status = 200, body = AnalyticsResponse)),
)]
#[get("/api/service/analytics")]
async fn analytics(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<AnalyticsResponse>> {
    Ok(web::Json(app.service_totals(&who.caller).await?.into()))
}
