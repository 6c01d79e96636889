use std::{future::Future, net::Ipv4Addr, sync::atomic::Ordering::Relaxed};

use domain::{core::clock::SystemClock, core::value::HostName, tenancy::smtp::Port};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::*;
use crate::egress::tests::fakes::{listener, name_server};

fn relays(allow: &str, resolver: Option<SocketAddr>) -> Relays {
    crate::install_tls_provider();
    let mut settings = vec![
        ("TENANTRY__EGRESS__ALLOW_NETWORKS".to_owned(), allow.to_owned()),
        ("TENANTRY__EGRESS__TIMEOUT_SECONDS".to_owned(), "1".to_owned()),
        ("TENANTRY__SERVER__PUBLIC_URL".to_owned(), "https://sso.example".to_owned()),
    ];
    settings.extend(resolver.map(|server| ("TENANTRY__DNS__RESOLVER".to_owned(), server.to_string())));
    let config = crate::config::load(None, settings.into_iter()).unwrap();
    let egress = Egress::new(&config.egress, &config.dns).unwrap();
    Relays::new(&config, egress, Arc::new(SystemClock)).unwrap()
}

fn server(host: &str, port: u16, security: Security) -> Server {
    let host: HostName = host.parse().unwrap();
    Server { host, port: Port(port), security, username: "acme".parse().unwrap() }
}

fn mail() -> RenderedMail {
    RenderedMail {
        to: "bob@example.com".into(),
        subject: "Hello".into(),
        text: ".\r\n.. two\r\nthree".into(),
        html: "<p>Hello</p>".into(),
        message_id: "msg-1@sso.example".into(),
    }
}

async fn send(relays: &Relays, server: &Server) -> Result<(), RelayError> {
    let sender = Sender { email: "no-reply@acme.example".parse().unwrap(), name: Some("Acme".parse().unwrap()) };
    relays.send(server, Some(&"se cret".parse().unwrap()), &sender, &mail()).await
}

fn failed(outcome: Result<(), RelayError>) -> (Step, Reason) {
    match outcome {
        Err(RelayError::Failed(failure)) => (failure.step, failure.reason),
        other => panic!("{other:?}"),
    }
}

/// A server that says these things: the first at once, each other after a line (a mail counts as one). Answers what it was told.
async fn script(says: &'static [&'static str]) -> (u16, impl Future<Output = Vec<String>>) {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let (port, _) = listener(move |stream| {
        let tell = tell.clone();
        async move {
            let (read, mut write) = stream.into_split();
            let (mut lines, mut data) = (BufReader::new(read).lines(), false);
            for answer in says {
                let _ = write.write_all(answer.as_bytes()).await;
                loop {
                    let Ok(Some(line)) = lines.next_line().await else { return };
                    let ends = !data || line == ".";
                    data = if line == "." { false } else { data || line == "DATA" };
                    let _ = tell.send(line);
                    if ends {
                        break;
                    }
                }
            }
        }
    })
    .await;
    (port, async move {
        let mut lines = Vec::new();
        while let Ok(line) = told.try_recv() {
            lines.push(line);
        }
        lines
    })
}

const HELLO: &str = "220 mail.example\r\n";

#[tokio::test]
async fn a_mail_is_handed_over_as_it_is() {
    let says = &[
        "220-mail.example\r\n220 at your service\r\n",
        "250-mail.example\r\n250-auth=login\r\n250 size 1000\r\n",
        "334 VXNlcm5hbWU6\r\n",
        "334 UGFzc3dvcmQ6\r\n",
        "235 2.7.0 welcome\r\n",
        "250 ok\r\n",
        "251 forwarded\r\n",
        "354 go on\r\n",
        "250 kept\r\n",
    ];
    let (port, told) = script(says).await;
    send(&relays("127.0.0.0/8", None), &server("127.0.0.1", port, Security::None)).await.unwrap();
    let told = told.await;
    assert_eq!(told[..4], ["EHLO sso.example", "AUTH LOGIN", &wire::base64("acme"), &wire::base64("se cret")]);
    assert_eq!(told[4..7], ["MAIL FROM:<no-reply@acme.example>", "RCPT TO:<bob@example.com>", "DATA"]);
    assert!(told.iter().any(|line| line == "From: Acme <no-reply@acme.example>"), "{told:?}");
    assert!(told.windows(3).any(|lines| lines == ["..", "... two", "three"]), "{told:?}");
}

#[tokio::test]
async fn each_refusal_says_where_and_with_which_numbers() {
    const AUTH: &str = "250-m\r\n250 AUTH PLAIN\r\n";
    for (says, step, reply) in [
        (&["554 5.3.2 no\r\n"] as &'static [&str], Step::Greeting, Some("554 5.3.2")),
        (&[HELLO, "250 m\r\n"], Step::Auth, None),
        (&[HELLO, AUTH, "535 no\r\n"], Step::Auth, Some("535")),
        (&[HELLO, AUTH, "235 ok\r\n", "550 5.7.60 no\r\n"], Step::Sender, Some("550 5.7.60")),
        (&[HELLO, AUTH, "235 ok\r\n", "250 ok\r\n", "450 4.2.1 no\r\n"], Step::Recipient, Some("450 4.2.1")),
        (&[HELLO, AUTH, "235 ok\r\n", "250 ok\r\n", "250 ok\r\n", "354 ok\r\n", "554-no\r\n554 no\r\n"], Step::Data, Some("554")),
    ] {
        let (port, _told) = script(says).await;
        let outcome = send(&relays("127.0.0.0/8", None), &server("127.0.0.1", port, Security::None)).await;
        let Err(RelayError::Failed(failure)) = outcome else { panic!("{outcome:?}") };
        assert_eq!((failure.step, failure.reply.map(|reply| reply.to_string()).as_deref()), (step, reply), "{failure}");
    }
}

#[tokio::test]
async fn what_is_no_mail_server_is_not_believed() {
    for (says, step, reason) in [
        (&["HTTP/1.1 400 Bad Request\r\n"] as &'static [&str], Step::Greeting, Reason::NotSmtp),
        (&["220x\r\n"], Step::Greeting, Reason::NotSmtp),
        (&["999 what\r\n"], Step::Greeting, Reason::NotSmtp),
        (&["\r\n"], Step::Greeting, Reason::NotSmtp),
        (&["354 go on\r\n"], Step::Greeting, Reason::NotSmtp),
        (&[""], Step::Greeting, Reason::Timeout),
        (&[HELLO, "250-without end\r\n"], Step::Greeting, Reason::Timeout),
    ] {
        let (port, _told) = script(says).await;
        let outcome = send(&relays("127.0.0.0/8", None), &server("127.0.0.1", port, Security::None)).await;
        assert_eq!(failed(outcome), (step, reason), "{says:?}");
    }
    // However much it says, in one line or in many.
    for endless in ["x", "220-more\r\n"] {
        let (port, _) = listener(move |mut stream| async move {
            let lot = endless.repeat(10_000);
            while stream.write_all(lot.as_bytes()).await.is_ok() {}
        })
        .await;
        let outcome = send(&relays("127.0.0.0/8", None), &server("127.0.0.1", port, Security::None)).await;
        assert_eq!(failed(outcome), (Step::Greeting, Reason::NotSmtp), "{endless:?}");
    }
}

#[tokio::test]
async fn nothing_worth_hiding_is_said_without_encryption() {
    let without: &[&str] = &[HELLO, "250-m\r\n250 AUTH PLAIN\r\n"];
    let refuses: &[&str] = &[HELLO, "250-m\r\n250 STARTTLS\r\n", "454 4.7.0 not now\r\n"];
    let nonsense: &[&str] = &[HELLO, "250-m\r\n250 STARTTLS\r\n", "220 go\r\n", "no handshake"];
    // Words put into the server's mouth before the encryption are not taken for its own.
    let injected: &[&str] = &[HELLO, "250-m\r\n250 STARTTLS\r\n", "220 go\r\n250 AUTH PLAIN\r\n"];
    for (says, reason) in
        [(without, Reason::NoStarttls), (refuses, Reason::Refused), (nonsense, Reason::Handshake), (injected, Reason::NotSmtp)]
    {
        let (port, told) = script(says).await;
        let outcome = send(&relays("127.0.0.0/8", None), &server("127.0.0.1", port, Security::Starttls)).await;
        let (step, found) = failed(outcome);
        assert!(step == Step::Tls && (found == reason || reason == Reason::Handshake), "{says:?}: {step:?} {found:?}");
        let told = told.await;
        assert!(told.iter().all(|line| !line.starts_with("AUTH") && !line.starts_with("MAIL")), "{told:?}");
    }
    let (port, told) = script(&[HELLO]).await;
    let outcome = send(&relays("127.0.0.0/8", None), &server("127.0.0.1", port, Security::Tls)).await;
    assert_eq!(failed(outcome).0, Step::Tls);
    assert!(told.await.iter().all(|line| !line.contains("EHLO")));
}

#[tokio::test]
async fn t35_the_connection_goes_to_what_was_judged() {
    let (port, visitors) = listener(|stream| async move { drop(stream) }).await;
    let resolver = name_server(vec![Ipv4Addr::LOCALHOST]).await;
    let (closed, other, open) =
        (relays("", Some(resolver)), relays("10.0.0.0/8", Some(resolver)), relays("127.0.0.0/8", Some(resolver)));
    for (relays, host, security, reason) in [
        (&closed, "mail.example", Security::Tls, Reason::NoAddress),
        (&closed, "127.0.0.1", Security::Tls, Reason::AddressNotAllowed),
        (&closed, "localhost", Security::Starttls, Reason::NoAddress),
        (&closed, "mail.example", Security::None, Reason::EncryptionRequired),
        (&closed, "8.8.8.8", Security::None, Reason::EncryptionRequired),
        (&other, "mail.example", Security::None, Reason::NoAddress),
    ] {
        let outcome = send(relays, &server(host, port, security)).await;
        assert_eq!(failed(outcome), (Step::Resolve, reason), "{host}");
    }
    assert_eq!(visitors.load(Relaxed), 0, "nobody connected");
    let outcome = send(&open, &server("mail.example", port, Security::None)).await;
    assert_eq!((failed(outcome), visitors.load(Relaxed)), ((Step::Greeting, Reason::Closed), 1));
    for (relays, host, security, code) in [
        (&closed, "192.168.0.1", Security::Tls, Some("address_not_allowed")),
        (&closed, "8.8.8.8", Security::None, Some("encryption_required")),
        (&closed, "mail.example", Security::None, Some("encryption_required")),
        (&closed, "mail.example", Security::Tls, None),
        (&closed, "8.8.8.8", Security::Tls, None),
        (&open, "127.0.0.1", Security::None, None),
    ] {
        let judged = relays.check(&server(host, 25, security)).err();
        assert_eq!(judged.map(|violation| violation.code), code, "{host}");
    }
}
