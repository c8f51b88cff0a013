//! A real pgbouncer in front of the shared server.

use std::fs;
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use super::cluster::{Account, free_port};
use super::{ADMIN, Database, PASSWORD, Postgres, SMOKE};
use crate::support::guard::Guard;
use crate::support::{scratch, wait};

/// A pgbouncer with one connection to each database.
#[derive(Debug)]
pub struct Pooler {
    port: u16,
    /// Its guard stops it, so nothing may have waited for it before.
    _server: Child,
    _guard: Guard,
}

impl Pooler {
    /// Starts one in `pool_mode`: `session`, `transaction` or `statement`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(pool_mode: &str) -> Self {
        let account = Account::of_server();
        let folder = tempfile::Builder::new().prefix("pgbouncer-").tempdir_in(scratch::folder());
        let folder = folder.expect("create the folder of pgbouncer").keep();
        account.take(&folder);
        let port = free_port();
        let users = format!("\"{SMOKE}\" \"{PASSWORD}\"\n\"{ADMIN}\" \"{PASSWORD}\"\n");
        fs::write(folder.join("users.txt"), users).expect("write the users");
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {folder}/users.txt\npool_mode = {pool_mode}\n\
             default_pool_size = 1\nadmin_users = {ADMIN}\n",
            Postgres::shared().port(),
            folder = folder.display(),
        );
        fs::write(folder.join("pgbouncer.ini"), configuration).expect("write the configuration");
        let mut command = Command::new(program());
        command.arg(folder.join("pgbouncer.ini")).current_dir(&folder).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        account.run(&mut command);
        let server = command.spawn().expect("run pgbouncer");
        let guard = Guard::stops(&server, Signal::KILL);
        wait::until("pgbouncer to start", Duration::from_secs(30), || {
            TcpStream::connect(("127.0.0.1", port)).ok().map(drop)
        });
        Self { port, _server: server, _guard: guard }
    }

    /// The URL of `database` through it.
    #[must_use]
    pub fn url(&self, database: &Database) -> String {
        self.of(SMOKE, &database.name)
    }

    /// The URL of its own console.
    #[must_use]
    pub fn console(&self) -> String {
        self.of(ADMIN, "pgbouncer")
    }

    fn of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}:{PASSWORD}@127.0.0.1:{}/{database}", self.port)
    }
}

/// Debian installs it in a directory that is only on root's `PATH`.
fn program() -> PathBuf {
    let of_debian = PathBuf::from("/usr/sbin/pgbouncer");
    if of_debian.exists() { of_debian } else { "pgbouncer".into() }
}
