//! Files of ours are for this user only: those that are made from now on, and those that were there before.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};

use domain::{Error, Result};
use infra::config::Config;

use crate::sqlite_path;

/// Whatever this process makes, nobody else may read. Call it first thing in `main`.
pub fn only_ours() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Database, mails and master key are for this user only.
pub(crate) fn make_data_folder(config: &Config) -> Result<()> {
    let dir = &config.data.dir;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| {
        let advice = format!("The data folder {} cannot be made. Choose another with `data.dir`.", dir.display());
        Error::unavailable(60, advice).because(e)
    })
}

/// Takes from others what they could read of files that an older version, or a copy, left open to them. The folder only if it is ours: a
/// database or a master key lies in it. What cannot be changed (a mounted volume of somebody else's) is told, and no reason to stop.
pub(crate) fn tighten(config: &Config) {
    let dir = &config.data.dir;
    let database = ["", "-wal", "-shm"].into_iter().filter_map(|suffix| {
        let mut path = sqlite_path(config)?.into_os_string();
        path.push(suffix);
        Some(PathBuf::from(path))
    });
    let mut ours: Vec<_> = database.chain([dir.join("master.key"), dir.join("mail")]).filter(|path| path.exists()).collect();
    if ours.iter().any(|path| path.parent() == Some(dir)) {
        ours.push(dir.clone());
    }
    for path in &ours {
        if let Err(error) = close_to_others(path) {
            tracing::warn!(path = %path.display(), %error, "others may be able to read this, and its mode cannot be changed");
        }
    }
}

fn close_to_others(path: &Path) -> std::io::Result<()> {
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { fs::set_permissions(path, Permissions::from_mode(mode & 0o700)) }
}
