//! Pages of payment providers, which a browser is sent to.

use actix_web::{get, post, web};
use app::{
    App,
    applications::billing::pages::{BillingInfo, NewCheckout},
};
use domain::{
    PlanId, all,
    applications::billing::{PaymentProvider, platform::Bought},
    core::value::ServiceSlug,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{
    context::SignedIn,
    error::ApiResult,
    path::OrgPath,
    wire::{Body, Field, time},
};

/// What the organization is to the platform's billing.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"has_billing_account": true, "provider": "stripe", "subscription": {"status": "active", "tier_id": "tier_pro", "current_period_end": "2026-12-23T09:00:00.000000Z"}, "active_users": {"month": "2026-11", "count": 42, "services": [{"service_id": "svc_019ab2c3d4e57f00800000000000000a", "service_name": "Portal", "count": 40}]}}))]
struct BillingInfoResponse {
    /// Whether it is known at the provider that the platform bills through.
    has_billing_account: bool,
    /// `stripe` or `polar`; null: it is not.
    provider: Option<&'static str>,
    /// What it has bought from the platform, as the provider says; null: nothing was told.
    subscription: Option<BoughtResponse>,
    /// Who signed in this month, each once. A month is one in UTC.
    active_users: ActiveUsersResponse,
}

/// A subscription to a tier of the platform.
#[derive(Serialize, ToSchema)]
struct BoughtResponse {
    /// Where it stands, in Stripe's words.
    status: &'static str,
    /// The tier that it pays for now; null: none.
    tier_id: Option<String>,
    /// Until when it is paid; null: not known.
    current_period_end: Option<String>,
}

/// Users who signed in, each once.
#[derive(Serialize, ToSchema)]
struct ActiveUsersResponse {
    /// Such as `2026-11`.
    month: String,
    /// To the organization or one of its services.
    count: i64,
    /// To each service that had some, most first.
    services: Vec<ActiveInServiceResponse>,
}

/// Users who signed in to a service.
#[derive(Serialize, ToSchema)]
struct ActiveInServiceResponse {
    service_id: String,
    service_name: String,
    count: i64,
}

impl From<BillingInfo> for BillingInfoResponse {
    fn from(known: BillingInfo) -> Self {
        let bought = |bought: Bought| BoughtResponse {
            status: bought.status.as_str(),
            tier_id: bought.tier,
            current_period_end: bought.until.map(time),
        };
        let services = known.active.services.into_iter().map(|service| ActiveInServiceResponse {
            service_id: service.service_id.to_string(),
            service_name: service.service_name,
            count: service.count,
        });
        Self {
            has_billing_account: known.provider.is_some(),
            provider: known.provider.map(PaymentProvider::as_str),
            subscription: known.bought.map(bought),
            active_users: ActiveUsersResponse {
                month: known.active.month.to_string(),
                count: known.active.total,
                services: services.collect(),
            },
        }
    }
}

/// What the organization is to the platform's billing: whether it is a customer at its payment provider, what it has bought, and how many of its
/// users were active this month.
#[utoipa::path(
    operation_id = "organizations.billing.getInfo",
    responses((status = 200, body = BillingInfoResponse)),
)]
#[get("/billing/info")]
pub(super) async fn info(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<BillingInfoResponse>> {
    Ok(web::Json(app.billing_info(&who.caller, &who.path.org).await?.into()))
}

/// Where to come back to.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"return_url": "https://app.example.com/settings/billing"}))]
struct PortalRequest {
    /// A page of the platform, of its web client, or at the organization's own proven host.
    #[serde(default)]
    #[schema(value_type = String, format = "uri", max_length = 1024, required)]
    return_url: Field<String>,
}

/// A page to send the browser to.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"url": "https://billing.stripe.com/p/session/test_0000"}))]
struct PortalResponse {
    url: String,
}

/// Make a page of the payment provider on which the organization manages what it pays the platform. The first time makes it a customer there.
#[utoipa::path(
    operation_id = "organizations.billing.createPortalSession",
    request_body = PortalRequest,
    responses((status = 200, body = PortalResponse)),
)]
#[post("/billing/portal")]
pub(super) async fn portal(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    body: Body<PortalRequest>,
) -> ApiResult<web::Json<PortalResponse>> {
    let (return_url,) = all((body.value.return_url.required("return_url"),))?;
    let url = app.billing_portal(&who.caller, &who.path.org, &return_url).await?;
    Ok(web::Json(PortalResponse { url }))
}

/// What to pay for, and where to come back to.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"plan_id": "plan_019ab2c3d4e57f00800000000000000b", "success_url": "https://portal.acme.com/paid", "cancel_url": "https://portal.acme.com/plans"}))]
struct CheckoutRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    plan_id: Field<PlanId>,
    /// A page under the origin of one of the service's redirect URIs, or at the organization's own proven host.
    #[serde(default)]
    #[schema(value_type = String, format = "uri", max_length = 1024, required)]
    success_url: Field<String>,
    /// Likewise.
    #[serde(default)]
    #[schema(value_type = String, format = "uri", max_length = 1024, required)]
    cancel_url: Field<String>,
}

/// A page to pay on.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"checkout_url": "https://checkout.stripe.com/c/pay/cs_test_0000", "session_id": "cs_test_0000"}))]
struct CheckoutResponse {
    checkout_url: String,
    /// The provider's id of it.
    session_id: String,
}

/// Make a page of the organization's payment provider on which you pay for a plan of a service that you use. The subscription is what the provider
/// then tells of it.
#[utoipa::path(
    operation_id = "services.checkout",
    request_body = CheckoutRequest,
    responses((status = 200, body = CheckoutResponse)),
)]
#[post("/services/{service_slug}/checkout")]
pub(super) async fn checkout(
    app: web::Data<App>,
    who: SignedIn<OrgPath<ServiceSlug>>,
    body: Body<CheckoutRequest>,
) -> ApiResult<web::Json<CheckoutResponse>> {
    let b = body.value;
    let (plan, success_url, cancel_url) =
        all((b.plan_id.required("plan_id"), b.success_url.required("success_url"), b.cancel_url.required("cancel_url")))?;
    let new = NewCheckout { plan, success_url, cancel_url };
    let session = app.checkout(&who.caller, &who.path.org, &who.path.id, &new).await?;
    Ok(web::Json(CheckoutResponse { checkout_url: session.url, session_id: session.id }))
}
