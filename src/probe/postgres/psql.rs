//! A query as a `psql` command, for people to repeat by hand.

use std::time::Duration;

use super::query::is_plain_show;
use super::transaction::milliseconds;
use crate::attempt::shell::{ShellCommand, seconds};
use crate::probe::database::{Access, Reproduction};
use crate::secret::placeholder::{Piece, pieces, placeholder};

/// The command that asks the server the same. The limits are set in the transaction: a pooler refuses `PGOPTIONS`.
pub(super) fn command(asked: &Reproduction<'_>) -> ShellCommand {
    let Reproduction { access, limit, .. } = *asked;
    let limits = format!("set local statement_timeout = {}", milliseconds(limit));
    let (url, password) = password_apart(asked);
    let psql = ShellCommand::new("psql").words(&["-X", &url]);
    let psql = password.into_iter().fold(psql, |psql, password| psql.with_env("PGPASSWORD", &password));
    let command = match (asked.statement, access) {
        (None, _) => psql.words(&["-c", "select 1"]),
        (Some(show), _) if is_plain_show(show) => psql.words(&["-c", show]),
        (Some(statement), Access::Read | Access::Snapshot) => {
            psql.words(&["-c", &format!("begin read only; {limits}"), "-c", statement, "-c", "rollback"])
        }
        (Some(statement), Access::Write) => psql.words(&[
            "-c",
            &format!("begin; {limits}"),
            "-c",
            statement,
            "-c",
            "set constraints all immediate",
            "-c",
            "rollback",
        ]),
    };
    // libpq knows whole seconds only, and takes one for two.
    let to_connect = seconds(Duration::from_secs(limit.as_secs().max(2)));
    command.with_env("PGCONNECT_TIMEOUT", &to_connect)
}

/// The URL without its password, and the password as the server wants it: an argument is seen by whoever lists the
/// processes. One that a shell cannot decode stays where it is.
fn password_apart(asked: &Reproduction<'_>) -> (String, Option<String>) {
    let whole = asked.shown_url.to_owned();
    let Some((before, shown, after)) = password_in(asked.shown_url) else { return (whole, None) };
    let password = match pieces(shown).as_slice() {
        [] => None,
        // It stands there in clear, and is not for a report.
        [Piece::Text(_)] => Some(placeholder("$PGPASSWORD")),
        [Piece::Secret(secret)] if secret.is_as_it_is() => {
            let has_escapes = password_in(asked.url).is_none_or(|(_, real, _)| real.contains('%'));
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
