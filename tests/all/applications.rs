//! Programs: what acts in an organization without being anybody, and what its end users sign in to.

mod api_keys;
mod billing;
mod client_tokens;
mod end_users;
mod plans;
mod service_access;
mod service_api;
mod service_keys;
mod services;
