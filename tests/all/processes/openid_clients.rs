//! The OpenID clients that most applications in Node are built on, as npm has them: openid-client and oauth4webapi, which know of us what the
//! discovery document says, and Auth0's SDK for Next.js, which knows Auth0.

use std::process::Command;

use serde_json::{Value, json};
use tenantry_tests::block_on;

use super::{
    node::node,
    oauth::said,
    process::{Process, free_port},
    world::{PASSWORD, ROOT, World},
};

const CALLBACK: &str = "https://app.example.com/callback";
const HOME: &str = "https://app.example.com";

/// A client made on the command line: its name, and its secret if it has one.
pub(super) fn created(world: &World, server: &Process, arguments: &[&str]) -> Value {
    let output =
        world.run(&[&["client", "create", "--name", "Ledgerline"], arguments].concat(), &[("server.public_url", &server.base)]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let secret = told.contains("client_secret").then(|| said(&told, "client_secret"));
    json!({"client_id": said(&told, "client_id"), "client_secret": secret})
}

/// A key pair of a client's own: private, and the file of its public half.
fn key(world: &World) -> (Value, String) {
    let script = "const {privateKey: k, publicKey: p} = crypto.generateKeyPairSync('rsa', {modulusLength: 2048}); \
        console.log(JSON.stringify([k, p].map((key) => key.export({format: 'jwk'}))))";
    let output = Command::new("node").args(["-e", script]).output().expect("node (package nodejs)");
    let pair: Value = serde_json::from_slice(&output.stdout).expect("two keys");
    let file = world.folder().join("jwks.json");
    std::fs::write(&file, json!({"keys": [pair[1]]}).to_string()).expect("a file");
    (pair[0].clone(), file.display().to_string())
}

fn task(server: &Process, more: Value) -> Value {
    let mut task = json!({
        "base": server.base, "redirect_uri": CALLBACK, "home": HOME, "person": {"email": ROOT, "password": PASSWORD},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        task[name] = value.clone();
    }
    task
}

#[test]
fn openid_client_signs_somebody_in_however_it_authenticates() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let redirects = ["--redirect-uri", CALLBACK, "--post-logout-redirect-uri", HOME];
        let (private, public) = key(&world);
        let create = |more: &[&str]| created(&world, &server, &[&redirects[..], more].concat());
        let clients = json!({
            "confidential": create(&[]), "signing": create(&["--jwks", &public]), "open": create(&["--public"]), "key": private,
        });
        assert_eq!(node("openid_client.mjs", &task(&server, clients))["visits"], 4);
        server.stop().await;
    });
}

#[test]
fn oauth4webapi_signs_somebody_in_to_an_installed_application() {
    block_on(async {
        let world = World::sqlite();
        // As long as can be: the machine may be slow.
        let server = world.api_with(&[("tokens.refresh_race_seconds", "60")]).await;
        let redirects = ["--redirect-uri", "http://127.0.0.1/callback", "--post-logout-redirect-uri", HOME];
        let client = created(&world, &server, &[&redirects[..], &["--public", "--native"]].concat());
        node("oauth4webapi.mjs", &task(&server, json!({"installed": client})));
        server.stop().await;
    });
}

#[test]
fn auth0s_sdk_for_nextjs_signs_somebody_in() {
    block_on(async {
        let world = World::sqlite();
        // The SDK takes no address for a domain.
        let port = free_port();
        let base = format!("http://localhost:{port}");
        let server = world.spawn_api(port, &[("server.public_url", &base)]).ready().await;
        let home = "http://localhost:3000";
        let redirects = ["--redirect-uri", "http://localhost:3000/auth/callback", "--post-logout-redirect-uri", home];
        let client = created(&world, &server, &redirects);
        let told = node("nextjs_auth0.mjs", &task(&server, json!({"base": base, "home": home, "client": client})));
        assert_eq!(told["visits"], 2);
        server.stop().await;
    });
}
