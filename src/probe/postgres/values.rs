//! Converts PostgreSQL's text format to JSON, for rows that could not be wrapped.
//!
//! These come from `show`, `explain` and a `with` that writes. Numbers, booleans and JSON keep their type, dates and
//! times are formatted as in JSON, and everything else is text as `psql` shows it.

use serde_json::Value;
use tokio_postgres::types::Type;

use super::wire::{Cell, Column};
use crate::probe::rows::Row;

pub(super) fn from_columns(columns: &[Column], cells: Vec<Cell>) -> Row {
    let cell = |(column, cell): (&Column, Cell)| (column.name.clone(), value(column.type_oid, cell));
    columns.iter().zip(cells).map(cell).collect()
}

fn value(type_oid: u32, cell: Cell) -> Value {
    let Some(text) = cell else { return Value::Null };
    let plain = match Type::from_oid(type_oid).unwrap_or(Type::TEXT) {
        Type::BOOL if text == "t" => Some(true.into()),
        Type::BOOL if text == "f" => Some(false.into()),
        // Values that are not JSON numbers (`NaN`, `Infinity`) stay text.
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID | Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => {
            serde_json::from_str(&text).ok()
        }
        // So do documents that are nested too deeply to parse.
        Type::JSON | Type::JSONB => serde_json::from_str(&text).ok(),
        Type::TIMESTAMP | Type::TIMESTAMPTZ => as_in_json(&text).map(Value::String),
        _ => None,
    };
    plain.unwrap_or(Value::String(text))
}

/// Formats `2026-01-31 12:00:00+00` as `2026-01-31T12:00:00+00:00`, as in ISO 8601 and PostgreSQL's JSON.
fn as_in_json(text: &str) -> Option<String> {
    let (date, time) = text.split_once(' ')?;
    let is_iso = date.split('-').count() == 3 && date.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    let (time, era) = time.split_once(' ').map_or((time, ""), |(time, era)| (time, era));
    let is_era = era.is_empty() || era == "BC";
    let offset = time.rfind(['+', '-']).map_or("", |at| &time[at..]);
    let minutes = if offset.len() == 3 { ":00" } else { "" };
    let space = if era.is_empty() { "" } else { " " };
    (is_iso && is_era && time.contains(':')).then(|| format!("{date}T{time}{minutes}{space}{era}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_its_type_says_and_otherwise_its_text() {
        let read = |ty: Type, text: &str| value(ty.oid(), Some(text.to_owned())).to_string();
        assert_eq!(read(Type::NUMERIC, "123456.7890123400"), "123456.7890123400");
        assert_eq!(read(Type::NUMERIC, "NaN"), "\"NaN\"");
        assert_eq!(read(Type::FLOAT8, "1e+20"), "1e+20");
        assert_eq!(read(Type::BOOL, "t"), "true");
        assert_eq!(read(Type::DATE, "0044-03-15 BC"), "\"0044-03-15 BC\"");
        assert_eq!(read(Type::TIMESTAMP, "0044-03-15 12:00:00.5 BC"), "\"0044-03-15T12:00:00.5 BC\"");
        assert_eq!(read(Type::TIMESTAMPTZ, "2000-01-01 00:00:00+05:30"), "\"2000-01-01T00:00:00+05:30\"");
        assert_eq!(read(Type::TIMESTAMPTZ, "2000-01-01 00:00:00-01"), "\"2000-01-01T00:00:00-01:00\"");
        assert_eq!(read(Type::TIMESTAMPTZ, "infinity"), "\"infinity\"");
        assert_eq!(read(Type::TIMESTAMP, "Sat 31 Jan 12:00:00 2026"), "\"Sat 31 Jan 12:00:00 2026\"");
        assert_eq!(value(99_999, Some("ok".to_owned())), "ok");
        let deep = "[".repeat(130) + &"]".repeat(130);
        assert_eq!(value(Type::JSONB.oid(), Some(deep.clone())), Value::String(deep));
    }
}
