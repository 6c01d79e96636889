//! Finds the steps: every file or folder of `src/sql` is one, in the order of their names.

use std::{env, fs, io, path::Path};

#[expect(clippy::disallowed_methods, reason = "cargo says where to write")]
fn main() -> io::Result<()> {
    // As it is now, not where this was compiled: a target folder may outlive the folder that it was for.
    let home = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let sql = Path::new(&home).join("src/sql");
    println!("cargo::rerun-if-changed={}", sql.display());
    let mut steps = String::new();
    for step in sorted(&sql)? {
        let files = if step.is_dir() { sorted(&step)? } else { vec![step.clone()] };
        let texts: Vec<String> = files.iter().map(|file| format!("include_str!({file:?})")).collect();
        let name = step.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        steps.push_str(&format!("Step {{ name: {name:?}, files: &[{}] }},\n", texts.join(", ")));
    }
    let out = Path::new(&env::var("OUT_DIR").map_err(io::Error::other)?).join("steps.rs");
    fs::write(out, format!("&[\n{steps}]\n"))
}

fn sorted(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let mut found = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    found.sort();
    Ok(found)
}
