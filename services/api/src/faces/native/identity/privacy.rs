//! What is kept of a person, and that they are forgotten.

use std::collections::BTreeMap;

use actix_web::{delete, get, web};
use app::{App, identity::privacy::PersonData};
use domain::UserId;
use serde::Serialize;
use store::identity::privacy::export::Shown;
use utoipa::ToSchema;

use super::accounts::UserResponse;
use crate::faces::native::core::views::{MessageResponse, message};
use crate::http::{
    context::{Exporting, SignedIn},
    error::ApiResult,
    operations::{Routes, Tag, signed_in},
    path::Named,
    wire::time,
};

const PRIVACY: Tag = Tag { name: "privacy", about: "What is kept of a person, shown or forgotten." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(PRIVACY).add(export, signed_in().export()).add(forget, signed_in());
}

/// Things of one kind.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"total": 1, "items": [{"organization_id": "org_019ab2c3d4e57f008000000000000001", "role": "owner", "created_at": "2026-11-23T09:00:00.000000Z"}]}))]
struct KeptResponse {
    /// How many there are.
    total: i64,
    /// The newest, at most 1,000.
    #[schema(value_type = Vec<Object>)]
    items: Vec<serde_json::Value>,
}

/// Everything that is kept of a person.
#[derive(Serialize, ToSchema)]
struct PersonDataResponse {
    exported_at: String,
    user: UserResponse,
    /// What else there is, by kind: `sessions`, `memberships`, `records` of the logs about them, …
    data: BTreeMap<&'static str, KeptResponse>,
}

impl From<PersonData> for PersonDataResponse {
    fn from(p: PersonData) -> Self {
        let kept = |shown: Shown| (shown.name, KeptResponse { total: shown.total, items: shown.items });
        Self { exported_at: time(p.at), user: p.user.into(), data: p.sections.into_iter().map(kept).collect() }
    }
}

/// Everything that is kept of a person: oneself, or, for platform owners, anybody.
#[utoipa::path(operation_id = "privacy.export", responses((status = 200, body = PersonDataResponse)))]
#[get("/api/privacy/export/{user_id}")]
async fn export(app: web::Data<App>, who: Exporting<Named<UserId>>) -> ApiResult<web::Json<PersonDataResponse>> {
    let data = app.export_person(&who.0.caller, who.0.path.0).await?;
    Ok(web::Json(data.into()))
}

/// Forget a person: access ends everywhere, what names them goes, and the logs are erased of them soon after. For the owner of every
/// organization that has to do with them, and platform owners; platform owners themselves are protected.
#[utoipa::path(operation_id = "privacy.forget", responses((status = 200, body = MessageResponse)))]
#[delete("/api/privacy/forget/{user_id}")]
async fn forget(app: web::Data<App>, who: SignedIn<Named<UserId>>) -> ApiResult<web::Json<MessageResponse>> {
    app.forget_person(&who.caller, who.path.0).await?;
    Ok(message("The person is forgotten. What logs say of them is erased within minutes."))
}
