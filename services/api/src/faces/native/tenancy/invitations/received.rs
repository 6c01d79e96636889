//! What the invited do: see, accept and decline.

use actix_web::{get, post, web};
use app::{App, tenancy::invitations::By};
use domain::{InvitationId, all};
use serde::{Deserialize, Serialize};
use store::tenancy::invitations::ReceivedInvitation;
use utoipa::ToSchema;

use crate::faces::native::{core::views::Done, identity::USER};
use crate::http::{
    context::{SignedIn, SigningIn},
    error::{ApiResult, ErrorBody},
    operations::{Routes, anybody, signed_in},
    path::Named,
    wire::{Body, Field, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(USER)
        .add(list_own, signed_in())
        .add(accept, signed_in())
        .add(decline_by_token, anybody())
        .add(accept_by_id, signed_in())
        .add(decline_by_id, signed_in());
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
            email: r.invitation.email.shown(),
            role: r.invitation.role.to_string(),
            expires_at: time(r.invitation.expires_at),
            created_at: time(r.invitation.created_at),
            organization_slug: r.organization_slug.into_string(),
            organization_name: r.organization_name.into_string(),
        }
    }
}

/// What I am invited to.
#[utoipa::path(
    operation_id = "invitations.listForUser",
    responses((status = 200, body = [ReceivedInvitationResponse])),
)]
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
#[utoipa::path(
    operation_id = "invitations.accept",
    request_body = InvitationTokenRequest,
    responses(Done),
)]
#[post("/api/invitations/accept")]
async fn accept(app: web::Data<App>, who: SignedIn, body: Body<InvitationTokenRequest>) -> ApiResult<Done> {
    let (token,) = all((body.value.token.required("token"),))?;
    app.accept_invitation(&who.caller, By::Token(&token)).await?;
    Ok(Done)
}

/// Decline an invitation, by its token, which only the invited mailbox got.
#[utoipa::path(
    operation_id = "invitations.decline",
    request_body = InvitationTokenRequest,
    responses(
        Done,
        (status = 404, description = "No such pending invitation.", body = ErrorBody),
    ),
)]
#[post("/api/invitations/decline")]
async fn decline_by_token(app: web::Data<App>, from: SigningIn, body: Body<InvitationTokenRequest>) -> ApiResult<web::Json<()>> {
    let (token,) = all((body.value.token.required("token"),))?;
    app.decline_invitation_by_token(&from.0, &token).await?;
    Ok(web::Json(()))
}

/// Accept an invitation to my address, by its id.
#[utoipa::path(operation_id = "invitations.acceptById", responses(Done))]
#[post("/api/invitations/{invitation_id}/accept")]
async fn accept_by_id(app: web::Data<App>, who: SignedIn<Named<InvitationId>>) -> ApiResult<Done> {
    app.accept_invitation(&who.caller, By::Id(who.path.0)).await?;
    Ok(Done)
}

/// Decline an invitation to my address, by its id.
#[utoipa::path(operation_id = "invitations.declineById", responses(Done))]
#[post("/api/invitations/{invitation_id}/decline")]
async fn decline_by_id(app: web::Data<App>, who: SignedIn<Named<InvitationId>>) -> ApiResult<Done> {
    app.decline_invitation(&who.caller, who.path.0).await?;
    Ok(Done)
}
