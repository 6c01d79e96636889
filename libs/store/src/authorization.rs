//! The facts that authorization is decided on.

pub mod facts;
