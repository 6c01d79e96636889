//! A receiver of webhooks in a thread of its own: answers 200 at once and notes when which event arrived.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use anyhow::Result;
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
