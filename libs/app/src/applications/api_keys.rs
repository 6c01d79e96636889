//! API keys of an organization. They outlive whoever makes them; what they may do lies within what their maker holds (T20), and whoever
//! edits or rotates one must hold all that it holds, because they could then act as it.

use chrono::TimeDelta;
use crypto::{Purpose, opaque};
use domain::{
    ApiKeyId, Error, Event, Patch, Result, Time,
    applications::api_keys::{ApiKey, MAX_GRACE, Networks, USUAL_GRACE},
    authorization::{policy, resource::ApiKeys},
    core::value::{Name, Slug},
    tenancy::roles::Caps,
};
use serde::{Deserialize, Serialize};
use store::{Change, WriteTx};

use crate::{App, Caller};

/// A new key.
pub struct NewApiKey {
    /// Unique in the organization.
    pub name: Name,
    /// What it may do.
    pub caps: Caps,
    /// Where it may be used from.
    pub networks: Networks,
    /// Until when it works; none: until it is deleted.
    pub expires_at: Option<Time>,
}

/// What may be changed of a key.
pub struct ApiKeyChanges {
    /// Another name.
    pub name: Option<Name>,
    /// Other permissions.
    pub caps: Option<Caps>,
    /// Other networks.
    pub networks: Option<Networks>,
    /// Another end, or none.
    pub expires_at: Patch<Time>,
}

/// A key with its new secret, which is shown this once.
#[derive(Clone, Serialize, Deserialize)]
pub struct IssuedKey {
    /// The key.
    pub key: ApiKey,
    /// What its bearer sends.
    pub secret: String,
}

/// Characters of a secret that tell it from others: of its 256 random bits 208 stay unknown.
const PREFIX: usize = 12;

impl App {
    /// The keys, without their secrets.
    pub async fn list_api_keys(&self, c: &Caller, slug: &Slug) -> Result<Vec<ApiKey>> {
        let standing = self.standing(c, slug).await?;
        self.store.list_api_keys(policy::decide(&standing)?).await
    }

    /// One key.
    pub async fn get_api_key(&self, c: &Caller, slug: &Slug, id: ApiKeyId) -> Result<ApiKey> {
        let standing = self.standing(c, slug).await?;
        self.store.get_api_key(policy::decide(&standing)?, id).await
    }

    /// Makes a key and answers its secret, this once. `Forbidden` (`permission_not_held`), `AlreadyExists` (`api_key_name_taken`),
    /// `Conflict` (`api_key_limit`).
    pub async fn create_api_key(&self, c: &Caller, slug: &Slug, new: &NewApiKey) -> Result<IssuedKey> {
        check_caps(new.caps)?;
        check_end(new.expires_at, c.call.now)?;
        self.in_org::<ApiKeys, _>(c, slug, async |tx, scope| {
            policy::may_hold_key(scope, new.caps)?;
            let (maker, secret) = (scope.require_person()?.id, opaque::mint(Purpose::ApiKey, self.ids.as_ref()));
            let key = ApiKey {
                id: ApiKeyId::new(tx.uuid()),
                org_id: scope.org(),
                name: new.name.clone(),
                prefix: prefix(&secret.text),
                caps: new.caps,
                networks: new.networks.clone(),
                expires_at: new.expires_at,
                old_secret_until: None,
                last_used_at: None,
                created_by: maker,
                created_at: tx.now(),
                updated_at: tx.now(),
            };
            tx.insert_api_key(scope, &key, &secret.hash, maker).await?;
            let (name, prefix, permissions) = (key.name.to_string(), key.prefix.clone(), key.caps.names());
            let event = Event::ApiKeyCreated { api_key_id: key.id, name, prefix, permissions, service_id: None };
            Ok(Change::new(IssuedKey { key, secret: secret.text }, scope.org(), event))
        })
        .await
    }

    /// Changes a key, all of it or nothing; it acts by the new rules from its next request on.
    pub async fn update_api_key(&self, c: &Caller, slug: &Slug, id: ApiKeyId, changes: &ApiKeyChanges) -> Result<ApiKey> {
        check_caps(changes.caps.unwrap_or_default())?;
        if let Patch::Set(at) = &changes.expires_at {
            check_end(Some(*at), c.call.now)?;
        }
        self.in_org::<ApiKeys, _>(c, slug, async |tx, scope| {
            let mut key = tx.lock_api_key(scope, id).await?;
            let caps = changes.caps.unwrap_or(key.caps);
            policy::may_edit_key(scope, &key, caps)?;
            apply(changes, &mut key, caps, tx);
            tx.save_api_key(scope, &key).await?;
            let event = Event::ApiKeyUpdated { api_key_id: id, name: key.name.to_string(), permissions: key.caps.names() };
            Ok(Change::new(key, scope.org(), event))
        })
        .await
    }

    /// Gives a key another secret and answers it, this once. For `grace` seconds (a day if not said; 0: not at all) the one before works
    /// beside it, so that programs can change over. `Conflict` (`too_many_secrets`).
    pub async fn rotate_api_key(&self, c: &Caller, slug: &Slug, id: ApiKeyId, grace: Option<i64>) -> Result<IssuedKey> {
        let grace = grace.map_or(USUAL_GRACE, TimeDelta::seconds);
        if !(TimeDelta::zero()..=MAX_GRACE).contains(&grace) {
            return Err(Error::field("grace_seconds", "out_of_range", format!("Use at most {} days.", MAX_GRACE.num_days())));
        }
        self.in_org::<ApiKeys, _>(c, slug, async |tx, scope| {
            let before = tx.lock_api_key(scope, id).await?;
            policy::may_hold_key(scope, before.caps)?;
            let secret = opaque::mint(Purpose::ApiKey, self.ids.as_ref());
            let mut key = before.clone();
            key.prefix = prefix(&secret.text);
            key.old_secret_until = (grace > TimeDelta::zero()).then(|| tx.now() + grace);
            key.updated_at = tx.now();
            tx.rotate_api_key(scope, &before, &key, &secret.hash, scope.require_person()?.id).await?;
            let (name, prefix, grace_seconds) = (key.name.to_string(), key.prefix.clone(), grace.num_seconds());
            let event = Event::ApiKeyRotated { api_key_id: id, name, prefix, grace_seconds };
            Ok(Change::new(IssuedKey { key, secret: secret.text }, scope.org(), event))
        })
        .await
    }

    /// Revokes a key: it is refused from its next request on. Whoever manages keys may do it, whatever the key holds.
    pub async fn delete_api_key(&self, c: &Caller, slug: &Slug, id: ApiKeyId) -> Result<()> {
        self.in_org::<ApiKeys, _>(c, slug, async |tx, scope| {
            let key = tx.lock_api_key(scope, id).await?;
            tx.delete_api_key(scope, &key).await?;
            Ok(Change::new(
                (),
                scope.org(),
                Event::ApiKeyDeleted { api_key_id: id, name: key.name.to_string(), service_id: None },
            ))
        })
        .await
    }
}

pub(super) fn prefix(secret: &str) -> String {
    secret.chars().take(PREFIX).collect()
}

fn apply(changes: &ApiKeyChanges, key: &mut ApiKey, caps: Caps, tx: &WriteTx) {
    key.caps = caps;
    key.name = changes.name.clone().unwrap_or_else(|| key.name.clone());
    key.networks = changes.networks.clone().unwrap_or_else(|| key.networks.clone());
    key.expires_at = changes.expires_at.clone().apply(key.expires_at);
    key.updated_at = tx.now();
}

fn check_caps(caps: Caps) -> Result<()> {
    if Caps::FOR_PROGRAMS.covers(caps) {
        return Ok(());
    }
    let text = format!("A key can hold only: {}.", Caps::FOR_PROGRAMS.names().join(", "));
    Err(Error::field("permissions", "not_for_keys", text))
}

fn check_end(at: Option<Time>, now: Time) -> Result<()> {
    if at.is_none_or(|at| at > now) { Ok(()) } else { Err(Error::field("expires_at", "out_of_range", "Use a time to come.")) }
}
