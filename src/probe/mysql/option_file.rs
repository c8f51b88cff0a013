//! `~/.my.cnf`: the connection options of this user, shared by all clients.
//!
//! Source of the format: <https://dev.mysql.com/doc/refman/8.4/en/option-files.html>. System-wide files are not read:
//! they are about the machine's own server.

use std::path::{Path, PathBuf};

use super::url::invalid;
use crate::outcome::Failure;
use crate::secret::message;

/// The groups that `mysql` and `mariadb` read.
const GROUPS: [&str; 6] = ["client", "mysql", "client-server", "client-mariadb", "mariadb-client", "mariadb"];

/// The maximum depth of includes.
const DEEPEST: usize = 10;

/// An option as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OptionLine {
    pub name: String,
    pub value: String,
    pub file: PathBuf,
}

/// Returns this user's options in order: of two with the same name, the later one takes precedence.
///
/// # Errors
/// Files include one another without end.
pub(super) fn of_user() -> Result<Vec<OptionLine>, Failure> {
    let mut options = Vec::new();
    if let Some(home) = std::env::var_os("HOME") {
        read(&PathBuf::from(home).join(".my.cnf"), DEEPEST, &mut options)?;
    }
    Ok(options)
}

fn read(path: &Path, deeper: usize, options: &mut Vec<OptionLine>) -> Result<(), Failure> {
    // Like `mysql`, smoke ignores a file that everyone may write to. A pipe or a device is not an option file.
    let is_file = std::fs::metadata(path).is_ok_and(|file| file.is_file() && !anybody_may_write(&file));
    if !is_file {
        return Ok(());
    }
    if deeper == 0 {
        let cause = message!("the option files include one another without end, in `");
        return Err(invalid(cause.data(path.display().to_string()).words("`")));
    }
    let text = std::fs::read(path).unwrap_or_default();
    let mut group = String::new();
    for line in String::from_utf8_lossy(&text).lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            name.trim().clone_into(&mut group);
        } else if let Some(folder) = line.strip_prefix("!includedir") {
            for file in files_of(Path::new(folder.trim())) {
                read(&file, deeper - 1, options)?;
            }
        } else if let Some(file) = line.strip_prefix("!include") {
            read(Path::new(file.trim()), deeper - 1, options)?;
        } else if GROUPS.contains(&group.as_str())
            && let Some((name, value)) = option(line)
        {
            options.push(OptionLine { name, value, file: path.to_owned() });
        }
    }
    Ok(())
}

fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "cnf")).collect();
    files.sort();
    files
}

#[cfg(unix)]
fn anybody_may_write(file: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.mode() & 0o002 != 0
}

#[cfg(not(unix))]
fn anybody_may_write(_file: &std::fs::Metadata) -> bool {
    false
}

/// Reads `name`, `name=value` or `name = "value"`, with an optional comment after it.
fn option(line: &str) -> Option<(String, String)> {
    if line.is_empty() || line.starts_with(['#', ';']) {
        return None;
    }
    let (name, value) = line.split_once('=').unwrap_or((line, ""));
    let name = name.split('#').next().unwrap_or_default().trim();
    Some((name.strip_prefix("loose-").unwrap_or(name).to_owned(), unquoted(value.trim())))
}

fn unquoted(value: &str) -> String {
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let mut characters = value.chars().skip(usize::from(quote.is_some()));
    let mut text = String::new();
    while let Some(c) = characters.next() {
        match c {
            c if Some(c) == quote => break,
            '#' if quote.is_none() => break,
            '\\' => match characters.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some('b') => text.push('\u{8}'),
                Some('s') => text.push(' '),
                Some(c @ ('\\' | '"' | '\'')) => text.push(c),
                Some(c) => text.extend(['\\', c]),
                None => text.push('\\'),
            },
            c => text.push(c),
        }
    }
    if quote.is_none() { text.trim_end().to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_mysql_reads_them() {
        let read = |line| option(line).map(|(name, value)| format!("{name}|{value}"));
        for (line, expected) in [
            ("user=shop", "user|shop"),
            ("password = \"hunter#2\" # of the test", "password|hunter#2"),
            ("password='a b'", "password|a b"),
            ("password=a\\sb\\\\c # no", "password|a b\\c"),
            ("loose-ssl-mode=REQUIRED", "ssl-mode|REQUIRED"),
            ("skip-ssl", "skip-ssl|"),
            ("quick # fast", "quick|"),
        ] {
            assert_eq!(read(line).as_deref(), Some(expected), "{line}");
        }
        assert_eq!([read(""), read("# user=x"), read("; user=x")], [None, None, None]);
    }
}
