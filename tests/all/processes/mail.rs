//! Mail through a real mail server (Debian's python3-aiosmtpd) that demands encryption and a sign-in, under a certificate authority of
//! the test's own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;
use tempfile::TempDir;
use tenantry_tests::block_on;

use super::{
    http::Api,
    process::{Process, free_port},
    until,
    world::{PASSWORD, World, plain},
};
use sea_orm::ConnectionTrait;

const ANN: &str = "ann@example.com";

/// The mail server's folder: its certificate, the password it accepts, what it received.
pub(super) struct Post {
    folder: TempDir,
    pub(super) port: u16,
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output().expect("openssl");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Post {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path();
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(path, &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=tests"));
        openssl(path, &format!("req {key} -keyout key.pem -out request.pem -subj /CN=localhost"));
        fs::write(path.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").expect("a file");
        openssl(path, "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out cert.pem");
        fs::write(path.join("password"), "the right one").expect("a file");
        Self { folder, port: free_port() }
    }
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
    pub(super) async fn serve(&self, mode: &str) -> Process {
        let mut command = Command::new("/usr/bin/python3");
        command.arg("-u").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("all/processes/smtp_server.py"));
        command.arg(self.port.to_string()).arg(self.folder.path()).arg(mode);
        let mut server = Process::spawn("smtp", &command, self.folder.path(), "TERM");
        until("the mail server listens (package python3-aiosmtpd)", async || {
            assert!(server.runs(), "{}", server.output());
            self.diary().contains("listens").then_some(())
        })
        .await;
        server
    }
    pub(super) fn diary(&self) -> String {
        fs::read_to_string(self.path("diary")).unwrap_or_default()
    }
    /// Messages so far.
    pub(super) fn messages(&self) -> Vec<String> {
        let read = |n: usize| fs::read_to_string(self.path(&format!("{n}.eml"))).ok();
        (1..).map_while(read).collect()
    }
    fn world(&self, password: &str) -> World {
        self.mails_of(World::sqlite(), password)
    }
    /// A world whose mails go there.
    pub(super) fn mails_of(&self, world: World, password: &str) -> World {
        world
            .set("mail.transport", "smtp")
            .set("mail.smtp_host", "localhost")
            .set("mail.smtp_port", self.port)
            .set("mail.smtp_username", "tenantry")
            .set("mail.smtp_password", password)
            .set("mail.smtp_ca_file", self.path("ca.pem").display())
            .set("mail.from_email", "no-reply@sso.example")
    }
    async fn one_message(&self) -> String {
        until("the mail arrives", async || self.messages().first().cloned()).await
    }
}

async fn register(api: &Api) {
    api.post("/api/auth/register", json!({"email": ANN, "password": PASSWORD})).await.ok();
}

/// Waits until an attempt failed and the mail waits for the next.
async fn tried_in_vain(world: &World) {
    let db = world.connection().await;
    let failed = "select count(*) from mails where state = 0 and attempts > 0 and error is not null";
    until("an attempt failed and the mail waits", async || (super::invariants::count(&db, failed).await == 1).then_some(()))
        .await;
    let _ = db.close().await;
}

/// Half a minute passes, as the mail sees it.
async fn time_passes(world: &World) {
    let db = world.connection().await;
    db.execute_unprepared("update mails set next_at = created_at where state = 0").await.expect("the time passes");
    let _ = db.close().await;
}

#[test]
fn a_mail_arrives_encrypted_with_both_bodies() {
    block_on(async {
        let post = Post::new();
        let _smtp = post.serve("starttls").await;
        let world = post.world("the right one");
        let server = world.api().await;
        register(&server.api()).await;
        let mail = plain(&post.one_message().await);
        for part in [
            "To: ann@example.com",
            "From: Tenantry <no-reply@sso.example>",
            "Content-Type: text/plain",
            "Content-Type: text/html",
        ] {
            assert!(mail.contains(part), "{part}: {mail}");
        }
        let link = format!("{}/auth/verify-email?token=", server.base);
        let (text, html) = mail.split_once("Content-Type: text/html").expect("the text comes first");
        // Slashes are escaped in HTML.
        assert!(html.replace("&#x2f;", "/").contains(&format!("href=\"{link}")), "{html}");
        let rest = text.split(&link).nth(1).unwrap_or_else(|| panic!("no link in {text}"));
        let token: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
        server.api().post("/api/auth/verify-email", json!({"token": token, "password": PASSWORD})).await.ok();
        server.api().login(ANN).await;
        let diary = post.diary();
        assert!(diary.contains("message encrypted=True user=True") && !diary.contains("mail encrypted=False"), "{diary}");
        assert!(!server.stop().await.contains("the right one"), "the password is in the log");
    });
}

#[test]
fn a_wrong_password_delays_a_mail_until_it_is_put_right() {
    block_on(async {
        let post = Post::new();
        let _smtp = post.serve("starttls").await;
        let world = post.world("the wrong one");
        let server = world.api().await;
        register(&server.api()).await;
        tried_in_vain(&world).await;
        assert!(post.messages().is_empty() && post.diary().contains("good=False"), "{}", post.diary());
        assert!(!server.stop().await.contains("the wrong one"), "the password is in the log");
        time_passes(&world).await;
        let server = world.api_with(&[("mail.smtp_password", "the right one")]).await;
        post.one_message().await;
        server.stop().await;
        assert_eq!(post.messages().len(), 1);
    });
}

#[test]
fn a_mail_server_that_is_down_or_a_stranger_gets_the_mail_later() {
    block_on(async {
        let post = Post::new();
        let world = post.world("the right one");
        let server = world.api().await;
        register(&server.api()).await;
        tried_in_vain(&world).await;
        let _smtp = post.serve("starttls").await;
        time_passes(&world).await;
        post.one_message().await;
        server.stop().await;

        // A certificate of somebody else's authority: nothing is said to it.
        let stranger = Post::new();
        let _smtp = stranger.serve("starttls").await;
        let world = stranger.world("the right one").set("mail.smtp_ca_file", post.path("ca.pem").display());
        let server = world.api().await;
        register(&server.api()).await;
        tried_in_vain(&world).await;
        assert!(!stranger.diary().contains("auth") && !stranger.diary().contains("mail"), "{}", stranger.diary());
        server.stop().await;
    });
}

#[test]
fn a_server_without_starttls_gets_nothing() {
    block_on(async {
        let post = Post::new();
        let _smtp = post.serve("plain").await;
        let world = post.world("the right one");
        let server = world.api().await;
        register(&server.api()).await;
        tried_in_vain(&world).await;
        let diary = post.diary();
        assert!(diary.contains("ehlo encrypted=False"), "{diary}");
        assert!(!diary.contains("auth") && !diary.contains("mail") && post.messages().is_empty(), "{diary}");
        server.stop().await;
    });
}
