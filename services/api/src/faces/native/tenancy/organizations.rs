//! Organizations.

pub(super) mod views;

use actix_web::{HttpRequest, HttpResponse, delete, get, http::header, patch, post, web};
use app::{App, tenancy::organizations::Changes};
use domain::{
    all,
    authorization::resource::{Context, OrgLifecycle, Settings},
    core::value::{Name, Slug},
    tenancy::organizations::OrganizationView,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::views::{OrganizationDetails, OrganizationResponse};
use super::members::MembershipResponse;
use crate::faces::native::{core::views::Done, identity::accounts::UserResponse};
use crate::http::{
    context::SignedIn,
    error::{ApiResult, ErrorBody},
    operations::{Routes, Tag, reading, signed_in, writing},
    path::OrgPath,
    preconditions::expected_versions,
    wire::{Body, Field, Query},
};

const ORGANIZATIONS: Tag = Tag { name: "organizations", about: "Organizations: found, list, select, change, delete." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(ORGANIZATIONS)
        .add(create, signed_in().idempotent())
        .add(list, signed_in())
        .of_org(get, reading::<Settings>())
        .of_org(select, writing::<Context>().idempotent())
        .of_org(update, writing::<Settings>())
        .of_org(delete, writing::<OrgLifecycle>());
}

/// A new organization.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"slug": "acme", "name": "Acme Inc."}))]
struct CreateOrganizationRequest {
    /// Unique; 3 to 50 of `a-z`, `0-9`, `-`, `_`.
    #[serde(default)]
    #[schema(value_type = String, min_length = 3, max_length = 50, pattern = "^[a-z0-9][a-z0-9_-]*[a-z0-9]$", required)]
    slug: Field<Slug>,
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100, required)]
    name: Field<Name>,
}

/// A new organization, its owner, and tokens for it.
#[derive(Serialize, ToSchema)]
struct FoundedResponse {
    organization: OrganizationResponse,
    owner: UserResponse,
    membership: MembershipResponse,
    access_token: String,
    refresh_token: String,
    expires_in: i64,
}

/// Found an organization; the caller becomes its owner and gets tokens for it.
#[utoipa::path(
    operation_id = "organizations.create",
    request_body = CreateOrganizationRequest,
    responses((status = 200, body = FoundedResponse)),
)]
#[post("/api/organizations")]
async fn create(
    app: web::Data<App>,
    mut who: SignedIn,
    body: Body<CreateOrganizationRequest>,
) -> ApiResult<web::Json<FoundedResponse>> {
    let (slug, name) = all((body.value.slug.required("slug"), body.value.name.required("name")))?;
    who.once("organizations.create", &body.raw);
    let made = app.create_organization(&who.caller, &slug, &name).await?;
    Ok(web::Json(FoundedResponse {
        organization: made.organization.into(),
        owner: made.owner.into(),
        membership: made.membership.into(),
        access_token: made.tokens.access_token,
        refresh_token: made.tokens.refresh_token,
        expires_in: made.tokens.expires_in,
    }))
}

/// The organizations I belong to, by the age of my membership.
#[utoipa::path(
    operation_id = "organizations.list",
    params(
        ("page" = Option<i64>, Query, description = "From 1."),
        ("limit" = Option<i64>, Query, description = "1 to 100; default 20."),
        ("status" = Option<String>, Query, description = "pending, active, suspended or rejected."),
    ),
    responses((status = 200, body = [OrganizationDetails])),
)]
#[get("/api/organizations")]
async fn list(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<Vec<OrganizationDetails>>> {
    let (status,) = all((query.parsed("status"),))?;
    let views = app.list_organizations(&who.caller, query.page(20)?, status).await?;
    Ok(web::Json(views.into_iter().map(Into::into).collect()))
}

/// The version of an organization as an entity tag.
fn etag(view: &OrganizationView) -> String {
    format!("\"{}\"", view.organization.version)
}

fn tagged(view: OrganizationView) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::ETAG, etag(&view))).json(OrganizationDetails::from(view))
}

/// One of my organizations. The `ETag` is for `If-Match` on update.
#[utoipa::path(
    operation_id = "organizations.get",
    responses((status = 200, body = OrganizationDetails, headers(("ETag" = String, description = "Its version.")))),
)]
#[get("")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<HttpResponse> {
    Ok(tagged(app.get_organization(&who.caller, &who.path.org).await?))
}

/// An organization, my membership, and tokens for it.
#[derive(Serialize, ToSchema)]
struct SelectedResponse {
    organization: OrganizationResponse,
    membership: MembershipResponse,
    access_token: String,
    refresh_token: String,
    expires_in: i64,
}

/// Switch to an organization: new tokens for it; the old ones keep working.
#[utoipa::path(
    operation_id = "organizations.select",
    responses((status = 200, body = SelectedResponse)),
)]
#[post("/select")]
async fn select(app: web::Data<App>, mut who: SignedIn<OrgPath>) -> ApiResult<web::Json<SelectedResponse>> {
    who.once("organizations.select", b"");
    let made = app.select_organization(&who.caller, &who.path.org).await?;
    Ok(web::Json(SelectedResponse {
        organization: made.organization.into(),
        membership: made.membership.into(),
        access_token: made.tokens.access_token,
        refresh_token: made.tokens.refresh_token,
        expires_in: made.tokens.expires_in,
    }))
}

/// Changes of an organization. The limits count only when a platform owner sends them; `null` takes the tier's.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Acme Corporation"}))]
struct UpdateOrganizationRequest {
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100)]
    name: Field<Name>,
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    max_services: Field<i64>,
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    max_users: Field<i64>,
}

/// Change an organization. With `If-Match`, only if nobody changed it meanwhile.
#[utoipa::path(
    operation_id = "organizations.update",
    params(("If-Match" = Option<String>, Header, description = "An `ETag` of this organization.")),
    request_body = UpdateOrganizationRequest,
    responses(
        (status = 200, body = OrganizationDetails, headers(("ETag" = String, description = "Its version."))),
        (status = 412, description = "It was changed meanwhile.", body = ErrorBody),
    ),
)]
#[patch("")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    req: HttpRequest,
    body: Body<UpdateOrganizationRequest>,
) -> ApiResult<HttpResponse> {
    let b = body.value;
    let (name, max_services, max_users) =
        all((b.name.change("name"), b.max_services.patch("max_services"), b.max_users.patch("max_users")))?;
    let changes = Changes { name, max_services, max_users, expected: expected_versions(&req) };
    Ok(tagged(app.update_organization(&who.caller, &who.path.org, &changes).await?))
}

/// Delete an organization, with everything in it.
#[utoipa::path(operation_id = "organizations.delete", responses(Done))]
#[delete("")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<Done> {
    app.delete_organization(&who.caller, &who.path.org).await?;
    Ok(Done)
}
