//! A PostgreSQL URL, read as libpq reads it.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>. tokio-postgres
//! knows most of the parameters; the TLS ones are taken out of the URL and handled here.

use std::path::PathBuf;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::outcome::{Failure, Fault};
use crate::probe::trust::{TlsOptions, Verify};
use crate::secret::Message;

/// Where to connect, and how.
#[derive(Debug, Clone)]
pub struct PostgresUrl {
    pub(super) config: Config,
    pub(super) ssl_mode: SslMode,
    root_cert: Option<RootCert>,
    client_cert: Option<(PathBuf, PathBuf)>,
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

/// Is this the URL of a PostgreSQL database?
#[must_use]
pub fn is_postgres_url(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

impl PostgresUrl {
    /// Reads `url`. `application_name` is what the server shows unless the URL says otherwise.
    ///
    /// # Errors
    /// It is no PostgreSQL URL, or has a parameter that is not known.
    pub fn parse(url: &str, application_name: &str) -> Result<PostgresUrl, Failure> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let mut ssl_mode = SslMode::Prefer;
        let (mut root_cert, mut cert, mut key) = (None, None, None);
        let mut others = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
            match name {
                "sslmode" => ssl_mode = SslMode::parse(&value)?,
                "sslrootcert" if value == "system" => root_cert = Some(RootCert::System),
                "sslrootcert" => root_cert = Some(RootCert::File(value.into())),
                "sslcert" => cert = Some(PathBuf::from(value)),
                "sslkey" => key = Some(PathBuf::from(value)),
                // What is not done here needs no switching off: GSS encryption, CRLs of nobody.
                "gssencmode" | "sslcompression" | "sslsni" => {}
                _ => others.push(pair),
            }
        }
        let rest = match others.is_empty() {
            true => address.to_owned(),
            false => format!("{address}?{}", others.join("&")),
        };
        let mut config: Config = rest.parse().map_err(|error: tokio_postgres::Error| {
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            invalid(Message::new().data(cause))
        })?;
        if config.get_hosts().is_empty() {
            return Err(invalid(Message::new().words("there is no host in it")));
        }
        if config.get_application_name().is_none() {
            config.application_name(application_name);
        }
        if config.get_user().is_none() {
            let user = std::env::var("PGUSER").or_else(|_| std::env::var("USER"));
            config.user(user.unwrap_or_else(|_| "postgres".to_owned()));
        }
        Ok(PostgresUrl { config, ssl_mode, root_cert, client_cert: cert.zip(key) })
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

    /// How the server's certificate is checked.
    ///
    /// # Errors
    /// A mode that verifies, and nothing to verify against.
    pub(super) fn tls(&self) -> Result<TlsOptions, Failure> {
        // libpq's default, used when it exists whatever the mode.
        let default_root = home().map(|home| home.join(".postgresql/root.crt")).filter(|path| path.exists());
        let root = self.root_cert.clone().or(default_root.map(RootCert::File));
        let verify = match (self.ssl_mode, &root) {
            (SslMode::VerifyFull, Some(_)) | (_, Some(RootCert::System)) => Verify::Full,
            (SslMode::VerifyCa | SslMode::VerifyFull, None) => {
                return Err(invalid(Message::new().words("`sslmode` verifies, and there is no root certificate"))
                    .with_hint(Message::new().words(
                        "add `sslrootcert=FILE`, `sslrootcert=system` for the system's certificates, or ~/.postgresql/root.crt",
                    )));
            }
            (_, Some(RootCert::File(_))) => Verify::Chain,
            (_, None) => Verify::Nothing,
        };
        let ca = match root {
            Some(RootCert::File(path)) => Some(path),
            Some(RootCert::System) | None => None,
        };
        Ok(TlsOptions { verify, ca, client: self.client_cert.clone(), alpn: vec!["postgresql"] })
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

fn invalid(cause: Message) -> Failure {
    Failure::fault(Fault::Template, Message::new().words("reading the database URL"), cause)
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from)
}

#[cfg(unix)]
fn is_local_socket(host: &Host) -> bool {
    matches!(host, Host::Unix(_))
}

#[cfg(not(unix))]
fn is_local_socket(_host: &Host) -> bool {
    false
}
