//! People in a real browser (Debian's chromium): they sign in at a small application, choose, forget, go back, leave, and follow mailed links, and
//! every page on their way is looked at. The walks are in `tests/clients`.

use serde_json::json;
use tenantry_tests::block_on;

use super::{
    node::node,
    openid_clients::created,
    process::{Process, free_port},
    world::World,
};

/// An application that is registered, and where it will listen.
fn application(world: &World, server: &Process, more: &[&str]) -> serde_json::Value {
    let port = free_port();
    let home = format!("http://localhost:{port}/");
    let callback = format!("{home}callback");
    let redirects = ["--redirect-uri", &callback, "--post-logout-redirect-uri", &home];
    let mut made = created(world, server, &[&redirects[..], more].concat());
    made["port"] = json!(port);
    made
}

/// So many pages are looked at: another number says that a walk lost its way.
const PAGES: usize = 99;

#[test]
fn people_sign_in_with_chromium() {
    block_on(async {
        let world = World::sqlite().set("organizations.tier", "tier_pro");
        // By a name: browsers make no passkeys for a mere address.
        let port = free_port();
        let home = format!("http://localhost:{port}");
        let server = world.spawn_api(port, &[("server.public_url", &home)]).at(home.clone()).ready().await;
        let fresh = World::bare();
        let unowned = fresh.api().await;
        let link = unowned.output();
        let link = link.split_whitespace().find(|word| word.contains("/setup?token=")).expect("a link to become the owner");
        let task = json!({
            "base": server.base, "mails": world.data().join("mail"), "chromium": "/usr/bin/chromium",
            "application": application(&world, &server, &["--devices"]),
            "portal": application(&world, &server, &["--organizations", "require"]),
            "fresh": {"base": unowned.base, "setup": link, "mails": fresh.data().join("mail")},
        });
        let told = node("browser.mjs", &task);
        let seen = told["seen"].as_array().expect("pages");
        println!("Chromium {}: {} pages", told["version"], seen.len());
        assert_eq!(seen.len(), PAGES, "{told}");
        server.stop().await;
        unowned.stop().await;
    });
}
