//! Programs of the platform and of organizations: clients and what they may do; API keys; services, their clients, plans, keys, users and subscriptions.

pub mod api_keys;
pub mod billing;
pub mod browser_clients;
pub mod client_grants;
pub mod clients;
pub mod codes;
pub mod consents;
pub mod device_codes;
pub mod end_users;
pub mod org_client_grants;
pub mod plans;
pub mod platform_clients;
pub mod resource_servers;
pub mod service_access;
pub mod service_keys;
pub mod service_saml;
pub mod service_users;
pub mod services;
pub mod subscriptions;
pub mod token_clients;
