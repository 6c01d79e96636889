//! A Redis of one test's own.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
};

/// A private redis-server, ended when the test is over.
pub(super) struct Server {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Server {
    /// `None` where there is no redis-server.
    pub(super) fn start() -> Option<Self> {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let dir = tempfile::tempdir().unwrap();
        let child = spawn(port, dir.path()).ok()?;
        Some(Self { child, port, dir })
    }
    pub(super) fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
    pub(super) fn restart(&mut self) {
        self.child = spawn(self.port, self.dir.path()).unwrap();
    }
    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(port: u16, dir: &std::path::Path) -> std::io::Result<Child> {
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
    command.arg("--dir").arg(dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}
