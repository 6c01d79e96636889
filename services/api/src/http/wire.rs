//! Reading what callers send: every violation of a body is found and named at once, and nothing a caller sends can be a 500.
//!
//! A request type has [`Field`]s, which take any JSON; a handler turns them into parsed values with [`Field::required`],
//! [`Field::optional`], [`Field::change`] and [`Field::patch`] inside [`domain::all`].

mod body;
mod field;
mod query;

pub(crate) use self::body::too_large;
pub use self::{
    body::{Body, Raw, parse},
    field::{Field, FromJson, list, text},
    query::Query,
};
pub use super::time::{minute, time};
