//! A PostgreSQL cluster.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{
    super::{
        process::{Process, free_port},
        until,
        world::service,
    },
    as_server,
    disk::SmallDisk,
    folder,
};

/// Where a cluster lives.
enum Home {
    Folder(TempDir),
    Disk(SmallDisk),
}

impl Home {
    fn path(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder.path(),
            Self::Disk(disk) => disk.path(),
        }
    }
}

/// A PostgreSQL cluster.
pub(in super::super) struct Postgres {
    port: u16,
    bin: PathBuf,
    running: Option<Process>,
    folder: Home,
}

impl Postgres {
    /// Makes a cluster and starts it.
    pub(in super::super) async fn start() -> Self {
        Self::start_in(Home::Folder(folder())).await
    }
    /// One that also speaks TLS, with `server.crt` and `server.key` of that folder.
    pub(in super::super) async fn start_with_tls(certificates: &Path) -> Self {
        let mut cluster = Self::start().await;
        cluster.stop("INT").await;
        let data = cluster.folder.path().join("pg");
        for name in ["server.crt", "server.key"] {
            std::fs::copy(certificates.join(name), data.join(name)).expect("a certificate");
            // Written as root, read as the server, and by nobody else.
            let mut owner = Command::new("chown");
            owner.arg(format!("--reference={}", data.display())).arg(data.join(name));
            assert!(owner.status().is_ok_and(|status| status.success()), "chown");
            let mut mode = Command::new("chmod");
            assert!(mode.arg("600").arg(data.join(name)).status().is_ok_and(|status| status.success()), "chmod");
        }
        std::fs::write(data.join("postgresql.auto.conf"), "ssl = on\n").expect("its settings");
        cluster.restart().await;
        cluster
    }
    /// Makes a cluster there and starts it.
    pub(in super::super) async fn start_on(disk: &SmallDisk) -> Self {
        Self::start_in(Home::Disk(disk.clone())).await
    }
    async fn start_in(folder: Home) -> Self {
        let bin = PathBuf::from(service("TENANTRY_TEST_PG_BIN"));
        let mut command = as_server(&bin.join("initdb"));
        command.current_dir(folder.path()).arg("-D").arg(folder.path().join("pg"));
        command.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
        let made = command.output().expect("initdb");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut cluster = Self { port: free_port(), bin, running: None, folder };
        cluster.restart().await;
        cluster
    }
    /// A standby that streams from `primary` and can be promoted.
    pub(in super::super) async fn standby_of(primary: &Self) -> Self {
        let (folder, bin) = (Home::Folder(folder()), primary.bin.clone());
        let mut command = as_server(&bin.join("pg_basebackup"));
        command.current_dir(folder.path()).arg("-D").arg(folder.path().join("pg")).args(["-h", "127.0.0.1", "-U", "postgres"]);
        command.args(["-p", &primary.port.to_string(), "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]);
        let copied = command.output().expect("pg_basebackup");
        assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
        let mut standby = Self { port: free_port(), bin, running: None, folder };
        standby.restart().await;
        standby
    }
    /// Makes a standby a primary.
    pub(in super::super) fn promote(&self) {
        let mut command = as_server(&self.bin.join("pg_ctl"));
        command.current_dir(self.folder.path()).arg("promote").arg("-D").arg(self.folder.path().join("pg"));
        let promoted = command.output().expect("pg_ctl");
        assert!(promoted.status.success(), "{}", String::from_utf8_lossy(&promoted.stdout));
    }
    pub(in super::super) fn port(&self) -> u16 {
        self.port
    }
    /// The end of a machine: no goodbye, nothing flushed.
    pub(in super::super) fn kill(&mut self) {
        self.running = None;
    }
    /// Of its database `postgres`.
    pub(in super::super) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
    /// Starts it again, at the same port, and waits until it answers.
    pub(in super::super) async fn restart(&mut self) {
        let path = self.folder.path();
        let mut command = as_server(&self.bin.join("postgres"));
        command.current_dir(path).arg("-D").arg(path.join("pg")).args(["-c", "listen_addresses=127.0.0.1", "-c"]);
        command.arg(format!("port={}", self.port)).arg("-c").arg(format!("unix_socket_directories={}", path.display()));
        self.running = Some(Process::spawn("postgres", &command, path, "QUIT"));
        until("PostgreSQL answers", async || {
            let mut ask = Command::new(self.bin.join("pg_isready"));
            ask.args(["-q", "-h"]).arg(path).arg("-p").arg(self.port.to_string());
            ask.status().is_ok_and(|status| status.success()).then_some(())
        })
        .await;
    }
    /// Sends a signal to all of its processes, the first one first: nothing is begun any more, and nothing is closed.
    fn signal_all(&self, name: &str) {
        let first = self.running.as_ref().expect("it runs").id().to_string();
        let listed = Command::new("ps").args(["-o", "pid=", "--ppid", &first]).output().expect("ps (package procps)");
        let children = String::from_utf8_lossy(&listed.stdout).into_owned();
        let one = |id: &str| Command::new("kill").args(["-s", name, id]).status().expect("kill");
        // A child may have ended since.
        std::iter::once(first.as_str()).chain(children.split_whitespace()).for_each(|id| {
            one(id);
        });
    }
    /// It hangs: connections stay open, and nobody answers.
    pub(in super::super) fn freeze(&self) {
        self.signal_all("STOP");
        // Those that were begun between the listing and their parent's stop.
        self.signal_all("STOP");
    }
    /// It goes on.
    pub(in super::super) fn thaw(&self) {
        self.signal_all("CONT");
    }
    /// Stops it as a crash would (`QUIT`: immediate) or as an operator would (`INT`: fast).
    pub(in super::super) async fn stop(&mut self, signal: &str) {
        if let Some(mut running) = self.running.take() {
            running.signal(signal);
            running.ended().await;
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.thaw();
        }
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
