//! A PostgreSQL URL, read as libpq reads it.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>. tokio-postgres
//! knows most of the parameters; those of TLS and of the choice of a server are taken out of the URL and handled
//! here.

use std::path::PathBuf;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::hosts::{self, Hosts};
use super::target::TargetServer;
use super::user;
use crate::language::diagnostic::{Diagnostic, closest};
use crate::outcome::{Failure, Fault};
use crate::probe::trust::{TlsOptions, Verify};
use crate::secret::Message;

/// Where to connect, and how.
#[derive(Debug, Clone)]
pub(super) struct PostgresUrl {
    pub(super) config: Config,
    pub(super) ssl_mode: SslMode,
    pub(super) target: TargetServer,
    root_cert: Option<RootCert>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Debug, Clone)]
enum RootCert {
    System,
    File(PathBuf),
}

/// `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// How one attempt to connect is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    Plain,
    Tls,
}

impl PostgresUrl {
    /// Reads `url`. `application_name` is what the server shows unless the URL says otherwise.
    ///
    /// # Errors
    /// It is no PostgreSQL URL, or has a parameter that is not known.
    pub fn parse(url: &str, application_name: &str) -> Result<PostgresUrl, Failure> {
        let mut read = PostgresUrl::read(url)?;
        fill_in(&mut read.config, application_name)?;
        Ok(read)
    }

    /// What is wrong with `url` wherever it is used, and what to do about it.
    pub fn mistake(url: &str) -> Option<Diagnostic> {
        let failure = PostgresUrl::read(url).err()?;
        let mistake = Diagnostic::new(None, failure.to_string());
        Some(match failure {
            Failure::Fault { hint: Some(hint), .. } => mistake.hint(hint.to_string()),
            Failure::Fault { hint: None, .. }
            | Failure::Mismatch { .. }
            | Failure::TimedOut { .. }
            | Failure::Exited { .. }
            | Failure::Step { .. } => mistake,
        })
    }

    /// What `url` itself says.
    fn read(url: &str) -> Result<PostgresUrl, Failure> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let mut ssl_mode = None;
        let mut target = TargetServer::Any;
        let (mut root_cert, mut cert, mut key) = (None, None, None);
        let (mut host, mut port) = (None, None);
        let mut others = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "host" => host = Some(value),
                "port" => port = Some(value),
                "sslmode" => ssl_mode = Some(SslMode::parse(&value)?),
                // As JDBC writes it; libpq takes it too.
                "ssl" if value == "true" => ssl_mode = Some(SslMode::Require),
                "sslrootcert" if value == "system" => root_cert = Some(RootCert::System),
                "sslrootcert" => root_cert = Some(RootCert::File(value.into())),
                "sslcert" => cert = Some(PathBuf::from(value)),
                "sslkey" => key = Some(PathBuf::from(value)),
                "target_session_attrs" => target = TargetServer::parse(&value)?,
                // What is not done here needs no switching off: GSS encryption, CRLs of nobody.
                "gssencmode" | "sslcompression" | "sslsni" => {}
                _ if LEFT_TO_THE_LIBRARY.contains(&name) => others.push(pair),
                _ => return Err(unknown(name)),
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
        // A password that is not encoded makes a host of its second half, which everybody on the way to it would see.
        if rest.contains('@') || (user.is_empty() && query.contains('@') && !hosts::has_ports(before_path)) {
            return Err(not_encoded());
        }
        let at = if user.is_empty() { "" } else { "@" };
        // The library takes an `@` anywhere for the end of the user.
        let rest = format!("{scheme}://{user}{at}{path}?{}", others.join("&").replace('@', "%40"));
        let mut config: Config = rest.parse().map_err(|error: tokio_postgres::Error| {
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            invalid(Message::new().data(cause))
        })?;
        let Hosts { hosts, ports } = Hosts::read(before_path, host.as_deref(), port.as_deref())?;
        for host in hosts {
            config.host(host);
        }
        for port in ports {
            config.port(port);
        }
        Ok(PostgresUrl { config, ssl_mode, target, root_cert, cert, key })
    }

    /// What must not be printed.
    pub(super) fn password(&self) -> Option<String> {
        self.config.get_password().map(|password| String::from_utf8_lossy(password).into_owned())
    }

    /// The ways to connect, in libpq's order: `allow` and `prefer` have two.
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

    /// How the server's certificate is checked, and what it is shown.
    ///
    /// # Errors
    /// A mode that verifies, and nothing to verify against; or a client's certificate without its key.
    pub(super) fn tls(&self) -> Result<TlsOptions, Failure> {
        let root = match &self.root_cert {
            None => default_file("root.crt").map(RootCert::File),
            Some(root) => Some(root.clone()),
        };
        // A file that is not there is no mistake to libpq, unless the mode verifies.
        let verify = match (self.ssl_mode, &root) {
            (_, Some(RootCert::System)) => Verify::Full,
            (SslMode::VerifyFull, Some(RootCert::File(path))) if path.exists() => Verify::Full,
            (SslMode::VerifyCa | SslMode::VerifyFull, Some(RootCert::File(path))) if !path.exists() => {
                return Err(nothing_to_verify_against(
                    Message::new()
                        .words("`sslmode` verifies, and the root certificate `")
                        .data(path.display().to_string())
                        .words("` is not there"),
                ));
            }
            (SslMode::VerifyCa | SslMode::VerifyFull, None) => {
                return Err(nothing_to_verify_against(
                    Message::new().words("`sslmode` verifies, and there is no root certificate"),
                ));
            }
            (_, Some(RootCert::File(path))) if path.exists() => Verify::Chain,
            (_, Some(RootCert::File(_)) | None) => Verify::Nothing,
        };
        let ca = match root {
            Some(RootCert::File(path)) if verify != Verify::Nothing => Some(path),
            Some(RootCert::System | RootCert::File(_)) | None => None,
        };
        Ok(TlsOptions { verify, ca, client: self.client()?, alpn: vec!["postgresql"] })
    }

    /// The client's certificate and key. One that is not there is not shown: the server may not want it.
    fn client(&self) -> Result<Option<(PathBuf, PathBuf)>, Failure> {
        let named = self.cert.clone().filter(|path| path.exists());
        let Some(cert) = named.or_else(|| default_file("postgresql.crt").filter(|_| self.cert.is_none()))
        else {
            return Ok(None);
        };
        let key = self.key.clone().or_else(|| default_file("postgresql.key"));
        match key.filter(|path| path.exists()) {
            Some(key) => Ok(Some((cert, key))),
            None => {
                Err(invalid(Message::new().words("there is a client certificate, and not its private key"))
                    .with_hint(Message::new().words("add `sslkey=FILE`, or ~/.postgresql/postgresql.key")))
            }
        }
    }

    /// The client certificate that the URL names, if it is not there.
    pub(super) fn missing_client_certificate(&self) -> Option<&PathBuf> {
        self.cert.as_ref().filter(|path| !path.exists())
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
                let cause = Message::new().words("`sslmode` is `").data(text).words("`");
                return Err(invalid(cause).with_hint(
                    Message::new()
                        .words("it is one of disable, allow, prefer, require, verify-ca, verify-full"),
                ));
            }
        })
    }
}

/// The parameters that tokio-postgres knows.
const LEFT_TO_THE_LIBRARY: [&str; 15] = [
    "user",
    "password",
    "dbname",
    "options",
    "application_name",
    "hostaddr",
    "connect_timeout",
    "tcp_user_timeout",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "sslnegotiation",
    "channel_binding",
    "load_balance_hosts",
];

/// Those that are read here.
const READ_HERE: [&str; 7] =
    ["host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey", "target_session_attrs"];

/// How a password is put into a URL.
const ENCODE: &str =
    "percent-encode the password: `postgres://user:{{password|urlencode}}@host:5432/database`";

fn not_encoded() -> Failure {
    let cause = "the user or the password has an `@`, `/`, `?` or `#` in it that is not percent-encoded";
    invalid(Message::new().words(cause)).with_hint(Message::new().words(ENCODE))
}

fn unknown(name: &str) -> Failure {
    // Of a password with a `?` in it, what follows looks like a parameter.
    if !name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        return invalid(Message::new().words("there is a parameter that is none of libpq's"))
            .with_hint(Message::new().words(ENCODE));
    }
    let failure = invalid(Message::new().words("there is no parameter `").data(name).words("`"));
    let known = LEFT_TO_THE_LIBRARY.into_iter().chain(READ_HERE);
    match closest(name, known) {
        Some(meant) => failure.with_hint(Message::new().words(format!("did you mean `{meant}`?"))),
        None => {
            failure.with_hint(Message::new().words("the parameters are those of libpq, such as `sslmode`"))
        }
    }
}

/// What the URL leaves out.
///
/// # Errors
/// There is nobody to log in as.
fn fill_in(config: &mut Config, application_name: &str) -> Result<(), Failure> {
    if config.get_application_name().is_none() {
        config.application_name(application_name);
    }
    if config.get_user().is_none() {
        config.user(std::env::var("PGUSER").ok().or_else(user::of_process).ok_or_else(nobody)?);
    }
    if config.get_password().is_none()
        && let Ok(password) = std::env::var("PGPASSWORD")
    {
        config.password(password);
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
        .with_hint(Message::new().words("put the user into the URL, as `postgres://USER@HOST/DATABASE`"))
}

/// The socket of this machine's server: libpq has its folder built in, Debian's or the original one.
#[cfg(unix)]
fn default_host(config: &mut Config) {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let folders = ["/var/run/postgresql", "/tmp"];
    let has_socket = |folder: &&str| std::path::Path::new(folder).join(format!(".s.PGSQL.{port}")).exists();
    config.host_path(folders.into_iter().find(has_socket).unwrap_or(folders[0]));
}

#[cfg(not(unix))]
fn default_host(config: &mut Config) {
    config.host("localhost");
}

/// A mistake in the URL.
pub(super) fn invalid(cause: Message) -> Failure {
    Failure::fault(Fault::Template, Message::new().words("reading the database URL"), cause)
}

fn weak_for_system() -> Failure {
    let cause = "`sslrootcert=system` goes with `sslmode=verify-full` only: anybody has such a certificate";
    invalid(Message::new().words(cause))
        .with_hint(Message::new().words("use `sslmode=verify-full`, which is the default with it"))
}

fn nothing_to_verify_against(cause: Message) -> Failure {
    invalid(cause).with_hint(Message::new().words(
        "name the CA's PEM file as `sslrootcert=FILE`, or use `sslrootcert=system` or ~/.postgresql/root.crt",
    ))
}

/// A file where libpq looks for it, if it is there.
fn default_file(name: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from)?;
    Some(home.join(".postgresql").join(name)).filter(|path| path.exists())
}

#[cfg(unix)]
fn is_local_socket(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}

#[cfg(not(unix))]
fn is_local_socket(_host: &Host) -> bool {
    false
}
