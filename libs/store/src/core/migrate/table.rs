//! The table of what programs must know.

use crate::core::table::{Table, WhenOld, WithOrganization};

/// One row for each step that older programs cannot live with.
pub(crate) const SCHEMA_REQUIREMENTS: Table = Table {
    name: "schema_requirements",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("a row a contraction"),
    with_organization: WithOrganization::NotOfOne,
};
