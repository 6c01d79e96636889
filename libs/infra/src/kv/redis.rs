//! The store that several processes share. One script call per decision; when Redis is away each process counts for itself, since
//! refusing everybody (or nobody) because of a cache would be worse than a limit that is a few times too generous.
//!
//! One server, or a primary behind a name that follows it. Redis Cluster is not supported: a decision's keys lie on several of its nodes,
//! and putting all on one would leave nothing of the cluster. Each process then counts for itself, and its readiness says `away`.

mod wake_channel;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use domain::{
    Clock, Result,
    core::{
        ports::{Kv, RateRequest},
        rate::{Admission, Limit},
    },
};
use redis::{
    Client, RedisResult, Script,
    aio::{ConnectionManager, ConnectionManagerConfig},
};

use self::wake_channel::WakeChannel;
use super::{memory::MemoryKv, outage::Outage};

/// What a probe counts: two keys, as a decision under several limits has, which are forgotten at once.
const PROBE: &str = "probe:1";
const PROBE_TOO: &str = "probe:2";
const PROBED_FOR: Duration = Duration::from_millis(1);

/// No request waits longer for Redis.
const TIMEOUT: Duration = Duration::from_millis(250);

/// [`Kv`] in Redis.
pub struct RedisKv {
    connection: ConnectionManager,
    script: Script,
    give_back: Script,
    fallback: MemoryKv,
    outage: Outage,
    channel: WakeChannel,
}

impl RedisKv {
    /// Opens the store at `url`. Connects in the background; an error means that the URL itself is no good.
    pub async fn connect(url: &str, clock: Arc<dyn Clock>) -> RedisResult<Self> {
        let client = Client::open(url)?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(TIMEOUT))
            .set_response_timeout(Some(TIMEOUT))
            .set_number_of_retries(1)
            .set_max_delay(TIMEOUT);
        let connection = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
        let channel = WakeChannel::open(client, connection.clone());
        let script = Script::new(include_str!("admit.lua"));
        let give_back = Script::new(include_str!("give_back.lua"));
        Ok(Self { connection, script, give_back, fallback: MemoryKv::new(clock), outage: Outage::new(), channel })
    }

    async fn decide(&self, requests: &[RateRequest]) -> RedisResult<Vec<Admission>> {
        let mut call = self.script.prepare_invoke();
        for request in requests {
            call.key(key(request));
            call.arg(request.limit.micros())
                .arg(request.limit.tolerance())
                .arg(request.unreported)
                .arg(request.unreported_age_micros());
        }
        let answers: Vec<i64> = call.invoke_async(&mut self.connection.clone()).await?;
        let pairs = answers.chunks_exact(2).zip(requests);
        Ok(pairs.map(|(answer, request)| request.limit.admission(answer[0] == 1, answer[1])).collect())
    }
}

fn key(request: &RateRequest) -> String {
    format!("tenantry:limit:{}", request.key)
}

/// Bounds `work` by [`TIMEOUT`] as a whole: connecting and answering together must not take twice as long.
async fn bounded<T>(work: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    match tokio::time::timeout(TIMEOUT, work).await {
        Ok(result) => result,
        Err(_) => Err((redis::ErrorKind::Io, "no answer in time").into()),
    }
}

#[async_trait]
impl Kv for RedisKv {
    async fn admit(&self, requests: &[RateRequest]) -> Result<Vec<Admission>> {
        if self.outage.pausing() {
            return Ok(self.fallback.decide(requests));
        }
        match bounded(self.decide(requests)).await {
            Ok(admissions) => {
                self.outage.succeeded();
                Ok(admissions)
            }
            Err(error) => {
                self.outage.failed(&error);
                Ok(self.fallback.decide(requests))
            }
        }
    }

    async fn give_back(&self, request: &RateRequest) {
        self.fallback.take_off(request);
        if self.outage.pausing() {
            return;
        }
        let mut connection = self.connection.clone();
        let mut call = self.give_back.prepare_invoke();
        let call = call.key(key(request)).arg(request.limit.micros());
        if let Err(error) = bounded(async { call.invoke_async::<()>(&mut connection).await }).await {
            self.outage.failed(&error);
        }
    }

    async fn wake(&self) {
        self.channel.send();
    }

    async fn woken(&self) {
        self.channel.received().await;
    }

    /// Asks for what is used: a Redis can answer `PING` and refuse scripts or writes (rights, a replica, a node of a cluster, no memory).
    async fn healthy(&self) -> bool {
        let probe = [PROBE, PROBE_TOO].map(|key| RateRequest::new(key.to_owned(), Limit { burst: 1, period: PROBED_FOR }));
        bounded(self.decide(&probe)).await.is_ok()
    }
}
