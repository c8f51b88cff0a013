//! What a contract check meets in the wild: files that are no contracts, tables that cannot be read, statements that never
//! end. Each has a clear verdict, nothing is written, and nothing is left running.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{ORDERS, check, inline, mart};
use crate::support::postgres::{PASSWORD, Postgres, TRUST};
use crate::support::smoke::Smoke;
use crate::support::wait;

fn rejected(contract: impl AsRef<[u8]>, message: &str) {
    let suite =
        "[[contract]]\nname = \"it\"\nfile = \"c.yaml\"\ndatabase = \"postgres://nowhere.invalid/x\"\n";
    let began = Instant::now();
    let ran = Smoke::new().file("c.yaml", contract).suite(suite).run();
    ran.exits(2);
    assert!(ran.stderr.contains(message), "{}", ran.stderr);
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn a_file_that_is_no_contract_is_a_mistake() {
    rejected("", "the file is empty");
    rejected("\u{feff}", "the file is empty");
    rejected("just text", "expected a data contract with fields");
    rejected("a: [b", "this is not YAML");
    rejected([0xff, 0xfe, 0x00], "cannot read `c.yaml`");
    rejected("kind: DataContract", "this file has no `apiVersion`");
    rejected("kind: DataContract\napiVersion: v4.0.0", "expected `apiVersion: v3.…`, found `v4.0.0`");
    rejected(format!("a: {}", "[".repeat(100)), "this is nested more than 64 deep");
    rejected(format!("a: {}", "[".repeat(5_000)), "this is not YAML: recursion limit exceeded");
    rejected("x".repeat(10 << 20), "is larger than 8 MiB");
    let bomb: String = std::iter::once("a0: &a0 [1,1,1,1,1,1,1,1,1,1]\n".to_owned())
        .chain((1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(","))))
        .collect();
    rejected(bomb, "the aliases of this file repeat more than 100000 values");
}

#[test]
fn five_thousand_objects_are_looked_up_in_one_go() {
    let database = mart();
    let mut contract = "apiVersion: v3.1.0\nkind: DataContract\nschema:\n".to_owned();
    for number in 0..5_000 {
        contract.push_str(&format!(
            "- name: table_{number}\n  properties:\n  - {{name: a, physicalType: int, required: true}}\n"
        ));
    }
    let checked = check(&database.url(), &contract, "budget = \"60s\"");
    assert_eq!(checked.outcome(), "failed");
    assert_eq!(checked.with("failed").len(), 5_000);
    assert!(checked.ran.stderr.contains("4980 more are broken"), "{}", checked.ran.stderr);
}

#[test]
fn a_table_that_may_not_be_read_is_errored_and_not_missing() {
    let database = mart();
    let url = database.url_for(TRUST);
    let checked = check(&url, ORDERS, "");
    assert_eq!(checked.outcome(), "errored", "{}", checked.ran.stderr);
    assert!(
        checked
            .message()
            .starts_with("checking orders (exists): permission denied: this user may not read it"),
        "{}",
        checked.message()
    );
    assert!(checked.hint().starts_with("grant it: "), "{}", checked.hint());
    // What the catalog says is said all the same.
    assert!(checked.with("passed").contains(&"orders.total type numeric(10,2): ".to_owned()));
    database.sql(&format!("grant usage on schema mart to {TRUST}; grant select on mart.orders to {TRUST}"));
    check(&url, ORDERS, "").passes();
    assert!(!PASSWORD.is_empty());
}

#[test]
fn a_table_that_a_migration_has_locked_is_told_at_once() {
    let database = mart();
    database.sql("create table mart.other (id int primary key); insert into mart.other values (1)");
    let url = database.url();
    let (held, release) = std::sync::mpsc::channel::<()>();
    let holder = std::thread::spawn({
        let url = url.clone();
        move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let url = format!("{url}?sslmode=disable");
                let connect = tokio_postgres::connect(&url, tokio_postgres::NoTls);
                let (client, connection) = connect.await.expect("connect");
                tokio::spawn(connection);
                client
                    .batch_execute("begin; alter table mart.orders add column more int")
                    .await
                    .expect("lock");
                tokio::task::spawn_blocking(move || release.recv()).await.expect("a thread").ok();
                client.batch_execute("rollback").await.expect("roll back");
            });
        }
    });
    let locks = || {
        database.value("select count(*) from pg_locks where mode = 'AccessExclusiveLock' and granted and relation = 'mart.orders'::regclass")
    };
    wait::until("the lock", Duration::from_secs(20), || (locks() == "1").then_some(()));
    let contract = format!(
        "{}  - {{name: other, physicalName: mart.other, properties: [{{name: id, primaryKey: true}}]}}\nslaProperties:{}",
        ORDERS.split("slaProperties:").next().expect("a start"),
        ORDERS.split("slaProperties:").nth(1).expect("an end"),
    );
    let checked = check(&url, &contract, "");
    held.send(()).expect("release");
    holder.join().expect("the holder");
    assert_eq!(checked.outcome(), "errored", "{}", checked.ran.stderr);
    assert!(
        checked
            .message()
            .contains("locked: another session holds a lock on it, and did not release it within 4"),
        "{}",
        checked.message()
    );
    assert!(checked.with("passed").contains(&"other not empty: ".to_owned()), "the rest goes on");
    let took = checked.check["duration_ms"].as_f64().expect("a duration");
    assert!(took < 3_000.0, "{took}");
}

#[test]
fn quality_sql_of_any_kind_has_a_clear_verdict_and_the_rest_goes_on() {
    let database = mart();
    for (query, outcome, found) in [
        ("select pg_sleep(60)", "errored", "not measured in "),
        ("select 1/0", "errored", "division by zero (SQLSTATE 22012)"),
        ("select 1, 2", "errored", "it gives 2 columns, expected one"),
        ("select 1 where false", "errored", "it gives no row, expected one"),
        ("select generate_series(1, 3)", "errored", "it gives 3 rows, expected one"),
        ("select country from mart.orders limit 1", "errored", "it gives text, which cannot be compared"),
        ("select nothing from mart.orders", "errored", "column \"nothing\" does not exist"),
        ("selec 1", "errored", "syntax error"),
        ("delete from mart.orders", "errored", "gives no rows"),
        ("select null", "failed", "NULL"),
        ("", "errored", ""),
        ("copy mart.orders to program 'touch /tmp/never'", "errored", ""),
        ("select $1", "errored", "placeholder"),
    ] {
        let rules = format!(
            "    quality:\n      - {{type: sql, query: {}, mustBe: 5}}\n      - {{metric: rowCount, mustBe: 100}}\nslaProperties",
            serde_json::Value::from(query)
        );
        let checked = check(&database.url(), &ORDERS.replace("slaProperties", &rules), "budget = \"6s\"");
        assert_eq!(checked.outcome(), outcome, "{query}\n{}", checked.ran.stderr);
        let findings = checked.findings();
        assert_eq!(findings.len(), 1, "{query}: {findings:?}");
        assert!(findings[0].contains(found), "{query}: {findings:?}");
        assert!(checked.with("passed").contains(&"orders rowCount to be 100: 100".to_owned()), "{query}");
    }
    assert_eq!(database.value("select count(*) from mart.orders"), "100");
    nothing_runs(&database);
}

fn nothing_runs(database: &crate::support::postgres::Database) {
    wait::until("nothing to run there", Duration::from_secs(10), || {
        let running = database.value(
            "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and state <> 'idle'",
        );
        (running == "0").then_some(())
    });
}

#[test]
fn what_is_not_reached_in_the_budget_is_named_and_nothing_is_left_running() {
    let database = mart();
    // The server does not look for its time limit in such a function, so that the check itself must give up.
    let rules = "    quality:\n      - {type: sql, query: 'select pg_sleep(60)', mustBe: 5}\n      - {metric: rowCount, mustBe: 100}\nslaProperties";
    let checked = check(&database.url(), &ORDERS.replace("slaProperties", rules), "budget = \"700ms\"");
    assert_eq!(checked.outcome(), "errored", "{}", checked.ran.stderr);
    assert!(
        checked.findings().iter().any(|finding| finding.contains("rowCount to be 100: not reached in time")),
        "{:?}",
        checked.findings()
    );
    assert!(checked.message().contains("rowCount to be 100"), "{}", checked.message());
    nothing_runs(&database);
    // A killed check leaves nothing either.
    let suite = format!(
        "[[contract]]\nname = \"it\"\nfile = \"c.yaml\"\ndatabase = \"{}\"\nbudget = \"50s\"\n",
        database.url()
    );
    let running = Smoke::new().file("c.yaml", ORDERS.replace("slaProperties", rules)).suite(&suite).spawn();
    wait::until("the statement", Duration::from_secs(20), || {
        let asleep = database.value("select count(*) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid() and state = 'active'");
        (asleep != "0").then_some(())
    });
    running.signal(Signal::TERM);
    running.wait().exits(143);
    nothing_runs(&database);
}

#[test]
fn a_large_table_without_an_index_is_errored_on_time_with_advice() {
    let database = Postgres::shared().create_database();
    database.sql(
        "create table events (id int, loaded_at timestamptz);
         insert into events select n, now() - interval '5 minutes' from generate_series(1, 300000) as n;
         create view slow as select * from events where pg_sleep(5) is not null;
         create view later as select id, case when id < 3 or pg_sleep(5) is null then loaded_at else loaded_at end as loaded_at from events",
    );
    let keys = "budget = \"500ms\"\n[[contract.table]]\nname = \"slow\"\nfresh = { column = \"loaded_at\", within = \"1h\" }\nrequired = [\"loaded_at\"]\n";
    let checked = inline(&database.url(), keys);
    assert_eq!(checked.outcome(), "errored", "{}", checked.ran.stderr);
    let took = checked.check["duration_ms"].as_f64().expect("a duration");
    assert!(took < 2_500.0, "{took}");
    let keys = keys.replace("500ms", "7s").replace("name = \"slow\"", "name = \"later\"");
    let checked = inline(&database.url(), &keys);
    assert_eq!(checked.outcome(), "errored", "{}", checked.ran.stderr);
    assert!(
        checked.message().contains("could not be determined in 2s (no index on `loaded_at`?)"),
        "{}",
        checked.message()
    );
    assert!(checked.hint().contains("index the column"), "{}", checked.hint());
    // What cannot be proven on a view is counted, and not red.
    assert!(checked.summary().contains("1 not provable in time on a view"), "{}", checked.summary());
    nothing_runs(&database);
}
