//! The server around the faces: routes, context, errors, limits, health, the OpenAPI document.

pub mod context;
pub mod error;
pub mod health;
pub mod limits;
pub mod openapi;
pub mod proxies;
pub mod server;
pub mod unread;
pub mod wire;
