//! Accounts, sign-in, sessions, passwords.

pub mod accounts;
pub mod connections;
pub mod impersonation;
pub mod login_throttling;
pub mod risk;
pub mod sessions;
pub mod sign_ins;
