//! Programs of organizations: API keys; services and their plans.

pub mod api_keys;
pub mod plans;
pub mod service_access;
pub mod services;
