//! A real MariaDB server, deleted after the tests.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use std::{env, iter};

use rustix::process::Signal;
use url::Url;

use super::certificates::{Certificates, TlsIdentity};
use super::guard::Guard;
use super::postgres::{Account, free_port};
use super::{scratch, wait};

/// The password of every user.
pub const PASSWORD: &str = "correct-horse";

/// May do everything, by password.
pub const ROOT: &str = "root";
/// The owner of the test databases, by `mysql_native_password`, with or without TLS.
pub const SMOKE: &str = "smoke";
/// With TLS only.
pub const TLS_ONLY: &str = "smoke_tls_only";
/// By the certificate [`Certificates::client_certificate`] and password.
pub const CERT: &str = "smoke_cert";
/// By MariaDB's `ed25519`.
pub const ED25519: &str = "smoke_ed25519";
/// Without a password.
pub const OPEN: &str = "smoke_open";

/// How long the server may take to start. It takes a second on an idle machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many ports are tried when another process takes them first.
const TRIES: usize = 5;

/// Nothing needs to survive a crash.
const OPTIONS: [&str; 12] = [
    "--no-defaults",
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--plugin-load-add=auth_ed25519",
    "--innodb-buffer-pool-size=16M",
    "--innodb-log-file-size=4M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--max-connections=200",
    "--thread-cache-size=0",
    "--secure-file-priv=",
    "--lower-case-table-names=0",
];

/// A server on a free port of `127.0.0.1`, with the users above.
#[derive(Debug)]
pub struct MariaDb {
    port: u16,
    folder: PathBuf,
    _server: Child,
    _guard: Guard,
}

/// A database of one test, owned by [`SMOKE`].
#[derive(Debug, Clone)]
pub struct Database {
    server: &'static MariaDb,
    /// Its name, which no other test's database has.
    pub name: String,
}

impl MariaDb {
    /// The server that all tests share: TLS with a good certificate.
    ///
    /// # Panics
    /// When MariaDB cannot be found or started.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<MariaDb> = LazyLock::new(|| MariaDb::start(Some(TlsIdentity::Good)));
        &SHARED
    }

    /// A second server, which has no TLS.
    ///
    /// # Panics
    /// When MariaDB cannot be found or started.
    pub fn without_tls() -> &'static Self {
        static WITHOUT_TLS: LazyLock<MariaDb> = LazyLock::new(|| MariaDb::start(None));
        &WITHOUT_TLS
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its Unix socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        socket(&self.folder)
    }

    /// A folder that the server may write to.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `mysql://user:password@127.0.0.1:port/database`, percent-encoded where it has to be.
    ///
    /// # Panics
    /// When the parts make no URL, which none do.
    #[must_use]
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        let mut url = Url::parse(&format!("mysql://127.0.0.1:{}", self.port)).expect("a URL");
        url.set_username(user).expect("a user in the URL");
        url.set_password(Some(password).filter(|password| !password.is_empty()))
            .expect("a password in the URL");
        url.set_path(database);
        url.to_string()
    }

    /// Runs statements as root; returns the rows as `mariadb` prints them.
    ///
    /// # Panics
    /// When one fails.
    #[track_caller]
    pub fn admin_sql(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.run(sql, ""), sql)
    }

    /// Makes a database for one test.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn create_database(&'static self) -> Database {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.admin_sql(&format!("create database {name} character set utf8mb4"));
        Database { server: self, name }
    }

    fn run(&self, sql: &str, database: &str) -> Output {
        let mut client = Command::new("mariadb");
        client
            .env_clear()
            .args(["--no-defaults", "--default-character-set=utf8mb4", "-N", "-B", "-u", ROOT, "-S"])
            .arg(self.socket());
        client.env("MYSQL_PWD", PASSWORD).arg("-e").arg(sql).arg(database);
        client.stdin(Stdio::null()).output().expect("run mariadb")
    }

    fn start(tls: Option<TlsIdentity>) -> Self {
        let account = Account::of_server();
        let folder = tempfile::Builder::new()
            .prefix("my-")
            .tempdir_in(scratch::folder())
            .expect("create the folder of MariaDB")
            .keep();
        account.take(&folder);
        install(&folder, &account);
        let mut options: Vec<String> = OPTIONS.map(str::to_owned).to_vec();
        if let Some(identity) = tls {
            let certificates = Certificates::shared();
            let (certificate, key) = (folder.join("server.crt"), folder.join("server.key"));
            certificates.server(identity).write(&certificate, &key);
            account.take(&key);
            let authority = folder.join("ca.pem");
            fs::copy(certificates.authority(), &authority).expect("copy the authority");
            for (option, path) in [("cert", &certificate), ("key", &key), ("ca", &authority)] {
                options.push(format!("--ssl-{option}={}", path.display()));
            }
        }
        let users = folder.join("users.sql");
        fs::write(&users, users_sql()).expect("write the users");
        options.push(format!("--init-file={}", users.display()));
        let (port, server, guard) = iter::repeat_with(|| serve(&folder, &options, &account))
            .take(TRIES)
            .flatten()
            .next()
            .unwrap_or_else(|| panic!("MariaDB did not start:\n{}", log(&folder)));
        Self { port, folder, _server: server, _guard: guard }
    }
}

impl Database {
    /// Runs statements as root in this database; returns the rows as text.
    ///
    /// # Panics
    /// When one fails.
    #[track_caller]
    pub fn admin_sql(&self, sql: &str) -> Vec<Vec<String>> {
        rows(&self.server.run(sql, &self.name), sql)
    }

    /// The first column of the first row.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn value(&self, sql: &str) -> String {
        let rows = self.admin_sql(sql);
        rows.first().and_then(|row| row.first()).cloned().unwrap_or_else(|| panic!("no value from {sql}"))
    }

    /// Its URL for the owner.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_for(SMOKE)
    }

    /// Its URL for one of the users, with the password.
    #[must_use]
    pub fn url_for(&self, user: &str) -> String {
        let password = if user == OPEN { "" } else { PASSWORD };
        self.server.url(user, password, &self.name)
    }
}

#[track_caller]
fn rows(output: &Output, sql: &str) -> Vec<Vec<String>> {
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn users_sql() -> String {
    let mut sql = format!(
        "alter user root@localhost identified by '{PASSWORD}';\ndrop user if exists root@'127.0.0.1', root@'::1';\n"
    );
    for (user, how) in [
        (ROOT, format!("identified by '{PASSWORD}'")),
        (SMOKE, format!("identified by '{PASSWORD}'")),
        (TLS_ONLY, format!("identified by '{PASSWORD}' require ssl")),
        (CERT, format!("identified by '{PASSWORD}' require x509")),
        (ED25519, format!("identified via ed25519 using password('{PASSWORD}')")),
        (OPEN, "identified by ''".to_owned()),
    ] {
        let grant = if user == ROOT { "all on *.* to root@'%' with grant option" } else { "" };
        let ours = format!("all on `test\\_%`.* to {user}@'%'");
        let grant = if grant.is_empty() { &ours } else { grant };
        writeln!(sql, "create user if not exists {user}@'%' {how};\ngrant {grant};")
            .expect("write to a string");
    }
    sql
}

/// The server's account may not write to the folder that `TMPDIR` names for the tests.
fn tmpdir(folder: &Path) -> String {
    format!("--tmpdir={}", folder.display())
}

fn install(folder: &Path, account: &Account) {
    let mut install = Command::new("mariadb-install-db");
    install.arg("--no-defaults").arg("--auth-root-authentication-method=normal").arg("--skip-test-db");
    install.arg("--innodb-log-file-size=4M").arg(format!("--datadir={}", folder.join("data").display()));
    install.arg(tmpdir(folder)).current_dir(folder).stdin(Stdio::null());
    account.run(&mut install);
    let output = install.output().expect("run mariadb-install-db");
    assert!(
        output.status.success(),
        "mariadb-install-db failed: {}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// Where the server is: most systems have it on root's `PATH` only.
fn program() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders =
        env::split_paths(&path).chain(["/usr/sbin", "/usr/libexec", "/usr/local/sbin"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join("mariadbd")).find(|path| path.is_file());
    found.expect("no MariaDB server found: `tests/run` installs one")
}

/// Starts the server and waits until it accepts connections; `None` when another process took its port first.
fn serve(folder: &Path, options: &[String], account: &Account) -> Option<(u16, Child, Guard)> {
    let port = free_port();
    let log_file =
        File::options().create(true).append(true).open(log_path(folder)).expect("open the server's log");
    let mut command = Command::new(program());
    command.args(options);
    command.arg(format!("--datadir={}", folder.join("data").display())).arg(tmpdir(folder));
    command.arg(format!("--socket={}", socket(folder).display()));
    command.arg(format!("--port={port}"));
    command.current_dir(folder).stdin(Stdio::null());
    command.stdout(log_file.try_clone().expect("share the log")).stderr(log_file);
    // A process group of its own, or Ctrl-C would stop it during the tests.
    command.process_group(0);
    account.run(&mut command);
    let mut server = command.spawn().expect("run mariadbd");
    // None of its data is needed any more.
    let guard = Guard::stops(&server, Signal::KILL);
    let started = wait::until("MariaDB to start", PATIENCE, || match server.try_wait() {
        // It listens in both places, one after the other, before it answers.
        Ok(None) => {
            let listens = socket(folder).exists() && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
            listens.then_some(true)
        }
        Ok(Some(_)) | Err(_) => Some(false),
    });
    if started {
        Some((port, server, guard))
    } else {
        guard.dismiss();
        None
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("my.sock")
}

fn log_path(folder: &Path) -> PathBuf {
    folder.join("log")
}

fn log(folder: &Path) -> String {
    fs::read_to_string(log_path(folder)).unwrap_or_default()
}
