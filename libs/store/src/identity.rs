//! Accounts, sign-in, sessions, passwords.

pub mod accounts;
pub mod active_users;
pub mod connections;
pub mod factors;
pub mod federation;
pub mod flows;
pub mod impersonation;
pub mod login_throttling;
pub mod logouts;
pub mod mail_codes;
pub mod passkeys;
pub mod privacy;
pub mod risk;
pub mod sessions;
pub mod sign_in_policy;
pub mod sign_ins;
