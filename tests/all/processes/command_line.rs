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

/// Each of these is refused by the start, so the check must refuse it too, before anything is made.
#[test]
fn what_the_start_refuses_the_check_refuses() {
    let world = World::bare();
    let missing = world.folder().join("none.pem").display().to_string();
    let owner = ("bootstrap.owner_email", "root@example.com");
    for (settings, key) in [
        (vec![owner, ("bootstrap.owner_password", "12345")], "bootstrap.owner_password"),
        (vec![("bootstrap.owner_email", "x@y"), ("bootstrap.owner_password", "a long sentence")], "bootstrap.owner_email"),
        (vec![owner, ("bootstrap.owner_password", "12345678")], "bootstrap.owner_password"),
        (vec![("database.url", "postgres://u:Hu#nter2@db/t")], "database.url"),
        (vec![("database.url", "postgres://u:%ff@db/t")], "database.url"),
        (vec![("database.url", "postgres://u:p@db/t?sslmode=maybe")], "database.url"),
        (vec![("database.url", "postgres://u:p@a,b/t")], "database.url"),
        (vec![("database.url", "sqlite::memory:")], "database.url"),
        (vec![("database.url", "sqlite://x.db?mode=ro")], "database.url"),
        (vec![("database.url", "sqlite://x.db?foo=bar")], "database.url"),
        (vec![("keys.master", " ")], "keys.master"),
        (vec![("keys.master", &format!("K_1:{}", "ab".repeat(32)))], "keys.master"),
        (vec![("keys.master", &format!("k1:{0} k1:{0}", "ab".repeat(32)))], "keys.master"),
        (vec![("mail.transport", "smtp"), ("mail.smtp_host", "mail.example"), ("mail.smtp_ca_file", &missing)], "none.pem"),
        (vec![("mail.transport", "smtp"), ("mail.smtp_host", "https://u:Hunter2@mail.example")], "mail.smtp_host"),
        (vec![("data.dir", "/dev/null")], "data.dir"),
    ] {
        for command in [&["config", "check"][..], &["serve"], &["migrate"], &["keys", "rotate"]] {
            let output = world.run(command, &settings);
            let text = said(&output);
            assert_eq!(output.status.code(), Some(1), "{command:?} {settings:?}: {text}");
            assert!(text.contains(key) && text.contains("problem"), "{command:?} {settings:?}: {text}");
            assert!(!text.to_lowercase().contains("nter2"), "{command:?} shows the password: {text}");
        }
    }
    assert!(!world.data().exists(), "nothing was made");
}

#[test]
fn an_odd_environment_is_no_riddle() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = || std::ffi::OsString::from_vec(vec![b'/', 0xff, 0xfe]);
    let world = World::bare()
        .with_environment("TENANTRY_CONFIG", "")
        .with_environment("SOMEBODY_ELSES", bytes())
        .with_environment("TOKIO_WORKER_THREADS", "many")
        .with_environment("RUST_LOG", "=,=")
        .with_environment("OTEL_EXPORTER_OTLP_HEADERS", "a b c")
        .with_environment("HTTPS_PROXY", "::not a proxy::")
        .with_environment("PGPORT", "none")
        .with_environment("TZ", "Nowhere/None");
    let output = world.run(&["config", "check"], &[]);
    assert!(output.status.success(), "{}", said(&output));
    block_on(async {
        let world = world.apart();
        let (api, worker) = (world.api().await, world.worker().await);
        api.stop().await;
        worker.stop().await;
    });
    let output = World::bare().with_environment("TENANTRY__REDIS__URL", bytes()).run(&["config", "check"], &[]);
    assert!(output.status.code() == Some(1) && said(&output).contains("UTF-8"), "{}", said(&output));
    let output = World::bare().with_environment("TENANTRY_CONFIG", bytes()).run(&["config", "check"], &[]);
    assert!(output.status.code() == Some(1) && said(&output).contains("cannot be read"), "{}", said(&output));
}

#[test]
fn output_that_nobody_reads_is_no_panic() {
    let world = World::bare();
    for command in ["config print", "openapi", "--help", "config check", "migrate"] {
        let text = said(&world.run_in_shell(&format!("{command} >/dev/full; echo ended with $?")));
        assert!(!text.contains("panicked") && text.contains("ended with"), "{command}: {text}");
        let text = said(&world.run_in_shell(&format!("{command} >&- 2>&-; echo ended with $?")));
        assert!(text.contains("ended with 0") || text.contains("ended with 1"), "{command}: {text}");
    }
}

#[test]
fn maintenance_finds_a_database_and_never_makes_one() {
    block_on(async {
        let world = World::bare();
        let elsewhere = format!("sqlite://{}?mode=rwc", world.folder().join("elsewhere.db").display());
        let commands = [&["keys", "rotate"][..], &["keys", "rotate-audit"], &["owner", "reset", "--email", "a@example.com"]];
        for command in commands {
            for settings in
                [&[][..], &[("database.url", elsewhere.as_str()), ("keys.master", &format!("k1:{}", "ab".repeat(32)))]]
            {
                let output = world.run(command, settings);
                assert_eq!(output.status.code(), Some(1), "{command:?}: {}", said(&output));
                assert!(said(&output).contains("Database: SQLite, /"), "{command:?}: {}", said(&output));
            }
        }
        assert!(!world.data().exists() && !world.folder().join("elsewhere.db").exists(), "nothing was made");
        world.api().await.stop().await;
        let output = world.run(&["keys", "rotate"], &[]);
        assert!(output.status.success(), "{}", said(&output));
        assert!(said(&output).contains(&world.data().join("tenantry.db").display().to_string()), "{}", said(&output));
    });
}
