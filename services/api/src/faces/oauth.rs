//! OAuth 2, for programs: tokens for themselves (RFC 6749, 4.4), what a token is worth (RFC 7662), and what this server can do (RFC 8414). Requests and
//! refusals have the shape of those documents, not the native face's.

mod error;
mod metadata;
mod parameters;
mod token;

use crate::http::operations::{Routes, Tag};

/// What its operations have in common.
const OAUTH: Tag = Tag { name: crate::http::operations::OAUTH, about: "OAuth 2: tokens for programs, and what they are worth." };

pub(crate) fn routes(routes: &mut Routes<'_>) {
    routes.of(token::routes).of(metadata::routes);
}
