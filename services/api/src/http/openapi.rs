//! The OpenAPI 3.1 document: `/openapi.json`, and a page at `/docs` that loads nothing from outside. It is collected from the very
//! registrations that make the router, so the two cannot diverge; once in a process, when it is first asked for.

mod gaps;

use std::sync::{Arc, LazyLock};

use actix_web::{App, HttpResponse, ResponseError, guard, web};
use utoipa::openapi::{
    ContactBuilder, Info, LicenseBuilder, OpenApi, RefOr,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    tag::TagBuilder,
};
use utoipa_swagger_ui::{Config, Url};

use crate::http::{
    context::API_KEY_HEADER,
    error::ApiError,
    operations::{API_KEY, BEARER, Catalogue, Tag},
    routes,
};

static BUILT: LazyLock<(OpenApi, Catalogue)> = LazyLock::new(build);
static TEXT: LazyLock<String> = LazyLock::new(|| BUILT.0.to_pretty_json().unwrap_or_default());

/// The document.
pub fn document() -> &'static OpenApi {
    &BUILT.0
}

/// What is registered.
pub(crate) fn catalogue() -> &'static Catalogue {
    &BUILT.1
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    // Guarded as whole resources, so that other methods are answered where all unknown ones are.
    let page = |path| web::resource(path).guard(guard::Get());
    config.service(page("/openapi.json").to(json)).service(page("/docs").to(to_docs)).service(page("/docs/{file:.*}").to(docs));
}

/// Whether a path is one of the document's own, which are not in the document.
pub(crate) fn serves(path: &str) -> bool {
    matches!(path, "/openapi.json" | "/docs") || path.starts_with("/docs/")
}

static DOCS: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::new([Url::new("Tenantry", "/openapi.json")])));

/// A file of the documentation page, from the binary.
async fn docs(file: web::Path<String>) -> HttpResponse {
    match utoipa_swagger_ui::serve(&file, DOCS.clone()) {
        Ok(Some(found)) => HttpResponse::Ok().content_type(found.content_type).body(found.bytes.into_owned()),
        _ => ApiError(domain::Error::not_found("path")).error_response(),
    }
}

async fn json() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(TEXT.as_str())
}

async fn to_docs() -> HttpResponse {
    HttpResponse::Found().insert_header(("location", "/docs/")).finish()
}

fn build() -> (OpenApi, Catalogue) {
    let mut catalogue = Catalogue::default();
    let _ = App::new().configure(|config| routes::register(config, Some(&mut catalogue)));
    let mut document = OpenApi::default();
    document.paths = std::mem::take(&mut catalogue.paths);
    describe(&mut document, &catalogue.tags);
    let components = document.components.get_or_insert_default();
    components.schemas.extend(std::mem::take(&mut catalogue.schemas));
    add_schema::<crate::http::error::ErrorBody>(components);
    gaps::fill(&mut document);
    (document, catalogue)
}

/// What is said of the whole.
fn describe(document: &mut OpenApi, tags: &[Tag]) {
    document.info = Info::builder()
        .title("Tenantry")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Multi-tenant SSO for B2B SaaS: organizations, members, roles, invitations, webhooks and their audit log. Every answer of an operation that can answer 429 says in `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` how far its caller is from that.",
        ))
        .contact(Some(ContactBuilder::new().name(Some("Tenantry")).url(Some("https://github.com/tenantry/tenantry")).build()))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    document.security = Some(vec![SecurityRequirement::new(BEARER, Vec::<String>::new())]);
    document.servers = Some(vec![utoipa::openapi::Server::new("/")]);
    let tag = |tag: &Tag| TagBuilder::new().name(tag.name).description(Some(tag.about)).build();
    document.tags = Some(tags.iter().map(tag).collect());
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An access token from login, refresh, create or select. API keys are taken here, too."))
        .build();
    let api_key =
        ApiKey::Header(ApiKeyValue::with_description(API_KEY_HEADER, "An API key of an organization, or of a service."));
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert(BEARER.to_owned(), RefOr::T(SecurityScheme::Http(scheme)));
    components.security_schemes.insert(API_KEY.to_owned(), RefOr::T(SecurityScheme::ApiKey(api_key)));
}

fn add_schema<T: utoipa::ToSchema>(components: &mut utoipa::openapi::Components) {
    let mut nested = Vec::new();
    T::schemas(&mut nested);
    components.schemas.insert(T::name().into_owned(), T::schema());
    components.schemas.extend(nested);
}
