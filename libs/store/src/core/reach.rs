//! Whether the database is there, and is what this program assumes: asked at the start, so that what an operator has to mend is said in
//! one sentence then, and not met by a customer later. Nothing here repeats a database's URL: it may hold a password.

use std::{str::FromStr, time::Duration};

use domain::{Error, Result};
use sea_orm::{ConnectOptions as PoolOptions, Database, DatabaseConnection, DbErr, RuntimeErr};
use sqlx::{ConnectOptions, Connection, postgres::PgConnectOptions, sqlite::SqliteConnectOptions};

use crate::core::{
    db::Db,
    dialect::{self, Settings},
    error::{from_db, is_contended},
    sql,
};

const PATIENCE: Duration = Duration::from_secs(5);

/// Somebody who makes a new file's tables is given this long.
const TURNS: Duration = Duration::from_secs(60);

/// The oldest PostgreSQL on which this is tested.
const OLDEST: i64 = 150_000;

/// What is wrong with a database's URL, as the library that will use it reads it; without a word of the URL.
pub fn misread(url: &str) -> Option<&'static str> {
    if url.starts_with("sqlite:") {
        return match SqliteConnectOptions::from_str(url) {
            Err(_) => Some("must be sqlite://PATH, with nothing but ?mode=rwc behind it."),
            Ok(_) if url.contains(":memory:") || url.contains("mode=memory") => {
                Some("must name a file: a database in memory is lost.")
            }
            Ok(_) if url.contains("mode=ro") || url.contains("immutable=") => Some("must name a file that can be written."),
            Ok(_) => None,
        };
    }
    PgConnectOptions::from_str(url).err().map(|_| {
        "cannot be read as postgres://USER:PASSWORD@HOST:PORT/DATABASE. Percent-encode what is special in the user and the password, and check the parameters behind the `?`."
    })
}

/// One connection, for its error: it says what is the matter, and says it at once. The pool tries for seconds, and then says only that it did.
pub async fn try_once(settings: &Settings) -> Result<()> {
    if let Some(problem) = misread(&settings.url) {
        return Err(Error::unavailable(60, format!("`database.url` {problem}")));
    }
    if settings.url.starts_with("sqlite:") {
        return Ok(());
    }
    let options = PgConnectOptions::from_str(&settings.url).map_err(|_| Error::unavailable(60, UNREACHABLE))?;
    let options = settings.session.begin(options.application_name(&settings.application_name));
    match tokio::time::timeout(PATIENCE, options.connect()).await {
        Err(_) => Err(Error::unavailable(5, UNREACHABLE).because("there was no answer for 5 seconds")),
        Ok(Err(e)) => Err(unreachable(DbErr::Conn(RuntimeErr::SqlxError(e.into())))),
        // Not a part of the question.
        Ok(Ok(connection)) => {
            let _ = connection.close().await;
            Ok(())
        }
    }
}

/// A pool with its first connection. Processes that open a new SQLite file in the same moment take turns: whoever finds another one at
/// giving it its write-ahead log, or at its first writes, is refused at once, whatever the busy time-out.
pub(crate) async fn connect(options: PoolOptions) -> Result<DatabaseConnection> {
    let began = tokio::time::Instant::now();
    loop {
        match Database::connect(options.clone()).await {
            Err(e) if is_contended(&e) && began.elapsed() < TURNS => tokio::time::sleep(Duration::from_millis(50)).await,
            outcome => return outcome.map_err(unreachable),
        }
    }
}

const UNTRUSTED: &str = "The database cannot be reached over TLS. Check `sslmode` and `sslrootcert` in `database.url`; without `sslrootcert` the system's certificates decide.";

/// A pooler refuses what it cannot keep for a client, and a session that serves many has statements of the others.
pub(crate) const POOLER: &str = "Between this program and PostgreSQL is a pooler that refuses our sessions' settings or mixes up their statements. Set `database.pooler` to \"transaction\" (or `database.startup_options` to false, if it pools sessions).";

const UNREACHABLE: &str = "The database cannot be reached. Check `database.url` and whether the server runs.";

/// Why there is no connection. Errors about the URL itself may quote it, so only those of the server and the network are told.
pub(crate) fn unreachable(e: DbErr) -> Error {
    let (DbErr::Conn(RuntimeErr::SqlxError(cause))
    | DbErr::Exec(RuntimeErr::SqlxError(cause))
    | DbErr::Query(RuntimeErr::SqlxError(cause))) = &e
    else {
        return Error::unavailable(5, UNREACHABLE);
    };
    let code = cause.as_database_error().and_then(|e| e.code()).unwrap_or_default();
    let advice = match (&**cause, &*code) {
        (sqlx::Error::Configuration(_), _) => return Error::unavailable(60, UNREACHABLE),
        (_, "28P01" | "28000") => {
            "The database refuses the user or the password of `database.url`, or connections from here (pg_hba.conf)."
        }
        (_, "3D000") => "The server has no database of that name: create it, or change `database.url`.",
        (_, "14") => {
            "The SQLite file cannot be opened: it is not there, or this user may not write to it or its folder. Check `database.url` and `data.dir`."
        }
        (_, "26") => "The file is no SQLite database. Check `database.url` and `data.dir`.",
        (_, "08P01") => POOLER,
        (_, "8") => "This user may not write to the SQLite file or its folder.",
        (sqlx::Error::Tls(_), _) => UNTRUSTED,
        (sqlx::Error::Io(e), _) if e.kind() == std::io::ErrorKind::InvalidData => UNTRUSTED,
        _ => UNREACHABLE,
    };
    Error::unavailable(5, advice).because(e)
}

const ASSUMED: &str = "select current_setting('server_encoding') as encoding, current_setting('server_version_num')::bigint as version, coalesce(current_schema()::text, '') as schema, current_setting('default_transaction_read_only') as read_only";

/// Fails if the database is not what every statement assumes.
pub(crate) async fn inspect(db: &Db) -> Result<()> {
    if dialect::is_sqlite(db) {
        return Ok(());
    }
    let Some(row) = sql::one(db, ASSUMED, vec![]).await? else { return Ok(()) };
    let text = |name: &str| row.try_get::<String>("", name).map_err(from_db);
    let version: i64 = row.try_get("", "version").map_err(from_db)?;
    let problem = match (text("encoding")?.as_str(), text("schema")?.as_str(), text("read_only")?.as_str()) {
        (encoding, ..) if encoding != "UTF8" => format!(
            "The database's encoding is {encoding}, which cannot hold every name. Make one with `create database … encoding 'UTF8' template template0`."
        ),
        (_, "", _) => "The database's user may use no schema of its search_path. Run `grant usage, create on schema public to <user>` as the database's owner.".to_owned(),
        (.., "on") => "The database's user may only read (default_transaction_read_only is on).".to_owned(),
        _ if version < OLDEST => format!("The server is PostgreSQL {}; this needs {} or later.", version / 10_000, OLDEST / 10_000),
        _ => return Ok(()),
    };
    Err(Error::unavailable(60, problem))
}
