//! What SAML needs of a connection: keys of ours, and to be found by the addresses that its provider was given.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{ConnectionId, Error, OrgId, Result, identity::saml::SpKey};
use serde::{Deserialize, Serialize};

use super::table::SAML_KEYS;
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
};

const OF: Sql = sql!(
    "select c.org_id
    from connections c
    join organizations o on o.id = c.org_id
    where c.id = $1 and c.protocol = 'saml' and o.deleted_at is null"
);
const KEYS: Sql = sql!("select saml_keys from connections where org_id = $1 and id = $2 and saml_keys is not null");
const KEEP: Sql = sql!("update connections set saml_keys = $3 where org_id = $1 and id = $2 and saml_keys is null");

/// A key as it is sealed: PKCS #8 and certificate, both DER, in base64.
#[derive(Serialize, Deserialize)]
struct Kept(String, String);

impl Store {
    /// The organization of a SAML connection.
    pub async fn public_saml_connection(&self, id: ConnectionId) -> Result<Option<OrgId>> {
        let row = sql::one(&self.db, OF, vec![id.uuid().into()]).await?;
        row.map(|row| row.try_get_by_index(0).map(OrgId::new)).transpose().map_err(from_db)
    }

    /// Our keys at a connection's provider, the one that signs first; `None`: none were made yet.
    pub async fn public_saml_keys(&self, org: OrgId, id: ConnectionId) -> Result<Option<Vec<SpKey>>> {
        let Some(row) = sql::one(&self.db, KEYS, vec![org.uuid().into(), id.uuid().into()]).await? else { return Ok(None) };
        let sealed: String = row.try_get_by_index(0).map_err(from_db)?;
        let plain = self.open_sealed(&SAML_KEYS.place(org, &id.to_string()), &sealed.into()).await?;
        let kept: Vec<Kept> = serde_json::from_slice(&plain).map_err(Error::internal)?;
        let key = |Kept(pkcs8, certificate): &Kept| Ok(SpKey::new(STANDARD.decode(pkcs8)?, STANDARD.decode(certificate)?));
        kept.iter().map(key).collect::<Result<_, base64::DecodeError>>().map(Some).map_err(Error::internal)
    }
}

impl WriteTx {
    /// Keeps our keys at a connection's provider, unless it has some.
    pub async fn keep_saml_keys(&self, org: OrgId, id: ConnectionId, keys: &[SpKey]) -> Result<()> {
        let kept: Vec<_> =
            keys.iter().map(|key| Kept(STANDARD.encode(key.expose()), STANDARD.encode(&key.certificate))).collect();
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(&kept).map_err(Error::internal)?);
        let sealed = self.store.keyring().seal(&SAML_KEYS.place(org, &id.to_string()), &plain)?;
        let values = vec![org.uuid().into(), id.uuid().into(), sealed.as_str().into()];
        sql::execute(&self.tx, KEEP, values).await.map(|_| ())
    }
}
