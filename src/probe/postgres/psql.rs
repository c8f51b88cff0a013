//! A query as a `psql` command, for people to repeat by hand.

use std::time::Duration;

use super::{Writes, milliseconds};
use crate::probe::shell::{ShellCommand, seconds, without_clear_password};

/// The command that asks the database at `url`, which has stand-ins for its secrets, the same.
#[must_use]
pub fn as_psql(url: &str, statement: Option<&str>, writes: Writes, limit: Duration) -> ShellCommand {
    let statement = statement.unwrap_or("select 1");
    let mut options = format!("-c statement_timeout={}ms", milliseconds(limit));
    if writes == Writes::Refused {
        options.push_str(" -c default_transaction_read_only=on");
    }
    let psql = ShellCommand::new("psql").words(&["-X", &without_clear_password(url, "$PGPASSWORD")]);
    let command = match writes {
        Writes::Refused => psql.words(&["-c", statement]),
        Writes::RolledBack => psql.words(&["-c", "begin", "-c", statement, "-c", "rollback"]),
    };
    // libpq knows whole seconds only, and takes one for two.
    let to_connect = seconds(Duration::from_secs(limit.as_secs().max(2)));
    command.with_env("PGCONNECT_TIMEOUT", &to_connect).with_env("PGOPTIONS", &options)
}
