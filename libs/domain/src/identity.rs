//! Accounts, sign-in, sessions, passwords.

pub mod accounts;
pub mod authentications;
pub mod connections;
pub mod entry;
pub mod factors;
pub mod federation;
pub mod flows;
pub mod impersonation;
pub mod login_throttling;
pub mod mail_codes;
pub mod passkeys;
pub mod risk;
pub mod saml;
pub mod sessions;
pub mod sign_ins;
