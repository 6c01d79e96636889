//! Accounts, sign-in, sessions, passwords.

mod account_page;
mod accounts;
mod auth;
mod connections;
mod discovery;
mod factors;
mod federation;
pub(crate) mod flows;
mod magic_links;
pub(crate) mod mailed;
mod pages;
mod passkeys;
mod privacy;
mod risk;
mod sessions;
mod sign_in_policy;
