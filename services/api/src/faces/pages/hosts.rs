//! What is not served at an organization's own host (T36): no page of ours and nothing of the OpenID provider. The host hangs on that organization's
//! DNS, so whatever is typed or kept there is theirs to take as soon as they lead it elsewhere; and the issuer of what we sign is ours, not
//! theirs. The one way from there is `/authorize`, which leads to our host before anybody is asked anything.

use actix_web::{
    Error as ActixError, HttpRequest, HttpResponse, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::Next,
    web,
};
use app::App;
use domain::{Error, Kind};

use super::{
    ErrorKind,
    browser::{error_page, failed},
};
use crate::{
    faces::oauth::OAuthError,
    http::{
        hosts::foreign,
        openapi,
        operations::{OAUTH, PAGES},
    },
};

/// What a refused request would have been, if it is one of those.
fn guarded(path: &str) -> Option<&'static str> {
    // What every program calls, all day; what leads away by itself; and what a page of a refusal is drawn with.
    let is_free = path.starts_with("/api/") || path == "/authorize" || ["assets", "brand"].iter().any(|part| is_of(path, part));
    if is_free {
        return None;
    }
    match openapi::catalogue().tag_of(path)? {
        // What a browser comes to is answered by a page.
        OAUTH if path.ends_with("/logout") => Some(PAGES.name),
        tag => [OAUTH, PAGES.name].contains(&tag).then_some(tag),
    }
}

fn is_of(path: &str, part: &str) -> bool {
    path.strip_prefix("/signin/").and_then(|rest| rest.strip_prefix(part)).is_some_and(|rest| rest.starts_with('/'))
}

/// Around every request: what is ours alone is refused at organizations' hosts.
pub(crate) async fn ours_alone<B: MessageBody + 'static>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, ActixError> {
    match refused(req.request()).await {
        Some(response) => Ok(req.into_response(response).map_into_right_body()),
        None => Ok(next.call(req).await?.map_into_left_body()),
    }
}

async fn refused(req: &HttpRequest) -> Option<HttpResponse> {
    let app = req.app_data::<web::Data<App>>()?;
    let host = foreign(app, req)?;
    // As the router reads it, which takes `%61` for `a`.
    let tag = guarded(req.match_info().as_str())?;
    match app.public_host(&host).await {
        Ok(found) => {
            found?;
            Some(refusal(app, req, tag).await)
        }
        Err(e) if tag == OAUTH => Some(OAuthError::from(e).error_response()),
        Err(e) => Some(failed(app, req, &e).await),
    }
}

async fn refusal(app: &App, req: &HttpRequest, tag: &'static str) -> HttpResponse {
    let why = format!("This is not served at an organization's host. Use {}{}", app.settings.public_url, req.path());
    if tag == OAUTH {
        return OAuthError::from(Error::new(Kind::Invalid, "wrong_host", why)).error_response();
    }
    error_page(app, req, (ErrorKind::BadRequest(why), StatusCode::BAD_REQUEST), None).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_the_provider_and_all_pages_are_guarded_but_what_leads_home() {
        let of = |tag: &str| {
            let document = serde_json::to_value(openapi::document()).unwrap();
            let has_tag = |item: &serde_json::Value| item.as_object().unwrap().values().any(|one| one["tags"][0] == tag);
            let paths = document["paths"].as_object().unwrap().iter().filter(|(_, item)| has_tag(item));
            paths.map(|(path, _)| path.replace(['{', '}'], "")).collect::<Vec<_>>()
        };
        let (oauth, pages) = (of(OAUTH), of(PAGES.name));
        assert!(oauth.len() >= 11 && pages.len() >= 25, "{} {}", oauth.len(), pages.len());
        let free: Vec<&String> = oauth.iter().chain(&pages).filter(|path| guarded(path).is_none()).collect();
        assert_eq!(free, ["/authorize", "/signin/assets/asset_name", "/signin/brand/org_slug/stylesheet_name"]);
        for path in ["/api/host", "/tls/ask", "/.well-known/sso-verification.txt", "/.well-known/jwks.json", "/health/live", "/x"]
        {
            assert_eq!(guarded(path), None, "{path}");
        }
        for path in ["/signin/assetsx", "/signin/brands", "/signin/assets"] {
            assert_eq!(guarded(path), Some(PAGES.name), "{path}");
        }
    }
}
