//! Tables and views, as the system catalog describes them.
//!
//! `information_schema` is not sufficient: it lacks materialized views, hides what the role may not read, and
//! misrepresents domains, arrays and enums. Source:
//! <https://www.postgresql.org/docs/current/catalog-pg-attribute.html>.

use serde_json::Value;

use crate::language::sql::BoundSql;
use crate::outcome::{Failure, Fault};
use crate::probe::database::{Column, Family, Table, TableKind, TableName};
use crate::probe::rows::Row;
use crate::secret::message;

/// Describes all tables in one query: one row per column, and one per unique index. A table without columns yields a
/// row too. A not-null constraint (`n`, since PostgreSQL 18) that is not validated yet also marks its column, but
/// proves nothing.
const DESCRIBE: &str = "\
with found as (
    select wanted.number, namespace.nspname, class.oid, class.relkind,
        pg_catalog.has_schema_privilege(namespace.oid, 'usage')
            and pg_catalog.has_any_column_privilege(class.oid, 'select') as readable
    from unnest($1::text[], $2::text[]) with ordinality as wanted (schema, name, number)
    join pg_catalog.pg_class as class on class.relname = wanted.name and class.relkind in ('r', 'p', 'v', 'm', 'f')
    join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
        and case when wanted.schema is null then pg_catalog.pg_table_is_visible(class.oid)
            else namespace.nspname = wanted.schema end
)
select found.number, found.nspname, found.relkind::text, found.readable, attribute.attname,
    pg_catalog.format_type(attribute.atttypid, attribute.atttypmod),
    not attribute.attnotnull or exists (
        select from pg_catalog.pg_constraint as constrained
        where constrained.conrelid = found.oid and constrained.contype = 'n' and not constrained.convalidated
            and attribute.attnum = any (constrained.conkey)
    ) as nullable,
    type.typcategory::text, coalesce(base.typname, type.typname), null::text[] as key, attribute.attnum as position
from found
left join pg_catalog.pg_attribute as attribute on attribute.attrelid = found.oid
    and attribute.attnum > 0 and not attribute.attisdropped
left join pg_catalog.pg_type as type on type.oid = attribute.atttypid
left join pg_catalog.pg_type as base on base.oid = type.typbasetype
union all
select found.number, found.nspname, found.relkind::text, found.readable, null, null, null, null, null, array (
    select attribute.attname::text
    from unnest(index.indkey::int2[]) with ordinality as part (number, position)
    join pg_catalog.pg_attribute as attribute
        on attribute.attrelid = found.oid and attribute.attnum = part.number
    where part.position <= index.indnkeyatts
    order by part.position
), 32767
from found
join pg_catalog.pg_index as index on index.indrelid = found.oid
where index.indisunique and index.indisvalid and index.indisready and index.indimmediate
    and index.indpred is null and index.indexprs is null
order by number, position";

/// Finds names, ignoring case. Those that a statement finds without a schema come first.
const SEARCH: &str = "\
select wanted.number, namespace.nspname, class.relname
from unnest($1::text[]) with ordinality as wanted (name, number)
join pg_catalog.pg_class as class on pg_catalog.lower(class.relname) = pg_catalog.lower(wanted.name)
    and class.relkind in ('r', 'p', 'v', 'm', 'f')
join pg_catalog.pg_namespace as namespace on namespace.oid = class.relnamespace
    and namespace.nspname !~ '^(pg_|information_schema$)'
order by wanted.number, not pg_catalog.pg_table_is_visible(class.oid), namespace.nspname, class.relname";

pub(super) fn question(tables: &[TableName]) -> BoundSql {
    let schemas = tables.iter().map(|table| Value::from(table.schema.clone()));
    let names = tables.iter().map(|table| Value::from(table.name.as_str()));
    BoundSql { text: DESCRIBE.to_owned(), parameters: vec![schemas.collect(), names.collect()] }
}

/// Returns one entry for each of the `count` requested tables.
pub(super) fn read(rows: Vec<Row>, count: usize) -> Result<Vec<Option<Table>>, Failure> {
    let mut tables: Vec<Option<Table>> = vec![None; count];
    for row in rows {
        let cells = row.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        let [
            number,
            Value::String(schema),
            Value::String(kind),
            Value::Bool(is_readable),
            column @ ..,
            key,
            _,
        ] = cells.as_slice()
        else {
            return Err(unexpected());
        };
        let table = place(number, &mut tables)?;
        let new = || Table {
            schema: schema.clone(),
            kind: kind_of(kind),
            is_readable: *is_readable,
            columns: Vec::new(),
            unique: Vec::new(),
        };
        let table = table.get_or_insert_with(new);
        match (column, key) {
            (
                [
                    Value::String(name),
                    Value::String(type_name),
                    Value::Bool(nullable),
                    Value::String(category),
                    Value::String(base),
                ],
                Value::Null,
            ) => table.columns.push(Column {
                name: name.clone(),
                type_name: type_name.clone(),
                nullable: *nullable,
                family: family(category, base),
            }),
            (_, Value::Array(names)) => {
                let names = names.iter().map(|name| name.as_str().map(str::to_owned));
                table.unique.push(names.collect::<Option<_>>().ok_or_else(unexpected)?);
            }
            ([Value::Null, ..], Value::Null) => {}
            _ => return Err(unexpected()),
        }
    }
    Ok(tables)
}

pub(super) fn search(names: &[String]) -> BoundSql {
    let names = names.iter().map(|name| Value::from(name.as_str())).collect();
    BoundSql { text: SEARCH.to_owned(), parameters: vec![names] }
}

/// Returns the matches for each of the `count` names.
pub(super) fn found(rows: Vec<Row>, count: usize) -> Result<Vec<Vec<TableName>>, Failure> {
    let mut found: Vec<Vec<TableName>> = vec![Vec::new(); count];
    for row in rows {
        let cells = row.into_iter().map(|(_, value)| value).collect::<Vec<_>>();
        let [number, Value::String(schema), Value::String(name)] = cells.as_slice() else {
            return Err(unexpected());
        };
        place(number, &mut found)?.push(TableName { schema: Some(schema.clone()), name: name.clone() });
    }
    Ok(found)
}

/// Returns the entry for a row's number, which counts from 1.
pub(super) fn place<'p, T>(number: &Value, places: &'p mut [T]) -> Result<&'p mut T, Failure> {
    let place = number.as_u64().and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
    place.and_then(|place| places.get_mut(place)).ok_or_else(unexpected)
}

fn kind_of(kind: &str) -> TableKind {
    match kind {
        "p" => TableKind::Partitioned,
        "v" => TableKind::View,
        "m" => TableKind::MaterializedView,
        "f" => TableKind::Foreign,
        _ => TableKind::Table,
    }
}

/// Returns the family of a type. Source:
/// <https://www.postgresql.org/docs/current/catalog-pg-type.html#CATALOG-TYPCATEGORY-TABLE>.
fn family(category: &str, base: &str) -> Family {
    match (category, base) {
        (_, "date") => Family::Date,
        (_, "time" | "timetz") => Family::Time,
        (_, "timestamp") => Family::LocalTime,
        (_, "timestamptz") => Family::Instant,
        (_, "json" | "jsonb" | "hstore" | "xml") | ("C", _) => Family::Object,
        ("S" | "E", _) => Family::Text,
        ("N", _) => Family::Number,
        ("B", _) => Family::Boolean,
        ("A", _) => Family::Array,
        ("I" | "U" | "G" | "V" | "R" | "T", _) => Family::Other,
        _ => Family::Unknown,
    }
}

pub(super) fn unexpected() -> Failure {
    let doing = message!("describing the tables");
    Failure::fault(Fault::Protocol, doing, message!("the answer is not that of PostgreSQL's catalog"))
        .with_hint(message!("look at the server: what speaks its protocol may lack its catalog"))
}
