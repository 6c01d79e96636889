//! What a program runs in: a folder, a database, settings. Several programs may share one world.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, QueryResult, Statement};
use serde_json::json;
use tempfile::TempDir;
use tenantry_tests::{Database, Receiver};

use super::{
    http::{Api, Tokens, text},
    process::{Process, binary, free_port},
    until,
};

/// Everybody's password.
pub(super) const PASSWORD: &str = "a long sentence only I know";
/// The platform owner that every world is born with, unless it is [`World::bare`].
pub(super) const ROOT: &str = "root@example.com";

/// Settings by their dotted name.
pub(super) type Settings = BTreeMap<String, String>;

pub(super) struct World {
    folder: TempDir,
    settings: Settings,
    environment: Vec<(String, OsString)>,
    past: Option<String>,
}

/// How the tests are told of the servers that `scripts/with-services.sh` started.
#[expect(clippy::disallowed_methods, reason = "how the tests are told of a server")]
pub(super) fn service(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set: run `make test`, or scripts/with-services.sh cargo test …"))
}

impl World {
    /// The embedded default, and nothing but a folder of its own.
    pub(super) fn bare() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join("data").display().to_string();
        Self { folder, settings: Settings::from([("data.dir".to_owned(), data)]), environment: Vec::new(), past: None }
    }

    /// A SQLite file, an owner, and receivers on this machine are allowed.
    pub(super) fn sqlite() -> Self {
        Self::bare()
            .set("bootstrap.owner_email", ROOT)
            .set("bootstrap.owner_password", PASSWORD)
            .set("egress.allow_networks", "127.0.0.0/8")
            .set("rate_limits.enabled", false)
            .set("webhooks.first_retry_seconds", 1)
            .set("webhooks.max_attempts", 20)
            .set("webhooks.timeout_seconds", 1)
            .set("worker.poll_ms", 200)
            // Tests share the machine with each other.
            .set("passwords.idle_priority", false)
            .set("server.workers", 2)
    }

    /// The same on an empty PostgreSQL database, with Redis.
    pub(super) async fn postgres() -> Self {
        let server = service("TENANTRY_TEST_POSTGRES");
        let url = new_database(&server).await;
        Self::sqlite().set("database.url", url).set("redis.url", service("TENANTRY_TEST_REDIS")).apart()
    }
    /// What `database.url` is set to.
    pub(super) fn url(&self) -> &str {
        &self.settings["database.url"]
    }
    pub(super) async fn on(database: Database) -> Self {
        match database {
            Database::Sqlite => Self::sqlite().apart(),
            Database::Postgres => Self::postgres().await,
        }
    }

    /// The worker is a process of its own.
    pub(super) fn apart(self) -> Self {
        self.set("worker.embedded", false)
            .set("keys.master", format!("k1:{}", "5a".repeat(32)))
            .set("database.max_connections", 8)
    }
    /// Receivers have time to answer, so that nothing comes twice because this machine was busy.
    pub(super) fn patient(self) -> Self {
        self.set("webhooks.timeout_seconds", 30)
    }
    pub(super) fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.insert(key.to_owned(), value.to_string());
        self
    }

    /// A variable for the programs that is no setting of theirs.
    pub(super) fn with_environment(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }
    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn command(&self, name: &str, arguments: &[&str], more: &Settings) -> Command {
        let mut command = Command::new(binary(name));
        command.args(arguments).current_dir(self.folder.path()).envs(self.environment.iter().cloned());
        for (key, value) in self.settings.iter().chain(more) {
            command.env(format!("TENANTRY__{}", key.to_uppercase().replace('.', "__")), value);
        }
        command
    }
    /// An API server at a port, not yet ready.
    pub(super) fn spawn_api(&self, port: u16, more: &[(&str, &str)]) -> Process {
        let base = format!("http://127.0.0.1:{port}");
        let mut settings = settings(more);
        settings.insert("server.listen".to_owned(), format!("127.0.0.1:{port}"));
        if !self.settings.contains_key("server.public_url") {
            settings.entry("server.public_url".to_owned()).or_insert_with(|| base.clone());
        }
        let command = self.command("tenantry-api", &[], &settings);
        Process::spawn("api", &command, self.folder(), "KILL").at(base)
    }
    pub(super) async fn api(&self) -> Process {
        self.api_with(&[]).await
    }
    pub(super) async fn api_with(&self, more: &[(&str, &str)]) -> Process {
        self.spawn_api(free_port(), more).ready().await
    }
    /// A worker with its health port there, not yet ready.
    pub(super) fn spawn_worker(&self, port: u16) -> Process {
        let address = format!("127.0.0.1:{port}");
        let command = self.command("tenantry-worker", &[], &settings(&[("worker.health_listen", &address)]));
        Process::spawn("worker", &command, self.folder(), "KILL").at(format!("http://{address}"))
    }
    pub(super) async fn worker(&self) -> Process {
        self.spawn_worker(free_port()).ready().await
    }
    /// Runs `tenantry-api` with arguments to its end.
    pub(super) fn run(&self, arguments: &[&str], more: &[(&str, &str)]) -> Output {
        let mut command = self.command("tenantry-api", arguments, &settings(more));
        command.stdin(std::process::Stdio::null()).output().expect("tenantry-api runs")
    }

    /// The same, killed by the kernel where it writes a file beyond so many bytes.
    pub(super) fn run_below(&self, bytes: u64, arguments: &[&str]) -> Output {
        let command = self.command("tenantry-api", arguments, &Settings::new());
        let mut limited = Command::new("prlimit");
        limited.args([&format!("--fsize={bytes}"), "--core=0", "--"]).arg(command.get_program()).args(command.get_args());
        limited.current_dir(self.folder()).envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        limited.stdin(std::process::Stdio::null()).output().expect("prlimit (package util-linux)")
    }

    /// The same with what a shell can do to it.
    pub(super) fn run_in_shell(&self, arguments: &str) -> Output {
        let program = self.command("tenantry-api", &[], &Settings::new());
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{} {arguments}", program.get_program().display())]).current_dir(self.folder());
        shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?)))).output().expect("sh")
    }

    /// What follows `before` in a mail to `email`, once it is there.
    pub(super) async fn mailed(&self, email: &str, before: &str) -> String {
        let folder = self.data().join("mail");
        until(&format!("a mail to {email} with {before}"), async || find_in_mails(&folder, email, before)).await
    }

    /// Tests look at the database there, past whatever the programs go through.
    pub(super) fn past(mut self, url: &str) -> Self {
        self.past = Some(url.to_owned());
        self
    }
    /// A connection past the API.
    pub(super) async fn connection(&self) -> DatabaseConnection {
        if let Some(url) = &self.past {
            return connect(url).await;
        }
        let file = format!("sqlite://{}", self.data().join("tenantry.db").display());
        connect(self.settings.get("database.url").unwrap_or(&file)).await
    }
}

fn settings(more: &[(&str, &str)]) -> Settings {
    more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn find_in_mails(folder: &Path, email: &str, before: &str) -> Option<String> {
    let mails = std::fs::read_dir(folder).ok()?.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path()).ok());
    let mut mails = mails.map(|mail| plain(&mail));
    let mail = mails.find(|mail| mail.contains(&format!("To: {email}")) && mail.contains(before))?;
    let rest = mail.split(before).nth(1)?;
    Some(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect())
}

/// Quoted-printable: soft line breaks and the equals sign are all that can stand in a link.
pub(super) fn plain(mail: &str) -> String {
    mail.replace("=\r\n", "").replace("=\n", "").replace("=3D", "=")
}

pub(super) async fn connect(url: &str) -> DatabaseConnection {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.unwrap_or_else(|e| panic!("{url}: {e}"))
}

pub(super) async fn rows(db: &DatabaseConnection, sql: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(db.get_database_backend(), sql);
    db.query_all_raw(statement).await.unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// An empty database on `server` (the URL of its database `postgres`).
pub(super) async fn new_database(server: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("processes_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let db = connect(server).await;
    db.execute_unprepared(&format!("create database {name}")).await.unwrap_or_else(|e| panic!("{name}: {e}"));
    let _ = db.close().await;
    format!("{}/{name}", server.rsplit_once('/').map_or(server, |(host, _)| host))
}

/// An organization with room for everybody, its founder (the platform owner) and a receiver of its events.
pub(super) struct Org {
    /// `/api/organizations/<slug>`.
    pub(super) path: String,
    pub(super) owner: Tokens,
    pub(super) receiver: Receiver,
    pub(super) secret: String,
}

/// What [`Org::founded`] subscribes to.
pub(super) const EVENTS: [&str; 3] = ["user.invited", "user.role_updated", "user.joined"];

impl Org {
    pub(super) async fn founded(api: &Api, slug: &str) -> Self {
        let owner = api.login(ROOT).await;
        let made = owner.api.post("/api/organizations", json!({"slug": slug, "name": "A company"})).await.ok();
        let (id, path) = (text(&made["organization"]["id"]), format!("/api/organizations/{slug}"));
        let tier = json!({"tier_id": "tier_enterprise", "max_users": 100_000});
        owner.api.patch(&format!("/api/platform/organizations/{id}/tier"), tier).await.ok();
        let receiver = Receiver::start().await;
        let hook = json!({"name": "All", "url": receiver.url, "events": EVENTS});
        let hook = owner.api.post(&format!("{path}/webhooks"), hook).await.ok();
        Self { path, owner, receiver, secret: text(&hook["secret"]) }
    }
    pub(super) fn at(&self, rest: &str) -> String {
        format!("{}/{rest}", self.path)
    }
    /// Invites; the invitation's id.
    pub(super) async fn invite(&self, email: &str) -> String {
        let made = self.owner.api.post(&self.at("invitations"), json!({"email": email, "role": "member"})).await.ok();
        text(&made["invitation"]["id"])
    }
    /// Waits until an event about `email` arrives (again).
    pub(super) async fn hears_of(&self, email: &str) {
        until(&format!("a delivery about {email}"), async || {
            let received = self.receiver.received();
            received.iter().any(|r| String::from_utf8_lossy(&r.body).contains(email)).then_some(())
        })
        .await;
    }
    /// Every audit record: `(id, action, metadata)`.
    pub(super) async fn audit(&self, api: &Api) -> Vec<(String, String, serde_json::Value)> {
        let export = api.with(&self.owner.access).get(&self.at("audit-log/export?format=ndjson")).await;
        assert_eq!(export.status, 200, "{export:?}");
        let records = export.text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).expect("NDJSON"));
        records.map(|r| (text(&r["id"]), text(&r["action"]), r["metadata"].clone())).collect()
    }
}
