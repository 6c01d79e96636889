//! Where operations are registered, and what is said about each at that place: who may call it ([`Terms`]), whether it takes an
//! `Idempotency-Key`, whether its answer shows a secret, what it is counted as, and its tag. One registration makes the route and its
//! description, and it cannot leave the terms out: nothing else gets at actix's configuration.
//!
//! What belongs to an organization hangs under one scope ([`ORGANIZATION`]): the router looks at one pattern for all of it, and most of what
//! is left of such a path is plain text. Each pattern costs every worker thread memory and every request that it is tried on time.

mod refusals;
mod terms;

use actix_web::{
    Scope,
    dev::{HttpServiceFactory, ResourceDef},
    http::Method,
    web,
};
use utoipa::openapi::{
    PathItem, RefOr, Required, Schema,
    path::{Operation, Parameter, ParameterBuilder, ParameterIn, Paths},
    schema::{ObjectBuilder, Type},
};
use utoipa_actix_web::OpenApiFactory;

pub use self::terms::{
    API_KEY, BEARER, Terms, anybody, platform_owner, read_by_service_key, reading, signed_in, write_by_service_key, writing,
};

/// A chapter of the document.
#[derive(Clone, Copy, Debug)]
pub struct Tag {
    /// Its name.
    pub name: &'static str,
    /// What its operations have in common, for people.
    pub about: &'static str,
}

/// What runs the server rather than an organization: probes, metrics, keys. No body is read.
pub const OPERATIONS: Tag = Tag { name: "operations", about: "Probes, metrics, keys." };
/// What browsers are shown: refusals may be pages.
pub const PAGES: Tag = Tag { name: "pages", about: "Pages behind mailed links." };

/// The tag of what speaks OAuth 2: its refusals have the shape of RFC 6749.
pub const OAUTH: &str = "oauth";

/// What the paths of an organization's operations begin with; their handlers name the rest.
pub const ORGANIZATION: &str = "/api/organizations/{org_slug}";

/// What was registered.
#[derive(Default)]
pub struct Catalogue {
    /// The tags, in the order in which they came.
    pub tags: Vec<Tag>,
    /// The operations, with everything that is said of them.
    pub paths: Paths,
    /// The shapes that they name.
    pub schemas: Vec<(String, RefOr<Schema>)>,
    operations: Vec<Registered>,
}

struct Registered {
    method: Method,
    path: ResourceDef,
    tag: &'static str,
    idempotent: bool,
}

impl Catalogue {
    /// The methods that a path knows; none for an unknown path. Of two patterns that a path fits, the first counts, as for the router.
    pub fn methods_of(&self, path: &str) -> Vec<&'static str> {
        let Some(first) = self.operations.iter().find(|operation| operation.path.is_match(path)) else { return Vec::new() };
        let same = |operation: &&Registered| first.path.pattern() == operation.path.pattern();
        let known: Vec<&Method> = self.operations.iter().filter(same).map(|operation| &operation.method).collect();
        ["GET", "POST", "PUT", "PATCH", "DELETE"].into_iter().filter(|name| known.iter().any(|method| *method == name)).collect()
    }

    /// The tag of what is at a path; none for an unknown path. Of two patterns that a path fits, the first counts, as for the router.
    pub fn tag_of(&self, path: &str) -> Option<&'static str> {
        self.operations.iter().find(|operation| operation.path.is_match(path)).map(|operation| operation.tag)
    }

    /// Whether the operation of this method at this path, as it is registered, takes an `Idempotency-Key`.
    pub fn takes_key(&self, method: &Method, pattern: &str) -> bool {
        let is = |one: &Registered| one.idempotent && one.method == *method && one.path.pattern() == Some(pattern);
        self.operations.iter().any(is)
    }
}

/// Registers routes, with their descriptions where somebody wants them.
pub struct Routes<'a> {
    config: &'a mut web::ServiceConfig,
    catalogue: Option<&'a mut Catalogue>,
    /// The organization's, gathered until all are known.
    of_org: &'a mut Vec<Box<dyn FnOnce(Scope) -> Scope>>,
}

/// Routes go into `config`, and what is said of them into `catalogue`. Threads that serve need none: descriptions are large.
pub fn register(config: &mut web::ServiceConfig, catalogue: Option<&mut Catalogue>, routes: impl FnOnce(&mut Routes<'_>)) {
    let mut of_org = Vec::new();
    routes(&mut Routes { config, catalogue, of_org: &mut of_org });
    config.service(of_org.into_iter().fold(web::scope(ORGANIZATION), |scope, add| add(scope)));
}

impl Routes<'_> {
    /// The routes of a noun, an area or a face.
    pub fn of(&mut self, register: impl FnOnce(&mut Routes<'_>)) -> &mut Self {
        register(&mut Routes { config: &mut *self.config, catalogue: self.catalogue.as_deref_mut(), of_org: &mut *self.of_org });
        self
    }

    /// Goes on with the operations of a tag.
    pub fn tag(&mut self, tag: Tag) -> Tagged<'_> {
        if let Some(catalogue) = &mut self.catalogue
            && !catalogue.tags.iter().any(|known| known.name == tag.name)
        {
            catalogue.tags.push(tag);
        }
        Tagged { config: &mut *self.config, catalogue: self.catalogue.as_deref_mut(), of_org: &mut *self.of_org, tag }
    }
}

/// Registers the operations of one tag.
pub struct Tagged<'a> {
    config: &'a mut web::ServiceConfig,
    catalogue: Option<&'a mut Catalogue>,
    of_org: &'a mut Vec<Box<dyn FnOnce(Scope) -> Scope>>,
    tag: Tag,
}

impl Tagged<'_> {
    /// An operation, and its terms.
    pub fn add<H: HttpServiceFactory + OpenApiFactory + 'static>(&mut self, handler: H, terms: Terms) -> &mut Self {
        self.describe(&handler, "", terms);
        self.config.service(handler);
        self
    }

    /// An operation of an organization: its handler's path is what follows [`ORGANIZATION`].
    pub fn of_org<H: HttpServiceFactory + OpenApiFactory + 'static>(&mut self, handler: H, terms: Terms) -> &mut Self {
        self.describe(&handler, ORGANIZATION, terms);
        self.of_org.push(Box::new(|scope| scope.service(handler)));
        self
    }

    /// Completes what a handler says of itself, for the catalogue.
    fn describe(&mut self, handler: &impl OpenApiFactory, prefix: &str, terms: Terms) {
        let Some(catalogue) = &mut self.catalogue else { return };
        for (rest, mut item) in handler.paths().paths {
            let path = format!("{prefix}{rest}");
            for (method, operation) in operations_mut(&mut item) {
                operation.tags = Some(vec![self.tag.name.to_owned()]);
                name_parts(&path, operation);
                terms.describe(operation);
                refusals::add(operation, self.tag, terms.group(&method));
                let known = Registered {
                    method,
                    path: ResourceDef::new(path.as_str()),
                    tag: self.tag.name,
                    idempotent: terms.is_idempotent(),
                };
                catalogue.operations.push(known);
            }
            let mut one = Paths::new();
            one.paths.insert(path, item);
            catalogue.paths.merge(one);
        }
        handler.schemas(&mut catalogue.schemas);
    }
}

/// The parts of a path that callers fill in, unless the handler describes them itself.
fn name_parts(path: &str, operation: &mut Operation) {
    let parts = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let others = operation.parameters.take().unwrap_or_default();
    let known = |name: &str| others.iter().any(|other| matches!(other, RefOr::T(Parameter { name: known, .. }) if known == name));
    let text = || ObjectBuilder::new().schema_type(Type::String).build();
    let parameter = |name| {
        let builder = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
        builder.schema(Some(text())).build()
    };
    let mut all: Vec<_> = parts.filter(|name| !known(name)).map(|name| RefOr::T(parameter(name))).collect();
    all.extend(others);
    operation.parameters = (!all.is_empty()).then_some(all);
}

/// The operations of a path, with their methods.
pub fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let all = [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}
