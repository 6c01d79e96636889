//! A SaaS application with two organizations, each with an identity provider of its own, in a real browser: from the address that somebody types to
//! the tab in which they are signed out. And Auth0's SDK for applications that are nothing but script.

use std::net::UdpSocket;

use serde_json::{Value, json};
use tenantry_tests::block_on;

use super::{
    node::node,
    openid_clients::created,
    process::{Process, free_port},
    world::{PASSWORD, ROOT, World},
};

/// A server that browsers find under a name: what keeps cookies by host keeps the application's apart.
async fn served(world: &World) -> Process {
    let port = free_port();
    let base = format!("http://localhost:{port}");
    world.spawn_api(port, &[("server.public_url", &base)]).at(base.clone()).ready().await
}

/// An application that is registered, and where it will listen.
fn registered(world: &World, server: &Process, callback: &str, more: &[&str]) -> Value {
    let port = free_port();
    let home = format!("http://localhost:{port}/");
    let callback = format!("{home}{callback}");
    let redirects = ["--redirect-uri", &callback, "--post-logout-redirect-uri", &home];
    let mut client = created(world, server, &[&redirects[..], more].concat());
    client["port"] = json!(port);
    client
}

fn task(world: &World, server: &Process, application: Value) -> Value {
    let mails = world.data().join("mail");
    json!({"base": server.base, "mails": mails, "chromium": "/usr/bin/chromium", "application": application})
}

/// A platform owner says where the application hears of sign-outs.
async fn hears_of_sign_outs(server: &Process, client: &Value) {
    let root = server.api().login(ROOT).await;
    let by = server.api().with(&root.access);
    let all = by.get("/api/platform/clients").await.ok();
    let same = |one: &&Value| one["client_id"] == client["client_id"];
    let id = all["clients"].as_array().and_then(|all| all.iter().find(same)).expect("the client")["id"].clone();
    let path = format!("/api/platform/clients/{}", id.as_str().expect("an id"));
    by.patch(&path, json!({"backchannel_logout_uri": format!("http://localhost:{}/signed-out", client["port"])})).await.ok();
}

#[test]
fn somebody_works_in_two_organizations_with_a_provider_each() {
    block_on(async {
        let dns = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port");
        let world = World::sqlite().set("organizations.tier", "tier_pro").set("domains.resolvers", dns);
        let server = served(&world).await;
        let claims = ["roles=org_roles", "organization=org_name"].map(|claim| format!("https://ledgerline.example/{claim}"));
        let more = ["--organizations", "require", "--claim", &claims[0], "--claim", &claims[1]];
        let client = registered(&world, &server, "callback", &more);
        hears_of_sign_outs(&server, &client).await;
        let mut task = task(&world, &server, client);
        task["dns"] = json!(dns.port());
        println!("Chromium {}", node("saas.mjs", &task)["version"]);
        server.stop().await;
    });
}

#[test]
fn auth0s_sdk_for_pages_signs_somebody_in() {
    block_on(async {
        let world = World::sqlite();
        let server = served(&world).await;
        let mut task = task(&world, &server, registered(&world, &server, "", &["--public"]));
        task["person"] = json!({"email": ROOT, "password": PASSWORD});
        println!("Chromium {}", node("auth0_spa.mjs", &task)["version"]);
        server.stop().await;
    });
}
