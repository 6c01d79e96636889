//! What the pages of a sign-in know of the request: whose page it is, in which language, and whether a form came from us.

use std::collections::BTreeMap;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap, SET_COOKIE},
    },
    web,
};
use app::{
    App,
    identity::flows::{Answer, Cookies, Stop},
};
use domain::{
    Error, Kind,
    applications::authorization_requests::ResponseMode,
    identity::{flows::Dead, saml::Dispatch},
};
use store::identity::flows::Entered;
use url::form_urlencoded;

use super::{Brand, ErrorKind, Frame, Page, PageLanguage, SafeUrl, answer};
use crate::http::{context::RequestId, cookies, error};

/// The value of a query parameter that is there once.
pub(crate) fn parameter(req: &HttpRequest, name: &str) -> Option<String> {
    form_urlencoded::parse(req.query_string().as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// Bytes of a query at most.
pub(crate) const LONGEST: usize = 8192;

/// The parameters of a query, each once; an empty one counts as missing. Or what is wrong with it.
pub(crate) fn parameters(req: &HttpRequest) -> Result<BTreeMap<String, String>, &'static str> {
    let text = req.query_string();
    if text.len() > LONGEST {
        return Err("The application's request is too long.");
    }
    let mut parameters = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        // What is not UTF-8 is read as this.
        if [&name, &value].iter().any(|text| text.contains(['\u{fffd}', '\0'])) {
            return Err("The application's request is not UTF-8.");
        }
        if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
            return Err("A parameter of the application's request comes twice.");
        }
    }
    parameters.retain(|_, value| !value.is_empty());
    Ok(parameters)
}

/// Whether a form was sent from one of our own pages. `null` is somebody else's. A browser that says neither where a form comes from nor from how far
/// is none that shows our pages.
pub(crate) fn is_from_us(app: &App, headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let own = url::Url::parse(&app.settings.public_url).map(|url| url.origin().ascii_serialization());
    match text("origin") {
        Some(origin) => own.is_ok_and(|own| own == origin),
        None => text("sec-fetch-site") == Some("same-origin"),
    }
}

/// A form as it was sent, or why it is none.
pub(crate) type Form<T> = Result<web::Form<T>, actix_web::Error>;

/// A form of ours; or the page for who sent another.
pub(crate) async fn own_form<T>(app: &App, req: &HttpRequest, form: Form<T>) -> Result<T, HttpResponse> {
    if !is_from_us(app, req.headers()) {
        return Err(error_page(app, req, (ErrorKind::WrongOrigin, StatusCode::FORBIDDEN), None).await);
    }
    any_form(app, req, form).await
}

/// A form, whoever sent it; or the page for what is none.
pub(crate) async fn any_form<T>(app: &App, req: &HttpRequest, form: Form<T>) -> Result<T, HttpResponse> {
    match form {
        Ok(form) => Ok(form.into_inner()),
        Err(e) => {
            let status = e.as_response_error().status_code();
            let kind = ErrorKind::BadRequest("What was sent is no form of ours.".to_owned());
            Err(error_page(app, req, (kind, status), None).await)
        }
    }
}

/// What surrounds a page.
pub(crate) async fn frame(
    app: &App,
    req: &HttpRequest,
    (organization, under): (Option<&Entered>, Option<&str>),
    asked: Option<&str>,
) -> Frame {
    let named = parameter(req, "ui_locales");
    let chosen = cookies::language(app, req);
    let accepted = req.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    // What somebody chooses here is more than what the application asked for.
    let wanted = named.as_deref().or(if chosen.is_some() { None } else { asked });
    let brand = match organization {
        Some(org) => Brand::current(app, &org.slug, &org.name).await,
        None => Brand::default(),
    };
    let here = if req.method() == actix_web::http::Method::GET { req.path().to_owned() } else { String::new() };
    let language = PageLanguage::choose(wanted, chosen.as_deref(), accepted);
    Frame { language, brand, under: under.map(str::to_owned), here }
}

/// A page with what the browser is given.
pub(crate) fn page(
    app: &App,
    req: &HttpRequest,
    (frame, page): (&Frame, &Page),
    gives: &Cookies,
    status: StatusCode,
) -> HttpResponse {
    let mut response = answer(status, frame, page);
    let mut put = |cookie: String| {
        if let Ok(value) = cookie.parse() {
            response.headers_mut().append(SET_COOKIE, value);
        }
    };
    if parameter(req, "ui_locales").is_some() {
        put(cookies::remember_language(app, frame.language.code()));
    }
    let mut given = HttpResponse::Ok();
    cookies::give(app, &mut given, gives);
    let given = given.finish();
    for cookie in given.headers().get_all(SET_COOKIE) {
        response.headers_mut().append(SET_COOKIE, cookie.clone());
    }
    response
}

/// To another page. After a form a browser must not send it again, and so much less its password: 303, never 307 (RFC 9700, 4.12).
pub(crate) fn go(app: &App, req: &HttpRequest, to: &str, gives: &Cookies) -> HttpResponse {
    let status = if req.method() == actix_web::http::Method::GET { StatusCode::FOUND } else { StatusCode::SEE_OTHER };
    let mut response = HttpResponse::build(status);
    cookies::give(app, &mut response, gives);
    response.insert_header((header::LOCATION, to)).insert_header((header::CACHE_CONTROL, "no-store")).finish()
}

/// To a provider, or on from one.
pub(crate) async fn away(app: &App, req: &HttpRequest, way: Dispatch, gives: &Cookies) -> HttpResponse {
    let (action, fields) = match way {
        Dispatch::Redirect(url) => return go(app, req, &url, gives),
        Dispatch::Post { action, fields } => (action, fields),
    };
    let Some(to) = SafeUrl::parse(&action) else {
        return error_page(app, req, (ErrorKind::Unavailable, StatusCode::INTERNAL_SERVER_ERROR), None).await;
    };
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let shown = Page::FormPost { to, fields, application: None };
    page(app, req, (&frame(app, req, (None, None), None).await, &shown), gives, StatusCode::OK)
}

/// An answer on its way to the client.
pub(crate) async fn to_client(app: &App, req: &HttpRequest, answer: &Answer, gives: &Cookies) -> HttpResponse {
    let redirect_uri = &answer.to.redirect_uri;
    let query: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(&answer.fields).finish();
    let before = match answer.to.mode {
        ResponseMode::Fragment => '#',
        _ if redirect_uri.contains('?') => '&',
        _ => '?',
    };
    let target = format!("{redirect_uri}{before}{query}");
    let fields = || answer.fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let shown = match (&answer.confirm, answer.to.mode) {
        (Some(application), ResponseMode::Saml) => {
            SafeUrl::parse(redirect_uri).map(|to| Page::Leaving { to, application: application.clone(), fields: fields() })
        }
        (Some(application), _) => {
            SafeUrl::parse(&target).map(|to| Page::Leaving { to, application: application.clone(), fields: Vec::new() })
        }
        (None, ResponseMode::Query | ResponseMode::Fragment) => None,
        (None, ResponseMode::FormPost | ResponseMode::Saml) => {
            SafeUrl::parse(redirect_uri).map(|to| Page::FormPost { to, fields: fields(), application: None })
        }
    };
    match shown {
        Some(shown) => page(app, req, (&frame(app, req, (None, None), None).await, &shown), gives, StatusCode::OK),
        None => go(app, req, &target, gives),
    }
}

/// Why somebody is led nowhere.
pub(crate) async fn stopped(app: &App, req: &HttpRequest, stop: Stop) -> HttpResponse {
    let (kind, status, organization) = match stop {
        Stop::BadRequest(why) => (ErrorKind::BadRequest(why.to_owned()), StatusCode::BAD_REQUEST, None),
        Stop::BadRedirect => (ErrorKind::BadRedirect, StatusCode::BAD_REQUEST, None),
        Stop::UnknownClient => (ErrorKind::UnknownClient, StatusCode::BAD_REQUEST, None),
        Stop::Over => (ErrorKind::FlowExpired, StatusCode::BAD_REQUEST, None),
        Stop::OtherBrowser => (ErrorKind::OtherBrowser, StatusCode::BAD_REQUEST, None),
        Stop::Dead(dead, organization) => {
            let name = organization.as_ref().map(|org| org.name.clone()).unwrap_or_default();
            let kind = match dead {
                Dead::Network => ErrorKind::NetworkNotAllowed,
                Dead::AnotherAccount => ErrorKind::AnotherAccount,
                Dead::Factor => ErrorKind::FactorMissing { organization: name },
                Dead::NoAccess | Dead::OtherWay | Dead::Confined => ErrorKind::NoAccess { organization: name },
            };
            (kind, StatusCode::FORBIDDEN, organization)
        }
        Stop::Refused(e) => return failed(app, req, &e).await,
    };
    error_page(app, req, (kind, status), organization.as_ref()).await
}

/// What went wrong, as a page.
pub(crate) async fn failed(app: &App, req: &HttpRequest, e: &Error) -> HttpResponse {
    error::log(e);
    let kind = match (e.kind, e.code) {
        (Kind::RateLimited, _) => ErrorKind::TooMany(e.retry_after.unwrap_or(1).into()),
        (_, "network_not_allowed") => ErrorKind::NetworkNotAllowed,
        (_, "risk_blocked") => ErrorKind::RiskBlocked,
        (_, "organization_not_active") => ErrorKind::NotActive,
        (Kind::Forbidden, _) => ErrorKind::NoAccess { organization: String::new() },
        _ => ErrorKind::Unavailable,
    };
    let mut response = error_page(app, req, (kind, error::status(e.kind)), None).await;
    come_back(&mut response, e);
    response
}

/// Says when it is worth trying again, if an error does.
pub(crate) fn come_back(response: &mut HttpResponse, e: &Error) {
    if let Some(seconds) = e.retry_after.and_then(|seconds| seconds.to_string().parse().ok()) {
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
}

pub(crate) async fn error_page(
    app: &App,
    req: &HttpRequest,
    (kind, status): (ErrorKind, StatusCode),
    organization: Option<&Entered>,
) -> HttpResponse {
    let reference = req.extensions().get::<RequestId>().map(|id| id.0.clone());
    let shown = Page::Error { kind, reference, back: None, other: None };
    page(app, req, (&frame(app, req, (organization, None), None).await, &shown), &Cookies::default(), status)
}
