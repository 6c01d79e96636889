//! Identity providers of organizations: SAML and OpenID Connect.
//!
//! This crate is the only one that may name samael and openidconnect, so that the C libraries behind SAML stay out of the worker and out
//! of everything that does not sign anybody in through them. It speaks with providers, and decides nothing: what they said goes through the ports of
//! `domain`, and who somebody is here is decided there (`domain::identity::federation::linking`).

pub mod oidc;
pub mod saml;
