//! Everything that is kept of a person, as they may have it shown: a section for each table that holds them.
//!
//! What organizations' logs say of them is shown as far as it is about them (their account is what it happened to), in the logs of the
//! organizations that they have to do with and the platform's: who acted is not indexed, and a log is read by its organization.

use domain::{PLATFORM, Result, Time, authorization::privacy::ExportScope, identity::accounts::User};
use sea_orm::{DbErr, QueryResult, Value};
use serde_json::{Map, json};
use uuid::Uuid;

use crate::{
    Store,
    core::{
        error::from_db,
        sql::{self, Sql, sql},
    },
};

/// Things of one section at most, the newest.
const MOST: i64 = 1000;

/// Some of what is kept. `$1` of the text is whose, `$2` how many are shown; its last column is how many there are.
struct Section {
    name: &'static str,
    /// How ids of its things begin.
    id: &'static str,
    by: By,
    /// The columns of the schema that it is found by.
    #[allow(dead_code, reason = "what a test compares with the schema")]
    covers: &'static [&'static str],
    text: Sql,
}

/// Whose a section is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// The account's id.
    Account,
    /// The same as it is written in records.
    AccountText,
    /// The address, if it is theirs everywhere.
    Address,
}

const fn of(name: &'static str, id: &'static str, covers: &'static [&'static str], text: Sql) -> Section {
    Section { name, id, by: By::Account, covers, text }
}

const SECTIONS: &[Section] = &[
    of(
        "memberships",
        "mem",
        &["memberships.user_id"],
        sql!(
            "select org_id as organization_id, role, created_at, count(*) over () as total
            from memberships where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "organizations_owned",
        "org",
        &["organizations.owner_user_id"],
        sql!(
            "select id, slug, name, created_at, count(*) over () as total
            from organizations where owner_user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "organizations_decided",
        "org",
        &["organizations.approved_by", "organizations.rejected_by"],
        sql!(
            "select id, approved_at, rejected_at, count(*) over () as total
            from organizations where approved_by = $1 or rejected_by = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "slugs_held",
        "org",
        &["slug_holds.owner_user_id"],
        sql!("select slug, count(*) over () as total from slug_holds where owner_user_id = $1 order by slug limit $2"),
    ),
    of(
        "sessions",
        "ses",
        &["sessions.user_id"],
        sql!(
            "select id, method, ip_address, user_agent, created_at, last_seen_at, expires_at, revoked_at, count(*) over () as total
            from sessions where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "grants",
        "grt",
        &["grants.user_id"],
        sql!(
            "select g.id, g.session_id, g.org_id as organization_id, g.created_at, g.revoked_at, count(*) over () as total
            from sessions s join grants g on g.session_id = s.id
            where s.user_id = $1 order by g.created_at desc limit $2"
        ),
    ),
    of(
        "sign_ins",
        "sgn",
        &["sign_ins.user_id"],
        sql!(
            "select id, org_id as organization_id, service_id, method, ip_address, user_agent, created_at, count(*) over () as total
            from sign_ins where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "active_in",
        "svc",
        &["active_users.user_id"],
        sql!(
            "select org_id as organization_id, service_id, month, count(*) over () as total
            from active_users where user_id = $1 order by month desc limit $2"
        ),
    ),
    of(
        "risk_events",
        "rsk",
        &["risk_events.user_id"],
        sql!(
            "select id, org_id as organization_id, provider, factors as factors_json, inputs as inputs_json, verdict, action,
              ip_address, geo_country, geo_city, created_at, count(*) over () as total
            from risk_events where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "sign_in_challenges",
        "",
        &["sign_in_challenges.user_id"],
        sql!("select expires_at, count(*) over () as total from sign_in_challenges where user_id = $1 limit $2"),
    ),
    of(
        "mailed_links",
        "",
        &["one_time_links.user_id", "one_time_links.email"],
        sql!(
            "select purpose, email, created_at, expires_at, count(*) over () as total
            from one_time_links where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    Section {
        by: By::Address,
        ..of(
            "invitations_received",
            "inv",
            &["invitations.email", "invitations.pending_email", "users.email"],
            sql!(
                "select id, org_id as organization_id, role, status, created_at, expires_at, count(*) over () as total
                from invitations where email = $1 order by created_at desc limit $2"
            ),
        )
    },
    of(
        "invitations_sent",
        "inv",
        &["invitations.invited_by"],
        sql!(
            "select id, org_id as organization_id, email, role, status, created_at, count(*) over () as total
            from invitations where invited_by = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "service_access",
        "svc",
        &["service_grants.user_id"],
        sql!(
            "select org_id as organization_id, service_id, access, created_at, count(*) over () as total
            from service_grants where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "services_used",
        "svc",
        &["service_users.user_id", "end_users.user_id"],
        sql!(
            "select org_id as organization_id, service_id, created_at, count(*) over () as total
            from service_users where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "subscriptions",
        "svc",
        &["subscriptions.user_id"],
        sql!(
            "select org_id as organization_id, service_id, plan_id, status, current_period_end as current_period_end_at, created_at,
              count(*) over () as total
            from subscriptions where user_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "api_keys_made",
        "apk",
        &["api_keys.created_by"],
        sql!(
            "select id, org_id as organization_id, name, created_at, count(*) over () as total
            from api_keys where created_by = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "api_keys_shown",
        "apk",
        &["api_key_secrets.shown_to"],
        sql!(
            "select api_key_id, org_id as organization_id, created_at, count(*) over () as total
            from api_key_secrets where shown_to = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "service_keys_made",
        "apk",
        &["service_api_keys.created_by"],
        sql!(
            "select id, org_id as organization_id, service_id, name, created_at, count(*) over () as total
            from service_api_keys where created_by = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "client_secrets_shown",
        "",
        &["client_secrets.shown_to"],
        sql!(
            "select client_id as service_id, org_id as organization_id, created_at, count(*) over () as total
            from client_secrets where shown_to = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "scim_tokens_shown",
        "tok",
        &["scim_tokens.shown_to"],
        sql!(
            "select id, org_id as organization_id, name, created_at, count(*) over () as total
            from scim_tokens where shown_to = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "oauth_credentials_entered",
        "",
        &["oauth_credentials.entered_by"],
        sql!(
            "select org_id as organization_id, provider, updated_at, count(*) over () as total
            from oauth_credentials where entered_by = $1 order by updated_at desc limit $2"
        ),
    ),
    of(
        "billing_credentials_entered",
        "",
        &["billing_credentials.entered_by"],
        sql!(
            "select org_id as organization_id, provider, updated_at, count(*) over () as total
            from billing_credentials where entered_by = $1 order by updated_at desc limit $2"
        ),
    ),
    of(
        "webhooks_chosen",
        "whk",
        &["webhooks.url_chosen_by", "webhooks.secret_shown_to"],
        sql!(
            "select id, org_id as organization_id, name, created_at, count(*) over () as total
            from webhooks where url_chosen_by = $1 or secret_shown_to = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "log_streams_chosen",
        "lgs",
        &["log_streams.url_chosen_by"],
        sql!(
            "select id, org_id as organization_id, name, created_at, count(*) over () as total
            from log_streams where url_chosen_by = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "impersonations",
        "imp",
        &["impersonations.user_id", "impersonations.operator_id"],
        sql!(
            "select id, operator_id, user_id, org_id as organization_id, reason, created_at, ended_at, count(*) over () as total
            from impersonations where user_id = $1 or operator_id = $1 order by created_at desc limit $2"
        ),
    ),
    of(
        "erasures_ordered",
        "ers",
        &["erasures.user_id", "erasures.email"],
        sql!(
            "select id, org_id as organization_id, created_at, count(*) over () as total
            from erasures where user_id = $1 order by created_at desc limit $2"
        ),
    ),
];

/// `$3` is the account's id, `$4` the nil organization. Read by the index of targets, log by log.
const RECORDS: Section = Section {
    by: By::AccountText,
    ..of(
        "records",
        "evt",
        &["events.actor_id", "events.actor_email"],
        sql!(
            "select e.id, e.org_id as organization_id, e.name as action, e.ip_address, e.user_agent, e.metadata as metadata_json,
              e.created_at, count(*) over () as total
            from (
              select org_id from memberships where user_id = $3
              union select org_id from end_users where user_id = $3
              union select realm from users where id = $3
              union select org_id from heads where org_id = $4
            ) o
            join events e on e.org_id = o.org_id and e.target_type = 'user' and e.target_id = $1
            order by e.id desc
            limit $2"
        ),
    )
};

/// One section as it is shown.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Its name.
    pub name: &'static str,
    /// How many things there are.
    pub total: i64,
    /// The newest, at most 1,000: JSON objects.
    pub items: Vec<serde_json::Value>,
}

impl Store {
    /// The account, and everything that is kept of it. `NotFound`.
    pub async fn export_person(&self, scope: ExportScope<'_>) -> Result<(User, Vec<Shown>)> {
        let id = scope.subject();
        let user = self.account_by_id(id).await?;
        let mut shown = Vec::new();
        for section in SECTIONS.iter().chain([&RECORDS]) {
            let mut values: Vec<Value> = match section.by {
                By::Account => vec![id.uuid().into()],
                By::AccountText => vec![id.to_string().into()],
                By::Address if user.realm != PLATFORM => continue,
                By::Address => vec![user.email.as_str().into()],
            };
            values.push(MOST.into());
            if section.by == By::AccountText {
                values.extend([id.uuid().into(), PLATFORM.uuid().into()]);
            }
            let rows = sql::all(&self.db, section.text, values).await?;
            let total = rows.first().map(|row| row.try_get("", "total")).transpose().map_err(from_db)?.unwrap_or(0);
            let items = sql::read_all(&rows, |row| item(section.id, row))?;
            shown.push(Shown { name: section.name, total, items });
        }
        Ok((user, shown))
    }
}

/// A row as JSON: what its columns hold, their names say.
fn item(own: &str, row: &QueryResult) -> Result<serde_json::Value, DbErr> {
    let mut shown = Map::new();
    for name in row.column_names() {
        let column = name.as_str();
        let value = if column == "total" {
            continue;
        } else if column == "id" || column.ends_with("_id") {
            id(prefix(own, column), row.try_get("", column)?)
        } else if column.ends_with("_at") {
            json!(row.try_get::<Option<Time>>("", column)?.map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)))
        } else if column.ends_with("_json") {
            let text: String = row.try_get("", column)?;
            serde_json::from_str(&text).unwrap_or_default()
        } else {
            json!(row.try_get::<Option<String>>("", column)?)
        };
        shown.insert(column.trim_end_matches("_json").to_owned(), value);
    }
    Ok(shown.into())
}

fn prefix<'a>(own: &'a str, column: &str) -> &'a str {
    match column {
        "organization_id" => "org",
        "service_id" => "svc",
        "session_id" => "ses",
        "plan_id" => "plan",
        "api_key_id" => "apk",
        "operator_id" | "user_id" => "usr",
        _ => own,
    }
}

/// As ids are shown; nil is none.
fn id(prefix: &str, id: Option<Uuid>) -> serde_json::Value {
    json!(id.filter(|id| !id.is_nil()).map(|id| format!("{prefix}_{}", id.simple())))
}

#[cfg(test)]
pub(super) fn shown() -> std::collections::BTreeSet<&'static str> {
    SECTIONS.iter().chain([&RECORDS]).flat_map(|section| section.covers).copied().collect()
}
