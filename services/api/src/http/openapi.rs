//! The OpenAPI 3.1 document: `/openapi.json`, and a page at `/docs` that loads nothing from outside. It is collected from the very
//! registrations that make the router, so the two cannot diverge.

mod gaps;

use std::sync::{Arc, LazyLock};

use actix_web::{App, HttpResponse, ResponseError, dev::ResourceDef, http::Method, web};
use app::core::limits::Group;
use utoipa::openapi::{
    ContactBuilder, Info, LicenseBuilder, OpenApi, Ref, RefOr, Required,
    content::ContentBuilder,
    header::HeaderBuilder,
    path::{Operation, ParameterBuilder, ParameterIn},
    response::ResponseBuilder,
    schema::{ObjectBuilder, Type},
    security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
};
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, Url};

use crate::http::{error::ApiError, limits, server};

static DOCUMENT: LazyLock<OpenApi> = LazyLock::new(build);
static TEXT: LazyLock<String> = LazyLock::new(|| DOCUMENT.to_pretty_json().unwrap_or_default());
static PATHS: LazyLock<Vec<(ResourceDef, String)>> = LazyLock::new(|| {
    let methods = |item: &utoipa::openapi::PathItem| {
        operations(item).into_iter().map(|(method, _)| method.to_string()).collect::<Vec<_>>().join(", ")
    };
    DOCUMENT.paths.paths.iter().map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))).collect()
});

/// The document.
pub fn document() -> &'static OpenApi {
    &DOCUMENT
}

/// The methods that a path knows, as an `Allow` header; empty for an unknown path.
pub(crate) fn methods_of(path: &str) -> String {
    PATHS.iter().find(|(pattern, _)| pattern.is_match(path)).map(|(_, methods)| methods.clone()).unwrap_or_default()
}

pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config
        .route("/openapi.json", web::get().to(json))
        .route("/docs", web::get().to(to_docs))
        .route("/docs/{file:.*}", web::get().to(docs));
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

fn build() -> OpenApi {
    let (_, mut document) = App::new().into_utoipa_app().configure(server::routes).split_for_parts();
    document.info = Info::builder()
        .title("Tenantry")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Multi-tenant SSO for B2B SaaS: organizations, members, roles, invitations, webhooks and their audit log. Every answer of an operation that can answer 429 says in `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` how far its caller is from that.",
        ))
        .contact(Some(ContactBuilder::new().name(Some("Tenantry")).url(Some("https://github.com/tenantry/tenantry")).build()))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    document.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    document.servers = Some(vec![utoipa::openapi::Server::new("/")]);
    document.tags = Some(
        TAGS.iter()
            .map(|(name, text)| utoipa::openapi::tag::TagBuilder::new().name(*name).description(Some(*text)).build())
            .collect(),
    );
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("An access token from login, refresh, create or select."))
        .build();
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert("bearer".to_owned(), RefOr::T(SecurityScheme::Http(scheme)));
    add_schema::<crate::http::error::ErrorBody>(components);
    for item in document.paths.paths.values_mut() {
        complete(&Method::GET, &mut item.get);
        complete(&Method::POST, &mut item.post);
        complete(&Method::PUT, &mut item.put);
        complete(&Method::PATCH, &mut item.patch);
        complete(&Method::DELETE, &mut item.delete);
    }
    gaps::fill(&mut document);
    document
}

const TAGS: &[(&str, &str)] = &[
    ("auth", "Sign-up, sign-in, tokens."),
    ("user", "The caller's own account, sessions and invitations."),
    ("organizations", "Organizations: found, list, select, change, delete."),
    ("members", "Who belongs to an organization."),
    ("invitations", "Offers of a membership."),
    ("roles", "Custom roles."),
    ("audit", "What happened."),
    ("events", "The ordered feed of what happened."),
    ("webhooks", "Endpoints that are told what happened."),
    ("platform", "What platform owners do."),
    ("pages", "Pages behind mailed links."),
    ("operations", "Probes, metrics, keys."),
];

fn add_schema<T: utoipa::ToSchema>(components: &mut utoipa::openapi::Components) {
    let mut nested = Vec::new();
    T::schemas(&mut nested);
    components.schemas.insert(T::name().into_owned(), T::schema());
    components.schemas.extend(nested);
}

/// What every operation can answer is added here once instead of at each of them.
fn complete(method: &Method, operation: &mut Option<Operation>) {
    let Some(operation) = operation else { return };
    let open = operation.security.as_ref().is_some_and(|list| list.iter().all(|r| *r == SecurityRequirement::default()));
    let operational = operation.tags.iter().flatten().any(|tag| tag == "operations");
    let mut refusals = vec![
        ("400", "The input is wrong, a name is taken, or the state does not allow it."),
        ("503", "Too busy, or a dependency is away. Try again after `Retry-After` seconds."),
    ];
    if !operational {
        refusals.push(("413", "The body is too large."));
    }
    let group = operation.operation_id.as_deref().and_then(|id| limits::group(id, method, open));
    refusals.extend(group.map(|group| ("429", too_many(group))));
    if !open {
        refusals.extend([
            ("401", "No valid access token, or its session has ended."),
            ("403", "Not allowed."),
            ("404", "There is no such thing, for this caller."),
        ]);
    }
    let pages = operation.tags.iter().flatten().any(|tag| tag == "pages");
    for (status, text) in refusals {
        let refusal = || RefOr::T(refusal(status, text, pages));
        operation.responses.responses.entry(status.to_owned()).or_insert_with(refusal);
    }
    let creates = operation.operation_id.as_deref().is_some_and(|id| IDEMPOTENT.contains(&id));
    if creates {
        let key = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("A repeated request with the same key, caller and body gets the first one's answer, for a day."))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String).max_length(Some(255))))
            .build();
        operation.parameters.get_or_insert_default().push(RefOr::T(key));
    }
}

/// The operations that take an `Idempotency-Key`.
pub const IDEMPOTENT: &[&str] = &[
    "organizations.auditLogs.erase",
    "organizations.create",
    "organizations.select",
    "invitations.create",
    "organizations.webhooks.create",
    "organizations.webhooks.test",
    "organizations.webhooks.redeliver",
    "organizations.webhooks.redeliverRange",
    "organizations.webhooks.rotateSecret",
    "organizations.roles.create",
];

fn too_many(group: Group) -> &'static str {
    match group {
        Group::SignIn => "Too many sign-in calls from this network. Try again after `Retry-After` seconds.",
        Group::Reads => "Too many reads by this account or in this organization. Try again after `Retry-After` seconds.",
        Group::Writes => "Too many writes by this account or in this organization. Try again after `Retry-After` seconds.",
        Group::Exports => "Too many exports by this account or in this organization. Try again after `Retry-After` seconds.",
    }
}

fn refusal(status: &str, text: &str, page: bool) -> utoipa::openapi::Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ErrorBody"))).build();
    let mut response = ResponseBuilder::new().description(text).content("application/json", content);
    if page {
        let html = ObjectBuilder::new().schema_type(Type::String);
        response = response.content("text/html", ContentBuilder::new().schema(Some(html)).build());
    }
    let headers: &[_] = match status {
        "429" => &NUMBERS,
        "503" => &NUMBERS[..1],
        _ => &[],
    };
    for (name, text) in headers {
        let number = ObjectBuilder::new().schema_type(Type::Integer);
        response = response.header(*name, HeaderBuilder::new().description(Some(*text)).schema(Some(number)).build());
    }
    response.build()
}

/// Headers of refusals. Those of the limit come with every other answer of a limited operation as well.
const NUMBERS: [(&str, &str); 4] = [
    ("Retry-After", "Seconds until it is worth trying again."),
    ("RateLimit-Limit", "Requests that may come at once, under the limit that is nearest to being used up."),
    ("RateLimit-Remaining", "Requests left under it."),
    ("RateLimit-Reset", "Seconds until all of them are left again."),
];

/// The operations of a path, with their methods.
pub fn operations(item: &utoipa::openapi::PathItem) -> Vec<(Method, &Operation)> {
    let all = [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| operation.as_ref().map(|operation| (method, operation))).collect()
}
