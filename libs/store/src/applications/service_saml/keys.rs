//! With what we sign for a service: one key, and around a change two.

use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{
    Error, OrgId, Result, ServiceId,
    applications::service_saml::{SigningCertificate, SigningCertificateId, signing},
    authorization::{
        in_service::InService,
        policy::{Read, Write},
        resource::ServiceSaml as Resource,
    },
    identity::saml::SpKey,
};
use sea_orm::{ConnectionTrait, DbErr};
use zeroize::Zeroizing;

use super::{of, table::KEY};
use crate::{
    Store, WriteTx,
    core::sql::{self, Columns, Sql, sql},
};

const LIST: Sql = sql!(
    "select k.id, k.certificate, k.valid_from, k.valid_until, k.signs_from, k.created_at, k.sealed
    from service_saml_keys k
    where k.org_id = $1 and k.service_id = $2
    order by k.created_at, k.id
    limit 10"
);
const INSERT: Sql = sql!(
    "insert into service_saml_keys (org_id, service_id, id, certificate, valid_from, valid_until, signs_from, created_at, sealed)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
);
const DELETE: Sql = sql!("delete from service_saml_keys where org_id = $1 and service_id = $2 and id = $3");
const ONLY_SIGNS: Sql = sql!("update service_saml_keys set signs_from = $4 where org_id = $1 and service_id = $2 and id = $3");
const HOLD: Sql = sql!("select 1 from service_saml where org_id = $1 and service_id = $2 {for update}");

fn read(columns: &mut Columns<'_>) -> Result<SigningCertificate, DbErr> {
    Ok(SigningCertificate {
        id: SigningCertificateId::new(columns.next()?),
        der: columns.next()?,
        valid_from: columns.next()?,
        valid_until: columns.next()?,
        signs_from: columns.next()?,
        created_at: columns.next()?,
    })
}

async fn all(db: &impl ConnectionTrait, org: OrgId, service: ServiceId) -> Result<Vec<(SigningCertificate, String)>> {
    let rows = sql::all(db, LIST, of(org, service)).await?;
    sql::read_all(&rows, |row| {
        let mut columns = Columns::of(row);
        Ok((read(&mut columns)?, columns.next()?))
    })
}

async fn certificates(db: &impl ConnectionTrait, org: OrgId, service: ServiceId) -> Result<Vec<SigningCertificate>> {
    Ok(all(db, org, service).await?.into_iter().map(|(certificate, _)| certificate).collect())
}

impl Store {
    /// A service's certificates, by age.
    pub async fn saml_certificates(&self, scope: InService<'_, Resource, Read>) -> Result<Vec<SigningCertificate>> {
        certificates(&self.db, scope.org(), scope.service()).await
    }

    /// The same for whoever asks for metadata.
    pub async fn public_saml_certificates(&self, org: OrgId, service: ServiceId) -> Result<Vec<SigningCertificate>> {
        certificates(&self.db, org, service).await
    }

    /// With what we sign for a service now; `None`: there is no key yet.
    pub async fn public_saml_signing_key(&self, org: OrgId, service: ServiceId, now: domain::Time) -> Result<Option<SpKey>> {
        let (certificates, mut sealed): (Vec<_>, Vec<_>) = all(&self.db, org, service).await?.into_iter().unzip();
        let Some(at) = signing(&certificates, now) else { return Ok(None) };
        let SigningCertificate { id, der, .. } = &certificates[at];
        let plain = self.open_sealed(&KEY.place(org, &id.to_string()), &sealed.swap_remove(at).into()).await?;
        let key = Zeroizing::new(STANDARD.decode(&*plain).map_err(Error::internal)?);
        Ok(Some(SpKey::new(key.to_vec(), STANDARD.decode(der).map_err(Error::internal)?)))
    }
}

impl WriteTx {
    async fn insert_saml_key(
        &self,
        (org, service): (OrgId, ServiceId),
        certificate: &SigningCertificate,
        key: &SpKey,
    ) -> Result<()> {
        let plain = Zeroizing::new(STANDARD.encode(key.expose()));
        let sealed = self.store.keyring().seal(&KEY.place(org, &certificate.id.to_string()), plain.as_bytes())?;
        let own = vec![
            certificate.id.uuid().into(),
            certificate.der.as_str().into(),
            certificate.valid_from.into(),
            certificate.valid_until.into(),
            certificate.signs_from.into(),
            certificate.created_at.into(),
            sealed.as_str().into(),
        ];
        sql::execute(&self.tx, INSERT, [of(org, service), own].concat()).await.map(|_| ())
    }

    /// A service's certificates, by age.
    pub async fn saml_certificates_of(&self, scope: InService<'_, Resource, Write>) -> Result<Vec<SigningCertificate>> {
        certificates(&self.tx, scope.org(), scope.service()).await
    }

    /// Keeps a service's first key, unless it has one or takes no SAML any more.
    pub async fn first_saml_key(
        &self,
        (org, service): (OrgId, ServiceId),
        certificate: &SigningCertificate,
        key: &SpKey,
    ) -> Result<()> {
        let is_there = sql::one(&self.tx, HOLD, of(org, service)).await?.is_some();
        if is_there && certificates(&self.tx, org, service).await?.is_empty() {
            self.insert_saml_key((org, service), certificate, key).await?;
        }
        Ok(())
    }

    /// Keeps another key beside the one that signs; what was beside it before goes.
    pub async fn next_saml_key(
        &self,
        scope: InService<'_, Resource, Write>,
        certificate: &SigningCertificate,
        key: &SpKey,
    ) -> Result<()> {
        let (org, service) = (scope.org(), scope.service());
        let known = certificates(&self.tx, org, service).await?;
        let stays = signing(&known, self.now());
        for (at, one) in known.iter().enumerate() {
            if Some(at) != stays {
                sql::execute(&self.tx, DELETE, [of(org, service), vec![one.id.uuid().into()]].concat()).await?;
            }
        }
        self.insert_saml_key((org, service), certificate, key).await
    }

    /// Ends the overlap of two keys: the newest signs from now on, and alone. `false`: there is one at most.
    pub async fn end_saml_overlap(&self, scope: InService<'_, Resource, Write>) -> Result<bool> {
        let (org, service) = (scope.org(), scope.service());
        let mut known = certificates(&self.tx, org, service).await?;
        let Some(newest) = known.pop().filter(|_| !known.is_empty()) else { return Ok(false) };
        for one in known {
            sql::execute(&self.tx, DELETE, [of(org, service), vec![one.id.uuid().into()]].concat()).await?;
        }
        let from = newest.signs_from.min(self.now());
        sql::execute(&self.tx, ONLY_SIGNS, [of(org, service), vec![newest.id.uuid().into(), from.into()]].concat()).await?;
        Ok(true)
    }
}
