//! Accounts, sign-in, sessions, passwords.

pub mod account_page;
pub mod accounts;
pub mod connections;
pub mod discovery;
pub mod factors;
pub mod federation;
pub mod flows;
pub mod impersonation;
pub mod login;
pub(crate) mod login_throttling;
pub mod logouts;
pub mod magic_links;
pub mod passkeys;
pub mod passwords;
pub mod privacy;
pub mod risk;
pub mod second_factor;
pub mod sign_in_policy;
pub mod tokens;
