//! PostgreSQL: connect, log in, and run one statement that cannot write.
//!
//! A statement runs through the extended protocol (one statement, values bound) inside a transaction that is
//! read-only and has taken its snapshot already, so that it cannot be made writable any more; and a query is
//! wrapped as a common table expression and comes back as JSON text: no parser of our own, exact decimals, and
//! nothing that is not a query (`COPY`, `DO`, `LOCK`) can run there. `statement_timeout` ends it on the server
//! when nobody is left to cancel it.

mod bounded;
mod config;
mod hosts;
mod user;

mod connect;
mod fault;
mod psql;
mod query;
mod socket;
mod target;
mod values;

use std::time::Duration;

pub use self::config::{PostgresUrl, is_postgres_url};
use self::connect::{Connection, beside};
pub use self::psql::{Urls, as_psql};
use super::rows::QueryResult;
use crate::attempt::Context;
use crate::language::template::BoundSql;
use crate::outcome::{Failure, Phase};

/// May a statement write, in a transaction that is rolled back?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    Refused,
    RolledBack,
}

/// The server ends a statement by itself this long after the budget did: late enough that a cut is told as what
/// it is, early enough that nothing runs on.
const SERVER_TIMEOUT_SLACK: Duration = Duration::from_millis(100);

/// A lock that is not granted this long before the budget ends is given up, so that the lock can be named: a fifth
/// of what is left, and no more than this. The server's word must still come, from a busy machine too.
const LOCK_TIMEOUT_LEAD: Duration = Duration::from_millis(250);

/// Runs `statement` at `url`, or makes one round trip if there is none.
///
/// # Errors
/// No connection, no login, or an SQL error.
pub async fn ask(
    url: &PostgresUrl,
    statement: Option<&BoundSql>,
    writes: Writes,
    context: &Context,
) -> Result<QueryResult, Failure> {
    if let Some(password) = url.password() {
        context.hide(&password);
    }
    let mut link = connect::connect(url, context).await?;
    context.timeline.enter(Phase::Query);
    let leftover = context.cancellations.on_cut(link.connection.cancel_request(context));
    let answer = beside(&mut link.io, in_transaction(&link.connection, statement, writes, context)).await;
    leftover.disarm();
    context.timeline.end();
    link.say_good_bye().await;
    answer
}

async fn in_transaction(
    connection: &Connection,
    statement: Option<&BoundSql>,
    writes: Writes,
    context: &Context,
) -> Result<QueryResult, Failure> {
    let client = &connection.client;
    let begin = begin(writes, context);
    let begun =
        async { client.batch_execute(&begin).await.map_err(|error| fault::sql(&error, None, context)) };
    let answer = match statement {
        Some(statement) => query::run(client, begun, statement, writes, context).await,
        None => begun.await.map(|()| QueryResult { count: 1, ..QueryResult::default() }),
    };
    if answer.is_ok() || !client.is_closed() {
        // What it did is undone by the end of the connection too; this ends it in good order.
        let _ = client.batch_execute("rollback").await;
    }
    answer
}

/// Opens the transaction. The `select` takes its snapshot: from then on it cannot be made writable.
fn begin(writes: Writes, context: &Context) -> String {
    let left = context.deadline.remaining();
    let mode = match writes {
        Writes::Refused => "read only",
        Writes::RolledBack => "read write",
    };
    let lead = LOCK_TIMEOUT_LEAD.min(left / 5);
    format!(
        "begin transaction {mode}; set local statement_timeout = {}; set local lock_timeout = {}; select 1",
        milliseconds(left + SERVER_TIMEOUT_SLACK),
        milliseconds(left.saturating_sub(lead)),
    )
}

/// A time-out as PostgreSQL takes it; zero would switch it off.
fn milliseconds(span: Duration) -> u128 {
    span.as_millis().clamp(1, i32::MAX as u128)
}
