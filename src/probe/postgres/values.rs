//! The values of a row that could not be wrapped as JSON, from PostgreSQL's binary form.
//!
//! That is what `show`, `explain` and a `with` that writes give. The common types are read, and the rest says how
//! to be readable. Source: the `…send` functions in <https://github.com/postgres/postgres/tree/master/src/backend/utils/adt>.

use std::error::Error as StdError;

use serde_json::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Type};

use super::query::reading;
use crate::outcome::{Failure, Fault};
use crate::probe::rows;
use crate::secret::Message;

/// Microseconds from the Unix epoch to PostgreSQL's, 2000-01-01, and the days.
const EPOCH: i64 = 946_684_800_000_000;
const EPOCH_DAYS: i64 = 10_957;

pub(super) fn from_columns(row: &Row, number: u64) -> Result<rows::Row, Failure> {
    let cell = |(index, column): (usize, &tokio_postgres::Column)| {
        let cell: Cell = row.try_get(index).map_err(|error| {
            let cause =
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            let cause = Message::new().words("the column `").data(column.name()).words("`: ").data(cause);
            Failure::fault(Fault::Protocol, reading(number), cause)
                .with_hint(Message::new().words("cast the column to text in the query"))
        })?;
        Ok((column.name().to_owned(), cell.0))
    };
    row.columns().iter().enumerate().map(cell).collect()
}

struct Cell(Value);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Cell(match *ty {
            Type::BOOL => bool::from_sql(ty, raw)?.into(),
            Type::INT2 => i16::from_sql(ty, raw)?.into(),
            Type::INT4 => i32::from_sql(ty, raw)?.into(),
            Type::INT8 => i64::from_sql(ty, raw)?.into(),
            Type::OID => u32::from_sql(ty, raw)?.into(),
            Type::FLOAT4 => float(&f32::from_sql(ty, raw)?),
            Type::FLOAT8 => float(&f64::from_sql(ty, raw)?),
            Type::NUMERIC => numeric(raw).ok_or("it is not a number")?,
            Type::JSON => serde_json::from_slice(raw)?,
            // A version goes before the text.
            Type::JSONB => serde_json::from_slice(raw.get(1..).unwrap_or_default())?,
            Type::UUID => uuid::Uuid::from_slice(raw)?.to_string().into(),
            Type::DATE => {
                let days = i64::from(i32::from_be_bytes(raw.try_into()?)) + EPOCH_DAYS;
                let midnight = jiff::Timestamp::from_second(days * 24 * 60 * 60)?;
                midnight.to_string().chars().take(10).collect::<String>().into()
            }
            Type::TIMESTAMP => without_zone(raw)?.into(),
            Type::TIMESTAMPTZ => format!("{}+00:00", without_zone(raw)?).into(),
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
                | Type::OID
                | Type::FLOAT4
                | Type::FLOAT8
                | Type::NUMERIC
                | Type::JSON
                | Type::JSONB
                | Type::UUID
                | Type::DATE
                | Type::TIMESTAMP
                | Type::TIMESTAMPTZ
                | Type::TEXT
                | Type::VARCHAR
                | Type::BPCHAR
                | Type::NAME
                | Type::XML
                | Type::UNKNOWN
        )
    }
}

/// As it is written; what is not a number (`NaN`, `inf`) is text.
fn float(number: &impl ToString) -> Value {
    let text = number.to_string();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// `2026-01-31T12:00:00.5`
fn without_zone(raw: &[u8]) -> Result<String, Box<dyn StdError + Sync + Send>> {
    let microseconds = i64::from_be_bytes(raw.try_into()?).checked_add(EPOCH).ok_or("it is out of range")?;
    Ok(jiff::Timestamp::from_microsecond(microseconds)?.to_string().trim_end_matches('Z').to_owned())
}

/// Digits to the base of 10,000, the weight of the first of them, a sign, and how many decimals are shown.
fn numeric(raw: &[u8]) -> Option<Value> {
    let words: Vec<u16> = raw
        .chunks(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or_default()]))
        .collect();
    let [_, weight, sign, scale, digits @ ..] = words.as_slice() else { return None };
    let sign = match sign {
        0 => "",
        0x4000 => "-",
        0xc000 => return Some("NaN".into()),
        0xd000 => return Some("Infinity".into()),
        0xf000 => return Some("-Infinity".into()),
        _ => return None,
    };
    let weight = i32::from(weight.cast_signed());
    let digit = |at: i32| usize::try_from(at).ok().and_then(|at| digits.get(at)).copied().unwrap_or_default();
    let group = |at: i32| format!("{:04}", digit(at));
    let whole = (0..=weight.max(0)).map(|at| group(at + weight.min(0))).collect::<Vec<_>>().concat();
    let whole = whole.trim_start_matches('0');
    let scale = usize::from(*scale);
    let groups = i32::try_from(scale.div_ceil(4)).ok()?;
    let fraction = (1..=groups).map(|at| group(weight + at)).collect::<Vec<_>>().concat();
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if scale == 0 { "" } else { "." };
    serde_json::from_str(&format!("{sign}{whole}{point}{}", &fraction[..scale])).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(words: &[u16]) -> String {
        let raw: Vec<u8> = words.iter().flat_map(|word| word.to_be_bytes()).collect();
        numeric(&raw).unwrap().to_string()
    }

    #[test]
    fn numbers_are_exact() {
        // Count of digits, weight, sign, scale, digits: as `select numeric_send(…)` shows them.
        assert_eq!(number(&[0, 0, 0, 0]), "0");
        assert_eq!(number(&[0, 0, 0, 2]), "0.00");
        assert_eq!(number(&[1, 0, 0, 0, 5]), "5");
        assert_eq!(number(&[1, 1, 0, 0, 7]), "70000");
        assert_eq!(number(&[2, 0, 0x4000, 2, 1, 2300]), "-1.23");
        assert_eq!(number(&[1, 0xffff, 0, 4, 12]), "0.0012");
        assert_eq!(number(&[1, 0xfffe, 0, 6, 1200]), "0.000012");
        assert_eq!(number(&[4, 1, 0, 10, 12, 3456, 7890, 1234]), "123456.7890123400");
    }
}
