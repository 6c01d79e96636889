//! The service API: who subscribes to which plan of the service whose key is sent.

use actix_web::{delete, get, patch, post, web};
use app::{
    App,
    applications::subscriptions::{NewSubscription, SubscriptionChanges},
};
use domain::{
    PlanId, Time, UserId, all,
    applications::subscriptions::{Subscription, SubscriptionStatus},
    authorization::resource::Subscriptions,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service_api::{EndUser, SERVICE_API, Window};
use crate::faces::native::core::views::Done;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, read_by_service_key, write_by_service_key},
    path::Named,
    wire::{Body, Field, Query, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(SERVICE_API)
        .add(list, read_by_service_key::<Subscriptions>())
        .add(create, write_by_service_key::<Subscriptions>().idempotent())
        .add(get, read_by_service_key::<Subscriptions>())
        .add(update, write_by_service_key::<Subscriptions>())
        .add(delete, write_by_service_key::<Subscriptions>());
}

/// A user's subscription to a service.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"user_id": "usr_019ab2c3d4e57f008000000000000002", "service_id": "svc_019ab2c3d4e57f00800000000000000a", "service_slug": "portal", "service_name": "Portal", "plan_id": "plan_019ab2c3d4e57f00800000000000000b", "plan_name": "Team", "status": "active", "current_period_end": null, "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct SubscriptionResponse {
    user_id: String,
    service_id: String,
    service_slug: String,
    service_name: String,
    plan_id: String,
    plan_name: String,
    status: &'static str,
    /// Until when it is paid; null: it has no end.
    current_period_end: Option<String>,
    created_at: String,
    updated_at: String,
}

impl From<Subscription> for SubscriptionResponse {
    fn from(s: Subscription) -> Self {
        Self {
            user_id: s.user_id.to_string(),
            service_id: s.service_id.to_string(),
            service_slug: s.service_slug.into_string(),
            service_name: s.service_name.into_string(),
            plan_id: s.plan_id.to_string(),
            plan_name: s.plan_name.into_string(),
            status: s.status.as_str(),
            current_period_end: s.current_period_end.map(time),
            created_at: time(s.created_at),
            updated_at: time(s.updated_at),
        }
    }
}

/// Some subscriptions to a service.
#[derive(Serialize, ToSchema)]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct SubscriptionsResponse {
    subscriptions: Vec<SubscriptionResponse>,
    total: i64,
}

/// Subscriptions to the service, newest first.
#[utoipa::path(
    operation_id = "serviceApi.listSubscriptions",
    params(Window),
    responses((status = 200, body = SubscriptionsResponse)),
)]
#[get("/api/service/subscriptions")]
async fn list(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<SubscriptionsResponse>> {
    let (subscriptions, total) = app.list_subscriptions(&who.caller, query.window()?).await?;
    Ok(web::Json(SubscriptionsResponse { subscriptions: subscriptions.into_iter().map(Into::into).collect(), total }))
}

/// A user's subscription.
#[utoipa::path(
    operation_id = "serviceApi.getSubscription",
    responses((status = 200, body = SubscriptionResponse)),
)]
#[get("/api/service/subscriptions/{end_user_id}")]
async fn get(app: web::Data<App>, who: SignedIn<Named<EndUser>>) -> ApiResult<web::Json<SubscriptionResponse>> {
    Ok(web::Json(app.get_subscription(&who.caller, who.path.0.0).await?.into()))
}

/// A subscription to make.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"user_id": "usr_019ab2c3d4e57f008000000000000002", "plan_id": "plan_019ab2c3d4e57f00800000000000000b", "status": "active"}))]
struct CreateSubscriptionRequest {
    /// A user of the service.
    #[serde(default)]
    #[schema(value_type = String, required)]
    user_id: Field<UserId>,
    /// A plan of the service.
    #[serde(default)]
    #[schema(value_type = String, required)]
    plan_id: Field<PlanId>,
    /// `active` (the default), `trialing`, `past_due`, `canceled`, `incomplete`, `incomplete_expired`, `unpaid` or `paused`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    status: Field<SubscriptionStatus>,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    current_period_end: Field<Time>,
}

/// Give a user of the service a subscription. Each has at most one.
#[utoipa::path(
    operation_id = "serviceApi.createSubscription",
    request_body = CreateSubscriptionRequest,
    responses((status = 200, body = SubscriptionResponse)),
)]
#[post("/api/service/subscriptions")]
async fn create(
    app: web::Data<App>,
    mut who: SignedIn,
    body: Body<CreateSubscriptionRequest>,
) -> ApiResult<web::Json<SubscriptionResponse>> {
    let b = body.value;
    let (user, plan, status, until) = all((
        b.user_id.required("user_id"),
        b.plan_id.required("plan_id"),
        b.status.optional("status"),
        b.current_period_end.optional("current_period_end"),
    ))?;
    who.once("serviceApi.createSubscription", &body.raw);
    let new = NewSubscription { user, plan, status: status.unwrap_or(SubscriptionStatus::Active), until };
    Ok(web::Json(app.create_subscription(&who.caller, &new).await?.into()))
}

/// Changes of a subscription.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"status": "past_due"}))]
struct UpdateSubscriptionRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    plan_id: Field<PlanId>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    status: Field<SubscriptionStatus>,
    /// Null: it has no end.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    current_period_end: Field<Time>,
}

/// Change a user's subscription. Fields that are not sent stay.
#[utoipa::path(
    operation_id = "serviceApi.updateSubscription",
    request_body = UpdateSubscriptionRequest,
    responses((status = 200, body = SubscriptionResponse)),
)]
#[patch("/api/service/subscriptions/{end_user_id}")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<Named<EndUser>>,
    body: Body<UpdateSubscriptionRequest>,
) -> ApiResult<web::Json<SubscriptionResponse>> {
    let b = body.value;
    let (plan, status, until) =
        all((b.plan_id.change("plan_id"), b.status.change("status"), b.current_period_end.patch("current_period_end")))?;
    let changes = SubscriptionChanges { plan, status, until };
    Ok(web::Json(app.update_subscription(&who.caller, who.path.0.0, &changes).await?.into()))
}

/// Delete a user's subscription.
#[utoipa::path(operation_id = "serviceApi.deleteSubscription", responses(Done))]
#[delete("/api/service/subscriptions/{end_user_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<Named<EndUser>>) -> ApiResult<Done> {
    app.delete_subscription(&who.caller, who.path.0.0).await?;
    Ok(Done)
}
