//! What answers cost while their clients do not read them.
//!
//! A server that waits for a client to read keeps the answer in memory meanwhile, and whoever opens many connections and reads from none
//! could so fill it. Three bounds together prevent that:
//!
//! - The kernel keeps little of an answer ([`SEND_BUFFER`]) and ends a connection whose client takes nothing for [`WRITE_TIMEOUT`]: actix
//!   has no timeout for writing, TCP has.
//! - A large answer is handed over in pieces, so that what its client has read is known; the rest waits here.
//! - All that waits has a bound ([`MOST`]). Beyond it the answer of which nothing was read for the longest is given up, and its connection
//!   with it. Whoever reads, however slowly, is behind those who do not.

use std::{
    any::Any,
    collections::BTreeMap,
    error::Error as StdError,
    pin::Pin,
    sync::{Mutex, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_web::{
    Error,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
    rt::net::TcpStream,
    web::Bytes,
};
use socket2::SockRef;

/// How long a client may take nothing of what was sent to it.
pub const WRITE_TIMEOUT: Duration = Duration::from_secs(20);
/// What the kernel is asked to keep of a connection's answers.
const SEND_BUFFER: usize = 128 << 10;
/// What is handed over at once. What is not larger does not wait here.
pub const PIECE: usize = 16 << 10;
/// What waits for its clients in the whole process.
const MOST: usize = 32 << 20;

static UNREAD: Unread = Unread::new();

/// Called for each connection that was accepted.
pub fn bound(connection: &dyn Any) {
    let Some(stream) = connection.downcast_ref::<TcpStream>() else { return };
    let socket = SockRef::from(stream);
    let done = socket.set_send_buffer_size(SEND_BUFFER);
    // An answer in pieces: the kernel would hold each small one back until the client has acknowledged the one before, which clients do 40 ms late.
    let done = done.and_then(|()| socket.set_tcp_nodelay(true));
    #[cfg(target_os = "linux")]
    let done = done.and_then(|()| socket.set_tcp_user_timeout(Some(WRITE_TIMEOUT)));
    if let Err(error) = done {
        tracing::debug!(%error, "a connection without its bounds");
    }
}

/// Around every request.
pub async fn in_pieces<B: MessageBody + 'static>(req: ServiceRequest, next: Next<B>) -> Result<ServiceResponse<Pieces>, Error> {
    Ok(next.call(req).await?.map_body(|_, body| Pieces { answer: body.boxed(), place: None }))
}

/// An answer that is handed over in pieces.
pub struct Pieces {
    answer: BoxBody,
    /// Where the rest of what it gave last waits.
    place: Option<u64>,
}

impl MessageBody for Pieces {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let place = match self.place.take() {
            Some(place) => place,
            None => match ready!(Pin::new(&mut self.answer).poll_next(cx)) {
                Some(Ok(bytes)) if bytes.len() > PIECE => UNREAD.keep(bytes),
                other => return Poll::Ready(other),
            },
        };
        let Some((piece, rest)) = UNREAD.piece(place) else {
            return Poll::Ready(Some(Err("nobody read this answer, and its memory was needed".into())));
        };
        self.place = rest;
        Poll::Ready(Some(Ok(piece)))
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            UNREAD.forget(place);
        }
    }
}

/// What waits for its clients, by who read something last.
struct Unread(Mutex<State>);

struct State {
    kept: BTreeMap<u64, Kept>,
    next: u64,
    bytes: usize,
}

struct Kept {
    rest: Bytes,
    /// All of it stays in memory until the last piece is gone.
    size: usize,
}

impl State {
    fn put(&mut self, kept: Kept) -> u64 {
        let place = self.next;
        self.next += 1;
        self.bytes += kept.size;
        self.kept.insert(place, kept);
        place
    }
    fn take(&mut self, place: u64) -> Option<Kept> {
        let kept = self.kept.remove(&place)?;
        self.bytes -= kept.size;
        Some(kept)
    }
}

impl Unread {
    const fn new() -> Self {
        Self(Mutex::new(State { kept: BTreeMap::new(), next: 0, bytes: 0 }))
    }

    /// Keeps an answer, and gives up others for it.
    fn keep(&self, bytes: Bytes) -> u64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = state.put(Kept { size: bytes.len(), rest: bytes });
        while state.bytes > MOST
            && let Some(oldest) = state.kept.keys().next().copied().filter(|oldest| *oldest != place)
        {
            state.take(oldest);
            metrics::counter!("answers_given_up_total").increment(1);
        }
        place
    }

    /// The next piece, and where the rest waits; `None` if it was given up.
    fn piece(&self, place: u64) -> Option<(Bytes, Option<u64>)> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = state.take(place)?;
        let piece = kept.rest.split_to(PIECE.min(kept.rest.len()));
        let rest = (!kept.rest.is_empty()).then(|| state.put(kept));
        Some((piece, rest))
    }

    fn forget(&self, place: u64) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(unread: &Unread) -> usize {
        unread.0.lock().unwrap().bytes
    }

    #[test]
    fn an_answer_comes_whole_in_pieces() {
        let unread = Unread::new();
        let answer: Vec<u8> = (0..PIECE * 3 + 7).map(|n| n as u8).collect();
        let (mut place, mut got) = (Some(unread.keep(answer.clone().into())), Vec::new());
        while let Some(at) = place {
            let (piece, rest) = unread.piece(at).unwrap();
            assert!(!piece.is_empty() && piece.len() <= PIECE);
            got.extend_from_slice(&piece);
            place = rest;
        }
        assert_eq!((got, bytes(&unread)), (answer, 0));
    }

    #[test]
    fn who_reads_nothing_is_given_up_first_and_memory_has_a_bound() {
        let (unread, answer) = (Unread::new(), Bytes::from(vec![0; 1 << 20]));
        let most = (MOST >> 20) as u64;
        let silent = unread.keep(answer.clone());
        let mut reader = unread.keep(answer.clone());
        let others: Vec<u64> = (0..most * 2)
            .map(|_| {
                let place = unread.keep(answer.clone());
                reader = unread.piece(reader).unwrap().1.unwrap_or_else(|| unread.keep(answer.clone()));
                assert!(bytes(&unread) <= MOST);
                place
            })
            .collect();
        assert!(unread.piece(silent).is_none() && unread.piece(others[0]).is_none());
        let (_, reader) = unread.piece(reader).unwrap();
        let (_, last) = unread.piece(*others.last().unwrap()).unwrap();
        // A place that was read from, or given up, is no place any more.
        for place in others.into_iter().chain(reader).chain(last) {
            unread.forget(place);
        }
        assert_eq!(bytes(&unread), 0, "all is forgotten");
    }
}
