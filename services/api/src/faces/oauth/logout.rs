//! Where clients send people to sign out (OpenID Connect RP-Initiated Logout).

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, get, http::StatusCode, post, web};
use app::{
    App,
    identity::flows::{
        Cookies, Stop,
        leaving::{Leaving, LogoutRequest},
    },
};
use serde::Deserialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::OAUTH;
use crate::{
    faces::pages::{
        Action, Page,
        browser::{Form, any_form, failed, frame, go, is_from_us, page, parameters, stopped},
    },
    http::{
        context::Anyone,
        cookies,
        operations::{Routes, anybody},
    },
};

pub(super) fn routes(routes: &mut Routes<'_>) {
    let page = anybody().unlimited();
    routes.tag(OAUTH).add(logout, page).add(confirm, page).add(logout_at_once, page);
}

/// What a client sends.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[schema(example = json!({"client_id": "5f0c…", "post_logout_redirect_uri": "https://app.example.com", "id_token_hint": "eyJ…"}))]
struct LogoutForm {
    client_id: Option<String>,
    /// An ID token that the client got; expired ones will do.
    id_token_hint: Option<String>,
    /// The `sid` of the client's ID token.
    logout_hint: Option<String>,
    /// Where the browser goes then; registered for the client.
    post_logout_redirect_uri: Option<String>,
    /// Comes back there.
    state: Option<String>,
}

impl LogoutForm {
    /// What came in a query; `back` names where the browser goes then.
    fn of(sent: &mut BTreeMap<String, String>, back: &str) -> Self {
        Self {
            client_id: sent.remove("client_id"),
            id_token_hint: sent.remove("id_token_hint"),
            logout_hint: sent.remove("logout_hint"),
            post_logout_redirect_uri: sent.remove(back),
            state: sent.remove("state"),
        }
    }

    fn asked(self, confirmed: bool) -> LogoutRequest {
        let some = |text: Option<String>| text.filter(|text| !text.is_empty());
        LogoutRequest {
            client_id: some(self.client_id),
            id_token_hint: some(self.id_token_hint),
            logout_hint: some(self.logout_hint),
            back: some(self.post_logout_redirect_uri),
            state: some(self.state),
            confirmed,
        }
    }

    /// What a person's "yes" has to bring along.
    fn fields(&self) -> Vec<(String, String)> {
        let all = [
            ("client_id", &self.client_id),
            ("post_logout_redirect_uri", &self.post_logout_redirect_uri),
            ("id_token_hint", &self.id_token_hint),
            ("state", &self.state),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))).collect()
    }
}

async fn leave(app: &App, from: &Anyone, req: &HttpRequest, (form, confirmed): (LogoutForm, bool)) -> HttpResponse {
    let fields = form.fields();
    match app.log_out_browser(&from.0, &cookies::browser(app, req), &form.asked(confirmed)).await {
        Ok((Leaving::Gone(Some(back)), gives)) => go(app, req, &back, &gives),
        Ok((Leaving::Gone(None), gives)) => {
            let frame = frame(app, req, (None, None), None).await;
            page(app, req, (&frame, &Page::SignedOut { back: None }), &gives, StatusCode::OK)
        }
        Ok((Leaving::Ask(email), gives)) => {
            let frame = frame(app, req, (None, None), None).await;
            let asked = Page::SignOut { action: Action::new("/oidc/logout", "sign_out"), email, fields };
            page(app, req, (&frame, &asked), &gives, StatusCode::OK)
        }
        Ok((Leaving::BadRequest(why), _)) => stopped(app, req, Stop::BadRequest(why)).await,
        Err(e) => failed(app, req, &e).await,
    }
}

/// Sign somebody out of their browser. Unless a hint fits who is signed in, they are asked.
#[utoipa::path(
    operation_id = "oauth.logout",
    params(
        ("client_id" = Option<String>, Query),
        ("id_token_hint" = Option<String>, Query, description = "An ID token that the client got; expired ones will do."),
        ("logout_hint" = Option<String>, Query, description = "The `sid` of the client's ID token."),
        ("post_logout_redirect_uri" = Option<String>, Query, description = "Where the browser goes then; registered for the client."),
        ("state" = Option<String>, Query, description = "Comes back there."),
    ),
    responses(
        (status = 200, description = "They are asked, or signed out.", content_type = "text/html", body = String),
        (status = 302, description = "Back to the client."),
        (status = 400, description = "The browser was to go where it must not.", content_type = "text/html", body = String),
    ),
)]
#[get("/oidc/logout")]
async fn logout(app: web::Data<App>, from: Anyone, req: HttpRequest) -> HttpResponse {
    match parameters(&req) {
        Ok(mut sent) => leave(&app, &from, &req, (LogoutForm::of(&mut sent, "post_logout_redirect_uri"), false)).await,
        Err(why) => stopped(&app, &req, Stop::BadRequest(why)).await,
    }
}

/// The person's own word, from the page that asked; or a client's request as a form.
#[utoipa::path(
    operation_id = "oauth.postLogout",
    request_body(content = LogoutForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "They are asked, or signed out.", content_type = "text/html", body = String),
        (status = 303, description = "Back to the client."),
        (status = 413, description = "The form is too large.", content_type = "text/html", body = String),
        (status = 400, description = "That is no form, or the browser was to go where it must not.", content_type = "text/html", body = String),
    ),
)]
#[post("/oidc/logout")]
async fn confirm(app: web::Data<App>, from: Anyone, req: HttpRequest, form: Form<LogoutForm>) -> HttpResponse {
    let form = match any_form(&app, &req, form).await {
        Ok(form) => form,
        Err(page) => return page,
    };
    if is_from_us(&app, req.headers()) {
        return leave(&app, &from, &req, (form, true)).await;
    }
    // Another site's form brings no cookies along; what follows it does.
    let mut query = form.fields();
    query.extend(form.logout_hint.map(|sid| ("logout_hint".to_owned(), sid)));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    go(&app, &req, &format!("/oidc/logout?{query}"), &Cookies::default())
}

/// Sign somebody out of their browser without asking.
#[utoipa::path(
    operation_id = "oauth.logoutAtOnce",
    params(
        ("client_id" = Option<String>, Query),
        ("returnTo" = Option<String>, Query, description = "Where the browser goes then; registered for the client."),
    ),
    responses(
        (status = 200, description = "They are signed out.", content_type = "text/html", body = String),
        (status = 302, description = "Back to the client."),
        (status = 400, description = "The browser was to go where it must not.", content_type = "text/html", body = String),
    ),
)]
#[get("/v2/logout")]
async fn logout_at_once(app: web::Data<App>, from: Anyone, req: HttpRequest) -> HttpResponse {
    match parameters(&req) {
        Ok(mut sent) => leave(&app, &from, &req, (LogoutForm::of(&mut sent, "returnTo"), true)).await,
        Err(why) => stopped(&app, &req, Stop::BadRequest(why)).await,
    }
}
