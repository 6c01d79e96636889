//! The master keys: configured, or a file in the data directory that the API makes at its first start.

use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crypto::MasterKeys;
use domain::{Error, IdGen, Result};
use infra::config::Config;

use crate::Role;

/// The configured master keys, or those of the data directory. `random` is what a missing file is made of.
pub fn load(config: &Config, role: Role, random: &dyn IdGen) -> Result<MasterKeys> {
    let file = file(config);
    let text = match (config.keys.master.expose(), role) {
        ("", Role::Api) if !file.exists() => generate(&file, random)?,
        ("", _) => fs::read_to_string(&file).map_err(|e| {
            let file = file.display();
            unusable(match e.kind() {
                ErrorKind::NotFound => {
                    format!("There is no master key: set keys.master to the API's, or share its {file} with this process.")
                }
                _ => format!("The master key {file} cannot be read."),
            })
            .because(e)
        })?,
        (text, _) => text.to_owned(),
    };
    MasterKeys::parse(&text).map_err(|problem| unusable(format!("The master key cannot be used: {problem}")))
}

/// Where a generated one is kept.
fn file(config: &Config) -> PathBuf {
    config.data.dir.join("master.key")
}

/// Appears whole or not at all, readable by its owner only; of two processes that start at once, both use the one that was first.
fn generate(file: &Path, random: &dyn IdGen) -> Result<String> {
    let (text, _) = MasterKeys::generate(random);
    let draft = file.with_file_name(format!(".master.key.{}", std::process::id()));
    let linked = write(&draft, &text).and_then(|()| {
        // A link fails where a file is, unlike renaming.
        let linked = fs::hard_link(&draft, file);
        fs::remove_file(&draft)?;
        linked
    });
    match linked {
        Ok(()) => {
            tracing::info!(path = %file.display(), "a master key was generated; back it up: without it stored secrets are lost");
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(not_made(file, error)),
    }
    fs::read_to_string(file).map_err(|error| not_made(file, error))
}

fn write(draft: &Path, text: &str) -> std::io::Result<()> {
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
    out.write_all(text.as_bytes())?;
    out.sync_all()
}

fn not_made(file: &Path, error: std::io::Error) -> Error {
    unusable(format!("The master key {} cannot be made. Check data.dir.", file.display())).because(error)
}

fn unusable(advice: String) -> Error {
    Error::unavailable(60, advice)
}

#[cfg(test)]
mod tests {
    use crypto::OsRandom;

    use super::*;

    fn config(dir: &Path) -> Config {
        let name = "TENANTRY__DATA__DIR".to_owned();
        infra::config::load(None, [(name, dir.display().to_string())].into_iter()).unwrap()
    }

    #[test]
    fn the_api_makes_a_key_once_and_the_worker_finds_it() {
        let dir = tempfile::tempdir().unwrap();
        let (config, random) = (config(dir.path()), OsRandom::new());
        let refused = load(&config, Role::Worker, &random).err().unwrap();
        assert!(refused.message.starts_with("There is no master key"), "{refused}");
        load(&config, Role::Api, &random).unwrap();
        let made = fs::read_to_string(file(&config)).unwrap();
        load(&config, Role::Api, &random).unwrap();
        load(&config, Role::Worker, &random).unwrap();
        assert_eq!(fs::read_to_string(file(&config)).unwrap(), made);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    }
}
