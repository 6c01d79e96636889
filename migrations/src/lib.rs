//! The schema of both databases, as SQL that a person can read.
//!
//! PostgreSQL and SQLite run the same text; the four places where they differ are placeholders (`{uuid}`, `{time}`, `{bytes}`, `{identity}`).
//! Column defaults are not used: every value is made by the server, so that clocks and identifiers can be injected;
//! only a column that is added to a table with rows has one.
//!
//! Rules of the schema: organization tables have the primary key `(org_id, id)` and their children reference both columns, so a
//! cross-tenant link cannot be stored and a look-up without the organization cannot be written.

pub use sea_orm_migration::MigratorTrait;
use sea_orm_migration::prelude::*;

/// Every step, as `build.rs` found it: `sql/<name>.sql`, or several files in the folder `sql/<name>`, in the order of the names.
const STEPS: &[Step] = include!(concat!(env!("OUT_DIR"), "/steps.rs"));

/// Applies the migrations in their order; `Migrator::up(db, None)` is idempotent.
#[derive(Debug)]
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        STEPS.iter().map(|step| Box::new(step.clone()) as Box<dyn MigrationTrait>).collect()
    }
}

/// One migration: SQL files, executed in order.
#[derive(Clone)]
struct Step {
    name: &'static str,
    files: &'static [&'static str],
}

impl MigrationName for Step {
    fn name(&self) -> &str {
        self.name
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Step {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let [uuid, time, bytes, identity] = match manager.get_database_backend() {
            sea_orm_migration::sea_orm::DbBackend::Sqlite => ["blob", "text", "blob", "integer primary key autoincrement"],
            _ => ["uuid", "timestamptz", "bytea", "bigint generated always as identity (cache 1) primary key"],
        };
        for file in self.files {
            let sql =
                file.replace("{uuid}", uuid).replace("{time}", time).replace("{bytes}", bytes).replace("{identity}", identity);
            manager.get_connection().execute_unprepared(&sql).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Migrator, MigratorTrait};

    #[test]
    fn steps_are_numbered_without_gaps() {
        for (n, step) in (1..).zip(Migrator::migrations()) {
            assert!(step.name().contains(&format!("_{n:06}_")), "step {n} is called {}", step.name());
        }
    }
}
