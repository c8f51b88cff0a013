//! SQLite URLs: the path of a file, and the parameters of other tools.
//!
//! There is no standard form. Source of the parameters: <https://www.sqlite.org/uri.html>, and the URLs of sqlx,
//! Prisma, `SQLAlchemy` and go-sqlite3, whose own parameters start with `_`.

use std::path::{Path, PathBuf};

use super::SCHEME;
use crate::language::diagnostic::Diagnostic;

/// Parameters about how a tool opens the file or keeps it open. They have no effect, because a check always opens it to
/// read, or to write and roll back.
const WITHOUT_EFFECT: [&str; 14] = [
    "mode",
    "cache",
    "immutable",
    "nolock",
    "psow",
    "timeout",
    "busy_timeout",
    "journal_mode",
    "foreign_keys",
    "check_same_thread",
    "connection_limit",
    "pool_timeout",
    "socket_timeout",
    "uri",
];

/// Returns what is wrong with `url` in any use.
pub(super) fn mistake(url: &str) -> Option<Diagnostic> {
    let (path, parameters) = parts(url);
    let has = |wanted: (&str, &str)| parameters.contains(&wanted);
    let in_memory = [":memory:", "/:memory:", ""].contains(&path) || has(("mode", "memory"));
    if in_memory {
        let mistake =
            Diagnostic::new(None, "a SQLite database in memory belongs to the process that made it");
        return Some(mistake.hint("name the file that the application uses, such as `sqlite:shop.db`"));
    }
    parameters.iter().any(|(name, _)| *name == "vfs").then(|| {
        Diagnostic::new(None, "the parameter `vfs` is not supported")
            .hint("leave it out, if the file can be read without it")
    })
}

/// Returns the path in `url`. A relative path starts in `folder`.
pub(super) fn path_of(url: &str, folder: &Path) -> PathBuf {
    folder.join(parts(url).0)
}

/// Splits off the parameters. A `?` may also be part of a name, so they count only if all of them are known.
fn parts(url: &str) -> (&str, Vec<(&str, &str)>) {
    let rest = url.strip_prefix(SCHEME).unwrap_or(url);
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let is_known = |name: &str| WITHOUT_EFFECT.contains(&name) || name == "vfs" || name.starts_with('_');
    let read = rest.rsplit_once('?').and_then(|(path, query)| {
        let pairs: Option<Vec<_>> = query.split('&').map(|pair| pair.split_once('=')).collect();
        Some((path, pairs?)).filter(|(_, pairs)| pairs.iter().all(|(name, _)| is_known(name)))
    });
    read.unwrap_or((rest, Vec::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_tools_write_after_the_path_is_not_a_part_of_it() {
        for (url, path) in [
            ("sqlite:shop.db", "shop.db"),
            ("sqlite://shop.db?mode=rwc", "shop.db"),
            ("sqlite:///var/shop.db?mode=rwc&cache=shared", "/var/shop.db"),
            ("sqlite:shop.db?_journal_mode=WAL&_busy_timeout=5000", "shop.db"),
            ("sqlite:what?.db", "what?.db"),
            ("sqlite:what?.db?mode=ro", "what?.db"),
            ("sqlite:a&b=c.db", "a&b=c.db"),
            ("sqlite:a?b=c", "a?b=c"),
        ] {
            assert_eq!(path_of(url, Path::new("")), Path::new(path), "{url}");
            assert!(mistake(url).is_none(), "{url}");
        }
        for url in [
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite:",
            "sqlite:x?mode=memory",
            "sqlite:x.db?vfs=unix-none",
        ] {
            assert!(mistake(url).is_some(), "{url}");
        }
    }
}
