//! SAML as its providers meet it: our metadata, and where their responses arrive. A response comes by a form of the provider's site, without any
//! cookie; so it signs nobody in here, but is judged, and the browser led on.

use actix_web::{
    HttpRequest, HttpResponse, get,
    http::{StatusCode, header::SET_COOKIE},
    post, web,
};
use app::{
    App,
    identity::{federation::SamlLogout, flows::Cookies},
};
use domain::ConnectionId;
use serde::Deserialize;
use url::form_urlencoded;
use utoipa::ToSchema;

use super::{
    browser::{error_page, failed, frame, go, page},
    page::{ErrorKind, Page},
    sign_in::turn,
};
use crate::http::{
    context::Anyone,
    cookies,
    operations::{PAGES, Routes, anybody},
};

/// Bytes of a form with a response: the largest that is judged, as base64, with what escapes it.
const LARGEST: usize = 512 * 1024;

pub(super) fn routes(routes: &mut Routes<'_>) {
    let page = anybody().unlimited();
    routes.tag(PAGES).add(metadata, page).add(acs, page).add(begin, page).add(slo, page);
}

/// What a provider's form brings.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"SAMLResponse": "PHNhbWxwOlJlc3BvbnNlPg==", "RelayState": "up_kJ4s2PqY0bVvQe1mT7xZ3aWc9dFgHiLnRoUuBtEyKsM"}))]
#[allow(dead_code, reason = "only describes")]
struct ResponseForm {
    /// The response, in base64.
    #[serde(rename = "SAMLResponse", default)]
    response: String,
    /// What the browser was sent with.
    #[serde(rename = "RelayState", default)]
    relay_state: String,
}

/// Our metadata for a SAML provider: who we are to this connection, where responses go, and our certificates.
#[utoipa::path(
    operation_id = "pages.samlMetadata",
    responses(
        (status = 200, content_type = "application/samlmetadata+xml", body = String),
        (status = 404, description = "There is no such connection.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/auth/c/{provider_id}/saml/metadata")]
async fn metadata(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let found = match path.parse::<ConnectionId>() {
        Ok(connection) => app.saml_metadata(&from.0, connection).await,
        Err(_) => Ok(None),
    };
    match found {
        Ok(Some(xml)) => HttpResponse::Ok().content_type("application/samlmetadata+xml").body(xml),
        Ok(None) => {
            let kind = ErrorKind::BadRequest("There is no such connection.".to_owned());
            error_page(&app, &req, (kind, StatusCode::NOT_FOUND), None).await
        }
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// Where a SAML provider's responses arrive (its assertion consumer service). Whatever came of one, the browser is led on.
#[utoipa::path(
    operation_id = "pages.samlResponse",
    request_body(content = ResponseForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "To where the browser's cookie counts, and what came of it is said."),
        (status = 400, description = "That is no form, or nobody was sent with it.", content_type = "text/html", body = String),
        (status = 413, description = "The form is too large.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
        (
            status = 503,
            description = "Too many responses are being judged.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[post("/auth/c/{provider_id}/saml/acs")]
async fn acs(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<String>, body: web::Payload) -> HttpResponse {
    let Ok(connection) = path.parse::<ConnectionId>() else {
        return error_page(&app, &req, (ErrorKind::FlowExpired, StatusCode::BAD_REQUEST), None).await;
    };
    let sent = match body.to_bytes_limited(LARGEST).await {
        Ok(Ok(sent)) => sent,
        Ok(Err(_)) => return no_form(&app, &req, StatusCode::BAD_REQUEST).await,
        Err(_) => return no_form(&app, &req, StatusCode::PAYLOAD_TOO_LARGE).await,
    };
    let Some((response, relay_state)) = fields(&sent, "SAMLResponse") else {
        return no_form(&app, &req, StatusCode::BAD_REQUEST).await;
    };
    match app.take_saml_response(&from.0, connection, (response, &relay_state.unwrap_or_default())).await {
        Ok(led) => turn(&app, &req, (led, Cookies::default())).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// Where a browser is led whose response nobody asked for: on to the connection's application, which begins a sign-in; once in 30 seconds.
#[utoipa::path(
    operation_id = "pages.samlBegin",
    responses(
        (status = 302, description = "To the application."),
        (status = 400, description = "Nothing begins here, or it began a moment ago.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/auth/c/{provider_id}/saml/begin")]
async fn begin(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let Ok(connection) = path.parse::<ConnectionId>() else {
        return error_page(&app, &req, (ErrorKind::FlowExpired, StatusCode::BAD_REQUEST), None).await;
    };
    match app.begin_unasked(&from.0, connection, cookies::was_led(&app, &req)).await {
        Ok(led) => {
            let mut response = turn(&app, &req, (led, Cookies::default())).await;
            if let Some(cookie) = cookies::led(&app).filter(|_| response.status() == StatusCode::FOUND) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// Where a SAML provider's logout messages arrive, by redirect: its request that somebody is signed out here, or its answer to ours.
#[utoipa::path(
    operation_id = "pages.samlLogout",
    params(
        ("SAMLRequest" = Option<String>, Query, description = "Who is to be signed out, deflated, in base64."),
        ("SAMLResponse" = Option<String>, Query, description = "The answer to such a request of ours."),
        ("RelayState" = Option<String>, Query, description = "Comes back with our answer; or what we sent along."),
        ("SigAlg" = Option<String>, Query, description = "How the query is signed."),
        ("Signature" = Option<String>, Query, description = "The signature over the query."),
    ),
    responses(
        (status = 200, description = "They are signed out.", content_type = "text/html", body = String),
        (status = 302, description = "With the answer to the provider, or on to the application."),
        (status = 400, description = "The message is none that counts.", content_type = "text/html", body = String),
        (
            status = 429,
            description = "Too many requests from this network.",
            content_type = "text/html",
            body = String,
            headers(("Retry-After" = i64, description = "Seconds until it is worth trying again.")),
        ),
    ),
)]
#[get("/auth/c/{provider_id}/saml/slo")]
async fn slo(app: web::Data<App>, from: Anyone, req: HttpRequest, path: web::Path<String>) -> HttpResponse {
    let outcome = match path.parse::<ConnectionId>() {
        Ok(connection) => app.take_saml_logout(&from.0, connection, req.query_string()).await,
        Err(_) => Ok(SamlLogout::Refused),
    };
    match outcome {
        Ok(outcome) => left(&app, &req, outcome, &Cookies::default()).await,
        Err(e) => failed(&app, &req, &e).await,
    }
}

/// Where a browser is led that brought a logout message.
pub(super) async fn left(app: &App, req: &HttpRequest, outcome: SamlLogout, gives: &Cookies) -> HttpResponse {
    match outcome {
        SamlLogout::To(url) => go(app, req, &url, gives),
        SamlLogout::Done => {
            let shown = Page::SignedOut { back: None };
            page(app, req, (&frame(app, req, (None, None), None).await, &shown), gives, StatusCode::OK)
        }
        SamlLogout::Refused => no_form(app, req, StatusCode::BAD_REQUEST).await,
    }
}

/// The message of a form, in the field of that name, and its `RelayState`, each at most once.
pub(super) fn fields(sent: &[u8], name: &str) -> Option<(String, Option<String>)> {
    let (mut message, mut relay_state) = (None, None);
    for (field, value) in form_urlencoded::parse(sent) {
        let known = match field.as_ref() {
            field if field == name => &mut message,
            "RelayState" => &mut relay_state,
            _ => continue,
        };
        if known.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    Some((message?, relay_state))
}

pub(super) async fn no_form(app: &App, req: &HttpRequest, status: StatusCode) -> HttpResponse {
    let kind = ErrorKind::BadRequest("What was sent is no SAML message that counts here.".to_owned());
    error_page(app, req, (kind, status), None).await
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn a_form_names_each_field_once() {
        let fields = |sent: &str| fields(sent.as_bytes(), "SAMLResponse");
        let some = |response: &str, relay_state: Option<&str>| Some((response.to_owned(), relay_state.map(str::to_owned)));
        assert_eq!(fields("SAMLResponse=a%2Bb&RelayState=up_x&other=1"), some("a+b", Some("up_x")));
        assert_eq!(fields("SAMLResponse=a"), some("a", None));
        for sent in [
            "",
            "RelayState=x",
            "SAMLResponse=a&SAMLResponse=b",
            "SAMLResponse=a&RelayState=x&RelayState=y",
            "SAMLResponse=a&SAML%52esponse=b",
        ] {
            assert_eq!(fields(sent), None, "{sent}");
        }
    }
}
