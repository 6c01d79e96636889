//! Programs: what a customer's software is, and what it may do.

pub mod api_keys;
pub mod authorization_requests;
pub mod billing;
pub mod client_grants;
pub mod clients;
pub mod consents;
pub mod device_codes;
pub mod dpop;
pub mod end_users;
pub mod plans;
pub mod resource_servers;
pub mod service_keys;
pub mod service_saml;
pub mod services;
pub mod subscriptions;
pub mod token_claims;
pub mod uris;
