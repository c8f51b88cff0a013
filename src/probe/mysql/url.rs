//! A MySQL URL: `mysql://user:password@host:3306/database?ssl-mode=verify-identity`.
//!
//! Source: <https://dev.mysql.com/doc/refman/8.4/en/connecting-using-uri-or-key-value-pairs.html>.

use std::path::PathBuf;

use super::auth::KeyExchange;
use super::settings::{Settings, number, plain};
use crate::language::diagnostic::Diagnostic;
use crate::outcome::{Failure, Fault};
use crate::probe::dial::Target;
use crate::probe::socket::Endpoint;
use crate::probe::url::{host_and_port, mistake};
use crate::probe::user;
use crate::secret::{Message, message};

/// The server to connect to, and the options of the connection.
#[derive(Debug, Clone)]
pub(super) struct MysqlUrl {
    pub endpoint: Endpoint,
    pub user: String,
    pub password: String,
    pub database: Option<String>,
    pub ssl_mode: SslMode,
    pub ca: Option<PathBuf>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub public_key: Option<PathBuf>,
    pub key_exchange: KeyExchange,
}

/// The values of `ssl-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SslMode {
    Disabled,
    Preferred,
    Required,
    VerifyCa,
    VerifyIdentity,
}

/// MySQL's default port.
const DEFAULT_PORT: u16 = 3306;

/// A hint on putting a password into a URL.
pub(super) const ENCODE: &str =
    "percent-encode the password: `mysql://user:{{password|urlencode}}@host:3306/database`";

impl MysqlUrl {
    /// Parses `url`. Options that it omits come from `~/.my.cnf` and the environment.
    ///
    /// # Errors
    /// The URL is not a MySQL URL, or one of these sources has an unknown or unsupported option.
    pub fn parse(url: &str) -> Result<MysqlUrl, Failure> {
        let of_url = read(url)?;
        let mut machine = Settings::of_machine()?;
        // If the URL names a host, a local socket from elsewhere does not apply, and vice versa.
        if of_url.host.is_some() || of_url.socket.is_some() {
            (machine.host, machine.socket) = (None, None);
        }
        if of_url.host.is_some() && of_url.port.is_none() && !is_here(of_url.host.as_deref()) {
            machine.port = None;
        }
        let settings = of_url.or(machine);
        let endpoint = endpoint(&settings);
        Ok(MysqlUrl {
            endpoint,
            user: settings.user.or_else(user::of_process).ok_or_else(nobody)?,
            password: settings.password.unwrap_or_default(),
            database: settings.database.filter(|name| !name.is_empty()),
            // By default, a given certificate authority is used for verification.
            ssl_mode: settings.ssl_mode.unwrap_or(match settings.ca {
                Some(_) => SslMode::VerifyCa,
                None => SslMode::Preferred,
            }),
            ca: settings.ca,
            cert: settings.cert,
            key: settings.key,
            public_key: settings.public_key,
            key_exchange: settings.key_exchange.unwrap_or(KeyExchange::Allowed),
        })
    }

    /// Returns what is wrong with `url` on every machine, and how to fix it.
    pub fn mistake(url: &str) -> Option<Diagnostic> {
        read(url).err().map(mistake)
    }

    /// Returns the host that the certificate must be issued for.
    pub fn host(&self) -> Option<&str> {
        match &self.endpoint {
            Endpoint::Tcp(target) => Some(&target.host),
            #[cfg(unix)]
            Endpoint::Socket { .. } => None,
        }
    }
}

/// Whether the host is this machine. Both clients use the port from the environment for any host, although it is meant
/// for this machine's server.
fn is_here(host: Option<&str>) -> bool {
    matches!(host, Some("localhost" | "127.0.0.1" | "::1"))
}

/// Reads the settings in `url`.
fn read(url: &str) -> Result<Settings, Failure> {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let (login, rest) = rest.split_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
    // The second half of an unencoded password would be taken for a host, and so be visible to everyone on the way to
    // it.
    let is_cut = login.is_some_and(|login| login.contains('/'));
    if is_cut || rest.contains('@') || (login.is_none() && query.contains('@')) || address.contains('#') {
        return Err(not_encoded());
    }
    let mut settings = Settings::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        settings.read_parameter(name, &decoded(value))?;
    }
    if let Some(login) = login {
        let (user, password) = login.split_once(':').map_or((login, None), |(user, it)| (user, Some(it)));
        settings.user = Some(decoded(user)).filter(|user| !user.is_empty());
        settings.password = password.map(decoded);
    }
    // `(/run/mysqld/mysqld.sock)/database`, as MySQL's own tools write it.
    if let Some((socket, rest)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(')')) {
        settings.socket = Some(decoded(socket).into());
        settings.database = Some(decoded(rest.trim_start_matches('/')));
        return Ok(settings);
    }
    let (host, database) = rest.split_once('/').unwrap_or((rest, ""));
    if database.contains('/') {
        return Err(not_encoded());
    }
    settings.database = Some(decoded(database)).filter(|name| !name.is_empty());
    read_host(host, &mut settings)?;
    Ok(settings)
}

fn read_host(text: &str, settings: &mut Settings) -> Result<(), Failure> {
    if text.contains(',') {
        let cause = "the URL names several hosts, and one is asked";
        return Err(invalid(Message::new().words(cause))
            .with_hint(message!("write one check for each: `each = { host = [\"db-1\", \"db-2\"] }`")));
    }
    let (host, port) = host_and_port(text).ok_or_else(not_an_address)?;
    if !port.is_empty() {
        settings.port = Some(number(port)?);
    }
    let host = decoded(host);
    if host.starts_with('/') {
        settings.socket = Some(host.into());
    } else if !host.is_empty() {
        settings.host = Some(host);
    }
    Ok(())
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Returns the server's endpoint: its host, or without a host the local socket.
fn endpoint(settings: &Settings) -> Endpoint {
    let port = settings.port.unwrap_or(DEFAULT_PORT);
    let tcp = |host: &str| Endpoint::Tcp(Target { host: host.to_owned(), port });
    match (&settings.socket, settings.host.as_deref()) {
        #[cfg(unix)]
        (Some(path), _) => Endpoint::Socket { path: path.clone(), port },
        #[cfg(unix)]
        // A port means TCP. With neither a host nor a port, both clients use the socket.
        (None, None) if settings.port.is_none() => Endpoint::Socket { path: default_socket(), port },
        (_, host) => tcp(host.unwrap_or("localhost")),
    }
}

/// Returns the socket where the clients of Debian, of Red Hat and of MySQL itself look for the local server.
#[cfg(unix)]
fn default_socket() -> PathBuf {
    const USUAL: [&str; 4] = [
        "/run/mysqld/mysqld.sock",
        "/var/run/mysqld/mysqld.sock",
        "/var/lib/mysql/mysql.sock",
        "/tmp/mysql.sock",
    ];
    USUAL.iter().map(PathBuf::from).find(|path| path.exists()).unwrap_or_else(|| PathBuf::from(USUAL[0]))
}

impl SslMode {
    /// Parses a mode as MySQL or libpq spells it.
    pub fn parse(text: &str) -> Result<SslMode, Failure> {
        Ok(match plain(text).as_str() {
            "disabled" | "disable" => SslMode::Disabled,
            "preferred" | "prefer" => SslMode::Preferred,
            "required" | "require" => SslMode::Required,
            "verifyca" => SslMode::VerifyCa,
            "verifyidentity" | "verifyfull" => SslMode::VerifyIdentity,
            _ => {
                let cause = message!("`ssl-mode` is `{}`", text);
                return Err(invalid(cause).with_hint(message!(
                    "it is one of disabled, preferred, required, verify-ca, verify-identity"
                )));
            }
        })
    }
}

/// Returns the failure for a mistake in the URL.
pub(super) fn invalid(cause: Message) -> Failure {
    Failure::fault(Fault::Template, message!("reading the database URL"), cause)
}

fn not_encoded() -> Failure {
    let cause = "the user or the password has an `@`, `/`, `?` or `#` in it that is not percent-encoded";
    invalid(Message::new().words(cause)).with_hint(Message::new().words(ENCODE))
}

fn not_an_address() -> Failure {
    invalid(message!("an IPv6 address stands as `[address]:port`"))
}

fn nobody() -> Failure {
    let cause = "the URL names no user, and the user that smoke runs as has no name";
    invalid(Message::new().words(cause))
        .with_hint(message!("put the user into the URL, as `mysql://USER@HOST/DATABASE`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(url: &str) -> String {
        match read(url) {
            Ok(Settings { user, password, host, port, socket, database, .. }) => format!(
                "{} {} {} {} {} {}",
                user.as_deref().unwrap_or("-"),
                password.as_deref().unwrap_or("-"),
                host.as_deref().unwrap_or("-"),
                port.map_or("-".to_owned(), |port| port.to_string()),
                socket.map_or("-".to_owned(), |path| path.display().to_string()),
                database.as_deref().unwrap_or("-"),
            ),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn a_url_says_who_logs_in_where() {
        for (url, expected) in [
            ("mysql://u:p%40%2F@db:3307/shop", "u p@/ db 3307 - shop"),
            ("mariadb://db", "- - db - - -"),
            ("mysql://u@[::1]:3307/shop", "u - ::1 3307 - shop"),
            ("mysql://u:@db/", "u  db - - -"),
            ("mysql:///shop", "- - - - - shop"),
            ("mysql://u@localhost/shop?socket=/tmp/my.sock", "u - localhost - /tmp/my.sock shop"),
            ("mysql://u@%2Ftmp%2Fmy.sock/shop", "u - - - /tmp/my.sock shop"),
            ("mysql://u@(/tmp/my.sock)/shop", "u - - - /tmp/my.sock shop"),
        ] {
            assert_eq!(read_as(url), expected, "{url}");
        }
        for (url, part) in [
            ("mysql://u:a@b@db/shop", "percent-encoded"),
            ("mysql://u:a/b@db/shop", "percent-encoded"),
            ("mysql://u:a#b@db/shop", "percent-encoded"),
            ("mysql://u:a?b@db/shop", "percent-encoded"),
            ("mysql://u@db:0/shop", "from 1 to 65535"),
            ("mysql://u@[::1/shop", "[address]:port"),
            ("mysql://a,b/shop", "several hosts"),
            ("mysql://db/shop?ssl_mod=x", "no parameter `ssl_mod`"),
            ("mysql://db/shop?ssl-mode=maybe", "`ssl-mode` is `maybe`"),
            ("mysql://db/shop?tls-version=TLSv1.3", "not supported"),
        ] {
            assert!(read_as(url).contains(part), "{url}: {}", read_as(url));
        }
        for spelling in ["ssl-mode=VERIFY_IDENTITY", "sslMode=verify-identity", "sslmode=verify-full"] {
            let url = format!("mysql://db?{spelling}");
            assert_eq!(read(&url).unwrap().ssl_mode, Some(SslMode::VerifyIdentity), "{spelling}");
        }
    }
}
