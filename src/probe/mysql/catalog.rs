//! Tables and views as the catalog describes them.
//!
//! Source: <https://dev.mysql.com/doc/refman/8.4/en/information-schema-columns-table.html>.

use serde_json::Value;

use crate::language::sql::BoundSql;
use crate::outcome::{Failure, Fault};
use crate::probe::database::{Column, Table, TableName};
use crate::probe::rows::Row;
use crate::secret::Message;

/// One table: a server that keeps no catalog finds it without looking at all others.
const DESCRIBE: &str = "\
select ? as wanted, columns.ordinal_position as place, columns.table_schema, columns.column_name,
    columns.column_type, columns.is_nullable = 'YES' or tables.table_type like '%VIEW%' as nullable
from information_schema.columns as columns
join information_schema.tables as tables
    on tables.table_schema = columns.table_schema and tables.table_name = columns.table_name
where columns.table_schema = ifnull(?, database()) and columns.table_name = ?
    and tables.table_schema = ifnull(?, database()) and tables.table_name = ?";

/// All tables in one question.
pub(super) fn question(tables: &[TableName]) -> BoundSql {
    let mut parameters = Vec::new();
    for (number, table) in tables.iter().enumerate() {
        let place = [Value::from(table.schema.clone()), Value::from(table.name.as_str())];
        parameters.push(Value::from(number));
        parameters.extend(place.clone());
        parameters.extend(place);
    }
    let parts = vec![DESCRIBE; tables.len()];
    BoundSql { text: format!("{}\norder by wanted, place", parts.join("\nunion all ")), parameters }
}

/// One place for each of the `count` tables that were asked for.
pub(super) fn read(rows: Vec<Row>, count: usize) -> Result<Vec<Option<Table>>, Failure> {
    let mut tables: Vec<Option<Table>> = vec![None; count];
    for row in rows {
        let cells = row.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        let [
            Value::Number(number),
            _,
            Value::String(schema),
            Value::String(name),
            Value::String(type_name),
            Value::Number(nullable),
        ] = cells.as_slice()
        else {
            return Err(unexpected());
        };
        let place = number.as_u64().and_then(|number| usize::try_from(number).ok());
        let table = place.and_then(|place| tables.get_mut(place)).ok_or_else(unexpected)?;
        let table = table.get_or_insert_with(|| Table { schema: schema.clone(), columns: Vec::new() });
        table.columns.push(Column {
            name: name.clone(),
            type_name: type_name.clone(),
            nullable: nullable.as_u64() != Some(0),
        });
    }
    Ok(tables)
}

fn unexpected() -> Failure {
    let doing = Message::new().words("describing the tables");
    Failure::fault(Fault::Protocol, doing, Message::new().words("the answer is not that of MySQL's catalog"))
        .with_hint(Message::new().words("look at the server: what speaks its protocol may lack its catalog"))
}
