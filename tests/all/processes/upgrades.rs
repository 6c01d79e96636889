//! Upgrades and what interrupts them: install, upgrade, roll back, restart in between; and a machine that dies at any moment of a migration.

use sea_orm::{ConnectionTrait, DatabaseConnection};
use tenantry_tests::{Database, block_on};

use super::{
    process::free_port,
    world::{ROOT, World, rows},
};

/// What a version to come does to the database: steps that this program has never heard of.
const EXPANSION: [&str; 4] = [
    "create table invoices (id bigint primary key, total bigint not null)",
    "alter table organizations add column colour text",
    "create index organizations_colour on organizations (colour)",
    "insert into seaql_migrations (version, applied_at) values ('m20991231_000901_invoices', 1)",
];
const CONTRACTION: [&str; 2] = [
    "insert into seaql_migrations (version, applied_at) values ('m20991231_000902_no_more_tiers', 1)",
    "insert into schema_requirements (step, version) values ('m20991231_000902_no_more_tiers', '7.0.0')",
];

async fn step(db: &DatabaseConnection, statements: &[&str]) {
    for statement in statements {
        db.execute_unprepared(statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
    }
}

fn said(output: &std::process::Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn upgrade_and_back(database: Database) {
    // Installed.
    let world = World::on(database).await;
    let (api, worker) = (world.api().await, world.worker().await);
    api.api().login(ROOT).await;
    // The newer version's migration runs beside the old processes, …
    let db = world.connection().await;
    step(&db, &EXPANSION).await;
    api.api().login(ROOT).await;
    // … which restart in between, and come back when the newer version is rolled back.
    api.stop().await;
    worker.stop().await;
    let (api, worker) = (world.api().await, world.worker().await);
    api.api().login(ROOT).await;
    for command in [&["migrate"][..], &["keys", "rotate"], &["keys", "rotate-audit"], &["owner", "reset", "--email", ROOT]] {
        let output = world.run(command, &[]);
        assert!(output.status.success(), "{command:?}: {}", said(&output));
    }
    assert_eq!(rows(&db, "select 1 from seaql_migrations where version like 'm2099%'").await.len(), 1, "nobody removed it");
    // A later version takes something away, which the old ones cannot live without.
    api.stop().await;
    worker.stop().await;
    step(&db, &CONTRACTION).await;
    for command in [&["serve"][..], &["migrate"], &["keys", "rotate"], &["keys", "rotate-audit"]] {
        let output = world.run(command, &[("server.listen", &format!("127.0.0.1:{}", free_port()))]);
        assert_eq!(output.status.code(), Some(1), "{command:?}: {}", said(&output));
        assert!(said(&output).contains("Start version 7.0.0 or later"), "{command:?}: {}", said(&output));
    }
    let mut worker = world.spawn_worker(free_port());
    assert_eq!(worker.ended().await.code(), Some(1));
    assert!(worker.output().contains("Start version 7.0.0 or later"), "{}", worker.output());
}

#[test]
fn an_old_version_works_on_a_newer_schema_on_sqlite() {
    block_on(upgrade_and_back(Database::Sqlite));
}

#[test]
fn an_old_version_works_on_a_newer_schema_on_postgres() {
    block_on(upgrade_and_back(Database::Postgres));
}

/// The kernel kills a process that writes beyond a limit: at each page that the migration writes, one dies there.
#[test]
fn a_migration_that_is_killed_at_any_write_is_finished_by_the_next() {
    block_on(async {
        let whole = World::sqlite();
        assert!(whole.run(&["migrate"], &[]).status.success());
        let schema = "select name || ' ' || coalesce(sql, '') from sqlite_master order by name";
        let read = async |world: &World| {
            let found = rows(&world.connection().await, schema).await;
            found.iter().map(|row| row.try_get_by_index::<String>(0).expect("a text")).collect::<Vec<_>>()
        };
        let expected = read(&whole).await;
        let (mut killed, mut bytes) = (0, 0);
        loop {
            let world = World::sqlite();
            let output = world.run_below(bytes, &["migrate"]);
            if output.status.success() {
                break;
            }
            killed += 1;
            let again = world.run(&["migrate"], &[]);
            assert!(again.status.success(), "killed at {bytes} bytes: {}", said(&again));
            assert_eq!(read(&world).await, expected, "killed at {bytes} bytes");
            bytes += 4096 + 24;
        }
        assert!(killed > 20, "only {killed} were killed");
        println!("{killed} migrations were killed, each at another write");
    });
}

#[test]
fn processes_that_start_together_on_an_empty_folder_all_serve() {
    block_on(async {
        let world = World::sqlite();
        let started: Vec<_> = (0..3).map(|_| world.spawn_api(free_port(), &[])).collect();
        for server in started {
            let server = server.ready().await;
            server.api().login(ROOT).await;
            server.stop().await;
        }
    });
}
