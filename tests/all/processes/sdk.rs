//! Our SDK for TypeScript, made of what the server says of itself as `make sdk` makes it: its own tests, then its package, installed as an application
//! would install it, at a running server in Node and in Chromium.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use serde_json::json;
use tenantry_tests::block_on;

use super::{
    node::{ended, modules, node_with},
    process::binary,
    world::World,
};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("libs/sdk-typescript")
}

/// Copies what is written by hand.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name();
        let made = ["node_modules", "dist", "generated"].contains(&&*name.to_string_lossy());
        if entry.path().is_dir() && !made {
            copy(&entry.path(), &to.join(&name));
        } else if entry.path().is_file() {
            fs::copy(entry.path(), to.join(&name)).expect("a copy");
        }
    }
}

fn npm(folder: &Path, arguments: &[&str]) -> String {
    ended(&format!("npm {}", arguments.join(" ")), Command::new("npm").args(arguments).current_dir(folder))
}

/// Builds and tests it there; answers the package as a file.
fn packed(folder: &Path) -> PathBuf {
    copy(&sources(), folder);
    std::os::unix::fs::symlink(modules(&sources()), folder.join("node_modules")).expect("a link");
    let document = ended("tenantry-api openapi", Command::new(binary("tenantry-api")).arg("openapi"));
    fs::write(folder.join("openapi.json"), document).expect("a file");
    npm(folder, &["run", "generate", "--", "openapi.json"]);
    npm(folder, &["run", "build"]);
    let tests = npm(folder, &["test"]);
    let counted = tests.lines().filter(|line| line.contains(" pass ") || line.contains(" tests "));
    println!("{}", counted.collect::<Vec<_>>().join(", "));
    let said = npm(folder, &["pack", "--silent"]);
    folder.join(said.trim())
}

/// Puts a package where Node finds it.
fn unpack(package: &Path, modules: &Path) {
    let folder = modules.join("@tenantry/sdk");
    fs::create_dir_all(&folder).expect("a folder");
    ended("tar", Command::new("tar").args(["xzf", &package.display().to_string(), "--strip-components=1", "-C"]).arg(folder));
}

#[test]
fn the_sdk_does_what_an_application_needs() {
    block_on(async {
        let begin = Instant::now();
        let folder = tempfile::tempdir().expect("a folder");
        let package = packed(folder.path());
        println!("built, tested and packed after {:.1} s", begin.elapsed().as_secs_f32());
        let world = World::sqlite().set("organizations.tier", "tier_pro");
        let server = world.api().await;
        let task = json!({"base": server.base, "mails": world.data().join("mail"), "chromium": "/usr/bin/chromium"});
        for script in ["sdk_node.mjs", "sdk_browser.mjs"] {
            let told = node_with(script, &task, |modules| unpack(&package, modules));
            println!("{told} after {:.1} s", begin.elapsed().as_secs_f32());
        }
        server.stop().await;
    });
}
