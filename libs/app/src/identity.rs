//! Accounts, sign-in, sessions, passwords.

pub mod accounts;
pub mod login;
pub(crate) mod login_throttling;
pub mod passwords;
pub mod tokens;
