//! Encoding of values for a prepared statement.
//!
//! Source: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_stmt_execute.html>.

use serde_json::{Number, Value};

use super::fields::put_bytes;
use super::values::kind;

/// The type of a string.
const VAR_STRING: u8 = 253;
const NULL: u8 = 6;

/// The flag of an unsigned integer.
const UNSIGNED: u8 = 0x80;

/// Returns the payload that runs statement `id` with `values`.
pub(super) fn bound(id: u32, values: &[Value]) -> Vec<u8> {
    let mut command = id.to_le_bytes().to_vec();
    // No cursor, one iteration.
    command.push(0);
    command.extend_from_slice(&1_u32.to_le_bytes());
    if values.is_empty() {
        return command;
    }
    let mut nulls = vec![0_u8; values.len().div_ceil(8)];
    let (mut types, mut data) = (Vec::new(), Vec::new());
    for (index, value) in values.iter().enumerate() {
        let (kind, flags) = put(value, &mut data);
        types.extend_from_slice(&[kind, flags]);
        if value.is_null() {
            nulls[index / 8] |= 1 << (index % 8);
        }
    }
    command.extend_from_slice(&nulls);
    // The types follow.
    command.push(1);
    command.extend_from_slice(&types);
    command.extend_from_slice(&data);
    command
}

/// Writes a value, and returns its type and flags.
fn put(value: &Value, data: &mut Vec<u8>) -> (u8, u8) {
    match value {
        Value::Null => (NULL, 0),
        Value::Bool(boolean) => {
            data.push((*boolean).into());
            (kind::TINY, 0)
        }
        Value::Number(number) => put_number(number, data),
        Value::String(text) => {
            put_bytes(data, text.as_bytes());
            (VAR_STRING, 0)
        }
        Value::Array(_) | Value::Object(_) => {
            put_bytes(data, value.to_string().as_bytes());
            (VAR_STRING, 0)
        }
    }
}

fn put_number(number: &Number, data: &mut Vec<u8>) -> (u8, u8) {
    if let Some(integer) = number.as_i64() {
        data.extend_from_slice(&integer.to_le_bytes());
        return (kind::LONGLONG, 0);
    }
    if let Some(integer) = number.as_u64() {
        data.extend_from_slice(&integer.to_le_bytes());
        return (kind::LONGLONG, UNSIGNED);
    }
    let text = number.to_string();
    match (text.contains(['e', 'E']), number.as_f64()) {
        (true, Some(float)) => {
            data.extend_from_slice(&float.to_le_bytes());
            (kind::DOUBLE, 0)
        }
        // A decimal keeps every digit that was written.
        _ => {
            put_bytes(data, text.as_bytes());
            (kind::NEWDECIMAL, 0)
        }
    }
}
