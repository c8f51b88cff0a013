//! Tables and views, as SQLite's catalog describes them.
//!
//! Source: <https://www.sqlite.org/pragma.html#pragma_table_xinfo>.

use rusqlite::{Connection, Row};

use super::affinity::family;
use crate::probe::database::{Column, Table, TableKind, TableName};

/// Hidden columns of a virtual table (1) are arguments. A primary key may contain null, except an
/// `integer primary key`, which is the row ID and has no index. Source:
/// <https://www.sqlite.org/lang_createtable.html#rowid>.
const DESCRIBE: &str = "\
with described as (
    select found.schema, found.type, info.cid, info.name, info.type as type_name, info.\"notnull\",
        found.type = 'table' and info.pk = 1 and not exists (
            select 1 from pragma_index_list(found.name, found.schema) where origin = 'pk'
        ) as is_row_number
    from pragma_table_list(?1) as found join pragma_table_xinfo(found.name, found.schema) as info
    where (?2 is null or found.schema = ?2) and info.hidden <> 1
)
select schema, type, name, type_name, \"notnull\" = 0 and not is_row_number, is_row_number
from described order by cid";

/// The columns of each unique index over all rows. An expression has no name.
const UNIQUE: &str = "\
select list.name, info.name
from pragma_index_list(?1, ?2) as list join pragma_index_info(list.name, ?2) as info
where list.\"unique\" and not list.partial
order by list.seq, info.seqno";

const FIND: &str = "\
select schema, name from pragma_table_list
where name = ?1 collate nocase and name not like 'sqlite\\_%' escape '\\'
order by schema <> 'main', schema";

/// Describes `table`. Returns `None` if there is no such table or view.
pub(super) fn describe(connection: &Connection, table: &TableName) -> rusqlite::Result<Option<Table>> {
    let mut statement = connection.prepare(DESCRIBE)?;
    let column = |row: &Row<'_>| {
        let type_name: String = row.get(3)?;
        let family = family(&type_name);
        let column = Column { name: row.get(2)?, type_name, nullable: row.get(4)?, family };
        Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, column, row.get::<_, bool>(5)?))
    };
    let mut described: Option<Table> = None;
    for found in statement.query_map((&table.name, &table.schema), column)? {
        let (schema, kind, column, is_row_number) = found?;
        let kind = if kind == "view" { TableKind::View } else { TableKind::Table };
        let new = || Table { schema, kind, is_readable: true, columns: Vec::new(), unique: Vec::new() };
        let table = described.get_or_insert_with(new);
        if is_row_number {
            table.unique.push(vec![column.name.clone()]);
        }
        table.columns.push(column);
    }
    if let Some(described) = &mut described {
        described.unique.extend(unique(connection, &table.name, &described.schema)?);
    }
    Ok(described)
}

fn unique(connection: &Connection, table: &str, schema: &str) -> rusqlite::Result<Vec<Vec<String>>> {
    let mut statement = connection.prepare(UNIQUE)?;
    let part = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?));
    let mut indexes: Vec<(String, Option<Vec<String>>)> = Vec::new();
    for part in statement.query_map((table, schema), part)? {
        let (index, column) = part?;
        if indexes.last().is_none_or(|(last, _)| *last != index) {
            indexes.push((index, Some(Vec::new())));
        }
        if let Some((_, columns)) = indexes.last_mut() {
            *columns = columns.take().zip(column).map(|(mut columns, column)| {
                columns.push(column);
                columns
            });
        }
    }
    Ok(indexes.into_iter().filter_map(|(_, columns)| columns).collect())
}

/// Finds the tables and views of this name, ignoring case.
pub(super) fn find(connection: &Connection, name: &str) -> rusqlite::Result<Vec<TableName>> {
    let mut statement = connection.prepare(FIND)?;
    let found =
        statement.query_map([name], |row| Ok(TableName { schema: Some(row.get(0)?), name: row.get(1)? }))?;
    found.collect()
}
