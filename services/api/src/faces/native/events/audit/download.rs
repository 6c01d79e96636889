//! A stream that browsers keep as a file.

use actix_web::{HttpResponse, web};
use futures::Stream;

use crate::http::error::ApiError;

/// The answer; `name` is what the file is called.
pub(super) fn download(
    media: &'static str,
    name: &str,
    stream: impl Stream<Item = Result<web::Bytes, ApiError>> + 'static,
) -> HttpResponse {
    let disposition = ("content-disposition", format!("attachment; filename=\"{name}\""));
    HttpResponse::Ok().content_type(media).insert_header(disposition).streaming(stream)
}
