//! What becomes of a request's body that nobody reads to its end.
//!
//! Behind the answer to a request with a declared length, actix-http throws away what comes for one more second (so that the client
//! gets to read the answer) and closes the connection. A chunked body whose reader was dropped it reads to the end instead, however long
//! that takes, and an endless one has no end. So the reader of a chunked body is kept until the answer is out; then both kinds end alike.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage,
    body::{BodySize, BoxBody, EitherBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::header::TRANSFER_ENCODING,
    middleware::Next,
    web::Bytes,
};
use futures::Stream;

type Shared = Rc<RefCell<Payload>>;

/// The handler's way to the body.
struct Reader(Shared);

impl Stream for Reader {
    type Item = Result<Bytes, PayloadError>;
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(cx)
    }
}

/// An answer that keeps the body of its request.
pub struct Keeping {
    answer: BoxBody,
    _request: Shared,
}

impl MessageBody for Keeping {
    type Error = Box<dyn std::error::Error>;
    fn size(&self) -> BodySize {
        self.answer.size()
    }
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(cx)
    }
}

/// Around every request.
pub async fn ends<B: MessageBody + 'static>(
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, Keeping>>, Error> {
    if !req.headers().contains_key(TRANSFER_ENCODING) {
        return Ok(next.call(req).await?.map_into_left_body());
    }
    let shared = Rc::new(RefCell::new(req.take_payload()));
    req.set_payload(Payload::Stream { payload: Box::pin(Reader(shared.clone())) });
    let answer = next.call(req).await?;
    Ok(answer.map_body(|_, body| EitherBody::right(Keeping { answer: body.boxed(), _request: shared })))
}
