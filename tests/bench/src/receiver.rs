//! A receiver of webhooks in a thread of its own: answers 200 at once and notes when which event arrived.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Result;
use domain::{Clock, core::clock::SystemClock};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::http::{content_length, find};

/// When each event arrived first, by its `webhook-id`.
type Arrivals = Arc<Mutex<HashMap<String, Instant>>>;

/// A running receiver.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    arrivals: Arrivals,
}

impl Receiver {
    pub(crate) fn start() -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let (port, arrivals) = (listener.local_addr()?.port(), Arrivals::default());
        let noted = arrivals.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            tokio::task::LocalSet::new().block_on(&runtime, async move {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::task::spawn_local(serve(stream, noted.clone()));
                }
            });
        });
        Ok(Self { port, arrivals })
    }

    pub(crate) fn arrivals(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(mut stream: TcpStream, arrivals: Arrivals) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(4096);
    loop {
        while let Some(end) = whole(&buffer)? {
            let id = header(&buffer[..end], "webhook-id:");
            arrivals.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_insert_with(Instant::now);
            buffer.drain(..end);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await?;
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

/// Where the first request ends, if all of it is here.
fn whole(buffer: &[u8]) -> Result<Option<usize>> {
    let Some(head) = find(buffer, b"\r\n\r\n").map(|end| end + 4) else { return Ok(None) };
    let end = head + content_length(&buffer[..head])?;
    Ok((buffer.len() >= end).then_some(end))
}

fn header(request: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(request);
    let line = text.lines().find(|line| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)));
    line.map(|line| line[name.len()..].trim().to_owned()).unwrap_or_default()
}

/// What a collector has received.
#[derive(Default)]
struct Collected {
    events: usize,
    /// The longest time from an event to its receipt.
    lag: Duration,
}

/// An HTTP event collector in a thread of its own, which counts events and looks at their time.
pub(crate) struct Collector {
    pub(crate) port: u16,
    collected: Arc<Mutex<Collected>>,
}

impl Collector {
    /// `delay` passes before each answer.
    pub(crate) fn start(delay: Duration) -> Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let (port, collected) = (listener.local_addr()?.port(), Arc::new(Mutex::new(Collected::default())));
        let noted = collected.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            tokio::task::LocalSet::new().block_on(&runtime, async move {
                let Ok(listener) = TcpListener::from_std(listener) else { return };
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::task::spawn_local(collect(stream, noted.clone(), delay));
                }
            });
        });
        Ok(Self { port, collected })
    }

    fn collected(&self) -> MutexGuard<'_, Collected> {
        self.collected.lock().unwrap_or_else(PoisonError::into_inner)
    }
    pub(crate) fn count(&self) -> usize {
        self.collected().events
    }
    pub(crate) fn longest_lag(&self) -> Duration {
        self.collected().lag
    }
    /// Until so many have arrived.
    pub(crate) async fn wait(&self, count: usize) -> Result<()> {
        let began = Instant::now();
        while self.count() < count {
            anyhow::ensure!(began.elapsed() < Duration::from_secs(120), "{} of {count} records arrived", self.count());
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

async fn collect(mut stream: TcpStream, collected: Arc<Mutex<Collected>>, delay: Duration) -> Result<()> {
    const TAKEN: &str = r#"{"text":"Success","code":0}"#;
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(1 << 20);
    loop {
        while let Some(end) = whole(&buffer)? {
            let events = buffer[..end].iter().filter(|byte| **byte == b'\n').count() - head_lines(&buffer[..end]);
            let lag = lag(&buffer[..end]).unwrap_or_default();
            tokio::time::sleep(delay).await;
            {
                let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
                collected.events += events;
                collected.lag = collected.lag.max(lag);
            }
            buffer.drain(..end);
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{TAKEN}", TAKEN.len());
            stream.write_all(answer.as_bytes()).await?;
        }
        if stream.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
    }
}

fn head_lines(request: &[u8]) -> usize {
    let head = find(request, b"\r\n\r\n").unwrap_or(0) + 4;
    request[..head].iter().filter(|byte| **byte == b'\n').count()
}

/// How long ago the first event happened.
fn lag(request: &[u8]) -> Option<Duration> {
    let at = find(request, b"\"time\":")? + 7;
    let text: String =
        request[at..].iter().map(|byte| char::from(*byte)).take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let at: f64 = text.parse().ok()?;
    let now = SystemClock.now().timestamp_micros() as f64 / 1e6;
    Some(Duration::from_secs_f64((now - at).max(0.0)))
}
