//! The terms of an operation, and the sentences that tell them. What an organization's operation needs is read from the table in
//! `domain`, so that the document cannot say anything else.

use actix_web::http::Method;
use app::core::limits::Group;
use domain::{
    applications::service_keys::ServicePermission,
    authorization::resource::{Grant, Needs, OfService, Resource, Row},
};
use utoipa::openapi::{
    RefOr, Required,
    path::{Operation, ParameterBuilder, ParameterIn},
    schema::{ObjectBuilder, Type},
    security::SecurityRequirement,
};

use crate::http::limits;

/// On what terms an operation is served.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    access: Access,
    idempotent: bool,
    shows_secret: bool,
    counted: Counted,
}

#[derive(Clone, Copy, Debug)]
enum Access {
    Anybody,
    SignedIn,
    PlatformOwner,
    Organization { row: Row, write: bool },
    ServiceKey { row: Row, permission: Option<ServicePermission> },
}

#[derive(Clone, Copy, Debug)]
enum Counted {
    /// As a sign-in call without an access token, else as a read or a write.
    Usual,
    Export,
    Not,
}

/// Everybody may call it; what they send decides.
pub fn anybody() -> Terms {
    Terms::of(Access::Anybody)
}

/// Whoever is signed in, about what is their own.
pub fn signed_in() -> Terms {
    Terms::of(Access::SignedIn)
}

/// Platform owners.
pub fn platform_owner() -> Terms {
    Terms::of(Access::PlatformOwner)
}

/// Whoever may read `R` in the organization that the path names.
pub fn reading<R: Resource>() -> Terms {
    Terms::of(Access::Organization { row: R::ROW, write: false })
}

/// Whoever may write `R` in the organization that the path names.
pub fn writing<R: Resource>() -> Terms {
    Terms::of(Access::Organization { row: R::ROW, write: true })
}

/// Whatever reads `R` of the service whose key it sends.
pub fn read_by_service_key<R: OfService>() -> Terms {
    Terms::of(Access::ServiceKey { row: R::ROW, permission: R::KEYS.read })
}

/// Whatever writes `R` of the service whose key it sends.
pub fn write_by_service_key<R: OfService>() -> Terms {
    Terms::of(Access::ServiceKey { row: R::ROW, permission: R::KEYS.write })
}

impl Terms {
    fn of(access: Access) -> Self {
        Self { access, idempotent: false, shows_secret: false, counted: Counted::Usual }
    }

    /// It takes an `Idempotency-Key`: its handler calls `SignedIn::once`.
    #[must_use]
    pub fn idempotent(self) -> Self {
        Self { idempotent: true, ..self }
    }

    /// Its answer shows a secret that is never shown again.
    #[must_use]
    pub fn shows_secret_once(self) -> Self {
        Self { shows_secret: true, ..self }
    }

    /// It goes on until everything is told: its handler takes `Exporting`.
    #[must_use]
    pub fn export(self) -> Self {
        Self { counted: Counted::Export, ..self }
    }

    /// It is not limited: its handler takes neither `SigningIn` nor `SignedIn`.
    #[must_use]
    pub fn unlimited(self) -> Self {
        Self { counted: Counted::Not, ..self }
    }

    /// Whether it takes an `Idempotency-Key`.
    pub(super) fn is_idempotent(&self) -> bool {
        self.idempotent
    }

    /// What a request is counted as; `None`: it is not limited.
    pub(super) fn group(&self, method: &Method) -> Option<Group> {
        match (self.counted, self.access) {
            (Counted::Not, _) => None,
            (_, Access::Anybody) => Some(Group::SignIn),
            (Counted::Export, _) => Some(Group::Exports),
            (Counted::Usual, _) => Some(limits::of_method(method)),
        }
    }

    /// Says all of it in the description.
    pub(super) fn describe(&self, operation: &mut Operation) {
        if let Access::Anybody = self.access {
            operation.security.get_or_insert_with(|| vec![SecurityRequirement::default()]);
        }
        if let Access::Organization { row, write } = self.access
            && row.programs.of(write) != Grant::Nobody
        {
            let ways = [BEARER, API_KEY].map(|scheme| SecurityRequirement::new(scheme, Vec::<String>::new()));
            operation.security.get_or_insert_with(|| ways.into());
        }
        if let Access::ServiceKey { .. } = self.access {
            operation.security.get_or_insert_with(|| vec![SecurityRequirement::new(API_KEY, Vec::<String>::new())]);
        }
        if self.idempotent {
            operation.parameters.get_or_insert_default().push(RefOr::T(idempotency_key()));
        }
        let mut sentences = vec![self.needs(operation)];
        if self.idempotent {
            sentences.push("Takes an `Idempotency-Key`.".to_owned());
        }
        if self.shows_secret {
            sentences.push("The secret in the answer is shown this once.".to_owned());
        }
        let said = operation.description.take().map(|text| format!("{text}\n\n")).unwrap_or_default();
        operation.description = Some(said + &sentences.join(" "));
    }

    fn needs(&self, operation: &Operation) -> String {
        match self.access {
            Access::Anybody if is_open(operation) => "Needs no access token.".to_owned(),
            Access::Anybody => "An access token is optional.".to_owned(),
            Access::SignedIn => "Needs an access token.".to_owned(),
            Access::PlatformOwner => "Needs an access token of a platform owner.".to_owned(),
            Access::Organization { row, write } => in_organization(row, write),
            Access::ServiceKey { row, permission } => of_service(row, permission),
        }
    }
}

/// Whether no credential makes a difference to it.
pub(super) fn is_open(operation: &Operation) -> bool {
    let none = SecurityRequirement::default();
    operation.security.as_ref().is_some_and(|ways| ways.iter().all(|way| *way == none))
}

fn in_organization(row: Row, write: bool) -> String {
    let person = held(row.people.of(write));
    let operator = if row.operator { ", or platform ownership" } else { "" };
    let program = match row.programs.of(write) {
        Grant::Nobody | Grant::Owner => "No API key will do.".to_owned(),
        Grant::Member => "An API key of the organization will do.".to_owned(),
        grant => format!("An API key of the organization that holds {} will do.", held(grant)),
    };
    let state = state(row.needs);
    format!("Needs an access token and {person} in the organization{operator}. {program} The organization {state}.")
}

fn of_service(row: Row, permission: Option<ServicePermission>) -> String {
    let (held, state) = (permission.map_or("what none has", ServicePermission::as_str), state(row.needs));
    format!("Needs an API key of a service that holds the permission `{held}`. The organization {state}.")
}

const fn state(needs: Needs) -> &'static str {
    match needs {
        Needs::Active => "must be active",
        Needs::NotSuspended => "must not be suspended",
    }
}

fn held(grant: Grant) -> String {
    match grant {
        Grant::Member => "membership".to_owned(),
        Grant::Owner => "the role `owner`".to_owned(),
        Grant::Caps([one]) => format!("the permission `{}`", one.as_str()),
        Grant::Caps(any) => {
            let names: Vec<String> = any.iter().map(|cap| format!("`{}`", cap.as_str())).collect();
            format!("one of the permissions {}", names.join(", "))
        }
        Grant::Nobody => "what nobody has".to_owned(),
    }
}

fn idempotency_key() -> utoipa::openapi::path::Parameter {
    ParameterBuilder::new()
        .name(KEY)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some("A repeated request with the same key, caller and body gets the first one's answer, for a day."))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).max_length(Some(255))))
        .build()
}

/// The document's name of access tokens.
pub const BEARER: &str = "bearer";
/// The document's name of API keys.
pub const API_KEY: &str = "api_key";
/// The header that makes a request count once.
const KEY: &str = "Idempotency-Key";
