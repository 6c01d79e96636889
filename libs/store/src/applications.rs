//! Programs of organizations: API keys; services, their clients and plans.

pub mod api_keys;
pub mod clients;
pub mod plans;
pub mod service_access;
pub mod services;
