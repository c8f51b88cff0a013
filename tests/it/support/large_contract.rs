//! A contract of the size of `AdventureWorks`, 68 tables and 456 columns, and its tables in PostgreSQL. The benchmark has it, too.

use std::fmt::Write as _;

const TABLES: usize = 68;
const COLUMNS: usize = 456;

/// The SQL of the tables, spread over these schemas, with a row each, and their contract.
#[must_use]
pub fn large(schemas: &[&str]) -> (String, String) {
    let types = [
        ("integer", "serial"),
        ("character varying(50)", "varchar[50]"),
        ("text", "text"),
        ("timestamp", "timestamp"),
        ("numeric(10,2)", "decimal(10,2)"),
        ("boolean", "bool"),
        ("uuid", "uuid"),
    ];
    let mut sql = String::new();
    for schema in schemas {
        let _ = writeln!(sql, "create schema {schema};");
    }
    let mut contract =
        "apiVersion: v3.0.0\nkind: DataContract\nid: large\nversion: 1.0.0\nstatus: active\nschema:\n"
            .to_owned();
    for table in 0..TABLES {
        let count = COLUMNS / TABLES + usize::from(table < COLUMNS % TABLES);
        let _ = writeln!(contract, "- name: table_{table}\n  physicalType: table\n  properties:");
        let mut columns = Vec::new();
        for column in 0..count {
            let (stored, declared) = types[column % types.len()];
            columns.push(format!("c{column} {stored}"));
            let key = if column == 0 { ", primaryKey: true, required: false" } else { "" };
            let _ = writeln!(contract, "  - {{name: c{column}, physicalType: '{declared}'{key}}}");
        }
        let name = format!("{}.table_{table}", schemas[table % schemas.len()]);
        let _ = writeln!(
            sql,
            "create table {name} ({}, primary key (c0)); insert into {name} (c0) values (1);",
            columns.join(", ")
        );
    }
    (sql, contract)
}
