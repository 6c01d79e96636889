//! The secrets of an endpoint: the one that signs, and those that were rotated out and sign beside it until their time ends.

use crypto::Sealed;
use domain::{
    Error, OrgId, Result, Time, WebhookId,
    authorization::{
        policy::{OrgScope, Write},
        resource::Webhooks,
    },
    delivery::webhooks::Webhook,
};
use sea_orm::{ConnectionTrait, EntityTrait, Set};
use serde::{Deserialize, Serialize};

use crate::{
    Store, WriteTx,
    core::{entity::webhooks, error::from_db},
    delivery::webhooks::{
        person,
        table::{OLD_SECRETS, SECRET},
    },
};

/// Secrets beside the current one. A rotation too many must not silently end one that the receiver still checks with.
const MOST_OLD: usize = 4;

/// A secret that was rotated out.
#[derive(Serialize, Deserialize)]
struct Old {
    secret: String,
    until: Time,
}

/// The sealed columns of an endpoint.
pub(crate) struct SealedSecrets {
    pub(crate) current: Sealed,
    pub(crate) old: Option<Sealed>,
}

impl WriteTx {
    /// Gives a locked endpoint a new signing secret. The one before signs as well until `until`; without that it ends at once, and all
    /// before it. Answers until when any old one signs. `Conflict` (`too_many_secrets`).
    pub async fn rotate_secret(
        &self,
        scope: OrgScope<'_, Webhooks, Write>,
        webhook: &Webhook,
        new: &str,
        until: Option<Time>,
    ) -> Result<Option<Time>> {
        let (org, id) = (scope.org(), webhook.id.to_string());
        let key = (org.uuid(), webhook.id.uuid());
        let row = webhooks::Entity::find_by_id(key).one(&self.tx).await.map_err(from_db)?;
        let row = row.ok_or_else(|| Error::not_found("webhook"))?;
        let mut old = match (until, row.old_secrets) {
            (Some(_), Some(sealed)) => self.store.old_secrets(&self.tx, org, &id, &sealed.into(), self.now()).await?,
            _ => Vec::new(),
        };
        if let Some(until) = until {
            let current = self.open_sealed(&SECRET.place(org, &id), &row.secret.into()).await?;
            old.insert(0, Old { secret: String::from_utf8_lossy(&current).into_owned(), until });
        }
        if old.len() > MOST_OLD {
            let message = "This webhook was rotated several times in a short time, and all those secrets still sign. Wait until the \
first of them ends, or rotate with `grace_seconds` 0, which ends all of them.";
            return Err(Error::conflict("too_many_secrets", message));
        }
        self.save_secrets(scope, webhook.id, new, &old).await
    }

    async fn save_secrets(
        &self,
        scope: OrgScope<'_, Webhooks, Write>,
        webhook: WebhookId,
        new: &str,
        old: &[Old],
    ) -> Result<Option<Time>> {
        let org = scope.org();
        let (id, keyring) = (webhook.to_string(), self.store.keyring());
        let until = old.iter().map(|secret| secret.until).max();
        let sealed = match until {
            Some(_) => Some(keyring.seal_json(&OLD_SECRETS.place(org, &id), &old)?.as_str().to_owned()),
            None => None,
        };
        let row = webhooks::ActiveModel {
            org_id: Set(org.uuid()),
            id: Set(webhook.uuid()),
            secret: Set(keyring.seal(&SECRET.place(org, &id), new.as_bytes())?.as_str().to_owned()),
            old_secrets: Set(sealed),
            old_secrets_until: Set(until),
            secret_shown_to: Set(person(scope)),
            updated_at: Set(self.now()),
            ..Default::default()
        };
        webhooks::Entity::update(row).exec(&self.tx).await.map_err(from_db)?;
        Ok(until)
    }
}

impl Store {
    /// Those whose time has not ended.
    async fn old_secrets(&self, db: &impl ConnectionTrait, org: OrgId, id: &str, sealed: &Sealed, now: Time) -> Result<Vec<Old>> {
        let plain = self.try_open_sealed(db, &OLD_SECRETS.place(org, id), sealed).await??;
        let all: Vec<Old> = serde_json::from_slice(&plain).map_err(Error::internal)?;
        Ok(all.into_iter().filter(|secret| secret.until > now).collect())
    }

    /// Every secret that signs now, the current one first. Empty if it cannot be opened with the keys we have: nothing leaves unsigned.
    pub(crate) async fn signing_secrets(
        &self,
        org: OrgId,
        webhook: WebhookId,
        sealed: &SealedSecrets,
        now: Time,
    ) -> Result<Vec<String>> {
        let id = webhook.to_string();
        let current = self.try_open_sealed(&self.db, &SECRET.place(org, &id), &sealed.current).await?;
        let Some(current) = current.ok().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok()) else {
            tracing::error!(%webhook, %org, "the endpoint's secret cannot be opened; its deliveries fail");
            return Ok(Vec::new());
        };
        let mut secrets = vec![current];
        if let Some(old) = &sealed.old {
            match self.old_secrets(&self.db, org, &id, old, now).await {
                Ok(old) => secrets.extend(old.into_iter().map(|secret| secret.secret)),
                // The current one signs all the same.
                Err(error) => tracing::error!(%webhook, %org, %error, "the endpoint's old secrets cannot be opened"),
            }
        }
        Ok(secrets)
    }
}
