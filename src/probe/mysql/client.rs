//! A query as a command for `mysql` or `mariadb`, for running by hand.
//!
//! Neither client takes a URL, and a password given as an argument could be seen by others. Each has TLS options that
//! the other lacks: `--loose-` makes a client ignore an option that it does not know.

use super::url::{MysqlUrl, SslMode};
use crate::attempt::shell::{ShellCommand, seconds};
use crate::probe::database::{Access, Reproduction};
use crate::probe::socket::Endpoint;
use crate::secret::placeholder::{Piece, pieces, placeholder};

/// Returns the command that runs the same query.
pub(super) fn command(asked: &Reproduction<'_>) -> ShellCommand {
    let program = if asked.url.starts_with("mariadb:") { "mariadb" } else { "mysql" };
    // On an interrupt, the client ends the query on the server, too.
    let command = ShellCommand::new("timeout").words(&["-s", "INT", &seconds(asked.limit), program]);
    let Ok(url) = MysqlUrl::parse(asked.url) else { return command };
    let command = match &url.endpoint {
        Endpoint::Tcp(target) => {
            command.words(&["--protocol=tcp", "-h", &target.host, "-P", &target.port.to_string()])
        }
        #[cfg(unix)]
        Endpoint::Socket { path, .. } => command.words(&["-S", &path.display().to_string()]),
    };
    let command = with_tls(&url, command.words(&["-u", &url.user]));
    let command = match password(asked) {
        Some(password) => command.with_env("MYSQL_PWD", &password),
        None => command,
    };
    let statement = match (asked.statement, asked.access) {
        (None, _) => "select 1".to_owned(),
        (Some(statement), access) => {
            let begin = match access {
                Access::Read | Access::Snapshot => "start transaction read only",
                Access::Write => "start transaction",
            };
            let statement = statement.trim_end().trim_end_matches(';');
            // A trailing comment would extend to the end of the line.
            let separator = if statement.contains('#') || statement.contains("--") { "\n; " } else { "; " };
            format!("{begin}; {statement}{separator}rollback")
        }
    };
    let command = command.words(&["-e", &statement]);
    match &url.database {
        Some(database) => command.word(database),
        None => command,
    }
}

fn with_tls(url: &MysqlUrl, command: ShellCommand) -> ShellCommand {
    let file = |command: ShellCommand, option: &str, path: &Option<std::path::PathBuf>| match path {
        Some(path) => command.word(&format!("--{option}={}", path.display())),
        None => command,
    };
    if url.host().is_none() {
        return command;
    }
    let command = match url.ssl_mode {
        SslMode::Disabled => command.words(&["--loose-ssl-mode=DISABLED", "--loose-skip-ssl"]),
        SslMode::Preferred => command,
        SslMode::Required => command.word("--loose-ssl-mode=REQUIRED"),
        SslMode::VerifyCa => command.word("--loose-ssl-mode=VERIFY_CA"),
        SslMode::VerifyIdentity => {
            command.words(&["--loose-ssl-mode=VERIFY_IDENTITY", "--loose-ssl-verify-server-cert"])
        }
    };
    let command = file(command, "ssl-ca", &url.ca);
    file(file(command, "ssl-cert", &url.cert), "ssl-key", &url.key)
}

/// Returns the password for the client's environment.
fn password(asked: &Reproduction<'_>) -> Option<String> {
    // The password is in the suite as plain text, which a report must not show; or a shell cannot derive it from the
    // secret.
    let unsaid = || placeholder("$MYSQL_PWD");
    let has_one = password_in(asked.url).is_some_and(|password| !password.is_empty());
    if !has_one {
        return None;
    }
    let Some(shown) = password_in(asked.shown_url) else { return Some(unsaid()) };
    Some(match pieces(shown).as_slice() {
        [Piece::Secret(secret)] if secret.is_as_it_is() => {
            let has_escapes = password_in(asked.url).is_none_or(|real| real.contains('%'));
            if has_escapes { unsaid() } else { secret.placeholder() }
        }
        [Piece::Secret(secret)] => secret.decoded().map_or_else(unsaid, |secret| secret.placeholder()),
        _ => unsaid(),
    })
}

/// Returns the password of a URL, as written there.
fn password_in(url: &str) -> Option<&str> {
    let authority = url.find("://")? + 3;
    let end = url[authority..].find(['/', '?']).map_or(url.len(), |end| authority + end);
    let at = authority + url[authority..end].rfind('@')?;
    let colon = authority + url[authority..at].find(':')?;
    Some(&url[colon + 1..at])
}
