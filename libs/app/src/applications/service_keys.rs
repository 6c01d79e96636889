//! API keys of a service. They outlive whoever makes them; what they may do lies within what their maker holds on that service (T20).

use chrono::TimeDelta;
use crypto::{Purpose, opaque};
use domain::{
    ApiKeyId, Error, Event, Result,
    applications::service_keys::{MAX_DAYS, ServiceKey, ServicePermissions},
    authorization::{in_service::decide_in_service, policy, resource::ServiceKeys},
    core::value::{Name, ServiceSlug, Slug},
};
use serde::{Deserialize, Serialize};
use store::Change;

use super::api_keys::prefix;
use crate::{App, Caller};

/// A new key.
pub struct NewServiceKey {
    /// Unique in the service.
    pub name: Name,
    /// What it may do.
    pub permissions: ServicePermissions,
    /// For how many days it works; `None`: until it is deleted.
    pub days: Option<i64>,
}

/// A key with its secret, which is shown this once.
#[derive(Clone, Serialize, Deserialize)]
pub struct IssuedServiceKey {
    /// The key.
    pub key: ServiceKey,
    /// What its bearer sends.
    pub secret: String,
}

impl App {
    /// The keys, without their secrets.
    pub async fn list_service_keys(&self, c: &Caller, slug: &Slug, service: &ServiceSlug) -> Result<Vec<ServiceKey>> {
        let standing = self.standing(c, slug).await?;
        let found = self.store.service_facts(&standing, service).await?;
        self.store.list_service_keys(decide_in_service(&standing, found.as_ref())?).await
    }

    /// One key.
    pub async fn get_service_key(&self, c: &Caller, slug: &Slug, service: &ServiceSlug, id: ApiKeyId) -> Result<ServiceKey> {
        let standing = self.standing(c, slug).await?;
        let found = self.store.service_facts(&standing, service).await?;
        self.store.get_service_key(decide_in_service(&standing, found.as_ref())?, id).await
    }

    /// Makes a key and answers its secret, this once. `Forbidden` (`permission_not_held`), `AlreadyExists` (`api_key_name_taken`),
    /// `Conflict` (`api_key_limit`).
    pub async fn create_service_key(
        &self,
        c: &Caller,
        slug: &Slug,
        service: &ServiceSlug,
        new: &NewServiceKey,
    ) -> Result<IssuedServiceKey> {
        if new.days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
            return Err(Error::field("expires_in_days", "out_of_range", format!("Use 1 to {MAX_DAYS} days.")));
        }
        self.in_service::<ServiceKeys, _>(c, slug, service, async |tx, scope| {
            policy::may_hold_service_key(scope, new.permissions)?;
            let (maker, secret) = (scope.require_person()?.id, opaque::mint(Purpose::ServiceKey, self.ids.as_ref()));
            let key = ServiceKey {
                id: ApiKeyId::new(tx.uuid()),
                org_id: scope.org(),
                service_id: scope.service(),
                name: new.name.clone(),
                prefix: prefix(&secret.text),
                permissions: new.permissions,
                expires_at: new.days.map(|days| tx.now() + TimeDelta::days(days)),
                last_used_at: None,
                created_by: maker,
                created_at: tx.now(),
            };
            tx.insert_service_key(scope, &key, &secret.hash).await?;
            let (name, prefix, permissions) = (key.name.to_string(), key.prefix.clone(), key.permissions.names());
            let event = Event::ApiKeyCreated { api_key_id: key.id, name, prefix, permissions, service_id: Some(key.service_id) };
            Ok(Change::new(IssuedServiceKey { key, secret: secret.text }, scope.org(), event))
        })
        .await
    }

    /// Revokes a key: it is refused from its next request on. Whoever manages the service may do it, whatever the key holds.
    pub async fn delete_service_key(&self, c: &Caller, slug: &Slug, service: &ServiceSlug, id: ApiKeyId) -> Result<()> {
        self.in_service::<ServiceKeys, _>(c, slug, service, async |tx, scope| {
            let key = tx.delete_service_key(scope, id).await?;
            let event = Event::ApiKeyDeleted { api_key_id: id, name: key.name.to_string(), service_id: Some(key.service_id) };
            Ok(Change::new((), scope.org(), event))
        })
        .await
    }
}
