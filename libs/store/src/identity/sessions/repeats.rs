//! The same renewal again: an answer that was lost on its way, or two tabs that asked at the same moment. For a few seconds whoever
//! repeats a refresh token from the same network and with the same user agent gets the very pair that its first use got.

use domain::{
    Error, GrantId, PLATFORM, Result, Time,
    identity::sessions::{GrantRow, TokenPair},
};
use sea_orm::Value;

use super::table::ANSWER;
use crate::{
    WriteTx,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
};

/// One row of a grant: a later renewal takes its place, and with it the answer to the one before.
const REMEMBER: Sql = sql!(
    "insert into refresh_repeats (grant_id, hash, network, user_agent, answer, until)
    values ($1, $2, $3, $4, $5, $6)
    on conflict (grant_id) do update
    set hash = excluded.hash, network = excluded.network, user_agent = excluded.user_agent, answer = excluded.answer,
        until = excluded.until"
);
const RECALL: Sql = sql!(
    "select answer
    from refresh_repeats
    where grant_id = $1 and hash = $2 and network = $3 and coalesce(user_agent, '') = coalesce($4, '') and until > $5"
);

impl WriteTx {
    /// Remembers, sealed, what this request is answered for the token with the hash `used`.
    pub async fn remember_renewal(&self, grant: &GrantRow, used: &str, answer: &TokenPair, until: Time) -> Result<()> {
        let text = serde_json::to_vec(answer).map_err(Error::internal)?;
        let sealed = self.store.keyring().seal(&ANSWER.place(PLATFORM, &grant.id.to_string()), &text)?;
        let values = self.renewal(grant.id, used).into_iter().chain([sealed.as_str().into(), until.into()]).collect();
        sql::execute(&self.tx, REMEMBER, values).await.map(|_| ())
    }

    /// What the token was exchanged for, if this request comes from where that one did, and soon enough after it. `now` is the
    /// database's.
    pub async fn renewal_again(&self, grant: &GrantRow, used: &str, now: Time) -> Result<Option<TokenPair>> {
        let values = self.renewal(grant.id, used).into_iter().chain([now.into()]).collect();
        let Some(row) = sql::one(&self.tx, RECALL, values).await? else { return Ok(None) };
        let sealed = row.try_get::<String>("", "answer").map_err(from_db)?.into();
        let text = self.open_sealed(&ANSWER.place(PLATFORM, &grant.id.to_string()), &sealed).await?;
        serde_json::from_slice(&text).map(Some).map_err(Error::internal)
    }

    fn renewal(&self, grant: GrantId, used: &str) -> [Value; 4] {
        let origin = self.origin();
        [grant.uuid().into(), used.into(), origin.network().into(), origin.user_agent.clone().into()]
    }
}
