//! Running one statement with bound values.

use std::io::Error;

use super::fault::code;
use super::lexis::LEXIS;
use super::packets::{Column, Prepared, Refusal};
use super::transaction::Transaction;
use super::values::{described, from_columns};
use super::wire::{Answer, Cell, Wire};
use super::words::{Kind, kind};
use super::{fault, writes};
use crate::attempt::Context;
use crate::attempt::cost;
use crate::language::sql::{BoundSql, statement};
use crate::outcome::{Failure, Phase};
use crate::probe::database::Access;
use crate::probe::rows::{LARGEST, QueryResult, TOO_LARGE};
use crate::secret::{Message, message};

/// Runs `sql` in `transaction`, and begins the transaction if necessary.
pub(super) async fn run(
    wire: &mut Wire,
    transaction: &mut Transaction,
    sql: &BoundSql,
    keep: usize,
    context: &Context,
) -> Result<QueryResult, Failure> {
    transaction.open(wire, context).await?;
    context.timeline.enter(Phase::Query);
    let text = statement(&sql.text, LEXIS);
    let mut rows = Rows::new(keep);
    // Some of these statements cannot be prepared.
    if kind(text) == Kind::Tells && sql.parameters.is_empty() {
        only_what_can_be_undone(text, wire, transaction.access(), context).await?;
        let ran = wire.query(text, |columns, cells| rows.add(columns, cells)).await;
        return rows.finish(ran, context);
    }
    // Preparing the statement finds its mistakes and proves that it is a single one, without running any of it.
    let prepared = prepare(wire, text).await?.map_err(|refusal| not_prepared(&refusal, text, context))?;
    if usize::from(prepared.parameters) != sql.parameters.len() {
        return Err(own_placeholder());
    }
    may_run(text, prepared, wire, transaction.access(), context).await?;
    let ran = wire.execute(prepared, &sql.parameters, |columns, cells| rows.add(columns, cells)).await;
    wire.forget(prepared);
    rows.finish(ran, context)
}

async fn prepare(wire: &mut Wire, text: &str) -> Result<Result<Prepared, Refusal>, Failure> {
    wire.prepare(text).await.map_err(|error: Error| fault::conversation(&error))
}

/// Explains why the server did not understand the statement, or refused to run it.
fn not_prepared(refusal: &Refusal, text: &str, context: &Context) -> Failure {
    match (refusal.code, kind(text)) {
        (code::READ_ONLY_TRANSACTION, Kind::Changes | Kind::Other(_)) => would_write(),
        (code::SYNTAX, _) if text.contains(';') => fault::sql(refusal, context)
            .with_hint(message!("a query is one statement: split it over several checks")),
        _ => fault::sql(refusal, context),
    }
}

/// Checks that the statement does only what the check may do.
async fn may_run(
    text: &str,
    prepared: Prepared,
    wire: &mut Wire,
    access: Access,
    context: &Context,
) -> Result<(), Failure> {
    let may_write = access == Access::Write;
    match kind(text) {
        Kind::Tells => {}
        Kind::Query if may_write && prepared.columns == 0 => return Err(gives_nothing()),
        Kind::Query => only_reads(text, prepared, wire).await?,
        Kind::Changes if may_write => {}
        Kind::Other(word) if may_write => return Err(writes::not_rolled_back(word)),
        Kind::Changes | Kind::Other(_) if prepared.columns == 0 => return Err(not_a_query()),
        Kind::Changes | Kind::Other(_) => return Err(would_write()),
    }
    only_what_can_be_undone(text, wire, access, context).await
}

/// Checks that everything written can be undone. Without write access the server enforces that. With it, even a query
/// or a `show` may run a function that writes to a non-transactional table.
async fn only_what_can_be_undone(
    text: &str,
    wire: &mut Wire,
    access: Access,
    context: &Context,
) -> Result<(), Failure> {
    match access {
        Access::Read | Access::Snapshot => Ok(()),
        Access::Write => writes::can_be_rolled_back(text, wire, context).await,
    }
}

/// Prepares the statement as part of a query, where the server accepts only statements that ask for rows, and none that
/// writes them to a file.
async fn only_reads(text: &str, prepared: Prepared, wire: &mut Wire) -> Result<(), Failure> {
    if prepared.columns == 0 {
        return Err(not_a_query());
    }
    match prepare(wire, &format!("select exists (\n{text}\n)")).await? {
        Ok(inside) => {
            wire.forget(inside);
            Ok(())
        }
        Err(refusal) => {
            let cause =
                "the statement does more than a query that can stand in brackets, and a check only reads: ";
            Err(fault::not_run(
                Message::new().words(cause).data(refusal.message),
                "leave out `into`, `sql_calc_found_rows`, `sql_no_cache` and the like",
            ))
        }
    }
}

/// The rows as they arrive. All are counted, but only the first ones are kept.
struct Rows {
    keep: usize,
    size: usize,
    result: QueryResult,
}

impl Rows {
    fn new(keep: usize) -> Rows {
        Rows { keep, size: 0, result: QueryResult::default() }
    }

    fn add(&mut self, columns: &[Column], cells: Vec<Cell>) {
        self.result.count += 1;
        if self.result.rows.len() < self.keep && self.size <= LARGEST {
            let row = from_columns(columns, cells);
            self.size += row.iter().map(|(name, value)| name.len() + cost::length(value)).sum::<usize>();
            self.result.rows.push(row);
        }
    }

    fn finish(mut self, ran: Result<Answer, Error>, context: &Context) -> Result<QueryResult, Failure> {
        let answer = ran.map_err(|error| fault::conversation(&error))?;
        if let Some(refusal) = answer.refusal {
            return Err(fault::sql(&refusal, context));
        }
        if self.size > LARGEST {
            return Err(fault::not_run(message!("the rows are larger than 1 MiB"), TOO_LARGE));
        }
        if answer.columns.is_empty() {
            self.result.count = answer.affected;
        }
        self.result.columns = described(&answer.columns);
        Ok(self.result)
    }
}

const ASK: &str = "ask with `select`; `writes = true` allows a statement that writes, and rolls it back";

fn not_a_query() -> Failure {
    let cause = "the statement gives no rows, so it is no query, and a check only reads";
    fault::not_run(Message::new().words(cause), ASK)
}

/// Builds the failure for a query without rows. In MariaDB only `into` causes it.
fn gives_nothing() -> Failure {
    let cause = "the statement begins as a query and gives no rows: `into` cannot be rolled back, and a `with` that changes rows is not supported";
    fault::not_run(
        Message::new().words(cause),
        "write with `insert`, `update`, `delete` or `replace`, or leave `into` out",
    )
}

fn would_write() -> Failure {
    let cause = "the statement changes data, and a check only reads";
    fault::not_run(Message::new().words(cause), ASK)
}

fn own_placeholder() -> Failure {
    let cause = "the query has a placeholder of its own, such as `?`";
    fault::not_run(Message::new().words(cause), "write a variable instead: `{{name}}`")
}
