//! A disk that a test may fill.

use std::{path::Path, process::Command, rc::Rc};

use tempfile::TempDir;

use super::folder;

/// A small file system in memory, unmounted when this is dropped.
#[derive(Clone)]
pub(in super::super) struct SmallDisk(Rc<Mount>);

struct Mount(TempDir);

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0.path()).status();
    }
}

impl SmallDisk {
    /// `None` where this user may not mount.
    pub(in super::super) fn mount(megabytes: u32) -> Option<Self> {
        let folder = folder();
        let size = format!("size={megabytes}m,mode=0777");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder.path()).output().ok()?;
        mounted.status.success().then(|| Self(Rc::new(Mount(folder))))
    }
    pub(super) fn path(&self) -> &Path {
        self.0.0.path()
    }
    /// Takes all the room that is left, or gives it back.
    pub(in super::super) fn fill(&self, full: bool) {
        let ballast = self.path().join("ballast");
        if full {
            let _ = std::io::copy(&mut std::io::repeat(0), &mut std::fs::File::create(ballast).expect("a file"));
        } else {
            std::fs::remove_file(ballast).expect("the ballast");
        }
    }
}
