//! A real proxy in front (Debian's caddy), with the configuration that we ship and an authority of its own: it gets a certificate for a host
//! when somebody opens that, if an organization has proven it.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tenantry_tests::{NameServer, block_on};

use super::{
    http::text,
    process::{Process, free_port},
    until,
    world::{Org, World},
};

const HOST: &str = "auth.acme.example";

struct Caddy {
    process: Process,
    folder: TempDir,
    https: u16,
    http: u16,
}

impl Caddy {
    /// Serves what we ship, between these ports and the server at `upstream`.
    async fn before(upstream: &str) -> Self {
        let (folder, https, http) = (tempfile::tempdir().expect("a folder"), free_port(), free_port());
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/caddy/Caddyfile");
        let shipped = fs::read_to_string(shipped).expect("the configuration that we ship");
        let upstream = upstream.trim_start_matches("http://");
        let path = folder.path().display();
        let own = format!(
            "local_certs\n\tskip_install_trust\n\tadmin off\n\tstorage file_system {path}\n\thttp_port {http}\n\thttps_port {https}"
        );
        let adapted = shipped.replace("127.0.0.1:8080", upstream).replace("email ops@example.com", &own);
        assert!(adapted.contains("local_certs") && adapted.contains(&format!("ask http://{upstream}/tls/ask")), "{adapted}");
        fs::write(folder.path().join("Caddyfile"), adapted).expect("a file");
        let mut command = Command::new("caddy");
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(folder.path().join("Caddyfile"));
        command.env("HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path()).env("XDG_DATA_HOME", folder.path());
        let mut process = Process::spawn("caddy", &command, folder.path(), "TERM");
        let root: PathBuf = folder.path().join("pki/authorities/local/root.crt");
        until("caddy listens (package caddy)", async || {
            assert!(process.runs(), "{}", process.output());
            let listens = tokio::net::TcpStream::connect(("127.0.0.1", https)).await.is_ok();
            (listens && root.exists()).then_some(())
        })
        .await;
        Self { process, folder, https, http }
    }

    /// A browser that knows Caddy's authority and for which every host leads here.
    #[expect(clippy::disallowed_methods, reason = "the test is the client")]
    fn browser(&self) -> reqwest::Client {
        let root = fs::read(self.folder.path().join("pki/authorities/local/root.crt")).expect("its authority");
        let root = reqwest::Certificate::from_pem(&root).expect("a certificate");
        let here = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let mut builder = reqwest::Client::builder()
            .tls_certs_merge([root])
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60));
        for host in [HOST, "evil.example", "sso.example.com"] {
            builder = builder.resolve(host, here(self.https));
        }
        builder.build().expect("a client")
    }
    async fn get(&self, host: &str, path: &str) -> reqwest::Result<reqwest::Response> {
        // A connection each: what was agreed on before does not count.
        self.browser().get(format!("https://{host}:{}{path}", self.https)).send().await
    }
    async fn get_plain(&self, host: &str, path: &str) -> reqwest::Response {
        let url = format!("http://127.0.0.1:{}{path}", self.http);
        self.browser().get(url).header("host", host).send().await.expect("an answer")
    }
}

#[test]
fn a_proxy_gets_certificates_for_proven_hosts_and_no_others() {
    block_on(async {
        let dns = NameServer::start();
        let world = World::sqlite().set("server.trusted_proxies", "127.0.0.0/8").set("domains.resolvers", dns.address());
        let server = world.api().await;
        let caddy = Caddy::before(&server.api().base).await;
        let org = Org::founded(&server.api(), "acme").await;
        let claim = org.owner.api.post(&org.at("domain"), json!({"domain": HOST})).await.ok();
        let token = text(&claim["verification_token"]);
        assert!(caddy.get(HOST, "/api/host").await.is_err(), "there is no certificate for a claim");
        dns.says(&format!("_sso-verification.{HOST}"), &[&token]);
        assert_eq!(org.owner.api.post(&org.at("domain/verify"), json!({})).await.ok()["verified"], true);
        let answer = caddy.get(HOST, "/api/host").await.expect("a certificate");
        assert_eq!(answer.status(), 200);
        let found: Value = answer.json().await.expect("JSON");
        assert_eq!((&found["host"], &found["organization"]["slug"]), (&json!(HOST), &json!("acme")));
        assert!(caddy.get("evil.example", "/api/host").await.is_err(), "nor for what nobody has proven");
        // The platform's own name is no organization's host.
        assert_eq!(caddy.get("sso.example.com", "/api/host").await.expect("a certificate").status(), 404);
        // The proof is served without encryption, and nothing else is.
        let file = caddy.get_plain(HOST, "/.well-known/sso-verification.txt").await;
        assert_eq!((file.status().as_u16(), file.text().await.expect("a text")), (200, token));
        assert_eq!(caddy.get_plain("evil.example", "/.well-known/sso-verification.txt").await.status(), 404);
        assert_eq!(caddy.get_plain(HOST, "/api/host").await.status(), 308);
        // Given up, it leads nowhere, though the certificate still is there.
        let gone = org.owner.api.call(reqwest::Method::DELETE, &org.at("domain"), None, &[]).await.expect("an answer");
        assert_eq!(gone.status, 204);
        assert_eq!(caddy.get(HOST, "/api/host").await.expect("the certificate").status(), 404);
        server.stop().await;
        drop(caddy.process);
    });
}
