//! OAuth 2 and OpenID Connect: people are signed in for clients (RFC 6749, 4.1), programs get tokens for themselves (4.4), and anybody asks what a token is
//! worth (RFC 7662) and what this server can do (RFC 8414). Requests and refusals have the shape of those documents, not the native face's.

mod authorize;
mod device;
mod error;
mod logout;
mod metadata;
mod parameters;
mod token;
mod userinfo;
mod worth;

pub(crate) use self::error::OAuthError;
use crate::http::operations::{Routes, Tag};

/// What its operations have in common.
const OAUTH: Tag = Tag {
    name: crate::http::operations::OAUTH,
    about: "OAuth 2 and OpenID Connect: people signed in for clients, tokens for programs, and what they are worth.",
};

pub(crate) fn routes(routes: &mut Routes<'_>) {
    routes
        .of(authorize::routes)
        .of(device::routes)
        .of(token::routes)
        .of(worth::routes)
        .of(userinfo::routes)
        .of(logout::routes)
        .of(metadata::routes);
}
