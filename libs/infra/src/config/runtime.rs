//! Sections about the processes themselves: server, files, database, Redis, worker.

use std::{net::SocketAddr, path::PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

use super::{Secret, parse};

/// `[server]`: the HTTP server.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// Address and port to listen on.
    #[serde(deserialize_with = "parse::listen")]
    pub listen: SocketAddr,
    /// The address under which clients reach the server: scheme, host and port, no trailing slash.
    #[serde(deserialize_with = "parse::optional_url")]
    pub public_url: String,
    /// The web client that invitations lead to; empty: none.
    #[serde(deserialize_with = "parse::optional_url")]
    pub dashboard_url: String,
    /// Networks of the reverse proxies whose forwarding headers are believed.
    #[serde(deserialize_with = "parse::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// Origins whose pages may call the API; `*` for all.
    #[serde(deserialize_with = "parse::origins")]
    pub cors_origins: Vec<String>,
    /// Seconds for requests in flight at shutdown.
    pub shutdown_seconds: u64,
    /// Threads that serve requests; 0 for one a core.
    pub workers: usize,
}

/// `[data]`: where files are kept.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// The directory.
    #[serde(deserialize_with = "parse::directory")]
    pub dir: PathBuf,
}

/// What stands between this program and PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pooler {
    /// Nothing that gives our session to others.
    None,
    /// A pooler that gives each transaction whatever session is free.
    Transaction,
}

/// `[database]`: where the data lives.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseConfig {
    /// `postgres://…`, `sqlite://…`, or empty for SQLite in the data directory. Secret, since it may hold a password.
    #[serde(deserialize_with = "parse::database_url")]
    pub url: Secret,
    /// Connections in one process's pool.
    pub max_connections: u32,
    /// Seconds that PostgreSQL lets a transaction wait for a lock.
    pub lock_timeout_seconds: u64,
    /// Seconds that PostgreSQL lets a statement run.
    pub statement_timeout_seconds: u64,
    /// Seconds after which PostgreSQL ends a transaction whose client has fallen silent.
    pub idle_in_transaction_seconds: u64,
    /// What stands between.
    pub pooler: Pooler,
    /// Whether PostgreSQL is told of these, and of keep-alives, when a connection begins.
    pub startup_options: bool,
}

/// `[redis]`: the shared forgetful store.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://…`, `rediss://…`, or empty for memory. Secret, since it may hold a password.
    #[serde(deserialize_with = "parse::redis_url")]
    pub url: Secret,
}

/// `[worker]`: background work.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerConfig {
    /// Whether the API process also does the background work.
    pub embedded: bool,
    /// Jobs worked on at the same time.
    pub concurrency: usize,
    /// Where the stand-alone worker answers health checks.
    #[serde(deserialize_with = "parse::listen")]
    pub health_listen: SocketAddr,
    /// Milliseconds between looks for work without a wake-up.
    pub poll_ms: u64,
}
