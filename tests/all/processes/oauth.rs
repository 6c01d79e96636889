//! Tokens for programs and for people by real processes: a client that was made on the command line, and Authlib, which knows nothing of us
//! but our address.

use std::{path::Path, process::Command};

use serde_json::{Value, json};
use tenantry_tests::block_on;

use super::world::{PASSWORD, ROOT, World};

/// What the command line said behind a word.
pub(super) fn said<'a>(output: &'a str, word: &str) -> &'a str {
    let line =
        output.lines().find_map(|line| line.trim().strip_prefix(word)).unwrap_or_else(|| panic!("{word} is missing: {output}"));
    line.split_whitespace().next().expect("a value")
}

/// What Authlib tells, in one of the scripts beside this.
fn authlib(script: &str, arguments: &[&str]) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("all/processes").join(script);
    let mut command = Command::new("/usr/bin/python3");
    let output = command.arg(script).args(arguments).output().expect("python3");
    let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}{complaint}"))
}

#[test]
fn authlib_gets_tokens_for_clients_of_the_command_line() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let here = [("server.public_url", server.base.as_str())];
        let create = |arguments: &[&str]| {
            let output = world.run(&[&["client", "create", "--name", "Billing"], arguments].concat(), &here);
            (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
        };
        let jwk = Command::new("/usr/bin/python3")
            .args(["-c", "from authlib.jose import JsonWebKey; import sys; k = JsonWebKey.generate_key('RSA', 2048, is_private=True); print(k.as_json(is_private=True)); print(k.as_json())"])
            .output()
            .expect("python3");
        let keys = String::from_utf8(jwk.stdout).expect("UTF-8");
        let (private, public) = keys.trim().split_once('\n').expect("two keys");
        let file = world.folder().join("jwks.json");
        std::fs::write(&file, format!("{{\"keys\": [{public}]}}")).expect("a file");
        let file = file.display().to_string();
        let (secret_made, with_secret) = create(&[]);
        let (keys_made, with_keys) = create(&["--jwks", &file]);
        assert!(secret_made && keys_made && with_secret.contains("tenantry.db"), "{with_secret}{with_keys}");
        std::fs::write(&file, format!("{{\"keys\": [{private}]}}")).expect("a file");
        assert!(!create(&["--jwks", &file]).0, "a private key is refused");
        let root = server.api().post("/api/auth/login", json!({"email": ROOT, "password": PASSWORD})).await.ok();
        let by = server.api().with(root["access_token"].as_str().expect("a token"));
        let api = json!({"audience": "https://api.example.com/", "name": "Orders", "scopes": ["read:orders"]});
        by.post("/api/platform/resource-servers", api).await.ok();
        let listed = by.get("/api/platform/clients").await.ok();
        for client in listed["clients"].as_array().expect("clients") {
            let grant = json!({"client": client["id"], "audience": "https://api.example.com/", "scopes": ["read:orders"]});
            by.post("/api/platform/client-grants", grant).await.ok();
        }
        let clients = [(&with_secret, said(&with_secret, "client_secret")), (&with_keys, private)];
        for (made, secret) in clients {
            let name = said(made, "client_id");
            let got = authlib("oauth_client.py", &[&server.base, name, secret, "https://api.example.com/"]);
            assert_eq!((&got["scope"], &got["sub"]), (&json!("read:orders"), &json!(format!("{name}@clients"))), "{got}");
            assert_eq!(got["seen"]["active"], true, "{got}");
        }
        server.stop().await;
    });
}

#[test]
fn authlib_signs_somebody_in() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let (callback, home) = ("https://app.example.com/callback", "https://app.example.com");
        let redirects = ["--redirect-uri", callback, "--post-logout-redirect-uri", home];
        let made = world.run(
            &[&["client", "create", "--name", "Ledgerline"], &redirects[..]].concat(),
            &[("server.public_url", &server.base)],
        );
        let made = String::from_utf8_lossy(&made.stdout).into_owned();
        let (client, secret) = (said(&made, "client_id"), said(&made, "client_secret"));
        let got = authlib("oidc_client.py", &[&server.base, client, secret, callback, home, ROOT, PASSWORD]);
        let id = &got["id_token"];
        assert_eq!((&id["email"], &id["amr"], &got["wrong_password"]), (&json!(ROOT), &json!(["pwd"]), &json!(422)), "{got}");
        assert_eq!(
            (&got["userinfo"]["sub"], &got["userinfo"]["email"], &got["known"]),
            (&id["sub"], &json!(ROOT), &json!(true)),
            "{got}"
        );
        for same in ["sub", "sid", "auth_time"] {
            assert_eq!(got["renewed"][same], id[same], "{same}: {got}");
        }
        assert_eq!((&got["revoked"], &got["userinfo_after_revocation"]), (&json!(200), &json!(401)), "{got}");
        assert_eq!(
            (&got["left"], &got["after_logout"]),
            (&json!(format!("{home}?state=bye")), &json!("login_required")),
            "{got}"
        );
        server.stop().await;
    });
}
