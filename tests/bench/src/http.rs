//! One keep-alive connection that sends prepared bytes and reads an answer: no more than a benchmark needs, so that the client costs
//! the machine as little as possible.
//!
//! A server hangs up on connections that nobody uses, the product ten seconds after it saw no first byte. On a slow machine a measurement
//! may leave a connection alone for so long; that is no failure of the server. So a connection that stood idle is opened anew before its next
//! request, which counts the time that this takes. Nothing is sent twice: a connection that breaks under a request still ends the run.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::form_urlencoded;

/// After so long without a request a connection is not used again: well below what any server here allows, also where the server's clock
/// started earlier because this program got no time to read an answer.
const IDLE: Duration = Duration::from_secs(2);

/// An open connection.
pub(crate) struct Connection {
    port: u16,
    stream: TcpStream,
    /// Opened, or answered for the last time.
    used: Instant,
    buffer: Vec<u8>,
}

/// What came back.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    head: &'a [u8],
    pub(crate) body: &'a [u8],
}

impl Answer<'_> {
    /// The first header of this name, in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let head = std::str::from_utf8(self.head).ok()?;
        let mut all = head.lines().filter_map(|line| line.split_once(':'));
        all.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    }
}

impl Connection {
    pub(crate) async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.with_context(|| format!("port {port}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { port, stream, used: Instant::now(), buffer: Vec::with_capacity(32 * 1024) })
    }

    /// Sends a whole request and waits for the whole answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        if self.used.elapsed() > IDLE || self.is_closed() {
            *self = Self::open(self.port).await?;
        }
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let head = loop {
            self.more().await?;
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end + 4;
            }
        };
        let length = content_length(&self.buffer[..head])?;
        while self.buffer.len() < head + length {
            self.more().await?;
        }
        self.used = Instant::now();
        let status = std::str::from_utf8(&self.buffer[9..12])?.parse()?;
        Ok(Answer { status, head: &self.buffer[..head], body: &self.buffer[head..head + length] })
    }

    /// Whether the server hung up. Nothing else comes from it before it is asked.
    fn is_closed(&self) -> bool {
        !self.stream.try_read(&mut [0]).is_err_and(|e| e.kind() == std::io::ErrorKind::WouldBlock)
    }

    async fn more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the server closed the connection");
        }
        Ok(())
    }
}

pub(crate) fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// The body's length; every answer of these servers says it.
pub(crate) fn content_length(head: &[u8]) -> Result<usize> {
    let text = std::str::from_utf8(head)?;
    let line = text.lines().find(|line| line.len() > 15 && line.as_bytes()[..15].eq_ignore_ascii_case(b"content-length:"));
    line.map_or(Ok(0), |line| Ok(line[15..].trim().parse()?))
}

/// A GET request.
pub(crate) fn get(path: &str, token: Option<&str>) -> Vec<u8> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\n{authorization}\r\n").into_bytes()
}

/// A request with a JSON body.
pub(crate) fn json(method: &str, path: &str, token: Option<&str>, body: &serde_json::Value) -> Vec<u8> {
    let (body, authorization) =
        (body.to_string(), token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default());
    let length = body.len();
    format!("{method} {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\n{authorization}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// The same with a cookie.
pub(crate) fn with_cookie(path: &str, cookie: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nCookie: {cookie}\r\n\r\n").into_bytes()
}

/// Fields as a form or a query has them.
pub(crate) fn pairs(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// A request with a form.
pub(crate) fn form(path: &str, fields: &[(&str, &str)]) -> Vec<u8> {
    let body = pairs(fields);
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nHost: bench\r\nUser-Agent: bench\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}
