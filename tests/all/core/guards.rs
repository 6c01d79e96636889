//! Rules of the house that only a comment would hold otherwise, each held by reading the source. What the compiler or clippy can hold
//! they hold (`compile_fail.rs`, `clippy.toml`), what `cargo metadata` tells is in `layering.rs`, and what
//! documents say of the code in `documents.rs`.
//!
//! Each rule is a function from files to complaints, so that the test of the rule itself can show that it bites: a guard that finds
//! nothing in a bad file would find nothing anywhere.

mod areas;
mod bites;
mod lexer;
mod names;
mod style;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A text file of the repository.
pub(crate) struct File {
    /// From the root, with `/`.
    path: String,
    text: String,
    /// Rust without comments, and with empty string literals. Empty for other languages.
    code: String,
    /// The string literals, each with the number of its line.
    literals: Vec<(usize, String)>,
}

impl File {
    fn new(path: &str, text: &str) -> Self {
        let rust = path.ends_with(".rs");
        let (code, literals) = if rust { lexer::split(text) } else { Default::default() };
        Self { path: path.to_owned(), text: text.to_owned(), code, literals }
    }
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }
    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path == *place || (place.ends_with('/') && self.path.starts_with(place)))
    }
}

const FOLDERS: [&str; 8] = ["libs", "services", "migrations", "tests", "scripts", "deploy", "docs", ".ci"];
const ENDINGS: [&str; 9] = ["rs", "md", "toml", "sh", "py", "sql", "yaml", "yml", "ts"];
/// What tools leave behind, what is no text of ours, and what stands under names of its own.
const SKIPPED: [&str; 5] = ["target", "node_modules", "corpus", "artifacts", "data"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

/// Every text file of the repository.
fn files() -> Vec<File> {
    let (root, mut found) = (root(), Vec::new());
    for folder in FOLDERS {
        walk(&root, &root.join(folder), &mut found);
    }
    let top = fs::read_dir(&root).expect("the repository").filter_map(|entry| Some(entry.ok()?.path()));
    top.filter(|path| path.is_file()).for_each(|path| read(&root, &path, &mut found));
    assert!(found.len() > 300, "the repository was not found");
    found
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<File>) {
    for path in fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !SKIPPED.contains(&name) {
            walk(root, &path, found);
        } else if path.is_file() {
            read(root, &path, found);
        }
    }
}

fn read(root: &Path, path: &Path, found: &mut Vec<File>) {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let name = path.strip_prefix(root).expect("a file of the repository").to_str().expect("a name in UTF-8");
    if ENDINGS.contains(&ending) || name == "Makefile" {
        found.push(File::new(name, &fs::read_to_string(path).expect("a text")));
    }
}

#[track_caller]
fn hold(rule: impl Fn(&[File]) -> Vec<String>) {
    let complaints = rule(&files());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn words_behind_a_fence_are_named_only_inside_it() {
    hold(names::fenced);
}
#[test]
fn statements_are_written_in_the_store() {
    hold(names::statements);
}
#[test]
fn bans_are_lifted_in_named_files_only() {
    hold(names::lifted_bans);
}
#[test]
fn every_lifted_lint_has_a_reason() {
    hold(style::reasons);
}
#[test]
fn modules_are_files_beside_their_folders() {
    hold(style::modules);
}
#[test]
fn files_are_short() {
    hold(style::lengths);
}
#[test]
fn every_crate_has_the_same_areas() {
    hold(areas::same);
}
