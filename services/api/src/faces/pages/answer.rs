//! From a page to an answer, with the headers that keep it from loading, running or being framed by anything foreign.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};

use super::{frame::Frame, page::Page, render::render};

/// What a page may load: our stylesheet, script and pictures.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The answer to a request for a page of a flow. It has no `form-action`: Chromium applies it to every hop after the submit, the client's
/// own ones too.
pub(crate) fn answer(status: StatusCode, frame: &Frame, page: &Page) -> HttpResponse {
    // With less, a browser sends `Origin: null` with our forms; with more, the path goes to the client that an answer is posted to.
    let posts_away = matches!(page, Page::FormPost { .. }) || matches!(page, Page::Leaving { fields, .. } if !fields.is_empty());
    // Its address holds a token, which goes into no other request (T42), and its form needs an origin.
    let holds_token = matches!(page, Page::MailedSignIn { .. });
    let referrer = if posts_away || holds_token { "strict-origin" } else { "same-origin" };
    html(status, POLICY.to_owned(), referrer, render(frame, page))
}

/// The answer to a request for a page behind a mailed link. Its forms stay here, and its address holds the token, which goes into no other
/// request's `Referer`, not even for our own stylesheet (T42); nothing here looks at `Origin`, because the token is what a forger lacks.
pub(super) fn answer_mailed(status: StatusCode, frame: &Frame, page: &Page) -> HttpResponse {
    html(status, format!("{POLICY}; form-action 'self'"), "no-referrer", render(frame, page))
}

fn html(status: StatusCode, policy: String, referrer: &'static str, html: String) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, referrer))
        .body(html)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;
    use crate::faces::pages::{page::DeviceFacts, safe_url::SafeUrl};

    #[test]
    fn a_page_says_what_it_may_load_and_whom_it_tells_where_it_is() {
        let answered = |answer: HttpResponse, name: HeaderName| answer.headers().get(name).unwrap().to_str().unwrap().to_owned();
        let (frame, flow) = (Frame::default(), Page::SignedOut { back: None });
        let post = Page::FormPost { to: SafeUrl::own("/x"), fields: Vec::new(), application: None };
        let policy = |answer| answered(answer, header::CONTENT_SECURITY_POLICY);
        assert_eq!(policy(answer(StatusCode::OK, &frame, &flow)), POLICY);
        assert_eq!(policy(answer_mailed(StatusCode::OK, &frame, &flow)), format!("{POLICY}; form-action 'self'"));
        let referrer = |answer| answered(answer, header::REFERRER_POLICY);
        assert_eq!(referrer(answer(StatusCode::OK, &frame, &flow)), "same-origin");
        assert_eq!(referrer(answer(StatusCode::OK, &frame, &post)), "strict-origin");
        let asked =
            DeviceFacts { application: String::new(), organization: None, address: None, program: None, since: String::new() };
        let link = Page::MailedSignIn { action: None, code: String::new(), asked };
        assert_eq!(referrer(answer(StatusCode::OK, &frame, &link)), "strict-origin");
        assert_eq!(referrer(answer_mailed(StatusCode::OK, &frame, &flow)), "no-referrer");
        assert_eq!(answered(answer(StatusCode::OK, &frame, &flow), header::CACHE_CONTROL), "no-store");
    }
}
