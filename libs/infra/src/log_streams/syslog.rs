//! Syslog (RFC 5424) over TLS, in frames that are counted (RFC 6587): one connection for each batch.
//!
//! Syslog answers nothing. But a receiver that reads to the end of a connection and then closes it has read everything, so that is what is
//! waited for: one that closes it before, or not in time, is sent the batch again.

use std::{io::ErrorKind, net::SocketAddr};

use chrono::SecondsFormat;
use domain::delivery::log_streams::{
    Receiver,
    verdict::{Answer, Reason},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    Receivers,
    encoding::{Body, Entry},
    unanswered,
};

/// The usual port for TLS (RFC 5425), …
const TLS_PORT: u16 = 6514;
/// … and without.
const PLAIN_PORT: u16 = 601;
/// "Log audit", and how bad it is: informational, or a warning.
const FACILITY: u8 = 13;
const INFORMATIONAL: u8 = 6;
const WARNING: u8 = 4;
/// Without the brackets of an address.
pub(super) fn host(url: &url::Url) -> &str {
    url.host_str().unwrap_or_default().trim_matches(['[', ']'])
}

/// As long as a name of a message may be.
const MSGID: usize = 32;
const TRIED: usize = 3;

pub(super) fn encode<'e>(host: &str, entries: impl Iterator<Item = Entry<'e>>) -> Body {
    let write = |bytes: &mut Vec<u8>, _, entry: Entry<'e>| {
        let message = message(host, &entry);
        bytes.extend_from_slice(format!("{} ", message.len()).as_bytes());
        bytes.extend_from_slice(message.as_bytes());
    };
    Body::of(entries, b"", write, b"")
}

fn message(host: &str, entry: &Entry<'_>) -> String {
    let priority = FACILITY * 8 + if entry.success { INFORMATIONAL } else { WARNING };
    let at = entry.at.to_rfc3339_opts(SecondsFormat::Micros, true);
    let name = &entry.name[..entry.name.len().min(MSGID)];
    let record = ascii(&serde_json::to_string(&entry.shape).unwrap_or_default());
    format!("<{priority}>1 {at} {host} tenantry - {name} - {record}")
}

/// JSON without characters beyond ASCII: with them a message would have to begin with a mark that many receivers stumble over.
fn ascii(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out
}

impl Receivers {
    /// Sends the frames and waits until the receiver has read them.
    pub(super) async fn syslog(&self, to: &Receiver, body: &[u8]) -> Answer {
        match tokio::time::timeout(self.timeout, self.deliver(to, body)).await {
            Ok(Ok(())) => Answer::Taken,
            Ok(Err(reason)) => Answer::No(reason),
            Err(_) => Answer::No(Reason::NotAcknowledged),
        }
    }

    async fn deliver(&self, to: &Receiver, body: &[u8]) -> Result<(), Reason> {
        let url = to.url.url();
        let (host, encrypted) = (host(url), url.scheme() == "tls");
        let port = url.port().unwrap_or(if encrypted { TLS_PORT } else { PLAIN_PORT });
        let stream = self.connect(host, port, encrypted).await?;
        if !encrypted {
            return hand_over(stream, body).await;
        }
        let stream = self.encryption.connect(host, stream).await.map_err(|_| Reason::Tls)?;
        hand_over(stream, body).await
    }

    async fn connect(&self, host: &str, port: u16, encrypted: bool) -> Result<TcpStream, Reason> {
        let addresses = self.egress.addresses(host, encrypted).await.map_err(unanswered)?;
        for address in addresses.into_iter().take(TRIED) {
            if let Ok(stream) = TcpStream::connect(SocketAddr::new(address, port)).await {
                return Ok(stream);
            }
        }
        Err(Reason::Unreachable)
    }
}

async fn hand_over(mut stream: impl AsyncRead + AsyncWrite + Unpin, body: &[u8]) -> Result<(), Reason> {
    let broken = |_| Reason::BadAnswer;
    stream.write_all(body).await.map_err(broken)?;
    stream.shutdown().await.map_err(broken)?;
    let mut rest = [0; 256];
    loop {
        match stream.read(&mut rest).await {
            Ok(0) => return Ok(()),
            // Whatever it says.
            Ok(_) => {}
            // Closed as many do: without saying so within the encryption.
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(_) => return Err(Reason::BadAnswer),
        }
    }
}
