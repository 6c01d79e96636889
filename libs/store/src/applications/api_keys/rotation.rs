//! Secrets of a key: the current one and, for a while after a rotation, the one before.

use domain::{
    Error, Result, Time, UserId,
    applications::api_keys::ApiKey,
    authorization::{
        policy::{OrgScope, Write},
        resource::ApiKeys,
    },
};

use crate::{
    WriteTx,
    core::sql::{self, Sql, sql},
};

const INSERT: Sql = sql!(
    "insert into api_key_secrets (org_id, api_key_id, hash, shown_to, created_at)
    values ($1, $2, $3, $4, $5)"
);

/// All but the secret that works without an end.
const END_OLD: Sql = sql!(
    "delete from api_key_secrets
    where org_id = $1 and api_key_id = $2 and expires_at is not null"
);
const END_ALL: Sql = sql!("delete from api_key_secrets where org_id = $1 and api_key_id = $2");
const RUN_OUT: Sql = sql!(
    "update api_key_secrets
    set expires_at = $3
    where org_id = $1 and api_key_id = $2"
);

const SAVE: Sql = sql!(
    "update api_keys
    set prefix = $3, old_secret_until = $4, updated_at = $5
    where org_id = $1 and id = $2"
);

impl WriteTx {
    pub(super) async fn insert_api_key_secret(&self, key: &ApiKey, hash: &str, shown_to: UserId) -> Result<()> {
        let values = vec![key.org_id.uuid().into(), key.id.uuid().into(), hash.into(), shown_to.uuid().into(), self.now().into()];
        sql::execute(&self.tx, INSERT, values).await.map(|_| ())
    }

    /// Gives a locked key another secret, of which `key.prefix` tells the beginning. The one before works until `key.old_secret_until`;
    /// if that is `None`, no other does from now on. `Conflict` (`too_many_secrets`): one from an earlier rotation works still.
    pub async fn rotate_api_key(
        &self,
        _: OrgScope<'_, ApiKeys, Write>,
        before: &ApiKey,
        key: &ApiKey,
        hash: &str,
        shown_to: UserId,
    ) -> Result<()> {
        let of = || vec![key.org_id.uuid().into(), key.id.uuid().into()];
        match key.old_secret_until {
            None => sql::execute(&self.tx, END_ALL, of()).await?,
            Some(_) if before.old_secret_until.is_some_and(|until| until > self.now()) => return Err(too_many()),
            Some(until) => {
                sql::execute(&self.tx, END_OLD, of()).await?;
                let values = [of(), vec![until.into()]].concat();
                sql::execute(&self.tx, RUN_OUT, values).await?
            }
        };
        self.insert_api_key_secret(key, hash, shown_to).await?;
        let until: Option<Time> = key.old_secret_until;
        let values = [of(), vec![key.prefix.as_str().into(), until.into(), self.now().into()]].concat();
        sql::execute(&self.tx, SAVE, values).await.map(|_| ())
    }
}

fn too_many() -> Error {
    Error::conflict(
        "too_many_secrets",
        "The secret before the last rotation works still. Wait for its end, or rotate with `grace_seconds` 0, which ends all others.",
    )
}
