//! Keys that sign checkpoints. They live long, and their public halves stay published for as long as there is a log: another purpose
//! than that of token keys, hence a table of their own.

use crypto::{Alg, Sealed, SigningKey};
use domain::{Error, PLATFORM, Result, Time};
use sea_orm::{EntityTrait, QueryOrder, Set};
use serde_json::{Value, json};

use crate::{
    Store,
    core::{entity::audit_keys, error::from_db},
    events::audit::table::PRIVATE_KEY,
};

/// Short signatures and quick to check; every JOSE library knows it.
const ALG: Alg = Alg::EdDsa;

impl Store {
    /// The key that signs now: the newest. The first use makes the first one.
    pub(super) async fn audit_key(&self, now: Time) -> Result<SigningKey> {
        let mut row = self.newest_audit_key().await?;
        if row.is_none() {
            // Two processes that start together both try; the primary key lets one win.
            let _ = self.insert_audit_key(1, now).await;
            row = self.newest_audit_key().await?;
        }
        let row = row.ok_or_else(|| Error::internal("there is no audit key"))?;
        let alg: Alg = row.alg.parse().map_err(|_| Error::internal(format!("audit key {} has an unknown algorithm", row.kid)))?;
        let place = PRIVATE_KEY.place(PLATFORM, &row.kid);
        let private = self.open_sealed(&place, &Sealed::from(row.private_key), now).await?;
        SigningKey::from_pkcs8(&row.kid, alg, &private)
    }

    async fn newest_audit_key(&self) -> Result<Option<audit_keys::Model>> {
        audit_keys::Entity::find().order_by_desc(audit_keys::Column::Id).one(&self.db).await.map_err(from_db)
    }

    async fn insert_audit_key(&self, id: i64, now: Time) -> Result<String> {
        let (key, private) = SigningKey::generate(ALG)?;
        let sealed = self.keyring.seal(&PRIVATE_KEY.place(PLATFORM, key.kid()), &private)?;
        let row = audit_keys::ActiveModel {
            id: Set(id),
            kid: Set(key.kid().to_owned()),
            alg: Set(ALG.to_string()),
            public_jwk: Set(key.jwk().to_string()),
            private_key: Set(sealed.as_str().to_owned()),
            created_at: Set(now),
        };
        audit_keys::Entity::insert(row).exec_without_returning(&self.db).await.map_err(from_db)?;
        Ok(key.kid().to_owned())
    }

    /// Makes a new key, which signs from now on. Answers its id.
    pub async fn add_audit_key(&self, now: Time) -> Result<String> {
        let newest = self.newest_audit_key().await?;
        self.insert_audit_key(newest.map_or(0, |row| row.id) + 1, now).await
    }

    /// The public halves of all keys that ever signed a checkpoint, as a JWK set, the newest first.
    pub async fn audit_jwks(&self) -> Result<Value> {
        let rows = audit_keys::Entity::find().order_by_desc(audit_keys::Column::Id).all(&self.db).await.map_err(from_db)?;
        let keys: Vec<Value> = rows.iter().filter_map(|row| serde_json::from_str(&row.public_jwk).ok()).collect();
        Ok(json!({ "keys": keys }))
    }
}
