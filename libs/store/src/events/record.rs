//! Writing events: the audit record, which is also what webhooks post, and its place in the outbox.

pub(crate) mod table;

use domain::{
    Event, EventId, OrgId, PLATFORM, Result,
    events::record::{Payload, TEST_PING},
};
use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryTrait, Set};

use crate::{
    WriteTx,
    core::{
        entity::{events, outbox},
        error::from_db,
    },
    events::audit::leaves,
};

/// Writes the events of a change and queues them for the sequencer.
pub(crate) async fn record(tx: &WriteTx, list: &[(OrgId, Event)]) -> Result<()> {
    if list.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = list.iter().map(|(org, event)| row(tx, *org, event)).collect();
    // PostgreSQL can write an event and its place in one statement, which saves most changes a round trip. Not several events: nothing
    // promises that their places would follow their order.
    if rows.len() == 1 && !tx.is_sqlite() {
        let mut insert = events::Entity::insert_many(rows).build(DbBackend::Postgres);
        let place = "insert into outbox (org_id, event_id) select org_id, id from event";
        insert.sql = format!("with event as ({} returning org_id, id) {place}", insert.sql);
        tx.tx.execute_raw(insert).await.map_err(from_db)?;
        return Ok(());
    }
    let queue: Vec<_> = rows
        .iter()
        .map(|row| outbox::ActiveModel { org_id: row.org_id.clone(), event_id: row.id.clone(), ..Default::default() })
        .collect();
    events::Entity::insert_many(rows).exec_without_returning(&tx.tx).await.map_err(from_db)?;
    outbox::Entity::insert_many(queue).exec_without_returning(&tx.tx).await.map_err(from_db)?;
    Ok(())
}

fn row(tx: &WriteTx, org: OrgId, event: &Event) -> events::ActiveModel {
    let target = event.target();
    let data = event.data();
    let body = body(tx, org, event.name().as_str(), Some((target.kind, &target.id)), Some(data.clone()));
    let success = !matches!(event, Event::LoginFailed { .. } | Event::RefreshTokenReused { .. });
    let mut row = blank(tx, org, event.name().as_str(), body);
    row.target_type = Set(target.kind.to_owned());
    row.target_id = Set(target.id);
    row.metadata = Set(data.to_string());
    row.success = Set(success);
    row
}

/// The test event of one endpoint: not part of the log or the feed, so it is not queued for the sequencer.
pub(crate) async fn ping(tx: &WriteTx, org: OrgId, webhook: domain::WebhookId) -> Result<EventId> {
    let data = serde_json::json!({ "message": "This is a test event." });
    let mut row = blank(tx, org, TEST_PING, body(tx, org, TEST_PING, None, Some(data)));
    row.target_type = Set("webhook".to_owned());
    row.target_id = Set(webhook.to_string());
    let id = row.id.clone().unwrap();
    events::Entity::insert(row).exec_without_returning(&tx.tx).await.map_err(from_db)?;
    Ok(EventId::new(id))
}

fn blank(tx: &WriteTx, org: OrgId, name: &str, body: String) -> events::ActiveModel {
    let (actor, origin) = (tx.actor(), tx.origin());
    events::ActiveModel {
        org_id: Set(org.uuid()),
        id: Set(tx.uuid()),
        name: Set(name.to_owned()),
        actor_kind: Set(actor.kind().to_owned()),
        actor_id: Set(actor.id()),
        actor_email: Set(actor.email().map(ToString::to_string)),
        target_type: Set(String::new()),
        target_id: Set(String::new()),
        ip_address: Set(origin.ip_address.clone()),
        user_agent: Set(origin.user_agent.clone()),
        request_id: Set(origin.request_id.clone()),
        traceparent: Set(origin.traceparent.clone()),
        success: Set(true),
        metadata: Set("{}".to_owned()),
        body: Set(body),
        created_at: Set(tx.now()),
        salt: Set(Some(leaves::salt(tx.store.ids.as_ref()))),
        digest: Set(None),
    }
}

fn body(tx: &WriteTx, org: OrgId, event: &str, target: Option<(&str, &str)>, data: Option<serde_json::Value>) -> String {
    let actor = tx.actor();
    let payload = Payload {
        event,
        timestamp: tx.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        organization_id: (org != PLATFORM).then_some(org),
        actor_user_id: matches!(actor, domain::Actor::User { .. }).then(|| actor.id()).flatten(),
        actor_email: actor.email().map(ToString::to_string),
        actor_type: actor.is_program().then(|| actor.kind()),
        actor_id: actor.is_program().then(|| actor.id()).flatten(),
        target_type: target.map(|(kind, _)| kind),
        target_id: target.map(|(_, id)| id),
        data,
    };
    // A struct of strings and JSON values always serializes.
    serde_json::to_string(&payload).unwrap_or_default()
}
