use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::Ordering::Relaxed,
};

use super::{
    super::tests::fakes::{answer, listener, name_server},
    *,
};

const TOKEN: &str = "3f0c9f6e-7d0a-4b5e-9a51-0f6f7f3b2c11";

fn finder(allow: &[&str], resolver: SocketAddr, http_port: u16) -> ProofFinder {
    crate::install_tls_provider();
    let domains = DomainsConfig { resolvers: vec![resolver], reserved: Vec::new(), http_port };
    let allow_networks = allow.iter().map(|net| net.parse().unwrap()).collect();
    let egress = EgressConfig { allow_networks, timeout_seconds: 30, ca_file: None };
    ProofFinder::new(&domains, &egress, &DnsConfig { resolver: None }).unwrap()
}

fn challenge(by_file: bool) -> Challenge {
    let domain = "auth.acme.example".parse().unwrap();
    Challenge { domain, record: "_sso-verification.auth.acme.example".to_owned(), token: TOKEN.to_owned(), by_file }
}

fn missing(file: Option<Miss>) -> Finding {
    Finding::Missing { record: Miss::Absent, file }
}

#[tokio::test]
async fn a_file_counts_if_it_is_the_token_and_nothing_else() {
    let resolver = name_server(vec![Ipv4Addr::LOCALHOST]).await;
    let length = TOKEN.len();
    let long = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n24\r\n{TOKEN}\r\nffffffff\r\n{}", " ".repeat(5000));
    for (head, expected) in [
        (format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{TOKEN}"), Finding::Proven(Proof::Http)),
        (format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{TOKEN}\r\n", length + 2), Finding::Proven(Proof::Http)),
        (format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{TOKEN}x", length + 1), missing(Some(Miss::Different))),
        (format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{TOKEN}", length + 9), missing(Some(Miss::Different))),
        (format!("HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: {length}\r\n\r\n{TOKEN}"), missing(Some(Miss::Different))),
        (format!("HTTP/1.1 404 Not Found\r\ncontent-length: {length}\r\n\r\n{TOKEN}"), missing(Some(Miss::Absent))),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), missing(Some(Miss::Unanswered))),
        (long, missing(Some(Miss::Different))),
    ] {
        let shown = head.clone();
        let (port, _) = listener(move |stream| {
            let head = head.clone();
            async move { drop(answer(stream, &head).await) }
        })
        .await;
        assert_eq!(finder(&["127.0.0.0/8"], resolver, port).find(&challenge(true)).await, expected, "{shown}");
    }
}

#[tokio::test]
async fn no_connection_is_made_to_what_is_not_public() {
    let (port, visitors) = listener(|stream| async move { drop(answer(stream, "HTTP/1.1 200 OK\r\n\r\n").await) }).await;
    let resolver = name_server(vec![Ipv4Addr::LOCALHOST]).await;
    assert_eq!(finder(&[], resolver, port).find(&challenge(true)).await, missing(Some(Miss::Unanswered)));
    assert_eq!(visitors.load(Relaxed), 0);
}

#[tokio::test]
async fn a_sign_in_domain_is_not_proven_by_a_file() {
    let (port, visitors) = listener(|stream| async move { drop(answer(stream, TOKEN).await) }).await;
    let resolver = name_server(vec![Ipv4Addr::LOCALHOST]).await;
    assert_eq!(finder(&["127.0.0.0/8"], resolver, port).find(&challenge(false)).await, missing(None));
    assert_eq!(visitors.load(Relaxed), 0);
}
