//! What the documents say about the repository is so: links lead somewhere, files that they name exist, threats that code names are
//! explained, and nothing points at a document that is not here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Every text file of the repository, by its path from the root.
fn files() -> BTreeMap<String, String> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let built = ["target", "data", ".git", "corpus", "secrets"].contains(&name.as_str());
            if entry.is_dir() && !built {
                walk(&entry, root, found);
            } else if let Some(text) = entry.is_file().then(|| fs::read_to_string(&entry).ok()).flatten() {
                found.insert(entry.strip_prefix(root).expect("below the root").to_string_lossy().into_owned(), text);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&root(), &root(), &mut found);
    found
}

fn documents(files: &BTreeMap<String, String>) -> impl Iterator<Item = (&String, &String)> {
    files.iter().filter(|(path, _)| path.ends_with(".md"))
}

/// What stands between `open` and `close`, each time, within a line.
fn between<'t>(text: &'t str, open: &'static str, close: char) -> impl Iterator<Item = &'t str> {
    text.split(open).skip(1).filter_map(move |rest| rest.lines().next()?.split(close).next())
}

/// A heading as GitHub anchors it.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let kept = |c: char| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || matches!(c, '-' | '_') => c.to_lowercase().next(),
        _ => None,
    };
    headings.map(|heading| heading.chars().filter_map(kept).collect()).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let files = files();
    let mut broken = Vec::new();
    for (path, text) in documents(&files) {
        for link in between(text, "](", ')').filter(|link| !link.contains("://")) {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let mut whole = Path::new(path).parent().unwrap_or(Path::new("")).to_owned();
            for part in target.split('/') {
                if part != ".." {
                    whole.push(part);
                } else if !whole.pop() {
                    broken.push(format!("{path}: {link}"));
                }
            }
            let whole = if target.is_empty() { path.clone() } else { whole.to_string_lossy().into_owned() };
            let there = root().join(&whole).exists();
            let anchored = anchor.is_empty() || files.get(&whole).is_some_and(|text| anchors(text).contains(anchor));
            if !there || !anchored {
                broken.push(format!("{path}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_file_that_a_document_names_exists() {
    let files = files();
    let places = ["libs/", "services/", "tests/", "docs/", "deploy/", "migrations/", "scripts/"];
    let mut missing = Vec::new();
    // A changelog names what there was.
    for (path, text) in documents(&files).filter(|(path, _)| *path != "CHANGELOG.md") {
        for named in text.split('`').skip(1).step_by(2).filter(|named| places.iter().any(|place| named.starts_with(place))) {
            let whole = named.chars().all(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'));
            if whole && named != "deploy/secrets" && !root().join(named).exists() {
                missing.push(format!("{path}: {named}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// `T12`, as a word of its own (and not a tab before a 10).
fn threats(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\\')
        .filter(|word| word.len() == 3 && word.starts_with(['T', 't']) && word[1..].bytes().all(|b| b.is_ascii_digit()))
}

#[test]
fn every_threat_that_code_names_is_explained_and_guarded() {
    let files = files();
    let explained: BTreeSet<String> = files["docs/threats.md"]
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .flat_map(threats)
        .map(str::to_owned)
        .collect();
    let code = files.iter().filter(|(path, _)| path.ends_with(".rs") || path.ends_with(".py") || path.ends_with(".sql"));
    let named: BTreeSet<String> = code.flat_map(|(_, text)| threats(text)).map(str::to_uppercase).collect();
    assert_eq!(named, explained, "left: named in code; right: explained in docs/threats.md");
}

#[test]
fn nothing_points_at_a_document_that_is_not_here() {
    let files = files();
    let known: BTreeSet<&str> = documents(&files).filter_map(|(path, _)| path.rsplit('/').next()).collect();
    let mut lost = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| !path.starts_with("tests/snapshots/")) {
        for (number, line) in text.lines().enumerate() {
            let mut words = line.split_whitespace();
            // A numbered section of something outside.
            while let Some(word) = words.next() {
                let named = word.trim_start_matches('(').eq_ignore_ascii_case("contract");
                if named && words.clone().next().is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit())) {
                    lost.push(format!("{path}:{}: a section of a contract", number + 1));
                }
            }
            let words = line.split(|c: char| !c.is_alphanumeric() && !matches!(c, '.' | '_' | '-'));
            for word in words.map(|word| word.trim_matches('.')).filter(|word| word.len() > 3 && word.ends_with(".md")) {
                if !known.contains(word) {
                    lost.push(format!("{path}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}
