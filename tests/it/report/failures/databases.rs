//! Databases that refuse, lack something, or respond too late.

use super::closed_port;
use crate::support::postgres::{Postgres, SMOKE};
use crate::support::seeded::Seeded;
use crate::support::wait;

fn database(name: &'static str, keys: &str) -> Seeded {
    Seeded::new(
        name,
        &format!(
            "[vars]\ndb_url = {{ env = \"DATABASE_URL\" }}\n\n[[database]]\nname = \"it\"\nurl = \"{{{{db_url}}}}\"\n{keys}\n"
        ),
    )
}

#[test]
fn a_password_that_is_wrong() {
    let url = Postgres::shared().url(SMOKE, "not-the-password", "postgres");
    database("password", "").env("DATABASE_URL", &url).says("password", "password authentication failed");
}

#[test]
fn a_missing_database() {
    let url = Postgres::shared().url(SMOKE, crate::support::postgres::PASSWORD, "no_such");
    database("no_database", "").env("DATABASE_URL", &url).says("no_such", "\"no_such\" does not exist");
}

#[test]
fn a_database_server_that_is_down() {
    let url = format!("postgres://smoke:some-password@127.0.0.1:{}/shop", closed_port());
    database("down", "").env("DATABASE_URL", &url).says("connection refused", "Connection refused");
}

#[test]
fn a_missing_table() {
    let shop = Postgres::shared().create_database();
    database("no_table", "query = \"select * from orders\"\nexpect.rows = { min = 1 }")
        .env("DATABASE_URL", &shop.url())
        .says("relation \"orders\" does not exist", "relation \"orders\" does not exist");
}

#[test]
fn a_table_without_permission() {
    let shop = Postgres::shared().create_database();
    shop.admin_sql("create table hidden (id int); revoke all on hidden from public");
    database("permission", "query = \"select * from hidden\"\nexpect.rows = 1")
        .env("DATABASE_URL", &shop.url())
        .says("permission denied for table hidden", "permission denied for table hidden");
}

#[test]
fn a_result_that_is_empty() {
    let shop = Postgres::shared().create_database();
    shop.sql("create table orders (id int, note text)");
    let keys = "query = \"select id from orders where note = {{ note }}\"\nexpect.rows = { min = 1 }";
    Seeded::new(
        "no_rows",
        &format!(
            "[vars]\ndb_url = {{ env = \"DATABASE_URL\" }}\nnote = \"it's \\\"new\\\"\"\n\n\
             [[database]]\nname = \"it\"\nurl = \"{{{{db_url}}}}\"\n{keys}\n"
        ),
    )
    .env("DATABASE_URL", &shop.url())
    .says("expected rows at least 1, got 0", "(0 rows)");
}

#[test]
fn a_value_that_is_wrong() {
    let shop = Postgres::shared().create_database();
    database("value", "query = \"select 41 as answer\"\nexpect.value = 42")
        .env("DATABASE_URL", &shop.url())
        .says("expected value 42, got 41", "41");
}

#[test]
fn a_statement_that_would_write() {
    let shop = Postgres::shared().create_database();
    shop.sql("create table orders (id int)");
    database("write", "query = \"insert into orders values (1)\"\nexpect.rows = 1")
        .env("DATABASE_URL", &shop.url())
        .says("a check only reads", "read-only transaction");
}

#[test]
fn a_lock_that_somebody_holds() {
    let shop = Postgres::shared().create_database();
    shop.sql("create table orders (id int)");
    let holder = std::thread::spawn({
        let url = shop.url();
        move || {
            let sql = "begin; lock table orders; select pg_sleep(60)";
            std::process::Command::new("psql").args(["-X", &url, "-c", sql]).output().expect("psql")
        }
    });
    let locked = "select count(*)::text from pg_locks where relation = 'orders'::regclass and granted";
    wait::until("the lock", std::time::Duration::from_secs(20), || (shop.value(locked) == "1").then_some(()));
    database("lock", "query = \"select count(*) from orders\"\nexpect.value = 0\nbudget = \"2s\"")
        .env("DATABASE_URL", &shop.url())
        .says("waited for a lock (lock)", "canceling statement due to statement timeout");
    shop.admin_sql("select pg_terminate_backend(pid) from pg_locks where relation = 'orders'::regclass");
    holder.join().expect("the holder of the lock");
}

#[test]
fn a_query_that_never_ends() {
    let shop = Postgres::shared().create_database();
    database("slow_query", "query = \"select pg_sleep(60)\"\nexpect.rows = 1\nbudget = \"2s\"")
        .env("DATABASE_URL", &shop.url())
        .says("while the query ran (query)", "canceling statement due to statement timeout");
}

#[test]
fn a_missing_file() {
    database("no_file", "").env("DATABASE_URL", "sqlite:shop.db").says("shop.db", "unable to open database");
}

#[test]
fn a_file_that_is_no_database() {
    database("no_sqlite", "query = \"select count(*) from orders\"\nexpect.value = 1")
        .file("shop.db", &b"not a database, but long enough to be taken for one\n".repeat(40))
        .env("DATABASE_URL", "sqlite:shop.db")
        .says("not a database", "file is not a database");
}
