//! Tables and views as described by the catalog.
//!
//! Source: <https://dev.mysql.com/doc/refman/8.4/en/information-schema-columns-table.html>.

use serde_json::Value;

use super::types::family;
use crate::language::sql::BoundSql;
use crate::outcome::{Failure, Fault};
use crate::probe::database::{Column, Table, TableKind, TableName};
use crate::probe::rows::Row;
use crate::secret::message;

/// Selects one table, with a row for each column. Because both names are given, a server without a data dictionary
/// finds it without opening all other tables. A table of which the user may read nothing does not appear.
const COLUMNS: &str = "\
select ? as wanted, columns.table_schema as in_schema, concat(tables.table_type, ' ', ifnull(tables.engine, '')) as kind,
    null as of_key, columns.ordinal_position as place, columns.column_name as name, columns.column_type as type_name,
    columns.is_nullable = 'YES' or tables.table_type like '%VIEW%' as nullable,
    columns.privileges like '%select%' as readable
from information_schema.columns as columns
join information_schema.tables as tables
    on tables.table_schema = columns.table_schema and tables.table_name = columns.table_name
where columns.table_schema = ifnull(?, database()) and columns.table_name = ?
    and tables.table_schema = ifnull(?, database()) and tables.table_name = ?";

/// Selects the unique indexes of the same table, with a row for each part. A part that is an expression or a column
/// prefix has no name.
const KEYS: &str = "\
select ?, index_schema, '', index_name, seq_in_index, if(sub_part is null, column_name, null), '', 0, 0
from information_schema.statistics
where table_schema = ifnull(?, database()) and table_name = ? and non_unique = 0";

/// Searches for a name in any case. Tables of the connection's own database, which a statement finds first, come first.
const SEARCH: &str = "\
select ? as wanted, table_schema as in_schema, table_name as name, table_schema <> ifnull(database(), '') as is_elsewhere
from information_schema.tables
where lower(table_name) = lower(?)
    and table_schema not in ('information_schema', 'mysql', 'performance_schema', 'sys')";

/// Builds one query for all tables.
pub(super) fn question(tables: &[TableName]) -> BoundSql {
    let (mut parts, mut parameters) = (Vec::new(), Vec::new());
    for (number, table) in tables.iter().enumerate() {
        let place = [Value::from(table.schema.clone()), Value::from(table.name.as_str())];
        parts.extend([COLUMNS, KEYS]);
        parameters.push(Value::from(number));
        parameters.extend(place.iter().cloned().chain(place.clone()));
        parameters.push(Value::from(number));
        parameters.extend(place);
    }
    let text = format!("{}\norder by wanted, of_key, place", parts.join("\nunion all "));
    BoundSql { text, parameters }
}

/// Reads the result for each of the `count` requested tables.
pub(super) fn read(rows: Vec<Row>, count: usize) -> Result<Vec<Option<Table>>, Failure> {
    let mut tables: Vec<Option<Table>> = vec![None; count];
    // The index whose parts are being read. A part without a name invalidates it.
    let mut key: Option<(u64, String, bool)> = None;
    for row in rows {
        let cells = row.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        let [
            number,
            Value::String(schema),
            Value::String(kind),
            of_key,
            _,
            name,
            Value::String(type_name),
            nullable,
            readable,
        ] = cells.as_slice()
        else {
            return Err(unexpected());
        };
        let place = place(number, &mut tables)?;
        let is = |value: &Value| value.as_u64() != Some(0);
        match (of_key, name) {
            (Value::Null, Value::String(name)) => {
                let new = || Table {
                    schema: schema.clone(),
                    kind: kind_of(kind),
                    is_readable: false,
                    columns: Vec::new(),
                    unique: Vec::new(),
                };
                let table = place.get_or_insert_with(new);
                table.is_readable |= is(readable);
                table.columns.push(Column {
                    name: name.clone(),
                    type_name: type_name.clone(),
                    nullable: is(nullable),
                    family: family(type_name),
                });
            }
            (Value::String(index), name) => {
                // The index belongs to a table whose columns the user may not see.
                let Some(table) = place else { continue };
                let this = (number.as_u64().unwrap_or_default(), index.clone());
                let is_next =
                    key.as_ref().is_none_or(|(number, index, _)| (*number, index) != (this.0, &this.1));
                if is_next {
                    table.unique.push(Vec::new());
                    key = Some((this.0, this.1, true));
                }
                let Some((_, _, is_whole)) = &mut key else { continue };
                match name.as_str() {
                    Some(name) if *is_whole => {
                        table.unique.last_mut().into_iter().for_each(|columns| columns.push(name.to_owned()));
                    }
                    Some(_) => {}
                    None if *is_whole => {
                        table.unique.pop();
                        *is_whole = false;
                    }
                    None => {}
                }
            }
            _ => return Err(unexpected()),
        }
    }
    Ok(tables)
}

pub(super) fn search(names: &[String]) -> BoundSql {
    let (mut parts, mut parameters) = (Vec::new(), Vec::new());
    for (number, name) in names.iter().enumerate() {
        parts.push(SEARCH);
        parameters.extend([Value::from(number), Value::from(name.as_str())]);
    }
    let text = format!("{}\norder by wanted, is_elsewhere, in_schema, name", parts.join("\nunion all "));
    BoundSql { text, parameters }
}

/// Returns what was found for each of the `count` names.
pub(super) fn found(rows: Vec<Row>, count: usize) -> Result<Vec<Vec<TableName>>, Failure> {
    let mut found: Vec<Vec<TableName>> = vec![Vec::new(); count];
    for row in rows {
        let cells = row.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        let [number, Value::String(schema), Value::String(name), _] = cells.as_slice() else {
            return Err(unexpected());
        };
        place(number, &mut found)?.push(TableName { schema: Some(schema.clone()), name: name.clone() });
    }
    Ok(found)
}

/// Returns the slot for a row's number.
fn place<'p, T>(number: &Value, places: &'p mut [T]) -> Result<&'p mut T, Failure> {
    let place = number.as_u64().and_then(|number| usize::try_from(number).ok());
    place.and_then(|place| places.get_mut(place)).ok_or_else(unexpected)
}

fn kind_of(kind: &str) -> TableKind {
    if kind.contains("VIEW") {
        TableKind::View
    } else if kind.to_ascii_lowercase().contains("federated") {
        TableKind::Foreign
    } else {
        TableKind::Table
    }
}

fn unexpected() -> Failure {
    let doing = message!("describing the tables");
    Failure::fault(Fault::Protocol, doing, message!("the answer is not that of MySQL's catalog"))
        .with_hint(message!("look at the server: what speaks its protocol may lack its catalog"))
}
