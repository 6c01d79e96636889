//! The tables of the order of events.

use crate::core::table::{Table, WhenOld, WithOrganization, table};

/// Only written as SQL.
pub(crate) const SEQUENCER: Table = Table {
    name: "sequencer",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("one row"),
    with_organization: WithOrganization::NotOfOne,
};

table! {
    heads = "heads";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::ByItsOwnRule("core::retention::events"),
        with_organization: WithOrganization::Stays("the log of a deleted organization goes with its age"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        org_id: Uuid,
        seq: i64,
        hash: String,
        sealed: i64,
        anchor: i64,
    }
}

table! {
    feed = "feed";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::ByItsOwnRule("core::retention::events"),
        with_organization: WithOrganization::Stays("the log of a deleted organization goes with its age"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        org_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        seq: i64,
        event_id: Uuid,
        hash: String,
        leaf: Option<String>,
        chained: i16,
    }
}
