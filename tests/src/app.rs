//! One whole Tenantry: HTTP server, use cases and background work, with a folder and a database of its own.

use std::{net::TcpListener, sync::Arc};

use actix_web::dev::ServerHandle;
use api::{
    boot::{Sources, assemble},
    http::server,
};
use chrono::TimeDelta;
use crypto::{HashCost, OsRandom};
use domain::{Clock, Time, core::clock::ManualClock};
use sea_orm::{DatabaseConnection, QueryResult};
use tempfile::TempDir;
use tokio::{sync::OnceCell, task::JoinHandle};

use crate::{
    client::{Client, Defects},
    database::{self, Database, Made},
};

/// When every test begins.
pub fn start_time() -> Time {
    "2026-11-23T09:00:00Z".parse().expect("a moment")
}

/// How an app differs from the usual one.
#[derive(Clone, Debug)]
pub struct Options {
    settings: Vec<(String, String)>,
    start: Time,
    hash_cost: HashCost,
}

impl Default for Options {
    fn default() -> Self {
        Self { settings: Vec::new(), start: start_time(), hash_cost: HashCost::TRIFLE }
    }
}

impl Options {
    /// Sets a key of the configuration: `set("organizations.max_per_user", 2)`.
    #[must_use]
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        self.settings.push((format!("TENANTRY__{}", key.to_uppercase().replace('.', "__")), value.to_string()));
        self
    }
    /// Begins at another moment.
    #[must_use]
    pub fn starting_at(mut self, start: Time) -> Self {
        self.start = start;
        self
    }
    /// Passwords cost what they cost in production: for tests of what becomes of too many.
    #[must_use]
    pub fn hashing_in_earnest(mut self) -> Self {
        self.hash_cost = HashCost::OWASP;
        self
    }
    /// With rate limits, which are off elsewhere.
    #[must_use]
    pub fn rate_limits(self) -> Self {
        self.set("rate_limits.enabled", true)
    }
    /// New organizations wait for approval.
    #[must_use]
    pub fn require_approval(self) -> Self {
        self.set("organizations.require_approval", true)
    }

    fn environment(self, data: &str, public_url: &str, made: &Made) -> impl Iterator<Item = (String, String)> {
        let usual = Self::default()
            .set("data.dir", data)
            .set("server.public_url", public_url)
            .set("database.url", &made.url)
            .set("database.max_connections", 8)
            .set("redis.url", &made.redis)
            .set("egress.allow_networks", "127.0.0.0/8,::1/128")
            .set("rate_limits.enabled", false)
            // Nobody answers there, at once.
            .set("domains.resolvers", "127.0.0.1:9")
            .set("log_streams.gather_ms", 0)
            .set("worker.embedded", false)
            .set("passwords.threads", 1)
            // Tests share the machine with each other.
            .set("passwords.idle_priority", false);
        // A test's own value takes the place of the usual one.
        usual.settings.into_iter().chain(self.settings).collect::<std::collections::BTreeMap<_, _>>().into_iter()
    }
}

/// A running Tenantry.
pub struct TestApp {
    /// The use cases, for what has no route: the first platform owner, key rotation.
    pub use_cases: app::App,
    /// What the background work needs.
    pub deps: worker::Deps,
    /// Which database it runs on.
    pub database: Database,
    clock: ManualClock,
    client: Client,
    defects: Defects,
    made: Made,
    own: OnceCell<DatabaseConnection>,
    server: ServerHandle,
    serving: JoinHandle<std::io::Result<()>>,
    waiting: std::cell::Cell<usize>,
    finished: bool,
    data: TempDir,
}

impl TestApp {
    /// Starts the usual app.
    pub async fn start(database: Database) -> Self {
        Self::start_with(database, Options::default()).await
    }

    /// Starts an app.
    pub async fn start_with(database: Database, options: Options) -> Self {
        infra::install_tls_provider();
        let made = Made::new(database).await;
        let data = folder();
        made.fill(data.path()).await;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        // By a name: browsers make no passkeys for a mere address.
        let base = format!("http://localhost:{}", listener.local_addr().expect("an address").port());
        let (clock, hash_cost) = (ManualClock::at(options.start), options.hash_cost);
        let path = data.path().to_str().expect("a folder name in UTF-8").to_owned();
        let config = infra::config::load(None, options.environment(&path, &base, &made)).unwrap_or_else(|e| panic!("{e}"));
        let sources = Sources { clock: Arc::new(clock.clone()), ids: Arc::new(OsRandom::new()), hash_cost };
        let assembled = assemble(&config, sources, infra::metrics::install().ok()).await.unwrap_or_else(|e| panic!("{e:?}"));
        let use_cases = assembled.shared.app.clone();
        let server = server::start(listener, assembled.shared, 1, 0).expect("a server");
        let defects = Defects::default();
        Self {
            use_cases,
            deps: assembled.worker,
            database,
            clock,
            client: Client::new(base, defects.clone()),
            defects,
            made,
            own: OnceCell::new(),
            server: server.handle(),
            serving: tokio::spawn(server),
            waiting: std::cell::Cell::new(0),
            finished: false,
            data,
        }
    }

    /// A client without credentials.
    pub fn client(&self) -> Client {
        self.client.clone()
    }
    /// The data folder.
    pub fn data(&self) -> &std::path::Path {
        self.data.path()
    }
    /// Now, by the app's clock.
    pub fn now(&self) -> Time {
        self.clock.now()
    }
    /// Moves the app's clock.
    pub fn advance(&self, by: TimeDelta) {
        self.clock.advance(by);
    }
    /// Does all background work that is due: numbering, deliveries, mail.
    pub async fn worker(&self) -> worker::Idle {
        Box::pin(worker::run_until_idle(&self.deps)).await.unwrap_or_else(|e| panic!("{e:?}"))
    }
    /// Does every scheduled job: closing invitations, purging. Answers how many rows each concerned.
    pub async fn run_jobs(&self) -> std::collections::BTreeMap<&'static str, u64> {
        worker::run_jobs(&self.deps).await.unwrap_or_else(|e| panic!("{e:?}"))
    }

    /// Rows of any query, past the API. Both databases read the same SQL.
    pub async fn rows(&self, sql: &str) -> Vec<QueryResult> {
        database::rows(self.connection().await, sql).await
    }
    /// The number that a `select count(*)` answers.
    pub async fn count(&self, sql: &str) -> i64 {
        self.rows(sql).await.first().map_or(0, |row| row.try_get_by_index(0).unwrap_or_else(|e| panic!("{sql}: {e}")))
    }
    /// Executes any statement, past the API.
    pub async fn execute(&self, sql: &str) {
        database::execute(self.connection().await, sql).await;
    }
    /// Everything in the database as text: for "nothing changed", and for "no secret is stored as such".
    pub async fn dump(&self) -> String {
        database::dump(self.connection().await, self.database).await
    }
    /// A connection of the test's own.
    pub async fn connection(&self) -> &DatabaseConnection {
        self.own.get_or_init(|| async { database::connect(&self.made.url_in(self.data.path())).await }).await
    }

    /// This test provokes answers of 500 and more.
    pub fn allow_5xx(&self) {
        self.defects.allow();
    }
    /// This test ends with so many deliveries that wait for another attempt.
    pub fn leaves_deliveries(&self, count: usize) {
        self.waiting.set(count);
    }

    /// Does the remaining background work, checks that nothing was left behind and nothing broke, and stops.
    pub async fn finish(mut self) {
        self.finished = true;
        self.worker().await;
        let left = self.count("select count(*) from deliveries where state < 2").await;
        assert_eq!(left, self.waiting.get() as i64, "deliveries left behind (see TestApp::leaves_deliveries)");
        let defects = self.defects.report();
        assert!(defects.is_empty(), "answers of 500 and more (see TestApp::allow_5xx):\n{}", defects.join("\n"));
        let undescribed = self.defects.undescribed();
        assert!(undescribed.is_empty(), "answers that the OpenAPI document does not describe:\n{}", undescribed.join("\n"));
        if let Some(own) = self.own.take() {
            let _ = own.close().await;
        }
        self.server.stop(false).await;
        let _ = (&mut self.serving).await;
        self.deps.store.clone().close().await;
        self.made.drop_database().await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        assert!(self.finished || std::thread::panicking(), "call TestApp::finish at the end of a test");
    }
}

/// In memory where the system has such a folder: a commit waits for the disk, and these disappear anyway.
fn folder() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a temporary folder")
}
