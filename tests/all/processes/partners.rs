//! Servers of a test's own, to be stopped, killed and started again without disturbing the other tests.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{
    process::{Process, free_port},
    until,
    world::service,
};

/// PostgreSQL refuses to run as root: then it runs as the user that its package made.
fn unprivileged() -> Option<[String; 3]> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().expect("id");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let root = id(&["-u"]).is_some_and(|uid| uid == "0");
    root.then(|| {
        let user = if id(&["-u", "postgres"]).is_some() { "postgres" } else { "nobody" };
        let group = id(&["-g", user]).expect("its group");
        [format!("--reuid={user}"), format!("--regid={group}"), "--init-groups".to_owned()]
    })
}

/// A command that runs as that user.
fn as_server(program: &Path) -> Command {
    match unprivileged() {
        Some(arguments) => {
            let mut command = Command::new("setpriv");
            // Once more behind the change of user, which forgets it.
            command.args(arguments).args(["setpriv", "--pdeathsig", "QUIT"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir_in("/tmp").expect("a folder");
    if let Some([user, group, _]) = unprivileged() {
        let owner = format!("{}:{}", user.trim_start_matches("--reuid="), group.trim_start_matches("--regid="));
        assert!(Command::new("chown").arg(owner).arg(folder.path()).status().is_ok_and(|status| status.success()));
    }
    folder
}

/// A PostgreSQL cluster.
pub(super) struct Postgres {
    port: u16,
    bin: PathBuf,
    running: Option<Process>,
    folder: TempDir,
}

impl Postgres {
    /// Makes a cluster and starts it.
    pub(super) async fn start() -> Self {
        let (folder, bin) = (folder(), PathBuf::from(service("TENANTRY_TEST_PG_BIN")));
        let mut command = as_server(&bin.join("initdb"));
        command.current_dir(folder.path()).arg("-D").arg(folder.path().join("pg"));
        command.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        let made = command.output().expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut cluster = Self { port: free_port(), bin, running: None, folder };
        cluster.restart().await;
        cluster
    }
    /// Of its database `postgres`.
    pub(super) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
    /// Starts it again, at the same port, and waits until it answers.
    pub(super) async fn restart(&mut self) {
        let path = self.folder.path();
        let mut command = as_server(&self.bin.join("postgres"));
        command.current_dir(path).arg("-D").arg(path.join("pg")).args(["-c", "listen_addresses=127.0.0.1", "-c"]);
        command.arg(format!("port={}", self.port)).arg("-c").arg(format!("unix_socket_directories={}", path.display()));
        self.running = Some(Process::spawn("postgres", &command, path, "QUIT"));
        until("PostgreSQL answers", 30, async || {
            let mut ask = Command::new(self.bin.join("pg_isready"));
            ask.args(["-q", "-h"]).arg(path).arg("-p").arg(self.port.to_string());
            ask.status().is_ok_and(|status| status.success()).then_some(())
        })
        .await;
    }
    /// Stops it as a crash would (`QUIT`: immediate) or as an operator would (`INT`: fast).
    pub(super) async fn stop(&mut self, signal: &str) {
        if let Some(mut running) = self.running.take() {
            running.signal(signal);
            running.ended(30).await;
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGKILL would leave its children behind for a moment; immediate shutdown takes them along.
        if let Some(running) = self.running.as_mut()
            && running.runs()
        {
            running.signal("QUIT");
            for _ in 0..200 {
                if !running.runs() {
                    return;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }
}

/// A Redis that keeps nothing.
pub(super) struct Redis {
    port: u16,
    running: Option<Process>,
    folder: TempDir,
}

impl Redis {
    pub(super) async fn start() -> Self {
        let mut server = Self { port: free_port(), running: None, folder: folder() };
        server.restart().await;
        server
    }
    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
    pub(super) async fn restart(&mut self) {
        let mut command = as_server(Path::new(&service("TENANTRY_TEST_REDIS_SERVER")));
        command.current_dir(self.folder.path()).args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""]);
        self.running = Some(Process::spawn("redis", &command, self.folder.path(), "TERM"));
        until("Redis answers", 20, async || self.ask("PING").await.ok()).await;
    }
    pub(super) async fn ask(&self, command: &str) -> redis::RedisResult<String> {
        let mut connection = redis::Client::open(self.url())?.get_multiplexed_async_connection().await?;
        redis::cmd(command).query_async(&mut connection).await
    }
    pub(super) fn kill(&mut self) {
        self.running = None;
    }
    /// Alive, but answering nobody, until [`Redis::thaw`].
    pub(super) fn freeze(&self) {
        self.running.as_ref().expect("it runs").signal("STOP");
    }
    pub(super) fn thaw(&self) {
        self.running.as_ref().expect("it runs").signal("CONT");
    }
}
