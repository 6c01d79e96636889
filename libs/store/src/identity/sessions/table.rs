//! The tables of sign-ins.

use domain::GrantId;
use uuid::Uuid;

use super::browser::SESSIONS_BROWSER;
use crate::core::{
    error::Constraint,
    sql::sql,
    table::{Age, SealedColumn, SealedRow, Table, WhenOld, WithOrganization, table},
};

/// The pair of tokens.
pub(crate) const ANSWER: SealedColumn = SealedColumn {
    table: "refresh_repeats",
    column: "answer",
    find: sql!("select grant_id, answer as sealed from refresh_repeats"),
    replace: sql!("update refresh_repeats set answer = $1 where answer = $2 and grant_id = $3"),
    row: |row| {
        let id: Uuid = row.try_get("", "grant_id")?;
        Ok(SealedRow { org: domain::PLATFORM, name: GrantId::new(id).to_string(), key: vec![id.into()] })
    },
};

/// Only written as SQL.
pub(crate) const REFRESH_REPEATS: Table = Table {
    name: "refresh_repeats",
    unique: &[],
    sealed: &[&ANSWER],
    when_old: WhenOld::Deleted(
        Age::Now,
        sql!("delete from refresh_repeats where grant_id in (select grant_id from refresh_repeats where until < $1 limit $2)"),
    ),
    with_organization: WithOrganization::GoesWith("grants"),
};

pub(crate) const GRANTS_REFRESH: Constraint = Constraint { name: "grants_refresh", columns: "grants.refresh_hash" };

table! {
    sessions = "sessions";
    declares {
        unique: &[&SESSIONS_BROWSER],
        sealed: &[],
        when_old: WhenOld::Deleted(
            Age::Sessions,
            sql!(
                "delete from sessions
                 where id in (
                   select s.id
                   from sessions s
                   where (s.revoked_at < $1 or s.expires_at < $1)
                     and not exists (select 1 from grants g where g.session_id = s.id)
                   limit $2)"
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
        authn: Option<String>,
        browser_hash: Option<String>,
    }
}

table! {
    grants = "grants";
    declares {
        unique: &[&GRANTS_REFRESH],
        sealed: &[],
        // Its used tokens first, in batches of their own: a grant that was renewed for months has thousands.
        when_old: WhenOld::Deleted(
            Age::Now,
            sql!(
                "delete from grants
                 where id in (
                   select g.id
                   from grants g
                   where (g.revoked_at < $1 or g.refresh_expires_at < $1)
                     and not exists (select 1 from spent_refresh_tokens t where t.grant_id = g.id)
                   limit $2)"
            ),
        ),
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
        client_org_id: Option<Uuid>,
        client_id: Option<Uuid>,
        scope: Option<String>,
        audience: Option<String>,
        ip_address: Option<String>,
    }
}

table! {
    spent_refresh_tokens = "spent_refresh_tokens";
    declares {
        unique: &[],
        sealed: &[],
        when_old: WhenOld::Deleted(
            Age::RefreshTokens,
            sql!("delete from spent_refresh_tokens where hash in (select hash from spent_refresh_tokens where spent_at < $1 limit $2)"),
        ),
        with_organization: WithOrganization::GoesWith("grants"),
    }
    columns {
        #[sea_orm(primary_key, auto_increment = false)]
        hash: String,
        grant_id: Uuid,
        spent_at: ChronoDateTimeUtc,
    }
}
