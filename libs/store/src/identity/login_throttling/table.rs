//! The table of budgets, which is only written as SQL.

use crate::core::{
    sql::sql,
    table::{Age, Table, WhenOld, WithOrganization},
};

/// Only written as SQL.
pub(crate) const GUESS_BUDGETS: Table = Table {
    name: "guess_budgets",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!(
            "delete from guess_budgets
             where id in (select id from guess_budgets where forget_at < $1 limit $2)"
        ),
    ),
    with_organization: WithOrganization::NotOfOne,
};
