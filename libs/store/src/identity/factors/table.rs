//! The tables of second factors, which are only written as SQL.

use domain::{PLATFORM, UserId};
use uuid::Uuid;

use crate::core::{
    sql::sql,
    table::{Age, SealedColumn, SealedRow, Table, WhenOld, WithOrganization},
};

pub(super) const SECRET: SealedColumn = SealedColumn {
    table: "totp",
    column: "secret",
    find: sql!("select user_id, secret as sealed from totp"),
    replace: sql!("update totp set secret = $1 where secret = $2 and user_id = $3"),
    row: |row| {
        let id: Uuid = row.try_get("", "user_id")?;
        Ok(SealedRow { org: PLATFORM, name: UserId::new(id).to_string(), key: vec![id.into()] })
    },
};

const WITH_ACCOUNTS: WithOrganization = WithOrganization::GoesWith("users");

pub(crate) const TOTP: Table = Table {
    name: "totp",
    unique: &[],
    sealed: &[&SECRET],
    when_old: WhenOld::Stays("one row for each account"),
    with_organization: WITH_ACCOUNTS,
};

pub(crate) const RECOVERY_CODES: Table = Table {
    name: "recovery_codes",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Stays("ten for each account"),
    with_organization: WITH_ACCOUNTS,
};

pub(crate) const WAITING_SIGN_INS: Table = Table {
    name: "waiting_sign_ins",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!(
            "delete from waiting_sign_ins
            where (user_id, id) in (select user_id, id from waiting_sign_ins where expires_at < $1 limit $2)"
        ),
    ),
    with_organization: WITH_ACCOUNTS,
};

pub(crate) const FACTOR_ATTEMPTS: Table = Table {
    name: "factor_attempts",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::ByItsOwnRule("Store::forget_factor_days"),
    with_organization: WITH_ACCOUNTS,
};

pub(crate) const FACTOR_DAYS: Table = Table {
    name: "factor_days",
    unique: &[],
    sealed: &[],
    when_old: WhenOld::ByItsOwnRule("Store::forget_factor_days"),
    with_organization: WithOrganization::NotOfOne,
};
