//! The providers through which the caller signs in.

use actix_web::{HttpResponse, delete, get, post, web};
use app::App;
use serde::Serialize;
use store::identity::federation::own::OwnIdentity;
use utoipa::ToSchema;

use super::USER;
use crate::http::{
    context::SignedIn,
    error::{ApiResult, ErrorBody},
    operations::{Routes, signed_in},
    path::Named,
    wire::time,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(USER).add(list, signed_in()).add(link, signed_in()).add(unlink, signed_in());
}

/// A provider through which the caller signs in.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "con_019ab2c3d4e57f00800000000000000b", "provider": "okta", "provider_name": "Acme Okta", "org_slug": "acme", "org_name": "Acme", "email": "bea@acme.example", "created_at": "2026-11-23T09:00:00.000000Z", "last_used_at": "2026-11-23T09:00:00.000000Z"}))]
struct IdentityResponse {
    /// The connection's.
    id: String,
    /// The connection's name in requests.
    provider: String,
    provider_name: String,
    /// Where they sign in with it.
    org_slug: String,
    org_name: String,
    /// The address that the provider claimed the last time.
    email: Option<String>,
    created_at: String,
    last_used_at: String,
}

impl From<OwnIdentity> for IdentityResponse {
    fn from(one: OwnIdentity) -> Self {
        Self {
            id: one.connection.to_string(),
            provider: one.slug.as_str().to_owned(),
            provider_name: one.name.to_string(),
            org_slug: one.organization.to_string(),
            org_name: one.organization_name,
            email: one.email,
            created_at: time(one.created_at),
            last_used_at: time(one.last_used_at),
        }
    }
}

/// The providers through which I sign in, newest first; 200 at most.
#[utoipa::path(
    operation_id = "user.identities.list",
    responses((status = 200, body = [IdentityResponse])),
)]
#[get("/api/user/identities")]
async fn list(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<Vec<IdentityResponse>>> {
    Ok(web::Json(app.own_identities(&who.caller).await?.into_iter().map(Into::into).collect()))
}

/// Where a provider is linked.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"authorization_url": "https://sso.example.com/link/019ab2c3d4e57f0080000000000000c1"}))]
struct LinkResponse {
    /// Where the person's browser is sent. The first browser that comes has it.
    authorization_url: String,
}

/// Sign in through a provider of an organization that I am a member of from now on: its connection's `id`, or its `connection_id` where only one is called so.
/// The answer is where the browser goes, for ten minutes: there I sign in with something of my own, unless I just did, go to the provider, and say yes to
/// whom it named. Needs a sign-in with something of my own within the last 15 minutes.
#[utoipa::path(
    operation_id = "user.identities.startLink",
    responses(
        (status = 200, body = LinkResponse),
        (status = 400, description = "My account has an identity there already, or several are called so.", body = ErrorBody),
        (status = 403, description = "The sign-in is not recent, or was not with something of one's own.", body = ErrorBody),
        (status = 404, description = "There is none in my organizations.", body = ErrorBody),
    ),
)]
#[post("/api/user/identities/{provider_id}/link")]
async fn link(app: web::Data<App>, who: SignedIn<Named<String>>) -> ApiResult<web::Json<LinkResponse>> {
    let authorization_url = app.begin_to_link(&who.caller, &who.path.0).await?;
    Ok(web::Json(LinkResponse { authorization_url }))
}

/// Sign in through a provider no more: its `id`, or its `provider` where only one is called so. Needs a sign-in with something of my own within the last 15
/// minutes; the only way into an account stays.
#[utoipa::path(
    operation_id = "user.identities.unlink",
    responses(
        (status = 204, description = "It is unlinked."),
        (status = 400, description = "It is the only way in, or several are called so.", body = ErrorBody),
        (status = 403, description = "The sign-in is not recent, or was not with something of one's own.", body = ErrorBody),
        (status = 404, description = "There is none.", body = ErrorBody),
    ),
)]
#[delete("/api/user/identities/{provider_id}")]
async fn unlink(app: web::Data<App>, who: SignedIn<Named<String>>) -> ApiResult<HttpResponse> {
    app.unlink_own_identity(&who.caller, &who.path.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
