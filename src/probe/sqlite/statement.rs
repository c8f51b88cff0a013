//! Runs one statement with bound values, and returns its rows as JSON.

use std::sync::LazyLock;

use regex::Regex;
use rusqlite::fallible_iterator::FallibleIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, Statement};
use serde_json::Value;

use super::fault::{refused, too_large};
use crate::language::sql::BoundSql;
use crate::outcome::Failure;
use crate::probe::database::Access;
use crate::probe::rows::{LARGEST, Numbers, QueryResult, ResultColumn, Row};

/// Does it ask how the journal is kept? SQLite says of this that it writes, because with a value it would.
fn asks_for_journal_mode(sql: &str) -> bool {
    static PATTERN: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?i)^\s*pragma\s+(\w+\s*\.\s*)?journal_mode\s*;?\s*$").expect("a sound pattern")
    });
    PATTERN.is_match(sql)
}

/// Runs `bound` in the open transaction.
pub(super) fn run(
    connection: &Connection,
    bound: &BoundSql,
    keep: usize,
    access: Access,
    sql_failure: impl Fn(rusqlite::Error) -> Failure,
) -> Result<QueryResult, Failure> {
    let may_write = match access {
        Access::Read | Access::Snapshot => false,
        Access::Write => true,
    };
    let mut batch = Batch::new(connection, &bound.text);
    let Some(mut statement) = batch.next().map_err(&sql_failure)? else {
        return Err(refused("there is no statement in the query", "write one `select`"));
    };
    if batch.next().map_or(true, |second| second.is_some()) {
        return Err(refused(
            "a query is one statement, and here are several",
            "split them over several checks",
        ));
    }
    if !may_write && !statement.readonly() && !asks_for_journal_mode(&bound.text) {
        let hint = "a check reads; `writes = true` allows a statement that writes, and rolls it back";
        return Err(refused("the statement would write", hint));
    }
    for (index, value) in bound.parameters.iter().enumerate() {
        bind(&mut statement, index + 1, value).map_err(&sql_failure)?;
    }
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    if columns.is_empty() && !may_write {
        return Err(refused("the statement gives no rows, so it is no query", "ask with `select`"));
    }
    let mut answer = QueryResult::default();
    if columns.is_empty() {
        let changed = statement.raw_execute().map_err(&sql_failure)?;
        answer.count = u64::try_from(changed).unwrap_or(u64::MAX);
        return Ok(answer);
    }
    // What a column holds is said by each value; one with a float among them is of floats.
    let exact = |name: &String| ResultColumn { name: name.clone(), numbers: Numbers::Exact };
    answer.columns = columns.iter().map(exact).collect();
    let mut kept = 0;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(&sql_failure)? {
        answer.count += 1;
        if answer.rows.len() < keep {
            for index in 0..columns.len() {
                let cell = row.get_ref(index).map_err(&sql_failure)?;
                kept += size(cell);
                if matches!(cell, ValueRef::Real(_)) {
                    answer.columns[index].numbers = Numbers::Float;
                }
            }
            if kept > LARGEST {
                return Err(too_large());
            }
            let cell = |(index, name): (usize, &String)| Ok((name.clone(), to_json(row.get_ref(index)?)));
            let cells: Result<Row, rusqlite::Error> = columns.iter().enumerate().map(cell).collect();
            answer.rows.push(cells.map_err(&sql_failure)?);
        }
    }
    Ok(answer)
}

fn bind(statement: &mut Statement<'_>, index: usize, value: &Value) -> rusqlite::Result<()> {
    match value {
        Value::Null => statement.raw_bind_parameter(index, rusqlite::types::Null),
        Value::Bool(truth) => statement.raw_bind_parameter(index, truth),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => statement.raw_bind_parameter(index, integer),
            (None, Some(float)) => statement.raw_bind_parameter(index, float),
            (None, None) => statement.raw_bind_parameter(index, number.to_string()),
        },
        Value::String(text) => statement.raw_bind_parameter(index, text),
        Value::Array(_) | Value::Object(_) => statement.raw_bind_parameter(index, value.to_string()),
    }
}

/// Returns the bytes of a cell that count towards the limit.
fn size(cell: ValueRef<'_>) -> usize {
    match cell {
        ValueRef::Text(text) => text.len(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => 0,
    }
}

fn to_json(cell: ValueRef<'_>) -> Value {
    match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::from(number),
        ValueRef::Real(number) if number.is_finite() => Value::from(number),
        // JSON has no such number.
        ValueRef::Real(infinity) => Value::from(if infinity > 0.0 { "Infinity" } else { "-Infinity" }),
        ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text)),
        ValueRef::Blob(bytes) => Value::from(format!("{} bytes of binary data", bytes.len())),
    }
}
