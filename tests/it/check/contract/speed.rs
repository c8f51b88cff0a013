//! A contract of the size of AdventureWorks: 68 tables, 456 columns.

use std::fmt::Write as _;
use std::time::Instant;

use super::check;
use crate::support::postgres::Postgres;
use crate::support::thorough;

const TABLES: usize = 68;
const COLUMNS: usize = 456;

/// The tables in five schemas, with a row each, and their contract.
fn large() -> (String, String) {
    let types = [
        ("integer", "serial"),
        ("character varying(50)", "varchar[50]"),
        ("\"Name\"", "Name"),
        ("timestamp", "timestamp"),
        ("numeric(10,2)", "decimal(10,2)"),
        ("\"Flag\"", "bool"),
        ("uuid", "uuid"),
    ];
    let mut sql = "create domain \"Name\" as varchar(50); create domain \"Flag\" as boolean;\n".to_owned();
    for schema in 0..5 {
        let _ = writeln!(sql, "create schema s{schema};");
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
        let name = format!("s{}.table_{table}", table % 5);
        let _ = writeln!(
            sql,
            "create table {name} ({}, primary key (c0)); insert into {name} (c0) values (1);",
            columns.join(", ")
        );
    }
    (sql, contract)
}

#[test]
fn a_large_contract_has_no_false_failure_and_one_finding_for_each_that_is_broken() {
    let (sql, contract) = large();
    let database = Postgres::shared().create_database();
    database.sql(&sql);
    let kept = check(&database.url(), &contract, "budget = \"30s\"");
    kept.passes();
    assert!(
        kept.summary()
            .starts_with("checked 1184 of 1184 promises; found in other schemas: s0, s1, s2, s3, s4"),
        "{}",
        kept.summary()
    );
    database.sql("alter table s3.table_33 drop column c3");
    let broken = check(&database.url(), &contract, "budget = \"30s\"");
    assert_eq!(broken.with("failed"), ["table_33.c3 column: no such column"]);
    if thorough::is_thorough() {
        let mut times: Vec<f64> = (0..11)
            .map(|_| {
                let began = Instant::now();
                check(&database.url(), &contract, "budget = \"30s\"");
                began.elapsed().as_secs_f64() * 1e3
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!("measured: 68 tables and 456 columns, whole process: median {:.0} ms", times[5]);
        assert!(times[5] < 300.0, "{times:?}");
    }
}
