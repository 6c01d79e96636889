//! The tables of passkeys, which are only written as SQL.

use domain::{PLATFORM, identity::passkeys::PasskeyChallengeId};
use uuid::Uuid;

use crate::core::{
    error::Constraint,
    sql::sql,
    table::{Age, SealedColumn, SealedRow, Table, WhenOld, WithOrganization},
};

pub(super) const ASKED: SealedColumn = SealedColumn {
    table: "passkey_challenges",
    column: "asked",
    find: sql!("select id, asked as sealed from passkey_challenges"),
    replace: sql!("update passkey_challenges set asked = $1 where asked = $2 and id = $3"),
    row: |row| {
        let id: Uuid = row.try_get("", "id")?;
        Ok(SealedRow { org: PLATFORM, name: PasskeyChallengeId::new(id).to_string(), key: vec![id.into()] })
    },
};

/// The same passkey twice: a device that made one with the same name, which is random.
pub(super) const PASSKEYS_CREDENTIAL: Constraint = Constraint { name: "passkeys_credential", columns: "passkeys.credential_id" };

pub(crate) const PASSKEYS: Table = Table {
    name: "passkeys",
    unique: &[&PASSKEYS_CREDENTIAL],
    sealed: &[],
    when_old: WhenOld::Stays("twenty for each account"),
    with_organization: WithOrganization::GoesWith("users"),
};

pub(crate) const PASSKEY_CHALLENGES: Table = Table {
    name: "passkey_challenges",
    unique: &[],
    sealed: &[&ASKED],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!(
            "delete from passkey_challenges
            where id in (select id from passkey_challenges where expires_at < $1 limit $2)"
        ),
    ),
    with_organization: WithOrganization::NotOfOne,
};
