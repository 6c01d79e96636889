//! One error for every use case: a [`Kind`] (what sort of "no"), a stable `code` (which "no"), a sentence that tells the caller
//! what to do, and all violations of the input at once. Faces turn kinds into statuses; nothing below a face knows a status.

use std::{borrow::Cow, fmt, sync::Arc};

use crate::core::value::Slug;

/// What sort of refusal it is. Every face maps each kind to exactly one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// There is no such thing, or the caller may not know that there is.
    NotFound,
    /// A unique name is taken.
    AlreadyExists,
    /// The state does not allow it (last owner, already a member, invitation expired).
    Conflict,
    /// `If-Match` named another version.
    PreconditionFailed,
    /// The input is wrong; `details` names every field.
    Invalid,
    /// No, or no longer valid, credentials.
    Unauthenticated,
    /// Known caller, not allowed.
    Forbidden,
    /// Too many requests; `retry_after` says when to come back.
    RateLimited,
    /// A part we depend on is away; `retry_after` says when to come back.
    Unavailable,
    /// A protocol partner broke its protocol.
    Protocol,
    /// A defect of ours. The source is logged, never shown.
    Internal,
}

/// One thing that is wrong with one field of the input.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Violation {
    /// Path of the field as the caller wrote it: `name`, `events[2]`.
    pub field: String,
    /// Stable machine-readable reason: `required`, `too_long`, `unknown_event`.
    pub code: &'static str,
    /// What a valid value looks like.
    pub message: Cow<'static, str>,
}

impl Violation {
    /// A violation of `field`.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

/// What somebody has to do before they may enter an organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepUpRequired {
    /// Which.
    pub organization: Slug,
    /// What is missing: `first_factor`, `fresh_first_factor` or `second_factor`.
    pub needs: &'static str,
    /// What of their own would do.
    pub methods: Vec<&'static str>,
    /// Through which of its connections they may come.
    pub connections: Vec<String>,
    /// How old a sign-in may be, in seconds, if this one is too old.
    pub max_age: Option<i64>,
}

/// The error of every use case.
#[derive(Clone, Debug)]
pub struct Error {
    /// What sort of refusal.
    pub kind: Kind,
    /// Stable code: `last_owner`, `slug_taken`.
    pub code: &'static str,
    /// For people: what is wrong and what to do.
    pub message: Cow<'static, str>,
    /// Every violated field, for [`Kind::Invalid`].
    pub details: Vec<Violation>,
    /// Seconds, for [`Kind::RateLimited`] and [`Kind::Unavailable`].
    pub retry_after: Option<u32>,
    /// What to do first, for [`Kind::Forbidden`] (`step_up_required`).
    pub step_up: Option<Box<StepUpRequired>>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

/// `Result` with our [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` with a stable `code` and a sentence for people.
    pub fn new(kind: Kind, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, code, message: message.into(), details: Vec::new(), retry_after: None, step_up: None, source: None }
    }
    /// `what` does not exist (or belongs to somebody else, which is answered alike).
    pub fn not_found(what: &'static str) -> Self {
        Self::new(Kind::NotFound, "not_found", format!("There is no such {what}."))
    }
    /// The state does not allow it.
    pub fn conflict(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Conflict, code, message)
    }
    /// A unique name is taken.
    pub fn exists(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::AlreadyExists, code, message)
    }
    /// A known caller who may not do this.
    pub fn forbidden(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Forbidden, code, message)
    }
    /// Somebody who is asked to do more first.
    pub fn asking(message: &'static str, required: StepUpRequired) -> Self {
        Self { step_up: Some(Box::new(required)), ..Self::forbidden("step_up_required", message) }
    }
    /// Missing, wrong, expired or revoked credentials.
    pub fn unauthenticated(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Kind::Unauthenticated, code, message)
    }
    /// Input that violates one or more rules.
    pub fn invalid(details: Vec<Violation>) -> Self {
        let message = match details.as_slice() {
            [one] => Cow::Owned(format!("`{}`: {}", one.field, one.message)),
            many => Cow::Owned(format!("{} fields are not valid: see `details`.", many.len())),
        };
        Self { details, ..Self::new(Kind::Invalid, "invalid", message) }
    }
    /// One violated field.
    pub fn field(field: impl Into<String>, code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::invalid(vec![Violation::new(field, code, message)])
    }
    /// A dependency is away; the caller may try again in `retry_after` seconds.
    pub fn unavailable(retry_after: u32, message: impl Into<Cow<'static, str>>) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(Kind::Unavailable, "unavailable", message) }
    }
    /// Too many requests; come back in `retry_after` seconds.
    pub fn rate_limited(retry_after: u32) -> Self {
        let message = format!("Too many requests. Try again in {retry_after} s.");
        Self { retry_after: Some(retry_after), ..Self::new(Kind::RateLimited, "rate_limited", message) }
    }
    /// A defect of ours: `source` is logged at the edge and never shown.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::new(Kind::Internal, "internal", "Something went wrong on our side. The request id helps us find it.")
            .because(source)
    }
    /// Attaches the cause, for the log.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}

/// Evaluates every part and returns either all values or all violations together.
///
/// ```
/// use tenantry_domain::{all, Violation};
/// let bad = || Err::<u8, _>(Violation::new("a", "required", "…"));
/// assert_eq!(all((bad(), Ok(1), bad())).unwrap_err().details.len(), 2);
/// ```
pub fn all<P: Parts>(parts: P) -> Result<P::Values> {
    parts.collect()
}

/// A tuple of checked fields; see [`all`].
pub trait Parts {
    /// The tuple of values.
    type Values;
    /// All values, or all violations.
    fn collect(self) -> Result<Self::Values>;
}

macro_rules! parts {
    ($($t:ident $v:ident),+) => {
        impl<$($t),+> Parts for ($(std::result::Result<$t, Violation>,)+) {
            type Values = ($($t,)+);
            fn collect(self) -> Result<Self::Values> {
                let ($($v,)+) = self;
                match ($($v,)+) {
                    ($(Ok($v),)+) => Ok(($($v,)+)),
                    ($($v,)+) => Err(Error::invalid([$($v.err()),+].into_iter().flatten().collect())),
                }
            }
        }
    };
}
parts!(A a);
parts!(A a, B b);
parts!(A a, B b, C c);
parts!(A a, B b, C c, D d);
parts!(A a, B b, C c, D d, F e);
parts!(A a, B b, C c, D d, F e, G f);
parts!(A a, B b, C c, D d, F e, G f, H g);
parts!(A a, B b, C c, D d, F e, G f, H g, I h);
parts!(A a, B b, C c, D d, F e, G f, H g, I h, J i);
parts!(A a, B b, C c, D d, F e, G f, H g, I h, J i, K j);
parts!(A a, B b, C c, D d, F e, G f, H g, I h, J i, K j, L k);
parts!(A a, B b, C c, D d, F e, G f, H g, I h, J i, K j, L k, M l);
parts!(A a, B b, C c, D d, F e, G f, H g, I h, J i, K j, L k, M l, N m);
