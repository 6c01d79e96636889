//! Accounts, sign-in, sessions, passwords.

pub mod accounts;
pub mod login_throttling;
pub mod sessions;
