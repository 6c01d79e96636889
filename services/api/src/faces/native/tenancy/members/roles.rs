//! Further roles of a member, beside the one that their membership names.

use actix_web::{delete, get, put, web};
use app::App;
use domain::{
    RoleId,
    authorization::resource::MemberRoles,
    core::value::Name,
    tenancy::member_roles::{EffectiveRole, Source},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{MEMBERS, MemberPath};
use crate::faces::native::tenancy::roles::{built_in_named, custom};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, reading, writing},
    path::OrgPath,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(MEMBERS)
        .of_org(list, reading::<MemberRoles>())
        .of_org(assign, writing::<MemberRoles>())
        .of_org(unassign, writing::<MemberRoles>());
}

/// Where a member has a role from.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"kind": "connection", "provider_id": "con_019ab2c3d4e57f008000000000000011", "provider_name": "Acme's Okta", "sleeps": false}))]
struct RoleSourceResponse {
    /// `membership`: it is what `role` of the membership says; `direct`: somebody gave it beside that; `connection`: the groups that a
    /// connection's provider named at their last sign-in did.
    kind: &'static str,
    /// Which connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_id: Option<String>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_name: Option<String>,
    /// True: the role gives nothing by this source now, because the connection is switched off, or may not give as much.
    sleeps: bool,
}

impl From<Source> for RoleSourceResponse {
    fn from(source: Source) -> Self {
        let kind = source.as_str();
        let (provider, sleeps) = match source {
            Source::Connection { id, name, awake } => (Some((id.to_string(), name.into_string())), !awake),
            Source::Membership | Source::Direct => (None, false),
        };
        let (provider_id, provider_name) = provider.unzip();
        Self { kind, provider_id, provider_name, sleeps }
    }
}

/// A role that a member has.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "role_019ab2c3d4e57f008000000000000006", "slug": "support", "name": "Support", "permissions": ["end_users.view"], "sources": [{"kind": "direct", "sleeps": false}]}))]
struct MemberRoleResponse {
    id: String,
    slug: String,
    name: String,
    /// As the list of roles shows them.
    permissions: Vec<&'static str>,
    /// Each way by which they have it.
    sources: Vec<RoleSourceResponse>,
}

impl From<EffectiveRole> for MemberRoleResponse {
    fn from(role: EffectiveRole) -> Self {
        let slug = role.role.to_string();
        let built_in = built_in_named(&slug);
        Self {
            id: role.id.map_or_else(|| format!("role_{slug}"), |id| id.to_string()),
            name: role.name.map_or_else(|| built_in.map_or(slug.clone(), |(name, _)| name.to_owned()), Name::into_string),
            permissions: built_in.map_or_else(|| role.caps.names(), |(_, permission)| vec![permission]),
            sources: role.sources.into_iter().map(Into::into).collect(),
            slug,
        }
    }
}

fn shown(roles: Vec<EffectiveRole>) -> ApiResult<web::Json<Vec<MemberRoleResponse>>> {
    Ok(web::Json(roles.into_iter().map(Into::into).collect()))
}

/// Every role that a member has, and where each comes from; the membership's first. What they may do is what any of them allows.
#[utoipa::path(
    operation_id = "organizations.members.listRoles",
    responses((status = 200, body = [MemberRoleResponse])),
)]
#[get("/members/{user_id}/roles")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath<MemberPath>>) -> ApiResult<web::Json<Vec<MemberRoleResponse>>> {
    shown(app.list_member_roles(&who.caller, &who.path.org, who.path.id.0).await?)
}

fn both(path: &(MemberPath, String)) -> domain::Result<(domain::UserId, RoleId)> {
    Ok((path.0.0, custom(&path.1)?))
}

/// Give a member a custom role beside their own, and beside those that they have already. Owners and admins are made by changing the
/// membership. Nobody gives what they do not hold themselves. Giving it again changes nothing.
#[utoipa::path(
    operation_id = "organizations.members.assignRole",
    responses((status = 200, body = [MemberRoleResponse])),
)]
#[put("/members/{user_id}/roles/{role_id}")]
async fn assign(
    app: web::Data<App>,
    who: SignedIn<OrgPath<(MemberPath, String)>>,
) -> ApiResult<web::Json<Vec<MemberRoleResponse>>> {
    shown(app.assign_member_role(&who.caller, &who.path.org, both(&who.path.id)?).await?)
}

/// Take a role from a member that they were given directly: what it alone allowed ends at once. Taking one that they do not have changes
/// nothing; one that they have otherwise is refused (`role_not_direct`).
#[utoipa::path(
    operation_id = "organizations.members.unassignRole",
    responses((status = 200, body = [MemberRoleResponse])),
)]
#[delete("/members/{user_id}/roles/{role_id}")]
async fn unassign(
    app: web::Data<App>,
    who: SignedIn<OrgPath<(MemberPath, String)>>,
) -> ApiResult<web::Json<Vec<MemberRoleResponse>>> {
    shown(app.unassign_member_role(&who.caller, &who.path.org, both(&who.path.id)?).await?)
}
