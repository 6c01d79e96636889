use std::{fs, net::SocketAddr, time::Duration};

use domain::core::clock::SystemClock;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
    sync::mpsc,
};

use super::*;
use crate::config::{Secret, SmtpSecurity};

fn config(transport: MailTransport, server: Option<SocketAddr>) -> MailConfig {
    MailConfig {
        transport,
        from_email: "no-reply@sso.example".into(),
        from_name: "Example Accounts".into(),
        smtp_host: "127.0.0.1".into(),
        smtp_port: server.map_or(1, |server| server.port()),
        smtp_username: String::new(),
        smtp_password: Secret::default(),
        smtp_security: SmtpSecurity::None,
        smtp_ca_file: None,
    }
}

fn mailer(mail: &MailConfig, dir: PathBuf) -> Mailer {
    crate::install_tls_provider();
    Mailer::new(mail, &DataConfig { dir }, Arc::new(SystemClock)).unwrap()
}

fn everything() -> Value {
    json!({ "link": "https://sso.example/x?token=abc&next=1", "hours": 24, "minutes": 1, "days": 7, "new_email": "new@x.example",
        "organization": "Acme", "inviter": "Jane Roe", "url": "https://hook.example/in", "name": "Splunk",
        "domain": "auth.acme.example", "record": "_sso-verification.auth.acme.example", "code": "123456",
        "reason": "The provider does not answer." })
}

fn mail(template: Template, context: Value) -> RenderedMail {
    render(template, context).unwrap().addressed("jane@example.com", "msg-1@sso.example")
}

#[test]
fn every_template_renders_both_bodies_with_its_link() {
    for template in Template::ALL {
        let Parts { subject, text, html } = render(template, everything()).unwrap();
        assert!(!subject.is_empty() && !subject.contains('\n') && text.len() > 80, "{template:?}");
        assert!(html.contains("</html>") && !html.contains("{%") && !text.contains("{{"), "{template:?}");
        assert!(text.contains("Tenantry") && html.contains("Tenantry"));
        if !matches!(template, Template::EmailChanged | Template::EmailChangeRequested | Template::SmtpTest) {
            assert!(text.contains("https://sso.example/x?token=abc&next=1"), "text is verbatim: {text}");
            assert_eq!(html.matches("https:&#x2f;&#x2f;sso.example&#x2f;x?token=abc&amp;next=1").count(), 3, "{html}");
        }
    }
    let text = render(Template::ResetPassword, everything()).unwrap().text;
    assert!(text.contains("for 1 minute."), "{text}");
}

#[test]
fn a_forgotten_value_is_an_error() {
    for template in Template::ALL {
        assert!(render(template, json!({})).is_err(), "{template:?}");
    }
}

#[test]
fn hostile_names_stay_text_inside_quotation_marks() {
    let evil = "Your account is blocked\r\nBcc: x@y.example\n\n<b onload=x>”\u{202e} https://evil.example";
    let context = json!({ "organization": evil, "inviter": evil, "url": "https://x.example/\"><script>", "link": "https://l.example", "days": 1 });
    for template in [Template::Invitation, Template::WebhookDisabled, Template::WebhookBehind] {
        let Parts { subject, text, html } = render(template, context.clone()).unwrap();
        assert!(!subject.starts_with("Your account") && !subject.contains(['\r', '\n', '\u{202e}']), "{subject}");
        assert_eq!(subject.matches('”').count(), 1, "the name cannot close its quotation: {subject}");
        assert!(!text.lines().any(|line| line.starts_with("Bcc") || line.starts_with("Your account")), "{text}");
        assert!(!html.contains("<b onload") && !html.contains("<script>") && !html.contains("https://evil"), "{html}");
    }
}

#[tokio::test]
async fn files_sort_by_time_and_hold_the_whole_mail() {
    let dir = tempfile::tempdir().unwrap();
    let mailer = mailer(&config(MailTransport::File, None), dir.path().into());
    for template in [Template::VerifyEmail, Template::ResetPassword, Template::Invitation] {
        mailer.send(&mail(template, everything())).await.unwrap();
    }
    let mut files: Vec<_> = fs::read_dir(dir.path().join("mail")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mails: Vec<_> = files.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    assert_eq!(mails.len(), 3);
    assert!(mails[0].contains("Confirm your e-mail address") && mails[1].contains("Set a new password"));
    for expected in [
        "From: \"Example Accounts\" <no-reply@sso.example>",
        "To: jane@example.com",
        "Message-ID: <msg-1@sso.example>",
        "multipart/alternative",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(mails[0].contains(expected), "{expected} in {}", mails[0]);
    }
}

#[tokio::test]
async fn headers_cannot_be_injected() {
    let dir = tempfile::tempdir().unwrap();
    let mailer = mailer(&config(MailTransport::File, None), dir.path().into());
    let good = mail(Template::VerifyEmail, everything());
    let evil = RenderedMail { subject: "Hi\r\nBcc: v@x.example\r\n\r\nbody".into(), ..good.clone() };
    mailer.send(&evil).await.unwrap();
    let file = fs::read_dir(dir.path().join("mail")).unwrap().next().unwrap().unwrap().path();
    let text = fs::read_to_string(file).unwrap();
    assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
    for to in [
        "a@x.example\r\nBcc: v@x.example",
        "a@x.example, v@x.example",
        "",
        "not an address",
        "a@x.example>\nRCPT TO:<v@x.example",
    ] {
        let error = mailer.send(&RenderedMail { to: to.into(), ..good.clone() }).await.unwrap_err();
        assert!(matches!(error, MailError::Permanent(_)), "{to:?}");
    }
    for id in ["", "a@b\r\nBcc: v@x.example", "no-at", "<a@b> c"] {
        let error = mailer.send(&RenderedMail { message_id: id.into(), ..good.clone() }).await.unwrap_err();
        assert!(matches!(error, MailError::Permanent(_)), "{id:?}");
    }
}

/// A mail server that answers RCPT TO with `verdict` and reports what it received.
async fn server(verdict: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (read, mut write) = stream.into_split();
            let mut lines = BufReader::new(read).lines();
            let _ = write.write_all(b"220 hi\r\n").await;
            let mut data = false;
            while let Ok(Some(line)) = lines.next_line().await {
                let answer = match line.as_str() {
                    "." => "250 kept",
                    "DATA" => "354 go on",
                    _ if data => "",
                    rcpt if rcpt.starts_with("RCPT") => verdict,
                    _ => "250 ok",
                };
                data = (data || line == "DATA") && line != ".";
                let _ = tell.send(line);
                if !answer.is_empty() {
                    let _ = write.write_all(format!("{answer}\r\n").as_bytes()).await;
                }
            }
        }
    });
    (address, told)
}

#[tokio::test]
async fn a_mail_server_gets_the_mail() {
    let (address, mut told) = server("250 ok").await;
    let mailer = mailer(&config(MailTransport::Smtp, Some(address)), PathBuf::new());
    mailer.send(&mail(Template::Invitation, everything())).await.unwrap();
    let mut session = String::new();
    while let Ok(line) = told.try_recv() {
        session += &(line + "\n");
    }
    for expected in ["MAIL FROM:<no-reply@sso.example>", "RCPT TO:<jane@example.com>", "Message-ID: <msg-1@sso.example>"] {
        assert!(session.contains(expected), "{expected} in {session}");
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    for (verdict, permanent) in [("550 no such user", true), ("450 busy", false), ("535 log in first", false)] {
        let (address, _told) = server(verdict).await;
        let error = mailer(&config(MailTransport::Smtp, Some(address)), PathBuf::new());
        let error = error.send(&mail(Template::VerifyEmail, everything())).await.unwrap_err();
        assert_eq!(matches!(error, MailError::Permanent(_)), permanent, "{verdict}: {error}");
    }
    let nobody = mailer(&config(MailTransport::Smtp, None), PathBuf::new());
    let error =
        tokio::time::timeout(Duration::from_secs(60), nobody.send(&mail(Template::VerifyEmail, everything()))).await.unwrap();
    assert!(matches!(error, Err(MailError::Transient(_))));
}

#[tokio::test]
async fn starttls_is_never_skipped() {
    let (address, mut told) = server("250 ok").await;
    let mail_config = MailConfig { smtp_security: SmtpSecurity::Starttls, ..config(MailTransport::Smtp, Some(address)) };
    let error = mailer(&mail_config, PathBuf::new()).send(&mail(Template::VerifyEmail, everything())).await.unwrap_err();
    assert!(matches!(error, MailError::Transient(_)), "{error}");
    while let Ok(line) = told.try_recv() {
        assert!(!line.starts_with("MAIL"), "nothing was sent in the clear");
    }
}
