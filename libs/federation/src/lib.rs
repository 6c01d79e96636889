//! Identity providers of organizations: SAML and OpenID Connect.
//!
//! This crate is the only one that may name samael and openidconnect, so that the C libraries behind SAML stay out of the worker and out
//! of everything that does not sign anybody in through them.

pub mod saml;
