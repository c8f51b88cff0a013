//! One statement, its values bound, its rows as JSON.

use std::error::Error as StdError;
use std::pin::pin;

use bytes::BytesMut;
use futures_util::TryStreamExt as _;
use futures_util::future::join;
use serde::de::{Deserialize, MapAccess, Visitor};
use serde_json::Value;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type};
use tokio_postgres::{Client, Error, Row, Statement};

use super::fault;
use super::transaction::Transaction;
use super::values::from_columns;
use crate::attempt::Context;
use crate::language::sql::{BoundSql, statement};
use crate::outcome::{Failure, Fault};
use crate::probe::database::Access;
use crate::probe::rows::{self, QueryResult};
use crate::secret::Message;

/// Runs `sql` in `transaction`, whose opening is sent ahead of it.
pub(super) async fn run(
    client: &Client,
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
    let text = statement(&sql.text);
    let failed = |error: &Error| fault::sql(error, Some(text), context);
    // Preparing it as it stands finds its mistakes at their own positions, and that it is one statement. It is sent
    // without waiting for the transaction to be open: the server takes one after the other, and nothing runs yet.
    let opening = transaction.opening(context);
    let (opened, as_written) = join(client.batch_execute(&opening), client.prepare(text)).await;
    opened.map_err(|error| fault::sql(&error, None, context))?;
    let as_written = as_written.map_err(|error| failed(&error))?;
    if as_written.params().len() != sql.parameters.len() {
        return Err(own_placeholder());
    }
    let parameters: Vec<TextParameter<'_>> = sql.parameters.iter().map(TextParameter).collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|parameter| parameter as _).collect();

    if as_written.columns().is_empty() {
        return match may_write {
            false => Err(not_a_query()),
            // Into a file or a program for good, or it waits for data that nobody sends.
            true if starts_with(text, &["copy"]) => Err(refused(
                "`copy` cannot be rolled back",
                "write with `insert`, `update` or `delete`, which are",
            )),
            true => {
                let count = client.execute(&as_written, &parameters).await.map_err(|error| failed(&error))?;
                Ok(QueryResult { count, ..QueryResult::default() })
            }
        };
    }
    let wrapped =
        format!("with smoke_query as (\n{text}\n) select row_to_json(smoke_query)::text from smoke_query");
    match client.prepare(&wrapped).await {
        Ok(prepared) => {
            let asked = Asked { statement: &prepared, parameters: &parameters, keep };
            asked.rows(client, from_json_text, |error| wrapped_failure(error, context)).await
        }
        // What is no query cannot be wrapped: SHOW and EXPLAIN only tell, anything else must be allowed to write.
        Err(error) if may_write || starts_with(text, &["show", "explain"]) => {
            // The failed preparation has spoilt the transaction; nothing was done in it since its opening.
            transaction.after(&Err::<(), _>(error));
            let reopened = client.batch_execute(&transaction.opening(context)).await;
            reopened.map_err(|error| fault::sql(&error, None, context))?;
            let asked = Asked { statement: &as_written, parameters: &parameters, keep };
            asked.rows(client, from_columns, failed).await
        }
        // A statement that changes data may stand in a `with` at the top only, and nothing else has such an error.
        Err(error) if error.code() == Some(&SqlState::FEATURE_NOT_SUPPORTED) => Err(would_write()),
        Err(error) => Err(fault::sql(&error, Some(&wrapped), context)),
    }
}

/// A prepared statement that gives rows.
struct Asked<'q> {
    statement: &'q Statement,
    parameters: &'q [&'q (dyn ToSql + Sync)],
    keep: usize,
}

impl Asked<'_> {
    /// Counts the rows as they come, and keeps the first ones.
    async fn rows(
        &self,
        client: &Client,
        read: fn(&Row, u64) -> Result<rows::Row, Failure>,
        failed: impl Fn(&Error) -> Failure,
    ) -> Result<QueryResult, Failure> {
        let rows = client.query_raw(self.statement, self.parameters.iter().copied()).await;
        let mut rows = pin!(rows.map_err(|error| failed(&error))?);
        let mut answer = QueryResult::default();
        while let Some(row) = rows.try_next().await.map_err(|error| failed(&error))? {
            answer.count += 1;
            if answer.rows.len() < self.keep {
                answer.rows.push(read(&row, answer.count)?);
            }
        }
        Ok(answer)
    }
}

fn starts_with(text: &str, words: &[&str]) -> bool {
    let first: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    words.iter().any(|word| first.eq_ignore_ascii_case(word))
}

/// What is wrong with the statement inside its brackets.
fn wrapped_failure(error: &Error, context: &Context) -> Failure {
    // Of an `insert … returning` the server then sees the `select` around it.
    let is_wrapping = error.as_db_error().is_some_and(|told| {
        *told.code() == SqlState::READ_ONLY_SQL_TRANSACTION && told.message().contains("execute SELECT in")
    });
    if is_wrapping { would_write() } else { fault::sql(error, None, context) }
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
    Failure::fault(Fault::Sql, Message::new().words("running the query"), Message::new().words(cause))
        .with_hint(Message::new().words(hint))
}

/// A value sent as text, which the server reads as the type it needs there.
#[derive(Debug)]
struct TextParameter<'v>(&'v Value);

impl ToSql for TextParameter<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let text = match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::String(text) => text.clone(),
            list @ Value::Array(_) if matches!(ty.kind(), Kind::Array(_)) => array(list),
            other => other.to_string(),
        };
        text.to_sql(&Type::TEXT, out).map_err(|error| format!("a value for {}: {error}", ty.name()).into())
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    tokio_postgres::types::to_sql_checked!();
}

/// An array as PostgreSQL writes it: `{"a","b"}`, `{{1,2},{3,4}}`.
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

/// A row of `row_to_json(…)::text`.
fn from_json_text(row: &Row, number: u64) -> Result<rows::Row, Failure> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::fault(Fault::Protocol, reading(number), Message::new().data(error.to_string()))
    };
    let text: &str = row.try_get(0).map_err(|error| unreadable(&error))?;
    serde_json::from_str::<Columns>(text).map(|columns| columns.0).map_err(|error| unreadable(&error))
}

/// What is done with the row of this number, counted from 1.
pub(super) fn reading(number: u64) -> Message {
    match number {
        1 => Message::new().words("reading the first row"),
        _ => Message::new().words(format!("reading row {number}")),
    }
}

/// The columns of a JSON row in their order, two of one name both kept.
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
                while let Some(column) = map.next_entry()? {
                    columns.push(column);
                }
                Ok(Columns(columns))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
