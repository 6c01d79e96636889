//! The ways to PostgreSQL that operators have: a pooler in transaction mode, one single connection, TLS with the system's certificates.

use std::{path::Path, process::Command};

use tenantry_tests::block_on;

use super::{
    cluster::main_job,
    partners::{PgBouncer, Postgres},
    world::{Org, World},
};

#[test]
fn the_main_job_through_a_pooler_in_transaction_mode() {
    block_on(async {
        let world = World::postgres().await;
        let direct = world.url().to_owned();
        let pooler = PgBouncer::before(&direct, 3).await;
        let world = world.set("database.url", pooler.through(&direct)).set("database.pooler", "transaction").past(&direct);
        main_job(world).await;
    });
}

#[test]
fn a_pooler_that_nobody_told_of_is_named() {
    block_on(async {
        let world = World::postgres().await;
        let direct = world.url().to_owned();
        let pooler = PgBouncer::before(&direct, 3).await;
        for startup_options in [true, false] {
            let url = pooler.through(&direct);
            let world = World::sqlite().set("database.url", url).set("database.startup_options", startup_options);
            let refused = world.run(&["migrate"], &[]);
            let said = String::from_utf8_lossy(&refused.stderr).into_owned() + &String::from_utf8_lossy(&refused.stdout);
            assert!(!refused.status.success() && said.contains("`database.pooler`"), "{startup_options}: {said}");
        }
    });
}

#[test]
fn the_main_job_with_one_connection_each() {
    block_on(async {
        main_job(World::postgres().await.set("database.max_connections", 1)).await;
    });
}

#[test]
fn one_connection_is_enough_for_an_embedded_worker_too() {
    block_on(async {
        let world = World::postgres().await.set("database.max_connections", 1).set("worker.embedded", true);
        let api = world.api().await;
        let org = Org::founded(&api.api(), "acme").await;
        org.invite("ann@example.com").await;
        org.hears_of("ann@example.com").await;
        let said = api.stop().await;
        assert!(!said.contains("ERROR"), "{said}");
    });
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output().expect("openssl");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A certificate for `localhost`, of an authority of the test's own. The file names are those that PostgreSQL looks for.
fn certificates(folder: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(folder, &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=tests"));
    openssl(folder, &format!("req {key} -keyout server.key -out request.pem -subj /CN=localhost"));
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost").expect("a file");
    openssl(folder, "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.crt");
}

#[test]
fn a_server_is_checked_against_the_certificates_of_the_system() {
    block_on(async {
        let folder = tempfile::tempdir().expect("a folder");
        certificates(folder.path());
        let postgres = Postgres::start_with_tls(folder.path()).await;
        let url = format!("postgres://postgres@localhost:{}/postgres", postgres.port());
        let system = folder.path().join("ca.pem");
        let migrate = |url: String, certificates: Option<&Path>| {
            let world = World::sqlite().set("database.url", url);
            let world = match certificates {
                Some(file) => world.with_environment("SSL_CERT_FILE", file),
                None => world,
            };
            let output = world.run(&["migrate"], &[]);
            (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        for mode in ["verify-full", "verify-ca"] {
            let (good, said) = migrate(format!("{url}?sslmode={mode}"), Some(&system));
            assert!(good, "{mode}: {said}");
            let (good, said) = migrate(format!("{url}?sslmode={mode}"), None);
            assert!(!good && said.contains("over TLS"), "{mode}: of an authority that the system does not know: {said}");
        }
        let (good, said) = migrate(format!("{url}?sslmode=verify-full&sslrootcert={}", system.display()), None);
        assert!(good, "a file that is named: {said}");
        let elsewhere = url.replace("localhost", "127.0.0.1");
        let (good, said) = migrate(format!("{elsewhere}?sslmode=verify-full"), Some(&system));
        assert!(!good && said.contains("over TLS"), "another name than the certificate's: {said}");
    });
}

#[test]
fn lists_of_hosts_are_named_with_what_to_use_instead() {
    let refused = [
        "postgres://u@a,b/t",
        "postgres://u@a:5432,b:5432/t",
        "postgres://u:p,w@a:5432,b:5433/t?sslmode=require",
        "postgres://u@a/t?host=a,b",
        "postgres://u@a/t?port=5432,5433",
        "postgres:///t?host=a,b",
        "postgresql://u@a/t?target_session_attrs=read-write",
        "postgres://u@a/t?load_balance_hosts=random",
    ];
    for url in refused {
        let output = World::bare().run(&["config", "check"], &[("database.url", url)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(
            !output.status.success() && said.contains("must name one server") && said.contains("follows the primary"),
            "{url}: {said}"
        );
    }
    for (url, pooler, what) in [
        ("postgres://u@a/t?sslmode=verify-full&sslrootcert=system", "none", "leave it out"),
        ("postgres://u@a/t?options[lock_timeout]=1s", "transaction", "alter role"),
        ("postgres://u@a/t?options=-clock_timeout%3D1s", "transaction", "alter role"),
    ] {
        let output = World::bare().run(&["config", "check"], &[("database.url", url), ("database.pooler", pooler)]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success() && said.contains(what), "{url}: {said}");
    }
    for url in ["postgres://u:p,w@a:5432/t", "postgres://u@a/t?options=-c%20search_path%3Da,b"] {
        let output = World::bare().run(&["config", "check"], &[("database.url", url)]);
        assert!(output.status.success(), "{url}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
