//! The tables of API keys and their secrets, which are only written as SQL.

use crate::core::{
    error::Constraint,
    table::{Table, WhenOld, WithOrganization, own_rows},
};

pub(crate) const API_KEYS_NAME: Constraint = Constraint { name: "api_keys_name", columns: "api_keys.org_id, api_keys.name" };
pub(crate) const API_KEY_SECRETS_HASH: Constraint = Constraint { name: "api_key_secrets_hash", columns: "api_key_secrets.hash" };

pub(crate) const API_KEYS: Table = Table {
    name: "api_keys",
    unique: &[&API_KEYS_NAME],
    sealed: &[],
    when_old: WhenOld::Stays("until the organization deletes it"),
    with_organization: WithOrganization::Deleted(own_rows!("api_keys")),
};

pub(crate) const API_KEY_SECRETS: Table = Table {
    name: "api_key_secrets",
    unique: &[&API_KEY_SECRETS_HASH],
    sealed: &[],
    when_old: WhenOld::GoesWith("api_keys"),
    with_organization: WithOrganization::GoesWith("api_keys"),
};
