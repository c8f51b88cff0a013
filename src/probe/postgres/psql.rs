//! Renders a query as a `psql` command, so that people can reproduce it.

use std::time::Duration;

use super::query::is_plain_show;
use super::transaction::milliseconds;
use crate::attempt::shell::{ShellCommand, seconds};
use crate::probe::database::{Access, Reproduction};
use crate::probe::url_password::password_apart;

/// Returns a command that asks the same. It sets the limits in the transaction, because a pooler rejects `PGOPTIONS`.
pub(super) fn command(asked: &Reproduction<'_>) -> ShellCommand {
    let Reproduction { access, limit, .. } = *asked;
    let limits = format!("set local statement_timeout = {}", milliseconds(limit));
    let (url, password) = password_apart(asked.url, asked.shown_url, "$PGPASSWORD");
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
    // libpq accepts only whole seconds, and treats one as two.
    let to_connect = seconds(Duration::from_secs(limit.as_secs().max(2)));
    command.with_env("PGCONNECT_TIMEOUT", &to_connect)
}
