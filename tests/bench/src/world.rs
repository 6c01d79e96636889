//! Where the programs run: a PostgreSQL and a Redis that somebody started, a folder, and the settings that all of them share.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tempfile::TempDir;

use crate::{
    Arguments,
    process::{Process, free_port},
    seed::{Dataset, ISSUER, MASTER},
};

/// The floor's worker, as the database knows it.
pub(crate) const FLOOR: &str = "floor";

/// What every scenario needs.
pub(crate) struct World {
    postgres: String,
    redis: String,
    binaries: PathBuf,
    /// What the names of its databases begin with.
    databases: &'static str,
    folder: TempDir,
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
    pub(crate) connections: usize,
    pub(crate) orgs: i64,
    pub(crate) large: i64,
    pub(crate) list_rows: i64,
    pub(crate) minutes: usize,
}

#[expect(clippy::disallowed_methods, reason = "how the benchmark is told of its servers")]
fn service(variable: &str) -> Result<String> {
    std::env::var(variable).with_context(|| format!("{variable} is not set: run `make bench`"))
}

impl World {
    pub(crate) fn new(arguments: &Arguments) -> Result<Self> {
        let binaries = arguments.binaries.canonicalize().context("build first: `make bench` does")?;
        Ok(Self {
            postgres: service("TENANTRY_TEST_POSTGRES")?,
            redis: service("TENANTRY_TEST_REDIS")?,
            binaries,
            databases: "bench",
            folder: tempfile::tempdir()?,
            rounds: arguments.rounds(),
            time: arguments.time(),
            connections: arguments.connections,
            orgs: arguments.orgs,
            large: arguments.large,
            list_rows: arguments.list_rows,
            minutes: arguments.minutes,
        })
    }

    /// The same with other binaries, on databases of their own.
    pub(crate) fn with(&self, binaries: &Path) -> Result<Self> {
        Ok(Self {
            postgres: self.postgres.clone(),
            redis: format!("{}/1", self.redis),
            binaries: binaries.canonicalize().with_context(|| binaries.display().to_string())?,
            databases: "other",
            folder: tempfile::tempdir()?,
            ..*self
        })
    }

    /// The seeded database with so many organizations; made if it is not there.
    pub(crate) async fn dataset(&self, orgs: i64) -> Result<Dataset> {
        let (server, name) =
            (self.postgres.rsplit_once('/').map_or("", |(server, _)| server), format!("{}_{orgs}", self.databases));
        let url = format!("{server}/{name}");
        let mut admin = PgConnection::connect(&self.postgres).await?;
        let there: Option<i32> =
            sqlx::query_scalar("select 1 from pg_database where datname = $1").bind(&name).fetch_optional(&mut admin).await?;
        if there.is_none() {
            sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await?;
            // Migrates, and makes the keys that tokens are signed with.
            self.api(&url, &[]).await?;
        }
        Dataset::open(&url, orgs).await
    }

    fn command(&self, name: &str, database: &str, more: &[(&str, &str)]) -> Result<Command> {
        let program = self.binaries.join(name);
        if !program.exists() {
            bail!("{} is missing: run `make bench`", program.display());
        }
        let data = self.folder.path().join("data");
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env_clear();
        let settings = [
            ("data.dir", data.to_str().unwrap_or_default()),
            ("database.url", database),
            ("redis.url", &self.redis),
            ("keys.master", MASTER),
            ("server.public_url", ISSUER),
            ("worker.embedded", "false"),
            ("rate_limits.enabled", "false"),
            ("egress.allow_networks", "127.0.0.0/8"),
        ];
        for (key, value) in settings.iter().chain(more) {
            command.env(format!("TENANTRY__{}", key.to_uppercase().replace('.', "__")), value);
        }
        Ok(command)
    }

    /// The API on a database.
    pub(crate) async fn api(&self, database: &str, more: &[(&str, &str)]) -> Result<Process> {
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        let settings = [more, &[("server.listen", address.as_str())]].concat();
        Process::start(self.command("tenantry-api", database, &settings)?, &self.log("api"), port).await
    }

    /// The worker on a database.
    pub(crate) async fn worker(&self, database: &str, more: &[(&str, &str)]) -> Result<Process> {
        let port = free_port()?;
        let address = format!("127.0.0.1:{port}");
        let settings = [more, &[("worker.health_listen", address.as_str())]].concat();
        Process::start(self.command("tenantry-worker", database, &settings)?, &self.log("worker"), port).await
    }

    /// The floor's server on a database.
    pub(crate) async fn floor(&self, database: &str) -> Result<Process> {
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["floor", database, &port.to_string()]);
        Process::start(command, &self.log("floor"), port).await
    }

    /// The floor's worker on a database, until it is dropped.
    pub(crate) fn deliverer(&self, database: &str) -> Result<Process> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["deliver", &format!("{database}?application_name={FLOOR}")]);
        Process::begin(&mut command, &self.log("deliverer"), 0)
    }

    fn log(&self, name: &str) -> PathBuf {
        Path::join(self.folder.path(), format!("{name}.log"))
    }
}
