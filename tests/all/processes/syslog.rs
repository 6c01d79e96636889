//! A log stream to a real syslog server (Debian's rsyslog) over TLS, which parses every message by RFC 5424.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::{Value, json};
use tenantry_tests::block_on;

use super::{
    http::text,
    mail::Post,
    process::{Process, free_port},
    until,
    world::{Org, World},
};

/// A folder with certificates, and what was received.
struct Syslog {
    post: Post,
    port: u16,
}

impl Syslog {
    fn new() -> Self {
        Self { post: Post::new(), port: free_port() }
    }

    async fn serve(&self) -> Process {
        let path = |name: &str| self.post.path(name).display().to_string();
        let (ca, cert, key, received) = (path("ca.pem"), path("cert.pem"), path("key.pem"), path("received"));
        let conf = format!(
            r#"
global(maxMessageSize="64k" defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{ca}"
  defaultNetstreamDriverCertFile="{cert}" defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="anon")
template(name="line" type="string" string="%pri%|%protocol-version%|%timestamp:::date-rfc3339%|%hostname%|%app-name%|%msgid%|%msg%\n")
ruleset(name="in") {{ action(type="omfile" file="{received}" template="line") }}
input(type="imtcp" port="{}" address="127.0.0.1" ruleset="in")
"#,
            self.port
        );
        fs::write(self.post.path("rsyslog.conf"), conf).expect("a file");
        let mut command = Command::new("/usr/sbin/rsyslogd");
        command.args(["-n", "-f", &path("rsyslog.conf"), "-i", &path("rsyslog.pid")]);
        let mut server = Process::spawn("rsyslog", &command, self.post.path("").as_path(), "TERM");
        until("rsyslog listens (packages rsyslog and rsyslog-openssl)", async || {
            assert!(server.runs(), "{}", server.output());
            listens(self.port).then_some(())
        })
        .await;
        server
    }

    /// The fields of each message, in the order in which they were received.
    fn messages(&self) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.post.path("received")).unwrap_or_default();
        text.lines().map(|line| line.splitn(7, '|').map(str::to_owned).collect()).collect()
    }

    fn seqs(&self) -> Vec<i64> {
        let record = |fields: &Vec<String>| serde_json::from_str::<Value>(fields.last()?.trim()).ok()?["seq"].as_i64();
        self.messages().iter().filter_map(record).collect()
    }
}

/// Whether somebody listens there. Not asked by a connection: to rsyslog one that is dropped before the encryption begins is an error.
fn listens(port: u16) -> bool {
    let (address, listening) = (format!("0100007F:{port:04X}"), "0A");
    let sockets = fs::read_to_string("/proc/net/tcp").expect("Linux");
    sockets.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).any(|socket| match socket.as_slice() {
        [_, local, _, state, ..] => *local == address && *state == listening,
        _ => false,
    })
}

/// How long rsyslog may write nothing of what it is sent.
const STUCK: Duration = Duration::from_secs(30);

async fn restarted(syslog: &Syslog, server: &mut Process) -> Process {
    server.kill();
    syslog.serve().await
}

async fn streaming(org: &Org, port: u16) -> String {
    let body = json!({
        "name": "Syslog", "provider_type": "Syslog", "endpoint_url": format!("tls://localhost:{port}"), "from": "start", "batch_size": 5,
    });
    let made = org.owner.api.post(&org.at("siem-configs"), body).await;
    assert_eq!(made.status, 201, "{made:?}");
    org.at(&format!("siem-configs/{}", text(&made.json()["id"])))
}

#[test]
fn every_record_is_a_message_that_rsyslog_understands() {
    block_on(async {
        let syslog = Syslog::new();
        let mut server = syslog.serve().await;
        let world = World::sqlite()
            .set("egress.ca_file", syslog.post.path("ca.pem").display())
            .set("egress.allow_networks", "127.0.0.0/8,::1/128");
        let api = world.api().await;
        let org = Org::founded(&api.api(), "acme").await;
        let stream = streaming(&org, syslog.port).await;
        for n in 0..20 {
            org.owner.api.patch(&org.path, json!({"name": format!("Grüße {n} 🎉")})).await.ok();
        }
        let shown = async || org.owner.api.get(&stream).await.ok();
        // It has been seen to take nothing from its start on, without a word: then another one is started, and may be sent a batch again.
        let (mut seen, mut since, mut restarts) = (0, Instant::now(), 0);
        until("all of it has arrived", async || {
            let (now, arrived) = (shown().await, syslog.messages().len());
            if arrived != seen {
                (seen, since) = (arrived, Instant::now());
            }
            if since.elapsed() > STUCK && arrived <= 20 {
                eprintln!("{arrived} messages have arrived, and the stream is {now}: rsyslog is started again");
                server = restarted(&syslog, &mut server).await;
                (since, restarts) = (Instant::now(), restarts + 1);
            }
            (now["lag_records"] == 0 && arrived > 20).then_some(())
        })
        .await;
        let (messages, mut seqs) = (syslog.messages(), syslog.seqs());
        if restarts > 0 {
            let mut known = std::collections::HashSet::new();
            seqs.retain(|seq| known.insert(*seq));
        }
        assert_eq!(seqs, (1..=seqs.len() as i64).collect::<Vec<_>>(), "each is a message of its own, in order");
        for fields in &messages {
            let [pri, version, at, host, app, id, _] = fields.as_slice() else { panic!("{fields:?}") };
            assert!(pri == "110" || pri == "108", "{fields:?}");
            assert_eq!((version.as_str(), app.as_str(), host.as_str()), ("1", "tenantry", "127.0.0.1"));
            assert!(at.starts_with("20") && !id.is_empty(), "{fields:?}");
        }
        assert!(messages.iter().any(|fields| fields[6].contains("Gr\\u00fc\\u00dfe")), "{messages:?}");
        let test = org.owner.api.post(&format!("{stream}/test"), json!({})).await.ok();
        assert_eq!(test["success"], true, "{test}");
        // It dies, and comes back: what happened meanwhile arrives, in order.
        drop(server);
        org.owner.api.patch(&org.path, json!({"name": "Meanwhile"})).await.ok();
        until("it is noted", async || (shown().await["state"] == "failing").then_some(())).await;
        assert_eq!(shown().await["last_failure"]["reason"], "unreachable");
        let server = syslog.serve().await;
        let again = json!({"batch_size": 6});
        org.owner.api.call(Method::PUT, &stream, Some(&again), &[]).await.expect("an answer").ok();
        until("it goes on", async || (shown().await["lag_records"] == 0).then_some(())).await;
        let mut seqs = syslog.seqs();
        seqs.dedup();
        assert!(seqs.is_sorted(), "{seqs:?}");
        drop(server);
        api.stop().await;
    });
}

#[test]
fn a_syslog_server_of_a_stranger_gets_nothing() {
    block_on(async {
        let syslog = Syslog::new();
        let server = syslog.serve().await;
        let world = World::sqlite().set("egress.allow_networks", "127.0.0.0/8,::1/128");
        let api = world.api().await;
        let org = Org::founded(&api.api(), "acme").await;
        let stream = streaming(&org, syslog.port).await;
        until("it is noted", async || (org.owner.api.get(&stream).await.ok()["state"] == "failing").then_some(())).await;
        assert_eq!(org.owner.api.get(&stream).await.ok()["last_failure"]["reason"], "tls_failed");
        assert!(syslog.messages().is_empty());
        drop(server);
        api.stop().await;
    });
}
