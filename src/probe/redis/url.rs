//! A Redis URL: `redis://[[user]:password@]host[:port][/db]`, `rediss://…` over TLS,
//! `redis+unix:///path?username=user&password=password`, because a URL without a host cannot have a user before it.
//!
//! Source: <https://www.iana.org/assignments/uri-schemes/prov/redis>; the TLS parameters are those of redis-py,
//! <https://redis.readthedocs.io/en/stable/connections.html>.

use std::path::{Path, PathBuf};

use url::Url;

use crate::language::diagnostic::Diagnostic;
use crate::outcome::{Failure, Fault};
use crate::probe::dial::Target;
use crate::probe::trust::{TlsOptions, Verify};
use crate::probe::url::{in_ascii, parse_absolute_url};
use crate::secret::Message;

const DEFAULT_PORT: u16 = 6379;

const PARAMETERS: &str =
    "supported parameters: db, ssl_ca_certs, ssl_certfile, ssl_keyfile, ssl_cert_reqs, ssl_check_hostname";

const ENCODE: &str = "percent-encode the password: `redis://user:{{password|urlencode}}@host:6379/0`";

/// The server to connect to, and the credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisUrl {
    pub(super) place: Place,
    /// The TLS parameters of the URL; `None` without TLS.
    pub(super) tls: Option<Tls>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// The number of the database.
    pub(super) db: u32,
}

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Tcp(Target),
    Socket(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Tcp(target) => target.fmt(f),
            Place::Socket(path) => path.display().fmt(f),
        }
    }
}

/// The TLS parameters of a URL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tls {
    verify: Option<Verify>,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Tls {
    /// Returns the options of a handshake: those of the URL, and `other` for what the URL omits. Relative paths start
    /// in `folder`.
    pub fn options(&self, other: TlsOptions, folder: &Path) -> TlsOptions {
        let at = |path: &PathBuf| folder.join(path);
        let client = self.cert.as_ref().zip(self.key.as_ref());
        TlsOptions {
            verify: self.verify.unwrap_or(other.verify),
            ca: self.ca.as_ref().map(at).or(other.ca),
            client: client.map(|(cert, key)| (at(cert), at(key))).or(other.client),
            alpn: other.alpn,
        }
    }
}

/// Parses the URL at run time, when a mistake fails the check.
pub(super) fn at_run_time(text: &str) -> Result<RedisUrl, Failure> {
    RedisUrl::parse(text).map_err(|mistake| {
        let doing = Message::new().words("reading the database URL");
        let failure = Failure::fault(Fault::Template, doing, Message::new().data(mistake.message));
        match mistake.hint {
            Some(hint) => failure.with_hint(Message::new().words(hint)),
            None => failure,
        }
    })
}

impl RedisUrl {
    /// Parses `text`.
    ///
    /// # Errors
    /// The text is not a Redis URL, or has an unsupported parameter. The mistake has no place.
    pub fn parse(text: &str) -> Result<RedisUrl, Diagnostic> {
        let mistake = |message: String, hint: &str| Diagnostic::new(None, message).hint(hint);
        // The second half of an unencoded password would be taken for a host, and so be visible to everyone on the way
        // to it.
        if is_not_encoded(text) {
            let message =
                "the user or the password has an `@`, `/`, `?` or `#` in it that is not percent-encoded";
            return Err(mistake(message.to_owned(), ENCODE));
        }
        let url = parse_absolute_url(text).map_err(|(message, hint)| mistake(message, hint))?;
        let url = in_ascii(url);
        let scheme = url.scheme();
        let is_socket = scheme == "redis+unix";
        let host = url.host_str().filter(|host| !host.is_empty());
        let place = match (is_socket, host) {
            (false, Some(host)) => Place::Tcp(Target {
                host: host.trim_matches(['[', ']']).to_owned(),
                port: url.port().unwrap_or(DEFAULT_PORT),
            }),
            (false, None) => {
                let hint = format!("write `{scheme}://HOST:{DEFAULT_PORT}`");
                return Err(mistake(format!("`{scheme}://` needs a host"), &hint));
            }
            (true, None) if url.path().len() > 1 => Place::Socket(decoded(url.path()).into()),
            (true, _) => {
                let hint = "write three slashes: `redis+unix:///run/redis/redis.sock`";
                return Err(mistake(
                    "`redis+unix://` needs the path of a socket, and no host".to_owned(),
                    hint,
                ));
            }
        };
        let mut read = RedisUrl {
            place,
            tls: (scheme == "rediss").then(Tls::default),
            user: Some(decoded(url.username())).filter(|user| !user.is_empty()),
            password: url.password().map(decoded).filter(|password| !password.is_empty()),
            db: 0,
        };
        let in_path = if is_socket { "" } else { url.path().trim_start_matches('/') };
        if !in_path.is_empty() {
            read.db = database(in_path)?;
        }
        read.take_parameters(&url)?;
        if let Some(fragment) = url.fragment() {
            let hint = "remove it, or percent-encode the `#` as %23";
            return Err(mistake(format!("`#{fragment}` does not apply to a `{scheme}://` URL"), hint));
        }
        Ok(read)
    }

    /// Whether the URL requires TLS.
    pub fn is_secured(&self) -> bool {
        self.tls.is_some()
    }

    fn take_parameters(&mut self, url: &Url) -> Result<(), Diagnostic> {
        for (name, value) in url.query_pairs() {
            if &*name == "db" {
                let db = database(&value)?;
                if self.db != 0 && self.db != db {
                    let message =
                        format!("the URL names two databases: {} in its path, {db} in `db`", self.db);
                    return Err(Diagnostic::new(None, message).hint("name one of them"));
                }
                self.db = db;
                continue;
            }
            let is_socket = matches!(self.place, Place::Socket(_));
            match &*name {
                "username" if is_socket => self.user = Some(value.into_owned()),
                "password" if is_socket => self.password = Some(value.into_owned()),
                "username" | "password" => {
                    let message = format!("unsupported parameter `{name}` of a Redis URL with a host");
                    return Err(Diagnostic::new(None, message).hint("write `redis://user:password@host`"));
                }
                _ => self.take_tls(&name, &value)?,
            }
        }
        match &self.tls {
            Some(Tls { cert: Some(_), key: None, .. } | Tls { cert: None, key: Some(_), .. }) => {
                let message = "`ssl_certfile` and `ssl_keyfile` go together";
                Err(Diagnostic::new(None, message).hint("name both PEM files, or neither"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn take_tls(&mut self, name: &str, value: &str) -> Result<(), Diagnostic> {
        if !name.starts_with("ssl_") {
            let message = format!("unsupported parameter `{name}` of a Redis URL");
            return Err(Diagnostic::new(None, message).hint(PARAMETERS));
        }
        let Some(tls) = &mut self.tls else {
            let message = format!("the parameter `{name}` needs TLS");
            return Err(Diagnostic::new(None, message).hint("write `rediss://` for TLS"));
        };
        match (name, value) {
            ("ssl_ca_certs", path) => tls.ca = Some(path.into()),
            ("ssl_certfile", path) => tls.cert = Some(path.into()),
            ("ssl_keyfile", path) => tls.key = Some(path.into()),
            ("ssl_cert_reqs", "none") => tls.verify = Some(Verify::Nothing),
            ("ssl_cert_reqs", "required") => {}
            ("ssl_cert_reqs", _) => {
                let message = "`ssl_cert_reqs` is `required` or `none`";
                return Err(Diagnostic::new(None, message).hint("remove it: `required` is the default"));
            }
            ("ssl_check_hostname", "true" | "True") => {}
            ("ssl_check_hostname", "false" | "False") => {
                tls.verify = Some(tls.verify.unwrap_or(Verify::Chain));
            }
            (name, _) => {
                let message = format!("unsupported parameter `{name}` of a Redis URL");
                return Err(Diagnostic::new(None, message).hint(PARAMETERS));
            }
        }
        Ok(())
    }
}

/// Parses the number of a database.
fn database(text: &str) -> Result<u32, Diagnostic> {
    text.parse().map_err(|_| {
        Diagnostic::new(None, "the path and `db` of a Redis URL are the number of a database")
            .hint("write `redis://host:6379/2`, or nothing for database 0")
    })
}

/// Whether an `@` follows the end of the authority, so that the user or the password is not percent-encoded.
fn is_not_encoded(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    scheme != "redis+unix" && rest[end..].contains('@')
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_as_whom() {
        let read = |text: &str| {
            let RedisUrl { place, tls, user, password, db } = RedisUrl::parse(text).unwrap();
            let or_nothing = Option::unwrap_or_default;
            format!("{place} {} {} {} {db}", tls.is_some(), or_nothing(user), or_nothing(password))
        };
        for (url, expected) in [
            ("redis://cache", "cache:6379 false   0"),
            ("redis://cache:7000/2", "cache:7000 false   2"),
            ("redis://[::1]:7000/?db=3", "[::1]:7000 false   3"),
            ("rediss://:p%40ss@cache/", "cache:6379 true  p@ss 0"),
            ("redis://shop:p@cache", "cache:6379 false shop p 0"),
            ("redis://bücher.example", "xn--bcher-kva.example:6379 false   0"),
            ("redis+unix:///run/re%20dis.sock?db=1", "/run/re dis.sock false   1"),
            ("redis+unix:///run/redis.sock?username=u&password=p%20w", "/run/redis.sock false u p w 0"),
        ] {
            assert_eq!(read(url), expected, "{url}");
        }
    }

    #[test]
    fn what_a_url_cannot_say_is_a_mistake() {
        for (url, expected) in [
            ("redis:///0", "`redis://` needs a host"),
            ("redis://h/shop", "the path and `db` of a Redis URL are the number of a database"),
            ("redis://h/1?db=2", "the URL names two databases: 1 in its path, 2 in `db`"),
            ("redis://h?timeout=5", "unsupported parameter `timeout` of a Redis URL"),
            ("redis://h?ssl_cert_reqs=none", "the parameter `ssl_cert_reqs` needs TLS"),
            ("rediss://h?ssl_cert_reqs=maybe", "`ssl_cert_reqs` is `required` or `none`"),
            ("rediss://h?ssl_certfile=a", "`ssl_certfile` and `ssl_keyfile` go together"),
            ("redis://h#x", "`#x` does not apply to a `redis://` URL"),
            (
                "redis://u:a/b@h",
                "the user or the password has an `@`, `/`, `?` or `#` in it that is not percent-encoded",
            ),
            ("redis://h?password=x", "unsupported parameter `password` of a Redis URL with a host"),
            ("redis+unix://h/x", "`redis+unix://` needs the path of a socket, and no host"),
            ("redis://h:0", "nothing can listen on port 0"),
        ] {
            assert_eq!(RedisUrl::parse(url).unwrap_err().message, expected, "{url}");
        }
    }
}
