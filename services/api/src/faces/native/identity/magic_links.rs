//! Links that sign somebody in.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use app::App;
use domain::{Error, all};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    AUTH,
    accounts::EmailRequest,
    login::{TokenResponse, device},
};
use crate::faces::native::core::views::{MessageResponse, message};
use crate::http::{
    context::SigningIn,
    error::{ApiResult, ErrorBody},
    operations::{Routes, anybody},
    wire::Body,
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes.tag(AUTH).add(request, anybody()).add(verify, anybody());
}

/// Ask for a link to sign in, in place of a password. It works once, for ten minutes; a newer one takes its place. Answers alike whether or not there is such an
/// account, and whether or not a mail counts in the organization that is named.
///
/// The link leads to a page of ours, and that to `/magic-link?token=…` of the web client (`server.dashboard_url`), which sends the token to `auth.magicLinks.verify`.
#[utoipa::path(
    operation_id = "auth.magicLinks.request",
    request_body = EmailRequest,
    responses((status = 200, body = MessageResponse)),
)]
#[post("/api/auth/magic-link/request")]
async fn request(app: web::Data<App>, from: SigningIn, body: Body<EmailRequest>) -> ApiResult<web::Json<MessageResponse>> {
    let (email, org) = all((body.value.email.required("email"), body.value.org_slug.optional("org_slug")))?;
    app.request_magic_link(&from.0, &email, org.as_ref()).await?;
    Ok(message("If there is an account for this address, we have sent a link to sign in."))
}

/// The token of a mailed link.
#[derive(Deserialize, ToSchema)]
struct MagicLink {
    #[serde(default)]
    token: String,
}

/// Sign in with the token of a mailed link, into the organization that was named when it was asked for. The token is used up. Where the account has an authenticator
/// app, the answer is not yet a sign-in, as with `auth.login`.
#[utoipa::path(
    operation_id = "auth.magicLinks.verify",
    params(("token" = Option<String>, Query, description = "What the link has as `token`.")),
    responses(
        (status = 200, body = TokenResponse),
        (status = 400, description = "Without a token.", body = ErrorBody),
        (status = 401, description = "Wrong, used, or too old.", body = ErrorBody),
        (status = 403, description = "No access to that organization, or its policy or its rule for risky sign-ins refuses this one.", body = ErrorBody),
    ),
)]
#[get("/api/auth/magic-link/verify")]
async fn verify(app: web::Data<App>, from: SigningIn, req: HttpRequest, link: web::Query<MagicLink>) -> ApiResult<HttpResponse> {
    if link.token.is_empty() {
        return Err(Error::field("token", "required", "Send the token of the link.").into());
    }
    let device = device::shown(&app, &req);
    Ok(device::answer(&app, app.magic_link_sign_in(&from.0, &link.token, device.as_deref()).await?))
}
