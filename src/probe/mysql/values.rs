//! The values of a row as JSON: numbers keep all their digits, JSON stays JSON, and anything else is text as `mysql`
//! prints it.

use serde_json::Value;

use super::packets::Column;
use super::wire::Cell;
use crate::probe::rows::{Numbers, ResultColumn, Row};

/// The types of columns. Source: <https://dev.mysql.com/doc/dev/mysql-server/latest/field__types_8h.html>.
pub(super) mod kind {
    pub const DECIMAL: u8 = 0;
    pub const TINY: u8 = 1;
    pub const SHORT: u8 = 2;
    pub const LONG: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const DOUBLE: u8 = 5;
    pub const TIMESTAMP: u8 = 7;
    pub const LONGLONG: u8 = 8;
    pub const INT24: u8 = 9;
    pub const DATE: u8 = 10;
    pub const TIME: u8 = 11;
    pub const DATETIME: u8 = 12;
    pub const YEAR: u8 = 13;
    pub const NEWDATE: u8 = 14;
    pub const BIT: u8 = 16;
    pub const VECTOR: u8 = 242;
    pub const JSON: u8 = 245;
    pub const NEWDECIMAL: u8 = 246;
    pub const GEOMETRY: u8 = 255;
}

/// The flag of an unsigned column.
pub(super) const UNSIGNED: u16 = 32;

/// The character set of binary data.
const BINARY: u16 = 63;

pub(super) fn from_columns(columns: &[Column], cells: Vec<Cell>) -> Row {
    let cell = |(column, cell): (&Column, Cell)| (column.name.clone(), value(column, cell));
    columns.iter().zip(cells).map(cell).collect()
}

/// Returns the kind of numbers in each column.
pub(super) fn described(columns: &[Column]) -> Vec<ResultColumn> {
    let numbers = |kind: u8| match kind {
        kind::FLOAT | kind::DOUBLE => Numbers::Float,
        kind::TINY
        | kind::SHORT
        | kind::LONG
        | kind::LONGLONG
        | kind::INT24
        | kind::YEAR
        | kind::BIT
        | kind::DECIMAL
        | kind::NEWDECIMAL => Numbers::Exact,
        _ => Numbers::AsWritten,
    };
    let described =
        |column: &Column| ResultColumn { name: column.name.clone(), numbers: numbers(column.kind) };
    columns.iter().map(described).collect()
}

fn value(column: &Column, cell: Cell) -> Value {
    let Some(bytes) = cell else { return Value::Null };
    let plain = match column.kind {
        kind::BIT => number_of_bits(&bytes),
        kind::TINY
        | kind::SHORT
        | kind::LONG
        | kind::LONGLONG
        | kind::INT24
        | kind::YEAR
        | kind::FLOAT
        | kind::DOUBLE
        | kind::DECIMAL
        | kind::NEWDECIMAL
        // JSON that is nested too deep to parse becomes text.
        | kind::JSON => serde_json::from_slice(&bytes).ok(),
        kind::GEOMETRY | kind::VECTOR => Some(in_hex(&bytes)),
        _ => None,
    };
    plain.unwrap_or_else(|| match std::str::from_utf8(&bytes) {
        Ok(text) if column.character_set != BINARY || is_text(text) => Value::from(text),
        _ if column.character_set == BINARY => in_hex(&bytes),
        _ => Value::from(String::from_utf8_lossy(&bytes)),
    })
}

fn number_of_bits(bytes: &[u8]) -> Option<Value> {
    let start = 8_usize.checked_sub(bytes.len())?;
    let mut all = [0; 8];
    all[start..].copy_from_slice(bytes);
    Some(Value::from(u64::from_be_bytes(all)))
}

/// Whether binary data is readable. MySQL treats many a text as binary.
fn is_text(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// Formats the bytes like `mysql --binary-as-hex`.
fn in_hex(bytes: &[u8]) -> Value {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    Value::from(format!("0x{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_what_its_type_says_and_otherwise_its_text() {
        let column =
            |kind, character_set| Column { name: String::new(), character_set, kind, flags: 0, decimals: 0 };
        let read = |kind, text: &[u8]| value(&column(kind, 45), Some(text.to_vec())).to_string();
        assert_eq!(read(kind::NEWDECIMAL, b"12345678901234567890.1200"), "12345678901234567890.1200");
        assert_eq!(read(kind::LONG, b"00042"), "\"00042\"");
        assert_eq!(read(kind::BIT, &[1, 0]), "256");
        assert_eq!(read(kind::JSON, br#"{"a": 1.10}"#), r#"{"a":1.10}"#);
        assert_eq!(read(kind::DATE, b"0000-00-00"), "\"0000-00-00\"");
        assert_eq!(read(253, "ä".as_bytes()), "\"ä\"");
        let binary = |bytes: &[u8]| value(&column(253, BINARY), Some(bytes.to_vec()));
        assert_eq!(binary(b"plain\n"), "plain\n");
        assert_eq!(binary(b"\0\xff"), "0x00FF");
        assert_eq!(value(&column(253, 45), None), Value::Null);
    }
}
