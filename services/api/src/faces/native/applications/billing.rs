//! An organization's own accounts at payment providers.

mod inbound;
mod pages;

use actix_web::{delete, get, post, web};
use app::{App, applications::billing::NewBillingCredentials};
use domain::{
    Error, Result, all,
    applications::billing::{BillingSecrets, PaymentMode, PaymentProvider},
    authorization::resource::{BillingAccount, BillingCredentials},
    core::secret::ProviderSecret,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faces::native::core::views::{MessageResponse, message};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, anybody, reading, signed_in, writing},
    path::OrgPath,
    wire::{Body, Field},
};

const BILLING: Tag = Tag { name: "billing", about: "How an organization's services are paid for." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(BILLING)
        .of_org(set, writing::<BillingCredentials>())
        .of_org(get, reading::<BillingCredentials>())
        .of_org(delete, writing::<BillingCredentials>())
        .of_org(pages::info, reading::<BillingAccount>())
        .of_org(pages::portal, writing::<BillingAccount>())
        .of_org(pages::checkout, signed_in())
        .add(inbound::stripe, anybody().unlimited())
        .add(inbound::polar, anybody().unlimited())
        .add(inbound::platform_stripe, anybody().unlimited())
        .add(inbound::platform, anybody().unlimited());
}

/// An account, without its secrets.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"configured": true, "provider": "stripe", "mode": "test", "enabled": true}))]
struct BillingCredentialsResponse {
    /// Whether there is one.
    configured: bool,
    /// `stripe` or `polar`.
    provider: &'static str,
    /// `test` or `live`; null: there is none.
    mode: Option<&'static str>,
    /// Whether it is used.
    enabled: bool,
}

/// An account.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"api_key": "rk_test_0000000000000000", "webhook_secret": "whsec_0000000000000000", "mode": "test"}))]
struct SetBillingCredentialsRequest {
    /// The key at the provider: at Stripe a secret one, or better a restricted one; at Polar an organization access token.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 1024, required)]
    api_key: Field<ProviderSecret>,
    /// What the provider signs its calls with.
    #[serde(default)]
    #[schema(value_type = String, min_length = 1, max_length = 1024, required)]
    webhook_secret: Field<ProviderSecret>,
    /// `test` (at Polar: the sandbox) or `live`.
    #[serde(default)]
    #[schema(value_type = String, required)]
    mode: Field<PaymentMode>,
}

/// What was deleted.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"message": "The account is forgotten.", "deleted_count": 1}))]
struct DeletedCredentialsResponse {
    message: &'static str,
    deleted_count: u32,
}

/// The provider that a path names; the contract answers 400 to any other.
fn provider(path: &OrgPath<String>) -> Result<PaymentProvider> {
    path.id.parse().map_err(|bad: domain::BadValue| Error::field("provider", bad.code, bad.message))
}

/// Let the organization's services be paid through its own account at a provider; one that is set already is replaced. Its secrets are
/// kept and never shown.
#[utoipa::path(
    operation_id = "organizations.billingCredentials.set",
    request_body = SetBillingCredentialsRequest,
    responses((status = 200, body = MessageResponse)),
)]
#[post("/billing-credentials/{billing_provider}")]
async fn set(
    app: web::Data<App>,
    who: SignedIn<OrgPath<String>>,
    body: Body<SetBillingCredentialsRequest>,
) -> ApiResult<web::Json<MessageResponse>> {
    let (provider, b) = (provider(&who.path)?, body.value);
    let (api_key, webhook_secret, mode) =
        all((b.api_key.required("api_key"), b.webhook_secret.required("webhook_secret"), b.mode.required("mode")))?;
    let new = NewBillingCredentials { provider, mode, secrets: BillingSecrets { api_key, webhook_secret } };
    app.set_billing_credentials(&who.caller, &who.path.org, &new).await?;
    Ok(message("The organization's services are paid through this account from now on."))
}

/// The organization's account at a provider, without its secrets.
#[utoipa::path(
    operation_id = "organizations.billingCredentials.get",
    responses((status = 200, body = BillingCredentialsResponse)),
)]
#[get("/billing-credentials/{billing_provider}")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<String>>) -> ApiResult<web::Json<BillingCredentialsResponse>> {
    let provider = provider(&who.path)?;
    let known = app.get_billing_credentials(&who.caller, &who.path.org, provider).await?;
    Ok(web::Json(BillingCredentialsResponse {
        configured: known.is_some(),
        provider: provider.as_str(),
        mode: known.as_ref().map(|known| known.mode.as_str()),
        enabled: known.is_some(),
    }))
}

/// Forget the account. Subscriptions stay as they are; what the provider says about them later is refused.
#[utoipa::path(
    operation_id = "organizations.billingCredentials.delete",
    responses((status = 200, body = DeletedCredentialsResponse)),
)]
#[delete("/billing-credentials/{billing_provider}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<String>>) -> ApiResult<web::Json<DeletedCredentialsResponse>> {
    app.delete_billing_credentials(&who.caller, &who.path.org, provider(&who.path)?).await?;
    Ok(web::Json(DeletedCredentialsResponse { message: "The account is forgotten.", deleted_count: 1 }))
}
