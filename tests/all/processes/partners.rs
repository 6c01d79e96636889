//! Servers of a test's own, to be stopped, killed and started again without disturbing the other tests.

mod disk;
mod pgbouncer;
mod postgres;
mod redis;

use std::{path::Path, process::Command};

use tempfile::TempDir;

pub(super) use self::{disk::SmallDisk, pgbouncer::PgBouncer, postgres::Postgres, redis::Redis};

/// PostgreSQL refuses to run as root: then it runs as the user that its package made.
fn unprivileged() -> Option<[String; 3]> {
    let id = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().expect("id");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let root = id(&["-u"]).is_some_and(|uid| uid == "0");
    root.then(|| {
        let user = if id(&["-u", "postgres"]).is_some() { "postgres" } else { "nobody" };
        let group = id(&["-g", user]).expect("its group");
        [format!("--reuid={user}"), format!("--regid={group}"), "--init-groups".to_owned()]
    })
}

/// A command that runs as that user.
fn as_server(program: &Path) -> Command {
    match unprivileged() {
        Some(arguments) => {
            let mut command = Command::new("setpriv");
            // Once more behind the change of user, which forgets it.
            command.args(arguments).args(["setpriv", "--pdeathsig", "QUIT"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir_in("/tmp").expect("a folder");
    if let Some([user, group, _]) = unprivileged() {
        let owner = format!("{}:{}", user.trim_start_matches("--reuid="), group.trim_start_matches("--regid="));
        assert!(Command::new("chown").arg(owner).arg(folder.path()).status().is_ok_and(|status| status.success()));
    }
    folder
}
