//! One statement, its values bound, its rows as JSON.

use std::error::Error as StdError;

use bytes::BytesMut;
use serde::de::{Deserialize, MapAccess, Visitor};
use serde_json::Value;
use tokio_postgres::types::{Format, FromSql, IsNull, ToSql, Type};
use tokio_postgres::{Client, Row, Statement};

use super::{Writes, fault};
use crate::check::Context;
use crate::expect::rows::RowsAnswer;
use crate::outcome::{Failure, Fault};
use crate::secret::Message;
use crate::suite::template::BoundSql;

/// Runs `sql` in the transaction that is open.
pub(super) async fn run(
    client: &Client,
    sql: &BoundSql,
    writes: Writes,
    context: &Context,
) -> Result<RowsAnswer, Failure> {
    let text = sql.text.trim().trim_end_matches(';').trim_end();
    let failed = |error: &tokio_postgres::Error| fault::sql(error, Some(text), context);
    // Preparing it as it stands finds its mistakes at their own positions, and that it is one statement.
    let as_written = client.prepare(text).await.map_err(|error| failed(&error))?;
    let parameters: Vec<TextParameter<'_>> = sql.parameters.iter().map(TextParameter).collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|parameter| parameter as _).collect();

    if as_written.columns().is_empty() {
        return match writes {
            Writes::Refused => Err(not_a_query()),
            Writes::RolledBack => {
                let count = client.execute(&as_written, &parameters).await.map_err(|error| failed(&error))?;
                Ok(RowsAnswer { count, ..RowsAnswer::default() })
            }
        };
    }
    let wrapped =
        format!("with smoke_query as (\n{text}\n) select row_to_json(smoke_query)::text from smoke_query");
    match client.prepare(&wrapped).await {
        Ok(wrapped) => {
            let rows = client.query(&wrapped, &parameters).await.map_err(|error| failed(&error))?;
            let first = rows.first().map(from_json_text).transpose()?;
            Ok(RowsAnswer { count: count(&rows), first, ..RowsAnswer::default() })
        }
        // What is no query cannot be wrapped: SHOW and EXPLAIN only tell, anything else must be allowed to write.
        Err(_) if writes == Writes::RolledBack || only_tells(text) => {
            // The failed preparation has spoilt the transaction; nothing was done in it.
            restart(client, writes, context).await?;
            let again: Statement = client.prepare(text).await.map_err(|error| failed(&error))?;
            let rows = client.query(&again, &parameters).await.map_err(|error| failed(&error))?;
            let first = rows.first().map(from_columns).transpose()?;
            Ok(RowsAnswer { count: count(&rows), first, ..RowsAnswer::default() })
        }
        Err(error) => Err(failed(&error)),
    }
}

async fn restart(client: &Client, writes: Writes, context: &Context) -> Result<(), Failure> {
    let again = match writes {
        Writes::Refused => "rollback; begin transaction read only; select 1",
        Writes::RolledBack => "rollback; begin transaction read write; select 1",
    };
    let timeouts = format!(
        "set local statement_timeout = {}",
        super::milliseconds(context.deadline.remaining() + super::SERVER_TIMEOUT_SLACK)
    );
    client
        .batch_execute(&format!("{again}; {timeouts}"))
        .await
        .map_err(|error| fault::sql(&error, None, context))
}

fn only_tells(text: &str) -> bool {
    let first: String = text.chars().take_while(char::is_ascii_alphabetic).collect();
    ["show", "explain"].iter().any(|word| first.eq_ignore_ascii_case(word))
}

fn not_a_query() -> Failure {
    let doing = Message::new().words("running the query");
    let cause =
        Message::new().words("the statement gives no rows, so it is no query, and a check only reads");
    Failure::fault(Fault::Sql, doing, cause).with_hint(
        Message::new()
            .words("ask with `select`; `writes = true` allows a statement that writes, and rolls it back"),
    )
}

fn count(rows: &[Row]) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}

/// A value sent as text, which the server reads as the type it needs there.
#[derive(Debug)]
struct TextParameter<'v>(&'v Value);

impl ToSql for TextParameter<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        let text = match self.0 {
            Value::Null => return Ok(IsNull::Yes),
            Value::String(text) => text.clone(),
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

/// A row of `row_to_json(…)::text`.
fn from_json_text(row: &Row) -> Result<Vec<(String, Value)>, Failure> {
    let text: &str = row.try_get(0).map_err(|error| unreadable(&error))?;
    serde_json::from_str::<Columns>(text).map(|columns| columns.0).map_err(|error| unreadable(&error))
}

fn unreadable(error: &dyn std::fmt::Display) -> Failure {
    Failure::fault(
        Fault::Protocol,
        Message::new().words("reading the first row"),
        Message::new().data(error.to_string()),
    )
}

/// The columns of a JSON row in their order, two of one name both kept.
struct Columns(Vec<(String, Value)>);

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

/// A row of something that could not be wrapped. Its columns come in PostgreSQL's binary form; the common types
/// are read, and the rest says how to be readable.
fn from_columns(row: &Row) -> Result<Vec<(String, Value)>, Failure> {
    row.columns()
        .iter()
        .enumerate()
        .map(|(index, column)| {
            let cell: Cell = row.try_get(index).map_err(|error| {
                let cause = Message::new()
                    .words("the column `")
                    .data(column.name())
                    .words("`: ")
                    .data(error.to_string());
                Failure::fault(Fault::Protocol, Message::new().words("reading the first row"), cause)
                    .with_hint(Message::new().words("cast the column to text in the query"))
            })?;
            Ok((column.name().to_owned(), cell.0))
        })
        .collect()
}

struct Cell(Value);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Cell(match *ty {
            Type::BOOL => bool::from_sql(ty, raw)?.into(),
            Type::INT2 => i16::from_sql(ty, raw)?.into(),
            Type::INT4 => i32::from_sql(ty, raw)?.into(),
            Type::INT8 => i64::from_sql(ty, raw)?.into(),
            Type::FLOAT4 => f32::from_sql(ty, raw)?.into(),
            Type::FLOAT8 => f64::from_sql(ty, raw)?.into(),
            Type::JSON => serde_json::from_slice(raw)?,
            _ => std::str::from_utf8(raw)?.into(),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Cell(Value::Null))
    }

    fn accepts(ty: &Type) -> bool {
        matches!(
            *ty,
            Type::BOOL
                | Type::INT2
                | Type::INT4
                | Type::INT8
                | Type::FLOAT4
                | Type::FLOAT8
                | Type::JSON
                | Type::TEXT
                | Type::VARCHAR
                | Type::BPCHAR
                | Type::NAME
                | Type::XML
                | Type::UNKNOWN
        )
    }
}
