//! Invitations, as an organization makes them; what the invited do is in [`received`].

mod received;

use actix_web::{get, post, web};
use app::App;
use domain::{
    InvitationId, all,
    authorization::resource::Invitations,
    core::value::Email,
    tenancy::{invitations::Invitation, roles::RoleName},
};
use serde::{Deserialize, Serialize};
use store::tenancy::invitations::ListedInvitation;
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

const INVITATIONS: Tag = Tag { name: "invitations", about: "Offers of a membership." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(INVITATIONS)
        .of_org(create, writing::<Invitations>().idempotent().shows_secret_once())
        .of_org(list, reading::<Invitations>())
        .of_org(cancel, writing::<Invitations>())
        .of_org(accept_for_member, writing::<Invitations>());
    routes.of(received::routes);
}

impl PathId for InvitationId {
    const NOUN: &'static str = "pending invitation";
}

/// An invitation.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "inv_019ab2c3d4e57f008000000000000005", "org_id": "org_019ab2c3d4e57f008000000000000001", "email": "bob@example.com", "role": "member", "invited_by": "usr_019ab2c3d4e57f008000000000000002", "status": "pending", "expires_at": "2026-11-30T09:00:00.000000Z", "created_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct InvitationResponse {
    id: String,
    org_id: String,
    email: String,
    role: String,
    invited_by: String,
    status: String,
    expires_at: String,
    created_at: String,
}

impl From<Invitation> for InvitationResponse {
    fn from(i: Invitation) -> Self {
        Self {
            id: i.id.to_string(),
            org_id: i.org_id.to_string(),
            email: i.email.shown(),
            role: i.role.to_string(),
            invited_by: i.invited_by.to_string(),
            status: i.status.as_str().to_owned(),
            expires_at: time(i.expires_at),
            created_at: time(i.created_at),
        }
    }
}

/// Whom to invite, as what.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "bob@example.com", "role": "member"}))]
struct CreateInvitationRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    email: Field<Email>,
    /// `admin`, `member`, or a custom role's slug; never `owner`.
    #[serde(default)]
    #[schema(value_type = String, required)]
    role: Field<RoleName>,
}

/// A new invitation; the token is shown this once.
#[derive(Serialize, ToSchema)]
struct InvitedResponse {
    invitation: InvitationResponse,
    inviter: UserResponse,
    token: String,
}

/// Invite an address.
#[utoipa::path(
    operation_id = "invitations.create",
    request_body = CreateInvitationRequest,
    responses((status = 200, body = InvitedResponse)),
)]
#[post("/invitations")]
async fn create(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath>,
    body: Body<CreateInvitationRequest>,
) -> ApiResult<web::Json<InvitedResponse>> {
    let (email, role) = all((body.value.email.required("email"), body.value.role.required("role")))?;
    who.once("invitations.create", &body.raw);
    let made = app.create_invitation(&who.caller, &who.path.org, &email, &role).await?;
    Ok(web::Json(InvitedResponse { invitation: made.invitation.into(), inviter: made.inviter.into(), token: made.token }))
}

/// Who invited.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "usr_019ab2c3d4e57f008000000000000002", "email": "ann@example.com", "created_at": "2026-11-23T09:00:00.000000Z"}))]
struct InviterResponse {
    id: String,
    email: String,
    created_at: String,
}

/// An invitation with its inviter.
#[derive(Serialize, ToSchema)]
struct ListedInvitationResponse {
    invitation: InvitationResponse,
    inviter: InviterResponse,
}

impl From<ListedInvitation> for ListedInvitationResponse {
    fn from(l: ListedInvitation) -> Self {
        let inviter = InviterResponse {
            id: l.invitation.invited_by.to_string(),
            email: l.inviter_email.shown(),
            created_at: time(l.inviter_created_at),
        };
        Self { invitation: l.invitation.into(), inviter }
    }
}

/// An organization's invitations, newest first.
#[utoipa::path(
    operation_id = "invitations.listForOrg",
    params(
        Paging,
        ("status" = Option<String>, Query, description = "pending, accepted, rejected (or declined), cancelled or expired."),
    ),
    responses((status = 200, body = [ListedInvitationResponse])),
)]
#[get("/invitations")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>, query: Query) -> ApiResult<web::Json<Vec<ListedInvitationResponse>>> {
    let (status,) = all((query.parsed("status"),))?;
    let listed = app.list_invitations(&who.caller, &who.path.org, query.page(50)?, status).await?;
    Ok(web::Json(listed.into_iter().map(Into::into).collect()))
}

/// Take a pending invitation back.
#[utoipa::path(operation_id = "invitations.cancel", responses(Done))]
#[post("/invitations/{invitation_id}")]
async fn cancel(app: web::Data<App>, who: SignedIn<OrgPath<InvitationId>>) -> ApiResult<Done> {
    app.cancel_invitation(&who.caller, &who.path.org, who.path.id).await?;
    Ok(Done)
}

/// Add the invited address as a managed account of the organization (the second call of the SDK's `members.add`). A platform account
/// of the same address is not touched.
#[utoipa::path(operation_id = "organizations.members.add", responses(Done))]
#[post("/invitations/{invitation_id}/accept")]
async fn accept_for_member(app: web::Data<App>, who: SignedIn<OrgPath<InvitationId>>) -> ApiResult<Done> {
    app.accept_for_member(&who.caller, &who.path.org, who.path.id).await?;
    Ok(Done)
}
