//! Where operations are registered, and what is said about each at that place: who may call it ([`Terms`]), whether it takes an
//! `Idempotency-Key`, whether its answer shows a secret, what it is counted as, and its tag. One registration makes the route and its
//! description, and it cannot leave the terms out: nothing else gets at actix's configuration.

mod refusals;
mod terms;

use actix_web::{
    dev::{AppService, HttpServiceFactory, ResourceDef},
    http::Method,
};
use utoipa::openapi::{
    PathItem, RefOr, Required, Schema,
    path::{Operation, Parameter, ParameterBuilder, ParameterIn, Paths},
    schema::{ObjectBuilder, Type},
};
use utoipa_actix_web::{OpenApiFactory, service_config::ServiceConfig};

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

/// What was registered.
#[derive(Default)]
pub struct Catalogue {
    /// The tags, in the order in which they came.
    pub tags: Vec<Tag>,
    operations: Vec<Registered>,
}

struct Registered {
    method: Method,
    path: ResourceDef,
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

    /// Whether the operation of this method at this path, as it is registered, takes an `Idempotency-Key`.
    pub fn takes_key(&self, method: &Method, pattern: &str) -> bool {
        let is = |one: &Registered| one.idempotent && one.method == *method && one.path.pattern() == Some(pattern);
        self.operations.iter().any(is)
    }
}

/// Registers routes with their descriptions.
pub struct Routes<'a, 's> {
    config: &'a mut ServiceConfig<'s>,
    catalogue: &'a mut Catalogue,
}

impl<'a, 's> Routes<'a, 's> {
    /// Routes go into `config`, and what is registered into `catalogue`.
    pub fn new(config: &'a mut ServiceConfig<'s>, catalogue: &'a mut Catalogue) -> Self {
        Self { config, catalogue }
    }

    /// The routes of a noun, an area or a face.
    pub fn of(&mut self, register: impl FnOnce(&mut Routes<'_, 's>)) -> &mut Self {
        register(&mut Routes { config: &mut *self.config, catalogue: &mut *self.catalogue });
        self
    }

    /// Goes on with the operations of a tag.
    pub fn tag(&mut self, tag: Tag) -> Tagged<'_, 's> {
        if !self.catalogue.tags.iter().any(|known| known.name == tag.name) {
            self.catalogue.tags.push(tag);
        }
        Tagged { config: &mut *self.config, catalogue: &mut *self.catalogue, tag }
    }
}

/// Registers the operations of one tag.
pub struct Tagged<'a, 's> {
    config: &'a mut ServiceConfig<'s>,
    catalogue: &'a mut Catalogue,
    tag: Tag,
}

impl Tagged<'_, '_> {
    /// An operation, and its terms.
    pub fn add<H: HttpServiceFactory + OpenApiFactory + 'static>(&mut self, handler: H, terms: Terms) -> &mut Self {
        for (path, mut item) in handler.paths().paths {
            let registered =
                |(method, _)| Registered { method, path: ResourceDef::new(path.as_str()), idempotent: terms.is_idempotent() };
            self.catalogue.operations.extend(operations_mut(&mut item).map(registered));
        }
        self.config.service(Described { handler, tag: self.tag, terms });
        self
    }
}

/// A handler whose description is complete.
struct Described<H> {
    handler: H,
    tag: Tag,
    terms: Terms,
}

impl<H: HttpServiceFactory> HttpServiceFactory for Described<H> {
    fn register(self, config: &mut AppService) {
        self.handler.register(config);
    }
}

impl<H: OpenApiFactory> OpenApiFactory for Described<H> {
    fn paths(&self) -> Paths {
        let mut paths = self.handler.paths();
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations_mut(item) {
                operation.tags = Some(vec![self.tag.name.to_owned()]);
                name_parts(path, operation);
                self.terms.describe(operation);
                refusals::add(operation, self.tag, self.terms.group(&method));
            }
        }
        paths
    }

    fn schemas(&self, schemas: &mut Vec<(String, RefOr<Schema>)>) {
        self.handler.schemas(schemas);
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
