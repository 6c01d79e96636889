//! A real name server (Debian's dnsmasq) that says what a test tells it to, and the port at which what it names serves files.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::{SocketAddr, TcpListener, UdpSocket},
    process::{Child, Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tempfile::TempDir;

use crate::{Options, Receiver};

/// The server. Every name leads to this machine unless it is told otherwise; it is gone when this is dropped.
pub struct NameServer {
    port: u16,
    folder: TempDir,
    running: Mutex<Option<Child>>,
    texts: Mutex<BTreeMap<String, Vec<String>>>,
    files: TcpListener,
}

fn free_port() -> u16 {
    UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port()
}

impl NameServer {
    /// Starts it. It has no records yet.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let files = TcpListener::bind("127.0.0.1:0").expect("a free port");
        loop {
            let port = free_port();
            if let Some(child) = run(port, &folder, &BTreeMap::new()) {
                let running = Mutex::new(Some(child));
                return Self { port, folder, running, texts: Mutex::default(), files };
            }
        }
    }
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }
    /// An app that asks it for proofs.
    pub fn options(&self) -> Options {
        let port = self.files.local_addr().expect("an address").port();
        Options::default().set("domains.resolvers", self.address()).set("domains.http_port", port)
    }
    /// The server at every host that it names.
    pub fn files(&self) -> Receiver {
        Receiver::at(self.files.try_clone().expect("the listener"))
    }
    /// From now on has these TXT records under a name.
    pub fn says(&self, name: &str, texts: &[&str]) {
        let mut known = self.texts.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(name.to_owned(), texts.iter().map(|text| (*text).to_owned()).collect());
        self.stop();
        let child = run(self.port, &self.folder, &known).expect("dnsmasq listens at its port again");
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
    }
    /// Answers nobody any more, until it is told something.
    pub fn stop(&self) {
        if let Some(mut child) = self.running.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Runs it until it says that it has started; `None` if somebody has its port.
fn run(port: u16, folder: &TempDir, texts: &BTreeMap<String, Vec<String>>) -> Option<Child> {
    let log = folder.path().join("log");
    let records = texts.iter().flat_map(|(name, texts)| texts.iter().map(move |text| format!("--txt-record={name},{text}")));
    let mut child = Command::new("dnsmasq")
        .args(["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--bind-interfaces"])
        .args(["--listen-address=127.0.0.1", "--address=/#/127.0.0.1", "--local=/#/"])
        .arg(format!("--port={port}"))
        .args(records)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(File::create(&log).expect("a log"))
        .spawn()
        .expect("dnsmasq runs (package dnsmasq-base: scripts/install-deps.sh test)");
    loop {
        let said = fs::read_to_string(&log).unwrap_or_default();
        if said.contains("started, version") {
            return Some(child);
        }
        if child.try_wait().expect("a child").is_some() {
            assert!(said.contains("in use"), "{said}");
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
