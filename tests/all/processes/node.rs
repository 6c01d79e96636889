//! Programs in Node: clients from npm as their authors published them, and what drives a browser. They are in `tests/clients`, and
//! `npm ci` puts what their lock file names into a folder of its own below the target directory, with this machine's own settings.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use serde_json::Value;

use super::process::binary;

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients")
}

/// The folder whose `node_modules` holds what the lock file names. Made once, under a name of its content.
fn installed() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let lock = fs::read_to_string(sources().join("package-lock.json")).expect("the lock file");
        let all = binary("tenantry-api").parent().expect("target/<profile>").join("npm");
        let folder = all.join(&crypto::hashes::s256(&lock)[..16]);
        if !folder.exists() {
            fs::create_dir_all(&all).expect("a folder");
            // Whole or not there: also for another run that wants the same at this moment.
            let fresh = tempfile::tempdir_in(&all).expect("a folder");
            install(fresh.path());
            let _ = fs::rename(fresh.path(), &folder);
        }
        assert!(folder.join("node_modules").is_dir(), "{} was not made", folder.display());
        folder
    })
}

fn install(folder: &Path) {
    for name in ["package.json", "package-lock.json", ".npmrc"] {
        fs::copy(sources().join(name), folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
    let mut npm = Command::new("npm");
    // What is optional is Next's compiler and pictures, which nothing here needs.
    npm.args(["ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"])
        .current_dir(folder);
    let output = npm.stdin(Stdio::null()).output().expect("npm (package npm)");
    let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "npm ci: {}\n{said}{complaint}", output.status);
}

/// Runs a script of `tests/clients` with its task to its end; answers the last line that it says, and shows the others. Should this test be
/// killed, the kernel ends the script, and its browser ends with it.
pub(super) fn node(script: &str, task: &Value) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    // Node looks for packages from where a script is.
    std::os::unix::fs::symlink(installed().join("node_modules"), folder.path().join("node_modules")).expect("a link");
    for entry in fs::read_dir(sources()).expect("the scripts") {
        let from = entry.expect("an entry").path();
        if from.extension().is_some_and(|end| end == "mjs") {
            fs::copy(&from, folder.path().join(from.file_name().expect("a name"))).expect("a copy");
        }
    }
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "node"]).arg(folder.path().join(script)).arg(task.to_string());
    // A browser's leavings go where this folder goes.
    command.current_dir(folder.path()).env("TMPDIR", folder.path()).stdin(Stdio::null());
    let output = command.output().expect("setpriv (package util-linux)");
    let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{script}: {} (packages nodejs, chromium)\n{said}{complaint}", output.status);
    let (told, last) = said.trim_end().rsplit_once('\n').unwrap_or(("", said.trim_end()));
    println!("{told}");
    serde_json::from_str(last).unwrap_or_else(|e| panic!("{script}: {e}: {said}{complaint}"))
}
