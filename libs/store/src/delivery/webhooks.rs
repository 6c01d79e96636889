//! Webhook endpoints.

mod changes;
pub mod disabling;
pub(crate) mod secrets;
pub(crate) mod table;

use std::collections::HashMap;

use domain::{
    Error, OrgId, Result, WebhookId,
    authorization::{
        policy::{OrgScope, Read, Write},
        resource::Webhooks,
    },
    core::value::Name,
    delivery::webhooks::{
        EndpointUrl, Webhook,
        quota::{Behind, Full, MAX_WEBHOOKS},
    },
};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, NotSet, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::LockType,
};
use uuid::Uuid;

use crate::{
    Store, WriteTx,
    core::{
        entity::{destinations as destination_rows, webhooks},
        error::{from_db, on_any},
    },
    delivery::deliveries::destinations::{self, Destination},
    tenancy::organizations::counters,
};

/// An endpoint, with what its destination knows of it.
fn webhook(row: webhooks::Model, destination: Option<&destination_rows::Model>) -> Result<Webhook> {
    let behind = destination.and_then(|at| {
        let why = Full::stored(at.behind_why.as_deref().unwrap_or_default());
        Some(Behind { since: at.behind_since?, from: at.behind_from?, why })
    });
    Ok(Webhook {
        id: WebhookId::new(row.id),
        org_id: OrgId::new(row.org_id),
        name: Name::stored(row.name),
        url: EndpointUrl::stored(&row.url).map_err(Error::internal)?,
        // A name that is no longer in the registry is not sent any more.
        events: row.events.split_whitespace().filter_map(|name| name.parse().ok()).collect(),
        is_active: row.is_active,
        in_order: row.in_order,
        disabled_at: row.disabled_at,
        disabled_reason: row.disabled_reason,
        old_secrets_until: row.old_secrets_until,
        unverified: destination.is_some_and(|at| at.verified_at.is_none() && at.failing_since.is_some()),
        behind,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn events_text(w: &Webhook) -> String {
    w.events.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" ")
}

async fn get(db: &impl ConnectionTrait, org: OrgId, id: WebhookId) -> Result<Webhook> {
    let row = webhooks::Entity::find_by_id((org.uuid(), id.uuid())).one(db).await.map_err(from_db)?;
    with_destination(db, row.ok_or_else(|| Error::not_found("webhook"))?).await
}

async fn with_destination(db: &impl ConnectionTrait, row: webhooks::Model) -> Result<Webhook> {
    let at = destination_rows::Entity::find_by_id((row.org_id, row.id)).one(db).await.map_err(from_db)?;
    webhook(row, at.as_ref())
}

/// An endpoint that cannot be deleted, or begin to keep an order, until the transaction ends; `None` if it is gone.
pub(crate) async fn share(tx: &DatabaseTransaction, org: OrgId, id: WebhookId) -> Result<Option<Webhook>> {
    let row = webhooks::Entity::find_by_id((org.uuid(), id.uuid())).lock(LockType::KeyShare).one(tx).await.map_err(from_db)?;
    row.map(|row| webhook(row, None)).transpose()
}

/// Who answers for what is asked; for a program nobody.
fn person(scope: OrgScope<'_, Webhooks, Write>) -> Option<Uuid> {
    scope.principal().answerable().map(domain::UserId::uuid)
}

fn name_taken() -> impl FnOnce(DbErr) -> Error {
    let taken = || Error::exists("webhook_name_taken", "Another webhook of this organization has this name.");
    on_any([&table::WEBHOOKS_NAME, &table::WEBHOOKS_NAME_KEY], taken)
}

impl Store {
    /// Every endpoint of the organization, by age: all of them, whatever their number (`MAX_WEBHOOKS` bounds it), because each is sent
    /// events.
    pub async fn list_webhooks(&self, scope: OrgScope<'_, Webhooks, Read>) -> Result<Vec<Webhook>> {
        let query = webhooks::Entity::find().filter(webhooks::Column::OrgId.eq(scope.org().uuid()));
        let rows = query
            .order_by_asc(webhooks::Column::CreatedAt)
            .order_by_asc(webhooks::Column::Id)
            .all(&self.db)
            .await
            .map_err(from_db)?;
        let query = destination_rows::Entity::find().filter(destination_rows::Column::OrgId.eq(scope.org().uuid()));
        let at = query.all(&self.db).await.map_err(from_db)?;
        let at: HashMap<_, _> = at.into_iter().map(|at| (at.webhook_id, at)).collect();
        rows.into_iter()
            .map(|row| {
                let at = at.get(&row.id);
                webhook(row, at)
            })
            .collect()
    }
    /// An endpoint.
    pub async fn get_webhook(&self, scope: OrgScope<'_, Webhooks, Read>, id: WebhookId) -> Result<Webhook> {
        get(&self.db, scope.org(), id).await
    }
}

impl WriteTx {
    /// An endpoint, locked until the transaction ends.
    pub async fn lock_webhook(&self, scope: OrgScope<'_, Webhooks, Write>, id: WebhookId) -> Result<Webhook> {
        let row = webhooks::Entity::find_by_id((scope.org().uuid(), id.uuid()))
            .lock_exclusive()
            .one(&self.tx)
            .await
            .map_err(from_db)?;
        with_destination(&self.tx, row.ok_or_else(|| Error::not_found("webhook"))?).await
    }

    /// An endpoint that cannot be changed or deleted until the transaction ends. Unlike [`WriteTx::lock_webhook`] this does not hold up
    /// the sequencer, which serves every organization.
    pub async fn pin_webhook(&self, scope: OrgScope<'_, Webhooks, Write>, id: WebhookId) -> Result<Webhook> {
        let row = webhooks::Entity::find_by_id((scope.org().uuid(), id.uuid()))
            .lock(LockType::NoKeyUpdate)
            .one(&self.tx)
            .await
            .map_err(from_db)?;
        with_destination(&self.tx, row.ok_or_else(|| Error::not_found("webhook"))?).await
    }

    /// Registers an endpoint; `secret` is stored sealed. `AlreadyExists` (`webhook_name_taken`), `Conflict` (`webhook_limit`).
    pub async fn insert_webhook(&self, scope: OrgScope<'_, Webhooks, Write>, w: &Webhook, secret: &str) -> Result<()> {
        let org = scope.org();
        let id = w.id.to_string();
        let sealed = self.store.keyring().seal(&table::SECRET.place(org, &id), secret.as_bytes())?;
        let row = webhooks::ActiveModel {
            org_id: Set(org.uuid()),
            id: Set(w.id.uuid()),
            name: Set(w.name.to_string()),
            name_key: Set(Some(w.name.key())),
            url: Set(w.url.as_str().to_owned()),
            events: Set(events_text(w)),
            secret: Set(sealed.as_str().to_owned()),
            is_active: Set(w.is_active),
            created_at: Set(w.created_at),
            updated_at: Set(w.updated_at),
            in_order: Set(w.in_order),
            url_chosen_by: Set(person(scope)),
            secret_shown_to: Set(person(scope)),
            ..Default::default()
        };
        webhooks::Entity::insert(row).exec_without_returning(&self.tx).await.map_err(name_taken())?;
        let destination = destination_rows::ActiveModel {
            org_id: Set(org.uuid()),
            webhook_id: Set(w.id.uuid()),
            due_at: Set(None),
            failures: Set(0),
            ..Default::default()
        };
        destination_rows::Entity::insert(destination).exec_without_returning(&self.tx).await.map_err(from_db)?;
        if self.take_place(org, &counters::WEBHOOKS, MAX_WEBHOOKS).await? {
            return Ok(());
        }
        Err(Error::conflict("webhook_limit", format!("An organization has at most {MAX_WEBHOOKS} webhooks.")))
    }

    /// Saves what may change of an endpoint that was `before`. `AlreadyExists` (`webhook_name_taken`).
    pub async fn save_webhook(&self, scope: OrgScope<'_, Webhooks, Write>, before: &Webhook, w: &Webhook) -> Result<()> {
        let row = webhooks::ActiveModel {
            org_id: Set(scope.org().uuid()),
            id: Set(w.id.uuid()),
            name: Set(w.name.to_string()),
            name_key: Set(Some(w.name.key())),
            url: Set(w.url.as_str().to_owned()),
            events: Set(events_text(w)),
            is_active: Set(w.is_active),
            in_order: Set(w.in_order),
            disabled_at: Set(w.disabled_at),
            disabled_reason: Set(w.disabled_reason.clone()),
            updated_at: Set(w.updated_at),
            url_chosen_by: if w.url == before.url { NotSet } else { Set(person(scope)) },
            ..Default::default()
        };
        webhooks::Entity::update(row).exec(&self.tx).await.map_err(name_taken())?;
        Ok(())
    }

    /// Deletes an endpoint with its deliveries. One that is in flight may still arrive; its worker finds nothing to settle.
    pub async fn delete_webhook(&self, scope: OrgScope<'_, Webhooks, Write>, id: WebhookId) -> Result<()> {
        // Before the cascade reaches the deliveries, whose rows a worker may be settling under this lock.
        destinations::lock(&self.tx, &mut [Destination { org: scope.org(), webhook: id }]).await?;
        webhooks::Entity::delete_by_id((scope.org().uuid(), id.uuid())).exec(&self.tx).await.map_err(from_db)?;
        self.give_place_back(scope.org(), &counters::WEBHOOKS).await
    }
}
