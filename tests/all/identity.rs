//! Accounts, sign-in, sessions, passwords.

mod accounts;
mod auth;
mod sessions;
