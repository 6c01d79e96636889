//! The tables of risk, which are only written as SQL.

use crate::core::{
    sql::sql,
    table::{Age, Table, WhenOld, WithOrganization, own_rows},
};

pub(crate) const RISK_SETTINGS: Table = Table {
    name: "risk_settings",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("one row for each organization"),
    with_organization: WithOrganization::GoesWith("organizations"),
};

pub(crate) const RISK_EVENTS: Table = Table {
    name: "risk_events",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::SignIns,
        sql!(
            "delete from risk_events
            where (org_id, id) in (select org_id, id from risk_events where created_at < $1 order by created_at limit $2)"
        ),
    ),
    with_organization: WithOrganization::Deleted(own_rows!("risk_events")),
};

pub(crate) const SIGN_IN_CHALLENGES: Table = Table {
    name: "sign_in_challenges",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!(
            "delete from sign_in_challenges
            where user_id in (select user_id from sign_in_challenges where expires_at < $1 limit $2)"
        ),
    ),
    with_organization: WithOrganization::NotOfOne,
};

pub(crate) const SIGN_IN_ATTEMPTS: Table = Table {
    name: "sign_in_attempts",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!(
            "delete from sign_in_attempts
            where (network, minute) in (select network, minute from sign_in_attempts where forget_at < $1 limit $2)"
        ),
    ),
    with_organization: WithOrganization::NotOfOne,
};
