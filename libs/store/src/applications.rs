//! Programs of organizations: API keys; services, their clients, plans, keys, users and subscriptions.

pub mod api_keys;
pub mod billing;
pub mod clients;
pub mod end_users;
pub mod plans;
pub mod service_access;
pub mod service_keys;
pub mod service_users;
pub mod services;
pub mod subscriptions;
