//! Receivers of log streams that take nothing that is not exactly as their protocol wants it, and can be told to fail.

mod protocols;

use std::{
    collections::{HashSet, VecDeque},
    io::Read,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use flate2::read::GzDecoder;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

pub use self::protocols::Speaks;

/// The key that every receiver wants.
pub const RECEIVER_KEY: &str = "B5A79AAD-D822-46CC-80D1-819F80D7BFB0";

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Posted {
    /// `POST`.
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it travelled.
    pub raw: Vec<u8>,
    /// Decompressed.
    pub body: Vec<u8>,
}

impl Posted {
    /// A header, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl ToString) -> Self {
        Self { status, headers: String::new(), body: body.to_string() }
    }
}

pub(crate) struct State {
    pub(crate) speaks: Speaks,
    /// What arrived, in its order.
    pub(crate) records: Vec<Value>,
    pub(crate) requests: Vec<Posted>,
    /// What was not as the protocol wants it.
    pub(crate) complaints: Vec<String>,
    faults: VecDeque<Reply>,
    delay: Duration,
    /// Events of this name are refused.
    pub(crate) refuses: Option<String>,
    /// Records of a body at most.
    pub(crate) most: usize,
    pub(crate) ids: HashSet<String>,
    pub(crate) acks: Vec<u32>,
    /// Questions until a batch is acknowledged.
    pub(crate) ack_after: u32,
}

impl State {
    /// Whether a record is one that is refused.
    pub(crate) fn is_refused(&self, record: &Value) -> bool {
        self.refuses.as_ref().is_some_and(|name| record.to_string().contains(&format!("\"{name}\"")))
    }
}

/// A receiver. It is gone when this is dropped.
pub struct LogReceiver {
    /// Its URL, without a path.
    pub url: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LogReceiver {
    /// Listens on a free port.
    pub async fn start(speaks: Speaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(Mutex::new(State {
            speaks,
            records: Vec::new(),
            requests: Vec::new(),
            complaints: Vec::new(),
            faults: VecDeque::new(),
            delay: Duration::ZERO,
            refuses: None,
            most: 1000,
            ids: HashSet::new(),
            acks: Vec::new(),
            ack_after: 2,
        }));
        let shared = state.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { url, state, serving }
    }

    /// Answers the next requests with these statuses, one each, and takes nothing of them.
    pub fn fails(&self, statuses: &[u16]) {
        lock(&self.state).faults.extend(statuses.iter().map(|status| Reply::new(*status, "{}")));
    }
    /// Answers the next request with this status and header.
    pub fn fails_with(&self, status: u16, name: &str, value: &str) {
        let headers = format!("{name}: {value}\r\n");
        lock(&self.state).faults.push_back(Reply { headers, ..Reply::new(status, "{}") });
    }
    /// From now on takes its time.
    pub fn delays(&self, by: Duration) {
        lock(&self.state).delay = by;
    }
    /// From now on refuses whatever names this.
    pub fn refuses(&self, name: Option<&str>) {
        lock(&self.state).refuses = name.map(str::to_owned);
    }
    /// From now on takes no more records in one body.
    pub fn takes_at_most(&self, records: usize) {
        lock(&self.state).most = records;
    }
    /// From now on acknowledges after so many questions.
    pub fn acknowledges_after(&self, questions: u32) {
        lock(&self.state).ack_after = questions;
    }
    /// What arrived so far, in its order: of each record what is the record in its protocol.
    pub fn records(&self) -> Vec<Value> {
        let state = lock(&self.state);
        assert!(state.complaints.is_empty(), "not as the protocol wants it: {:?}", state.complaints);
        state.records.clone()
    }
    /// The names of the events that arrived.
    pub fn events(&self) -> Vec<String> {
        self.records().iter().map(|record| record["event"].as_str().unwrap_or_default().to_owned()).collect()
    }
    /// Their numbers in the feed.
    pub fn seqs(&self) -> Vec<i64> {
        self.records().iter().map(|record| record["seq"].as_i64().unwrap_or_default()).collect()
    }
    /// How many requests came so far.
    pub fn count(&self) -> usize {
        lock(&self.state).requests.len()
    }
    /// Everything that came so far.
    pub fn requests(&self) -> Vec<Posted> {
        lock(&self.state).requests.clone()
    }
}

impl Drop for LogReceiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Some(posted) = read(&mut stream).await {
        let delay = lock(&state).delay;
        tokio::time::sleep(delay).await;
        let Reply { status, headers, body } = answer(&mut lock(&state), posted);
        let text = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len());
        if stream.get_mut().write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(state: &mut State, posted: Posted) -> Reply {
    state.requests.push(posted.clone());
    match state.faults.pop_front() {
        Some(fault) => fault,
        None => protocols::answer(state, &posted),
    }
}

/// One request; `None` at the end of the connection.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Posted> {
    let request = line(stream).await?;
    let mut words = request.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut posted = Posted { method, path, ..Posted::default() };
    loop {
        let line = line(stream).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        posted.headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    posted.raw.resize(posted.header("content-length").parse().unwrap_or(0), 0);
    stream.read_exact(&mut posted.raw).await.ok()?;
    posted.body.clone_from(&posted.raw);
    if posted.header("content-encoding") == "gzip" {
        posted.body.clear();
        GzDecoder::new(posted.raw.as_slice()).read_to_end(&mut posted.body).ok()?;
    }
    Some(posted)
}

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}
