pub(crate) mod fakes;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

use domain::core::ports::UrlGuard;
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, UdpSocket},
    time::sleep,
};

use self::fakes::{answer, listener, name_server};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn egress(allow: &[&str], resolver: Option<SocketAddr>) -> Egress {
    crate::install_tls_provider();
    let allow_networks = allow.iter().map(|net| net.parse().unwrap()).collect();
    Egress::new(&EgressConfig { allow_networks, timeout_seconds: 30, ca_file: None }, &DnsConfig { resolver }).unwrap()
}

fn get(url: &str) -> Outgoing {
    let url = url.parse().unwrap();
    Outgoing { method: Method::GET, url, headers: vec![], body: vec![], timeout: SECOND * 60, max_response: 1000 }
}

#[tokio::test]
async fn hostile_urls_are_refused_when_stored_and_when_called() {
    let egress = egress(&[], None);
    for (url, code) in [
        ("https://127.0.0.1/x", "address_not_allowed"),
        ("https://2130706433/", "address_not_allowed"),
        ("https://0x7f.1/", "address_not_allowed"),
        ("https://0177.0.0.1/", "address_not_allowed"),
        ("https://0x7f000001/", "address_not_allowed"),
        ("https://127.1/", "address_not_allowed"),
        ("https://１２７.0.0.1/", "address_not_allowed"),
        ("https://0/", "address_not_allowed"),
        ("https://169.254.169.254/latest/meta-data", "address_not_allowed"),
        ("https://[::ffff:169.254.169.254]/", "address_not_allowed"),
        ("https://[::1]/", "address_not_allowed"),
        ("https://[::]/", "address_not_allowed"),
        ("https://[64:ff9b::7f00:1]/", "address_not_allowed"),
        ("https://[fd00:ec2::254]/", "address_not_allowed"),
        ("https://[2002:7f00:1::]/", "address_not_allowed"),
        ("https://localhost/", "address_not_allowed"),
        ("https://localhost.:8443/", "address_not_allowed"),
        ("https://a.localhost/", "address_not_allowed"),
        ("http://8.8.8.8/", "https_required"),
        ("http://localhost/", "https_required"),
        ("http://10.0.0.1/", "https_required"),
        ("https://u:p@example.com/", "credentials_in_url"),
        ("https://token@example.com/", "credentials_in_url"),
        ("https://example.com:0/", "bad_url"),
        ("ftp://example.com/", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("gopher://127.0.0.1:6379/_x", "bad_url"),
        ("data:text/plain,x", "bad_url"),
    ] {
        let violation = egress.check("url", &url.parse().unwrap()).await.expect_err(url);
        assert_eq!((violation.code, violation.field.as_str()), (code, "url"), "{url}");
        let name = url.starts_with("https:") && url.contains("localhost");
        let called = if name { EgressError::NoAddress } else { EgressError::NotAllowed(code) };
        assert_eq!(egress.send(get(url)).await.unwrap_err(), called, "{url}");
    }
}

#[tokio::test]
async fn names_follow_the_rule_of_their_addresses() {
    let resolver = name_server(vec![Ipv4Addr::new(10, 0, 0, 7)]).await;
    for url in ["https://metadata.google.internal/", "https://printer.local/", "https://innocent.example/"] {
        let (closed, open) = (egress(&[], Some(resolver)), egress(&["10.0.0.0/8"], Some(resolver)));
        let url = url.parse().unwrap();
        assert_eq!(closed.check("url", &url).await.unwrap_err().code, "address_not_allowed");
        assert_eq!(closed.addresses(url.host_str().unwrap(), true).await, Err(EgressError::NoAddress));
        assert_eq!(open.check("url", &url).await, Ok(()));
        assert_eq!(open.addresses(url.host_str().unwrap(), true).await.unwrap(), [IpAddr::from([10, 0, 0, 7])]);
        assert_eq!(closed.addresses("[::1]", true).await, Err(EgressError::NotAllowed("address_not_allowed")));
    }
}

#[tokio::test]
async fn a_private_listener_is_reached_only_where_the_operator_allows_it() {
    let ok = "HTTP/1.1 200 OK\r\nX-Seen: yes\r\nContent-Length: 2\r\n\r\nhi";
    let (port, visitors) = listener(move |stream| async move { drop(answer(stream, ok).await) }).await;
    let resolver = name_server(vec![Ipv4Addr::LOCALHOST]).await;
    for (url, refusal) in [
        (format!("http://127.0.0.1:{port}/"), EgressError::NotAllowed("https_required")),
        (format!("http://hook.example:{port}/"), EgressError::NoAddress),
    ] {
        let refused = egress(&["10.0.0.0/8"], Some(resolver)).send(get(&url)).await;
        assert_eq!(refused.unwrap_err(), refusal, "{url}");
        assert_eq!(visitors.load(Relaxed), 0);
    }
    let open = egress(&["127.0.0.0/8"], Some(resolver));
    for (n, url) in [format!("http://127.0.0.1:{port}/"), format!("http://hook.example:{port}/")].iter().enumerate() {
        assert_eq!(open.check("url", &url.parse().unwrap()).await, Ok(()));
        let incoming = open.send(get(url)).await.unwrap();
        assert_eq!((incoming.status, incoming.body.as_slice(), incoming.truncated), (200, &b"hi"[..], false));
        assert!(incoming.headers.contains(&("x-seen".into(), "yes".into())) && incoming.elapsed > Duration::ZERO);
        assert_eq!(visitors.load(Relaxed), n + 1);
    }
}

#[tokio::test]
async fn a_name_that_turns_private_after_the_check_is_not_called() {
    let (port, visitors) = listener(|stream| async move { drop(answer(stream, "HTTP/1.1 200 OK\r\n\r\n").await) }).await;
    let resolver = name_server(vec![Ipv4Addr::new(93, 184, 215, 14), Ipv4Addr::LOCALHOST]).await;
    let egress = egress(&[], Some(resolver));
    let url = format!("https://rebind.example:{port}/");
    assert_eq!(egress.check("url", &url.parse().unwrap()).await, Ok(()), "the first answer is public");
    assert_eq!(egress.send(get(&url)).await.unwrap_err(), EgressError::NoAddress);
    assert_eq!(visitors.load(Relaxed), 0, "nobody connected");
}

#[tokio::test]
async fn redirects_are_answers() {
    let moved = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
    let (port, visitors) = listener(move |stream| async move { drop(answer(stream, moved).await) }).await;
    let incoming = egress(&["127.0.0.1/32"], None).send(get(&format!("http://127.0.0.1:{port}/"))).await.unwrap();
    assert_eq!((incoming.status, visitors.load(Relaxed)), (302, 1));
}

#[tokio::test]
async fn an_endless_body_is_cut_and_its_connection_dropped() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&dropped);
    let (port, _) = listener(move |stream| {
        let seen = Arc::clone(&seen);
        async move {
            let mut stream = answer(stream, "HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
            seen.fetch_add(1, Relaxed);
        }
    })
    .await;
    let incoming = egress(&["127.0.0.1/32"], None).send(get(&format!("http://127.0.0.1:{port}/"))).await.unwrap();
    assert_eq!((incoming.body.len(), incoming.truncated), (1000, true));
    for _ in 0..3000 {
        if dropped.load(Relaxed) == 1 {
            return;
        }
        sleep(SECOND / 50).await;
    }
    panic!("the connection is still open");
}

#[tokio::test]
async fn a_trickling_or_silent_server_is_left_in_time() {
    let (trickle, _) = listener(|stream| async move {
        let mut stream = answer(stream, "HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            sleep(SECOND / 20).await;
        }
    })
    .await;
    let (silent, _) = listener(|stream| async move {
        sleep(SECOND * 3600).await;
        drop(stream);
    })
    .await;
    let egress = egress(&["127.0.0.1/32"], None);
    for (port, status) in [(trickle, Ok(200)), (silent, Err(EgressError::Timeout))] {
        let outgoing = Outgoing { timeout: SECOND / 3, ..get(&format!("http://127.0.0.1:{port}/")) };
        let left = tokio::time::timeout(SECOND * 60, egress.send(outgoing)).await.expect("it is left");
        assert_eq!(left.map(|incoming| incoming.status), status);
    }
}

#[tokio::test]
async fn failures_name_their_stage_and_nothing_else() {
    let (port, _) = listener(|stream| async move { drop(answer(stream, "this is not what you expect\r\n\r\n").await) }).await;
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let nobody = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let egress = egress(&["127.0.0.1/32"], Some(nobody));
    for (url, expected) in [
        (format!("https://127.0.0.1:{port}/"), EgressError::Tls),
        (format!("http://127.0.0.1:{port}/"), EgressError::Protocol),
        (format!("http://127.0.0.1:{free}/"), EgressError::Connect),
        ("https://nowhere.example/".to_owned(), EgressError::NoAddress),
    ] {
        let error = egress.send(Outgoing { timeout: SECOND * 60, ..get(&url) }).await.unwrap_err();
        assert_eq!(error, expected, "{url}");
        assert!(!error.to_string().contains("127") && std::error::Error::source(&error).is_none());
    }
}

#[tokio::test]
async fn a_name_of_ours_and_no_name_at_all_get_the_same_answer() {
    let (inside, nobody) = (name_server(vec![Ipv4Addr::new(10, 0, 0, 7)]).await, UdpSocket::bind("127.0.0.1:0").await.unwrap());
    for allow in [&[][..], &["192.168.7.0/24"]] {
        let (known, unknown) = (egress(allow, Some(inside)), egress(allow, Some(nobody.local_addr().unwrap())));
        for url in ["https://intranet.example/", "http://intranet.example/"] {
            let parsed = url.parse().unwrap();
            let stored = [known.check("url", &parsed).await.unwrap_err(), unknown.check("url", &parsed).await.unwrap_err()];
            assert_eq!(stored[0], stored[1], "{url}");
            let called = [known.send(get(url)).await.unwrap_err(), unknown.send(get(url)).await.unwrap_err()];
            assert_eq!(called[0], called[1], "{url}");
        }
    }
}

#[tokio::test]
async fn with_the_status_there_is_an_answer_whatever_becomes_of_its_body() {
    for (body, kept) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "half"),
        ("HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nnot a length\r\n", "half"),
        ("HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n", ""),
    ] {
        let (port, _) = listener(move |stream| async move { drop(answer(stream, body).await) }).await;
        let (silent, _) = listener(move |stream| async move {
            let held = answer(stream, body).await;
            sleep(SECOND * 3600).await;
            drop(held);
        })
        .await;
        let egress = egress(&["127.0.0.1/32"], None);
        for port in [port, silent] {
            let outgoing = Outgoing { timeout: SECOND, ..get(&format!("http://127.0.0.1:{port}/")) };
            let incoming = egress.send(outgoing).await.unwrap();
            assert_eq!((&*incoming.body, incoming.truncated, incoming.status / 100), (kept.as_bytes(), true, 2), "{body}");
        }
    }
}

#[tokio::test]
async fn headers_that_steer_the_connection_are_refused() {
    let egress = egress(&["127.0.0.1/32"], None);
    for (name, value) in
        [("Host", "internal"), ("content-length", "0"), ("Transfer-Encoding", "chunked"), ("x-a", "1\r\nx-b: 2"), ("x a", "1")]
    {
        let outgoing = Outgoing { headers: vec![(name.into(), value.into())], ..get("http://127.0.0.1:1/") };
        assert_eq!(egress.send(outgoing).await.unwrap_err(), EgressError::NotAllowed("header_not_allowed"), "{name}");
    }
}
