//! A customer's endpoint: a small HTTP server that remembers what it got and answers what it is told to.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Received {
    /// `POST /hooks HTTP/1.1`.
    pub request_line: String,
    /// Names in lower case, in their order.
    pub headers: Vec<(String, String)>,
    /// The exact bytes.
    pub body: Vec<u8>,
    /// When all of it was here.
    pub at: Instant,
}

impl Received {
    /// A header, empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
    /// The name of the event.
    pub fn event(&self) -> String {
        self.json()["event"].as_str().unwrap_or_default().to_owned()
    }
}

#[derive(Clone, Debug)]
struct Answer {
    status: u16,
    headers: String,
    body: String,
    delay: Duration,
}

struct State {
    received: Vec<Received>,
    answers: VecDeque<Answer>,
    usual: Answer,
    /// What each event is answered when it comes for the first time, and which have come.
    first: Option<u16>,
    seen: HashSet<String>,
}

impl State {
    fn answer(&mut self, to: &Received) -> Answer {
        let new = self.seen.insert(to.header("webhook-id").to_owned());
        if let Some(status) = self.first.filter(|_| new) {
            return Answer { status, ..self.usual.clone() };
        }
        self.answers.pop_front().unwrap_or_else(|| self.usual.clone())
    }
}

/// The endpoint. It is gone when this is dropped.
pub struct Receiver {
    /// Its URL.
    pub url: String,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receiver {
    /// Listens on a free port and answers 200 `ok`.
    pub async fn start() -> Self {
        Self::at(std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }
    /// The same with a port that is taken already.
    pub fn at(listener: std::net::TcpListener) -> Self {
        listener.set_nonblocking(true).expect("a socket");
        let listener = TcpListener::from_std(listener).expect("a socket");
        let url = format!("http://{}/hooks", listener.local_addr().expect("an address"));
        let usual = Answer { status: 200, headers: String::new(), body: "ok".to_owned(), delay: Duration::ZERO };
        let state = Arc::new(Mutex::new(State {
            received: Vec::new(),
            answers: VecDeque::new(),
            usual,
            first: None,
            seen: HashSet::new(),
        }));
        let shared = state.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { url, state, serving }
    }

    /// From now on answers this status.
    pub fn answers(&self, status: u16) {
        lock(&self.state).usual.status = status;
    }
    /// From now on answers this status to every event that it has not seen yet.
    pub fn answers_first(&self, status: u16) {
        lock(&self.state).first = Some(status);
    }
    /// From now on answers this body.
    pub fn answers_body(&self, body: &str) {
        lock(&self.state).usual.body = body.to_owned();
    }
    /// From now on also sends this header.
    pub fn answers_header(&self, name: &str, value: &str) {
        lock(&self.state).usual.headers.push_str(&format!("{name}: {value}\r\n"));
    }
    /// From now on takes its time.
    pub fn delays(&self, by: Duration) {
        lock(&self.state).usual.delay = by;
    }
    /// Answers the next requests with these statuses, one each.
    pub fn answers_once(&self, statuses: &[u16]) {
        let mut state = lock(&self.state);
        let usual = state.usual.clone();
        state.answers.extend(statuses.iter().map(|status| Answer { status: *status, ..usual.clone() }));
    }

    /// Everything that came so far.
    pub fn received(&self) -> Vec<Received> {
        lock(&self.state).received.clone()
    }
    /// Everything that came since the last call.
    pub fn take(&self) -> Vec<Received> {
        std::mem::take(&mut lock(&self.state).received)
    }
    /// How many came since [`Receiver::take`].
    pub fn count(&self) -> usize {
        lock(&self.state).received.len()
    }
    /// The names of the events that came so far.
    pub fn events(&self) -> Vec<String> {
        lock(&self.state).received.iter().map(Received::event).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Some(received) = read(&mut stream).await {
        let answer = {
            let mut state = lock(&state);
            let answer = state.answer(&received);
            state.received.push(received);
            answer
        };
        tokio::time::sleep(answer.delay).await;
        let Answer { status, headers, body, .. } = answer;
        let text = format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len());
        if stream.get_mut().write_all(text.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// One request; `None` at the end of the connection. Our egress client always sends a length.
async fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let request_line = line(stream).await?;
    let mut headers = Vec::new();
    loop {
        let line = line(stream).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut received = Received { request_line, headers, body: Vec::new(), at: Instant::now() };
    received.body.resize(received.header("content-length").parse().unwrap_or(0), 0);
    stream.read_exact(&mut received.body).await.ok()?;
    received.at = Instant::now();
    Some(received)
}

async fn line(stream: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let read = stream.read_line(&mut line).await.ok()?;
    (read > 0).then(|| line.trim_end().to_owned())
}
