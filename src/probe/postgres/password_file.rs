//! libpq's password file: `PGPASSFILE`, `passfile=` or `~/.pgpass`.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-pgpass.html>.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// The login that needs a password.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'l> {
    pub host: &'l str,
    pub port: u16,
    pub database: &'l str,
    pub user: &'l str,
}

/// The result of a lookup in a password file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Password(String),
    Nothing,
    /// Others may read the file, so it is ignored, as by libpq.
    IsExposed,
}

/// Returns the default path.
pub(super) fn default_path() -> Option<PathBuf> {
    std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pgpass"))
}

/// Looks up `login` in the file at `path`.
pub(super) fn look_up(path: &Path, login: Login<'_>) -> Found {
    // Like libpq, ignores pipes and devices.
    match std::fs::metadata(path) {
        Ok(file) if !file.is_file() => Found::Nothing,
        Ok(file) if is_exposed(&file) => Found::IsExposed,
        Ok(_) => {
            let text = std::fs::read(path).unwrap_or_default();
            password(&String::from_utf8_lossy(&text), login).map_or(Found::Nothing, Found::Password)
        }
        Err(_) => Found::Nothing,
    }
}

#[cfg(unix)]
fn is_exposed(file: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_exposed(_file: &Metadata) -> bool {
    false
}

/// Returns the password of the first line that matches `login`. A line is `host:port:database:user:password`, in which
/// each of the first four fields is `*` or the exact text, with `:` and `\` escaped by `\`.
fn password(text: &str, login: Login<'_>) -> Option<String> {
    let port = login.port.to_string();
    let wanted = [login.host, &port, login.database, login.user];
    text.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
        let mut rest = line;
        for wanted in wanted {
            let (field, after) = field(rest);
            rest = after?;
            if field != "*" && unescaped(field) != wanted {
                return None;
            }
        }
        let password = unescaped(field(rest).0);
        (!password.is_empty()).then_some(password)
    })
}

/// Splits the text at the next unescaped `:`.
fn field(text: &str) -> (&str, Option<&str>) {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            ':' if !is_escaped => return (&text[..at], Some(&text[at + 1..])),
            c => is_escaped = c == '\\' && !is_escaped,
        }
    }
    (text, None)
}

fn unescaped(field: &str) -> String {
    let mut characters = field.chars();
    let mut text = String::new();
    while let Some(c) = characters.next() {
        text.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_for_a_login_has_the_password() {
        let text = "# host:port:database:user:password\n#*:*:*:*:comment\ndb:5432:shop:me\n\
                    db:5432:shop:me:one\ndb:*:shop:me:two\n*:5433:*:*:a\\:b\\\\c\n\
                    ::1:5432:shop:me:never\n\\:\\:1:5432:shop:me:six\n*:*:*:other:\n*:*:*:*:last\r\n";
        let found = |host, port, database, user| password(text, Login { host, port, database, user });
        assert_eq!(found("db", 5432, "shop", "me").as_deref(), Some("one"));
        assert_eq!(found("db", 5434, "shop", "me").as_deref(), Some("two"));
        assert_eq!(found("elsewhere", 5433, "any", "who").as_deref(), Some("a:b\\c"));
        assert_eq!(found("::1", 5432, "shop", "me").as_deref(), Some("six"));
        assert_eq!(found("x", 1, "y", "other").as_deref(), Some("last"));
        assert_eq!(
            password("db:5432:shop:me:one", Login { host: "db", port: 1, database: "", user: "" }),
            None
        );
    }
}
