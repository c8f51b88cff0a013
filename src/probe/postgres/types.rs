//! Compares declared types with those of columns. The database resolves both.
//!
//! A declared type may come from anywhere, so it is bound and never inserted into the statement, and an unknown type is
//! not an error. Source: <https://www.postgresql.org/docs/current/functions-info.html> (`to_regtype`).

use serde_json::Value;

use super::catalog::{place, unexpected};
use crate::language::sql::BoundSql;
use crate::outcome::{Failure, Fault};
use crate::probe::database::{DeclaredType, TypeMatch};
use crate::probe::rows::Row;

/// Tries a spelling with capitals as written first, because a domain `Name` is not the system type `name`. A domain
/// over the declared type also matches, and has its length.
const COMPARE: &str = "\
with recursive declared as (
    select wanted.number, pg_catalog.to_regtype(wanted.actual)::oid as actual,
        coalesce(pg_catalog.to_regtype(wanted.quoted), pg_catalog.to_regtype(wanted.declared))::oid as oid
    from unnest($1::text[], $2::text[], $3::text[]) with ordinality as wanted (declared, quoted, actual, number)
), chain as (
    select number, actual as oid, null::integer as modifier from declared
    union all
    select chain.number, type.typbasetype, type.typtypmod
    from chain join pg_catalog.pg_type as type on type.oid = chain.oid and type.typtype = 'd'
)
select declared.number, pg_catalog.format_type(declared.oid, null) as known, chain.number is not null as same,
    pg_catalog.format_type(chain.oid, chain.modifier) as of_domain, chain.modifier is not null as is_of_domain
from declared left join chain on chain.number = declared.number and chain.oid = declared.oid
order by declared.number";

pub(super) fn question(columns: &[&DeclaredType]) -> BoundSql {
    let all =
        |text: &dyn Fn(&DeclaredType) -> Value| columns.iter().map(|column| text(column)).collect::<Value>();
    let declared = all(&|column| Value::from(without_size(&plain(&column.declared))));
    let quoted = all(&|column| Value::from(quoted(&column.declared)));
    let actual = all(&|column| Value::from(column.type_name.as_str()));
    BoundSql { text: COMPARE.to_owned(), parameters: vec![declared, quoted, actual] }
}

pub(super) fn read(rows: Vec<Row>, columns: &[&DeclaredType]) -> Result<Vec<TypeMatch>, Failure> {
    let mut matches = vec![TypeMatch::Unknown; columns.len()];
    for row in rows {
        let cells = row.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        let [number, known, Value::Bool(same), of_domain, Value::Bool(is_of_domain)] = cells.as_slice()
        else {
            return Err(unexpected());
        };
        let found = place(number, &mut matches)?;
        let index = number.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(1) - 1;
        let DeclaredType { declared, type_name } = columns[index];
        let declared = plain(declared);
        let actual = if *is_of_domain { of_domain.as_str().unwrap_or_default() } else { type_name };
        *found = match known {
            Value::String(_) if *same && has_same_size(&declared, actual) => TypeMatch::Same,
            Value::String(_) if *same => TypeMatch::Other(declared.to_lowercase()),
            Value::String(known) => TypeMatch::Other(known.clone()),
            _ => TypeMatch::Unknown,
        };
    }
    Ok(matches)
}

/// Returns the declared type without its length or precision, which is compared here and may be one that the server
/// does not accept. The precision of a `float` determines the type, so it is kept.
fn without_size(declared: &str) -> String {
    match (declared.split_once('('), declared.split_once(')')) {
        (Some((name, _)), Some((_, rest))) if !name.trim().eq_ignore_ascii_case("float") => {
            format!("{name}{rest}")
        }
        _ => declared.to_owned(),
    }
}

/// The largest length limit that PostgreSQL accepts for text. A larger one is not a type of PostgreSQL.
const LONGEST_TEXT: u64 = 10_485_760;

/// Whether the text could be the name of a type at all. Before PostgreSQL 16, the server reports an error for text that
/// could not.
pub(super) fn may_be_a_name(declared: &str) -> bool {
    let is_of_a_name = |c: char| c.is_alphanumeric() || " _$.\"(),[]".contains(c);
    let sizes = declared.split(['(', '[', ',', ')', ']']).filter_map(|part| part.trim().parse::<u64>().ok());
    !declared.trim().is_empty()
        && declared.chars().all(is_of_a_name)
        && sizes.max().unwrap_or(0) <= LONGEST_TEXT
}

/// Whether the server refused a declared type because it cannot be the name of a type.
pub(super) fn is_about_the_text(failure: &Failure) -> bool {
    matches!(failure, Failure::Fault { fault: Fault::Sql, .. })
}

/// Normalises a declared type: `serial` is an integer with a default, and `varchar[50]` is meant as a length.
fn plain(declared: &str) -> String {
    let declared = declared.trim();
    let lower = declared.to_lowercase();
    match lower.as_str() {
        "serial" | "serial4" => return "integer".to_owned(),
        "bigserial" | "serial8" => return "bigint".to_owned(),
        "smallserial" | "serial2" => return "smallint".to_owned(),
        _ => {}
    }
    let length = lower.strip_suffix(']').and_then(|text| text.split_once('['));
    match length {
        Some((name, length)) if name.contains("char") && length.parse::<u32>().is_ok() => {
            format!("{name}({length})")
        }
        _ => declared.to_owned(),
    }
}

/// Quotes each part of a name with capitals.
fn quoted(declared: &str) -> Option<String> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.');
    let has_capitals = declared.chars().any(char::is_uppercase);
    (has_capitals && declared.chars().all(is_name))
        .then(|| declared.split('.').map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join("."))
}

/// Whether the length or precision matches the declared one, if one is declared.
fn has_same_size(declared: &str, actual: &str) -> bool {
    match (size(declared), size(actual)) {
        (Some(declared), Some(actual)) => {
            // `numeric(10)` is `numeric(10,0)`.
            declared == actual || actual.strip_suffix(",0") == Some(&declared)
        }
        // `float(24)` becomes `real`, which has no precision.
        (Some(_), None) => !takes_a_size(actual),
        (None, _) => true,
    }
}

fn size(type_name: &str) -> Option<String> {
    let (_, rest) = type_name.split_once('(')?;
    let (size, _) = rest.split_once(')')?;
    Some(size.chars().filter(|c| !c.is_whitespace()).collect())
}

/// Whether a type of this name can have a length or precision.
fn takes_a_size(type_name: &str) -> bool {
    ["char", "numeric", "bit", "time", "interval"].iter().any(|name| type_name.contains(name))
}
