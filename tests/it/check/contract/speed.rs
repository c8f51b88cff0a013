//! A contract of the size of `AdventureWorks`: 68 tables, 456 columns.

use std::time::Instant;

use super::check;
use crate::support::large_contract::large;
use crate::support::postgres::Postgres;
use crate::support::thorough;

#[test]
fn a_large_contract_has_no_false_failure_and_one_finding_for_each_that_is_broken() {
    let (sql, contract) = large(&["s0", "s1", "s2", "s3", "s4"]);
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
