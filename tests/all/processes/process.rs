//! One running program. It ends with its owner: whatever a test starts, and nothing else, is stopped when the test is done or fails.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use super::{http::Api, until};

/// The binary of that name beside this test.
pub(super) fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("this program's path");
    let folder = test.parent().and_then(Path::parent).expect("target/<profile>/deps/<test>");
    let path = folder.join(name);
    assert!(
        path.exists(),
        "{} is missing: run `make test`, or `cargo build --workspace --bin tenantry-api --bin tenantry-worker` before",
        path.display()
    );
    path
}

/// A port that nobody listens on, below those that the kernel gives to outgoing connections.
pub(super) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % 97) as u16 * 120;
    loop {
        let port = 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A program and what it wrote.
pub(super) struct Process {
    name: String,
    child: Child,
    output: PathBuf,
    /// Where it answers; empty for programs that do not.
    pub(super) base: String,
}

impl Process {
    /// Starts `command` with its output in a file of `folder`. The kernel kills it should this test be killed.
    pub(super) fn spawn(name: &str, command: &Command, folder: &Path, signal: &str) -> Self {
        static COUNT: AtomicU16 = AtomicU16::new(0);
        let output = folder.join(format!("{name}-{}.log", COUNT.fetch_add(1, Ordering::Relaxed)));
        let file = File::create(&output).expect("a file for the output");
        let mut wrapped = Command::new("setpriv");
        // A file that may not grow is an error to be handled, not the end: on a full disk no signal comes either.
        wrapped.args(["--pdeathsig", signal, "env", "--ignore-signal=XFSZ"]).arg(command.get_program()).args(command.get_args());
        // As the image sets it (deploy/docker/Dockerfile).
        wrapped.env_clear().env("MALLOC_MMAP_THRESHOLD_", "131072");
        wrapped.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8").env("RUST_BACKTRACE", "1");
        for (key, value) in command.get_envs() {
            wrapped.env(key, value.unwrap_or_default());
        }
        if let Some(folder) = command.get_current_dir() {
            wrapped.current_dir(folder);
        }
        let errors = file.try_clone().expect("a second handle");
        let child = wrapped.stdin(Stdio::null()).stdout(file).stderr(errors).spawn().expect("setpriv (package util-linux)");
        Self { name: name.to_owned(), child, output, base: String::new() }
    }

    /// Says where it answers.
    pub(super) fn at(mut self, base: String) -> Self {
        self.base = base;
        self
    }
    /// A client of it.
    pub(super) fn api(&self) -> Api {
        Api::at(&self.base)
    }
    /// What it wrote so far.
    pub(super) fn output(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.output).unwrap_or_default()).into_owned()
    }
    /// Whether it runs.
    pub(super) fn runs(&mut self) -> bool {
        self.child.try_wait().expect("its state").is_none()
    }

    /// Waits until it can serve. Answers false if it ended instead.
    pub(super) async fn came_up(&mut self) -> bool {
        let api = self.api();
        let (name, output) = (self.name.clone(), self.output.clone());
        let written = move || std::fs::read_to_string(&output).unwrap_or_default();
        until(&format!("{name} is ready"), async || {
            if !self.runs() {
                return Some(false);
            }
            let answer = api.call(reqwest::Method::GET, "/health/ready", None, &[]).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return Some(true);
            }
            written().contains("panicked").then(|| panic!("{name}: {}", written()))
        })
        .await
    }
    pub(super) async fn ready(mut self) -> Self {
        assert!(self.came_up().await, "{} ended instead of serving:\n{}", self.name, self.output());
        self
    }

    /// From now on no file of it may grow beyond so many bytes; `None`: as it was.
    pub(super) fn may_write(&self, bytes: Option<u64>) {
        let limit = format!("--fsize={}:unlimited", bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string()));
        let done = Command::new("prlimit").args(["--pid", &self.child.id().to_string(), &limit]).status();
        assert!(done.is_ok_and(|status| status.success()), "prlimit (package util-linux)");
    }
    /// Resident memory in MB: now, and at its highest.
    pub(super) fn memory(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its status");
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
        };
        (of("VmRSS:"), of("VmHWM:"))
    }

    /// Connections that it has open.
    pub(super) fn sockets(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("its files");
        let what = |file: std::io::Result<std::fs::DirEntry>| std::fs::read_link(file.ok()?.path()).ok();
        files.filter_map(what).filter(|to| to.to_string_lossy().starts_with("socket:")).count()
    }

    /// The kernel's number of it.
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }
    /// Sends a signal by name.
    pub(super) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().expect("kill");
        assert!(sent.success(), "{} is gone already:\n{}", self.name, self.output());
    }
    /// Waits for its end.
    pub(super) async fn ended(&mut self) -> ExitStatus {
        let (name, output) = (self.name.clone(), self.output.clone());
        let child = &mut self.child;
        let what = format!("{name} ends; its output is in {}", output.display());
        until(&what, async || child.try_wait().expect("its state")).await
    }
    /// SIGTERM, and a good end.
    pub(super) async fn stop(mut self) -> String {
        self.signal("TERM");
        let status = self.ended().await;
        assert!(status.success(), "{} ended with {status}:\n{}", self.name, self.output());
        self.output()
    }
    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let output = self.output();
            let from = output.char_indices().rev().nth(6000).map_or(0, |(at, _)| at);
            eprintln!("--- the end of what {} wrote:\n{}", self.name, &output[from..]);
        }
    }
}
