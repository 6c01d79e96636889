//! Services that take SAML from us ([`domain::applications::service_saml`]): what they registered, with what we sign for them ([`keys`]), and by what they
//! know people ([`people`]).

pub mod keys;
pub mod people;
mod table;

use domain::{
    Error, OrgId, Result, ServiceId,
    applications::service_saml::{SamlSettings, ServiceSaml},
    authorization::{
        in_service::InService,
        policy::{Read, Write},
        resource::ServiceSaml as Resource,
    },
    tenancy::features::Feature,
};
use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

pub(crate) use self::table::{SERVICE_SAML, SERVICE_SAML_KEYS, SERVICE_SAML_NAMES, SERVICE_SAML_SESSIONS};
use crate::{
    Store, WriteTx,
    core::{
        error::from_db,
        sql::{self, Columns, Sql, sql},
    },
};

const GET: Sql = sql!(
    "select x.org_id, x.service_id, x.settings, x.created_at, x.updated_at
    from service_saml x
    where x.org_id = $1 and x.service_id = $2"
);
/// With what its organization may use.
const USABLE: Sql = sql!(
    "select x.org_id, x.service_id, x.settings, x.created_at, x.updated_at, t.features, o.feature_overrides
    from service_saml x
    join organizations o on o.id = x.org_id
    join tiers t on t.id = o.tier_id
    where x.org_id = $1 and x.service_id = $2 and x.enabled and o.deleted_at is null and o.status = 'active'"
);
const PUT: Sql = sql!(
    "insert into service_saml (org_id, service_id, enabled, entity_id, settings, created_at, updated_at)
    values ($1, $2, $3, $4, $5, $6, $7)
    on conflict (org_id, service_id) do update
    set enabled = excluded.enabled, entity_id = excluded.entity_id, settings = excluded.settings, updated_at = excluded.updated_at"
);
const DELETE: Sql = sql!("delete from service_saml where org_id = $1 and service_id = $2");

fn of(org: OrgId, service: ServiceId) -> Vec<Value> {
    vec![org.uuid().into(), service.uuid().into()]
}

fn read(columns: &mut Columns<'_>) -> Result<ServiceSaml, DbErr> {
    let (org_id, service_id) = (OrgId::new(columns.next()?), ServiceId::new(columns.next()?));
    let settings: String = columns.next()?;
    let settings: SamlSettings = serde_json::from_str(&settings).map_err(|e| DbErr::Json(e.to_string()))?;
    Ok(ServiceSaml { org_id, service_id, settings, created_at: columns.next()?, updated_at: columns.next()? })
}

async fn one(db: &impl ConnectionTrait, org: OrgId, service: ServiceId) -> Result<Option<ServiceSaml>> {
    let row = sql::one(db, GET, of(org, service)).await?;
    row.map(|row| read(&mut Columns::of(&row))).transpose().map_err(from_db)
}

/// What a service registered, if its organization may use it.
fn usable(row: &QueryResult) -> Result<Option<ServiceSaml>, DbErr> {
    let mut columns = Columns::of(row);
    let found = read(&mut columns)?;
    let (tier, own): (String, Option<String>) = (columns.next()?, columns.next()?);
    let may = |features: &str| Feature::SamlIdp.is_in(features);
    Ok((may(&tier) || own.as_deref().is_some_and(may)).then_some(found))
}

async fn one_usable(db: &impl ConnectionTrait, org: OrgId, service: ServiceId) -> Result<Option<ServiceSaml>> {
    let row = sql::one(db, USABLE, of(org, service)).await?;
    Ok(row.map(|row| usable(&row)).transpose().map_err(from_db)?.flatten())
}

impl Store {
    /// What a service registered.
    pub async fn get_service_saml(&self, scope: InService<'_, Resource, Read>) -> Result<Option<ServiceSaml>> {
        one(&self.db, scope.org(), scope.service()).await
    }

    /// The same for whoever comes to sign in: `None` where that is switched off, or the organization is not active or may not use it.
    pub async fn public_service_saml(&self, org: OrgId, service: ServiceId) -> Result<Option<ServiceSaml>> {
        one_usable(&self.db, org, service).await
    }
}

impl WriteTx {
    /// What a service registered, while nobody else changes it.
    pub async fn lock_service_saml(&self, scope: InService<'_, Resource, Write>) -> Result<Option<ServiceSaml>> {
        self.hold_service(scope).await?;
        one(&self.tx, scope.org(), scope.service()).await
    }

    /// Keeps what a service registers.
    pub async fn put_service_saml(&self, scope: InService<'_, Resource, Write>, saml: &ServiceSaml) -> Result<()> {
        let settings = serde_json::to_string(&saml.settings).map_err(Error::internal)?;
        let own = vec![
            saml.settings.enabled.into(),
            saml.settings.entity_id.as_str().into(),
            settings.into(),
            saml.created_at.into(),
            saml.updated_at.into(),
        ];
        sql::execute(&self.tx, PUT, [of(scope.org(), scope.service()), own].concat()).await.map(|_| ())
    }

    /// A service takes SAML no more: its keys go, and the names that it knew people by. `false`: it took none.
    pub async fn delete_service_saml(&self, scope: InService<'_, Resource, Write>) -> Result<bool> {
        self.hold_service(scope).await?;
        Ok(sql::execute(&self.tx, DELETE, of(scope.org(), scope.service())).await? == 1)
    }

    /// Whether answers may still go to this address of a service.
    pub async fn still_takes_saml(&self, org: OrgId, service: ServiceId, acs: &str) -> Result<bool> {
        let found = one_usable(&self.tx, org, service).await?;
        Ok(found.is_some_and(|found| found.settings.comes_back_to(acs)))
    }
}
