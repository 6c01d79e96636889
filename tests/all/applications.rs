//! Programs: what acts in an organization without being anybody.

mod api_keys;
