//! A query as a `psql` command, for people to repeat by hand.

use std::time::Duration;

use super::{Writes, milliseconds};
use crate::attempt::shell::{ShellCommand, seconds};
use crate::secret::placeholder::{Piece, pieces, placeholder};

/// A database's URL, for the server and for people.
#[derive(Debug, Clone, Copy)]
pub struct Urls<'u> {
    pub real: &'u str,
    /// With placeholders for its secrets.
    pub shown: &'u str,
}

/// The command that asks the database the same.
pub fn as_psql(urls: Urls<'_>, statement: Option<&str>, writes: Writes, limit: Duration) -> ShellCommand {
    let statement = statement.unwrap_or("select 1");
    let mut options = format!("-c statement_timeout={}ms", milliseconds(limit));
    if writes == Writes::Refused {
        options.push_str(" -c default_transaction_read_only=on");
    }
    let (url, password) = password_apart(urls);
    let psql = ShellCommand::new("psql").words(&["-X", &url]);
    let psql = password.into_iter().fold(psql, |psql, password| psql.with_env("PGPASSWORD", &password));
    let command = match writes {
        Writes::Refused => psql.words(&["-c", statement]),
        Writes::RolledBack => psql.words(&["-c", "begin", "-c", statement, "-c", "rollback"]),
    };
    // libpq knows whole seconds only, and takes one for two.
    let to_connect = seconds(Duration::from_secs(limit.as_secs().max(2)));
    command.with_env("PGCONNECT_TIMEOUT", &to_connect).with_env("PGOPTIONS", &options)
}

/// The URL without its password, and the password as the server wants it: an argument is seen by whoever lists the
/// processes. One that a shell cannot decode stays where it is.
fn password_apart(urls: Urls<'_>) -> (String, Option<String>) {
    let whole = urls.shown.to_owned();
    let Some((before, shown, after)) = password_in(urls.shown) else { return (whole, None) };
    let password = match pieces(shown).as_slice() {
        [] => None,
        // It stands there in clear, and is not for a report.
        [Piece::Text(_)] => Some(placeholder("$PGPASSWORD")),
        [Piece::Secret(secret)] if secret.is_as_it_is() => {
            let has_escapes = password_in(urls.real).is_none_or(|(_, real, _)| real.contains('%'));
            (!has_escapes).then(|| secret.placeholder())
        }
        [Piece::Secret(secret)] => secret.decoded().map(|secret| secret.placeholder()),
        [_, ..] => None,
    };
    match password {
        Some(password) => (format!("{before}{after}"), Some(password)),
        None => (whole, None),
    }
}

/// What comes before the password of a URL, the password, and what comes after it.
fn password_in(url: &str) -> Option<(&str, &str, &str)> {
    let authority = url.find("://")? + 3;
    let end = url[authority..].find(['/', '?']).map_or(url.len(), |end| authority + end);
    let at = authority + url[authority..end].rfind('@')?;
    let colon = authority + url[authority..at].find(':')?;
    Some((&url[..colon], &url[colon + 1..at], &url[at..]))
}
