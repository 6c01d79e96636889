//! Two kinds of load: as much as a number of connections can (throughput), and so many requests a second (latency).
//!
//! At a constant rate a request's time is counted from the moment it was *due*, not from when a connection was free to send it, so a
//! server that stalls does not hide the requests that waited behind the stall.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::Result;
use tokio::sync::mpsc;

use crate::http::Connection;

/// What is asked, one request after another.
pub(crate) trait Traffic {
    /// The next request.
    fn next(&mut self) -> Vec<u8>;
    /// Its answer, in case the next one depends on it.
    fn answered(&mut self, _body: &[u8]) {}
}

/// Traffic that several connections draw from.
pub(crate) type Shared = Rc<RefCell<dyn Traffic>>;

/// What came of a measurement.
#[derive(Clone, Default)]
pub(crate) struct Outcome {
    /// Of the answers with status 2xx, sorted.
    micros: Vec<u32>,
    /// Answers by status.
    pub(crate) statuses: BTreeMap<u16, usize>,
    took: Duration,
}

impl Outcome {
    /// Successes a second.
    pub(crate) fn rate(&self) -> f64 {
        self.micros.len() as f64 / self.took.as_secs_f64()
    }
    /// How many succeeded.
    pub(crate) fn succeeded(&self) -> usize {
        self.micros.len()
    }
    /// A percentile in milliseconds.
    pub(crate) fn ms(&self, percent: f64) -> f64 {
        let last = self.micros.len().saturating_sub(1);
        let at = (self.micros.len() as f64 * percent / 100.0) as usize;
        self.micros.get(at.min(last)).map_or(f64::NAN, |micros| f64::from(*micros) / 1000.0)
    }
    /// Answers that were not a success.
    pub(crate) fn refused(&self) -> usize {
        self.statuses.iter().filter(|(status, _)| **status >= 300).map(|(_, count)| count).sum()
    }
    /// Both together.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.micros.extend(other.micros);
        self.micros.sort_unstable();
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.took += other.took;
        self
    }
    fn record(&mut self, status: u16, since: Instant) {
        *self.statuses.entry(status).or_default() += 1;
        if status < 300 {
            self.micros.push(u32::try_from(since.elapsed().as_micros()).unwrap_or(u32::MAX));
        }
    }
}

async fn ask(connection: &mut Connection, traffic: &Shared, since: Instant, outcome: &RefCell<Outcome>) -> Result<u16> {
    let request = traffic.borrow_mut().next();
    let answer = connection.send(&request).await?;
    outcome.borrow_mut().record(answer.status, since);
    if answer.status < 300 {
        traffic.borrow_mut().answered(answer.body);
    }
    Ok(answer.status)
}

/// Keeps `connections` busy for `time`.
pub(crate) async fn throughput(port: u16, traffic: Shared, connections: usize, time: Duration) -> Result<Outcome> {
    let opened = open(port, connections).await?;
    let began = Instant::now();
    let busy = async |mut connection: Connection, outcome: &RefCell<Outcome>| {
        while began.elapsed() < time {
            ask(&mut connection, &traffic, Instant::now(), outcome).await?;
        }
        anyhow::Ok(())
    };
    gather(opened, began, busy).await
}

/// The same by clients who, once refused, wait a second as they are told.
pub(crate) async fn patient(port: u16, traffic: Shared, connections: usize, time: Duration) -> Result<Outcome> {
    let opened = open(port, connections).await?;
    let began = Instant::now();
    let busy = async |mut connection: Connection, outcome: &RefCell<Outcome>| {
        while began.elapsed() < time {
            if ask(&mut connection, &traffic, Instant::now(), outcome).await? >= 300 {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        anyhow::Ok(())
    };
    gather(opened, began, busy).await
}

/// Sends `rate` requests a second for `time`, over at most `connections`.
pub(crate) async fn constant(port: u16, traffic: Shared, connections: usize, rate: f64, time: Duration) -> Result<Outcome> {
    let opened = open(port, connections).await?;
    let (sender, due) = mpsc::unbounded_channel();
    let due = tokio::sync::Mutex::new(due);
    let began = Instant::now();
    // A thread that sleeps is punctual to some 50 µs; the runtime's timers only to a millisecond.
    let metronome = std::thread::spawn(move || {
        for number in 0..(rate * time.as_secs_f64()) as u64 {
            let at = began + Duration::from_secs_f64(number as f64 / rate);
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            if sender.send(at).is_err() {
                return;
            }
        }
    });
    let serve = async |mut connection: Connection, outcome: &RefCell<Outcome>| loop {
        let next = due.lock().await.recv().await;
        let Some(at) = next else { return anyhow::Ok(()) };
        ask(&mut connection, &traffic, at, outcome).await?;
    };
    let outcome = gather(opened, began, serve).await;
    // Dropping the receiver ends the thread, should a connection have failed.
    drop(due);
    let _ = metronome.join();
    outcome
}

/// So many connections, before the time that is measured begins.
async fn open(port: u16, connections: usize) -> Result<Vec<Connection>> {
    futures::future::try_join_all((0..connections).map(|_| Connection::open(port))).await
}

/// Works with every connection to the end, or to the first error.
async fn gather(
    connections: Vec<Connection>,
    began: Instant,
    work: impl AsyncFn(Connection, &RefCell<Outcome>) -> Result<()>,
) -> Result<Outcome> {
    let outcome = RefCell::new(Outcome::default());
    futures::future::try_join_all(connections.into_iter().map(|connection| Box::pin(work(connection, &outcome)))).await?;
    let mut outcome = outcome.into_inner();
    outcome.took = began.elapsed();
    outcome.micros.sort_unstable();
    Ok(outcome)
}
