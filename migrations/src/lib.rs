//! The schema of both databases, as SQL that a person can read.
//!
//! PostgreSQL and SQLite run the same text; the six places where they differ are placeholders (`{uuid}`, `{time}`, `{bytes}`, `{identity}`, `{bytewise}`,
//! `{hex c.id}`: an id as identifiers are written).
//! Column defaults are not used: every value is made by the server, so that clocks and identifiers can be injected;
//! only a column that is added to a table with rows has one.
//!
//! Rules of the schema: organization tables have the primary key `(org_id, id)` and their children reference both columns, so a
//! cross-tenant link cannot be stored and a look-up without the organization cannot be written.
//!
//! The texts only: the store runs them, each step and its row in `seaql_migrations` in one transaction.

/// Every step, in the order in which they run, as `build.rs` found them: `sql/<name>.sql`, or several files in the folder `sql/<name>`. So a
/// file cannot belong to another step than it says.
pub const STEPS: &[Step] = include!(concat!(env!("OUT_DIR"), "/steps.rs"));

/// One step: SQL files, executed in order.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What a database remembers it by.
    pub name: &'static str,
    /// Its texts, with placeholders.
    pub files: &'static [&'static str],
}

/// Whose words the placeholders become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

impl Step {
    /// The step as that database takes it.
    pub fn sql(&self, dialect: Dialect) -> String {
        let [uuid, time, bytes, identity, bytewise, hex] = match dialect {
            Dialect::Sqlite => ["blob", "text", "blob", "integer primary key autoincrement", "", "lower(hex(c.id))"],
            Dialect::Postgres => [
                "uuid",
                "timestamptz",
                "bytea",
                "bigint generated always as identity (cache 1) primary key",
                " collate \"C\"",
                "replace(cast(c.id as text), '-', '')",
            ],
        };
        let text = self.files.join("\n");
        let text = text.replace("{uuid}", uuid).replace("{time}", time).replace("{bytes}", bytes);
        text.replace("{identity}", identity).replace("{bytewise}", bytewise).replace("{hex c.id}", hex)
    }
}

#[cfg(test)]
mod tests {
    use super::STEPS;

    #[test]
    fn steps_are_numbered_without_gaps() {
        for (n, step) in (1..).zip(STEPS) {
            assert!(step.name.contains(&format!("_{n:06}_")), "step {n} is called {}", step.name);
        }
    }
}
