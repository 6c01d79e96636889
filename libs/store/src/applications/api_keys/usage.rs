//! Who uses a key, and who could.

use domain::{
    ApiKeyId, Result, Time, UserId,
    applications::api_keys::ApiKey,
    authorization::{
        policy::{OrgScope, Write},
        resource::Resource,
    },
};

use crate::{
    WriteTx,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
};

/// Of the organization, and of its services, whose keys are shown to their makers alone.
const SEEN_BY: Sql = sql!(
    "select k.id
    from api_key_secrets s
    join api_keys k on k.org_id = s.org_id and k.id = s.api_key_id
    where s.org_id = $1 and s.shown_to = $2
    and (s.expires_at is null or s.expires_at > $3)
    and (k.expires_at is null or k.expires_at > $3)
    union
    select k.id
    from service_api_keys k
    where k.org_id = $1 and k.created_by = $2
    and (k.expires_at is null or k.expires_at > $3)
    order by 1"
);

const FIRST_USE: Sql = sql!(
    "update api_keys
    set last_used_at = $3
    where org_id = $1 and id = $2 and last_used_at is null"
);
const LATER_USE: Sql = sql!(
    "update api_keys
    set last_used_at = $3
    where org_id = $1 and id = $2"
);

impl WriteTx {
    /// The keys that work with a secret which was shown to `user`: what they may still hold when their own access has ended.
    pub async fn api_keys_seen_by<R: Resource>(&self, scope: OrgScope<'_, R, Write>, user: UserId) -> Result<Vec<ApiKeyId>> {
        let now: Time = self.now();
        let rows = sql::all(&self.tx, SEEN_BY, vec![scope.org().uuid().into(), user.uuid().into(), now.into()]).await?;
        let ids = rows.iter().map(|row| row.try_get_by_index(0).map(ApiKeyId::new));
        ids.collect::<Result<_, _>>().map_err(from_db)
    }

    /// Records that a key was used now; answers whether for the first time.
    pub async fn record_api_key_use(&self, key: &ApiKey) -> Result<bool> {
        let values = || vec![key.org_id.uuid().into(), key.id.uuid().into(), self.now().into()];
        let first = sql::execute(&self.tx, FIRST_USE, values()).await? == 1;
        if !first {
            sql::execute(&self.tx, LATER_USE, values()).await?;
        }
        Ok(first)
    }
}
