//! PgBouncer in transaction mode, as strict as it comes: it refuses startup parameters that it does not know.

use std::{fs, path::Path};

use tempfile::TempDir;

use super::{
    super::{
        process::{Process, free_port},
        until,
    },
    as_server, folder,
};

/// A pool of few sessions for many clients.
pub(in super::super) struct PgBouncer {
    port: u16,
    _running: Process,
    _folder: TempDir,
}

impl PgBouncer {
    /// Before the server that `url` leads to, with so many sessions for each database.
    pub(in super::super) async fn before(url: &str, sessions: usize) -> Self {
        let (port, folder) = (free_port(), folder());
        let server = url.rsplit('@').next().and_then(|rest| rest.split(['/', ':']).nth(1)).expect("the server's port");
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=postgres\n\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = {sessions}\nmax_client_conn = 200\n"
        );
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, settings).expect("its settings");
        let mut command = as_server(Path::new("/usr/sbin/pgbouncer"));
        command.current_dir(folder.path()).arg(&file);
        let running = Process::spawn("pgbouncer", &command, folder.path(), "TERM");
        let up = || std::net::TcpStream::connect(("127.0.0.1", port)).ok();
        until("PgBouncer listens (package pgbouncer)", async || up()).await;
        Self { port, _running: running, _folder: folder }
    }
    /// The same database, through it.
    pub(in super::super) fn through(&self, url: &str) -> String {
        let database = url.rsplit('/').next().expect("a database");
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}
