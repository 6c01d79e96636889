//! End users of an organization.

mod views;

use actix_web::{delete, get, web};
use app::App;
use domain::{all, applications::end_users::EndUserPlace, authorization::resource::EndUsers, core::value::ServiceSlug};
use serde::Serialize;
use store::applications::end_users::Wanted;
use utoipa::{IntoParams, ToSchema};

use self::views::{EndUserDetailResponse, EndUsersResponse};
use super::service_api::EndUser;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::OrgPath,
    wire::Query,
};

const END_USERS: Tag = Tag { name: "end users", about: "Everybody who uses an organization's services." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(END_USERS)
        .of_org(list, reading::<EndUsers>())
        .of_org(get, reading::<EndUsers>())
        .of_org(revoke, writing::<EndUsers>());
}

/// Which end users.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "only describes")]
struct Which {
    /// Only users of this service.
    service_slug: Option<String>,
    /// From 1; up to the 100,000th end user.
    page: Option<i64>,
    /// 1 to 100; default 50.
    limit: Option<i64>,
    /// `next` of the answer before, instead of `page`: for lists of any length, and when they change while they are read.
    after: Option<String>,
}

/// End users, newest first.
#[utoipa::path(
    operation_id = "organizations.endUsers.list",
    params(Which),
    responses((status = 200, body = EndUsersResponse)),
)]
#[get("/users")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>, query: Query) -> ApiResult<web::Json<EndUsersResponse>> {
    let (service, after) = all((query.parsed::<ServiceSlug>("service_slug"), query.parsed::<EndUserPlace>("after")))?;
    let wanted = Wanted { service, page: query.page(50)?, after };
    let found = app.list_end_users(&who.caller, &who.path.org, &wanted).await?;
    Ok(web::Json(EndUsersResponse::of(found, wanted.page)))
}

/// One end user: what they have, which of their sessions can act here, and their last sign-ins here.
#[utoipa::path(
    operation_id = "organizations.endUsers.get",
    responses((status = 200, body = EndUserDetailResponse)),
)]
#[get("/users/{end_user_id}")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<EndUser>>) -> ApiResult<web::Json<EndUserDetailResponse>> {
    Ok(web::Json(app.get_end_user(&who.caller, &who.path.org, who.path.id.0).await?.into()))
}

/// How many sessions were ended.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"message": "The sessions were ended.", "revoked_count": 2}))]
struct RevokedResponse {
    /// A sentence for people.
    message: &'static str,
    /// So many could act in the organization or its services.
    revoked_count: u64,
}

/// End an end user's sessions in this organization and its services. Elsewhere they go on.
#[utoipa::path(
    operation_id = "organizations.endUsers.revokeSessions",
    responses((status = 200, body = RevokedResponse)),
)]
#[delete("/users/{end_user_id}/sessions")]
async fn revoke(app: web::Data<App>, who: SignedIn<OrgPath<EndUser>>) -> ApiResult<web::Json<RevokedResponse>> {
    let revoked_count = app.end_end_user_sessions(&who.caller, &who.path.org, who.path.id.0).await?;
    Ok(web::Json(RevokedResponse { message: "The sessions were ended.", revoked_count }))
}
