//! A real PostgreSQL server, deleted after the tests.

mod cluster;
pub mod pooler;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tokio::runtime;
use tokio_postgres::{NoTls, SimpleQueryMessage};
use url::Url;

use super::certificates::{Certificates, TlsIdentity};
use cluster::Cluster;
pub(super) use cluster::{Account, free_port};

/// The password of every role.
pub const PASSWORD: &str = "correct-horse";

/// A superuser with a password.
pub const ADMIN: &str = "smoke_admin";
/// The owner of the test databases, with a SCRAM password, with or without TLS.
pub const SMOKE: &str = "smoke";
/// With a SCRAM password, with TLS only.
pub const TLS_ONLY: &str = "smoke_tls_only";
/// With a SCRAM password, without TLS only.
pub const PLAIN_ONLY: &str = "smoke_plain_only";
/// With an MD5 password.
pub const MD5: &str = "smoke_md5";
/// Without a password.
pub const TRUST: &str = "smoke_trust";
/// With the certificate [`Certificates::client_certificate`], with TLS only.
pub const CERT: &str = "smoke_cert";

/// The authentication rules.
const HBA: &str = "\
local     all  all                             scram-sha-256
hostssl   all  smoke_cert        127.0.0.0/8   cert
host      all  smoke_cert        127.0.0.0/8   reject
hostssl   all  smoke_tls_only    127.0.0.0/8   scram-sha-256
host      all  smoke_tls_only    127.0.0.0/8   reject
hostnossl all  smoke_plain_only  127.0.0.0/8   scram-sha-256
host      all  smoke_plain_only  127.0.0.0/8   reject
host      all  smoke_md5         127.0.0.0/8   md5
host      all  smoke_trust       127.0.0.0/8   trust
host      all  all               127.0.0.0/8   scram-sha-256
";

/// A server on a free port of `127.0.0.1` and `127.0.0.2`, with the roles above.
///
/// Its certificate is for `localhost` and `127.0.0.1`, so it does not match `127.0.0.2`.
#[derive(Debug)]
pub struct Postgres {
    cluster: Cluster,
    certificates: &'static Certificates,
}

/// A database of one test, owned by [`SMOKE`].
#[derive(Debug, Clone)]
pub struct Database {
    server: &'static Postgres,
    /// Its name, which no other test's database has.
    pub name: String,
}

impl Postgres {
    /// The server that all tests share: TLS with a good certificate.
    ///
    /// # Panics
    /// When Postgres cannot be found or started.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<Postgres> = LazyLock::new(|| Postgres::start(Some(TlsIdentity::Good), ""));
        &SHARED
    }

    /// A second server, which declines TLS.
    ///
    /// # Panics
    /// When Postgres cannot be found or started.
    pub fn without_tls() -> &'static Self {
        static WITHOUT_TLS: LazyLock<Postgres> = LazyLock::new(|| Postgres::start(None, ""));
        &WITHOUT_TLS
    }

    /// A third server, whose certificate expired yesterday.
    ///
    /// # Panics
    /// When Postgres cannot be found or started.
    pub fn with_expired_certificate() -> &'static Self {
        static EXPIRED: LazyLock<Postgres> =
            LazyLock::new(|| Postgres::start(Some(TlsIdentity::Expired), ""));
        &EXPIRED
    }

    /// A fourth server, to which others can subscribe.
    ///
    /// # Panics
    /// When Postgres cannot be found or started.
    pub fn with_logical_replication() -> &'static Self {
        static PUBLISHER: LazyLock<Postgres> =
            LazyLock::new(|| Postgres::start(None, "wal_level = logical\nmax_wal_senders = 8\n"));
        &PUBLISHER
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.cluster.port
    }

    /// The folder of its Unix socket, which is the `host` in a URL.
    #[must_use]
    pub fn socket_folder(&self) -> &Path {
        &self.cluster.sockets
    }

    /// The folder of Postgres's programs, `psql` among them.
    #[must_use]
    pub fn programs(&self) -> &Path {
        &self.cluster.programs
    }

    /// What the server has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.cluster.log()
    }

    /// The number of the server's process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.cluster.process()
    }

    /// Returns `postgres://user:password@127.0.0.1:port/database`, percent-encoded if necessary. An empty password is
    /// omitted.
    ///
    /// # Panics
    /// When the parts make no URL, which none do.
    #[must_use]
    pub fn url(&self, user: &str, password: &str, database: &str) -> String {
        let base = format!("postgres://127.0.0.1:{}", self.port());
        let mut url = Url::parse(&base).expect("a URL");
        url.set_username(user).expect("a user in the URL");
        url.set_password(Some(password).filter(|password| !password.is_empty()))
            .expect("a password in the URL");
        url.set_path(database);
        url.to_string()
    }

    /// The PEM file of the authority that signed the server's certificate.
    #[must_use]
    pub fn ca_path(&self) -> PathBuf {
        self.certificates.authority()
    }

    /// The PEM file of an authority that did not.
    #[must_use]
    pub fn other_ca_path(&self) -> PathBuf {
        self.certificates.other_authority()
    }

    /// PEM file of the certificate of [`CERT`].
    #[must_use]
    pub fn client_cert_path(&self) -> PathBuf {
        self.certificates.client_certificate()
    }

    /// PEM file of its key.
    #[must_use]
    pub fn client_key_path(&self) -> PathBuf {
        self.certificates.client_key()
    }

    /// Runs statements as the superuser in the database `postgres`; returns the rows as text.
    ///
    /// # Panics
    /// When one fails.
    pub fn admin_sql(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.run(ADMIN, "postgres", sql)
    }

    /// Makes a database for one test.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn create_database(&'static self) -> Database {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.admin_sql(&format!("create database {name} owner {SMOKE}"));
        Database { server: self, name }
    }

    /// `also` is configuration of its own.
    fn start(tls: Option<TlsIdentity>, also: &str) -> Self {
        let server = Self { cluster: Cluster::start(tls, HBA, also), certificates: Certificates::shared() };
        let role = |name| format!("create role {name} login password '{PASSWORD}';");
        server.admin_sql(&[SMOKE, TLS_ONLY, PLAIN_ONLY, TRUST, CERT].map(role).concat());
        server.admin_sql(&format!(
            "set password_encryption = 'md5'; create role {MD5} login password '{PASSWORD}';"
        ));
        server
    }

    /// On a separate thread, because the test may be asynchronous and must not block.
    #[track_caller]
    fn run(&self, user: &str, database: &str, sql: &str) -> Vec<Vec<Option<String>>> {
        let url = self.url(user, PASSWORD, database);
        let rows = thread::scope(|scope| scope.spawn(|| simple_query(&url, sql)).join());
        rows.expect("the thread of a query").unwrap_or_else(|error| panic!("{sql}: {error:?}"))
    }
}

impl Database {
    /// Runs statements as the owner; returns the rows as text.
    ///
    /// # Panics
    /// When one fails.
    #[track_caller]
    pub fn sql(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.server.run(SMOKE, &self.name, sql)
    }

    /// Runs statements as the superuser; returns the rows as text.
    ///
    /// # Panics
    /// When one fails.
    #[track_caller]
    pub fn admin_sql(&self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.server.run(ADMIN, &self.name, sql)
    }

    /// Runs a query as the superuser; returns the first column of its first row.
    ///
    /// # Panics
    /// When it fails or has no such value.
    #[track_caller]
    pub fn value(&self, sql: &str) -> String {
        let rows = self.admin_sql(sql);
        let first = rows.first().and_then(|row| row.first()).cloned().flatten();
        first.unwrap_or_else(|| panic!("no value from {sql}"))
    }

    /// Its URL for the owner.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_for(SMOKE)
    }

    /// Its URL for one of the roles, with the password.
    #[must_use]
    pub fn url_for(&self, role: &str) -> String {
        self.server.url(role, PASSWORD, &self.name)
    }
}

fn simple_query(url: &str, sql: &str) -> Result<Vec<Vec<Option<String>>>, tokio_postgres::Error> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("build a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&format!("{url}?sslmode=disable"), NoTls).await?;
        let connection = tokio::spawn(connection);
        let messages = client.simple_query(sql).await?;
        drop(client);
        // Only when this ends, the session disappears from `pg_stat_activity`.
        connection.await.expect("the task of the connection")?;
        let row = |message: &SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        };
        Ok(messages.iter().filter_map(row).collect())
    })
}
