//! A database for one test: a SQLite file in the test's folder, or a database of its own on the PostgreSQL server that
//! `scripts/with-services.sh` started, with a Redis database beside it.

use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use domain::{Clock, IdGen, core::clock::SystemClock};
use sea_orm::{ConnectionTrait, DatabaseConnection, QueryResult, Statement};
use tokio::sync::OnceCell;

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file, and everything else in memory: the embedded default.
    Sqlite,
    /// PostgreSQL and Redis: what several processes share.
    Postgres,
}

/// A database that exists.
pub(crate) struct Made {
    /// What `database.url` is set to; empty for SQLite in the data folder.
    pub(crate) url: String,
    /// What `redis.url` is set to.
    pub(crate) redis: String,
    server: Option<(String, String)>,
}

const MISSING: &str = "is not set: this test needs a PostgreSQL and a Redis of its own. Run `make test`, or scripts/with-services.sh cargo test -p tenantry-tests";

#[expect(clippy::disallowed_methods, reason = "how the tests are told of a server")]
fn service(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} {MISSING}"))
}

/// Redis has 16 databases; tests that run at the same time get different ones.
static NEXT: AtomicU32 = AtomicU32::new(0);

impl Made {
    pub(crate) async fn new(database: Database) -> Self {
        if database == Database::Sqlite {
            return Self { url: String::new(), redis: String::new(), server: None };
        }
        let (server, redis) = (service("TENANTRY_TEST_POSTGRES"), service("TENANTRY_TEST_REDIS"));
        let (name, template) = (fresh_name("test"), TEMPLATE.get_or_init(|| migrated(&server)).await);
        let admin = connect(&server).await;
        execute(&admin, &format!("create database {name} template {template}")).await;
        let _ = admin.close().await;
        let url = beside(&server, &name);
        let redis = format!("{}/{}", redis.trim_end_matches('/'), NEXT.fetch_add(1, Ordering::Relaxed) % 16);
        flush(&redis).await;
        Self { url, redis, server: Some((server, name)) }
    }

    /// Puts the schema into the data folder, for SQLite.
    pub(crate) async fn fill(&self, data: &Path) {
        if self.server.is_none() {
            let file = FILE.get_or_init(migrated_file).await;
            std::fs::write(data.join("tenantry.db"), file).expect("the data folder can be written");
        }
    }

    /// The URL to connect to, also for SQLite.
    pub(crate) fn url_in(&self, data: &Path) -> String {
        if self.url.is_empty() { format!("sqlite://{}", data.join("tenantry.db").display()) } else { self.url.clone() }
    }

    /// Best effort: the whole cluster is thrown away at the end.
    pub(crate) async fn drop_database(&self) {
        if let Some((server, name)) = &self.server {
            let _ = connect(server).await.execute_unprepared(&format!("drop database if exists {name} with (force)")).await;
        }
    }
}

/// A database with the schema in it: copying it is quicker than migrating each test's anew.
static TEMPLATE: OnceCell<String> = OnceCell::const_new();
/// The same as a file of SQLite's.
static FILE: OnceCell<Vec<u8>> = OnceCell::const_new();

fn fresh_name(kind: &str) -> String {
    format!("{kind}_{}", crypto::OsRandom::new().uuid(SystemClock.now()).simple())
}

/// The database `name` of the server that `url` leads to.
fn beside(url: &str, name: &str) -> String {
    format!("{}/{name}", url.rsplit_once('/').map_or(url, |(host, _)| host))
}

async fn migrated(server: &str) -> String {
    let (name, admin) = (fresh_name("template"), connect(server).await);
    execute(&admin, &format!("create database {name}")).await;
    let _ = admin.close().await;
    migrate(beside(server, &name), false).await;
    name
}

async fn migrated_file() -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("template.db");
    migrate(format!("sqlite://{}", file.display()), true).await;
    std::fs::read(file).expect("the database is a file")
}

async fn migrate(url: String, create: bool) {
    let ids = std::sync::Arc::new(crypto::OsRandom::new());
    let (_, masters) = crypto::MasterKeys::generate(ids.as_ref());
    let application_name = "tests".to_owned();
    let settings = store::Settings { url, max_connections: 2, application_name, create, session: store::Session::default() };
    let store = store::Store::open(&settings, crypto::Keyring::new(masters), ids).await.expect("the database opens");
    store.migrate().await.expect("the migrations run");
    // Nobody may be connected to what is copied.
    store.close().await;
}

async fn flush(url: &str) {
    let client = redis::Client::open(url).expect("TENANTRY_TEST_REDIS is a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    redis::cmd("FLUSHDB").exec_async(&mut connection).await.expect("FLUSHDB");
}

/// A connection of the test's own, for looking behind the API.
pub(crate) async fn connect(url: &str) -> DatabaseConnection {
    let mut options = sea_orm::ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap_or_else(|e| panic!("{url}: {e}"))
}

pub(crate) async fn execute(db: &DatabaseConnection, sql: &str) {
    db.execute_unprepared(sql).await.unwrap_or_else(|e| panic!("{sql}: {e}"));
}

pub(crate) async fn rows(db: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    db.query_all_raw(statement).await.unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// Every row of every table as text, in a stable order: what changed between two of these was changed.
pub(crate) async fn dump(db: &DatabaseConnection, database: Database) -> String {
    let mut out = String::new();
    let one = |row: &QueryResult| row.try_get_by_index::<String>(0).expect("a text");
    let tables = match database {
        Database::Sqlite => "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by 1",
        Database::Postgres => "select table_name::text from information_schema.tables where table_schema = 'public' order by 1",
    };
    for table in rows(db, tables).await.iter().map(one) {
        let text = match database {
            Database::Postgres => "t::text".to_owned(),
            Database::Sqlite => {
                let columns = rows(db, &format!("select name from pragma_table_info('{table}')")).await;
                columns.iter().map(|row| format!("quote({})", one(row))).collect::<Vec<_>>().join(" || ' ' || ")
            }
        };
        for row in rows(db, &format!("select {text} as line from {table} t order by 1")).await {
            out.push_str(&format!("{table}: {}\n", one(&row)));
        }
    }
    out
}
