//! The query string.

use std::collections::HashMap;

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use domain::{BadValue, Result, Violation};

use crate::http::error::ApiError;

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
        self.longer_text(name, 300)
    }
    /// A text of at most so many bytes; empty counts as missing.
    pub fn longer_text(&self, name: &str, longest: usize) -> Result<Option<String>, Violation> {
        match self.0.get(name).map(String::as_str) {
            None | Some("") => Ok(None),
            Some(v) if v.len() > longest || v.contains('\0') => {
                Err(Violation::new(name, "bad_value", format!("Use at most {longest} ordinary characters.")))
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
