//! A program that is measured: started, awaited, weighed, and stopped with its owner.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::http::{self, Connection};

/// A running program.
pub(crate) struct Process {
    child: Child,
    pub(crate) port: u16,
    /// From its start to its first answer "ready".
    pub(crate) ready_after: Duration,
}

/// A port that nobody listens on at this moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Process {
    /// Starts `command`, whose output goes to `log`, as it would to a collector.
    pub(crate) fn begin(command: &mut Command, log: &Path, port: u16) -> Result<Self> {
        let log = File::create(log)?;
        command.stdin(Stdio::null()).stderr(log.try_clone()?).stdout(log);
        let child = command.spawn().with_context(|| format!("{}", command.get_program().display()))?;
        Ok(Self { child, port, ready_after: Duration::ZERO })
    }

    /// The same; waits until `/health/ready` answers 200 on `port`.
    pub(crate) async fn start(mut command: Command, log: &Path, port: u16) -> Result<Self> {
        let began = Instant::now();
        let mut process = Self::begin(&mut command, log, port)?;
        while !process.is_ready().await {
            if process.child.try_wait()?.is_some() || began.elapsed() > Duration::from_secs(60) {
                bail!("{command:?} did not become ready");
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        process.ready_after = began.elapsed();
        Ok(process)
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut connection) = Connection::open(self.port).await else { return false };
        connection.send(&http::get("/health/ready", None)).await.is_ok_and(|answer| answer.status == 200)
    }

    /// Processor time of all its threads so far.
    pub(crate) fn processor_time(&self) -> Result<Duration> {
        processor_time_of(self.child.id())
    }

    /// Resident memory in MiB: now, and the most there has been.
    pub(crate) fn memory(&self) -> Result<(f64, f64)> {
        Ok((memory_of(self.child.id(), "VmRSS")?, memory_of(self.child.id(), "VmHWM")?))
    }
}

/// Processor time of all threads of any process so far.
pub(crate) fn processor_time_of(pid: u32) -> Result<Duration> {
    let mut nanos = 0;
    for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        // The first field is the time on a processor, see the kernel's sched-stats.rst. A thread that ended meanwhile is left out.
        let stat = std::fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        nanos += stat.split(' ').next().and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    }
    Ok(Duration::from_nanos(nanos))
}

/// A kind of memory of any process, in MiB, by the name it has in `/proc/PID/status`.
pub(crate) fn memory_of(pid: u32, kind: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(':'));
    let kib: f64 = line.context(kind.to_owned())?.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kib / 1024.0)
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
