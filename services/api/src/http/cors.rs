//! Which pages may call from a browser, and what they may read of the answers.

use actix_cors::{Cors, CorsError};
use actix_web::{
    Error as ActixError, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{self, HeaderName},
    middleware::Next,
};
use domain::Error;

use crate::http::{error::ApiError, limits};

/// CORS as configured; `*` is right for bearer tokens, which no browser sends by itself.
pub fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allow_any_method()
        .allow_any_header()
        // What a client needs beside the body; browsers hide everything else.
        .expose_headers([header::ALLOW, header::CONTENT_DISPOSITION, header::ETAG, header::LOCATION, header::RETRY_AFTER])
        .expose_headers([header::WWW_AUTHENTICATE, HeaderName::from_static("x-request-id")])
        .expose_headers([limits::LIMIT, limits::REMAINING, limits::RESET])
        .max_age(3600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// Around [`cors`]: its refusals, in the shape of all others.
pub async fn refusals<B: MessageBody + 'static>(
    req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, ActixError> {
    let answer = next.call(req).await?;
    let refused = answer.response().error().and_then(|error| error.as_error::<CorsError>()).map(refusal);
    let Some(refusal) = refused else { return Ok(answer.map_into_left_body()) };
    let mut response = refusal.error_response();
    // Another page gets another answer.
    response.headers_mut().insert(header::VARY, header::HeaderValue::from_static(VARY));
    Ok(answer.into_response(response).map_into_right_body())
}

const VARY: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

fn refusal(e: &CorsError) -> ApiError {
    match e {
        CorsError::OriginNotAllowed => {
            Error::forbidden("origin_not_allowed", "Pages of this origin may not call. Its operator names those that may.").into()
        }
        _ => Error::new(domain::Kind::Invalid, "bad_preflight", "Send a complete CORS preflight: origin, method and headers.")
            .into(),
    }
}
