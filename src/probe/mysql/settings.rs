//! Parameters of a URL, options in `~/.my.cnf` and environment variables: which are supported, and which are not.
//!
//! The parameters of a URL are those of MySQL's own tools. `-`, `_` and case do not matter, because other tools spell
//! them differently. An unsupported setting is an error: `mysql` would have honoured it, and nobody would notice the
//! difference.
//! Sources: <https://dev.mysql.com/doc/refman/8.4/en/connecting-using-uri-or-key-value-pairs.html>,
//! <https://dev.mysql.com/doc/refman/8.4/en/environment-variables.html>.

use std::path::PathBuf;

use super::auth::KeyExchange;
use super::option_file::{self, OptionLine};
use super::url::{SslMode, invalid};
use crate::language::diagnostic::closest;
use crate::outcome::Failure;
use crate::secret::{Message, message};

/// The settings, wherever they come from.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    pub user: Option<String>,
    pub password: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub socket: Option<PathBuf>,
    pub database: Option<String>,
    pub ssl_mode: Option<SslMode>,
    pub ca: Option<PathBuf>,
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    pub public_key: Option<PathBuf>,
    pub key_exchange: Option<KeyExchange>,
}

/// The supported parameters of a URL.
const READ: [&str; 8] = [
    "ssl-mode",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "socket",
    "server-public-key-path",
    "get-server-public-key",
    "charset",
];

/// Settings of a URL or file that are not supported, without `-` and `_`.
const UNSUPPORTED: [&str; 20] = [
    "sslcapath",
    "sslcipher",
    "sslcrl",
    "sslcrlpath",
    "sslfipsmode",
    "tlsversion",
    "tlsversions",
    "tlsciphersuites",
    "tlsfp",
    "sslfp",
    "authmethod",
    "defaultauth",
    "plugindir",
    "compress",
    "compression",
    "compressionalgorithms",
    "initcommand",
    "connectionattributes",
    "sharedmemorybasename",
    "bindaddress",
];

/// URL parameters of other tools, each with a hint what to use instead.
const OF_OTHER_TOOLS: [(&[&str], &str); 4] = [
    (
        &["connecttimeout", "timeout", "readtimeout", "writetimeout", "sockettimeout"],
        "leave it out, the check's `budget` is the limit",
    ),
    (
        &[
            "connectionlimit",
            "pooltimeout",
            "poolsize",
            "maxconnections",
            "statementcachesize",
            "statementcachecapacity",
        ],
        "it is another tool's: leave it out, there is no pool here",
    ),
    (
        &["usessl", "requiressl", "verifyservercertificate", "sslaccept", "sslidentity", "tls", "ssl"],
        "MySQL's tools say it with `ssl-mode`, `ssl-ca`, `ssl-cert` and `ssl-key`",
    ),
    (
        &["servertimezone", "timezone", "parsetime", "loc", "serverversion", "sqlmode"],
        "it is another tool's: leave it out, the session is as the server has it",
    ),
];

/// Variables that change what `mysql` reads, and that smoke does not support.
const UNSUPPORTED_VARIABLES: [&str; 2] = ["MYSQL_GROUP_SUFFIX", "MYSQL_TEST_LOGIN_FILE"];

impl Settings {
    /// Returns the settings from `~/.my.cnf` and, with lower precedence, from the environment.
    ///
    /// # Errors
    /// Fails if a setting is not supported.
    pub fn of_machine() -> Result<Settings, Failure> {
        let set = |variable: &str| {
            let value = std::env::var_os(variable)?.to_string_lossy().into_owned();
            (!value.is_empty()).then_some(value)
        };
        if let Some(variable) = UNSUPPORTED_VARIABLES.into_iter().find(|variable| set(variable).is_some()) {
            return Err(unsupported(variable)
                .with_hint(message!("unset it for smoke, and say what it means in the URL")));
        }
        let mut settings = Settings {
            host: set("MYSQL_HOST"),
            port: set("MYSQL_TCP_PORT").map(|port| number(&port)).transpose()?,
            socket: set("MYSQL_UNIX_PORT").map(PathBuf::from),
            password: set("MYSQL_PWD"),
            ..Settings::default()
        };
        for option in option_file::of_user()? {
            settings.read_option(&option)?;
        }
        Ok(settings)
    }

    /// Reads a parameter of a URL.
    ///
    /// # Errors
    /// Fails if the parameter is unknown, or if it or its value is not supported.
    pub fn read_parameter(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        match plain(name).as_str() {
            "socket" | "unixsocket" => self.socket = Some(value.into()),
            // The session uses UTF-8 anyway.
            "charset" | "characterset" | "collation" | "encoding"
                if value.to_ascii_lowercase().replace('-', "").starts_with("utf8") => {}
            common if self.read_common(common, value)? => {}
            unsupported_one if UNSUPPORTED.contains(&unsupported_one) => {
                let hint = message!("leave it out, if the check means the same without it");
                return Err(unsupported(name).with_hint(hint));
            }
            _ => return Err(unknown(name)),
        }
        Ok(())
    }

    /// Reads an option of a file.
    fn read_option(&mut self, option: &OptionLine) -> Result<(), Failure> {
        let OptionLine { name, value, .. } = option;
        match plain(name).as_str() {
            "user" => self.user = Some(value.clone()),
            "password" => self.password = Some(value.clone()),
            "host" => self.host = Some(value.clone()),
            "port" => self.port = Some(number(value)?),
            "socket" => self.socket = Some(value.into()),
            "database" => self.database = Some(value.clone()),
            // MariaDB's spelling.
            "ssl" => self.ssl_mode = Some(if is_off(value) { SslMode::Disabled } else { SslMode::Required }),
            "skipssl" => self.ssl_mode = Some(SslMode::Disabled),
            "sslverifyservercert" if !is_off(value) => self.ssl_mode = Some(SslMode::VerifyIdentity),
            common if self.read_common(common, value)? => {}
            name if UNSUPPORTED.contains(&name) => {
                let cause =
                    message!("`{}` is set in `{}`, and is not supported", option.name, option.file.display());
                return Err(
                    invalid(cause).with_hint(message!("leave it out there, or run smoke with another HOME"))
                );
            }
            // Other options affect only output, or the server.
            _ => {}
        }
        Ok(())
    }

    /// Reads a setting that has the same name everywhere. Returns whether it is one.
    fn read_common(&mut self, name: &str, value: &str) -> Result<bool, Failure> {
        match name {
            "sslmode" => self.ssl_mode = Some(SslMode::parse(value)?),
            "sslca" => self.ca = Some(value.into()),
            "sslcert" => self.cert = Some(value.into()),
            "sslkey" => self.key = Some(value.into()),
            "serverpublickeypath" => self.public_key = Some(value.into()),
            "getserverpublickey" => {
                let exchange = if is_off(value) { KeyExchange::Refused } else { KeyExchange::Allowed };
                self.key_exchange = Some(exchange);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Returns these settings, with those of `other` where they are missing.
    pub fn or(self, other: Settings) -> Settings {
        Settings {
            user: self.user.or(other.user),
            password: self.password.or(other.password),
            host: self.host.or(other.host),
            port: self.port.or(other.port),
            socket: self.socket.or(other.socket),
            database: self.database.or(other.database),
            ssl_mode: self.ssl_mode.or(other.ssl_mode),
            ca: self.ca.or(other.ca),
            cert: self.cert.or(other.cert),
            key: self.key.or(other.key),
            public_key: self.public_key.or(other.public_key),
            key_exchange: self.key_exchange.or(other.key_exchange),
        }
    }
}

/// Normalises a name or value for comparison.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect()
}

fn is_off(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "0" | "off" | "false" | "no")
}

pub(super) fn number(port: &str) -> Result<u16, Failure> {
    match port.parse() {
        Ok(number) if number > 0 => Ok(number),
        // The value is not shown: if the URL is malformed, it may be part of the password.
        Ok(_) | Err(_) => Err(invalid(message!("a port is not a number from 1 to 65535"))),
    }
}

fn unsupported(name: &str) -> Failure {
    invalid(message!("`{}` is set, and is not supported", name))
}

fn unknown(name: &str) -> Failure {
    let others = OF_OTHER_TOOLS.iter().find(|(names, _)| names.contains(&plain(name).as_str()));
    // If a password contains an unencoded `?`, the rest of it looks like a parameter.
    if others.is_none() && !name.chars().all(|c| c.is_ascii_alphabetic() || c == '_' || c == '-') {
        return invalid(message!("there is a parameter that is none of MySQL's"))
            .with_hint(Message::new().words(super::url::ENCODE));
    }
    let failure = invalid(message!("there is no parameter `{}`", name));
    let hint = match (others, closest(name, READ)) {
        (Some((_, hint)), _) => (*hint).to_owned(),
        (None, Some(meant)) => format!("did you mean `{meant}`?"),
        (None, None) => "the parameters are those of MySQL's tools, such as `ssl-mode`".to_owned(),
    };
    failure.with_hint(Message::new().words(hint))
}
