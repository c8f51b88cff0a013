//! Databases behind a pooler, which hands one session to many clients.

use std::process::Command;
use std::time::Duration;

use crate::support::ask::Asked;
use crate::support::postgres::pooler::Pooler;
use crate::support::postgres::{Database, Postgres};
use crate::support::thorough::bound;

/// A database like that of an application, with its own types and with deferred constraints.
fn shop() -> Database {
    let database = Postgres::shared().create_database();
    database.admin_sql("create extension if not exists citext");
    database.sql(
        "create type mood as enum ('sad', 'ok'); create type pair as (m mood, n int); create domain positive as int check (value > 0);
         create table orders (id int primary key, m mood, moods mood[], p pair, n positive, email citext);
         insert into orders values (1, 'ok', '{ok,sad}', row('ok', 1), 5, 'A@b.c');
         create table lines (of int references orders deferrable initially deferred)",
    );
    database
}

#[test]
fn an_application_behind_a_pooler_passes_again_and_again_and_leaves_no_statement() {
    let (database, pooler) = (shop(), Pooler::start("transaction"));
    let asked = Asked::at(&pooler.url(&database))
        .query(
            "select m, moods, p, n, email from orders where m = {{ 'ok' }} and m = any({{ ['ok', 'sad'] }})",
            "row = { m = 'ok', moods = ['ok', 'sad'], p = { equals = { m = 'ok', n = 1 } }, n = 5, email = 'A@b.c' }",
        )
        .query("select m from orders where email = {{ 'a@B.C' }} and n = {{ 5 }} and moods = {{ ['ok', 'sad'] }}", "value = 'ok'")
        .check("no query", "")
        .check(
            "writes",
            "writes = true\nquery = \"with n as (insert into orders values (2, 'sad') returning *) select m, p from n\"\nexpect.row.m = 'sad'",
        )
        .check("deferred", "writes = true\nquery = 'insert into lines values (1)'\nexpect.rows = 1")
        .query("show server_version_num", "rows = 1")
        .query("select count(*) from pg_prepared_statements", "value = 0");
    for _ in 0..20 {
        asked.passes();
    }
    assert_eq!(database.value("select count(*) from orders"), "1");
}

#[test]
fn a_pooler_by_the_statement_needs_no_transaction_where_there_is_no_query() {
    let (database, pooler) = (shop(), Pooler::start("statement"));
    Asked::at(&pooler.url(&database)).check("no query", "").passes();
}

#[test]
fn the_console_of_a_pooler_answers() {
    let pooler = Pooler::start("transaction");
    Asked::at(&pooler.console())
        .check("no query", "")
        .query("show pools", "rows = { min = 1 }")
        .query("SHOW DATABASES", "row.name = { type = 'string' }")
        .passes();
}

#[test]
fn waiting_for_a_free_connection_of_a_pooler_is_named() {
    let (database, pooler) = (shop(), Pooler::start("transaction"));
    let asked = |keys: &str| Asked::at(&pooler.url(&database)).check("it", keys);
    // Its first login would wait as well.
    asked("").passes();
    let holds = asked("query = 'select pg_sleep(40)'\nbudget = '45s'").smoke().spawn();
    let name = format!(
        "select count(*) from pg_stat_activity where datname = '{}' and query like '%pg_sleep%'",
        database.name
    );
    crate::support::wait::until("the query", Duration::from_secs(20), || {
        let running =
            Postgres::shared().admin_sql(&format!("{name} and state = 'active' and pid <> pg_backend_pid()"));
        (running[0][0].as_deref() != Some("0")).then_some(())
    });
    let ran = asked("query = 'select 1'\nbudget = '2s'").run();
    ran.exits(1);
    let told = "timeout: no answer within 2s (check budget), while waiting for the first answer, or for a free connection of a pooler (begin)";
    assert_eq!(ran.junit().case("it").told(), told);
    assert!(ran.took < bound(Duration::from_secs(4)), "{:?}", ran.took);
    holds.signal(rustix::process::Signal::TERM);
    let _ = holds.wait();
}

#[test]
fn a_reproduce_command_works_through_a_pooler() {
    let (database, pooler) = (shop(), Pooler::start("transaction"));
    let asked = Asked::at(&pooler.url(&database))
        .query("select id from orders", "value = 2")
        .query("show server_encoding", "value = 'LATIN1'")
        .check(
            "writes",
            "writes = true\nquery = 'insert into orders values (7) returning id'\nexpect.value = 8",
        );
    let report = asked.fails();
    for (name, said) in [("select id from orders", "1"), ("show server_encoding", "UTF8"), ("writes", "7")] {
        let text = &report.case(name).text;
        let command =
            text.lines().find_map(|line| line.trim().strip_prefix("reproduce: ")).expect("a command");
        let shell = Command::new("sh")
            .args(["-c", command])
            .env("PGPASSWORD", crate::support::postgres::PASSWORD)
            .output()
            .expect("a shell");
        let output = String::from_utf8_lossy(&shell.stdout);
        assert!(
            output.lines().any(|line| line.trim() == said),
            "{command}\n{output}{}",
            String::from_utf8_lossy(&shell.stderr)
        );
    }
    assert_eq!(database.value("select count(*) from orders"), "1");
}
