//! What pages load, by names with a hash of the content: another content has another name, and each may be cached for ever.

use std::sync::LazyLock;

use actix_web::{HttpResponse, ResponseError, get, http::header, web};
use domain::Error;
use serde::Serialize;

use super::safe_url::SafeUrl;
use crate::http::error::ApiError;

/// Where each is.
#[derive(Serialize)]
pub(super) struct Assets {
    style: SafeUrl,
    submit: SafeUrl,
    passkey: SafeUrl,
    mark: SafeUrl,
}

struct Asset {
    name: String,
    media: &'static str,
    content: &'static str,
}

/// Style, scripts and mark.
static FILES: LazyLock<[Asset; 4]> = LazyLock::new(|| {
    [
        ("style", "css", "text/css; charset=utf-8", include_str!("assets/style.css")),
        ("submit", "js", "text/javascript; charset=utf-8", include_str!("assets/submit.js")),
        ("passkey", "js", "text/javascript; charset=utf-8", include_str!("assets/passkey.js")),
        ("mark", "svg", "image/svg+xml", include_str!("assets/mark.svg")),
    ]
    .map(|(name, ending, media, content)| Asset { name: format!("{name}-{}.{ending}", hash(content)), media, content })
});

/// Where they are, for templates.
pub(super) fn assets() -> &'static Assets {
    static WHERE: LazyLock<Assets> = LazyLock::new(|| {
        let [style, submit, passkey, mark] = FILES.each_ref().map(|file| SafeUrl::own(format!("/signin/assets/{}", file.name)));
        Assets { style, submit, passkey, mark }
    });
    &WHERE
}

/// The path of Tenantry's own sign.
pub(super) fn mark() -> String {
    assets().mark.to_string()
}

/// Names a content.
pub(super) fn hash(content: &str) -> String {
    crypto::fingerprint(content.as_bytes()).chars().take(16).collect()
}

/// For ever, by everybody.
pub(super) const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// What the pages load: their stylesheet, scripts and sign. Never changes under its name.
#[utoipa::path(
    operation_id = "pages.asset",
    responses(
        (status = 200, description = "The file.", content((String = "text/css"), (String = "text/javascript"), (String = "image/svg+xml"))),
        (status = 404, description = "There is none of this name.", body = crate::http::error::ErrorBody),
    ),
)]
#[get("/signin/assets/{asset_name}")]
async fn asset(name: web::Path<String>) -> HttpResponse {
    match FILES.iter().find(|file| file.name == *name) {
        Some(file) => {
            HttpResponse::Ok().content_type(file.media).insert_header((header::CACHE_CONTROL, FOR_EVER)).body(file.content)
        }
        None => ApiError(Error::not_found("file")).error_response(),
    }
}
