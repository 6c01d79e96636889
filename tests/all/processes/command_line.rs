//! `tenantry-api config check`, `config print` and `openapi`, and how a mistyped configuration is met.

use std::fs;

use serde_json::Value;
use tenantry_tests::block_on;

use super::world::World;

fn said(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_good_configuration_is_called_good() {
    let world = World::bare();
    let output = world.run(&["config", "check"], &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(!world.data().exists(), "a check touches nothing");
}

#[test]
fn an_unknown_key_is_refused_with_the_one_that_was_meant() {
    let world = World::bare();
    for command in [&["config", "check"][..], &[]] {
        let output = world.run(command, &[("server.lisen", "127.0.0.1:1")]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        let text = said(&output);
        assert!(text.contains("TENANTRY__SERVER__LISEN") && text.contains("server.listen"), "{text}");
    }
    let file = world.folder().join("my.toml");
    fs::write(&file, "[mail]\ntrasport = \"smtp\"\n[nonsense]\nkey = 1\n").expect("a file");
    let path = file.display().to_string();
    let text = said(&world.run(&["--config", &path, "config", "check"], &[("tokens.access_seconds", "soon")]));
    for part in ["mail.transport", "nonsense", "my.toml", "tokens.access_seconds", "3 problems"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!world.data().exists(), "nothing was started");
}

#[test]
fn the_printed_configuration_is_one_that_can_be_used() {
    let world = World::bare();
    let output = world.run(&["config", "print"], &[]);
    assert!(output.status.success());
    let file = world.folder().join("printed.toml");
    fs::write(&file, &output.stdout).expect("a file");
    let output = world.run(&["--config", &file.display().to_string(), "config", "check"], &[]);
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn the_document_is_the_same_on_the_command_line_and_on_the_server() {
    block_on(async {
        let world = World::bare();
        let printed = world.run(&["openapi"], &[]);
        assert!(printed.status.success(), "{}", said(&printed));
        let printed: Value = serde_json::from_slice(&printed.stdout).expect("JSON and nothing else");
        let server = world.api().await;
        let served = server.api().get("/openapi.json").await.ok();
        assert_eq!(printed, served);
        assert!(served["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
        server.stop().await;
    });
}

#[test]
fn migrating_ahead_of_the_start_is_possible() {
    block_on(async {
        let world = World::sqlite();
        for _ in 0..2 {
            let output = world.run(&["migrate"], &[]);
            assert!(output.status.success(), "{}", said(&output));
        }
        world.api().await.stop().await;
    });
}
