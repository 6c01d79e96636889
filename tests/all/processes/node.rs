//! Programs in Node: clients from npm as their authors published them, our SDK, and what drives a browser. They are in `tests/clients`, and
//! `npm ci` puts what a lock file names into a folder of its own below the target directory, with this machine's own settings.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

use super::process::binary;

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// The `node_modules` with what the lock file of that folder names. Made once, under a name of its content.
pub(super) fn modules(sources: &Path) -> PathBuf {
    // One at a time: they are large.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lock = fs::read_to_string(sources.join("package-lock.json")).expect("the lock file");
    let all = binary("tenantry-api").parent().expect("target/<profile>").join("npm");
    let folder = all.join(&crypto::hashes::s256(&lock)[..16]);
    if !folder.exists() {
        fs::create_dir_all(&all).expect("a folder");
        // Whole or not there: also for another run that wants the same at this moment.
        let fresh = tempfile::tempdir_in(&all).expect("a folder");
        install(sources, fresh.path());
        let _ = fs::rename(fresh.path(), &folder);
    }
    let modules = folder.join("node_modules");
    assert!(modules.is_dir(), "{} was not made", folder.display());
    modules
}

fn install(sources: &Path, folder: &Path) {
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        fs::copy(sources.join(name), folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let mut npm = Command::new("npm");
    // What is optional is Next's compiler and pictures, which nothing here needs.
    npm.args(["ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]);
    ended("npm ci", npm.current_dir(folder));
}

/// What a program said, which has to end well.
pub(super) fn ended(name: &str, command: &mut Command) -> String {
    let output =
        command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{name} (packages nodejs, npm, util-linux): {e}"));
    let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {} (packages nodejs, npm, chromium)\n{said}{complaint}", output.status);
    said.into_owned()
}

/// Runs a script of `tests/clients` with its task to its end; answers the last line that it says, and shows the others. Should this test be
/// killed, the kernel ends the script, and its browser ends with it.
pub(super) fn node(script: &str, task: &Value) -> Value {
    node_with(script, task, |_| ())
}

/// The same, with more packages beside those of the lock file: they are put into the `node_modules` that is handed over.
pub(super) fn node_with(script: &str, task: &Value, add: impl FnOnce(&Path)) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    // Node looks for packages from where a script is.
    let beside = folder.path().join("node_modules");
    fs::create_dir(&beside).expect("a folder");
    for entry in fs::read_dir(modules(&sources())).expect("packages").map(|entry| entry.expect("an entry")) {
        std::os::unix::fs::symlink(entry.path(), beside.join(entry.file_name())).expect("a link");
    }
    add(&beside);
    for entry in fs::read_dir(sources()).expect("the scripts") {
        let from = entry.expect("an entry").path();
        if from.extension().is_some_and(|end| end == "mjs") {
            fs::copy(&from, folder.path().join(from.file_name().expect("a name"))).expect("a copy");
        }
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "node"]).arg(folder.path().join(script)).arg(task.to_string());
    // A browser's leavings go where this folder goes.
    let said = ended(script, command.current_dir(folder.path()).env("TMPDIR", folder.path()));
    let (told, last) = said.trim_end().rsplit_once('\n').unwrap_or(("", said.trim_end()));
    println!("{told}");
    serde_json::from_str(last).unwrap_or_else(|e| panic!("{script}: {e}: {said}"))
}
