//! Members.

mod access;
mod roles;
mod service_access;

use std::str::FromStr;

use actix_web::{delete, get, patch, post, web};
use app::App;
use domain::{
    UserId, all,
    authorization::{
        principal::PrincipalId,
        resource::{MemberRoles, Members, Ownership},
    },
    core::{id::NotAnId, value::Email},
    tenancy::{
        members::{Member, Membership},
        roles::RoleName,
    },
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faces::native::{
    core::views::{Done, Paging},
    identity::accounts::UserResponse,
};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::{OrgPath, PathId},
    wire::{Body, Field, Query, time},
};

const MEMBERS: Tag = Tag { name: "members", about: "Who belongs to an organization." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(MEMBERS)
        .of_org(list, reading::<Members>())
        .of_org(update_role, writing::<MemberRoles>())
        // Before the member whose id would be its last word.
        .of_org(transfer_by_id, writing::<Ownership>())
        .of_org(remove, writing::<Members>())
        .of_org(remove_by_delete, writing::<Members>())
        .of_org(transfer, writing::<Ownership>());
    routes.of(roles::routes).of(service_access::routes).of(access::routes);
}

/// A member in a path, by the account.
struct MemberPath(UserId);

impl FromStr for MemberPath {
    type Err = NotAnId;
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        text.parse().map(Self)
    }
}

impl PathId for MemberPath {
    const NOUN: &'static str = "member";
}

/// A membership.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "mem_019ab2c3d4e57f008000000000000003", "org_id": "org_019ab2c3d4e57f008000000000000001", "user_id": "usr_019ab2c3d4e57f008000000000000002", "role": "owner", "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(super) struct MembershipResponse {
    id: String,
    org_id: String,
    user_id: String,
    role: String,
    created_at: String,
}

impl From<Membership> for MembershipResponse {
    fn from(m: Membership) -> Self {
        Self {
            id: m.id.to_string(),
            org_id: m.org_id.to_string(),
            user_id: m.user_id.to_string(),
            role: m.role.to_string(),
            created_at: time(m.created_at),
        }
    }
}

/// A member: who, as what.
#[derive(Serialize, ToSchema)]
struct MemberResponse {
    /// Who.
    user: UserResponse,
    /// As what.
    membership: MembershipResponse,
}

impl From<Member> for MemberResponse {
    fn from(m: Member) -> Self {
        Self { user: m.user.into(), membership: m.membership.into() }
    }
}

/// How many seats there are, and why.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"current": 2, "max": 3, "source": "free"}))]
struct SeatsResponse {
    current: i64,
    max: i64,
    /// `custom`, or the tier's name.
    source: String,
}

/// A page of members.
#[derive(Serialize, ToSchema)]
struct MembersResponse {
    members: Vec<MemberResponse>,
    total: u64,
    /// True: there are more than `total`, and they were not counted. Absent: the total is exact.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    total_is_minimum: bool,
    limit: SeatsResponse,
}

/// A page of members, by the age of the membership. `limit` in the answer is the seat limit.
#[utoipa::path(
    operation_id = "organizations.members.list",
    params(
        Paging,
        ("role" = Option<String>, Query, description = "Only members with this role."),
    ),
    responses((status = 200, body = MembersResponse)),
)]
#[get("/members")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>, query: Query) -> ApiResult<web::Json<MembersResponse>> {
    let (role,) = all((query.text("role"),))?;
    let (members, total, seats) = app.list_members(&who.caller, &who.path.org, query.page(50)?, role.as_deref()).await?;
    let limit = SeatsResponse { current: seats.current, max: seats.max, source: seats.source };
    Ok(web::Json(MembersResponse {
        members: members.into_iter().map(Into::into).collect(),
        total: total.n,
        total_is_minimum: total.is_minimum,
        limit,
    }))
}

/// Another role.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"role": "admin"}))]
struct UpdateMemberRoleRequest {
    /// `owner` (hands the organization over), `admin`, `member`, or a custom role's slug.
    #[serde(default)]
    #[schema(value_type = String, required)]
    role: Field<RoleName>,
}

/// Give a member another role. `owner` hands the organization over: the caller becomes an admin.
#[utoipa::path(
    operation_id = "organizations.members.updateRole",
    request_body = UpdateMemberRoleRequest,
    responses((status = 200, body = MemberResponse)),
)]
#[patch("/members/{user_id}")]
async fn update_role(
    app: web::Data<App>,
    who: SignedIn<OrgPath<MemberPath>>,
    body: Body<UpdateMemberRoleRequest>,
) -> ApiResult<web::Json<MemberResponse>> {
    let (role,) = all((body.value.role.required("role"),))?;
    let member = app.update_member_role(&who.caller, &who.path.org, who.path.id.0, &role).await?;
    Ok(web::Json(member.into()))
}

/// Remove a member: all their access to this organization ends at once.
#[utoipa::path(operation_id = "organizations.members.remove", responses(Done))]
#[post("/members/{user_id}")]
async fn remove(app: web::Data<App>, who: SignedIn<OrgPath<MemberPath>>) -> ApiResult<Done> {
    app.remove_member(&who.caller, &who.path.org, who.path.id.0).await?;
    Ok(Done)
}

/// The same as `POST`, for clients that expect a `DELETE`; with one's own id: leave the organization, which needs no permission. The
/// last owner hands it over first.
#[utoipa::path(operation_id = "organizations.members.removeByDelete", responses(Done))]
#[delete("/members/{user_id}")]
async fn remove_by_delete(app: web::Data<App>, who: SignedIn<OrgPath<MemberPath>>) -> ApiResult<Done> {
    let (caller, org, member) = (&who.caller, &who.path.org, who.path.id.0);
    if caller.who.id() == PrincipalId::User(member) {
        app.leave_organization(caller, org).await?;
    } else {
        app.remove_member(caller, org, member).await?;
    }
    Ok(Done)
}

/// The next owner.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"new_owner_email": "bob@example.com"}))]
struct TransferRequest {
    /// Must belong to a member.
    #[serde(default)]
    #[schema(value_type = String, required)]
    new_owner_email: Field<Email>,
}

/// Hand the organization over to a member; the caller becomes an admin. Never to oneself.
#[utoipa::path(
    operation_id = "organizations.members.transferOwnership",
    request_body = TransferRequest,
    responses((status = 200, body = MemberResponse)),
)]
#[post("/transfer-ownership")]
async fn transfer(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    body: Body<TransferRequest>,
) -> ApiResult<web::Json<MemberResponse>> {
    let (email,) = all((body.value.new_owner_email.required("new_owner_email"),))?;
    Ok(web::Json(app.transfer_ownership(&who.caller, &who.path.org, &email).await?.into()))
}

/// The next owner, by the account.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"new_owner_user_id": "usr_019ab2c3d4e57f008000000000000002"}))]
struct TransferByIdRequest {
    /// Must be a member.
    #[serde(default)]
    #[schema(value_type = String, required)]
    new_owner_user_id: Field<UserId>,
}

/// The same as `transferOwnership`, by the account's id, as older clients ask for it.
#[utoipa::path(
    operation_id = "organizations.members.transferOwnershipById",
    request_body = TransferByIdRequest,
    responses((status = 200, body = MemberResponse)),
)]
#[post("/members/transfer-ownership")]
async fn transfer_by_id(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    body: Body<TransferByIdRequest>,
) -> ApiResult<web::Json<MemberResponse>> {
    let (user,) = all((body.value.new_owner_user_id.required("new_owner_user_id"),))?;
    Ok(web::Json(app.transfer_ownership_to(&who.caller, &who.path.org, user).await?.into()))
}
