//! The API service: the faces over HTTP. The only crate that names actix-web (bar the worker's health port) and utoipa.

pub mod boot;
pub mod cli;
pub mod faces;
pub mod http;
