//! Tables and views as the system catalog describes them.
//!
//! Not `information_schema`: it has no materialized views, hides what the role may not read, and shows domains, arrays
//! and enums as something else. Source: <https://www.postgresql.org/docs/current/catalog-pg-attribute.html>.

use serde_json::Value;

use crate::language::sql::BoundSql;
use crate::outcome::{Failure, Fault};
use crate::probe::database::{Column, Table, TableName};
use crate::probe::rows::Row;
use crate::secret::message;

/// All tables in one question. A table without columns gives a row too. A not-null constraint (`n`, since PostgreSQL 18)
/// that is not valid yet marks its column as well, and proves nothing.
const DESCRIBE: &str = "\
select wanted.number, namespace.nspname, attribute.attname,
    pg_catalog.format_type(attribute.atttypid, attribute.atttypmod),
    not attribute.attnotnull or exists (
        select from pg_catalog.pg_constraint as constrained
        where constrained.conrelid = class.oid and constrained.contype = 'n' and not constrained.convalidated
            and attribute.attnum = any (constrained.conkey)
    ) as nullable
from unnest($1::text[], $2::text[]) with ordinality as wanted (schema, name, number)
join pg_catalog.pg_class as class on class.relname = wanted.name and class.relkind in ('r', 'p', 'v', 'm', 'f')
join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
    and case when wanted.schema is null then pg_catalog.pg_table_is_visible(class.oid)
        else namespace.nspname = wanted.schema end
left join pg_catalog.pg_attribute as attribute on attribute.attrelid = class.oid
    and attribute.attnum > 0 and not attribute.attisdropped
order by wanted.number, attribute.attnum";

pub(super) fn question(tables: &[TableName]) -> BoundSql {
    let schemas = tables.iter().map(|table| Value::from(table.schema.clone()));
    let names = tables.iter().map(|table| Value::from(table.name.as_str()));
    BoundSql { text: DESCRIBE.to_owned(), parameters: vec![schemas.collect(), names.collect()] }
}

/// One place for each of the `count` tables that were asked for.
pub(super) fn read(rows: Vec<Row>, count: usize) -> Result<Vec<Option<Table>>, Failure> {
    let mut tables: Vec<Option<Table>> = vec![None; count];
    for row in rows {
        let cells = row.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        let [Value::Number(number), Value::String(schema), name, type_name, nullable] = cells.as_slice()
        else {
            return Err(unexpected());
        };
        let place = number.as_u64().and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
        let table = place.and_then(|place| tables.get_mut(place)).ok_or_else(unexpected)?;
        let table = table.get_or_insert_with(|| Table { schema: schema.clone(), columns: Vec::new() });
        match (name, type_name, nullable) {
            (Value::String(name), Value::String(type_name), Value::Bool(nullable)) => table
                .columns
                .push(Column { name: name.clone(), type_name: type_name.clone(), nullable: *nullable }),
            (Value::Null, _, _) => {}
            _ => return Err(unexpected()),
        }
    }
    Ok(tables)
}

fn unexpected() -> Failure {
    let doing = message!("describing the tables");
    Failure::fault(Fault::Protocol, doing, message!("the answer is not that of PostgreSQL's catalog"))
        .with_hint(message!("look at the server: what speaks its protocol may lack its catalog"))
}
