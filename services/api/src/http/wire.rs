//! Reading what callers send: every violation of a body is found and named at once, and nothing a caller sends can be a 500.
//!
//! A request type has [`Field`]s, which take any JSON; a handler turns them into parsed values with [`Field::required`],
//! [`Field::optional`] and [`Field::patch`] inside [`domain::all`].

use std::{collections::HashMap, marker::PhantomData};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};
use domain::{
    BadValue, Error, EventId, EventName, Patch, Result, Time, Violation,
    core::value::{Description, Email, Name, Password, RoleSlug, Slug},
    delivery::webhooks::EndpointUrl,
    tenancy::{
        organizations::OrgStatus,
        roles::{Cap, Caps, RoleName},
    },
};
use futures::future::LocalBoxFuture;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use crate::http::error::{ApiError, TOO_LARGE, TOO_SLOW};

/// A moment as every face sends it.
pub fn time(t: Time) -> String {
    t.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// A value that can be read from JSON.
pub trait FromJson: Sized {
    /// The value, or why it is none.
    fn from_json(value: &Value) -> Result<Self, BadValue>;
}

fn wrong_type<T>(expected: &'static str) -> Result<T, BadValue> {
    Err(BadValue { code: "wrong_type", message: expected.into() })
}

/// A text without NUL, which PostgreSQL cannot store.
fn text(value: &Value) -> Result<&str, BadValue> {
    match value.as_str() {
        Some(text) if text.contains('\0') => Err(BadValue { code: "bad_characters", message: "NUL is not allowed.".into() }),
        Some(text) => Ok(text),
        None => wrong_type("Send a string."),
    }
}

macro_rules! parsed {
    ($($ty:ty),*) => { $(impl FromJson for $ty {
        fn from_json(value: &Value) -> Result<Self, BadValue> { text(value)?.parse() }
    })* };
}
parsed!(Slug, RoleSlug, Email, Name, Description, Password, RoleName, EndpointUrl, EventName, Cap, OrgStatus);

/// Free text, at most 1,024 characters: as long as the longest password.
impl FromJson for String {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        match text(value)? {
            long if long.chars().count() > 1024 => {
                Err(BadValue { code: "too_long", message: "Use at most 1024 characters.".into() })
            }
            fits => Ok(fits.to_owned()),
        }
    }
}

impl FromJson for bool {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        value.as_bool().map_or_else(|| wrong_type("Send true or false."), Ok)
    }
}

/// A count: a whole number that is not negative and fits the databases.
impl FromJson for i64 {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        match value.as_i64() {
            Some(n @ 0..=1_000_000_000) => Ok(n),
            Some(_) => Err(BadValue { code: "out_of_range", message: "Use a whole number from 0 to 1000000000.".into() }),
            None => wrong_type("Send a whole number."),
        }
    }
}

/// A moment: RFC 3339, in any zone.
impl FromJson for Time {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        const RULE: &str = "Send a moment such as 2026-11-23T09:00:00Z.";
        let parsed = chrono::DateTime::parse_from_rfc3339(text(value)?);
        parsed.map(|at| at.to_utc()).map_err(|_| BadValue { code: "bad_time", message: RULE.into() })
    }
}

impl FromJson for EventId {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        text(value)?.parse().map_err(|_| BadValue { code: "bad_id", message: "Send an event's id (evt_…).".into() })
    }
}

impl FromJson for Vec<EventName> {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        let mut names: Vec<EventName> = list(value, 200)?;
        names.sort_unstable();
        names.dedup();
        if names.is_empty() { Err(BadValue { code: "empty", message: "Name at least one event.".into() }) } else { Ok(names) }
    }
}

impl FromJson for Vec<Value> {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        value.as_array().map_or_else(|| wrong_type("Send an array."), |items| Ok(items.clone()))
    }
}

impl FromJson for Caps {
    fn from_json(value: &Value) -> Result<Self, BadValue> {
        Ok(list::<Cap>(value, 200)?.into_iter().collect())
    }
}

fn list<T: FromJson>(value: &Value, max: usize) -> Result<Vec<T>, BadValue> {
    match value.as_array() {
        Some(items) if items.len() > max => {
            Err(BadValue { code: "too_many", message: format!("Send at most {max} items.").into() })
        }
        Some(items) => items.iter().map(T::from_json).collect(),
        None => wrong_type("Send an array."),
    }
}

/// A field of a request body: whatever was sent, to be parsed with its name at hand.
#[derive(Debug)]
pub struct Field<T>(Option<Value>, PhantomData<T>);

impl<T> Default for Field<T> {
    fn default() -> Self {
        Self(None, PhantomData)
    }
}

impl<'de, T> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Value::deserialize(d).map(|value| Self(Some(value), PhantomData))
    }
}

impl<T: FromJson> Field<T> {
    /// The value; missing or null is a violation.
    pub fn required(self, name: &str) -> Result<T, Violation> {
        self.optional(name)?.ok_or_else(|| Violation::new(name, "required", "This field is required."))
    }
    /// The value, if one was sent; null counts as missing.
    pub fn optional(self, name: &str) -> Result<Option<T>, Violation> {
        match self.0 {
            None | Some(Value::Null) => Ok(None),
            Some(value) => T::from_json(&value).map(Some).map_err(|bad| Violation::new(name, bad.code, bad.message)),
        }
    }
    /// Missing keeps, null clears, a value sets.
    pub fn patch(self, name: &str) -> Result<Patch<T>, Violation> {
        match self.0 {
            None => Ok(Patch::Keep),
            Some(Value::Null) => Ok(Patch::Clear),
            present => Self(present, PhantomData).required(name).map(Patch::Set),
        }
    }
}

/// A JSON object as the body of a request. The content type is not looked at: the SDK sends one with everything.
pub struct Body<T> {
    /// The parsed object.
    pub value: T,
    /// The bytes, for the idempotency digest.
    pub raw: web::Bytes,
}

impl<T: DeserializeOwned + Default + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = web::Bytes::from_request(req, payload);
        Box::pin(async move {
            let raw = tokio::time::timeout(BODY_TIME, bytes).await.map_err(|_| too_slow())?.map_err(|e| unreadable(&e))?;
            let value = parse(&raw)?;
            Ok(Self { value, raw })
        })
    }
}

fn unreadable(e: &actix_web::Error) -> ApiError {
    let overflow = e.as_response_error().status_code() == actix_web::http::StatusCode::PAYLOAD_TOO_LARGE;
    if overflow { too_large().into() } else { Error::field("body", "unreadable", "The body ended early.").into() }
}

/// How long a body may take to arrive. The largest is a quarter of a megabyte.
const BODY_TIME: std::time::Duration = std::time::Duration::from_secs(15);

fn too_slow() -> ApiError {
    Error::new(domain::Kind::Invalid, TOO_SLOW, "The body took too long to arrive.").into()
}

pub(crate) fn too_large() -> Error {
    Error::new(domain::Kind::Invalid, TOO_LARGE, "The body is too large.")
}

/// A body as a request type. An empty one counts as `{}`: then every required field is named as missing.
pub fn parse<T: DeserializeOwned + Default>(raw: &[u8]) -> Result<T> {
    if raw.trim_ascii().is_empty() {
        return Ok(T::default());
    }
    let malformed = |e: serde_json::Error| {
        let position = format!("Send a JSON object (problem at line {}, column {}).", e.line(), e.column());
        Error::field("body", "malformed_json", position)
    };
    // Read as a whole first: members that nobody reads must be JSON as well, and of an array serde would take the fields in their
    // order. Then into the type, which refuses a member that comes twice.
    match serde_json::from_slice(raw).map_err(malformed)? {
        Value::Object(_) => serde_json::from_slice(raw).map_err(malformed),
        _ => Err(Error::field("body", "malformed_json", "Send a JSON object.")),
    }
}

/// The query string, with later values winning over earlier ones of the same name.
pub struct Query(HashMap<String, String>);

impl FromRequest for Query {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = url::form_urlencoded::parse(req.query_string().as_bytes());
        std::future::ready(Ok(Self(pairs.map(|(k, v)| (k.into_owned(), v.into_owned())).collect())))
    }
}

impl Query {
    /// A text; empty counts as missing.
    pub fn text(&self, name: &str) -> Result<Option<String>, Violation> {
        match self.0.get(name).map(String::as_str) {
            None | Some("") => Ok(None),
            Some(v) if v.len() > 300 || v.contains('\0') => {
                Err(Violation::new(name, "bad_value", "Use at most 300 ordinary characters."))
            }
            Some(v) => Ok(Some(v.to_owned())),
        }
    }
    /// A parsed value.
    pub fn parsed<T: std::str::FromStr<Err = BadValue>>(&self, name: &str) -> Result<Option<T>, Violation> {
        self.text(name)?.map(|v| v.parse()).transpose().map_err(|bad: BadValue| Violation::new(name, bad.code, bad.message))
    }
    /// A whole number, to be clamped by whoever uses it.
    pub fn number(&self, name: &str) -> Result<Option<i64>, Violation> {
        let parse = |v: String| v.parse().map_err(|_| Violation::new(name, "wrong_type", "Send a whole number."));
        self.text(name)?.map(parse).transpose()
    }
    /// `true` or `false`.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Violation> {
        match self.text(name)?.as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(Violation::new(name, "wrong_type", "Send true or false.")),
        }
    }
    /// `page` and `limit`, clamped.
    pub fn page(&self, default_limit: u32) -> Result<domain::Page> {
        let (page, limit) = domain::all((self.number("page"), self.number("limit")))?;
        Ok(domain::Page::clamped(page, limit, default_limit))
    }
    /// `limit` (1 to 100, default 50) and `offset` (from 0), as the platform's lists use them.
    pub fn window(&self) -> Result<(u64, u64)> {
        let (limit, offset) = domain::all((self.number("limit"), self.number("offset")))?;
        let limit = limit.unwrap_or(50).clamp(1, 100);
        let offset = offset.unwrap_or(0).clamp(0, domain::Page::MAX_OFFSET.cast_signed());
        Ok((limit.cast_unsigned(), offset.cast_unsigned()))
    }
}

/// An identifier in a path: one that cannot be ours is "not found", like one that is not there.
pub fn id<T: std::str::FromStr>(text: &str, what: &'static str) -> Result<T> {
    text.parse().map_err(|_| Error::not_found(what))
}

/// An organization's slug in a path.
pub fn slug(text: &str) -> Result<Slug> {
    text.parse().map_err(|_| Error::not_found("organization"))
}
