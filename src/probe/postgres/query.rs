//! Runs one statement with bound values, and returns its rows as JSON.

use std::io::Error;

use serde::de::{Deserialize, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Kind, Type};

use super::fault;
use super::transaction::Transaction;
use super::values::from_columns;
use super::wire::{Cell, Column, Refusal, Wire};
use crate::attempt::Context;
use crate::language::sql::{BoundSql, STANDARD, statement};
use crate::outcome::{Failure, Fault, Phase};
use crate::probe::database::Access;
use crate::probe::rows::{self, Numbers, QueryResult, ResultColumn};
use crate::secret::{Message, message};

/// Runs `sql` in `transaction`, whose opening is sent ahead of it.
pub(super) async fn run(
    wire: &mut Wire,
    transaction: &mut Transaction,
    sql: &BoundSql,
    keep: usize,
    context: &Context,
) -> Result<QueryResult, Failure> {
    let may_write = match transaction.access() {
        Access::Read | Access::Snapshot => false,
        Access::Write => true,
    };
    // What follows the statement would end up inside the brackets that it is put in.
    let text = statement(&sql.text, STANDARD);
    let broken = |error: Error| fault::conversation(&error);
    let failed = |refusal: Refusal| fault::sql(&refusal, Some(text), context);
    if is_plain_show(text) && sql.parameters.is_empty() {
        return show(wire, transaction, text, keep, context).await;
    }
    // Parsing the original text reports mistakes at their own positions, and ensures that it is one statement. It is
    // sent without waiting for the transaction to open: the server processes messages in order, and nothing runs yet.
    wire.ask_simply(&transaction.opening(context)).map_err(broken)?;
    wire.ask_to_parse(text).map_err(broken)?;
    let opened = transaction.opened(wire).await;
    context.timeline.enter(Phase::Query);
    let as_written = wire.answer(|_, _| ()).await;
    if let Some(refusal) = opened.map_err(broken)? {
        return Err(fault::sql(&refusal, None, context));
    }
    let mut as_written = as_written.map_err(broken)?;
    if let Some(refusal) = as_written.refusal.take() {
        return Err(failed(refusal));
    }
    if as_written.parameters.len() != sql.parameters.len() {
        return Err(own_placeholder());
    }
    let parameters: Vec<Cell> = sql
        .parameters
        .iter()
        .zip(&as_written.parameters)
        .map(|(value, type_oid)| text_of(value, *type_oid))
        .collect();
    if as_written.columns.is_empty() {
        return match may_write {
            false => Err(not_a_query()),
            // `copy` writes to a file or a program permanently, or waits for data that nobody sends.
            true if starts_with(text, &["copy"]) => Err(refused(
                "`copy` cannot be rolled back",
                "write with `insert`, `update` or `delete`, which are",
            )),
            true => {
                wire.ask_to_run(None, &parameters).map_err(broken)?;
                let ran = wire.answer(|_, _| ()).await.map_err(broken)?;
                match ran.refusal {
                    Some(refusal) => Err(failed(refusal)),
                    None => Ok(QueryResult { count: ran.count, ..QueryResult::default() }),
                }
            }
        };
    }
    let columns: Vec<ResultColumn> = as_written.columns.iter().map(result_column).collect();
    let with_columns = |result: QueryResult| QueryResult { columns, ..result };
    // What only tells is no query, and cannot be wrapped.
    if starts_with(text, &["show", "explain"]) {
        return as_columns(wire, None, &parameters, keep, failed).await;
    }
    let wrapped =
        format!("with smoke_query as (\n{text}\n) select row_to_json(smoke_query)::text from smoke_query");
    wire.ask_to_run(Some(&wrapped), &parameters).map_err(broken)?;
    let mut rows = Rows::new(keep);
    let ran =
        wire.answer(|_, cells| rows.add(|number| from_json_text(&cells, number))).await.map_err(broken)?;
    match ran.refusal {
        None => rows.finish().map(with_columns),
        Some(refusal) if ran.is_parsed => Err(wrapped_failure(&refusal, context)),
        // It changes data in its own `with`, which is only allowed at the top level.
        Some(refusal) if may_write => {
            // The error has aborted the transaction. Nothing was done in it since its opening.
            transaction.after(&Err::<(), _>(refusal));
            wire.ask_simply(&transaction.opening(context)).map_err(broken)?;
            if let Some(refusal) = transaction.opened(wire).await.map_err(broken)? {
                return Err(fault::sql(&refusal, None, context));
            }
            as_columns(wire, Some(text), &parameters, keep, failed).await
        }
        // A data-modifying `with` is only allowed at the top level, and nothing else causes this error.
        Some(refusal) if refusal.code == SqlState::FEATURE_NOT_SUPPORTED.code() => Err(would_write()),
        Some(refusal) => Err(fault::sql(&refusal, Some(&wrapped), context)),
    }
}

/// Whether the text is certainly a single `show`. A pooler answers some of them itself, but only in the simple
/// protocol.
pub(super) fn is_plain_show(text: &str) -> bool {
    starts_with(text, &["show"]) && !text.contains(';')
}

/// Runs a `show`. On a pooler's console, it runs without a transaction.
async fn show(
    wire: &mut Wire,
    transaction: &mut Transaction,
    text: &str,
    keep: usize,
    context: &Context,
) -> Result<QueryResult, Failure> {
    let broken = |error: Error| fault::conversation(&error);
    if !transaction.is_needless() {
        wire.ask_simply(&transaction.opening(context)).map_err(broken)?;
        let opened = transaction.opened(wire).await.map_err(broken)?;
        if let Some(refusal) = opened {
            return Err(fault::sql(&refusal, None, context));
        }
    }
    context.timeline.enter(Phase::Query);
    wire.ask_simply(text).map_err(broken)?;
    let mut rows = Rows::new(keep);
    let ran =
        wire.answer(|columns, cells| rows.add(|_| Ok(from_columns(columns, cells)))).await.map_err(broken)?;
    match ran.refusal {
        Some(refusal) => Err(fault::sql(&refusal, Some(text), context)),
        None => rows.finish(),
    }
}

/// Runs a statement without wrapping it, and converts its columns.
async fn as_columns(
    wire: &mut Wire,
    text: Option<&str>,
    parameters: &[Cell],
    keep: usize,
    failed: impl Fn(Refusal) -> Failure,
) -> Result<QueryResult, Failure> {
    wire.ask_to_run(text, parameters).map_err(|error| fault::conversation(&error))?;
    let mut rows = Rows::new(keep);
    let ran = wire.answer(|columns, cells| rows.add(|_| Ok(from_columns(columns, cells)))).await;
    match ran.map_err(|error| fault::conversation(&error))?.refusal {
        Some(refusal) => Err(failed(refusal)),
        None => rows.finish(),
    }
}

/// Counts all rows, and keeps the first ones.
struct Rows {
    keep: usize,
    result: QueryResult,
    failure: Option<Failure>,
}

impl Rows {
    fn new(keep: usize) -> Rows {
        Rows { keep, result: QueryResult::default(), failure: None }
    }

    fn add(&mut self, read: impl FnOnce(u64) -> Result<rows::Row, Failure>) {
        self.result.count += 1;
        if self.result.rows.len() < self.keep && self.failure.is_none() {
            match read(self.result.count) {
                Ok(row) => self.result.rows.push(row),
                Err(failure) => self.failure = Some(failure),
            }
        }
    }

    fn finish(self) -> Result<QueryResult, Failure> {
        self.failure.map_or(Ok(self.result), Err)
    }
}

fn starts_with(text: &str, words: &[&str]) -> bool {
    let first: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    words.iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// Returns the failure of a wrapped statement.
fn wrapped_failure(refusal: &Refusal, context: &Context) -> Failure {
    // For an `insert … returning`, the server reports the `select` around it.
    let is_wrapping = refusal.code == SqlState::READ_ONLY_SQL_TRANSACTION.code()
        && refusal.message.contains("execute SELECT in");
    if is_wrapping { would_write() } else { fault::sql(refusal, None, context) }
}

const ASK: &str = "ask with `select`; `writes = true` allows a statement that writes, and rolls it back";

fn not_a_query() -> Failure {
    refused("the statement gives no rows, so it is no query, and a check only reads", ASK)
}

fn would_write() -> Failure {
    refused("the statement changes data, and a check only reads", ASK)
}

fn own_placeholder() -> Failure {
    refused("the query has a placeholder of its own, such as `$1`", "write a variable instead: `{{name}}`")
}

fn refused(cause: &'static str, hint: &'static str) -> Failure {
    Failure::fault(Fault::Sql, message!("running the query"), Message::new().words(cause))
        .with_hint(Message::new().words(hint))
}

/// Returns a value as text, which the server parses as the required type.
fn text_of(value: &Value, type_oid: u32) -> Cell {
    match value {
        Value::Null => None,
        // The server would drop the offset: a `timestamp` is a time in UTC.
        Value::String(text) if type_oid == Type::TIMESTAMP.oid() => {
            Some(in_utc(text).unwrap_or_else(|| text.clone()))
        }
        Value::String(text) => Some(text.clone()),
        list @ Value::Array(_) if takes_an_array(type_oid) => Some(array(list)),
        other => Some(other.to_string()),
    }
}

/// `2026-11-27 23:00:00` for `2026-11-28T00:00:00+01:00`. `None` where there is no offset.
fn in_utc(text: &str) -> Option<String> {
    let at: jiff::Timestamp = text.parse().ok()?;
    Some(at.strftime("%Y-%m-%d %H:%M:%S%.f").to_string())
}

/// A type of the database's own that takes a list is nearly always an array of such a type.
fn takes_an_array(type_oid: u32) -> bool {
    Type::from_oid(type_oid).is_none_or(|known| matches!(known.kind(), Kind::Array(_)))
}

/// Formats an array as PostgreSQL does: `{"a","b"}`, `{{1,2},{3,4}}`.
fn array(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Array(items) => format!("{{{}}}", items.iter().map(array).collect::<Vec<_>>().join(",")),
        Value::String(text) => quoted(text),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Object(_) => quoted(&value.to_string()),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// The column with what its type says of its numbers. A domain comes as the type that it is over.
fn result_column(column: &Column) -> ResultColumn {
    let numbers = match Type::from_oid(column.type_oid).unwrap_or(Type::TEXT) {
        Type::INT2 | Type::INT4 | Type::INT8 | Type::NUMERIC => Numbers::Exact,
        Type::FLOAT4 | Type::FLOAT8 => Numbers::Float,
        _ => Numbers::AsWritten,
    };
    ResultColumn { name: column.name.clone(), numbers }
}

/// A row of `row_to_json(…)::text`.
fn from_json_text(cells: &[Cell], number: u64) -> Result<rows::Row, Failure> {
    let doing = match number {
        1 => message!("reading the first row"),
        _ => Message::new().words(format!("reading row {number}")),
    };
    let text = cells.first().and_then(Option::as_deref).unwrap_or_default();
    serde_json::from_str::<Columns>(text)
        .map(|columns| columns.0)
        .map_err(|error| Failure::fault(Fault::Protocol, doing, message!("{}", error)))
}

/// The columns of a JSON row in order. Duplicate names are kept.
struct Columns(rows::Row);

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Columns;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a row as a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Columns, A::Error> {
                let mut columns = Vec::new();
                while let Some((name, raw)) = map.next_entry::<String, Box<RawValue>>()? {
                    // Values that are nested too deeply to parse stay text. The suite may not use this column.
                    let value = serde_json::from_str(raw.get());
                    columns.push((name, value.unwrap_or_else(|_| Value::from(raw.get()))));
                }
                Ok(Columns(columns))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
