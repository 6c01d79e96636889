//! What HTTP itself promises about methods and versions, for every route at once: `HEAD` wherever there is a `GET`, `OPTIONS` and 405 with
//! `Allow`, no chunks to a client that speaks HTTP/1.0.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    Error as ActixError, HttpRequest, HttpResponse, ResponseError,
    body::{BodySize, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, Method, StatusCode, Version,
        header::{self, HeaderValue},
    },
    middleware::Next,
    web::Bytes,
};
use domain::Error;

use crate::http::{
    error::{ApiError, METHOD_NOT_ALLOWED},
    openapi,
};

/// The body that a `HEAD` is not sent. It has the size of the one that a `GET` would get, and is never asked for it, so that an endless
/// stream costs nothing.
pub struct Unsent(BodySize);

impl MessageBody for Unsent {
    type Error = std::convert::Infallible;
    fn size(&self) -> BodySize {
        self.0
    }
    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(None)
    }
}

/// Around every request: a `HEAD` is answered like the `GET` of the same path, without its body.
pub async fn heads<B: MessageBody + 'static>(
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Unsent>>, ActixError> {
    let (is_head, version) = (*req.method() == Method::HEAD, req.version());
    if is_head {
        req.head_mut().method = Method::GET;
    }
    let mut answer = next.call(req).await?;
    let size = answer.response().body().size();
    if version < Version::HTTP_11 && size == BodySize::Stream {
        // Such a client knows no chunks: the end of the connection is the end of the answer.
        let head = answer.response_mut().head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
    Ok(if is_head { answer.map_body(|_, _| EitherBody::right(Unsent(size))) } else { answer.map_into_left_body() })
}

/// The answer to whatever no route takes: 404 for an unknown path or one that is not valid UTF-8; for a known one `Allow`, with 204 to
/// `OPTIONS` and 405 to other methods.
pub async fn unrouted(req: HttpRequest) -> HttpResponse {
    let allowed = allowed(req.path()).join(", ");
    if allowed.is_empty() {
        return ApiError(Error::not_found("path")).error_response();
    }
    let mut response = if *req.method() == Method::OPTIONS {
        HttpResponse::new(StatusCode::NO_CONTENT)
    } else {
        let error = Error::new(domain::Kind::Invalid, METHOD_NOT_ALLOWED, format!("Use {allowed} on this path."));
        ApiError(error).error_response()
    };
    if let Ok(value) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

/// The methods of a path; none for an unknown one. `*` is the whole server.
fn allowed(path: &str) -> Vec<&'static str> {
    let registered = match path {
        "*" => vec!["GET", "POST", "PUT", "PATCH", "DELETE"],
        _ if openapi::serves(path) => vec!["GET"],
        _ => openapi::catalogue().methods_of(path),
    };
    let with_head = registered.iter().flat_map(|method| if *method == "GET" { vec!["GET", "HEAD"] } else { vec![*method] });
    let options = (!registered.is_empty()).then_some("OPTIONS");
    with_head.chain(options).collect()
}
