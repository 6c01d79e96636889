//! Writing events: the audit record, which is also what webhooks post, and its place in the outbox.

pub(crate) mod table;

use domain::{
    Actor, Event, EventId, OrgId, Origin, PLATFORM, Result, Time,
    events::record::{Payload, TEST_PING},
};
use sea_orm::Value;
use uuid::Uuid;

use crate::{
    WriteTx,
    core::sql::{self, Sql, sql},
    events::audit::leaves,
};

const COLUMNS: &str =
    "org_id, id, name, actor_kind, actor_id, actor_email, target_type, target_id, ip_address, user_agent, request_id,
  traceparent, success, metadata, body, created_at, salt";

// One statement saves most changes a round trip. Not for several events: nothing promises that their places would follow their order.
// Only PostgreSQL can write two tables at once.
const RECORD_ONE: Sql = sql!(
    "with event as (
       insert into events ({columns})
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
       returning org_id, id)
     insert into outbox (org_id, event_id) select org_id, id from event",
    columns = COLUMNS
);

const RECORD: Sql<17> = sql!(
    "insert into events ({columns})
     select {columns} from {rows}",
    rows = 1 (
        org_id: Uuid,
        id: Uuid,
        name: String,
        actor_kind: String,
        actor_id: Option<String>,
        actor_email: Option<String>,
        target_type: String,
        target_id: String,
        ip_address: Option<String>,
        user_agent: Option<String>,
        request_id: Option<String>,
        traceparent: Option<String>,
        success: bool,
        metadata: String,
        body: String,
        created_at: Time,
        salt: String,
    ),
    columns = COLUMNS
);

// Places follow the order of the events.
const QUEUE: Sql<3> = sql!(
    "insert into outbox (org_id, event_id)
     select v.org_id, v.event_id from {rows} order by v.number",
    rows = 1 (org_id: Uuid, event_id: Uuid, number: i64)
);

/// Writes the events of a change and queues them for the sequencer.
pub(crate) async fn record(tx: &WriteTx, list: &[(OrgId, Event)]) -> Result<()> {
    match list {
        [] => {}
        [(org, event)] if !tx.is_sqlite() => {
            sql::execute(&tx.tx, RECORD_ONE, row(tx, *org, event).values().into()).await?;
        }
        _ => {
            let rows: Vec<Row> = list.iter().map(|(org, event)| row(tx, *org, event)).collect();
            let places: Vec<_> = (0_i64..).zip(&rows).map(|(n, row)| [row.org.uuid().into(), row.id.into(), n.into()]).collect();
            RECORD.execute(&tx.tx, vec![], rows.into_iter().map(Row::values)).await?;
            QUEUE.execute(&tx.tx, vec![], places).await?;
        }
    }
    Ok(())
}

/// A record as it is written.
struct Row {
    org: OrgId,
    id: Uuid,
    name: String,
    actor: Actor,
    target_type: String,
    target_id: String,
    origin: Origin,
    success: bool,
    metadata: String,
    body: String,
    at: Time,
    salt: String,
}

impl Row {
    /// In the order of [`COLUMNS`].
    fn values(self) -> [Value; 17] {
        [
            self.org.uuid().into(),
            self.id.into(),
            self.name.into(),
            self.actor.kind().into(),
            self.actor.id().into(),
            self.actor.email().map(ToString::to_string).into(),
            self.target_type.into(),
            self.target_id.into(),
            self.origin.ip_address.into(),
            self.origin.user_agent.into(),
            self.origin.request_id.into(),
            self.origin.traceparent.into(),
            self.success.into(),
            self.metadata.into(),
            self.body.into(),
            self.at.into(),
            self.salt.into(),
        ]
    }

    fn about(mut self, kind: &str, id: String) -> Self {
        (self.target_type, self.target_id) = (kind.to_owned(), id);
        self
    }
}

fn row(tx: &WriteTx, org: OrgId, event: &Event) -> Row {
    let (name, target, mut data) = (event.name(), event.target(), event.data());
    let body_data = data.clone();
    if let (Some(act), Some(more)) = (act(tx.actor()), data.as_object_mut()) {
        more.insert("act".to_owned(), act);
    }
    let metadata = data.to_string();
    let (target_type, target_id) = (Some(target.kind), Some(target.id.as_str()));
    let body =
        body(tx, org, Payload { event: name.as_str(), target_type, target_id, data: Some(body_data), ..Payload::default() });
    let success = !matches!(event, Event::LoginFailed { .. } | Event::RefreshTokenReused { .. });
    Row { success, metadata, ..blank(tx, org, name.as_str(), body) }.about(target.kind, target.id)
}

/// The test event of one endpoint: not part of the log or the feed, so it is not queued for the sequencer.
pub(crate) async fn ping(tx: &WriteTx, org: OrgId, webhook: domain::WebhookId) -> Result<EventId> {
    let body = body(tx, org, Payload { event: TEST_PING, message: Some("This is a test event."), ..Payload::default() });
    let row = blank(tx, org, TEST_PING, body).about("webhook", webhook.to_string());
    let id = EventId::new(row.id);
    RECORD.execute(&tx.tx, vec![], [row.values()]).await?;
    Ok(id)
}

fn blank(tx: &WriteTx, org: OrgId, name: &str, body: String) -> Row {
    Row {
        org,
        id: tx.uuid(),
        name: name.to_owned(),
        actor: tx.actor().clone(),
        target_type: String::new(),
        target_id: String::new(),
        origin: tx.origin().clone(),
        success: true,
        metadata: "{}".to_owned(),
        body,
        at: tx.now(),
        salt: leaves::salt(tx.store.ids.as_ref()),
    }
}

/// Who really acts, where that is not the user.
fn act(actor: &Actor) -> Option<serde_json::Value> {
    let (id, email) = actor.operator()?;
    Some(serde_json::json!({"user_id": id, "email": email.as_str()}))
}

/// The event's own part, completed by when it happened, where, and who did it.
fn body(tx: &WriteTx, org: OrgId, own: Payload<'_>) -> String {
    let actor = tx.actor();
    let payload = Payload {
        timestamp: tx.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        organization_id: (org != PLATFORM).then_some(org),
        actor_user_id: actor.email().and_then(|_| actor.id()),
        actor_email: actor.email().map(ToString::to_string),
        act: act(actor),
        actor_type: actor.is_program().then(|| actor.kind()),
        actor_id: actor.is_program().then(|| actor.id()).flatten(),
        ..own
    };
    // A struct of strings and JSON values always serializes.
    serde_json::to_string(&payload).unwrap_or_default()
}

/// The smallest id that an event of this moment can have: event ids begin with their time.
pub(crate) fn first_id(at: Time) -> Uuid {
    let milliseconds = u128::try_from(at.timestamp_millis()).unwrap_or(0).min((1 << 48) - 1);
    Uuid::from_u128(milliseconds << 80)
}

#[cfg(test)]
mod tests {
    use domain::{Clock, IdGen, core::clock::ManualClock};

    #[test]
    fn the_first_id_lies_before_every_id_of_its_moment() {
        let at = "2026-11-23T00:00:00Z".parse().unwrap();
        let clock = ManualClock::at(at);
        let ids = crypto::OsRandom::new();
        let of_then = ids.uuid(clock.now());
        assert!(super::first_id(at) <= of_then);
        assert!(super::first_id(at + chrono::TimeDelta::milliseconds(1)) > of_then);
    }
}
