//! The tables of deliveries and of the destinations they are claimed by.

use crate::core::{
    sql::sql,
    table::{Age, WhenOld, WithOrganization, own_rows, table},
};

table! {
    destinations = "destinations";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::GoesWith("webhooks"),
        with_organization: WithOrganization::GoesWith("webhooks"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        org_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        webhook_id: Uuid,
        due_at: Option<ChronoDateTimeUtc>,
        failures: i64,
        failing_since: Option<ChronoDateTimeUtc>,
        failing_seconds: i64,
        opened: i32,
        open_until: Option<ChronoDateTimeUtc>,
        slow: bool,
        verified_at: Option<ChronoDateTimeUtc>,
        open_most: Option<i64>,
        behind_since: Option<ChronoDateTimeUtc>,
        behind_from: Option<i64>,
        behind_why: Option<String>,
        behind_due_at: Option<ChronoDateTimeUtc>,
        behind_told_at: Option<ChronoDateTimeUtc>,
    }
}

table! {
    deliveries = "deliveries";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::Deleted(
            Age::Deliveries,
            sql!(
                "delete from deliveries
                 where (org_id, id) in (select org_id, id from deliveries where {finished} and updated_at < $1 limit $2)"
            ),
        ),
        with_organization: WithOrganization::Deleted(own_rows!("deliveries")),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        org_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        webhook_id: Uuid,
        event_id: Uuid,
        event_type: String,
        state: i16,
        attempts: i32,
        max_attempts: i32,
        next_at: ChronoDateTimeUtc,
        lease: Option<Uuid>,
        response_status: Option<i32>,
        response_body: Option<String>,
        error: Option<String>,
        created_at: ChronoDateTimeUtc,
        updated_at: ChronoDateTimeUtc,
        line: Option<i64>,
    }
}

table! {
    attempts = "attempts";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::GoesWith("deliveries"),
        with_organization: WithOrganization::GoesWith("deliveries"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        org_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        delivery_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        number: i32,
        at: ChronoDateTimeUtc,
        duration_ms: i64,
        response_status: Option<i32>,
        error: Option<String>,
    }
}
