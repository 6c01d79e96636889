//! Accounts, sign-in, sessions, passwords.

pub(super) mod accounts;
mod connections;
mod device_codes;
mod discovery;
pub(super) mod factors;
mod identities;
mod login;
mod magic_links;
mod passkeys;
mod passwords;
mod privacy;
mod registration;
mod risk;
mod sessions;
mod sign_in_policy;

use crate::http::operations::{Routes, Tag};

/// How one comes in.
const AUTH: Tag = Tag { name: "auth", about: "Sign-up, sign-in, tokens." };
/// What is the caller's own.
pub(super) const USER: Tag = Tag { name: "user", about: "The caller's own account, sessions and invitations." };

pub(super) fn routes(routes: &mut Routes<'_>) {
    routes
        .of(registration::routes)
        .of(login::routes)
        .of(discovery::routes)
        .of(device_codes::routes)
        .of(magic_links::routes)
        .of(passwords::routes)
        .of(accounts::routes)
        .of(sessions::routes)
        .of(factors::routes)
        .of(identities::routes)
        .of(passkeys::routes)
        .of(connections::routes)
        .of(privacy::routes)
        .of(risk::routes)
        .of(sign_in_policy::routes);
}
