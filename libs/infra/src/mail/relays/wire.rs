//! The connection: lines within bounds, before and after the encryption.

use std::mem;

use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use super::{Failure, Reason, Step, tls::Encryption};

/// Longer answers are a mistake or an attack.
const LONGEST: u64 = 16 * 1024;

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// Nothing more comes.
    Closed,
    /// What comes is no answer.
    Nonsense,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) code: u16,
    lines: Vec<String>,
}

impl Answer {
    /// What stands behind the code, in its first line.
    pub(super) fn text(&self) -> &str {
        self.lines.first().map_or("", String::as_str)
    }
}

enum Stream {
    Plain(BufReader<TcpStream>),
    Encrypted(Box<BufReader<TlsStream<TcpStream>>>),
    /// Between the two.
    Gone,
}

pub(super) struct Wire {
    stream: Stream,
    /// What the server says that it can do, in capitals.
    offers: Vec<String>,
}

impl Wire {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { stream: Stream::Plain(BufReader::new(stream)), offers: Vec::new() }
    }

    /// Encrypts a connection that is not. What came before and nobody asked for is not taken for something said under encryption.
    pub(super) async fn encrypt(&mut self, host: &str, with: &Encryption) -> Result<(), Failure> {
        let Stream::Plain(plain) = mem::replace(&mut self.stream, Stream::Gone) else {
            return Err(Failure::at(Step::Tls, Reason::Handshake));
        };
        if !plain.buffer().is_empty() {
            return Err(Failure::at(Step::Tls, Reason::NotSmtp));
        }
        let encrypted = with.connect(host, plain.into_inner()).await?;
        self.stream = Stream::Encrypted(Box::new(BufReader::new(encrypted)));
        self.offers.clear();
        Ok(())
    }

    /// Remembers what the answer to EHLO says that the server can do.
    pub(super) fn remember(&mut self, answer: &Answer) {
        self.offers = answer.lines.iter().skip(1).map(|line| line.to_ascii_uppercase()).collect();
    }
    pub(super) fn offers(&self, word: &str) -> bool {
        self.offers.iter().any(|line| line.split_whitespace().next() == Some(word))
    }
    /// `AUTH PLAIN LOGIN`, and as some have written it: `AUTH=LOGIN`.
    pub(super) fn offers_auth(&self, mechanism: &str) -> bool {
        let auth = self.offers.iter().filter_map(|line| line.strip_prefix("AUTH"));
        auth.flat_map(|rest| rest.split([' ', '='])).any(|word| word == mechanism)
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        match &mut self.stream {
            Stream::Plain(stream) => write(stream.get_mut(), bytes).await,
            Stream::Encrypted(stream) => write(stream.get_mut(), bytes).await,
            Stream::Gone => Err(Broken::Closed),
        }
    }

    pub(super) async fn read(&mut self) -> Result<Answer, Broken> {
        match &mut self.stream {
            Stream::Plain(stream) => read(stream).await,
            Stream::Encrypted(stream) => read(stream).await,
            Stream::Gone => Err(Broken::Closed),
        }
    }
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Result<(), Broken> {
    stream.write_all(bytes).await.map_err(|_| Broken::Closed)?;
    stream.flush().await.map_err(|_| Broken::Closed)
}

/// Reads an answer: lines with one code, the last without a dash behind it.
async fn read(stream: &mut BufReader<impl AsyncRead + Unpin>) -> Result<Answer, Broken> {
    let mut left = stream.take(LONGEST);
    let mut lines = Vec::new();
    loop {
        let mut line = Vec::new();
        left.read_until(b'\n', &mut line).await.map_err(|_| Broken::Closed)?;
        if line.last() != Some(&b'\n') {
            return Err(if left.limit() > 0 { Broken::Closed } else { Broken::Nonsense });
        }
        let (code, dash, text) = parse(&line).ok_or(Broken::Nonsense)?;
        lines.push(text);
        if !dash {
            return Ok(Answer { code, lines });
        }
    }
}

fn parse(line: &[u8]) -> Option<(u16, bool, String)> {
    let text = std::str::from_utf8(line.get(..3)?).ok()?;
    let code = text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())??;
    let rest = String::from_utf8_lossy(&line[3..]);
    let dash = rest.starts_with('-');
    let fits = dash || rest.starts_with([' ', '\r', '\n']);
    (fits && (200..600).contains(&code)).then(|| (code, dash, rest.trim_start_matches(['-', ' ']).trim_end().to_owned()))
}

pub(super) fn base64(text: &str) -> String {
    STANDARD.encode(text)
}

/// The mail as it is sent: a dot at the beginning of a line is doubled, and one alone ends it.
pub(super) fn stuffed(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len() + 64);
    for line in mail.split_inclusive(|b| *b == b'\n') {
        if line.first() == Some(&b'.') {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}
