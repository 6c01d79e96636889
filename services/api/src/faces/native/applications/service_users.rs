//! The service API: users of the service whose key is sent.

use actix_web::{delete, get, patch, post, web};
use app::App;
use domain::{UserId, all, applications::subscriptions::ServiceUser, authorization::resource::ServiceUsers, core::value::Email};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::service_api::{EndUser, SERVICE_API, Window};
use crate::faces::native::core::views::Done;
use crate::http::{
    context::SignedIn,
    error::ApiResult,
    operations::{Routes, read_by_service_key, write_by_service_key},
    path::Named,
    wire::{Body, Field, Query, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(SERVICE_API)
        .add(list, read_by_service_key::<ServiceUsers>())
        .add(create, write_by_service_key::<ServiceUsers>().idempotent())
        .add(get, read_by_service_key::<ServiceUsers>())
        .add(update, write_by_service_key::<ServiceUsers>())
        .add(delete, write_by_service_key::<ServiceUsers>());
}

/// A user of a service.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "usr_019ab2c3d4e57f008000000000000002", "email": "cy@example.com", "email_verified_at": null, "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z", "added_at": "2026-11-23T09:00:00.000000Z"}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct ServiceUserResponse {
    id: String,
    email: String,
    /// When the mailbox was proven; null: never.
    email_verified_at: Option<String>,
    created_at: String,
    updated_at: String,
    /// Since when they use the service.
    added_at: String,
}

impl From<ServiceUser> for ServiceUserResponse {
    fn from(who: ServiceUser) -> Self {
        Self {
            id: who.user.id.to_string(),
            email: who.user.email.into_string(),
            email_verified_at: who.user.email_verified_at.map(time),
            created_at: time(who.user.created_at),
            updated_at: time(who.user.updated_at),
            added_at: time(who.since),
        }
    }
}

/// Some users of a service.
#[derive(Serialize, ToSchema)]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct ServiceUsersResponse {
    users: Vec<ServiceUserResponse>,
    total: i64,
}

/// The service's users, newest first.
#[utoipa::path(
    operation_id = "serviceApi.listUsers",
    params(Window),
    responses((status = 200, body = ServiceUsersResponse)),
)]
#[get("/api/service/users")]
async fn list(app: web::Data<App>, who: SignedIn, query: Query) -> ApiResult<web::Json<ServiceUsersResponse>> {
    let (users, total) = app.list_service_users(&who.caller, query.window()?).await?;
    Ok(web::Json(ServiceUsersResponse { users: users.into_iter().map(Into::into).collect(), total }))
}

/// One of the service's users.
#[utoipa::path(
    operation_id = "serviceApi.getUser",
    responses((status = 200, body = ServiceUserResponse)),
)]
#[get("/api/service/users/{end_user_id}")]
async fn get(app: web::Data<App>, who: SignedIn<Named<EndUser>>) -> ApiResult<web::Json<ServiceUserResponse>> {
    Ok(web::Json(app.get_service_user(&who.caller, who.path.0.0).await?.into()))
}

/// A user to add.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "cy@example.com"}))]
struct CreateServiceUserRequest {
    #[serde(default)]
    #[schema(value_type = String, max_length = 254, required)]
    email: Field<Email>,
}

/// Add a user: the organization's account for this address, which is made if there is none.
#[utoipa::path(
    operation_id = "serviceApi.createUser",
    request_body = CreateServiceUserRequest,
    responses((status = 200, body = ServiceUserResponse)),
)]
#[post("/api/service/users")]
async fn create(
    app: web::Data<App>,
    mut who: SignedIn,
    body: Body<CreateServiceUserRequest>,
) -> ApiResult<web::Json<ServiceUserResponse>> {
    let (email,): (Email,) = all((body.value.email.required("email"),))?;
    who.once("serviceApi.createUser", &body.raw);
    Ok(web::Json(app.create_service_user(&who.caller, &email).await?.into()))
}

/// Changes of a user.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "cy.new@example.com"}))]
struct UpdateServiceUserRequest {
    /// Another address. Only of an account that was made for this service and that nobody else uses.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 254)]
    email: Field<Email>,
}

/// Change a user of the service.
#[utoipa::path(
    operation_id = "serviceApi.updateUser",
    request_body = UpdateServiceUserRequest,
    responses((status = 200, body = ServiceUserResponse)),
)]
#[patch("/api/service/users/{end_user_id}")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<Named<EndUser>>,
    body: Body<UpdateServiceUserRequest>,
) -> ApiResult<web::Json<ServiceUserResponse>> {
    let (email,): (Option<Email>,) = all((body.value.email.change("email"),))?;
    Ok(web::Json(app.update_service_user(&who.caller, who.path.0.0, email.as_ref()).await?.into()))
}

/// Remove a user from the service, with their subscription.
#[utoipa::path(operation_id = "serviceApi.deleteUser", responses(Done))]
#[delete("/api/service/users/{end_user_id}")]
async fn delete(app: web::Data<App>, who: SignedIn<Named<EndUser>>) -> ApiResult<Done> {
    let id: UserId = who.path.0.0;
    app.delete_service_user(&who.caller, id).await?;
    Ok(Done)
}
