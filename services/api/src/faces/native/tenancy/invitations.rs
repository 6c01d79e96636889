//! Invitations.

use actix_web::{HttpRequest, get, post, web};
use app::{App, tenancy::invitations::By};
use domain::{
    all,
    core::value::Email,
    tenancy::{invitations::Invitation, roles::RoleName},
};
use serde::{Deserialize, Serialize};
use store::tenancy::invitations::{ListedInvitation, ReceivedInvitation};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::faces::native::core::views::UserResponse;
use crate::http::{
    context::{SignedIn, SigningIn},
    error::ApiResult,
    wire::{Body, Field, Query, id, slug, time},
};

pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(create).service(list).service(cancel).service(accept_for_member);
    config.service(list_own).service(accept).service(decline_by_token).service(accept_by_id).service(decline_by_id);
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
            email: i.email.into_string(),
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
#[utoipa::path(tag = "invitations", operation_id = "invitations.create", request_body = CreateInvitationRequest, responses((status = 200, body = InvitedResponse)))]
#[post("/api/organizations/{org_slug}/invitations")]
async fn create(
    app: web::Data<App>,
    who: SignedIn,
    req: HttpRequest,
    path: web::Path<String>,
    body: Body<CreateInvitationRequest>,
) -> ApiResult<web::Json<InvitedResponse>> {
    let (email, role) = all((body.value.email.required("email"), body.value.role.required("role")))?;
    let made =
        app.create_invitation(&who.once("invitations.create", req.path(), &body.raw), &slug(&path)?, &email, &role).await?;
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
            email: l.inviter_email.into_string(),
            created_at: time(l.inviter_created_at),
        };
        Self { invitation: l.invitation.into(), inviter }
    }
}

/// An organization's invitations, newest first.
#[utoipa::path(tag = "invitations", operation_id = "invitations.listForOrg", params(("page" = Option<i64>, Query, description = "From 1."), ("limit" = Option<i64>, Query, description = "1 to 100; default 50."), ("status" = Option<String>, Query, description = "pending, accepted, rejected (or declined), cancelled or expired.")), responses((status = 200, body = [ListedInvitationResponse])))]
#[get("/api/organizations/{org_slug}/invitations")]
async fn list(
    app: web::Data<App>,
    who: SignedIn,
    path: web::Path<String>,
    query: Query,
) -> ApiResult<web::Json<Vec<ListedInvitationResponse>>> {
    let (status,) = all((query.parsed("status"),))?;
    let listed = app.list_invitations(&who.caller, &slug(&path)?, query.page(50)?, status).await?;
    Ok(web::Json(listed.into_iter().map(Into::into).collect()))
}

/// Take a pending invitation back.
#[utoipa::path(tag = "invitations", operation_id = "invitations.cancel", responses((status = 200, description = "`null`.", body = Option<String>, example = json!(null))))]
#[post("/api/organizations/{org_slug}/invitations/{invitation_id}")]
async fn cancel(app: web::Data<App>, who: SignedIn, path: web::Path<(String, String)>) -> ApiResult<web::Json<()>> {
    app.cancel_invitation(&who.caller, &slug(&path.0)?, id(&path.1, "pending invitation")?).await?;
    Ok(web::Json(()))
}

/// Add the invited address as a managed account of the organization (the second call of the SDK's `members.add`). A platform account
/// of the same address is not touched.
#[utoipa::path(tag = "invitations", operation_id = "organizations.members.add", responses((status = 200, description = "`null`.", body = Option<String>, example = json!(null))))]
#[post("/api/organizations/{org_slug}/invitations/{invitation_id}/accept")]
async fn accept_for_member(app: web::Data<App>, who: SignedIn, path: web::Path<(String, String)>) -> ApiResult<web::Json<()>> {
    app.accept_for_member(&who.caller, &slug(&path.0)?, id(&path.1, "pending invitation")?).await?;
    Ok(web::Json(()))
}

/// An invitation to the caller.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "inv_019ab2c3d4e57f008000000000000005", "email": "bob@example.com", "role": "member", "expires_at": "2026-11-30T09:00:00.000000Z", "created_at": "2026-11-23T09:00:00.000000Z", "organization_slug": "acme", "organization_name": "Acme Inc."}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct ReceivedInvitationResponse {
    id: String,
    email: String,
    role: String,
    expires_at: String,
    created_at: String,
    organization_slug: String,
    organization_name: String,
}

impl From<ReceivedInvitation> for ReceivedInvitationResponse {
    fn from(r: ReceivedInvitation) -> Self {
        Self {
            id: r.invitation.id.to_string(),
            email: r.invitation.email.into_string(),
            role: r.invitation.role.to_string(),
            expires_at: time(r.invitation.expires_at),
            created_at: time(r.invitation.created_at),
            organization_slug: r.organization_slug.into_string(),
            organization_name: r.organization_name.into_string(),
        }
    }
}

/// What I am invited to.
#[utoipa::path(tag = "user", operation_id = "invitations.listForUser", responses((status = 200, body = [ReceivedInvitationResponse])))]
#[get("/api/invitations")]
async fn list_own(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<Vec<ReceivedInvitationResponse>>> {
    Ok(web::Json(app.list_own_invitations(&who.caller).await?.into_iter().map(Into::into).collect()))
}

/// The token from the mail.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"token": "inv_…"}))]
struct InvitationTokenRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    token: Field<String>,
}

/// Accept an invitation to my address, by its token.
#[utoipa::path(tag = "user", operation_id = "invitations.accept", request_body = InvitationTokenRequest, responses((status = 200, description = "`null`.", body = Option<String>, example = json!(null))))]
#[post("/api/invitations/accept")]
async fn accept(app: web::Data<App>, who: SignedIn, body: Body<InvitationTokenRequest>) -> ApiResult<web::Json<()>> {
    let (token,) = all((body.value.token.required("token"),))?;
    app.accept_invitation(&who.caller, By::Token(&token)).await?;
    Ok(web::Json(()))
}

/// Decline an invitation, by its token, which only the invited mailbox got.
#[utoipa::path(tag = "user", operation_id = "invitations.decline", security(()), request_body = InvitationTokenRequest, responses((status = 200, description = "`null`.", body = Option<String>, example = json!(null)), (status = 404, description = "No such pending invitation.", body = crate::http::error::ErrorBody)))]
#[post("/api/invitations/decline")]
async fn decline_by_token(app: web::Data<App>, from: SigningIn, body: Body<InvitationTokenRequest>) -> ApiResult<web::Json<()>> {
    let (token,) = all((body.value.token.required("token"),))?;
    app.decline_invitation_by_token(&from.0, &token).await?;
    Ok(web::Json(()))
}

/// Accept an invitation to my address, by its id.
#[utoipa::path(tag = "user", operation_id = "invitations.acceptById", responses((status = 200, description = "`null`.", body = Option<String>, example = json!(null))))]
#[post("/api/invitations/{invitation_id}/accept")]
async fn accept_by_id(app: web::Data<App>, who: SignedIn, path: web::Path<String>) -> ApiResult<web::Json<()>> {
    app.accept_invitation(&who.caller, By::Id(id(&path, "pending invitation")?)).await?;
    Ok(web::Json(()))
}

/// Decline an invitation to my address, by its id.
#[utoipa::path(tag = "user", operation_id = "invitations.declineById", responses((status = 200, description = "`null`.", body = Option<String>, example = json!(null))))]
#[post("/api/invitations/{invitation_id}/decline")]
async fn decline_by_id(app: web::Data<App>, who: SignedIn, path: web::Path<String>) -> ApiResult<web::Json<()>> {
    app.decline_invitation(&who.caller, id(&path, "pending invitation")?).await?;
    Ok(web::Json(()))
}
