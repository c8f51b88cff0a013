//! PostgreSQL URLs, parsed as libpq does.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>. tokio-postgres supports
//! most of the parameters. Those for TLS and for the choice of a server are removed from the URL and handled here.

use std::path::PathBuf;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::hosts::{self, Hosts, Places};
use super::parameters::{self, LEFT_TO_THE_LIBRARY};
use super::password_file::{self, Found, Login};
use super::target::TargetServer;
use crate::language::diagnostic::Diagnostic;
use crate::outcome::{Failure, Fault};
use crate::probe::url::mistake;
use crate::probe::user;
use crate::secret::{Message, message};

/// Where and how to connect.
#[derive(Debug, Clone)]
pub(super) struct PostgresUrl {
    pub(super) config: Config,
    pub(super) ssl_mode: SslMode,
    pub(super) target: TargetServer,
    pub(super) root_cert: Option<RootCert>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    password_file: Option<PathBuf>,
}

/// The parameter `sslrootcert`.
#[derive(Debug, Clone)]
pub(super) enum RootCert {
    System,
    File(PathBuf),
}

/// The parameter `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// The security of one connection attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    Plain,
    Tls,
}

impl PostgresUrl {
    /// Parses `url`, with defaults from libpq's environment variables. `application_name` is used unless one of them
    /// sets it.
    ///
    /// # Errors
    /// Fails if it is not a PostgreSQL URL, or if the URL or the environment contains an unknown or unsupported
    /// parameter.
    pub fn parse(url: &str, application_name: &str) -> Result<PostgresUrl, Failure> {
        let environment = parameters::of_environment()?;
        let mut read = PostgresUrl::read(url, &environment)?;
        fill_in(&mut read.config, &environment, application_name)?;
        Ok(read)
    }

    /// Returns what is wrong with `url` in any use, and what to do about it.
    pub fn mistake(url: &str) -> Option<Diagnostic> {
        PostgresUrl::read(url, &[]).err().map(mistake)
    }

    /// Parses `url`, with `environment` for the parameters that it omits.
    fn read(url: &str, environment: &[(&'static str, String)]) -> Result<PostgresUrl, Failure> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let mut ssl_mode = None;
        let mut target = TargetServer::Any;
        let (mut root_cert, mut cert, mut key, mut password_file) = (None, None, None, None);
        let mut given = Places::default();
        let mut others = Vec::new();
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        let pairs: Vec<(&str, String)> = pairs
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| {
                (name, percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
            })
            .collect();
        let is_given = |name: &str| pairs.iter().any(|(given, _)| *given == name);
        let defaults = environment.iter().filter(|(name, _)| !FOR_LATER.contains(name) && !is_given(name));
        for (name, value) in
            defaults.map(|(name, value)| (*name, value)).chain(pairs.iter().map(|(n, v)| (*n, v)))
        {
            match name {
                "host" => given.host = Some(value),
                "port" => given.port = Some(value),
                "sslmode" => ssl_mode = Some(SslMode::parse(value)?),
                // JDBC's spelling, which libpq accepts as well.
                "ssl" if value == "true" => ssl_mode = Some(SslMode::Require),
                "sslrootcert" if value == "system" => root_cert = Some(RootCert::System),
                "sslrootcert" => root_cert = Some(RootCert::File(value.into())),
                "sslcert" => cert = Some(PathBuf::from(value)),
                "sslkey" => key = Some(PathBuf::from(value)),
                "passfile" => password_file = Some(PathBuf::from(value)),
                "target_session_attrs" => target = TargetServer::parse(value)?,
                // libpq's name for it.
                "keepalives_count" => others.push(encoded("keepalives_retries", value)),
                _ if LEFT_TO_THE_LIBRARY.contains(&name) => others.push(encoded(name, value)),
                _ => parameters::unread(name, value)?,
            }
        }
        let ssl_mode = match (&root_cert, ssl_mode) {
            (Some(RootCert::System), None | Some(SslMode::VerifyFull)) => SslMode::VerifyFull,
            (Some(RootCert::System), Some(_)) => return Err(weak_for_system()),
            (Some(RootCert::File(_)) | None, mode) => mode.unwrap_or(SslMode::Prefer),
        };
        let (scheme, rest) = address.split_once("://").unwrap_or(("postgres", address));
        let (user, rest) = rest.split_once('@').map_or(("", rest), |(user, rest)| (user, rest));
        let (before_path, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // An unencoded password would make its second half part of the host, which is visible in DNS queries and on the
        // network.
        if rest.contains('@') || (user.is_empty() && query.contains('@') && !hosts::has_ports(before_path)) {
            return Err(not_encoded());
        }
        let at = if user.is_empty() { "" } else { "@" };
        let rest = format!("{scheme}://{user}{at}{path}?{}", others.join("&"));
        let mut config: Config = rest.parse().map_err(|error: tokio_postgres::Error| {
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            invalid(message!("{}", cause))
        })?;
        let default =
            |name| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        let defaults = Places { host: default("host"), port: default("port") };
        let Hosts { hosts, ports } = Hosts::read(before_path, given, defaults)?;
        for host in hosts {
            config.host(host);
        }
        for port in ports {
            config.port(port);
        }
        let password_file = password_file.or_else(password_file::default_path);
        Ok(PostgresUrl { config, ssl_mode, target, root_cert, cert, key, password_file })
    }

    /// Returns the password from the password file for `host`, unless the URL or the environment has one.
    pub(super) fn password_from_file(&self, host: &Host, port: u16) -> Found {
        let has_one = self.config.get_password().is_some_and(|password| !password.is_empty());
        let (Some(path), false) = (&self.password_file, has_one) else { return Found::Nothing };
        let user = self.config.get_user().unwrap_or_default();
        let host = match host {
            Host::Tcp(name) => name.as_str(),
            #[cfg(unix)]
            Host::Unix(folder) if DEFAULT_SOCKETS.iter().any(|default| folder.as_path() == *default) => {
                "localhost"
            }
            #[cfg(unix)]
            Host::Unix(folder) => folder.to_str().unwrap_or_default(),
        };
        let database = self.config.get_dbname().unwrap_or(user);
        password_file::look_up(path, Login { host, port, database, user })
    }

    /// Returns the path of the password file.
    pub(super) fn password_file(&self) -> Option<&PathBuf> {
        self.password_file.as_ref()
    }

    /// Returns the password, which must not be printed.
    pub(super) fn password(&self) -> Option<String> {
        self.config.get_password().map(|password| String::from_utf8_lossy(password).into_owned())
    }

    /// Returns the ways to connect, in libpq's order. `allow` and `prefer` have two.
    pub(super) fn attempts(&self, host: &Host) -> Vec<Security> {
        if is_local_socket(host) {
            return vec![Security::Plain];
        }
        match self.ssl_mode {
            SslMode::Disable => vec![Security::Plain],
            SslMode::Allow => vec![Security::Plain, Security::Tls],
            SslMode::Prefer => vec![Security::Tls, Security::Plain],
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => vec![Security::Tls],
        }
    }
}

impl SslMode {
    fn parse(text: &str) -> Result<SslMode, Failure> {
        Ok(match text {
            "disable" => SslMode::Disable,
            "allow" => SslMode::Allow,
            "prefer" => SslMode::Prefer,
            "require" => SslMode::Require,
            "verify-ca" => SslMode::VerifyCa,
            "verify-full" => SslMode::VerifyFull,
            _ => {
                let cause = message!("`sslmode` is `{}`", text);
                return Err(invalid(cause).with_hint(message!(
                    "it is one of disable, allow, prefer, require, verify-ca, verify-full"
                )));
            }
        })
    }
}

/// Environment variables that apply only if neither the address nor the parameters set the value.
const FOR_LATER: [&str; 5] = ["host", "port", "user", "password", "dbname"];

/// Encodes a parameter for the library, which treats any `@` as the end of the user, and a `+` as a space.
fn encoded(name: &str, value: &str) -> String {
    format!("{name}={}", percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC))
}

/// How to put a password into a URL.
pub(super) const ENCODE: &str =
    "percent-encode the password: `postgres://user:{{password|urlencode}}@host:5432/database`";

fn not_encoded() -> Failure {
    let cause = "the user or the password has an `@`, `/`, `?` or `#` in it that is not percent-encoded";
    invalid(Message::new().words(cause)).with_hint(Message::new().words(ENCODE))
}

/// Fills in what the URL omits.
///
/// # Errors
/// Fails if there is no user to log in as.
fn fill_in(
    config: &mut Config,
    environment: &[(&'static str, String)],
    application_name: &str,
) -> Result<(), Failure> {
    let default = |name| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    if config.get_application_name().is_none() {
        config.application_name(application_name);
    }
    if config.get_user().is_none() {
        config.user(default("user").or_else(user::of_process).ok_or_else(nobody)?);
    }
    if config.get_password().is_none()
        && let Some(password) = default("password")
    {
        config.password(password);
    }
    if config.get_dbname().is_none()
        && let Some(name) = default("dbname")
    {
        config.dbname(name);
    }
    if config.get_hosts().is_empty() {
        match config.get_hostaddrs() {
            [] => default_host(config),
            addresses => {
                let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
                for address in addresses {
                    config.host(address);
                }
            }
        }
    }
    Ok(())
}

fn nobody() -> Failure {
    let cause = "the URL names no user, and the user that smoke runs as has no name";
    invalid(Message::new().words(cause))
        .with_hint(message!("put the user into the URL, as `postgres://USER@HOST/DATABASE`"))
}

/// The directories of the local server's socket. libpq has one compiled in, Debian's or the original one.
#[cfg(unix)]
const DEFAULT_SOCKETS: [&str; 2] = ["/var/run/postgresql", "/tmp"];

#[cfg(unix)]
fn default_host(config: &mut Config) {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let has_socket = |folder: &&str| std::path::Path::new(folder).join(format!(".s.PGSQL.{port}")).exists();
    config.host_path(DEFAULT_SOCKETS.into_iter().find(has_socket).unwrap_or(DEFAULT_SOCKETS[0]));
}

#[cfg(not(unix))]
fn default_host(config: &mut Config) {
    config.host("localhost");
}

/// Returns the failure for a mistake in the URL.
pub(super) fn invalid(cause: Message) -> Failure {
    Failure::fault(Fault::Template, message!("reading the database URL"), cause)
}

fn weak_for_system() -> Failure {
    let cause = "`sslrootcert=system` goes with `sslmode=verify-full` only: anybody has such a certificate";
    invalid(Message::new().words(cause))
        .with_hint(message!("use `sslmode=verify-full`, which is the default with it"))
}

#[cfg(unix)]
fn is_local_socket(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}

#[cfg(not(unix))]
fn is_local_socket(_host: &Host) -> bool {
    false
}
