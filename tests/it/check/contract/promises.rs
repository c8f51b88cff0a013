//! Objects, columns, types, keys, nulls, freshness and rows on PostgreSQL: each broken promise is one finding.

use super::{MART, ORDERS, check, inline, mart};
use crate::support::postgres::Postgres;

#[test]
fn a_contract_that_is_kept_passes_and_says_how_much_was_checked() {
    let database = mart();
    let checked = check(&database.url(), ORDERS, "");
    checked.passes();
    assert_eq!(checked.summary(), "checked 15 of 15 promises");
    assert_eq!(
        checked.with("passed"),
        [
            "orders exists: ",
            "orders.order_id column: ",
            "orders.order_id type bigint: ",
            "orders.ordered_at column: ",
            "orders.ordered_at type timestamptz: ",
            "orders.total column: ",
            "orders.total type numeric(10,2): ",
            "orders.country column: ",
            "orders.country logical type string: by what the type is about",
            "orders.order_id primary key (order_id): by the catalog",
            "orders.order_id not null: by the catalog",
            "orders.ordered_at not null: by the catalog",
            "orders.country not null: by the catalog",
            "orders not empty: ",
        ]
        .map(str::to_owned)
        .into_iter()
        .chain(checked.with("passed").into_iter().filter(|promise| promise.contains("freshness")))
        .collect::<Vec<_>>()
    );
    assert!(checked.ran.stderr.contains("checked 15 of 15 promises"), "{}", checked.ran.stderr);
}

#[test]
fn each_broken_promise_is_one_finding_at_its_line() {
    for (change, outcome, finding) in [
        (
            "alter table mart.orders drop column total",
            "failed",
            "failed 20: orders.total column: no such column",
        ),
        (
            "alter table mart.orders alter total type text",
            "failed",
            "failed 22: orders.total type numeric(10,2): type `text`",
        ),
        (
            "alter table mart.orders alter total type numeric(12,2)",
            "failed",
            "failed 22: orders.total type numeric(10,2): type `numeric(12,2)`",
        ),
        (
            "alter table mart.orders alter country type bigint using 1",
            "failed",
            "failed 24: orders.country logical type string: type `bigint`",
        ),
        (
            "alter table mart.orders drop constraint orders_pkey",
            "passed",
            "warned 15: orders.order_id primary key (order_id): no row twice, and no unique index that keeps it so",
        ),
        (
            "alter table mart.orders alter country drop not null; update mart.orders set country = null where order_id = 5",
            "failed",
            "failed 25: orders.country not null: null in at least one row",
        ),
        (
            "alter table mart.orders drop constraint orders_pkey; insert into mart.orders select * from mart.orders limit 1",
            "failed",
            "failed 15: orders.order_id primary key (order_id): a value that is there more than once",
        ),
        (
            "truncate mart.orders; alter table mart.orders alter ordered_at drop not null; insert into mart.orders values (1, null, 1, 'DE')",
            "failed",
            "",
        ),
        ("drop table mart.orders", "failed", "failed 8: orders exists: no such table or view"),
        (
            "alter table mart.orders set schema public",
            "failed",
            "failed 8: orders exists: no such table or view there; there is `public.orders`",
        ),
        (
            "alter table mart.orders rename to \"Orders\"",
            "failed",
            "failed 8: orders exists: no such table or view; there is `mart.Orders`, in another spelling",
        ),
        (
            "alter table mart.orders rename country to \"Country\"",
            "failed",
            "failed 23: orders.country column: no such column; there is `Country`, in another spelling",
        ),
    ] {
        let database = mart();
        database.sql(change);
        let checked = check(&database.url(), ORDERS, "");
        if finding.is_empty() {
            assert_eq!(
                checked.findings(),
                [
                    "failed 19: orders.ordered_at not null: null in at least one row",
                    "failed 27: orders.ordered_at freshness within 2h: 1 rows, but `ordered_at` is NULL in all",
                ]
            );
        } else {
            checked.finds(outcome, finding);
        }
        let line = finding.split([' ', ':']).nth(1).unwrap_or("19");
        if outcome == "failed" {
            assert!(
                checked.ran.stderr.contains(&format!("orders.odcs.yaml:{line}")),
                "{}",
                checked.ran.stderr
            );
        }
    }
}

#[test]
fn a_stale_value_and_one_in_the_future_are_told_apart() {
    for (newest, found) in [
        ("now() - interval '3 hours 5 minutes'", "3h 5m"),
        ("now() + interval '2 hours'", "a value in the future, 1h 59m"),
        ("'infinity'", "an infinite value"),
    ] {
        let database = mart();
        database
            .sql(&format!("delete from mart.orders; insert into mart.orders values (1, {newest}, 1, 'DE')"));
        let checked = check(&database.url(), ORDERS, "");
        let findings = checked.findings();
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(
            findings[0].starts_with(&format!("failed 27: orders.ordered_at freshness within 2h: {found}")),
            "{findings:?}"
        );
        assert!(
            checked.message().starts_with("expected orders.ordered_at to be at most 2h old, got "),
            "{}",
            checked.message()
        );
    }
    let database = mart();
    database.sql("truncate mart.orders");
    assert_eq!(
        check(&database.url(), ORDERS, "").findings(),
        [
            "failed 8: orders not empty: none: it is empty",
            "failed 27: orders.ordered_at freshness within 2h: nothing: it is empty",
        ]
    );
}

#[test]
fn a_time_without_a_zone_is_read_in_the_contracts_zone_and_the_result_says_so() {
    let database = mart();
    database.sql(
        "create table local (at timestamp); insert into local values (now() at time zone 'Asia/Tokyo');
         create table days (day date); insert into days values ((now() at time zone 'UTC')::date)",
    );
    let keys = "[[contract.table]]\nname = \"local\"\nfresh = { column = \"at\", within = \"1h\" }\n";
    let utc = inline(&database.url(), keys);
    assert!(
        utc.findings()[0].contains("in the future, 8h 59m") && utc.findings()[0].contains("read as UTC"),
        "{:?}",
        utc.findings()
    );
    let tokyo = inline(&database.url(), &format!("timezone = \"Asia/Tokyo\"\n{keys}"));
    tokyo.passes();
    assert!(tokyo.with("passed").iter().any(|promise| promise.contains("read as Asia/Tokyo")));
    inline(
        &database.url(),
        "[[contract.table]]\nname = \"days\"\nfresh = { column = \"day\", within = \"1s\" }\n",
    )
    .passes();
}

#[test]
fn what_the_catalog_does_not_prove_is_looked_for_in_the_data() {
    let database = Postgres::shared().create_database();
    database.sql(
        "create table plain (a int, b int, c text); insert into plain values (1, 1, 'x'), (1, 2, null);
         create view seen as select * from plain;
         create table partial (a int); create unique index on partial (a) where a > 5; insert into partial values (1), (1);
         create table lower (a text not null); create unique index on lower (lower(a)); insert into lower values ('a');
         create table wider (a int not null unique, b int not null); insert into wider values (1, 1);
         create table nulls (a int unique); insert into nulls values (1), (null), (null)",
    );
    let table = |name: &str, keys: &str| format!("[[contract.table]]\nname = \"{name}\"\n{keys}\n");
    inline(&database.url(), &table("seen", "key = [\"a\", \"b\"]\nrequired = [\"a\"]")).passes();
    let unguarded = inline(&database.url(), &table("plain", "key = [\"a\", \"b\"]"));
    assert_eq!(unguarded.outcome(), "passed");
    assert!(
        unguarded.summary().ends_with("; 1 key holds and no index enforces it: plain"),
        "{}",
        unguarded.summary()
    );
    inline(&database.url(), &table("seen", "required = [\"c\"]"))
        .finds("failed", "failed 6: seen.c not null: null in at least one row");
    inline(&database.url(), &table("seen", "key = [\"a\"]"))
        .finds("failed", "failed 6: seen.a primary key (a): a value that is there more than once");
    inline(&database.url(), &table("partial", "key = [\"a\"]"))
        .finds("failed", "failed 6: partial.a primary key (a): a value that is there more than once");
    assert_eq!(inline(&database.url(), &table("lower", "key = [\"a\"]")).outcome(), "passed");
    inline(&database.url(), &table("wider", "key = [\"a\", \"b\"]")).passes();
    // A slice is all that scans look at, and the result says so.
    let sliced = inline(
        &database.url(),
        &format!("where = {{ seen = \"c is not null\" }}\n{}", table("seen", "required = [\"c\"]")),
    );
    sliced.passes();
    assert_eq!(sliced.summary(), "checked 4 of 4 promises; scans of `seen` only where c is not null");
}

#[test]
fn rows_extra_columns_and_empty_tables_are_as_the_suite_says() {
    let database = mart();
    let url = database.url();
    database.sql("create table mart.refunds (id int)");
    let orders = "[[contract.table]]\nname = \"mart.orders\"\n";
    inline(&url, &format!("{orders}rows = 100")).passes();
    inline(&url, &format!("{orders}rows = {{ min = 101 }}"))
        .finds("failed", "failed 6: mart.orders rows: 100");
    inline(
        &url,
        &format!(
            "extra-columns = \"forbid\"\n{orders}columns = {{ order_id = \"bigint\", total = \"numeric\" }}"
        ),
    )
    .finds("failed", "failed 6: mart.orders no other columns: ordered_at, country");
    let refunds = "[[contract.table]]\nname = \"mart.refunds\"\n";
    inline(&url, refunds).finds("failed", "failed 5: mart.refunds not empty: none: it is empty");
    inline(&url, &format!("allow-empty = [\"mart.ref*\"]\n{refunds}")).passes();
}

#[test]
fn objects_without_a_schema_are_found_wherever_they_are() {
    let database = mart();
    let contract = ORDERS.replace("physicalName: mart.orders", "physicalName: orders");
    let checked = check(&database.url(), &contract, "");
    checked.passes();
    assert_eq!(checked.summary(), "checked 15 of 15 promises; found in other schemas: mart");
    database.sql("create schema other; create table other.orders (order_id int)");
    check(&database.url(), &contract, "").finds(
        "errored",
        "errored 8: orders exists: it is in several schemas: `mart.orders`, `other.orders`",
    );
    // The contract's servers say where to look first.
    let with_server = format!(
        "{contract}servers:\n  - server: prod\n    type: postgres\n    host: elsewhere\n    schema: mart\n"
    );
    check(&database.url(), &with_server, "").passes();
}

#[test]
fn every_kind_of_table_and_name_is_found() {
    let database = Postgres::shared().create_database();
    database.sql(
        "create table days (id int, day date, primary key (id, day)) partition by range (day);
         create table days_1 partition of days for values from ('2020-01-01') to ('2030-01-01');
         insert into days values (1, '2026-01-01');
         create materialized view kept as select * from days;
         create table \"Select\" (\"order\" int primary key, \"Group By\" text not null, tags text[], id uuid);
         create domain \"Name\" as varchar(50); create type colour as enum ('red');
         alter table \"Select\" add \"Mixed\" \"Name\", add colour colour, add j jsonb;
         insert into \"Select\" values (1, 'x')",
    );
    let contract = "apiVersion: v3.0.2\nkind: DataContract\nschema:\n\
        - name: days\n  properties:\n  - {name: id, physicalType: int, primaryKey: true}\n  - {name: DAY, physicalType: date, primaryKey: true}\n\
        - name: kept\n  physicalType: materialized view\n  properties: [{name: id, logicalType: integer, required: true}]\n\
        - name: Select\n  properties:\n  - {name: order, physicalType: integer, primaryKey: true}\n  - {name: Group By, logicalType: string, required: true}\n\
        \x20 - {name: tags, logicalType: array}\n  - {name: id, logicalType: string}\n  - {name: Mixed, physicalType: Name}\n  - {name: colour, physicalType: colour}\n  - {name: j, logicalType: object}\n";
    let checked = check(&database.url(), contract, "");
    checked.passes();
    assert_eq!(
        checked.summary(),
        "checked 32 of 33 promises; not checked: 1 type that the database does not know (object)"
    );
}

#[test]
fn the_result_never_has_the_values_of_rows() {
    let database = Postgres::shared().create_database();
    database.sql(
        "create table people (mail text, n text); insert into people values ('ada@example.org', 'one'), ('ada@example.org', null)",
    );
    let contract = "apiVersion: v3.1.0\nkind: DataContract\nschema:\n- name: people\n  properties:\n\
        - name: mail\n  classification: pii\n  unique: true\n  quality:\n  - {metric: invalidValues, mustBe: 0, arguments: {pattern: '^x'}}\n\
        \x20 - {type: sql, query: 'select cast({column} as int) from {table} limit 1', mustBe: 1}\n\
        \x20 - {type: sql, query: 'select {column} from {table} limit 1', mustBe: 1}\n- {name: n, required: true}\n"
        .replace("\n- name: mail", "\n  - name: mail")
        .replace("\n  classification", "\n    classification")
        .replace("\n  unique", "\n    unique")
        .replace("\n  quality", "\n    quality")
        .replace("\n  - {metric", "\n    - {metric")
        .replace("\n  - {type", "\n    - {type")
        .replace("\n- {name: n", "\n  - {name: n");
    let checked = check(&database.url(), &contract, "");
    assert_eq!(checked.outcome(), "failed", "{}", checked.ran.stderr);
    assert!(checked.findings().len() >= 5, "{:?}", checked.findings());
    assert!(
        checked
            .with("errored")
            .iter()
            .any(|promise| promise.contains("the statement fails on a value (SQLSTATE 22P02)")),
        "{:?}",
        checked.findings()
    );
    let report = std::fs::read_to_string(checked.ran.path("out.json")).expect("the report");
    for output in [&checked.ran.stderr, &report] {
        assert!(!output.contains("ada@"), "{output}");
    }
}

#[test]
fn a_contract_is_checked_in_one_snapshot_that_cannot_write() {
    let database = mart();
    let contract = ORDERS.replace(
        "slaProperties",
        "    quality:\n      - {type: sql, query: 'insert into mart.orders values (1000, now(), 1) returning 1', mustBe: 1}\n\
         \x20     - {type: sql, query: \"select set_config('transaction_read_only', 'off', true)\", mustBe: 'off'}\n\
         \x20     - {type: sql, query: 'select 1; delete from mart.orders', mustBe: 1}\n\
         \x20     - {type: sql, query: 'with gone as (delete from mart.orders returning 1) select count(*) from gone', mustBe: 0}\nslaProperties",
    );
    let checked = check(&database.url(), &contract, "");
    assert_eq!(checked.with("errored").len(), 4, "{:?}", checked.findings());
    assert_eq!(database.value("select count(*) from mart.orders"), "100");
    assert!(!MART.is_empty());
}
