//! Tiers: what organizations can pay for.

use actix_web::{get, patch, web};
use app::{App, tenancy::platform::TierEdit};
use domain::{
    Result, all,
    applications::plans::Currency,
    core::value::Name,
    tenancy::{
        features::{Feature, FeatureChanges, SocialProvider},
        organizations::Tier,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PLATFORM;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, platform_owner},
    path::Named,
    wire::{Body, Field, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(PLATFORM).add(tiers, platform_owner()).add(update, platform_owner());
}

/// What an organization pays for. `features` is JSON text.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "tier_free", "name": "free", "display_name": "Free", "default_max_services": 2, "default_max_users": 3, "features": "{\"allow_scim\":false}", "price_cents": 0, "currency": "usd", "created_at": "2026-01-01T00:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(super) struct TierResponse {
    pub id: String,
    pub name: String,
    pub display_name: String,
    pub default_max_services: i64,
    pub default_max_users: i64,
    pub features: String,
    pub price_cents: i64,
    pub currency: String,
    pub created_at: String,
}

impl From<Tier> for TierResponse {
    fn from(t: Tier) -> Self {
        Self {
            id: t.id,
            name: t.name,
            display_name: t.display_name,
            default_max_services: t.default_max_services,
            default_max_users: t.default_max_users,
            features: t.features,
            price_cents: t.price_cents,
            currency: t.currency,
            created_at: time(t.created_at),
        }
    }
}

/// Every tier, by price.
#[utoipa::path(
    operation_id = "platform.getTiers",
    responses((status = 200, body = [TierResponse])),
)]
#[get("/api/platform/tiers")]
async fn tiers(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<Vec<TierResponse>>> {
    Ok(web::Json(app.list_tiers(&who.caller).await?.into_iter().map(Into::into).collect()))
}

/// What may be used. What is not named stays.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"allow_scim": true, "allowed_social_providers": ["github", "google"]}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(super) struct FeaturesRequest {
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    allow_custom_domain: Field<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    allow_saml_idp: Field<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    allow_scim: Field<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    allow_siem: Field<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    allow_branding: Field<bool>,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    allow_passkeys: Field<bool>,
    /// Any of `github`, `google`, `microsoft`.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>, max_items = 3)]
    allowed_social_providers: Field<Vec<SocialProvider>>,
}

impl FeaturesRequest {
    /// What it asks for, or everything that is wrong with it.
    pub(super) fn changes(self) -> Result<FeatureChanges> {
        let (custom_domain, saml_idp, scim, siem, branding, passkeys, social) = all((
            self.allow_custom_domain.change("allow_custom_domain"),
            self.allow_saml_idp.change("allow_saml_idp"),
            self.allow_scim.change("allow_scim"),
            self.allow_siem.change("allow_siem"),
            self.allow_branding.change("allow_branding"),
            self.allow_passkeys.change("allow_passkeys"),
            self.allowed_social_providers.change("allowed_social_providers"),
        ))?;
        let asked = [custom_domain, saml_idp, scim, siem, branding, passkeys];
        let flags = Feature::ALL.into_iter().zip(asked).filter_map(|(feature, asked)| Some((feature, asked?))).collect();
        Ok(FeatureChanges { flags, social, ..FeatureChanges::default() })
    }
}

/// Changes of a tier.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"default_max_users": 5, "features": {"allow_scim": true}, "price_cents": 900}))]
struct PatchTierRequest {
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 2, max_length = 100)]
    display_name: Field<Name>,
    /// Services of an organization that has no number of its own. Organizations that have more keep them.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    default_max_services: Field<i64>,
    /// Members, likewise.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    default_max_users: Field<i64>,
    /// What is not named stays.
    #[serde(default)]
    features: FeaturesRequest,
    /// Users who may be active in a month; 0: any number.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    max_mau: Field<i64>,
    /// Whether more than that may be.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    allow_overage: Field<bool>,
    /// Per month, in hundredths of the currency.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    price_cents: Field<i64>,
    /// ISO 4217.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    currency: Field<Currency>,
}

impl PatchTierRequest {
    fn edit(self) -> Result<TierEdit> {
        let (display_name, default_max_services, default_max_users, max_mau, allow_overage, price_cents, currency) = all((
            self.display_name.change("display_name"),
            self.default_max_services.change("default_max_services"),
            self.default_max_users.change("default_max_users"),
            self.max_mau.change("max_mau"),
            self.allow_overage.change("allow_overage"),
            self.price_cents.change("price_cents"),
            self.currency.change("currency"),
        ))?;
        let features = FeatureChanges { max_mau, allow_overage, ..self.features.changes()? };
        Ok(TierEdit { display_name, default_max_services, default_max_users, features, price_cents, currency })
    }
}

/// Change what a tier is, for all organizations in it: within a minute.
#[utoipa::path(
    operation_id = "platform.updateTier",
    request_body = PatchTierRequest,
    responses((status = 200, body = TierResponse)),
)]
#[patch("/api/platform/tiers/{tier_id}")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<Named<String>>,
    body: Body<PatchTierRequest>,
) -> ApiResult<web::Json<TierResponse>> {
    Ok(web::Json(app.update_tier(&who.caller, &who.path.0, &body.value.edit()?).await?.into()))
}
