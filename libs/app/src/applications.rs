//! Programs of the platform and of organizations: clients and their tokens; API keys; services, their plans and keys, and what those keys open.

pub mod api_keys;
pub mod billing;
pub mod client_grants;
pub mod client_tokens;
pub mod consents;
pub mod dpop;
pub mod end_users;
pub mod plans;
pub mod platform_clients;
pub mod resource_servers;
pub mod service_access;
pub mod service_keys;
pub mod service_saml;
pub mod service_users;
pub mod services;
pub mod subscriptions;
pub mod user_tokens;
