//! Programs of organizations: API keys.

pub mod api_keys;
