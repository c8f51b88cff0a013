//! What holds for PostgreSQL holds for MySQL and MariaDB: what a check runs as root has no effect, what may write is
//! rolled back, and no query stays on the server.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::ask::{Asked, quoted};
use crate::support::junit::Outcome;
use crate::support::mariadb::{Database, MariaDb, OPEN, ROOT, SMOKE};
use crate::support::smoke::Smoke;
use crate::support::thorough::{bound, repeats};
use crate::support::wait;

const SHOP: &str = "
create table orders (id int primary key auto_increment, total decimal(10,2), note varchar(20)) engine=innodb;
insert into orders values (1, 10.50, 'first'), (2, 99, null);
create table isam (id int) engine=myisam;
insert into isam values (1);
create table aria (id int) engine=aria transactional=1;
create table memory (id int) engine=memory;
create sequence numbers;
create view isam_view as select id from isam;
create view orders_view as select id, note from orders;
create view deep_view as select id from isam_view;
create table audited (id int) engine=innodb;
create trigger audit after insert on audited for each row insert into isam values (new.id);
create table counted (id int) engine=innodb;
create trigger count_it before insert on counted for each row insert into orders (note) values ('counted');
delimiter //
create function writes() returns int begin insert into orders (note) values ('f'); return 1; end//
create function writes_isam() returns int begin insert into isam values (99); return 1; end//
create function calls_writes_isam() returns int begin return writes_isam(); end//
create procedure writes_and_commits() begin insert into orders (note) values ('p'); commit; end//
create procedure writes_nothing() begin select 1; end//
create view hidden as select writes_isam() as x//
create event nightly on schedule every 1 day do delete from orders//
delimiter ;
";

/// Everything a statement could have changed.
const STATE: &str = "
select group_concat(id, ':', ifnull(total, ''), ':', ifnull(note, '') order by id) from orders;
select group_concat(id order by id) from isam; select count(*) from aria; select count(*) from memory;
select next_not_cached_value from numbers; select count(*) from audited; select count(*) from counted;
select table_name, engine, table_comment from information_schema.tables where table_schema = database() order by 1;
select routine_name from information_schema.routines where routine_schema = database() order by 1;
select trigger_name from information_schema.triggers where trigger_schema = database() order by 1;
select event_name, status from information_schema.events where event_schema = database();
select count(*) from mysql.global_priv where user like 'sneaky%';
select @@global.max_allowed_packet, @@global.event_scheduler, @@global.sql_mode, @@global.long_query_time;
select count(*) from information_schema.schemata where schema_name like 'sneaky%';";

fn shop() -> Database {
    let database = MariaDb::shared().create_database();
    database.admin_sql(SHOP);
    database
}

fn state(database: &Database) -> Vec<Vec<String>> {
    database.admin_sql(STATE)
}

/// A file that the server itself could write.
fn trap(name: &str) -> PathBuf {
    MariaDb::shared().folder().join(name)
}

const NO_QUERY: &str = "a check only reads";
const MORE: &str = "a check only reads";
const READ_ONLY: &str = "READ ONLY transaction (error 1792, SQLSTATE 25006)";

/// Statements that a check must refuse, with a part of the message.
const REFUSED: [(&str, &str); 62] = [
    ("insert into orders (id) values (3)", NO_QUERY),
    ("insert into orders (id) values (3) returning id", "changes data, and a check only reads"),
    ("replace into orders (id) values (1)", NO_QUERY),
    ("update orders set note = 'x'", NO_QUERY),
    ("delete from orders", NO_QUERY),
    ("delete from orders returning id", "changes data, and a check only reads"),
    ("insert into isam values (3)", NO_QUERY),
    ("update isam set id = 7", NO_QUERY),
    ("truncate orders", NO_QUERY),
    ("select writes()", READ_ONLY),
    ("select writes_isam()", READ_ONLY),
    ("select calls_writes_isam()", READ_ONLY),
    ("select nextval(numbers)", READ_ONLY),
    ("select next value for numbers", READ_ONLY),
    ("select setval(numbers, 100)", READ_ONLY),
    ("select * from orders for update", READ_ONLY),
    ("select 1 into outfile 'TRAP'", MORE),
    ("select 1 into dumpfile 'TRAP'", MORE),
    ("select * into outfile 'TRAP' from orders", MORE),
    ("(select 1 into outfile 'TRAP')", "error 1064"),
    ("select 1 union select 2 into outfile 'TRAP'", MORE),
    ("select 1 /*! into outfile 'TRAP' */", MORE),
    ("select 1 /*M! into outfile 'TRAP' */", MORE),
    ("select * from (select 1 into outfile 'TRAP') as x", "error 1064"),
    ("/*!50000 insert into orders (id) values (3) */", NO_QUERY),
    ("select id into @x from orders limit 1", ""),
    ("call writes_and_commits()", NO_QUERY),
    ("begin not atomic insert into orders (id) values (3); commit; end", NO_QUERY),
    ("commit", NO_QUERY),
    ("rollback", NO_QUERY),
    ("begin", NO_QUERY),
    ("start transaction", NO_QUERY),
    ("set session transaction read write", NO_QUERY),
    ("set global max_allowed_packet = 2097152", NO_QUERY),
    ("set global event_scheduler = on", NO_QUERY),
    ("set statement max_statement_time = 1 for insert into orders (id) values (3)", NO_QUERY),
    ("set @x = writes()", NO_QUERY),
    ("do writes()", NO_QUERY),
    ("commit; insert into orders (id) values (3)", "a query is one statement"),
    ("select 1; insert into orders (id) values (3)", "a query is one statement"),
    ("create table sneaky (id int)", NO_QUERY),
    ("create table sneaky as select 1", NO_QUERY),
    ("create temporary table sneaky (id int)", NO_QUERY),
    ("create database sneaky", NO_QUERY),
    ("create or replace view orders_view as select 1", NO_QUERY),
    ("drop table orders", NO_QUERY),
    ("alter table orders engine = myisam", NO_QUERY),
    ("rename table orders to sneaky", NO_QUERY),
    ("create user sneaky", NO_QUERY),
    ("grant all on *.* to sneaky identified by 'x'", NO_QUERY),
    ("load data infile '/etc/passwd' into table isam", NO_QUERY),
    ("load data local infile '/etc/passwd' into table isam", NO_QUERY),
    ("lock tables orders write", NO_QUERY),
    ("flush tables", NO_QUERY),
    ("analyze table orders", ""),
    ("optimize table orders", ""),
    ("repair table isam", ""),
    ("analyze update orders set note = 'x'", ""),
    ("explain update orders set note = 'x'", READ_ONLY),
    ("prepare sneaky from 'insert into orders (id) values (3)'", ""),
    ("execute immediate 'insert into orders (id) values (3)'", ""),
    ("xa start 'sneaky'", NO_QUERY),
];

#[test]
fn a_statement_that_writes_is_refused_and_has_no_effect() {
    let database = shop();
    let trap = trap(&format!("{}-trap", database.name));
    let fill = |query: &str| query.replace("TRAP", &trap.display().to_string());
    let before = state(&database);
    let asked = REFUSED.iter().fold(Asked::at(&database.url_for(ROOT)), |asked, (query, _)| {
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
    assert_eq!(state(&database), before);
    assert!(!trap.exists());

    // The traps work: without the restriction the same statements have these effects.
    database
        .admin_sql(&fill("select 1 into outfile 'TRAP'; select writes(), writes_isam(), nextval(numbers)"));
    assert!(trap.exists());
    let after = state(&database);
    assert!([0, 1, 4].into_iter().all(|row| after[row] != before[row]), "{after:?}");
}

#[test]
fn side_effects_that_are_allowed_in_read_only_end_with_the_session() {
    let database = shop();
    Asked::at(&database.url_for(ROOT))
        .query("select get_lock('sneaky', 1), 3", "rows = 1")
        .query("select @sneaky := 1", "value = 1")
        .query("select sleep(0)", "rows = 1")
        .query("select id from orders lock in share mode", "rows = 2")
        .passes();
    wait::until("the lock to be free", bound(Duration::from_millis(500)), || {
        (database.value("select is_free_lock('sneaky')") == "1").then_some(())
    });
}

#[test]
fn a_statement_that_may_write_runs_and_is_rolled_back() {
    let database = shop();
    let before = state(&database);
    let cases = [
        ("insert into orders (id, total) values (3, 1)", "rows = 1"),
        ("insert into orders (id) values (3), (4)", "rows = 2"),
        (
            "insert into orders (id, total) values (3, 1.10) returning id, total as sum",
            "row = { id = 3, sum = 1.1 }",
        ),
        ("insert into orders (id) select id + 100 from isam", "rows = 1"),
        ("replace into orders (id, note) values (1, 'x')", "rows = 2"),
        ("update orders set note = 'x'", "rows = 2"),
        ("update orders as o set total = total + {{ 1 }} where id = {{ '1' }}", "rows = 1"),
        ("update orders_view set note = 'isam'", "rows = 2"),
        ("delete from orders where id > 9", "rows = 0"),
        ("delete from orders returning id", "rows = 2"),
        ("insert into counted values (1)", "rows = 1"),
        ("select writes()", "value = 1"),
        ("select * from orders order by id for update", "rows = 2"),
        ("select count(*) from isam", "value = 1"),
        ("show tables like 'orders'", "value = 'orders'"),
        ("explain update orders set note = 'x'", "rows = 1"),
    ];
    let asked = cases.iter().fold(Asked::at(&database.url_for(ROOT)), |asked, (query, expect)| {
        let keys = format!("budget = '50s'\nwrites = true\nquery = {}\nexpect.{expect}", quoted(query));
        asked.check(query, &keys)
    });
    // One at a time: some of them lock the table.
    asked.smoke().arg("--jobs").arg("1").run().exits(0);
    assert_eq!(state(&database), before);
}

#[test]
fn a_statement_that_cannot_be_rolled_back_is_refused() {
    let database = shop();
    let trap = trap(&format!("{}-write-trap", database.name));
    let fill =
        |query: &str| query.replace("TRAP", &trap.display().to_string()).replace("DATABASE", &database.name);
    let before = state(&database);
    let isam = "`isam` is a MyISAM table, which cannot be rolled back";
    let refused = [
        ("insert into isam values (3)", isam),
        ("INSERT LOW_PRIORITY IGNORE isam VALUES (3)", isam),
        ("insert into `DATABASE`.`isam` set id = 3", isam),
        ("replace isam values (3)", isam),
        ("insert /*! into isam */ values (3)", isam),
        ("update isam set id = 3", isam),
        ("update orders o, isam i set i.id = 3", isam),
        ("delete from isam", isam),
        ("delete i from orders o join isam i", isam),
        ("insert into isam values (3) returning id", isam),
        ("update isam_view set id = 3", isam),
        ("update deep_view set id = 3", isam),
        ("insert into audited values (3)", isam),
        ("insert into orders (id) values (writes_isam())", isam),
        ("select calls_writes_isam()", isam),
        ("select * from hidden", isam),
        ("insert into orders (id) select x from hidden", isam),
        ("explain select * from orders where id = (select writes_isam())", isam),
        ("update orders set note = writes_isam()", isam),
        ("insert into aria values (3)", "`aria` is a Aria table"),
        ("insert into memory values (3)", "`memory` is a MEMORY table"),
        ("delete from mysql.global_priv where user = 'nobody'", "`global_priv` is a Aria table"),
        ("insert into numbers values (1,1,1,1,1,1,0,0)", "`numbers` is a sequence"),
        ("truncate orders", "`truncate` commits implicitly"),
        ("create table sneaky (id int)", "`create` commits implicitly"),
        ("create temporary table sneaky (id int)", "`create` commits implicitly"),
        ("drop table orders", "`drop` commits implicitly"),
        ("alter table orders add x int", "`alter` commits implicitly"),
        ("rename table orders to sneaky", "`rename` commits implicitly"),
        ("grant all on *.* to sneaky identified by 'x'", "`grant` commits implicitly"),
        ("lock tables orders write", "`lock` commits implicitly"),
        ("load data infile '/etc/passwd' into table orders", "`load` commits implicitly"),
        ("commit", "`commit` commits implicitly"),
        ("call writes_and_commits()", "`call` may commit"),
        ("begin not atomic insert into orders (id) values (3); commit; end", "`begin` commits implicitly"),
        ("set global max_allowed_packet = 2097152", "`set` cannot be rolled back"),
        ("execute immediate 'commit'", "(error 1295"),
        ("do writes_isam()", "`do` cannot be rolled back"),
        ("/*! truncate orders */", "cannot be rolled back"),
        ("select 1 into outfile 'TRAP'", "`into` cannot be rolled back"),
        ("with a as (select 1) select * from a into outfile 'TRAP'", "`into` cannot be rolled back"),
        ("(select 1 into outfile 'TRAP')", "error 1064"),
        ("select 1 into @x", "`into` cannot be rolled back"),
        ("insert into orders (id) values (3); commit", "a query is one statement"),
        ("insert into orders (id) values (1)", "Duplicate entry"),
    ];
    let asked = refused.iter().fold(Asked::at(&database.url_for(ROOT)), |asked, (query, _)| {
        asked.check(query, &format!("budget = '50s'\nwrites = true\nquery = {}", quoted(&fill(query))))
    });
    let report = asked.fails();
    for (query, told) in refused {
        let case = report.case(query);
        assert_eq!(case.outcome, Outcome::Errored, "{query}: {}", case.text);
        assert!(case.text.contains(told), "{query}: {}", case.text);
    }
    assert_eq!(state(&database), before);
    assert!(!trap.exists());
}

/// How long after the exit a query may still run on the server.
const AFTER_EXIT: Duration = Duration::from_millis(500);

const SLEEP: &str = "select sleep(60)";
/// Pure computation, which never waits.
const WORK: &str = "select count(*) from seq_1_to_100000000 a, seq_1_to_100000000 b where a.seq + b.seq < 0";

/// The connections to this database that somebody has open beside the one that asks.
fn connections(database: &Database) -> i64 {
    let sql =
        "select count(*) from information_schema.processlist where db = database() and id <> connection_id()";
    database.value(sql).parse().expect("a number")
}

/// Waits until nobody is connected; returns how long that took.
fn wait_until_gone(database: &Database, limit: Duration) -> Duration {
    let since = Instant::now();
    wait::until("no connection", limit, || (connections(database) == 0).then_some(()));
    since.elapsed()
}

fn wait_for_queries(database: &Database, count: usize) {
    let sql =
        "select count(*) from information_schema.processlist where db = database() and command = 'Execute'";
    wait::until("the queries to run", Duration::from_secs(20), || {
        (database.value(sql) == count.to_string()).then_some(())
    });
}

/// Checks that reach the server in different ways, with a long query.
fn sleepers(database: &Database, budget: &str, query: &str, rest: &str) -> Smoke {
    let url = database.url_for(SMOKE);
    let socket = MariaDb::shared().socket();
    let urls = [
        url.clone(),
        format!("{url}?ssl-mode=disabled"),
        format!("{}?socket={}", database.url_for(OPEN), socket.display()),
    ];
    let check = |(url, number): (&String, i32)| {
        let (url, query) = (quoted(url), quoted(query));
        format!("[[database]]\nname = 'sleep {number}'\nurl = {url}\nquery = {query}\nbudget = '{budget}'\n")
    };
    let checks: String = urls.iter().zip(1..).map(check).collect();
    Smoke::new().suite(&format!("[suite]\nname = 'cut'\n{rest}\n{checks}"))
}

#[test]
fn a_cut_ends_the_query_on_the_server() {
    let database = shop();
    let mut gone = Vec::new();
    for repeat in 0..repeats(2, 20) {
        let query = if repeat % 2 == 0 { SLEEP } else { WORK };
        let ran = sleepers(&database, "2s", query, "fail-fast = false").run();
        gone.push(wait_until_gone(&database, bound(AFTER_EXIT)));
        ran.exits(1);
        for case in ran.junit().cases {
            let told = "timeout: no answer within 2s (check budget), while the query ran (query)";
            assert_eq!((case.outcome, case.told()), (Outcome::Failed, told.to_owned()));
        }
        let ran = sleepers(&database, "1m", query, "").arg("--budget").arg("2s").run();
        gone.push(wait_until_gone(&database, bound(AFTER_EXIT)));
        ran.exits(4);
    }
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let running = sleepers(&database, "30s", SLEEP, "").spawn();
        wait_for_queries(&database, 3);
        running.signal(signal);
        let ran = running.wait();
        gone.push(wait_until_gone(&database, bound(AFTER_EXIT)));
        ran.exits(code);
    }
    println!(
        "MariaDB: no connection any more after the exit, {} of {}, at most {:?}",
        gone.len(),
        gone.len(),
        gone.iter().max()
    );
}

#[test]
fn after_a_kill_the_server_ends_the_queries_by_the_checks_budget() {
    let database = shop();
    for query in [SLEEP, WORK] {
        let running = sleepers(&database, "4s", query, "").spawn();
        wait_for_queries(&database, 3);
        let seen = Instant::now();
        running.signal(Signal::KILL);
        assert_eq!(running.wait().code, None);
        wait_until_gone(&database, bound(Duration::from_secs(6)).saturating_sub(seen.elapsed()));
    }
}

#[test]
fn a_write_that_is_cut_is_rolled_back() {
    let database = shop();
    let before = state(&database);
    let query = quoted("update orders set note = sleep(60)");
    let url = database.url_for(SMOKE);
    let report =
        Asked::at(&url).check("it", &format!("writes = true\nbudget = '2s'\nquery = {query}")).fails();
    assert!(report.case("it").told().contains("no answer within 2s"), "{}", report.case("it").text);
    wait_until_gone(&database, bound(AFTER_EXIT));
    assert_eq!(state(&database), before);
}

#[test]
fn a_wait_for_a_lock_is_named() {
    let database = shop();
    let mut holder = std::process::Command::new("mariadb");
    let holds = format!("use {}; begin; update orders set note = 'held'; select sleep(120)", database.name);
    holder.args(["--no-defaults", "-u", ROOT, "-S"]).arg(MariaDb::shared().socket()).args(["-e", &holds]);
    let mut holder =
        holder.env("MYSQL_PWD", crate::support::mariadb::PASSWORD).spawn().expect("hold the lock");
    wait::until("the lock to be held", Duration::from_secs(20), || {
        (connections(&database) == 1 && database.value("select count(*) from information_schema.processlist where state = 'User sleep' and db = database()") == "1").then_some(())
    });
    let url = database.url_for(SMOKE);
    let report = Asked::at(&url)
        .check("writes", "query = 'update orders set id = 7 where id = 1'\nwrites = true\nbudget = '2s'")
        .check("nowait", "query = 'select * from orders for update nowait'\nwrites = true\nbudget = '20s'")
        .fails();
    let _ = holder.kill();
    let _ = holder.wait();
    let told = "timeout: no answer within 2s (check budget), while the query waited for a lock (lock)";
    assert_eq!(report.case("writes").told(), told);
    let nowait = report.case("nowait");
    assert!(nowait.told().contains("(error 1205, SQLSTATE HY000)"), "{}", nowait.told());
    assert!(nowait.text.contains("another one holds the lock"), "{}", nowait.text);
}
