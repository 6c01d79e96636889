//! The page behind the link in a mail that somebody signs in by. Opening it changes nothing.

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, web};
use app::{App, identity::flows::Cookies};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    faces::pages::{
        Action, DeviceFacts, Page, agents,
        browser::{self, failed},
        frame::Frame,
    },
    http::{context::Anyone, cookies, wire::time},
};

/// The token of a mailed link.
#[derive(Deserialize, ToSchema)]
pub(super) struct Link {
    #[serde(default)]
    token: String,
}

/// What the link in such a mail leads to: in the browser that asked for it, back into the sign-in; in another one, the code to type there. Nothing is used up.
#[utoipa::path(
    operation_id = "pages.mailedSignIn",
    params(("token" = Option<String>, Query)),
    responses(
        (status = 200, content_type = "text/html", body = String),
        (status = 400, description = "The link was used, has run out, or is none of ours.", content_type = "text/html", body = String),
    ),
)]
#[get("/signin-link")]
pub(super) async fn show(app: web::Data<App>, from: Anyone, req: HttpRequest, link: web::Query<Link>) -> HttpResponse {
    let found = match app.look_at_mailed_sign_in(&from.0, &cookies::browser(&app, &req), &link.token).await {
        Ok(found) => found,
        Err(e) => return failed(&app, &req, &e).await,
    };
    let Some(found) = found else {
        let frame = browser::frame(&app, &req, (None, None), None).await;
        return browser::page(&app, &req, (&frame, &Page::DeadLink), &Cookies::default(), StatusCode::BAD_REQUEST);
    };
    let flow = found.flow;
    // Nobody goes on to our own pages.
    let client = Some(found.client.as_str()).filter(|_| flow.request.link.is_none());
    let organization = flow.organization.as_ref();
    let frame = browser::frame(&app, &req, (organization, client), flow.request.ui_locales.as_deref()).await;
    // In another language it is the same link.
    let frame = Frame { here: format!("/signin-link?token={}", link.token), ..frame };
    let action = Action::new(format!("/signin/{}", flow.id), format!("mail_code.{}", flow.sign_ins));
    let shown = Page::MailedSignIn {
        action: found.here.then_some(action),
        code: found.code,
        asked: DeviceFacts {
            application: found.client,
            organization: organization.map(|org| org.name.clone()),
            address: found.ip_address,
            program: found.user_agent.as_deref().map(agents::device),
            since: time(found.asked_at),
        },
    };
    browser::page(&app, &req, (&frame, &shown), &Cookies::default(), StatusCode::OK)
}
