//! The tables of events.

use crate::core::table::{WhenOld, WithOrganization, table};

table! {
    events = "events";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::ByItsOwnRule("core::retention::events"),
        with_organization: WithOrganization::Stays("the log of a deleted organization goes with its age"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        org_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
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
        created_at: ChronoDateTimeUtc,
        salt: Option<String>,
        digest: Option<String>,
        erasure: Option<String>,
    }
}

table! {
    outbox = "outbox";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::Stays("until the sequencer has numbered it"),
        with_organization: WithOrganization::Stays("an organization is not purged while something of it waits here"),
    }
    columns {
        #[sea_orm(primary_key)]
        pos: i64,
        org_id: Uuid,
        event_id: Uuid,
    }
}
