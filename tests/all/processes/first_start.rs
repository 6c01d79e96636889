//! The first minutes of a new user: nothing configured, an empty folder, and what stands in the way.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::json;
use tenantry_tests::block_on;

use super::{
    process::free_port,
    world::{PASSWORD, ROOT, World},
};

const ANN: &str = "ann@example.com";

fn owner_link(output: &str) -> String {
    let link = output.split_whitespace().find(|word| word.contains("/setup?token="));
    link.unwrap_or_else(|| panic!("no link to become the owner in:\n{output}")).to_owned()
}

#[test]
fn an_empty_folder_becomes_a_platform() {
    block_on(async {
        let world = World::bare();
        let port = free_port();
        let server = world.spawn_api(port, &[]).ready().await;
        let said = server.output();
        assert!(said.contains(&format!("http://127.0.0.1:{port}")), "the URL: {said}");
        assert!(said.contains(&world.data().display().to_string()), "the data folder: {said}");
        let link = owner_link(&said);
        let (base, token) = link.split_once("/setup?token=").expect("a link");
        assert_eq!(base, server.base);

        // Looking is free, also for a scanner that looks twice.
        for _ in 0..2 {
            let form = server.api().get(&format!("/setup?token={token}")).await;
            assert!(form.status == 200 && form.text.contains("<form method=\"post\" action=\"/setup\""), "{form:?}");
        }
        let fields = [("token", token), ("email", ANN), ("password", PASSWORD)];
        let made = server.api().form("/setup", &fields).await;
        assert_eq!(made.status, 200, "{made:?}");
        let again = server.api().form("/setup", &[("token", token), ("email", "eve@example.com"), ("password", PASSWORD)]).await;
        assert_eq!(again.status, 400, "{again:?}");
        let refused = server.api().post("/api/auth/login", json!({"email": "eve@example.com", "password": PASSWORD})).await;
        assert_eq!(refused.status, 401, "{refused:?}");

        let ann = server.api().login(ANN).await;
        ann.api.get("/api/platform/tiers").await.ok();
        ann.api.post("/api/organizations", json!({"slug": "acme", "name": "Acme"})).await.ok();

        let key = world.data().join("master.key");
        assert_eq!(fs::metadata(&key).expect("a master key").permissions().mode() & 0o777, 0o600);
        let before = fs::read(&key).expect("a master key");
        server.stop().await;

        let server = world.spawn_api(port, &[]).ready().await;
        assert!(!server.output().contains("/setup?token="), "{}", server.output());
        assert_eq!(fs::read(&key).expect("a master key"), before);
        let ann = ann.api.via(&server.base);
        assert_eq!(ann.get("/api/organizations/acme").await.ok()["organization"]["name"], "Acme");
        server.api().login(ANN).await;
        server.stop().await;
    });
}

#[test]
fn a_new_person_signs_up_by_the_mail_in_the_folder() {
    block_on(async {
        let world = World::bare();
        let server = world.api().await;
        server.api().post("/api/auth/register", json!({"email": ANN, "password": PASSWORD})).await.ok();
        let token = world.mailed(ANN, "/auth/verify-email?token=").await;
        let page = server.api().form("/auth/verify-email", &[("token", &token), ("password", PASSWORD)]).await;
        assert_eq!(page.status, 200, "{page:?}");
        server.api().login(ANN).await;
        let folder = world.data().join("mail");
        for mail in fs::read_dir(folder).expect("mails") {
            let mode = mail.expect("a mail").metadata().expect("its mode").permissions().mode();
            assert_eq!(mode & 0o077, 0, "a mail holds one-time links");
        }
        server.stop().await;
    });
}

/// The output of a start that must fail.
pub(super) async fn refused(world: &World, more: &[(&str, &str)]) -> String {
    let mut server = world.spawn_api(free_port(), more);
    let status = server.ended().await;
    assert_eq!(status.code(), Some(1), "{}", server.output());
    server.output()
}

#[test]
fn a_port_that_is_taken_is_named_with_its_setting() {
    block_on(async {
        let world = World::bare();
        let guest = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = guest.local_addr().expect("an address").port();
        let mut server = world.spawn_api(port, &[]);
        assert_eq!(server.ended().await.code(), Some(1));
        let said = server.output();
        assert!(said.contains(&format!("127.0.0.1:{port} is in use")) && said.contains("TENANTRY__SERVER__LISTEN"), "{said}");
        assert!(!world.data().join("tenantry.db").exists(), "nothing was done before");
    });
}

#[test]
fn a_database_that_is_away_or_unknown_is_named() {
    block_on(async {
        let (world, port) = (World::bare(), free_port());
        let said = refused(&world, &[("database.url", &format!("postgres://nobody:hunter2hunter2@127.0.0.1:{port}/none"))]).await;
        assert!(said.contains("database.url"), "{said}");
        assert!(!said.contains("hunter2hunter2"), "the password is shown: {said}");
        let said = refused(&world, &[("database.url", "mysql://nobody:hunter2hunter2@127.0.0.1/none")]).await;
        assert!(said.contains("database.url") && said.contains("postgres://"), "{said}");
        assert!(!said.contains("hunter2hunter2"), "the password is shown: {said}");
    });
}

#[test]
fn a_data_folder_that_cannot_be_written_is_named() {
    block_on(async {
        let world = World::bare();
        let file = world.folder().join("file");
        fs::write(&file, "not a folder").expect("a file");
        // The tests may run as root, whom no permission stops: a file in the way, and a file system that takes nothing.
        for folder in [file.join("below").display().to_string(), file.display().to_string(), "/proc".to_owned()] {
            let said = refused(&world, &[("data.dir", &folder)]).await;
            assert!(said.contains(&folder) && said.contains("data.dir"), "{folder}: {said}");
        }
    });
}

#[test]
fn another_master_key_is_refused_before_anything_is_served() {
    block_on(async {
        let world = World::bare();
        let server = world.api().await;
        server.stop().await;
        let stored = fs::read_to_string(world.data().join("master.key")).expect("a master key");
        let id = stored.trim().split_once(':').expect("id:key").0.to_owned();
        for key in [format!("{id}:{}", "ab".repeat(32)), format!("other:{}", "cd".repeat(32))] {
            let said = refused(&world, &[("keys.master", &key)]).await;
            assert!(said.contains("master key does not fit") && said.contains("keys.master"), "{said}");
            assert!(!said.contains(&key[id.len() + 1..]), "a key is shown: {said}");
        }
        let said = refused(&world, &[("keys.master", "k1:tooshort")]).await;
        assert!(said.contains("keys.master") || said.contains("master key"), "{said}");
        world.api().await.stop().await;
    });
}

#[test]
fn a_lost_owner_password_is_replaced_from_the_command_line() {
    block_on(async {
        let world = World::sqlite();
        let server = world.api().await;
        let output = world.run(&["owner", "reset", "--email", ROOT], &[("server.public_url", &server.base)]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("tenantry.db"), "{said}");
        let link = said.split_whitespace().find(|word| word.contains("/auth/reset-password?token=")).expect("a link");
        let (base, token) = link.split_once("/auth/reset-password?token=").expect("a link");
        assert_eq!(base, server.base);
        let fields = [("token", token), ("password", "another sentence")];
        assert_eq!(server.api().form("/auth/reset-password", &fields).await.status, 200);
        let body = json!({"email": ROOT, "password": "another sentence"});
        server.api().post("/api/auth/login", body).await.ok();
        for nobody in ["nobody@example.com", "nonsense"] {
            let output = world.run(&["owner", "reset", "--email", nobody], &[]);
            assert_eq!(output.status.code(), Some(1), "{nobody}");
        }
        server.stop().await;
    });
}
