//! A Redis.

use std::path::Path;

use tempfile::TempDir;

use super::{
    super::{
        process::{Process, free_port},
        until,
        world::service,
    },
    as_server, folder,
};

/// A Redis that keeps nothing.
pub(in super::super) struct Redis {
    port: u16,
    running: Option<Process>,
    folder: TempDir,
}

impl Redis {
    pub(in super::super) async fn start() -> Self {
        let mut server = Self { port: free_port(), running: None, folder: folder() };
        server.restart().await;
        server
    }
    /// A replica of `primary`.
    pub(in super::super) async fn replica_of(primary: &Self) -> Self {
        let replica = Self::start().await;
        replica.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.port)).await.expect("REPLICAOF");
        until("the replica is in step", async || {
            let info = replica.ask("INFO replication").await.unwrap_or_default();
            info.contains("master_link_status:up").then_some(())
        })
        .await;
        replica
    }
    pub(in super::super) fn port(&self) -> u16 {
        self.port
    }
    pub(in super::super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
    pub(in super::super) async fn restart(&mut self) {
        let mut command = as_server(Path::new(&service("TENANTRY_TEST_REDIS_SERVER")));
        command.current_dir(self.folder.path()).args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", ""]);
        self.running = Some(Process::spawn("redis", &command, self.folder.path(), "TERM"));
        until("Redis answers", async || self.ask("PING").await.ok()).await;
    }
    pub(in super::super) async fn ask(&self, command: &str) -> redis::RedisResult<String> {
        self.answer(command).await
    }
    /// A command whose answer is a list.
    pub(in super::super) async fn list(&self, command: &str) -> redis::RedisResult<Vec<String>> {
        self.answer(command).await
    }
    pub(in super::super) async fn number(&self, command: &str) -> redis::RedisResult<i64> {
        self.answer(command).await
    }
    async fn answer<T: redis::FromRedisValue>(&self, command: &str) -> redis::RedisResult<T> {
        let mut connection = redis::Client::open(self.url())?.get_multiplexed_async_connection().await?;
        let mut words = command.split_whitespace();
        let mut call = redis::cmd(words.next().unwrap_or_default());
        words.for_each(|word| {
            call.arg(word);
        });
        call.query_async(&mut connection).await
    }
    pub(in super::super) fn kill(&mut self) {
        self.running = None;
    }
    /// Alive, but answering nobody, until [`Redis::thaw`].
    pub(in super::super) fn freeze(&self) {
        self.running.as_ref().expect("it runs").signal("STOP");
    }
    pub(in super::super) fn thaw(&self) {
        self.running.as_ref().expect("it runs").signal("CONT");
    }
}
