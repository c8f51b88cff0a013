//! The password file of libpq: `PGPASSFILE`, `passfile=` or `~/.pgpass`.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-pgpass.html>.

use std::fs::Metadata;
use std::path::{Path, PathBuf};

/// Whom a password is wanted for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'l> {
    pub host: &'l str,
    pub port: u16,
    pub database: &'l str,
    pub user: &'l str,
}

/// What a password file has for a login.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Password(String),
    Nothing,
    /// Others may read the file, so libpq does not.
    IsExposed,
}

/// Where the file is, unless it is named.
pub(super) fn default_path() -> Option<PathBuf> {
    std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".pgpass"))
}

/// Looks `login` up in the file at `path`.
pub(super) fn look_up(path: &Path, login: Login<'_>) -> Found {
    // A pipe or a device is none, as for libpq.
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

/// The password of the first line that is for `login`: `host:port:database:user:password`, each of the first four a `*` or
/// the very text, with `\` before a `:` or `\` that is meant.
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

/// The text up to the next `:` that is not escaped, and what comes after that.
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
