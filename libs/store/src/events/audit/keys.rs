//! Keys that sign checkpoints. They live long, and their public halves stay published for as long as there is a log: another purpose
//! than that of token keys, hence a table of their own.
//!
//! Whoever can write to the database must not bring in a key: what is published is computed from private keys that open under the key
//! ring, and a row that does not open counts for nothing. Each new key is vouched for by the one before. The first key and the register
//! ([`super::register`]) are made together, and the key says so (`REGISTERED`): where there is such a key, a register that is not there was
//! taken away, and nothing is signed.

use crypto::{
    Alg, Sealed, SigningKey,
    audit::{
        checkpoint::PublicKeys,
        leaf::moment,
        statement::{self, Rotation},
    },
};
use domain::{Error, PLATFORM, Result, Time, authorization::policy::SystemScope};
use sea_orm::{ActiveModelTrait, DatabaseTransaction, EntityTrait, QueryOrder, Set};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::register;
use crate::{
    Store,
    core::{entity::audit_keys, error::from_db},
    events::audit::table::PRIVATE_KEY,
};

/// Short signatures and quick to check; every JOSE library knows it.
const ALG: Alg = Alg::EdDsa;

/// Stands before the private key (PKCS #8, which begins otherwise) where there is a register.
const REGISTERED: &[u8] = b"registered:";

/// A key whose private half opened.
pub(super) struct AuditKey {
    id: i64,
    pub(super) key: SigningKey,
    private: Zeroizing<Vec<u8>>,
    /// Whether there must be a register.
    registered: bool,
    rotation: Option<String>,
}

/// All of them, the newest first, as a JWK set; with `rotations`, in which each is vouched for by the one before.
pub(super) fn jwks(keys: &[AuditKey]) -> Value {
    let rotations: Vec<&String> = keys.iter().filter_map(|key| key.rotation.as_ref()).collect();
    let keys: Vec<Value> = keys.iter().map(|key| key.key.jwk()).collect();
    if rotations.is_empty() { json!({ "keys": keys }) } else { json!({ "keys": keys, "rotations": rotations }) }
}

/// Whether the register is still to be made: all keys are from before there was one.
pub(super) fn before_the_register(keys: &[AuditKey]) -> bool {
    !keys.is_empty() && keys.iter().all(|key| !key.registered)
}

impl Store {
    /// The key that signs now: the newest. The first use makes the first one.
    pub(crate) async fn audit_key(&self, now: Time) -> Result<SigningKey> {
        let mut keys = self.audit_keys().await?;
        if keys.is_empty() {
            // Two processes that start together both try; the primary keys let one win.
            if self.newest_audit_id().await?.is_none() {
                let _ = self.bookkeep(async |tx| self.first_audit_key(&tx, now).await).await;
            }
            keys = self.audit_keys().await?;
        }
        if before_the_register(&keys) {
            let text = "The audit log is being made ready for this version. Try again in a minute.";
            return Err(Error::unavailable(60, text));
        }
        // What is older than the register may not sign any more, wherever somebody has put it.
        let newest = keys.into_iter().find(|key| key.registered);
        newest.map(|key| key.key).ok_or_else(|| Error::internal("no audit key of the database opens"))
    }

    /// The same, for use cases that sign what they do.
    pub async fn audit_signer(&self, _: SystemScope, now: Time) -> Result<SigningKey> {
        self.audit_key(now).await
    }

    /// Every key that opens, the newest first.
    pub(super) async fn audit_keys(&self) -> Result<Vec<AuditKey>> {
        let rows = audit_keys::Entity::find().order_by_desc(audit_keys::Column::Id).all(&self.db).await.map_err(from_db)?;
        let mut keys = Vec::with_capacity(rows.len());
        for row in rows {
            let place = PRIVATE_KEY.place(PLATFORM, &row.kid);
            let Ok(opened) = self.try_open_sealed(&self.db, &place, &Sealed::from(row.private_key)).await? else {
                tracing::error!(row.kid, "an audit key in the database is not ours; it is neither used nor published");
                continue;
            };
            let alg: Alg =
                row.alg.parse().map_err(|_| Error::internal(format!("audit key {} has an unknown algorithm", row.kid)))?;
            let bare = opened.strip_prefix(REGISTERED);
            let (registered, private) = (bare.is_some(), Zeroizing::new(bare.unwrap_or(&opened).to_vec()));
            let key = SigningKey::from_pkcs8(&row.kid, alg, &private)?;
            keys.push(AuditKey { id: row.id, key, private, registered, rotation: row.rotation });
        }
        Ok(keys)
    }

    async fn newest_audit_id(&self) -> Result<Option<i64>> {
        let newest = audit_keys::Entity::find().order_by_desc(audit_keys::Column::Id).one(&self.db).await.map_err(from_db)?;
        Ok(newest.map(|row| row.id))
    }

    async fn first_audit_key(&self, tx: &DatabaseTransaction, now: Time) -> Result<()> {
        register::begin(self, tx).await?;
        self.insert_audit_key(tx, 1, None, now).await.map(|_| ())
    }

    async fn insert_audit_key(
        &self,
        tx: &DatabaseTransaction,
        id: i64,
        before: Option<&SigningKey>,
        now: Time,
    ) -> Result<String> {
        let (key, private) = SigningKey::generate(ALG)?;
        let row = audit_keys::ActiveModel {
            id: Set(id),
            kid: Set(key.kid().to_owned()),
            alg: Set(ALG.to_string()),
            // For people: what is published is computed from the private key.
            public_jwk: Set(key.jwk().to_string()),
            private_key: Set(self.seal_audit_key(key.kid(), &private)?),
            created_at: Set(now),
            rotation: Set(before.map(|before| rotation(before, &key, now)).transpose()?),
        };
        audit_keys::Entity::insert(row).exec_without_returning(tx).await.map_err(from_db)?;
        Ok(key.kid().to_owned())
    }

    fn seal_audit_key(&self, kid: &str, private: &[u8]) -> Result<String> {
        let payload = Zeroizing::new([REGISTERED, private].concat());
        Ok(self.keyring.seal(&PRIVATE_KEY.place(PLATFORM, kid), &payload)?.as_str().to_owned())
    }

    /// From now on there must be a register. Keys from before each get the word of the one before, too.
    pub(super) async fn register_keys(&self, tx: &DatabaseTransaction, keys: &[AuditKey], now: Time) -> Result<()> {
        for (n, AuditKey { id, key, private, .. }) in keys.iter().enumerate() {
            let row = audit_keys::ActiveModel {
                id: Set(*id),
                private_key: Set(self.seal_audit_key(key.kid(), private)?),
                rotation: Set(keys.get(n + 1).map(|before| rotation(&before.key, key, now)).transpose()?),
                ..Default::default()
            };
            row.update(tx).await.map_err(from_db)?;
        }
        Ok(())
    }

    /// Makes a new key, which signs from now on; the one before vouches for it. Answers its id.
    pub async fn add_audit_key(&self, now: Time) -> Result<String> {
        self.register_old_logs(now).await?;
        let before = self.audit_key(now).await?;
        let newest = self.newest_audit_id().await?.unwrap_or(0);
        self.bookkeep(async |tx| self.insert_audit_key(&tx, newest + 1, Some(&before), now).await).await
    }

    /// The public halves of all keys that ever signed a checkpoint, as a JWK set, the newest first; `rotations` has the word of each
    /// key's predecessor for it.
    pub async fn audit_jwks(&self) -> Result<Value> {
        Ok(jwks(&self.audit_keys().await?))
    }

    /// The same, for checking what the database says; none while there are none.
    pub(crate) async fn audit_public_keys(&self) -> Result<Option<PublicKeys>> {
        Ok(PublicKeys::from_jwks(&self.audit_jwks().await?).ok())
    }
}

fn rotation(before: &SigningKey, key: &SigningKey, now: Time) -> Result<String> {
    statement::sign(before, &Rotation { kid: key.kid().to_owned(), jwk: key.jwk(), created_at: moment(now) })
}
