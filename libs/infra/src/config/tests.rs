use std::{collections::BTreeMap, fs};

use super::{schema::Schema, *};

fn env(pairs: &[(&str, &str)]) -> std::vec::IntoIter<(String, String)> {
    pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>().into_iter()
}

#[test]
fn the_default_file_and_the_types_name_the_same_keys() {
    // `deny_unknown_fields` refuses a key without a field, and no field has a serde default, so a field without a key fails too.
    let config = load(None, env(&[])).unwrap();
    assert_eq!(config.server.public_url, "http://127.0.0.1:8080");
    assert!(config.worker.embedded);
    assert_eq!(config.dns.resolver, None);
    assert_eq!(config.tokens.access_alg.as_str(), "ES256");
}

#[test]
fn every_key_is_commented_has_an_example_and_the_example_loads() {
    let lines: Vec<_> = schema::DEFAULTS.lines().collect();
    for (i, line) in lines.iter().enumerate().filter(|(_, line)| line.contains(" = ") && !line.starts_with('#')) {
        assert!(lines[i - 1].starts_with("# Example: "), "{line}: the line above is an example");
        assert!(lines[i - 2].starts_with("# "), "{line}: a purpose stands above the example");
    }
    let mut whole: BTreeMap<String, String> = BTreeMap::new();
    for (name, key) in Schema::new().0 {
        assert_eq!(key.default.is_integer(), key.range.is_some(), "{name} has a range if it is a number");
        let (section, key_name) = name.split_once('.').unwrap();
        let line = format!("{key_name} = {}\n", key.example.unwrap());
        *whole.entry(section.to_owned()).or_default() += &line;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("examples.toml");
    fs::write(&file, whole.iter().map(|(section, keys)| format!("[{section}]\n{keys}")).collect::<String>()).unwrap();
    load(Some(&file), env(&[])).unwrap_or_else(|e| panic!("{e}"));
}

#[test]
fn the_environment_wins_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.toml");
    fs::write(&file, "[server]\npublic_url = 'https://file.example/'\nworkers = 3\n").unwrap();
    let vars = [
        ("TENANTRY__SERVER__WORKERS", "5"),
        ("TENANTRY__SERVER__TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.7"),
        ("TENANTRY__MAIL__SMTP_CA_FILE", "/ca.pem"),
        ("TENANTRY_CONFIG", "ignored"),
        ("PATH", "/bin"),
    ];
    let config = load(Some(&file), env(&vars)).unwrap();
    assert_eq!((config.server.public_url.as_str(), config.server.workers), ("https://file.example", 5));
    assert_eq!(config.server.trusted_proxies, ["10.0.0.0/8".parse().unwrap(), "192.168.1.7/32".parse().unwrap()]);
    assert_eq!(config.mail.smtp_ca_file, Some("/ca.pem".into()), "a key that ends in _file is not a file to read");
}

#[test]
fn a_secret_comes_from_a_file_and_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("pw");
    fs::write(&path, "canary-1\n").unwrap();
    let vars = [
        ("TENANTRY__MAIL__SMTP_PASSWORD_FILE", path.to_str().unwrap()),
        ("TENANTRY__DATABASE__URL", "postgres://u:canary-2@db/x"),
        ("TENANTRY__METRICS__TOKEN", "canary-3"),
    ];
    let config = load(None, env(&vars)).unwrap();
    assert_eq!(config.mail.smtp_password.expose(), "canary-1");
    assert!(!format!("{config:?}").contains("canary"), "{config:?}");
    let bad = [
        ("TENANTRY__DATABASE__URL", "mysql://canary"),
        ("TENANTRY__REDIS__URL", "canary:"),
        ("TENANTRY__KEYS__MASTER", "canary"),
        ("TENANTRY__MAIL__SMTP_PASSWORD_FILE", "canary"),
    ];
    let errors = load(None, env(&bad)).unwrap_err();
    assert_eq!(errors.problems().len(), 4, "{errors}");
    assert!(!errors.to_string().contains("canary"), "{errors}");
}

#[test]
fn a_url_that_cannot_be_read_is_refused_without_a_word_of_it() {
    let passwords = ["Ca#nary", "can/ary", "can?ary", "12#canary", "12/canary", "12?canary", "can%ary", "%zzcanary"];
    for password in passwords {
        for (key, scheme) in [
            ("DATABASE__URL", "postgres"),
            ("REDIS__URL", "redis"),
            ("REDIS__URL", "rediss"),
            ("TELEMETRY__OTLP_ENDPOINT", "https"),
            ("SERVER__PUBLIC_URL", "https"),
            ("MAIL__SMTP_HOST", "smtp"),
        ] {
            let name = format!("TENANTRY__{key}");
            let errors = load(None, env(&[(&name, &format!("{scheme}://tenant:{password}@db.example/t"))])).unwrap_err();
            let text = errors.to_string().to_lowercase().replace("cannot", "");
            assert!(!text.contains("nary") && !text.contains("can"), "{key} {password}: {errors}");
        }
    }
    let text = load(None, env(&[("TENANTRY__DATABASE__URL", "postgres://u:Hu#nter2@db/t")])).unwrap_err().to_string();
    assert!(text.contains("percent-encode"), "{text}");
    for bad in ["postgres://u:p@a,b/t", "postgres://u:p@db/t?canary=1", "postgres://u:p@db/t?target_session_attrs=primary"] {
        assert!(load(None, env(&[("TENANTRY__DATABASE__URL", bad)])).is_err(), "{bad}");
    }
    for good in [
        "postgres://u:Hu%23nter2@db/t",
        "postgres://u:p@[::1]:5433/t?sslmode=require",
        "postgresql:///t?host=/run/postgresql",
        "postgres://u@db/t?options[search_path]=tenantry",
    ] {
        load(None, env(&[("TENANTRY__DATABASE__URL", good)])).unwrap_or_else(|e| panic!("{good}: {e}"));
    }
    for good in ["redis://:p%23@cache:6379/2", "rediss://u:p@cache", "redis://cache"] {
        load(None, env(&[("TENANTRY__REDIS__URL", good)])).unwrap_or_else(|e| panic!("{good}: {e}"));
    }
}

#[test]
fn what_is_no_text_is_named_or_no_business_of_ours() {
    use std::os::unix::ffi::OsStringExt;
    let bytes = || OsString::from_vec(vec![b'x', 0xff]);
    let others = [(bytes(), bytes()), ("PATH".into(), bytes())];
    load(None, others.into_iter()).unwrap_or_else(|e| panic!("{e}"));
    let text = load(None, [("TENANTRY__REDIS__URL".into(), bytes())].into_iter()).unwrap_err().to_string();
    assert!(text.contains("redis.url") && text.contains("UTF-8"), "{text}");
    let text = load(Some(Path::new("/dev/zero")), env(&[])).unwrap_err().to_string();
    assert!(text.contains("larger than"), "{text}");
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bom.toml");
    fs::write(&file, "\u{feff}[server]\nworkers = 2\n").unwrap();
    assert_eq!(load(Some(&file), env(&[])).unwrap_or_else(|e| panic!("{e}")).server.workers, 2);
}

#[test]
fn all_problems_come_at_once_each_with_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.toml");
    fs::write(
        &file,
        "sever = 1\n[server]\nlisen = 'x'\nworkers = 'many'\npublic_url = 'https://x.example/path'\n[nonsense]\nq = 1\n",
    )
    .unwrap();
    let vars = [
        ("TENANTRY__WORKER__POLL_MS", "0"),
        ("TENANTRY__WORKER__EMBEDED", "true"),
        ("TENANTRY__SERVER__LISTEN", "8080"),
        ("TENANTRY__MAIL__TRANSPORT", "pigeon"),
        ("TENANTRY__EGRESS__ALLOW_NETWORKS", "10.0.0.0/8,10.0.0.0/99"),
        ("TENANTRY__BOOTSTRAP__OWNER_EMAIL", "a@b.example"),
        ("TENANTRY__METRICS__TOKEN", "x"),
        ("TENANTRY__METRICS__TOKEN_FILE", "/x"),
        ("TENANTRY__KEYS__MASTER_FILE", "/does/not/exist"),
    ];
    let errors = load(Some(&file), env(&vars)).unwrap_err();
    let text = errors.to_string();
    for expected in [
        "server.lisen (from ",
        "there is no such key. Did you mean `server.listen`?",
        "nonsense.q",
        "server.workers (from ",
        "must be a whole number. Example: 4",
        "worker.poll_ms (from TENANTRY__WORKER__POLL_MS): must be between 10 and 60000. Example: 500",
        "Did you mean `worker.embedded`?",
        "server.listen (from TENANTRY__SERVER__LISTEN): `8080` is not an address with a port. Example: \"0.0.0.0:8080\"",
        "mail.transport (from TENANTRY__MAIL__TRANSPORT): unknown variant `pigeon`, expected `file` or `smtp`. Example: \"smtp\"",
        "`10.0.0.0/99` is not a network. Example: [\"10.20.0.0/16\"]",
        "bootstrap.owner_password: must be set together",
        "TENANTRY__METRICS__TOKEN is set as well",
        "the file /does/not/exist cannot be read",
        "`https://x.example/path` must have no path",
        "sever",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in\n{text}");
    }
    assert_eq!(errors.problems().len(), 13, "{text}");
}

#[test]
fn a_broken_file_names_its_line_and_a_missing_one_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.toml");
    fs::write(&file, "[server]\nlisten = canary\n").unwrap();
    let text = load(Some(&file), env(&[])).unwrap_err().to_string();
    assert!(text.contains("line 2 is not valid TOML") && !text.contains("canary"), "{text}");
    let text = load(Some(&dir.path().join("none.toml")), env(&[])).unwrap_err().to_string();
    assert!(text.contains("none.toml: cannot be read"), "{text}");
}

/// Every `tenantry.toml` below `dir`.
fn shipped(dir: &Path, found: &mut Vec<std::path::PathBuf>) {
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            shipped(&path, found);
        } else if path.ends_with("tenantry.toml") {
            found.push(path);
        }
    }
}

#[test]
fn the_configuration_files_we_ship_load() {
    let mut found = Vec::new();
    shipped(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy"), &mut found);
    for file in found {
        // What those deployments take from their secret store.
        load(Some(&file), env(&[("TENANTRY__MAIL__SMTP_PASSWORD", "x"), ("TENANTRY__MAIL__SMTP_USERNAME", "x")]))
            .unwrap_or_else(|e| panic!("{e}"));
    }
}
