//! How files look.

use super::File;

/// Lines of a file. What is longer is split along its nouns.
const LONGEST: usize = 400;

/// Whoever switches a lint off says why.
pub(super) fn reasons(files: &[File]) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in files.iter().filter(|file| file.is_rust()) {
        for (at, _) in ["[allow(", "[expect("].iter().flat_map(|start| file.code.match_indices(start)) {
            let attribute = file.code[at..].split_once(']').map_or("", |(attribute, _)| attribute);
            if !attribute.contains("reason") {
                complaints.push(format!("{}: `#{attribute}]` has no reason", file.path));
            }
        }
    }
    complaints
}

/// `x.rs` and `x/`, one style.
pub(super) fn modules(files: &[File]) -> Vec<String> {
    let named = |file: &&File| file.path.ends_with("/mod.rs");
    files.iter().filter(named).map(|file| format!("{}: a module `x` is the file x.rs beside the folder x", file.path)).collect()
}

/// Files that can be read in one go.
pub(super) fn lengths(files: &[File]) -> Vec<String> {
    let lines = |file: &File| file.text.lines().count();
    let long = files.iter().filter(|file| file.is_rust() && lines(file) > LONGEST);
    long.map(|file| format!("{} has {} lines: split it along its nouns, none has more than {LONGEST}", file.path, lines(file)))
        .collect()
}
