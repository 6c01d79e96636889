//! Text files that a person reviews: they change only when somebody means it. `UPDATE_SNAPSHOTS=1` rewrites them.

use std::{env, fs, path::Path};

/// Compares a text with the file below `tests/`.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "how a person asks for a rewrite")]
pub(crate) fn compare(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        return;
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    let difference = first_difference(&known, text);
    assert!(
        difference.is_none(),
        "tests/{file} differs; if it is meant, UPDATE_SNAPSHOTS=1 rewrites it for review.\n{}",
        difference.unwrap_or_default()
    );
}

fn first_difference(known: &str, now: &str) -> Option<String> {
    if known == now {
        return None;
    }
    let (mut old, mut new, mut line) = (known.lines(), now.lines(), 0);
    loop {
        line += 1;
        match (old.next(), new.next()) {
            (None, None) => return Some("the last line's end".to_owned()),
            (a, b) if a == b => {}
            (a, b) => {
                return Some(format!("line {line}\n  was: {}\n  now: {}", a.unwrap_or("(nothing)"), b.unwrap_or("(nothing)")));
            }
        }
    }
}
