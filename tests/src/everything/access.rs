//! Who may call which operation, and a body that is fine.

use serde_json::Value;

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody; what they send decides.
    Public,
    /// Whoever is signed in, about what is their own.
    SignedIn,
    /// Members of the organization in the path, of this rank or above.
    Organization(Rank),
    /// Keys of a service that hold the permission, about that service.
    ServiceKey,
    /// Platform owners.
    Platform,
}

/// What a member may, from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// No capability.
    Member,
    /// Every capability.
    Admin,
    /// Everything.
    Owner,
}

/// An operation of the document.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its `operationId`.
    pub id: &'static str,
    /// Who may call it.
    pub access: Access,
    body: Option<fn(usize) -> Value>,
}

pub(super) const fn op(id: &'static str, access: Access) -> Operation {
    Operation { id, access, body: None }
}

impl Operation {
    /// With a body that is valid, so that a refusal is about who asks; the number makes names unique.
    pub(super) const fn with(self, body: fn(usize) -> Value) -> Self {
        Self { body: Some(body), ..self }
    }
}

fn find(id: &str) -> Option<&'static Operation> {
    super::operations().find(|operation| operation.id == id)
}

/// Who may call an operation. Fails for one that nobody thought about.
pub fn access(id: &str) -> Access {
    find(id).unwrap_or_else(|| panic!("{id} is new: say in tests/src/everything/<area>.rs who may call it")).access
}

/// A body of an operation that is valid, if it takes one; `n` makes names unique.
pub fn body(id: &str, n: usize) -> Option<Value> {
    find(id)?.body.map(|body| body(n))
}
