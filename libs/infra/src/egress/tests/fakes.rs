//! What the tests call instead of the internet: a listener that counts its visitors, and a name server that changes its mind.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
};

/// A listener that counts its visitors and answers each with `serve`.
pub(crate) async fn listener<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, visitors) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&visitors);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Relaxed);
            tokio::spawn(serve(stream));
        }
    });
    (port, visitors)
}

/// Reads the head of a request, then writes `answer`.
pub(crate) async fn answer(mut stream: TcpStream, answer: &str) -> TcpStream {
    let mut head = [0; 4096];
    let _ = stream.read(&mut head).await;
    let _ = stream.write_all(answer.as_bytes()).await;
    stream
}

/// A name server whose n-th answer for an IPv4 address is the n-th of `answers`, the last one from then on; nothing is cacheable.
pub(crate) async fn name_server(answers: Vec<Ipv4Addr>) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut packet, mut asked) = ([0; 512], 0);
        while let Ok((length, from)) = socket.recv_from(&mut packet).await {
            // The question: labels until an empty one, then type and class.
            let end = 12 + packet[12..length].iter().position(|b| *b == 0).unwrap() + 5;
            let is_a = packet[end - 3] == 1;
            let mut reply = [&packet[..2], &[0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0], &packet[12..end]].concat();
            if is_a {
                reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
                reply.extend(answers[asked.min(answers.len() - 1)].octets());
                asked += 1;
            }
            let _ = socket.send_to(&reply, from).await;
        }
    });
    address
}
