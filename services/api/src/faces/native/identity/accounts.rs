//! Accounts, and the caller's own.

use actix_web::{get, patch, post, web};
use app::App;
use domain::{
    all,
    core::value::{Email, Slug},
    identity::accounts::User,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::USER;
use crate::faces::native::core::views::{MessageResponse, message};
use crate::http::{
    context::{SignedIn, SigningIn},
    error::{ApiResult, ErrorBody},
    operations::{Routes, anybody, signed_in},
    wire::{Body, Field, time},
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(USER).add(profile, signed_in()).add(update, signed_in()).add(confirm_email, anybody());
}

/// An account, as administrators see it.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "usr_019ab2c3d4e57f008000000000000002", "email": "ann@example.com", "org_id": null, "is_platform_owner": false, "email_verified_at": "2026-11-23T09:00:00.000000Z", "created_at": "2026-11-23T09:00:00.000000Z", "updated_at": "2026-11-23T09:00:00.000000Z", "deleted_at": null}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
pub(crate) struct UserResponse {
    pub id: String,
    pub email: String,
    /// The organization that manages the account, if one does.
    pub org_id: Option<String>,
    pub is_platform_owner: bool,
    pub email_verified_at: Option<String>,
    pub created_at: String,
    pub updated_at: Option<String>,
    pub deleted_at: Option<String>,
}

impl From<User> for UserResponse {
    fn from(u: User) -> Self {
        Self {
            id: u.id.to_string(),
            email: u.email.shown(),
            org_id: (u.realm != domain::PLATFORM).then(|| u.realm.to_string()),
            is_platform_owner: u.is_platform_owner,
            email_verified_at: u.email_verified_at.map(time),
            created_at: time(u.created_at),
            updated_at: Some(time(u.updated_at)),
            deleted_at: u.deleted_at.map(time),
        }
    }
}

/// An address, and optionally the organization it signs in to.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@example.com"}))]
pub(super) struct EmailRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    pub(super) email: Field<Email>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) org_slug: Field<Slug>,
}

/// The caller. `org` and `service` are empty strings for a token that is not for one.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "usr_019ab2c3d4e57f008000000000000002", "email": "ann@example.com", "org": "acme", "service": "", "is_platform_owner": false}))]
#[allow(missing_docs, reason = "the contract's field names say it")]
struct ProfileResponse {
    id: String,
    email: String,
    org: String,
    service: String,
    is_platform_owner: bool,
}

async fn show(app: &App, who: &SignedIn) -> ApiResult<web::Json<ProfileResponse>> {
    let (user, org) = app.profile(&who.caller).await?;
    let org = org.map(|slug| slug.into_string()).unwrap_or_default();
    Ok(web::Json(ProfileResponse {
        id: user.id.to_string(),
        email: user.email.shown(),
        org,
        service: String::new(),
        is_platform_owner: user.is_platform_owner,
    }))
}

/// Who am I?
#[utoipa::path(
    operation_id = "user.getProfile",
    responses((status = 200, body = ProfileResponse)),
)]
#[get("/api/user")]
async fn profile(app: web::Data<App>, who: SignedIn) -> ApiResult<web::Json<ProfileResponse>> {
    show(&app, &who).await
}

/// Changes of the caller's account.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"email": "ann@new.example.com", "password": "a long sentence only I know"}))]
struct UpdateProfileRequest {
    #[serde(default)]
    #[schema(value_type = String)]
    email: Field<Email>,
    /// My present password: needed beside `email` unless I signed in within the last 15 minutes.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    password: Field<String>,
}

/// Change my address: it counts once the link mailed to it was used.
#[utoipa::path(
    operation_id = "user.updateProfile",
    request_body = UpdateProfileRequest,
    responses(
        (status = 200, description = "The profile; still with the old address.", body = ProfileResponse),
        (status = 403, description = "The sign-in is older than 15 minutes and no password came with the change.", body = ErrorBody),
    ),
)]
#[patch("/api/user")]
async fn update(app: web::Data<App>, who: SignedIn, body: Body<UpdateProfileRequest>) -> ApiResult<web::Json<ProfileResponse>> {
    let (email, password) = all((body.value.email.change("email"), body.value.password.optional("password")))?;
    if let Some(email) = email {
        app.request_email_change(&who.caller, &email, password.as_deref()).await?;
    }
    show(&app, &who).await
}

/// The token mailed to the new address.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"token": "email_…"}))]
struct ConfirmEmailRequest {
    #[serde(default)]
    #[schema(value_type = String, required)]
    token: Field<String>,
}

/// Confirm a new address with the token from the mail. (The page behind the mailed link calls the same.)
#[utoipa::path(
    operation_id = "user.confirmEmail",
    request_body = ConfirmEmailRequest,
    responses((status = 200, body = MessageResponse)),
)]
#[post("/api/user/confirm-email")]
async fn confirm_email(
    app: web::Data<App>,
    from: SigningIn,
    body: Body<ConfirmEmailRequest>,
) -> ApiResult<web::Json<MessageResponse>> {
    let (token,) = all((body.value.token.required("token"),))?;
    app.confirm_email_change(&from.0, &token).await?;
    Ok(message("Your new address is confirmed."))
}
