//! Keys in the database: data keys (wrapped by a master key) and token signing keys (sealed by a data key), and `keys rotate`.

pub(crate) mod table;
#[cfg(test)]
mod tests;

use crypto::{
    SealError,
    jwk::{Alg, SigningKey},
    keyring::WrappedKey,
    sealed::{Place, Sealed},
};
use domain::{Error, PLATFORM, Result, Time};
use sea_orm::{ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use zeroize::Zeroizing;

use crate::{
    Store, WriteTx,
    core::{
        entity::{data_keys, signing_keys},
        error::from_db,
        keys::table::PRIVATE_KEY,
        sql,
        table::SealedColumn,
        tables,
    },
};

/// A signing key with its times.
pub struct StoredSigningKey {
    /// The key.
    pub key: SigningKey,
    /// From when it signs; published before.
    pub active_from: Time,
    /// From when nothing it signed is accepted.
    pub retired_at: Option<Time>,
}

impl Store {
    /// Loads the data keys, making the first one if there is none. Call once at start, and again when a key is unknown.
    pub async fn load_data_keys(&self, now: Time) -> Result<()> {
        let mut rows = self.data_keys(&self.db).await?;
        if rows.is_empty() {
            // Two processes that start together both try; the primary key lets one win.
            let _ = self.add_data_key(1, now).await;
            rows = self.data_keys(&self.db).await?;
        }
        self.know(rows)
    }

    fn know(&self, rows: Vec<WrappedKey>) -> Result<()> {
        self.keyring.load(rows).map_err(|e| {
            Error::unavailable(
                60,
                "The master key does not fit this database. Check `keys.master` (or master.key in the data folder).",
            )
            .because(e)
        })
    }

    /// Opens a secret; if it was sealed with a key that another process has made meanwhile, the keys are loaded again first.
    pub(crate) async fn open_sealed(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>> {
        Ok(self.try_open_sealed(&self.db, place, sealed).await??)
    }

    /// The same for who goes on without it. The inner error: no key we have opens it. The outer one: the keys could not be loaded, so
    /// nobody knows. Whoever is in a transaction says so: a second connection may not be had while the first is held.
    pub(crate) async fn try_open_sealed(
        &self,
        db: &impl ConnectionTrait,
        place: &Place<'_>,
        sealed: &Sealed,
    ) -> Result<Result<Zeroizing<Vec<u8>>, SealError>> {
        match self.keyring.open(place, sealed) {
            Err(SealError::UnknownKey(_)) => {
                self.know(self.data_keys(db).await?)?;
                Ok(self.keyring.open(place, sealed))
            }
            outcome => Ok(outcome),
        }
    }

    /// Whether we made `tag` of this ([`crypto::Keyring::is_tag`]). One that names a key that is not there is none of ours.
    pub async fn is_tag(&self, purpose: &str, text: &[u8], tag: &str) -> Result<bool> {
        self.is_tag_by(&self.db, purpose, text, tag).await
    }

    /// The same for who has a connection already.
    pub(crate) async fn is_tag_by(&self, db: &impl ConnectionTrait, purpose: &str, text: &[u8], tag: &str) -> Result<bool> {
        let outcome = match self.keyring.is_tag(purpose, text, tag) {
            Err(SealError::UnknownKey(_)) => {
                self.know(self.data_keys(db).await?)?;
                self.keyring.is_tag(purpose, text, tag)
            }
            outcome => outcome,
        };
        match outcome {
            Err(SealError::UnknownKey(_)) => Ok(false),
            outcome => Ok(outcome?),
        }
    }

    async fn data_keys(&self, db: &impl ConnectionTrait) -> Result<Vec<WrappedKey>> {
        let rows = data_keys::Entity::find().order_by_asc(data_keys::Column::Id).all(db).await.map_err(from_db)?;
        Ok(rows.into_iter().map(|row| WrappedKey { id: row.id, master: row.master, wrapped: row.wrapped }).collect())
    }

    async fn add_data_key(&self, id: i64, now: Time) -> Result<()> {
        let key = self.keyring.mint_data_key(id, self.ids.as_ref());
        let row =
            data_keys::ActiveModel { id: Set(key.id), master: Set(key.master), wrapped: Set(key.wrapped), created_at: Set(now) };
        data_keys::Entity::insert(row).exec_without_returning(&self.db).await.map_err(from_db)?;
        Ok(())
    }

    /// Makes a new data key, wraps all of them under the active master key, and seals every stored secret anew. Returns how many
    /// secrets were sealed. Safe beside running servers: an older key stays readable; run it again to catch what they sealed meanwhile.
    pub async fn rotate_data_keys(&self, now: Time) -> Result<u64> {
        let rows = self.data_keys(&self.db).await?;
        for row in &rows {
            let key = self.keyring.rewrap(row)?;
            let row = data_keys::ActiveModel {
                id: Set(key.id),
                master: Set(key.master),
                wrapped: Set(key.wrapped),
                ..Default::default()
            };
            row.update(&self.db).await.map_err(from_db)?;
        }
        self.add_data_key(rows.last().map_or(0, |key| key.id) + 1, now).await?;
        self.load_data_keys(now).await?;
        let mut count = 0;
        for column in tables::sealed() {
            count += self.reseal_column(column).await?;
        }
        Ok(count)
    }

    /// Seals every value of a column anew. One that somebody else changed meanwhile is left alone.
    async fn reseal_column(&self, column: &SealedColumn) -> Result<u64> {
        let mut count = 0;
        for found in sql::all(&self.db, column.find, vec![]).await? {
            let old: String = found.try_get("", "sealed").map_err(from_db)?;
            let row = (column.row)(&found).map_err(from_db)?;
            if let Some(new) = self.reseal(&column.place(row.org, &row.name), &old)? {
                let values = [new.into(), old.into()].into_iter().chain(row.key).collect();
                count += sql::execute(&self.db, column.replace, values).await?;
            }
        }
        Ok(count)
    }

    /// The value sealed with the active key; none if it is already.
    fn reseal(&self, place: &Place<'_>, sealed: &str) -> Result<Option<String>> {
        let sealed = Sealed::from(sealed.to_owned());
        if sealed.key_id() == self.keyring.active_id() {
            return Ok(None);
        }
        let plain = self.keyring.open(place, &sealed)?;
        Ok(Some(self.keyring.seal(place, &plain)?.as_str().to_owned()))
    }

    /// Every signing key that is not retired yet, oldest first.
    pub async fn signing_keys(&self, now: Time) -> Result<Vec<StoredSigningKey>> {
        let live =
            sea_orm::Condition::any().add(signing_keys::Column::RetiredAt.is_null()).add(signing_keys::Column::RetiredAt.gt(now));
        let rows = signing_keys::Entity::find()
            .filter(live)
            .order_by_asc(signing_keys::Column::ActiveFrom)
            .order_by_asc(signing_keys::Column::Kid)
            .limit(20)
            .all(&self.db)
            .await
            .map_err(from_db)?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            let alg: Alg =
                row.alg.parse().map_err(|_| Error::internal(format!("signing key {} has an unknown algorithm", row.kid)))?;
            let place = PRIVATE_KEY.place(PLATFORM, &row.kid);
            let private = self.open_sealed(&place, &Sealed::from(row.private_key)).await?;
            let key = SigningKey::from_pkcs8(&row.kid, alg, &private)?;
            keys.push(StoredSigningKey { key, active_from: row.active_from, retired_at: row.retired_at });
        }
        Ok(keys)
    }

    /// Adds a signing key that signs from `active_from`; every key of the same algorithm before it is accepted until `retire_others_at`.
    pub async fn add_signing_key(&self, alg: Alg, now: Time, active_from: Time, retire_others_at: Option<Time>) -> Result<()> {
        let (key, private) = SigningKey::generate(alg)?;
        let sealed = self.keyring.seal(&PRIVATE_KEY.place(PLATFORM, key.kid()), &private)?;
        if let Some(at) = retire_others_at {
            signing_keys::Entity::update_many()
                .col_expr(signing_keys::Column::RetiredAt, at.into())
                .filter(signing_keys::Column::Alg.eq(alg.to_string()))
                .filter(signing_keys::Column::RetiredAt.is_null())
                .exec(&self.db)
                .await
                .map_err(from_db)?;
        }
        let row = signing_keys::ActiveModel {
            kid: Set(key.kid().to_owned()),
            alg: Set(alg.to_string()),
            private_key: Set(sealed.as_str().to_owned()),
            active_from: Set(active_from),
            retired_at: Set(None),
            created_at: Set(now),
        };
        signing_keys::Entity::insert(row).exec_without_returning(&self.db).await.map_err(from_db)?;
        Ok(())
    }
}

impl WriteTx {
    /// [`Store::open_sealed`] inside of a transaction.
    pub(crate) async fn open_sealed(&self, place: &Place<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>> {
        Ok(self.store.try_open_sealed(&self.tx, place, sealed).await??)
    }
}
