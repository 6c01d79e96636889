//! The facts that authorization is decided on.

pub mod access;
