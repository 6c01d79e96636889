//! Keys in the database: data keys (wrapped by a master key) and token signing keys (sealed by a data key), and `keys rotate`.

use crypto::{
    SealError,
    jwk::{Alg, SigningKey},
    keyring::WrappedKey,
    sealed::{Place, Sealed},
};
use domain::{Error, OrgId, PLATFORM, Result, Time, WebhookId};
use sea_orm::{ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use zeroize::Zeroizing;

use crate::{
    Store,
    core::{
        entity::{data_keys, idempotency, mails, signing_keys, webhooks},
        error::from_db,
    },
};

/// What a sealed value is bound to: moved to another organization, column or row it does not open.
pub(crate) fn place<'a>(org: OrgId, table: &'static str, column: &'static str, row: &'a str) -> Place<'a> {
    Place { org: org.uuid(), table, column, row }
}

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
        let mut rows = self.data_keys().await?;
        if rows.is_empty() {
            // Two processes that start together both try; the primary key lets one win.
            let _ = self.add_data_key(1, now).await;
            rows = self.data_keys().await?;
        }
        self.keyring.load(rows).map_err(|e| {
            Error::unavailable(
                60,
                "The master key does not fit this database. Check `keys.master` (or master.key in the data folder).",
            )
            .because(e)
        })
    }

    /// Opens a secret; if it was sealed with a key that another process has made meanwhile, the keys are loaded again first.
    pub(crate) async fn open_sealed(&self, place: &Place<'_>, sealed: &Sealed, now: Time) -> Result<Zeroizing<Vec<u8>>> {
        Ok(self.try_open_sealed(place, sealed, now).await??)
    }

    /// The same for who goes on without it. The inner error: no key we have opens it. The outer one: the keys could not be loaded, so
    /// nobody knows.
    pub(crate) async fn try_open_sealed(
        &self,
        place: &Place<'_>,
        sealed: &Sealed,
        now: Time,
    ) -> Result<Result<Zeroizing<Vec<u8>>, SealError>> {
        match self.keyring.open(place, sealed) {
            Err(SealError::UnknownKey(_)) => {
                self.load_data_keys(now).await?;
                Ok(self.keyring.open(place, sealed))
            }
            outcome => Ok(outcome),
        }
    }

    async fn data_keys(&self) -> Result<Vec<WrappedKey>> {
        let rows = data_keys::Entity::find().order_by_asc(data_keys::Column::Id).all(&self.db).await.map_err(from_db)?;
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
        let rows = self.data_keys().await?;
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
        Ok(self.reseal_webhooks().await?
            + self.reseal_mails().await?
            + self.reseal_answers().await?
            + self.reseal_signing_keys().await?
            + self.reseal_audit_keys().await?)
    }

    pub(crate) fn reseal(&self, place: &Place<'_>, sealed: String) -> Result<Option<String>> {
        let sealed = Sealed::from(sealed);
        if sealed.key_id() == self.keyring.active_id() {
            return Ok(None);
        }
        let plain = self.keyring.open(place, &sealed)?;
        Ok(Some(self.keyring.seal(place, &plain)?.as_str().to_owned()))
    }

    async fn reseal_webhooks(&self) -> Result<u64> {
        use webhooks::Column::{OldSecrets, Secret};
        let mut count = 0;
        for row in webhooks::Entity::find().all(&self.db).await.map_err(from_db)? {
            for (column, name, value) in
                [(Secret, "secret", Some(&row.secret)), (OldSecrets, "old_secrets", row.old_secrets.as_ref())]
            {
                if let Some(value) = value {
                    count += self.reseal_webhook(&row, column, name, value).await?;
                }
            }
        }
        Ok(count)
    }

    async fn reseal_webhook(
        &self,
        row: &webhooks::Model,
        column: webhooks::Column,
        name: &'static str,
        value: &str,
    ) -> Result<u64> {
        let id = WebhookId::new(row.id).to_string();
        let Some(sealed) = self.reseal(&place(OrgId::new(row.org_id), "webhooks", name, &id), value.to_owned())? else {
            return Ok(0);
        };
        let changed = webhooks::Entity::update_many().col_expr(column, sealed.into());
        let own = changed.filter(webhooks::Column::OrgId.eq(row.org_id)).filter(webhooks::Column::Id.eq(row.id));
        guarded(own.filter(column.eq(value)), self).await
    }

    async fn reseal_mails(&self) -> Result<u64> {
        let mut count = 0;
        for row in mails::Entity::find().filter(mails::Column::State.lt(2)).all(&self.db).await.map_err(from_db)? {
            let id = row.id.to_string();
            if let Some(message) = self.reseal(&place(OrgId::new(row.org_id), "mails", "message", &id), row.message.clone())? {
                let changed = mails::Entity::update_many().col_expr(mails::Column::Message, message.into());
                count +=
                    guarded(changed.filter(mails::Column::Id.eq(row.id)).filter(mails::Column::Message.eq(row.message)), self)
                        .await?;
            }
        }
        Ok(count)
    }

    async fn reseal_answers(&self) -> Result<u64> {
        let mut count = 0;
        for row in
            idempotency::Entity::find().filter(idempotency::Column::Output.is_not_null()).all(&self.db).await.map_err(from_db)?
        {
            let old = row.output.clone().unwrap_or_default();
            if let Some(output) = self.reseal(&place(PLATFORM, "idempotency", "output", &row.id), old.clone())? {
                let changed = idempotency::Entity::update_many().col_expr(idempotency::Column::Output, output.into());
                count +=
                    guarded(changed.filter(idempotency::Column::Id.eq(row.id)).filter(idempotency::Column::Output.eq(old)), self)
                        .await?;
            }
        }
        Ok(count)
    }

    async fn reseal_signing_keys(&self) -> Result<u64> {
        let mut count = 0;
        for row in signing_keys::Entity::find().all(&self.db).await.map_err(from_db)? {
            if let Some(private) =
                self.reseal(&place(PLATFORM, "signing_keys", "private_key", &row.kid), row.private_key.clone())?
            {
                let changed = signing_keys::Entity::update_many().col_expr(signing_keys::Column::PrivateKey, private.into());
                count += guarded(
                    changed
                        .filter(signing_keys::Column::Kid.eq(row.kid))
                        .filter(signing_keys::Column::PrivateKey.eq(row.private_key)),
                    self,
                )
                .await?;
            }
        }
        Ok(count)
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
            let place = place(PLATFORM, "signing_keys", "private_key", &row.kid);
            let private = self.open_sealed(&place, &Sealed::from(row.private_key), now).await?;
            let key = SigningKey::from_pkcs8(&row.kid, alg, &private)?;
            keys.push(StoredSigningKey { key, active_from: row.active_from, retired_at: row.retired_at });
        }
        Ok(keys)
    }

    /// Adds a signing key that signs from `active_from`; every key of the same algorithm before it is accepted until `retire_others_at`.
    pub async fn add_signing_key(&self, alg: Alg, now: Time, active_from: Time, retire_others_at: Option<Time>) -> Result<()> {
        let (key, private) = SigningKey::generate(alg)?;
        let sealed = self.keyring.seal(&place(PLATFORM, "signing_keys", "private_key", key.kid()), &private)?;
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

/// Runs an update that also compares the old value: a value that somebody else changed meanwhile is left alone.
pub(crate) async fn guarded<E: EntityTrait>(update: sea_orm::UpdateMany<E>, store: &Store) -> Result<u64> {
    Ok(update.exec(&store.db).await.map_err(from_db)?.rows_affected)
}
