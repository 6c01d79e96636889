//! A customer's mail server: without encryption, as it may be in a network that the operator named. It remembers what it got and answers
//! what it is told to.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::{Mail, mails};

/// The password that it takes, for any user.
pub const SMTP_PASSWORD: &str = "the mail server's";

/// A mail that was handed over.
#[derive(Clone, Debug)]
pub struct Handed {
    /// Of the envelope.
    pub from: String,
    /// Of the envelope.
    pub to: String,
    /// Who signed in.
    pub user: Option<String>,
    /// The mail.
    pub mail: Mail,
}

#[derive(Default)]
struct State {
    received: Vec<Handed>,
    answers: HashMap<String, String>,
    silent: bool,
    visits: usize,
}

/// The server. It is gone when this is dropped.
pub struct MailServer {
    /// Where it listens, on this machine.
    pub port: u16,
    state: Arc<Mutex<State>>,
    serving: JoinHandle<()>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MailServer {
    /// Listens on a free port, takes everything, and knows [`SMTP_PASSWORD`].
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                lock(&shared).visits += 1;
                tokio::spawn(serve(stream, shared.clone()));
            }
        });
        Self { port, state, serving }
    }

    /// What an organization sends to use it.
    pub fn settings(&self) -> Value {
        json!({
            "host": "127.0.0.1", "port": self.port, "security": "none", "username": "acme", "password": SMTP_PASSWORD,
            "from_email": "no-reply@acme.example", "from_name": "Acme mail",
        })
    }

    /// From now on answers this to a command (`RCPT`), to a connection (`GREETING`) or to a mail (`.`).
    pub fn answers(&self, command: &str, answer: &str) {
        lock(&self.state).answers.insert(command.to_owned(), answer.to_owned());
    }
    /// From now on is fine.
    pub fn recovers(&self) {
        let mut state = lock(&self.state);
        state.answers.clear();
        state.silent = false;
    }
    /// From now on takes connections and says nothing.
    pub fn falls_silent(&self) {
        lock(&self.state).silent = true;
    }
    /// Every mail so far.
    pub fn received(&self) -> Vec<Handed> {
        lock(&self.state).received.clone()
    }
    /// The newest mail.
    #[track_caller]
    pub fn last(&self) -> Handed {
        self.received().pop().expect("a mail")
    }
    /// How often somebody connected.
    pub fn visits(&self) -> usize {
        lock(&self.state).visits
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    if lock(&state).silent {
        // Until the other side has had enough.
        while let Ok(Some(_)) = lines.next_line().await {}
        return;
    }
    let told = |command: &str| lock(&state).answers.get(command).cloned();
    let mut talk = Talk::default();
    let mut answer = told("GREETING").unwrap_or_else(|| "220 mail.example".to_owned());
    loop {
        if write.write_all(format!("{answer}\r\n").as_bytes()).await.is_err() {
            return;
        }
        let Ok(Some(line)) = lines.next_line().await else { return };
        let command = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let usual = talk.hear(&command, &line);
        answer = told(&command).unwrap_or(usual);
        if command == "DATA" && answer.starts_with("354") {
            let _ = write.write_all(format!("{answer}\r\n").as_bytes()).await;
            let mut raw = String::new();
            while let Ok(Some(line)) = lines.next_line().await
                && line != "."
            {
                raw += line.strip_prefix('.').unwrap_or(&line);
                raw += "\r\n";
            }
            answer = told(".").unwrap_or_else(|| "250 2.0.0 kept".to_owned());
            if answer.starts_with("250") {
                let Talk { from, to, user } = talk.clone();
                lock(&state).received.push(Handed { from, to, user, mail: mails::parse(raw) });
            }
        }
    }
}

#[derive(Clone, Default)]
struct Talk {
    from: String,
    to: String,
    user: Option<String>,
}

impl Talk {
    fn hear(&mut self, command: &str, line: &str) -> String {
        let address = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let answer = match command {
            "EHLO" => "250-mail.example\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME",
            "AUTH" => {
                let both = STANDARD.decode(line.rsplit(' ').next().unwrap_or_default()).unwrap_or_default();
                let parts: Vec<_> = both.split(|b| *b == 0).map(String::from_utf8_lossy).collect();
                match parts.as_slice() {
                    [_, user, password] if password == SMTP_PASSWORD => {
                        self.user = Some(user.to_string());
                        "235 2.7.0 welcome"
                    }
                    _ => "535 5.7.8 who are you?",
                }
            }
            "MAIL" => {
                self.from = address;
                "250 2.1.0 go on"
            }
            "RCPT" => {
                self.to = address;
                "250 2.1.5 go on"
            }
            "DATA" => "354 go on",
            "QUIT" => "221 bye",
            _ => "502 what?",
        };
        answer.to_owned()
    }
}
