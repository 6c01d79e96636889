//! The pages on which somebody sets a second factor up in the middle of a sign-in.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode};
use app::{
    App,
    identity::flows::{Asks, Cookies, Enrolling},
};
use domain::{Error, Kind};

use super::shown::code_problem;
use crate::faces::pages::{
    Action, Page, SafeUrl,
    browser::{self, come_back},
    page::AppKey,
    qr,
};

/// What is asked of them.
pub(super) async fn page(app: &App, req: &HttpRequest, asked: Enrolling, gives: &Cookies) -> HttpResponse {
    let Enrolling { flow, client, email, asks } = asked;
    let frame = browser::frame(app, req, (flow.organization.as_ref(), Some(&client)), flow.request.ui_locales.as_deref()).await;
    let here = format!("/signin/{}", flow.id);
    let action = |step: &str| Action::new(here.clone(), format!("{step}.{}", flow.sign_ins));
    let (other, again) = (SafeUrl::own(format!("{here}?somebody_else=1")), SafeUrl::own(here.clone()));
    let mut bad: Option<Error> = None;
    let page = match asks {
        Asks::Which { passkey, failed } => Page::Enrol { action: action("enrol"), email, passkey, failed, other },
        Asks::Code(set_up, e) => {
            bad = e;
            let key = AppKey { picture: qr::picture(&set_up.url), text: qr::spaced(&set_up.secret) };
            Page::EnrolApp {
                action: action("enrol_code"),
                email,
                key,
                bad: bad.as_ref().map(code_problem),
                own: false,
                back: again,
            }
        }
        Asks::Passkey(challenge) => {
            let (id, options) = (challenge.id.to_string(), challenge.options.to_string());
            Page::EnrolPasskey { action: action("enrol_passkey"), email, challenge: id, options, name: None, back: again }
        }
        Asks::Codes(codes) => Page::RecoveryCodes { codes, on: again },
    };
    let status = match &bad {
        Some(e) if e.kind == Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let mut response = browser::page(app, req, (&frame, &page), gives, status);
    if let Some(e) = &bad {
        come_back(&mut response, e);
    }
    response
}
