//! How an organization looks.

use actix_web::{HttpResponse, get, patch, web};
use app::App;
use domain::{
    Error, all,
    authorization::resource::Branding as Resource,
    core::value::Slug,
    delivery::webhooks::EndpointUrl,
    tenancy::branding::{self, Branding, Color, Palette},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::{
    context::{SignedIn, SigningIn},
    error::{ApiResult, ErrorBody},
    operations::{Routes, Tag, anybody, reading, writing},
    path::OrgPath,
    wire::{Body, Field, Query},
};

const BRANDING: Tag = Tag { name: "branding", about: "How an organization looks." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .tag(BRANDING)
        .of_org(get, reading::<Resource>())
        .of_org(update, writing::<Resource>())
        .of_org(public, anybody())
        .of_org(logo, anybody());
}

/// Colours that can be read: text at 4.5:1, controls at 3:1.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"accent": "#1f4fd8", "on_accent": "#ffffff", "link": "#1f4fd8"}))]
struct SchemeResponse {
    /// Buttons and other controls.
    accent: String,
    /// Text on them.
    on_accent: String,
    /// Text that is a link.
    link: String,
}

impl From<branding::Scheme> for SchemeResponse {
    fn from(scheme: branding::Scheme) -> Self {
        let branding::Scheme { accent, on_accent, link } = scheme;
        Self { accent: branding::css(accent), on_accent: branding::css(on_accent), link: branding::css(link) }
    }
}

/// What pages are drawn with: the organization's colour, its hue kept, moved until it stands out.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"light": {"accent": "#1f4fd8", "on_accent": "#ffffff", "link": "#1f4fd8"}, "dark": {"accent": "#3b6af5", "on_accent": "#000000", "link": "#6c93ff"}}))]
struct PaletteResponse {
    light: SchemeResponse,
    dark: SchemeResponse,
}

/// How an organization looks.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"logo_url": "https://acme.example/logo.png", "primary_color": "#1f4fd8", "logo": "https://sso.example.com/api/organizations/acme/branding/logo?v=019ab2c3d4e57f008000000000000009"}))]
pub(super) struct BrandingResponse {
    /// Where the logo was fetched.
    logo_url: Option<String>,
    primary_color: Option<String>,
    /// Where we serve it. Show this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    logo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    colors: Option<PaletteResponse>,
}

impl BrandingResponse {
    pub(super) fn of(app: &App, slug: &Slug, branding: Branding) -> Self {
        let base = &app.settings.public_url;
        let served = |version: String| format!("{base}/api/organizations/{slug}/branding/logo?v={version}");
        let colors = branding.primary_color.as_ref().map(Palette::of);
        Self {
            logo_url: branding.logo_url,
            primary_color: branding.primary_color.map(|color| color.as_str().to_owned()),
            logo: branding.logo_version.map(served),
            colors: colors.map(|Palette { light, dark }| PaletteResponse { light: light.into(), dark: dark.into() }),
        }
    }
}

/// How the organization looks.
#[utoipa::path(
    operation_id = "organizations.getBranding",
    responses((status = 200, body = BrandingResponse)),
)]
#[get("/branding")]
async fn get(app: web::Data<App>, who: SignedIn<OrgPath>) -> ApiResult<web::Json<BrandingResponse>> {
    let branding = app.get_branding(&who.caller, &who.path.org).await?;
    Ok(web::Json(BrandingResponse::of(&app, &who.path.org, branding)))
}

/// Changes of how an organization looks.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"logo_url": "https://acme.example/logo.png", "primary_color": "#1f4fd8"}))]
struct UpdateBrandingRequest {
    /// A PNG, JPEG or WebP picture of at most 256 KB, which is fetched once, now; null: none.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "uri", max_length = 2000)]
    logo_url: Field<EndpointUrl>,
    /// `#rgb` or `#rrggbb`; null: none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    primary_color: Field<Color>,
}

/// Change how the organization looks, all of it or nothing. What is left out stays.
#[utoipa::path(
    operation_id = "organizations.updateBranding",
    request_body = UpdateBrandingRequest,
    responses((status = 200, body = BrandingResponse)),
)]
#[patch("/branding")]
async fn update(
    app: web::Data<App>,
    who: SignedIn<OrgPath>,
    body: Body<UpdateBrandingRequest>,
) -> ApiResult<web::Json<BrandingResponse>> {
    let b = body.value;
    let (logo_url, color) = all((b.logo_url.patch("logo_url"), b.primary_color.patch("primary_color")))?;
    let branding = app.update_branding(&who.caller, &who.path.org, &logo_url, &color).await?;
    Ok(web::Json(BrandingResponse::of(&app, &who.path.org, branding)))
}

fn slug(path: &web::Path<String>) -> ApiResult<Slug> {
    Ok(path.parse().map_err(|_| Error::not_found("organization"))?)
}

/// How the organization looks, for pages that are shown before anybody signs in. May be cached for five minutes.
#[utoipa::path(
    operation_id = "organizations.getPublicBranding",
    responses(
        (status = 200, body = BrandingResponse),
        (status = 404, description = "There is no such organization.", body = ErrorBody),
    ),
)]
#[get("/branding/public")]
async fn public(app: web::Data<App>, _: SigningIn, path: web::Path<String>) -> ApiResult<HttpResponse> {
    let slug = slug(&path)?;
    let branding = app.public_branding(&slug).await?;
    let mut response = HttpResponse::Ok();
    Ok(response.insert_header(("cache-control", "public, max-age=300")).json(BrandingResponse::of(&app, &slug, branding)))
}

/// The organization's logo. With its version (`v`) it never changes, and may be cached for ever.
#[utoipa::path(
    operation_id = "organizations.getLogo",
    params(("v" = Option<String>, Query, description = "The version, as `logo` names it.")),
    responses(
        (status = 200, description = "The picture.", content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"), (Vec<u8> = "image/webp"))),
        (status = 404, description = "There is none.", body = ErrorBody),
    ),
)]
#[get("/branding/logo")]
async fn logo(app: web::Data<App>, _: SigningIn, path: web::Path<String>, query: Query) -> ApiResult<HttpResponse> {
    let asked = query.text("v").map_err(|violation| Error::invalid(vec![violation]))?;
    let (logo, version) = app.public_logo(&slug(&path)?).await?;
    // Who asks for another version gets this one: not for ever, under the other's name.
    let cache = if asked == Some(version) { "public, max-age=31536000, immutable" } else { "public, max-age=300" };
    let mut response = HttpResponse::Ok();
    response.insert_header(("cache-control", cache)).insert_header(("content-security-policy", "default-src 'none'; sandbox"));
    Ok(response.content_type(logo.media).body(logo.bytes))
}
