//! Tiers: what organizations can pay for.

use actix_web::{get, web};
use app::App;
use domain::tenancy::organizations::Tier;
use serde::Serialize;
use utoipa::ToSchema;

use super::PLATFORM;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, platform_owner},
    wire::time,
};

pub(super) fn routes(routes: &mut Routes<'_, '_>) {
    routes.tag(PLATFORM).add(tiers, platform_owner());
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
