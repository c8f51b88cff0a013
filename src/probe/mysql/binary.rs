//! Rows, as text and in the binary form of prepared statements. Binary values are converted to the text that the server
//! would have written.
//!
//! Source: <https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_binary_resultset.html>.

use std::io::Result;

use super::fields::Fields;
use super::packets::{Column, unexpected};
use super::values::{UNSIGNED, kind};
use super::wire::Cell;

/// Reads a row of the text protocol.
pub(super) fn text_row(packet: &[u8], columns: usize) -> Result<Vec<Cell>> {
    let mut fields = Fields::of(packet);
    let cells: Result<Vec<Cell>> = (0..columns).map(|_| Ok(fields.bytes()?.map(<[u8]>::to_vec))).collect();
    whole(cells?, fields)
}

/// Reads a row of a prepared statement.
pub(super) fn row(packet: &[u8], columns: &[Column]) -> Result<Vec<Cell>> {
    let mut fields = Fields::of(packet);
    fields.u8()?;
    // The first two bits are not used.
    let nulls = fields.take((columns.len() + 2).div_ceil(8))?;
    let cell = |(index, column): (usize, &Column)| {
        let bit = index + 2;
        match nulls[bit / 8] >> (bit % 8) & 1 {
            0 => cell(column, &mut fields).map(Some),
            _ => Ok(None),
        }
    };
    let cells: Result<Vec<Cell>> = columns.iter().enumerate().map(cell).collect();
    whole(cells?, fields)
}

fn whole(cells: Vec<Cell>, fields: Fields<'_>) -> Result<Vec<Cell>> {
    if fields.rest().is_empty() { Ok(cells) } else { Err(unexpected()) }
}

fn cell(column: &Column, fields: &mut Fields<'_>) -> Result<Vec<u8>> {
    let is_unsigned = column.flags & UNSIGNED != 0;
    let text = match column.kind {
        kind::TINY if is_unsigned => fields.u8()?.to_string(),
        kind::TINY => fields.u8()?.cast_signed().to_string(),
        kind::SHORT | kind::YEAR if is_unsigned => fields.u16()?.to_string(),
        kind::SHORT | kind::YEAR => fields.u16()?.cast_signed().to_string(),
        kind::LONG | kind::INT24 if is_unsigned => fields.u32()?.to_string(),
        kind::LONG | kind::INT24 => fields.u32()?.cast_signed().to_string(),
        kind::LONGLONG if is_unsigned => fields.u64()?.to_string(),
        kind::LONGLONG => fields.u64()?.cast_signed().to_string(),
        kind::FLOAT => {
            let number = fields.f32()?;
            if is_plain(number.into()) { number.to_string() } else { format!("{number:e}") }
        }
        kind::DOUBLE => {
            let number = fields.f64()?;
            if is_plain(number) { number.to_string() } else { format!("{number:e}") }
        }
        kind::DATE | kind::NEWDATE => date(fields)?,
        kind::DATETIME | kind::TIMESTAMP => date_and_time(fields, column.decimals)?,
        kind::TIME => time(fields, column.decimals)?,
        _ => return Ok(fields.bytes()?.ok_or_else(unexpected)?.to_vec()),
    };
    Ok(text.into_bytes())
}

/// Whether the server writes the number without an exponent.
fn is_plain(number: f64) -> bool {
    number == 0.0 || (1e-5..1e16).contains(&number.abs())
}

/// Dates and times are prefixed with their length: trailing zero parts are omitted.
fn date(fields: &mut Fields<'_>) -> Result<String> {
    let mut fields = part(fields)?;
    let (year, month, day) =
        if fields.rest().is_empty() { (0, 0, 0) } else { (fields.u16()?, fields.u8()?, fields.u8()?) };
    Ok(format!("{year:04}-{month:02}-{day:02}"))
}

fn date_and_time(fields: &mut Fields<'_>, decimals: u8) -> Result<String> {
    let mut fields = part(fields)?;
    let (mut date, mut time) = ((0, 0, 0), (0, 0, 0));
    if !fields.rest().is_empty() {
        date = (fields.u16()?, fields.u8()?, fields.u8()?);
    }
    if !fields.rest().is_empty() {
        time = (fields.u8()?, fields.u8()?, fields.u8()?);
    }
    let micros = if fields.rest().is_empty() { 0 } else { fields.u32()? };
    let ((year, month, day), (hour, minute, second)) = (date, time);
    let fraction = fraction(micros, decimals);
    Ok(format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}"))
}

fn time(fields: &mut Fields<'_>, decimals: u8) -> Result<String> {
    let mut fields = part(fields)?;
    let (mut sign, mut hours, mut rest) = ("", 0, (0, 0));
    if !fields.rest().is_empty() {
        sign = if fields.u8()? == 0 { "" } else { "-" };
        let days = u64::from(fields.u32()?);
        hours = days * 24 + u64::from(fields.u8()?);
        rest = (fields.u8()?, fields.u8()?);
    }
    let micros = if fields.rest().is_empty() { 0 } else { fields.u32()? };
    let ((minute, second), fraction) = (rest, fraction(micros, decimals));
    Ok(format!("{sign}{hours:02}:{minute:02}:{second:02}{fraction}"))
}

fn part<'p>(fields: &mut Fields<'p>) -> Result<Fields<'p>> {
    let length = fields.u8()?;
    fields.take(length.into()).map(Fields::of)
}

/// Formats a fraction with as many digits as the column has. The number of digits of an expression may be unspecified.
fn fraction(micros: u32, decimals: u8) -> String {
    let digits = format!("{:06}", micros.min(999_999));
    match decimals {
        0 => String::new(),
        1..=6 => format!(".{}", &digits[..decimals.into()]),
        _ if micros == 0 => String::new(),
        _ => format!(".{digits}"),
    }
}
