//! `tenantry-api audit statement`, as an organization runs it over its files, without the server.

use std::{fs, process::Command};

use serde_json::{Value, json};
use tenantry_tests::{both, text};

use super::process::binary;

/// Whether it is believed, and what is said.
fn check(answer: &str, keys: &Value) -> (bool, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("answer"), answer).expect("a file");
    fs::write(folder.path().join("keys.json"), keys.to_string()).expect("a file");
    let run = Command::new(binary("tenantry-api"))
        .args(["audit", "statement", "answer", "--keys", "keys.json"])
        .current_dir(folder.path())
        .output()
        .expect("a run");
    (run.status.success(), String::from_utf8_lossy(&[run.stdout, run.stderr].concat()).into_owned())
}

both!(a_statement_is_verified_offline, async |app| {
    let ann = app.sign_up("ann@example.com").await;
    let org = app.create_org(&ann, "acme").await;
    let bob = app.member(&ann, "acme", "bob@example.com", "admin").await;
    let key = app.by(&bob).post(&org.at("api-keys"), json!({"name": "Provisioning", "permissions": []})).await.ok();
    let path = org.at(&format!("members/{}/access", bob.id));
    let before = app.by(&ann).get(&path).await.ok();
    let keys = app.client().get("/.well-known/audit-keys.json").await.ok();
    let (good, said) = check(&before.to_string(), &keys);
    assert!(!good && said.contains("holds no statement"), "{said}");
    app.by(&ann).delete(&org.at(&format!("members/{}", bob.id))).await.done();
    let answer = app.by(&ann).get(&path).await.ok();
    let keys = app.client().get("/.well-known/audit-keys.json").await.ok();
    for file in [answer.to_string(), text(&answer["statement"])] {
        let (good, said) = check(&file, &keys);
        assert!(good && said.contains(&format!("api_key {}", text(&key["id"]))) && said.contains(&bob.id), "{said}");
    }
    app.by(&ann).delete(&org.at(&format!("api-keys/{}", text(&key["id"])))).await.done();
    let clean = app.by(&ann).get(&path).await.ok();
    let (good, said) = check(&clean.to_string(), &keys);
    assert!(good && said.starts_with(&format!("Nothing gave {}", bob.id)), "{said}");
    let mut cut = text(&clean["statement"]);
    cut.pop();
    let (good, said) = check(&cut, &keys);
    assert!(!good && said.contains("not believed"), "{said}");
});
