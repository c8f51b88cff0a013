//! Tables and views as SQLite's catalog describes them.
//!
//! Source: <https://www.sqlite.org/pragma.html#pragma_table_xinfo>.

use rusqlite::{Connection, Row};

use crate::probe::database::{Column, Table, TableName};

/// The hidden columns of a virtual table (1) are arguments. A primary key may hold null, but not where it is the row's
/// number, `integer primary key`: then it has no index. Source: <https://www.sqlite.org/lang_createtable.html#rowid>.
const DESCRIBE: &str = "\
select found.schema, info.name, info.type,
    info.\"notnull\" = 0 and not (
        found.type = 'table' and info.pk = 1 and not exists (
            select 1 from pragma_index_list(found.name, found.schema) where origin = 'pk'
        )
    )
from pragma_table_list(?1) as found join pragma_table_xinfo(found.name, found.schema) as info
where (?2 is null or found.schema = ?2) and info.hidden <> 1
order by info.cid";

/// `None` where there is no such table or view.
pub(super) fn describe(connection: &Connection, table: &TableName) -> rusqlite::Result<Option<Table>> {
    let mut statement = connection.prepare(DESCRIBE)?;
    let column = |row: &Row<'_>| {
        let column = Column { name: row.get(1)?, type_name: row.get(2)?, nullable: row.get(3)? };
        Ok((row.get(0)?, column))
    };
    let mut described: Option<Table> = None;
    for found in statement.query_map((&table.name, &table.schema), column)? {
        let (schema, column) = found?;
        described.get_or_insert(Table { schema, columns: Vec::new() }).columns.push(column);
    }
    Ok(described)
}
