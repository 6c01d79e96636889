//! What somebody sends from the page of their own account.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, post, web};
use app::{App, Caller, identity::account_page::Visit};
use domain::{BadValue, Error, Kind, PasskeyChallengeId, PasskeyId, SessionId, core::value::Name};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{passkey_page, shown};
use crate::{
    faces::pages::{
        Action, CodeProblem, Page, Problem, SafeUrl,
        browser::{self, Form, come_back, failed, own_form},
        page::{AccountDone, AppKey},
        qr,
        sign_in::code_problem,
    },
    http::{context::Anyone, cookies, error},
};

/// What the page sends. Which fields count, `step` says.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"step": "end_others.5f0c"}))]
pub(super) struct AccountForm {
    /// `confirm`, `end`, `end_others`, `app`, `app_code`, `app_off`, `codes`, `passkey`, `passkey_made`, `passkey_name` or `passkey_remove`; behind a dot what the page was given to send.
    #[serde(default)]
    step: String,
    /// Of `end`: a session; of `passkey_name` and `passkey_remove`: a passkey.
    #[serde(default)]
    id: String,
    /// Of `passkey_made` and `passkey_name`.
    #[serde(default)]
    name: String,
    /// Of `app_code`: a code of the app.
    #[serde(default)]
    code: String,
    /// Of `passkey_made`: what the device was asked.
    #[serde(default)]
    challenge: String,
    /// Of `passkey_made`: what it answered, as JSON.
    #[serde(default)]
    credential: String,
}

/// What came of a form.
enum Came {
    /// It was done.
    Done(AccountDone),
    /// Something is shown that is shown once.
    To(Box<Page>, Option<Error>),
}

/// Change something of your account.
#[utoipa::path(
    operation_id = "pages.postAccount",
    request_body(content = AccountForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "What is shown once.", content_type = "text/html", body = String),
        (status = 303, description = "Done; or to a sign-in, and back: it takes one of the last 15 minutes, with the second factor if there is one."),
        (status = 400, description = "That is no form, or it cannot be done.", content_type = "text/html", body = String),
        (status = 403, description = "The form is none of ours.", content_type = "text/html", body = String),
        (status = 404, description = "What is to be changed is not there.", content_type = "text/html", body = String),
        (status = 409, description = "The passkey is known already.", content_type = "text/html", body = String),
        (status = 413, description = "The form is too large.", content_type = "text/html", body = String),
        (status = 422, description = "It did not do: the page again, with what is wrong.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many tries, or requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/account")]
pub(super) async fn send(app: web::Data<App>, from: Anyone, req: HttpRequest, form: Form<AccountForm>) -> HttpResponse {
    let form = match own_form(&app, &req, form).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    let (step, token) = form.step.split_once('.').unwrap_or((&form.step, ""));
    let (browser, again) = (cookies::browser(&app, &req), "/account");
    // Of somebody else's page, or of one from before: what there is now is shown.
    let who = match app.sender_at_account(&from.0, &browser, token).await {
        Ok(Some(who)) => who,
        Ok(None) => return browser::go(&app, &req, again, &Default::default()),
        Err(e) => return failed(&app, &req, &e).await,
    };
    match done(&app, &who, (step, token), &form).await {
        Ok(Some(Came::Done(done))) => browser::go(&app, &req, &format!("/account?done={}", done.name()), &Default::default()),
        Ok(Some(Came::To(page, bad))) => to(&app, &req, (&page, bad)).await,
        Ok(None) => confirmed_first(&app, &from, &req).await,
        Err(e) if matches!(e.code, "recent_sign_in_required" | "own_sign_in_required") => {
            confirmed_first(&app, &from, &req).await
        }
        Err(e) if e.kind == Kind::Unauthenticated => browser::go(&app, &req, again, &Default::default()),
        Err(e) => refused(&app, &from, &req, &e).await,
    }
}

/// They say who they are, and come back.
async fn confirmed_first(app: &App, from: &Anyone, req: &HttpRequest) -> HttpResponse {
    match app.confirm_for_account(&from.0, &cookies::browser(app, req)).await {
        Ok((flow, gives)) => browser::go(app, req, &format!("/signin/{flow}"), &gives),
        Err(e) => failed(app, req, &e).await,
    }
}

/// The page again, with why it was not done.
async fn refused(app: &App, from: &Anyone, req: &HttpRequest, e: &Error) -> HttpResponse {
    if matches!(e.kind, Kind::RateLimited | Kind::Internal | Kind::Unavailable) {
        return failed(app, req, e).await;
    }
    match app.visit_account(&from.0, &cookies::browser(app, req), None).await {
        Ok((Visit::Shown(view), gives)) => {
            let problem = Problem { code: e.code.to_owned(), message: e.message.to_string() };
            shown(app, req, (*view, gives), (None, Some(problem), error::status(e.kind))).await
        }
        Ok(_) => browser::go(app, req, "/account", &Default::default()),
        Err(e) => failed(app, req, &e).await,
    }
}

async fn to(app: &App, req: &HttpRequest, (page, bad): (&Page, Option<Error>)) -> HttpResponse {
    let status = match &bad {
        Some(e) if e.kind == Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
        None => StatusCode::OK,
    };
    let frame = browser::frame(app, req, (None, None), None).await;
    let mut response = browser::page(app, req, (&frame, page), &Default::default(), status);
    if let Some(e) = &bad {
        come_back(&mut response, e);
    }
    response
}

/// Does it. `None`: they wanted to confirm that it is they.
async fn done(app: &App, who: &Caller, (step, token): (&str, &str), form: &AccountForm) -> domain::Result<Option<Came>> {
    let email = async || app.profile(who).await.map(|(user, _)| user.email.shown());
    let back = || SafeUrl::own("/account");
    let action = |step: &str| Action::new("/account", format!("{step}.{token}"));
    let came = match step {
        "confirm" => return Ok(None),
        "end" => {
            app.revoke_session(who, id::<SessionId>(&form.id)?).await?;
            Came::Done(AccountDone::Ended)
        }
        "end_others" => {
            app.revoke_other_sessions(who).await?;
            Came::Done(AccountDone::Ended)
        }
        "app" => {
            let set_up = app.set_up_totp(who, None).await?;
            let key = AppKey { picture: qr::picture(&set_up.url), text: qr::spaced(&set_up.secret) };
            let page =
                Page::EnrolApp { action: action("app_code"), email: email().await?, key, bad: None, own: true, back: back() };
            Came::To(Box::new(page), None)
        }
        "app_code" => match app.confirm_new_app(who, &form.code).await {
            Ok(codes) => Came::To(Box::new(Page::RecoveryCodes { codes, on: back() }), None),
            Err(e) if matches!(e.kind, Kind::Invalid | Kind::RateLimited) => {
                let set_up = app.unconfirmed_app(who).await?;
                let key = AppKey { picture: qr::picture(&set_up.url), text: qr::spaced(&set_up.secret) };
                let bad = if form.code.trim().is_empty() { CodeProblem::Missing } else { code_problem(&e) };
                let (action, email) = (action("app_code"), email().await?);
                Came::To(Box::new(Page::EnrolApp { action, email, key, bad: Some(bad), own: true, back: back() }), Some(e))
            }
            Err(e) => return Err(e),
        },
        "app_off" => {
            app.drop_own_factors(who).await?;
            Came::Done(AccountDone::AppOff)
        }
        "codes" => {
            let codes = app.renew_recovery_codes(who).await?;
            Came::To(Box::new(Page::RecoveryCodes { codes, on: back() }), None)
        }
        _ => return passkeys(app, who, (step, token), form).await.map(Some),
    };
    Ok(Some(came))
}

async fn passkeys(app: &App, who: &Caller, (step, token): (&str, &str), form: &AccountForm) -> domain::Result<Came> {
    match step {
        "passkey" => {
            let challenge = app.begin_passkey(who).await?;
            let page = Page::EnrolPasskey {
                action: Action::new("/account", format!("passkey_made.{token}")),
                email: app.profile(who).await?.0.email.shown(),
                challenge: challenge.id.to_string(),
                options: challenge.options.to_string(),
                name: Some(String::new()),
                back: SafeUrl::own("/account"),
            };
            Ok(Came::To(Box::new(page), None))
        }
        "passkey_made" => {
            let challenge = form.challenge.parse::<PasskeyChallengeId>().map_err(|_| Error::not_found("passkey"))?;
            // What no device says uses the question up as well.
            let made: Value = serde_json::from_str(&form.credential).unwrap_or_default();
            // A name can be mended later, and what the device made cannot be made again.
            let name = form.name.parse().unwrap_or_else(|_: BadValue| Name::stored("Passkey".to_owned()));
            app.add_passkey(who, (challenge, &made), &name).await?;
            Ok(Came::Done(AccountDone::PasskeyAdded))
        }
        "passkey_name" => {
            let id = id::<PasskeyId>(&form.id)?;
            let name = match form.name.parse::<Name>() {
                Ok(name) => name,
                Err(bad) => {
                    let code = if form.name.trim().is_empty() { "missing" } else { bad.code };
                    let problem = Problem { code: code.to_owned(), message: bad.message.to_string() };
                    let page = passkey_page(token, (id, form.name.clone()), Some(problem));
                    return Ok(Came::To(Box::new(page), Some(Error::field("name", bad.code, bad.message))));
                }
            };
            app.rename_passkey(who, id, &name).await?;
            Ok(Came::Done(AccountDone::PasskeyNamed))
        }
        "passkey_remove" => {
            app.remove_passkey(who, id::<PasskeyId>(&form.id)?).await?;
            Ok(Came::Done(AccountDone::PasskeyRemoved))
        }
        _ => Err(Error::not_found("form")),
    }
}

fn id<T: std::str::FromStr>(text: &str) -> domain::Result<T> {
    text.parse().map_err(|_| Error::not_found("session or passkey"))
}
