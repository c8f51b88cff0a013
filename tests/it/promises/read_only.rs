//! Read-only means read-only: a superuser's check has no effect on the database or its machine.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::{AsyncMessage, NoTls};

use crate::support::ask::{Asked, quoted};
use crate::support::junit::Outcome;
use crate::support::postgres::{ADMIN, Database, Postgres, TRUST};

const SHOP: &str = "
create table orders (id int primary key, total numeric(10,2), note text);
insert into orders values (1, 10.50, 'first'), (2, 99, null);
create sequence numbers;
create function writes() returns int language sql as 'insert into orders values (99) returning id';
create function opens_and_writes() returns int language plpgsql as $$ begin
    perform set_config('transaction_read_only', 'off', false);
    insert into orders values (98); return 98; end $$;
create function executes(text) returns int language plpgsql as $$ begin execute $1; return 1; end $$;
create table owners (id int primary key); insert into owners values (1);
create table lines (of int references owners deferrable initially deferred);
create table checked (id int unique deferrable initially deferred);
create function no_negative() returns trigger language plpgsql as $$ begin
    if new.id < 0 then raise exception 'no negative'; end if; return null; end $$;
create constraint trigger not_negative after insert on checked deferrable initially deferred
    for each row execute function no_negative();
create type mood as enum ('sad', 'ok');
create type pair as (m mood, i interval);
create table kinds (m mood default 'ok', tags text[] default '{a,b}', moods mood[] default '{ok,sad}',
    net cidr default '10.0.0.0/8', d date default '0044-03-15 BC', t timestamp default '0044-03-15 12:00 BC',
    z timestamptz default 'infinity', whole pair default row('ok', '1 day'));
create procedure writes_and_commits() language plpgsql as $$ begin
    insert into orders values (97); commit; end $$;
";

/// Everything a statement could have changed.
const STATE: &str = "
select (select string_agg(o::text, ';' order by id) from orders o), (select (last_value, is_called)::text from numbers),
    (select count(*) from pg_class), (select count(*) from pg_proc), (select count(*) from pg_largeobject_metadata),
    (select count(*) from pg_roles where rolname like 'sneaky%'),
    (select count(*) from pg_stat_user_tables where vacuum_count + analyze_count > 0),
    (select count(*) from pg_locks l join pg_database d on d.oid = l.database
        where d.datname = current_database() and locktype = 'advisory'),
    (select string_agg(setconfig::text, ';') from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
        where d.datname = current_database())";

fn shop() -> Database {
    let database = Postgres::shared().create_database();
    database.admin_sql(SHOP);
    database
}

/// A file that the server itself could write.
fn trap(name: &str) -> PathBuf {
    Postgres::shared().socket_folder().join(name)
}

/// Statements that a check must refuse, with a part of the message.
const REFUSED: [(&str, &str); 46] = [
    ("insert into orders values (3)", "gives no rows"),
    ("insert into orders values (3) returning id", "the statement changes data, and a check only reads"),
    ("update orders set note = 'x'", "gives no rows"),
    ("update orders set note = 'x' returning *", "changes data"),
    ("delete from orders", "gives no rows"),
    ("delete from orders returning id", "changes data"),
    ("merge into orders o using (select 1 as id) n on o.id = n.id when matched then delete", "gives no rows"),
    ("truncate orders", "gives no rows"),
    ("with gone as (delete from orders returning id) select count(*) from gone", "changes data"),
    ("with new as (insert into orders values (3) returning id) select id from new", "changes data"),
    (
        "select * from (with new as (insert into orders values (3) returning id) select id from new) x",
        "top level",
    ),
    ("select writes()", "cannot execute INSERT"),
    ("select opens_and_writes()", "transaction read-write mode must be set before any query"),
    ("select set_config('transaction_read_only', 'off', false), writes()", "must be set before any query"),
    ("select set_config('transaction_read_only', 'off', true), writes()", "must be set before any query"),
    ("select executes('set transaction read write'), writes()", "must be set before any query"),
    ("select executes('create table sneaky (id int)')", "cannot execute CREATE TABLE"),
    ("set transaction read write", "gives no rows"),
    ("set session characteristics as transaction read write", "gives no rows"),
    ("reset transaction_read_only", "gives no rows"),
    ("begin", "gives no rows"),
    ("commit", "gives no rows"),
    ("rollback", "gives no rows"),
    ("commit; insert into orders values (3)", "cannot insert multiple commands"),
    ("select 1; insert into orders values (3)", "cannot insert multiple commands"),
    ("select 1; commit; insert into orders values (3); select 1", "cannot insert multiple commands"),
    ("copy (select 1) to program 'touch TRAP'", "gives no rows"),
    ("copy (select 1) to 'TRAP'", "gives no rows"),
    ("copy orders from program 'touch TRAP'", "gives no rows"),
    ("copy orders to stdout", "gives no rows"),
    ("do $$ begin insert into orders values (3); end $$", "gives no rows"),
    ("call writes_and_commits()", "gives no rows"),
    ("select nextval('numbers')", "cannot execute nextval()"),
    ("select setval('numbers', 100)", "cannot execute setval()"),
    ("lock table orders in access exclusive mode", "gives no rows"),
    ("select * from orders for update", "cannot execute SELECT FOR UPDATE"),
    ("select id into sneaky from orders", "gives no rows"),
    ("create table sneaky (id int)", "gives no rows"),
    ("create temporary table sneaky as select 1", "gives no rows"),
    ("drop table orders", "gives no rows"),
    ("alter database DATABASE set work_mem = '1MB'", "gives no rows"),
    ("create role sneaky superuser", "gives no rows"),
    ("vacuum analyze orders", "gives no rows"),
    ("notify sneaky, 'hello'", "gives no rows"),
    ("prepare sneaky as insert into orders values (3)", "gives no rows"),
    ("explain analyze insert into orders values (3)", "cannot execute INSERT"),
];

#[test]
fn a_statement_that_writes_is_refused_and_has_no_effect() {
    let database = shop();
    let trap = trap(&format!("{}-trap", database.name));
    let fill =
        |query: &str| query.replace("TRAP", &trap.display().to_string()).replace("DATABASE", &database.name);
    let before = database.admin_sql(STATE);
    let asked = REFUSED.iter().fold(Asked::at(&database.url_for(ADMIN)), |asked, (query, _)| {
        asked.check(query, &format!("budget = '50s'\nquery = {}", quoted(&fill(query))))
    });
    let report = asked.fails();
    for (query, told) in REFUSED {
        let case = report.case(query);
        assert_eq!(
            (case.outcome, case.kind.as_deref()),
            (Outcome::Errored, Some("sql")),
            "{query}: {}",
            case.text
        );
        assert!(case.text.contains(told), "{query}: {}", case.text);
    }
    assert_eq!(database.admin_sql(STATE), before);
    assert!(!trap.exists());

    // The traps work: without the restriction, the same statements do have these effects.
    database.admin_sql(&fill("copy (select 1) to program 'touch TRAP'"));
    assert!(trap.exists());
    fs::remove_file(&trap).expect("remove the file of the trap");
    database.admin_sql("select opens_and_writes(), nextval('numbers'), lo_create(0)");
    let after = database.admin_sql(STATE);
    assert!([0, 1, 4].into_iter().all(|column| after[0][column] != before[0][column]), "{after:?}");
}

#[test]
fn side_effects_that_postgresql_allows_in_read_only_are_undone() {
    let database = shop();
    let before = database.admin_sql(STATE);
    Asked::at(&database.url_for(ADMIN))
        .query("select pg_advisory_lock(1), pg_advisory_lock_shared(2), 3", "rows = 1")
        .query("select pg_try_advisory_xact_lock(3)", "value = true")
        .query("select set_config('default_transaction_read_only', 'off', false)", "value = 'off'")
        .query("select pg_sleep(0)", "rows = 1")
        .passes();
    // Newer servers reject it, older ones roll it back.
    let ran = Asked::at(&database.url_for(ADMIN)).check("x", "query = 'select lo_create(0)'").run();
    assert!(matches!(ran.code, Some(0 | 1)), "{}", ran.stderr);
    assert_eq!(database.admin_sql(STATE), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_does_not_leave_the_transaction() {
    let server = Postgres::shared();
    let url = format!("{}?sslmode=disable", server.url(TRUST, "", "postgres"));
    let (client, mut connection) = tokio_postgres::connect(&url, NoTls).await.expect("log in");
    let (sender, mut messages) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(Ok(message)) = std::future::poll_fn(|context| connection.poll_message(context)).await {
            if let AsyncMessage::Notification(notification) = message {
                let _ = sender.send(notification.payload().to_owned());
            }
        }
    });
    client.batch_execute("listen sneaky").await.expect("listen");
    for writes in ["", "writes = true"] {
        let keys = format!("query = \"select pg_notify('sneaky', 'from the check')\"\n{writes}");
        Asked::at(&server.url(TRUST, "", "postgres")).check("x", &keys).passes();
    }
    client.batch_execute("notify sneaky, 'control'").await.expect("notify");
    let first = tokio::time::timeout(Duration::from_secs(10), messages.recv()).await;
    assert_eq!(first.expect("a notification").as_deref(), Some("control"));
}

#[test]
fn a_statement_that_may_write_runs_and_is_rolled_back() {
    let database = shop();
    let before = database.admin_sql(STATE);
    let cases = [
        ("insert into orders values (3, 1)", "rows = 1"),
        ("insert into orders select g from generate_series(10, 19) g", "rows = 10"),
        ("insert into orders values (3, 1.10) returning id, total as sum", "row = { id = 3, sum = 1.1 }"),
        ("update orders set note = 'x'", "rows = 2"),
        ("update orders set total = total + {{ 1 }} where id = {{ '1' }} returning total", "value = 11.5"),
        ("delete from orders where id > 9", "rows = 0"),
        ("delete from orders returning *", "rows = 2"),
        ("truncate orders", "rows = 0"),
        ("select writes()", "value = 99"),
        ("create table new (id int)", "rows = 0"),
        ("do $$ begin insert into orders values (3); end $$", "rows = 0"),
        ("select * from orders order by id for update", "rows = 2"),
        ("lock table orders in access exclusive mode", "rows = 0"),
        ("commit", "rows = 0"),
        (
            "with new as (insert into orders values (3, {{ '1.10' }}, {{ 'a' }}) returning *) select *, null::int as nothing from new",
            "row = { id = 3, total = 1.1, note = 'a', nothing = { type = 'null' } }",
        ),
        (
            "with new as (insert into orders values (4) returning id) select id, 1.50::numeric(30,10) as n, \
             -0.00012::numeric as small, 123456789.5::numeric as big, true as b, '{\"k\": [1]}'::jsonb as j, \
             date '2026-01-31' as d, timestamp '2026-01-31 12:00:00.25' as t, timestamptz '1999-12-31 23:00-01' as z, \
             'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid as u, 0.1::float8 as f, 0.1::float4 as g, 'x'::varchar as v from new",
            "row = { id = 4, n = 1.5, small = -0.00012, big = 123456789.5, b = true, j = { equals = { k = [1] } }, d = '2026-01-31', \
             t = '2026-01-31T12:00:00.25', z = '2000-01-01T00:00:00+00:00', u = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', \
             f = 0.1, g = 0.1, v = 'x' }",
        ),
        (
            "with new as (insert into kinds default values returning *) select * from new",
            "row = { m = 'ok', tags = '{a,b}', moods = '{ok,sad}', net = '10.0.0.0/8', d = '0044-03-15 BC', \
             t = '0044-03-15T12:00:00 BC', z = 'infinity', whole = '(ok,\"1 day\")' }",
        ),
        ("insert into lines values (1)", "rows = 1"),
        ("set constraints all deferred", "rows = 0"),
        ("show transaction_read_only", "value = 'off'"),
        ("explain analyze insert into orders values (3)", "rows = { min = 2 }"),
    ];
    let asked = cases.iter().fold(Asked::at(&database.url_for(ADMIN)), |asked, (query, expect)| {
        let keys = format!("budget = '50s'\nwrites = true\nquery = {}\nexpect.{expect}", quoted(query));
        asked.check(query, &keys)
    });
    // One at a time: some of them lock the table.
    asked.smoke().arg("--jobs").arg("1").run().exits(0);
    assert_eq!(database.admin_sql(STATE), before);
}

#[test]
fn a_statement_that_may_write_cannot_commit() {
    let database = shop();
    let trap = trap(&format!("{}-trap", database.name));
    let before = database.admin_sql(STATE);
    let refused = [
        ("call writes_and_commits()", "invalid transaction termination"),
        ("do $$ begin insert into orders values (3); commit; end $$", "invalid transaction termination"),
        ("insert into orders values (3); commit", "cannot insert multiple commands"),
        ("vacuum orders", "cannot run inside a transaction block"),
        ("copy orders from stdin", "`copy` cannot be rolled back"),
        ("/* out */ COPY orders to program 'touch TRAP'", "`copy` cannot be rolled back"),
        ("insert into orders values (1)", "duplicate key value"),
        ("insert into lines values (99)", "violates foreign key constraint"),
        ("insert into lines values (99) returning of", "violates foreign key constraint"),
        ("insert into checked values (-1)", "no negative"),
        ("insert into checked values (1), (1)", "duplicate key value"),
    ];
    let asked = refused.iter().fold(Asked::at(&database.url_for(ADMIN)), |asked, (query, _)| {
        let filled = query.replace("TRAP", &trap.display().to_string());
        asked.check(query, &format!("budget = '50s'\nwrites = true\nquery = {}", quoted(&filled)))
    });
    let report = asked.fails();
    for (query, told) in refused {
        let case = report.case(query);
        assert_eq!(case.outcome, Outcome::Errored, "{query}: {}", case.text);
        assert!(case.text.contains(told), "{query}: {}", case.text);
    }
    assert_eq!(database.admin_sql(STATE), before);
    assert!(!trap.exists());
}
