//! Everything that is kept of a person, as they may have it shown: a section for each table that holds them.
//!
//! What organizations' logs say of them is shown as far as it is about them (their account is what it happened to), in the logs of the
//! organizations that they have to do with and the platform's: who acted is not indexed, and a log is read by its organization.

mod providers;
mod sections;

use domain::{PLATFORM, Result, Time, authorization::privacy::ExportScope, identity::accounts::User};
use sea_orm::{DbErr, QueryResult, Value};
use serde_json::{Map, json};
use uuid::Uuid;

use self::{
    providers::PROVIDERS,
    sections::{By, RECORDS, SECTIONS},
};
use crate::{
    Store,
    core::{error::from_db, sql},
};

/// Things of one section at most, the newest.
const MOST: i64 = 1000;

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
        for section in SECTIONS.iter().chain(PROVIDERS).chain([&RECORDS]) {
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
        "connection_id" => "con",
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
    SECTIONS.iter().chain(PROVIDERS).chain([&RECORDS]).flat_map(|section| section.covers).copied().collect()
}
