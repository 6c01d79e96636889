//! Roles. The three built-in roles are shown first; they cannot be changed.

use actix_web::{delete, get, patch, post, put, web};
use app::{
    App,
    tenancy::roles::{NewRole, RoleChanges},
};
use domain::{
    Error, OrgId, RoleId, all,
    authorization::resource::Roles,
    core::value::{Description, Name, RoleSlug},
    tenancy::roles::{Caps, CustomRole},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faces::native::core::views::Gone;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::OrgPath,
    wire::{Body, Field, time},
};

const ROLES: Tag = Tag { name: "roles", about: "Custom roles." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(ROLES)
        .of_org(list, reading::<Roles>())
        .of_org(get, reading::<Roles>())
        .of_org(create, writing::<Roles>().idempotent())
        .of_org(update, writing::<Roles>())
        .of_org(update_by_patch, writing::<Roles>())
        .of_org(delete, writing::<Roles>());
}

/// A role.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "role_019ab2c3d4e57f008000000000000006", "org_id": "org_019ab2c3d4e57f008000000000000001", "slug": "support", "name": "Support", "description": "Looks after end users.", "permissions": ["end_users.view"], "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct RoleResponse {
    id: String,
    org_id: String,
    slug: String,
    name: String,
    description: Option<String>,
    permissions: Vec<&'static str>,
    created_at: String,
    updated_at: String,
}

impl From<CustomRole> for RoleResponse {
    fn from(r: CustomRole) -> Self {
        Self {
            id: r.id.to_string(),
            org_id: r.org_id.to_string(),
            slug: r.slug.into_string(),
            name: r.name.into_string(),
            description: r.description.map(Description::into_string),
            permissions: r.caps.names(),
            created_at: time(r.created_at),
            updated_at: time(r.updated_at),
        }
    }
}

/// Slug, name, description and display permission of the built-in roles.
const BUILT_IN: [(&str, &str, &str, &str); 3] = [
    ("owner", "Owner", "Everything, deletion and hand-over included.", "*"),
    ("admin", "Admin", "Everything but deletion, hand-over, owners and admins.", "org:manage"),
    ("member", "Member", "Belongs to the organization.", "org:view"),
];

/// Name and display permission of a built-in role.
pub(super) fn built_in_named(slug: &str) -> Option<(&'static str, &'static str)> {
    BUILT_IN.into_iter().find(|(known, ..)| *known == slug).map(|(_, name, _, permission)| (name, permission))
}

fn built_in(org: OrgId) -> impl Iterator<Item = RoleResponse> {
    BUILT_IN.into_iter().map(move |(slug, name, description, permission)| RoleResponse {
        id: format!("role_{slug}"),
        org_id: org.to_string(),
        slug: slug.to_owned(),
        name: name.to_owned(),
        description: Some(description.to_owned()),
        permissions: vec![permission],
        created_at: EPOCH.to_owned(),
        updated_at: EPOCH.to_owned(),
    })
}

/// Built-in roles have always been there.
const EPOCH: &str = "2026-01-01T00:00:00.000000Z";

/// Every role: the three built-in ones, then the custom ones.
#[utoipa::path(
    operation_id = "organizations.roles.list",
    responses((status = 200, body = [RoleResponse])),
)]
#[get("/roles")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<Vec<RoleResponse>>> {
    let (org, custom) = app.list_roles(&who.caller, &who.path.org).await?;
    Ok(web::Json(built_in(org).chain(custom.into_iter().map(Into::into)).collect()))
}

/// One role.
#[utoipa::path(
    operation_id = "organizations.roles.get",
    responses((status = 200, body = RoleResponse)),
)]
#[get("/roles/{role_id}")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<String>>) -> ApiResult<web::Json<RoleResponse>> {
    if let Ok(id) = who.path.id.parse() {
        return Ok(web::Json(app.get_role(&who.caller, &who.path.org, id).await?.into()));
    }
    let org = app.see_roles(&who.caller, &who.path.org).await?;
    let role = built_in(org).find(|role| role.id == who.path.id);
    Ok(web::Json(role.ok_or_else(|| Error::not_found("role"))?))
}

/// A new role.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"slug": "support", "name": "Support", "description": "Looks after end users.", "permissions": ["end_users.view"]}))]
struct CreateRoleRequest {
    #[serde(default)]
    #[schema(value_type = String, min_length = 3, max_length = 50, required)]
    slug: Field<RoleSlug>,
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100, required)]
    name: Field<Name>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Field<Description>,
    /// Capability names.
    #[serde(default)]
    #[schema(value_type = Vec<String>, required)]
    permissions: Field<Caps>,
}

/// Make a role. Nobody makes one that holds a permission they lack.
#[utoipa::path(
    operation_id = "organizations.roles.create",
    request_body = CreateRoleRequest,
    responses((status = 200, body = RoleResponse)),
)]
#[post("/roles")]
async fn create(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath>,
    body: Body<CreateRoleRequest>,
) -> ApiResult<web::Json<RoleResponse>> {
    let b = body.value;
    let (role_slug, name, description, caps) = all((
        b.slug.required("slug"),
        b.name.required("name"),
        b.description.optional("description"),
        b.permissions.required("permissions"),
    ))?;
    let new = NewRole { slug: role_slug, name, description, caps };
    who.once("roles.create", &body.raw);
    Ok(web::Json(app.create_role(&who.caller, &who.path.org, &new).await?.into()))
}

/// Changes of a role.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"name": "Support team", "description": null}))]
struct UpdateRoleRequest {
    #[serde(default)]
    #[schema(value_type = String, min_length = 2, max_length = 100)]
    name: Field<Name>,
    /// `null` clears it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Field<Description>,
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    permissions: Field<Caps>,
}

async fn change(app: &App, who: &SignedIn<OrgPath<String>>, b: UpdateRoleRequest) -> ApiResult<web::Json<RoleResponse>> {
    let (name, description, caps) =
        all((b.name.change("name"), b.description.patch("description"), b.permissions.change("permissions")))?;
    let changes = RoleChanges { name, description, caps };
    Ok(web::Json(app.update_role(&who.caller, &who.path.org, custom(&who.path.id)?, &changes).await?.into()))
}

/// Built-in roles exist but cannot be changed.
pub(super) fn custom(text: &str) -> Result<RoleId, Error> {
    if BUILT_IN.iter().any(|(slug, ..)| text.strip_prefix("role_") == Some(slug)) {
        return Err(Error::conflict(
            "built_in_role",
            "Built-in roles cannot be changed, nor given beside another: change the member's own role.",
        ));
    }
    text.parse().map_err(|_| Error::not_found("role"))
}

/// Change a role; everybody who has it is affected at once. Fields that are not sent stay.
#[utoipa::path(
    operation_id = "organizations.roles.update",
    request_body = UpdateRoleRequest,
    responses((status = 200, body = RoleResponse)),
)]
#[put("/roles/{role_id}")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath<String>>,
    body: Body<UpdateRoleRequest>,
) -> ApiResult<web::Json<RoleResponse>> {
    change(&app, &who, body.value).await
}

/// The same as `PUT`.
#[utoipa::path(
    operation_id = "organizations.roles.updateByPatch",
    request_body = UpdateRoleRequest,
    responses((status = 200, body = RoleResponse)),
)]
#[patch("/roles/{role_id}")]
async fn update_by_patch(
    app: web::Data<App>,
    who: SignedIn<OrgPath<String>>,
    body: Body<UpdateRoleRequest>,
) -> ApiResult<web::Json<RoleResponse>> {
    change(&app, &who, body.value).await
}

/// Delete a role that nobody has.
#[utoipa::path(operation_id = "organizations.roles.delete", responses(Gone))]
#[delete("/roles/{role_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<String>>) -> ApiResult<Gone> {
    app.delete_role(&who.caller, &who.path.org, custom(&who.path.id)?).await?;
    Ok(Gone)
}
