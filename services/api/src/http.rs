//! The server around the faces: routes, context, errors, limits, health, the OpenAPI document.

pub mod answers;
pub mod context;
pub(crate) mod cookies;
pub mod cors;
pub mod draining;
pub mod error;
pub mod health;
pub(crate) mod hosts;
pub mod limits;
pub mod methods;
pub mod openapi;
pub mod operations;
pub mod path;
pub mod preconditions;
pub mod proxies;
pub mod routes;
pub mod server;
pub mod time;
pub mod unread;
pub mod wire;
