//! Connections to identity providers, which the contract calls upstream providers.

mod people;
mod requests;
mod views;

use actix_web::{delete, get, patch, post, web};
use app::App;
use domain::{ConnectionId, authorization::resource::Connections};

use self::{
    people::{attempts, identities, unlink},
    requests::{CreateUpstreamProviderRequest, UpdateUpstreamProviderRequest},
    views::{ConnectionTestResponse, DeletedProviderResponse, TestSignInResponse, UpstreamProviderResponse},
};
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, Tag, reading, writing},
    path::{OrgPath, PathId},
    wire::Body,
};

const UPSTREAM_PROVIDERS: Tag =
    Tag { name: "upstream-providers", about: "Identity providers through which an organization's people sign in." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(UPSTREAM_PROVIDERS)
        .of_org(list, reading::<Connections>())
        .of_org(create, writing::<Connections>().idempotent())
        .of_org(get, reading::<Connections>())
        .of_org(update, writing::<Connections>())
        .of_org(delete, writing::<Connections>())
        .of_org(test, writing::<Connections>())
        .of_org(test_sign_in, writing::<Connections>())
        .of_org(attempts, reading::<Connections>())
        .of_org(identities, reading::<Connections>())
        .of_org(unlink, writing::<Connections>());
}

impl PathId for ConnectionId {
    const NOUN: &'static str = "connection";
}

/// The connections, by age; at most 50.
#[utoipa::path(
    operation_id = "organizations.upstreamProviders.list",
    responses((status = 200, body = Vec<UpstreamProviderResponse>)),
)]
#[get("/upstream-providers")]
async fn list(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<Vec<UpstreamProviderResponse>>> {
    let all = app.list_connections(&who.caller, &who.path.org).await?;
    Ok(web::Json(all.into_iter().map(|view| UpstreamProviderResponse::of(view, who.caller.call.now)).collect()))
}

/// Add an identity provider. What it publishes is fetched at once; if that fails, the connection is kept, is not `ready`, and its `findings`
/// say why.
#[utoipa::path(
    operation_id = "organizations.upstreamProviders.create",
    request_body = CreateUpstreamProviderRequest,
    responses((status = 200, body = UpstreamProviderResponse)),
)]
#[post("/upstream-providers")]
async fn create(
    app: web::Data<App>,
    mut who: SignedIn<OrgPath>,
    body: Body<CreateUpstreamProviderRequest>,
) -> ApiResult<web::Json<UpstreamProviderResponse>> {
    let new = body.value.parsed()?;
    who.once("upstreamProviders.create", &body.raw);
    let view = app.create_connection(&who.caller, &who.path.org, &new).await?;
    Ok(web::Json(UpstreamProviderResponse::of(view, who.caller.call.now)))
}

/// One connection.
#[utoipa::path(
    operation_id = "organizations.upstreamProviders.get",
    responses((status = 200, body = UpstreamProviderResponse)),
)]
#[get("/upstream-providers/{provider_id}")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath<ConnectionId>>) -> ApiResult<web::Json<UpstreamProviderResponse>> {
    let view = app.get_connection(&who.caller, &who.path.org, who.path.id).await?;
    Ok(web::Json(UpstreamProviderResponse::of(view, who.caller.call.now)))
}

/// Change a connection, all of it or nothing; what is left out stays. Whoever changes whom it speaks for begins a new generation, and from
/// then on it gives no more than they hold.
#[utoipa::path(
    operation_id = "organizations.upstreamProviders.update",
    request_body = UpdateUpstreamProviderRequest,
    responses((status = 200, body = UpstreamProviderResponse)),
)]
#[patch("/upstream-providers/{provider_id}")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath<ConnectionId>>,
    body: Body<UpdateUpstreamProviderRequest>,
) -> ApiResult<web::Json<UpstreamProviderResponse>> {
    let changes = body.value.parsed()?;
    let view = app.update_connection(&who.caller, &who.path.org, who.path.id, &changes).await?;
    Ok(web::Json(UpstreamProviderResponse::of(view, who.caller.call.now)))
}

/// Delete a connection, with the domains' routes to it and its SCIM tokens, which work no more.
#[utoipa::path(
    operation_id = "organizations.upstreamProviders.delete",
    responses((status = 200, body = DeletedProviderResponse)),
)]
#[delete("/upstream-providers/{provider_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<OrgPath<ConnectionId>>) -> ApiResult<web::Json<DeletedProviderResponse>> {
    app.delete_connection(&who.caller, &who.path.org, who.path.id).await?;
    Ok(web::Json(DeletedProviderResponse { success: true }))
}

/// Look at everything that signing in through a connection needs, each thing by itself. 200 also when something fails; changes nothing.
#[utoipa::path(
    operation_id = "organizations.upstreamProviders.test",
    responses((status = 200, body = ConnectionTestResponse)),
)]
#[post("/upstream-providers/{provider_id}/test")]
async fn test(app: web::Data<App>, who: SignedIn<OrgPath<ConnectionId>>) -> ApiResult<web::Json<ConnectionTestResponse>> {
    Ok(web::Json(app.test_connection(&who.caller, &who.path.org, who.path.id).await?.into()))
}

/// Begin a test sign-in: `test_url` is where the browser goes of whoever looks after the connection, for ten minutes; the first that comes has it. There a page
/// says what became of it: which step failed and what to do, or whom the provider named and what would become of them. Nobody is signed in by it, and a connection that
/// is switched off can be tried as well.
#[utoipa::path(
    operation_id = "organizations.upstreamProviders.testSignIn",
    responses((status = 200, body = TestSignInResponse)),
)]
#[post("/upstream-providers/{provider_id}/test-sign-in")]
async fn test_sign_in(app: web::Data<App>, who: SignedIn<OrgPath<ConnectionId>>) -> ApiResult<web::Json<TestSignInResponse>> {
    let test_url = app.begin_trial(&who.caller, &who.path.org, who.path.id).await?;
    Ok(web::Json(TestSignInResponse { test_url }))
}
