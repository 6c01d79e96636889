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

/// Text files, by their paths from the root.
type Files = BTreeMap<String, String>;

/// Every text file of the repository.
fn files() -> Files {
    fn walk(folder: &Path, root: &Path, found: &mut Files) {
        for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let built =
                ["target", "data", ".git", "corpus", "secrets", "node_modules", "dist", "generated"].contains(&name.as_str());
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

fn documents(files: &Files) -> impl Iterator<Item = (&String, &String)> {
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

/// Links to files and headings that are not there.
fn broken_links(files: &Files) -> Vec<String> {
    let mut broken = Vec::new();
    for (path, text) in documents(files) {
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
    broken
}

#[test]
fn every_link_leads_somewhere() {
    assert_eq!(broken_links(&files()), [""; 0]);
}

/// Files that a document names and that are not there.
fn missing_files(files: &Files) -> Vec<String> {
    let places = ["libs/", "services/", "tests/", "docs/", "deploy/", "migrations/", "scripts/"];
    let mut missing = Vec::new();
    // A changelog names what there was.
    for (path, text) in documents(files).filter(|(path, _)| *path != "CHANGELOG.md") {
        for named in text.split('`').skip(1).step_by(2).filter(|named| places.iter().any(|place| named.starts_with(place))) {
            let whole = named.chars().all(|c| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'));
            if whole && named != "deploy/secrets" && !root().join(named).exists() {
                missing.push(format!("{path}: {named}"));
            }
        }
    }
    missing
}

#[test]
fn every_file_that_a_document_names_exists() {
    assert_eq!(missing_files(&files()), [""; 0]);
}

/// `T12`, as a word of its own (and not a tab before a 10).
fn threats(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '\\')
        .filter(|word| word.len() == 3 && word.starts_with(['T', 't']) && word[1..].bytes().all(|b| b.is_ascii_digit()))
}

/// Threats that code names and nobody explains, or the other way round.
fn unexplained_threats(files: &Files) -> Vec<String> {
    let explained: BTreeSet<String> = files["docs/threats.md"]
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .flat_map(threats)
        .map(str::to_owned)
        .collect();
    let code = files.iter().filter(|(path, _)| path.ends_with(".rs") || path.ends_with(".py") || path.ends_with(".sql"));
    let named: BTreeSet<String> = code.flat_map(|(_, text)| threats(text)).map(str::to_uppercase).collect();
    named.symmetric_difference(&explained).cloned().collect()
}

#[test]
fn every_threat_that_code_names_is_explained_and_guarded() {
    let wrong = unexplained_threats(&files());
    assert!(wrong.is_empty(), "named in code but not explained in docs/threats.md, or explained but never named: {wrong:?}");
}

/// Documents that are mentioned and not here, and numbered sections of something outside.
fn lost_documents(files: &Files) -> Vec<String> {
    let known: BTreeSet<&str> = documents(files).filter_map(|(path, _)| path.rsplit('/').next()).collect();
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
    lost
}

#[test]
fn nothing_points_at_a_document_that_is_not_here() {
    assert_eq!(lost_documents(&files()), [""; 0]);
}

/// What is wrong with these files, a line each.
type Guard = fn(&Files) -> Vec<String>;

/// Each of these guards complains about a bad file, and not about a good one.
#[test]
fn the_guards_of_documents_bite() {
    let (threat, other, section) = (format!("T{}", 12), format!("T{}", 98), format!("contract {}", 1.2));
    let markdown = format!("no{}.md", "thing");
    let rows: [(&str, Guard, &str, String, bool); 10] = [
        ("a link to nothing", broken_links, "docs/architecture.md", format!("[x]({markdown})"), true),
        ("a link to no heading", broken_links, "docs/architecture.md", "[x](threats.md#nobody)".to_owned(), true),
        ("a good link", broken_links, "docs/architecture.md", "[x](threats.md#threats)".to_owned(), false),
        ("a file that is not there", missing_files, "docs/architecture.md", "`libs/nothing.rs`".to_owned(), true),
        ("a file that is", missing_files, "docs/architecture.md", "`libs/domain/src/lib.rs`".to_owned(), false),
        ("a threat that nobody explains", unexplained_threats, "tests/x.rs", format!("// {threat} {other}"), true),
        (
            "in a test's name",
            unexplained_threats,
            "tests/x.rs",
            format!("// {threat}\nfn {}_x() {{}}", other.to_lowercase()),
            true,
        ),
        ("one that is explained", unexplained_threats, "tests/x.rs", format!("// {threat}"), false),
        ("a document that is not here", lost_documents, "libs/x.rs", format!("// see {markdown}"), true),
        ("a numbered section", lost_documents, "libs/x.rs", format!("//! Members ({section})."), true),
    ];
    for (name, guard, path, text, bad) in rows {
        let explained = format!("# Threats\n\n### {threat} Another tenant's identifiers\n");
        let files = Files::from([("docs/threats.md".to_owned(), explained), (path.to_owned(), text)]);
        let complaints = guard(&files);
        assert_eq!(!complaints.is_empty(), bad, "{name}: {complaints:?}");
    }
}
