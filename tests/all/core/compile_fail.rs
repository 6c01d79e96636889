//! What must not compile: a query without a proof, a change with a proof to look, a proof that outlives its facts, a proof that somebody
//! made up.
//!
//! Each file in `compile_fail/` begins with `//! Why.` and `// error[E…]: part of the message`. They are compiled by `rustc` against the
//! very libraries this test was linked with. (`trybuild` would build all of the dependencies once more, in a target folder of its own: minutes,
//! for seconds of work.)

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const CRATES: [&str; 2] = ["domain", "store"];

/// The folder with this build's libraries: where this test itself is.
fn libraries() -> PathBuf {
    env::current_exe().expect("a path of this test").parent().expect("a folder").to_owned()
}

/// Every build of a crate in the folder, newest first: different selections of packages leave several.
fn builds(name: &str) -> Vec<PathBuf> {
    let start = format!("libtenantry_{name}-");
    let files = fs::read_dir(libraries()).expect("the folder of the libraries").filter_map(|entry| Some(entry.ok()?.path()));
    let matches = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(&start) && name.ends_with(".rlib"))
    };
    let mut found: Vec<_> = files.filter(matches).collect();
    found.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).and_then(|data| data.modified()).ok()));
    found
}

/// Compiles a file; the compiler's complaints if it refuses.
#[expect(clippy::disallowed_methods, reason = "cargo says which compiler it uses")]
fn compile(file: &Path, externs: &[PathBuf; 2]) -> Result<(), String> {
    let out = tempfile::tempdir().expect("a temporary folder");
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "--cap-lints", "allow", "--out-dir"])
        .arg(out.path());
    rustc.arg("-L").arg(format!("dependency={}", libraries().display()));
    for (name, path) in CRATES.iter().zip(externs) {
        rustc.arg("--extern").arg(format!("{name}={}", path.display()));
    }
    let output = rustc.arg(file).output().expect("rustc runs");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("compile_fail")
}

/// Builds that fit each other, found with the one file that must compile.
fn fitting() -> [PathBuf; 2] {
    let control = folder().join("control.rs");
    let (domains, stores) = (builds("domain"), builds("store"));
    let pairs = stores.iter().flat_map(|store| domains.iter().map(move |domain| [domain.clone(), store.clone()]));
    let mut complaints = String::new();
    for pair in pairs {
        match compile(&control, &pair) {
            Ok(()) => return pair,
            Err(text) => complaints = text,
        }
    }
    panic!("control.rs does not compile, so the others would prove nothing:\n{complaints}");
}

#[test]
fn proofs_cannot_be_forged_or_kept() {
    let externs = fitting();
    let files = fs::read_dir(folder()).expect("the folder of the cases").filter_map(|entry| Some(entry.ok()?.path()));
    let mut cases: Vec<_> =
        files.filter(|path| path.extension().is_some_and(|end| end == "rs") && !path.ends_with("control.rs")).collect();
    cases.sort();
    let mut wrong = Vec::new();
    for case in &cases {
        let text = fs::read_to_string(case).expect("a case");
        let expected = text.lines().find_map(|line| line.strip_prefix("// ")).unwrap_or_default();
        let Some((code, message)) = expected.split_once(": ") else { panic!("{}: say which error is expected", case.display()) };
        match compile(case, &externs) {
            Ok(()) => wrong.push(format!("{} compiles", case.display())),
            Err(complaints) if complaints.contains(code) && complaints.contains(message) => {}
            Err(complaints) => wrong.push(format!("{} fails for another reason:\n{complaints}", case.display())),
        }
    }
    assert!(cases.len() >= 10, "the cases are gone");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
