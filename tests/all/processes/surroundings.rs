//! A database, files and folders that are not what a program would like: it says so, or copes.

use std::{fs, os::unix::fs::PermissionsExt};

use sea_orm::ConnectionTrait;
use tenantry_tests::block_on;

use super::{
    NEVER,
    first_start::refused,
    process::free_port,
    world::{World, connect, new_database, service},
};

#[test]
fn a_database_that_is_not_what_is_assumed_is_named_before_anything_is_made() {
    block_on(async {
        let server = service("TENANTRY_TEST_POSTGRES");
        let url = new_database(&server).await;
        let name = url.rsplit_once('/').expect("a database").1.to_owned();
        let db = connect(&server).await;
        let latin = format!("{name}_latin");
        let make = format!("create database {latin} encoding 'LATIN1' lc_collate 'C' lc_ctype 'C' template template0");
        for statement in [make, format!("create role {name}_guest login"), format!("create role {name}_lost login")] {
            db.execute_unprepared(&statement).await.unwrap_or_else(|e| panic!("{statement}: {e}"));
        }
        let lost = format!("alter role {name}_lost set search_path = nowhere");
        db.execute_unprepared(&lost).await.expect("a role");
        let of = |role: &str| url.replacen("postgres@", &format!("{name}_{role}@"), 1);
        let nobody = format!("127.0.0.1:{}", free_port());
        for (url, expected) in [
            (url.replace(&name, &latin), "encoding is LATIN1"),
            (of("guest"), "may not make tables"),
            (of("lost"), "may use no schema"),
            (url.replace(&name, "no_such_database"), "no database of that name"),
            (of("unknown"), "refuses the user"),
            (format!("postgres://u:p@{nobody}/t"), "Connection refused"),
        ] {
            let (world, began) = (World::bare(), std::time::Instant::now());
            let said = refused(&world, &[("database.url", &url), ("keys.master", &format!("k1:{}", "ab".repeat(32)))]).await;
            assert!(said.contains(expected), "{expected}: {said}");
            assert!(!said.contains("went wrong on our side") && !said.contains("timed out"), "{said}");
            assert!(began.elapsed() < NEVER, "{expected}");
        }
        // Nothing is left where the database is not to be had.
        let world = World::bare();
        refused(&world, &[("database.url", &format!("postgres://u:p@{nobody}/t"))]).await;
        assert!(!world.data().exists(), "a folder and a key were made");
    });
}

#[test]
fn a_folder_of_any_name_will_do_and_old_files_are_closed_to_others() {
    block_on(async {
        let world = World::bare();
        let folder = world.folder().join("what? 100%41 #1");
        let world = world.set("data.dir", folder.display());
        world.api().await.stop().await;
        assert!(folder.join("tenantry.db").exists(), "{:?}", fs::read_dir(&folder));
        let mode = |path: &std::path::Path| fs::metadata(path).expect("a mode").permissions().mode() & 0o777;
        let files = ["tenantry.db", "master.key"].map(|name| folder.join(name));
        for path in &files {
            assert_eq!(mode(path), 0o600, "{}", path.display());
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("a mode");
        }
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("a mode");
        let server = world.api().await;
        assert_eq!((mode(&folder), mode(&files[0]), mode(&files[1])), (0o700, 0o600, 0o600));
        for file in fs::read_dir(&folder).expect("files").map(|file| file.expect("a file").path()) {
            assert_eq!(mode(&file) & 0o077, 0, "{}", file.display());
        }
        server.stop().await;
        // A folder that was there before, and is not ours alone, stays as it is.
        let shared = world.folder().join("shared");
        fs::create_dir(&shared).expect("a folder");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o755)).expect("a mode");
        world.api_with(&[("data.dir", &shared.display().to_string())]).await.stop().await;
        assert_eq!((mode(&shared), mode(&shared.join("tenantry.db"))), (0o755, 0o600));
    });
}

#[test]
fn files_that_are_not_what_they_should_be_are_named() {
    block_on(async {
        for (name, content, expected) in [
            ("tenantry.db", Some("no database, but a text that is long enough to be one\n".repeat(200)), "no SQLite database"),
            ("tenantry.db", None, "cannot be opened"),
            ("master.key", None, "cannot be read"),
            ("master.key", Some(String::new()), "master key"),
        ] {
            let world = World::bare();
            fs::create_dir(world.data()).expect("a folder");
            let path = world.data().join(name);
            match content {
                Some(text) => fs::write(&path, text).expect("a file"),
                None => fs::create_dir(&path).expect("a folder"),
            }
            let said = refused(&world, &[]).await;
            assert!(said.contains(expected) && !said.contains("our side"), "{name}: {said}");
        }
    });
}
