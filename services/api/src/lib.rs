//! The API service: the faces over HTTP. The only crate that names actix-web (bar the worker's health port) and utoipa.

pub mod boot;
pub mod cli;
pub mod context;
pub mod error;
pub mod faces;
pub mod health;
pub mod limits;
pub mod openapi;
pub mod proxies;
pub mod server;
pub mod unread;
pub mod wire;
