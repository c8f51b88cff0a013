//! The server's process and its files.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, iter};

use rustix::process::Signal;

use super::{ADMIN, PASSWORD};
use crate::support::certificates::{Certificates, TlsIdentity};
use crate::support::guard::Guard;
use crate::support::{scratch, wait};

/// Nothing must survive a crash or be replicated.
const CONFIGURATION: &str = "\
listen_addresses = '127.0.0.1, 127.0.0.2'
max_connections = 300
shared_buffers = 16MB
dynamic_shared_memory_type = mmap
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
autovacuum = off
lc_messages = 'C'
timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
";

/// How long PostgreSQL may take to start. It takes a second on an idle machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many ports are tried when another process takes them first.
const TRIES: usize = 5;

#[derive(Debug)]
pub(super) struct Cluster {
    pub(super) port: u16,
    pub(super) sockets: PathBuf,
    pub(super) programs: PathBuf,
    folder: PathBuf,
    server: Child,
    _guard: Guard,
}

impl Cluster {
    pub(super) fn start(tls: Option<TlsIdentity>, hba: &str, also: &str) -> Self {
        let programs = programs();
        let account = Account::of_server();
        let folder = tempfile::Builder::new()
            .prefix("pg-")
            .tempdir_in(scratch::folder())
            .expect("create the folder of PostgreSQL")
            .keep();
        account.take(&folder);
        init(&programs, &folder, &account);
        configure(&folder, tls, hba, also, &account);
        let (port, server, guard) = iter::repeat_with(|| serve(&programs, &folder, &account))
            .take(TRIES)
            .flatten()
            .next()
            .unwrap_or_else(|| panic!("PostgreSQL did not start:\n{}", read_log(&folder)));
        Self { port, sockets: folder.clone(), programs, folder, server, _guard: guard }
    }

    pub(super) fn process(&self) -> u32 {
        self.server.id()
    }

    pub(super) fn log(&self) -> String {
        read_log(&self.folder)
    }
}

/// The user a server runs as: neither PostgreSQL nor pgbouncer runs as root.
pub(in crate::support) enum Account {
    Own,
    Other { user: u32, group: u32 },
}

impl Account {
    pub(in crate::support) fn of_server() -> Self {
        if id(&["-u"]) != Some(0) {
            return Self::Own;
        }
        let other = |name: &str| Some(Self::Other { user: id(&["-u", name])?, group: id(&["-g", name])? });
        other("postgres").or_else(|| other("nobody")).expect("a user `postgres` or `nobody`")
    }

    pub(in crate::support) fn run(&self, command: &mut Command) {
        match *self {
            Self::Own => {}
            Self::Other { user, group } => {
                command.uid(user).gid(group);
            }
        }
    }

    pub(in crate::support) fn take(&self, path: &Path) {
        match *self {
            Self::Own => {}
            Self::Other { user, group } => chown(path, Some(user), Some(group)).expect("give a file away"),
        }
    }
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

/// Returns where `tests/run` found PostgreSQL. By default, searches the usual places.
fn programs() -> PathBuf {
    let complete = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    if let Some(folder) = env::var_os("SMOKE_TEST_PG_BIN").map(PathBuf::from) {
        assert!(complete(&folder), "no PostgreSQL server in SMOKE_TEST_PG_BIN ({})", folder.display());
        return folder;
    }
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = env::var_os("PATH").unwrap_or_default();
    versions
        .map(|version| version.path().join("bin"))
        .chain(env::split_paths(&path))
        .find(complete)
        .expect("no PostgreSQL server found: `tests/run` installs one and runs the tests with it")
}

fn init(programs: &Path, folder: &Path, account: &Account) {
    let password = folder.join("password");
    fs::write(&password, PASSWORD).expect("write the superuser's password");
    account.take(&password);
    let mut initdb = Command::new(programs.join("initdb"));
    initdb.arg("--pgdata").arg(folder.join("data")).arg("--pwfile").arg(password);
    initdb.args(["--username", ADMIN, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    initdb.current_dir(folder).stdin(Stdio::null());
    account.run(&mut initdb);
    let output = initdb.output().expect("run initdb");
    assert!(output.status.success(), "initdb failed: {}", String::from_utf8_lossy(&output.stderr));
}

/// `also` is configuration that replaces what is said before.
fn configure(folder: &Path, tls: Option<TlsIdentity>, hba: &str, also: &str, account: &Account) {
    let data = folder.join("data");
    let sockets = format!("unix_socket_directories = '{}'\n", folder.display());
    let tls = tls.map_or("", |identity| {
        let certificates = Certificates::shared();
        let key = data.join("server.key");
        certificates.server(identity).write(&data.join("server.crt"), &key);
        account.take(&key);
        fs::copy(certificates.authority(), data.join("root.crt")).expect("copy the authority");
        "ssl = on\nssl_ca_file = 'root.crt'\n"
    });
    let configuration = [CONFIGURATION, &sockets, tls, also].concat();
    fs::write(data.join("postgresql.conf"), configuration).expect("write postgresql.conf");
    fs::write(data.join("pg_hba.conf"), hba).expect("write pg_hba.conf");
}

/// Starts the server and waits until it accepts connections. `None` if another process took its port first.
fn serve(programs: &Path, folder: &Path, account: &Account) -> Option<(u16, Child, Guard)> {
    let port = free_port();
    let data = folder.join("data");
    let log = File::options().create(true).append(true).open(log_path(folder));
    let log = log.expect("open the server's log");
    let mut command = Command::new(programs.join("postgres"));
    command.arg("-D").arg(&data).arg("-p").arg(port.to_string());
    command.current_dir(folder).stdin(Stdio::null());
    command.stdout(log.try_clone().expect("share the log")).stderr(log);
    // Its own process group, because Ctrl-C would otherwise stop it during the tests.
    command.process_group(0);
    account.run(&mut command);
    let mut server = command.spawn().expect("run postgres");
    // An immediate shutdown, because its data is no longer needed.
    let guard = Guard::stops(&server, Signal::QUIT);
    let started = wait::until("PostgreSQL to start", PATIENCE, || match server.try_wait() {
        Ok(None) => status(&data).filter(|status| status.ready).map(Some),
        Ok(Some(_)) | Err(_) => Some(None),
    });
    match started {
        None => {
            guard.dismiss();
            None
        }
        Some(Status { main_address: false, .. }) => {
            drop(guard);
            server.wait().expect("wait for postgres");
            None
        }
        Some(Status { main_address: true, .. }) => Some((port, server, guard)),
    }
}

/// The state of the server, from its PID file.
struct Status {
    ready: bool,
    /// Whether it listens on `127.0.0.1`. It would accept `127.0.0.2` alone.
    main_address: bool,
}

/// Reads the file that `pg_ctl --wait` also reads. The sixth line is the first address it listens on, the eighth its
/// state.
fn status(data: &Path) -> Option<Status> {
    let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
    let line = |number: usize| text.lines().nth(number - 1).map(str::trim);
    Some(Status { ready: line(8) == Some("ready"), main_address: line(6) == Some("127.0.0.1") })
}

pub(in crate::support) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("find a free port");
    listener.local_addr().expect("know the port").port()
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("log")
}

fn read_log(folder: &Path) -> String {
    fs::read_to_string(log_path(folder)).unwrap_or_default()
}
