//! How an organization's pages look: its name, its logo, and a stylesheet of six colours derived from the one that it chose.

use actix_web::{HttpResponse, get, http::header, web};
use domain::{
    Error,
    core::value::Slug,
    tenancy::branding::{Branding, Color, Theme},
};

use super::{
    assets::{FOR_EVER, hash},
    frame::Brand,
};
use crate::http::{
    context::SigningIn,
    error::{ApiResult, ErrorBody},
};

impl Brand {
    /// An organization's.
    pub(crate) fn of(slug: &Slug, name: &str, branding: &Branding) -> Self {
        let logo = |version: &String| format!("/api/organizations/{slug}/branding/logo?v={version}");
        let stylesheet = |color: &Color| format!("/signin/brand/{slug}/{}.css", hash(&Theme::of(color).stylesheet()));
        Self {
            name: name.to_owned(),
            logo: branding.logo_version.as_ref().map(logo),
            stylesheet: branding.primary_color.as_ref().map(stylesheet),
        }
    }

    /// The same, of what the database says now. An organization that cannot be read has its name and our colours: nobody is kept from
    /// signing in by a picture.
    pub(crate) async fn current(app: &app::App, slug: &Slug, name: &str) -> Self {
        let branding = app.public_branding(slug).await.unwrap_or_default();
        Self::of(slug, name, &branding)
    }
}

/// The colours of an organization's pages. Under their own hash they never change; under another one these are those of now, for five
/// minutes.
#[utoipa::path(
    operation_id = "pages.brand",
    responses(
        (status = 200, description = "The stylesheet.", content_type = "text/css", body = String),
        (status = 404, description = "There is no such organization, or it chose no colour.", body = ErrorBody),
    ),
)]
#[get("/signin/brand/{org_slug}/{stylesheet_name}")]
async fn brand(app: web::Data<app::App>, _: SigningIn, path: web::Path<(String, String)>) -> ApiResult<HttpResponse> {
    let missing = || Error::not_found("stylesheet");
    let (slug, file) = path.into_inner();
    let slug: Slug = slug.parse().map_err(|_| missing())?;
    let asked = file.strip_suffix(".css").ok_or_else(missing)?;
    let color = app.public_branding(&slug).await?.primary_color.ok_or_else(missing)?;
    let css = Theme::of(&color).stylesheet();
    let cache = if asked == hash(&css) { FOR_EVER } else { "public, max-age=300" };
    Ok(HttpResponse::Ok().content_type("text/css; charset=utf-8").insert_header((header::CACHE_CONTROL, cache)).body(css))
}
