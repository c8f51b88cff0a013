//! A contract of a SQLite file: types by affinity, keys by `pragma`, dates as they are kept.

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Checked, check, inline};
use crate::support::scratch;

fn shop(sql: &str) -> (TempDir, String) {
    let folder = scratch::for_a_test();
    let path = folder.path().join("shop.db");
    Connection::open(&path).expect("open a file").execute_batch(sql).expect("run the SQL");
    let url = format!("sqlite:{}", path.display());
    (folder, url)
}

const CONTRACT: &str = "\
apiVersion: v3.1.0
kind: DataContract
schema:
  - name: Orders
    properties:
      - {name: id, physicalType: bigint, primaryKey: true}
      - {name: at, physicalType: text, required: true}
      - {name: total, physicalType: 'decimal(10,2)', quality: [{metric: nullValues, mustBe: 0}]}
      - {name: paid, logicalType: boolean}
      - {name: kind, physicalType: STRUCT, quality: [{metric: invalidValues, mustBe: 0, arguments: {validValues: [a, b]}}]}
slaProperties:
  - {property: freshness, value: 1, unit: h, element: Orders.at}
";

#[test]
fn the_same_promises_hold_on_a_file() {
    let tables = "create table orders (id integer primary key, at text not null, total numeric, paid integer, kind text);";
    let with = |more: &str| -> Checked {
        let (_folder, url) = shop(&format!("{tables}{more}"));
        check(&url, CONTRACT, "")
    };
    let row = "insert into orders values (1, datetime('now', '-5 minutes'), 1.5, 1, 'a');";
    let kept = with(row);
    kept.passes();
    assert_eq!(
        kept.summary(),
        "checked 16 of 18 promises; not checked: 2 type that the database does not know (boolean, STRUCT)"
    );
    with("").ran.exits(1);
    with(&format!("{row} alter table orders drop column kind"))
        .finds("failed", "failed 10: Orders.kind column: no such column");
    with(&format!("{row} update orders set kind = 'c'"))
        .finds("failed", "failed 10: Orders.kind invalidValues to be 0: 1");
    with(&format!("{row} update orders set total = null"))
        .finds("failed", "failed 8: Orders.total nullValues to be 0: 1");
    let stale = with("insert into orders values (1, datetime('now', '-3 hours'), 1, 1, 'a')");
    assert!(
        stale.findings()[0].starts_with("failed 12: Orders.at freshness within 1h: 3h"),
        "{:?}",
        stale.findings()
    );
}

#[test]
fn what_is_another_affinity_or_not_unique_is_found() {
    let (_folder, url) = shop(
        "create table orders (id text, at integer, note text); insert into orders values ('a', unixepoch(), null), ('a', unixepoch(), null);
         create view seen as select * from orders; create unique index part on orders (at) where note is not null",
    );
    let keys = |name: &str, keys: &str| format!("[[contract.table]]\nname = \"{name}\"\n{keys}\n");
    inline(&url, &keys("orders", "columns = { id = \"bigint\" }"))
        .finds("failed", "failed 6: orders.id type bigint: type `TEXT`");
    inline(&url, &keys("seen", "key = [\"id\"]"))
        .finds("failed", "failed 6: seen.id primary key (id): a value that is there more than once");
    inline(&url, &keys("orders", "key = [\"at\"]")).ran.exits(1);
    let epoch = inline(&url, &keys("orders", "fresh = { column = \"at\", within = \"1h\" }"));
    epoch.passes();
    assert!(epoch.with("passed").iter().any(|promise| promise.contains("read as seconds since 1970")));
    inline(&url, &keys("nowhere", "")).finds("failed", "failed 5: nowhere exists: no such table or view");
}

#[test]
fn a_file_has_no_regular_expressions_and_says_so() {
    let (_folder, url) = shop("create table t (a text); insert into t values ('x')");
    let contract = "apiVersion: v3.1.0\nkind: DataContract\nschema: [{name: t, properties: [{name: a, quality: [{metric: invalidValues, mustBe: 0, arguments: {pattern: x}}]}]}]\n";
    let checked = check(&url, contract, "");
    checked.passes();
    assert_eq!(
        checked.summary(),
        "checked 3 of 4 promises; not checked: 1 this database has no regular expressions"
    );
}
