//! Plans: what a service is sold as.

use actix_web::{delete, get, patch, post, web};
use app::{
    App,
    applications::plans::{NewPlan, PlanChanges},
};
use domain::{
    PlanId, all,
    applications::plans::{Currency, Features, Plan, PolarProductId, StripePriceId},
    authorization::resource::Plans,
    core::value::{Description, Name, ServiceSlug},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faces::native::core::views::Done;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::{OrgPath, PathId},
    wire::{Body, Field, time},
};

const PLANS: Tag = Tag { name: "plans", about: "What a service is sold as." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(PLANS)
        .of_org(list, reading::<Plans>())
        .of_org(create, writing::<Plans>().idempotent())
        .of_org(update, writing::<Plans>())
        .of_org(delete, writing::<Plans>());
}

impl PathId for PlanId {
    const NOUN: &'static str = "plan";
}

/// A plan.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "plan_019ab2c3d4e57f00800000000000000b", "service_id": "svc_019ab2c3d4e57f00800000000000000a", "name": "Team", "description": null, "price_cents": 4900, "currency": "usd", "features": "[\"10 seats\"]", "stripe_price_id": null, "is_default": false, "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct PlanResponse {
    id: String,
    service_id: String,
    name: String,
    description: Option<String>,
    price_cents: i64,
    currency: String,
    /// JSON: an array of texts.
    features: String,
    stripe_price_id: Option<String>,
    /// Ours: its product at Polar.
    #[serde(skip_serializing_if = "Option::is_none")]
    polar_product_id: Option<String>,
    /// Whether users have it who chose none.
    is_default: bool,
    created_at: String,
    updated_at: String,
}

/// A plan, and how many subscriptions there are to it.
#[derive(Serialize, ToSchema)]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(super) struct PlanDetails {
    plan: PlanResponse,
    subscription_count: i64,
}

impl From<Plan> for PlanDetails {
    fn from(p: Plan) -> Self {
        let plan = PlanResponse {
            id: p.id.to_string(),
            service_id: p.service_id.to_string(),
            name: p.name.into_string(),
            description: p.description.map(Description::into_string),
            price_cents: p.price_cents,
            currency: p.currency.as_str().to_owned(),
            features: serde_json::Value::from(p.features.texts()).to_string(),
            stripe_price_id: p.stripe_price_id.map(|id| id.as_str().to_owned()),
            polar_product_id: p.polar_product_id.map(|id| id.as_str().to_owned()),
            is_default: p.is_default,
            created_at: time(p.created_at),
            updated_at: time(p.updated_at),
        };
        Self { plan, subscription_count: p.subscriptions }
    }
}

/// Every plan, by age.
#[utoipa::path(
    operation_id = "services.plans.list",
    responses((status = 200, body = [PlanDetails])),
)]
#[get("/services/{service_slug}/plans")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath<ServiceSlug>>) -> ApiResult<web::Json<Vec<PlanDetails>>> {
    let plans = app.list_plans(&who.caller, &who.path.org, &who.path.id).await?;
    Ok(web::Json(plans.into_iter().map(Into::into).collect()))
}

/// A new plan.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Team", "price_cents": 4900, "currency": "usd", "features": ["10 seats"]}))]
struct CreatePlanRequest {
    /// Unique in the service.
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100, required)]
    name: Field<Name>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Field<Description>,
    /// A month's price, in hundredths of the currency.
    #[serde(default)]
    #[schema(value_type = i64, minimum = 0, maximum = 1_000_000_000, required)]
    price_cents: Field<i64>,
    /// ISO 4217.
    #[serde(default)]
    #[schema(value_type = String, min_length = 3, max_length = 3, required)]
    currency: Field<Currency>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    features: Field<Features>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255)]
    stripe_price_id: Field<StripePriceId>,
    /// Its product at Polar.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64)]
    polar_product_id: Field<PolarProductId>,
    /// Whether users have it who chose none. The plan that was this before then is it no more.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    is_default: Field<bool>,
}

/// Make a plan.
#[utoipa::path(
    operation_id = "services.plans.create",
    request_body = CreatePlanRequest,
    responses((status = 200, body = PlanDetails)),
)]
#[post("/services/{service_slug}/plans")]
async fn create(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath<ServiceSlug>>,
    body: Body<CreatePlanRequest>,
) -> ApiResult<web::Json<PlanDetails>> {
    let b = body.value;
    let (name, description, price_cents, currency, features, stripe_price_id, polar_product_id, is_default) = all((
        b.name.required("name"),
        b.description.optional("description"),
        b.price_cents.required("price_cents"),
        b.currency.required("currency"),
        b.features.optional("features"),
        b.stripe_price_id.optional("stripe_price_id"),
        b.polar_product_id.optional("polar_product_id"),
        b.is_default.optional("is_default"),
    ))?;
    let (features, is_default) = (features.unwrap_or_default(), is_default.unwrap_or(false));
    let new = NewPlan { name, description, price_cents, currency, features, stripe_price_id, polar_product_id, is_default };
    who.once("services.plans.create", &body.raw);
    Ok(web::Json(app.create_plan(&who.caller, &who.path.org, &who.path.id, &new).await?.into()))
}

/// Changes of a plan.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"price_cents": 5900, "is_default": true}))]
struct UpdatePlanRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 100)]
    name: Field<Name>,
    /// Null clears it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Field<Description>,
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 1_000_000_000)]
    price_cents: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 3, max_length = 3)]
    currency: Field<Currency>,
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 50)]
    features: Field<Features>,
    /// Null: it is not sold there.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255)]
    stripe_price_id: Field<StripePriceId>,
    /// Its product at Polar.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 64)]
    polar_product_id: Field<PolarProductId>,
    /// True makes it the default plan. False is refused for the one that is.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    is_default: Field<bool>,
}

/// Change a plan, all of it or nothing. Fields that are not sent stay.
#[utoipa::path(
    operation_id = "services.plans.update",
    request_body = UpdatePlanRequest,
    responses((status = 200, body = PlanDetails)),
)]
#[patch("/services/{service_slug}/plans/{plan_id}")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath<(ServiceSlug, PlanId)>>,
    body: Body<UpdatePlanRequest>,
) -> ApiResult<web::Json<PlanDetails>> {
    let b = body.value;
    let (name, description, price_cents, currency, features, stripe_price_id, polar_product_id, is_default) = all((
        b.name.change("name"),
        b.description.patch("description"),
        b.price_cents.change("price_cents"),
        b.currency.change("currency"),
        b.features.change("features"),
        b.stripe_price_id.patch("stripe_price_id"),
        b.polar_product_id.patch("polar_product_id"),
        b.is_default.change("is_default"),
    ))?;
    let changes =
        PlanChanges { name, description, price_cents, currency, features, stripe_price_id, polar_product_id, is_default };
    let (service, plan) = &who.path.id;
    Ok(web::Json(app.update_plan(&who.caller, &who.path.org, service, *plan, &changes).await?.into()))
}

/// Delete a plan that nobody has, and that is not the default one.
#[utoipa::path(operation_id = "services.plans.delete", responses(Done))]
#[delete("/services/{service_slug}/plans/{plan_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<(ServiceSlug, PlanId)>>) -> ApiResult<Done> {
    let (service, plan) = &who.path.id;
    app.delete_plan(&who.caller, &who.path.org, service, *plan).await?;
    Ok(Done)
}
