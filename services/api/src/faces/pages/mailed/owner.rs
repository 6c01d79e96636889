//! The link that the server prints while nobody owns the platform.

use actix_web::{HttpRequest, HttpResponse, get, post, web};
use app::App;
use crypto::{Purpose, opaque};
use domain::{
    all,
    core::value::{Email, Password},
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Done, Link, Page, dead_link, form, outcome, value, wrong};
use crate::http::context::SigningIn;

/// The first platform owner.
#[derive(Deserialize, ToSchema)]
struct FirstOwner {
    #[serde(default)]
    token: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
}

/// The form behind the link that the server prints while nobody owns the platform.
#[utoipa::path(
    operation_id = "pages.setup",
    params(("token" = Option<String>, Query)),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[get("/setup")]
async fn setup(req: HttpRequest, link: web::Query<Link>) -> HttpResponse {
    let page = |token| Page::Setup { token, email: String::new(), bad_email: None, bad_password: None };
    form(&req, Purpose::PlatformOwner, &link.token, page)
}

/// Makes the first platform owner.
#[utoipa::path(
    operation_id = "pages.postSetup",
    request_body(content = FirstOwner, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, content_type = "text/html", body = String)),
)]
#[post("/setup")]
async fn post_setup(app: web::Data<App>, req: HttpRequest, from: SigningIn, new: web::Form<FirstOwner>) -> HttpResponse {
    let FirstOwner { token, email, password } = new.into_inner();
    if !opaque::recognises(Purpose::PlatformOwner, &token) {
        return dead_link(&req);
    }
    let claim = async {
        let both = (value::<Email>("email", &email), value::<Password>("password", &password));
        let (email, password) = all(both)?;
        app.claim_platform(&from.0, &token, &email, &password).await
    };
    outcome(&req, claim.await, Done::PlatformOwned, |e| {
        let (bad_email, bad_password) = (wrong(e, &["email"]), wrong(e, &["password"]));
        (bad_email.is_some() || bad_password.is_some()).then_some(Page::Setup { token, email, bad_email, bad_password })
    })
}
