//! SAML from outside: what a provider, or who pretends to be it, sends, and what becomes of it. Threats by their numbers (docs/threats.md).

#![expect(clippy::unwrap_used, reason = "an unwrap is how a test says what must be there")]

#[path = "saml/bombs.rs"]
mod bombs;
#[path = "saml/conditions.rs"]
mod conditions;
#[path = "saml/documents.rs"]
mod documents;
#[path = "saml/encrypted.rs"]
mod encrypted;
#[path = "saml/idp.rs"]
mod idp;
#[path = "saml/interop.rs"]
mod interop;
#[path = "saml/logout.rs"]
mod logout;
#[path = "saml/messages.rs"]
mod messages;
#[path = "saml/parsers.rs"]
mod parsers;
#[path = "saml/provider.rs"]
mod provider;
#[path = "saml/wrapping.rs"]
mod wrapping;
