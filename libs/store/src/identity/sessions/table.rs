//! The tables of sign-ins.

use crate::core::{
    error::Constraint,
    sql::sql,
    table::{Age, WhenOld, WithOrganization, table},
};

pub(crate) const GRANTS_REFRESH: Constraint = Constraint { name: "grants_refresh", columns: "grants.refresh_hash" };

table! {
    sessions = "sessions";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::Deleted(
            Age::Sessions,
            sql!(
                "delete from sessions
                 where id in (select id from sessions where revoked_at < $1 or expires_at < $1 limit $2)"
            ),
        ),
        with_organization: WithOrganization::GoesWith("users"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        user_id: Uuid,
        method: String,
        ip_address: Option<String>,
        user_agent: Option<String>,
        created_at: ChronoDateTimeUtc,
        last_seen_at: ChronoDateTimeUtc,
        expires_at: ChronoDateTimeUtc,
        revoked_at: Option<ChronoDateTimeUtc>,
    }
}

table! {
    grants = "grants";
    declares {
        unique: &[&GRANTS_REFRESH],
        sealed: &[],
        when_old: WhenOld::GoesWith("sessions"),
        with_organization: WithOrganization::Deleted(
            sql!(
                "delete from grants
                 where id in (
                   select g.id
                   from memberships m join grants g on g.user_id = m.user_id and g.org_id = m.org_id
                   where m.org_id = $1
                   limit $2)"
            ),
        ),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        id: Uuid,
        session_id: Uuid,
        user_id: Uuid,
        org_id: Uuid,
        refresh_hash: String,
        refresh_expires_at: ChronoDateTimeUtc,
        created_at: ChronoDateTimeUtc,
        revoked_at: Option<ChronoDateTimeUtc>,
    }
}

table! {
    spent_refresh_tokens = "spent_refresh_tokens";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::GoesWith("grants"),
        with_organization: WithOrganization::GoesWith("grants"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        hash: String,
        grant_id: Uuid,
        spent_at: ChronoDateTimeUtc,
    }
}
