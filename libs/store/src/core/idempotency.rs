//! Idempotency keys: a repeated request gets the first one's answer instead of a second change.
//!
//! Claiming the key is the transaction's first statement, so a second caller waits there for the first one's outcome. Only successes are
//! kept, sealed (they hold one-time secrets), for a day. Whoever replays an answer must still be allowed to ask: the caller of
//! [`WriteTx::claim_key`] decides that again.

pub(crate) mod table;

use domain::{Error, PLATFORM, Result};
use sea_orm::{EntityTrait, Set, sea_query::OnConflict};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{
    WriteTx,
    core::{entity::idempotency, error::from_db},
};

/// A caller's `Idempotency-Key` for one operation, and what the request said.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    id: String,
    digest: String,
}

impl IdempotencyKey {
    /// `caller` and `operation` keep the keys of different callers and operations apart; `request` is what was asked.
    pub fn new(caller: &str, operation: &str, key: &str, request: &[u8]) -> Self {
        let id = [caller, operation, key].map(|part| format!("{}:{part}", part.len())).concat();
        Self { id: hex::encode(Sha256::digest(id)), digest: hex::encode(Sha256::digest(request)) }
    }
}

impl WriteTx {
    /// `None`: the key is ours now, and [`WriteTx::keep_answer`] must follow. `Some`: the answer of the request that had it before.
    /// `Conflict` (`idempotency_key_reused`) if that was another request.
    pub async fn claim_key<T: DeserializeOwned>(&self, key: &IdempotencyKey) -> Result<Option<T>> {
        let row = idempotency::ActiveModel {
            id: Set(key.id.clone()),
            digest: Set(key.digest.clone()),
            output: Set(None),
            created_at: Set(self.now()),
        };
        let inserted = idempotency::Entity::insert(row)
            .on_conflict(OnConflict::column(idempotency::Column::Id).do_nothing().to_owned())
            .exec_without_returning(&self.tx)
            .await
            .map_err(from_db)?;
        if inserted == 1 {
            return Ok(None);
        }
        let row = idempotency::Entity::find_by_id(key.id.clone()).one(&self.tx).await.map_err(from_db)?;
        let Some(row) = row.filter(|row| row.digest == key.digest) else {
            return Err(Error::conflict(
                "idempotency_key_reused",
                "This Idempotency-Key was used for another request. Use a new key for each request.",
            ));
        };
        let sealed = row.output.ok_or_else(|| Error::internal("an idempotency row without an answer was committed"))?;
        let plain = self.open_sealed(&table::OUTPUT.place(PLATFORM, &key.id), &sealed.into()).await?;
        Ok(Some(serde_json::from_slice(&plain).map_err(Error::internal)?))
    }

    /// Keeps the answer under a key that [`WriteTx::claim_key`] gave to this transaction.
    pub async fn keep_answer<T: Serialize>(&self, key: &IdempotencyKey, answer: &T) -> Result<()> {
        let sealed = self.store.keyring().seal_json(&table::OUTPUT.place(PLATFORM, &key.id), answer)?;
        let row = idempotency::ActiveModel {
            id: Set(key.id.clone()),
            output: Set(Some(sealed.as_str().to_owned())),
            ..Default::default()
        };
        idempotency::Entity::update(row).exec(&self.tx).await.map_err(from_db)?;
        Ok(())
    }
}
