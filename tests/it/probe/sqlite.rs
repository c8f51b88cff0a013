//! `[[database]]` on SQLite: reads the file, and changes nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use crate::support::ask::{Asked, quoted};
use crate::support::junit::Outcome;
use crate::support::scratch;
use crate::support::smoke::Smoke;
use crate::support::thorough::bound;

const SHOP: &str = "create table orders (id integer primary key, total real, note text);
    insert into orders values (1, 10.5, 'first'), (2, 99, null);";

fn shop(folder: &Path, name: &str) -> (PathBuf, Connection) {
    let path = folder.join(name);
    let connection = Connection::open(&path).expect("create a database");
    connection.execute_batch(SHOP).expect("fill it");
    (path, connection)
}

fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// Returns every file of the folder with its content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("read a folder").map(|entry| entry.expect("read an entry"));
    entries
        .map(|entry| {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect()
}

#[test]
fn a_relative_path_starts_in_the_suites_folder() {
    let smoke = Smoke::new();
    let folder = smoke.path("deploy");
    fs::create_dir(&folder).expect("create a folder");
    drop(shop(&folder, "shop.db"));
    let check = |number: usize, url: &str| {
        format!(
            "[[database]]\nname = '{number}'\nurl = '{url}'\nquery = 'select count(*) from orders'\nexpect.value = 2\n"
        )
    };
    let urls = ["sqlite:shop.db", "sqlite:./shop.db", "sqlite:../deploy/shop.db", "sqlite://shop.db"];
    let checks: Vec<String> = urls.iter().enumerate().map(|(number, url)| check(number, url)).collect();
    let suite = format!("[suite]\nname = 'deploy'\n{}", checks.concat());
    let ran = smoke.file("deploy/smoke.toml", suite).arg("deploy/smoke.toml").run();
    ran.exits(0);
}

#[test]
fn an_absolute_path_may_have_any_name() {
    let folder = scratch::for_a_test();
    for name in ["plain.db", "a b.db", "50%41.db", "what?.db", "#1.db", "größe.db", "a&b=c.db"] {
        let (path, connection) = shop(folder.path(), name);
        drop(connection);
        let path = path.display();
        let forms = [format!("sqlite:{path}"), format!("sqlite://{path}"), format!("sqlite:///{path}")];
        for url in forms {
            let asked = Asked::at(&url).query("select count(*) from orders", "value = 2").check("x", "");
            asked.passes();
        }
    }
}

#[test]
fn a_file_that_is_not_a_database_is_reported_and_nothing_is_created() {
    let folder = scratch::for_a_test();
    let text = folder.path().join("text.db");
    fs::write(&text, "not a database, though long enough to be looked at as one. ".repeat(99))
        .expect("write");
    let inside = folder.path().join("folder.db");
    fs::create_dir(&inside).expect("create a folder");
    let missing = folder.path().join("missing.db");
    let before = files(folder.path());
    let cases = [
        (&missing, "no such file or directory", "smoke never creates a database"),
        (&inside, "it is a folder", "opening `"),
        (&text, "file is not a database", "the file is there, and is no SQLite database"),
    ];
    for writes in ["", "writes = true\n"] {
        for (path, cause, hint) in cases {
            let keys = format!("{writes}query = 'select 1 from sqlite_master'");
            let report = Asked::at(&url(path)).check("query", &keys).check("none", "").fails();
            for case in &report.cases {
                let told = format!("connect: opening `{}`: {cause}", path.display());
                assert_eq!((case.outcome, case.told()), (Outcome::Errored, told));
                assert!(case.text.contains(hint), "{}", case.text);
            }
        }
    }
    assert_eq!(files(folder.path()), before);
}

#[test]
fn only_a_regular_file_with_a_header_is_a_database() {
    let folder = scratch::for_a_test();
    let empty = folder.path().join("empty.db");
    fs::write(&empty, "").expect("write");
    let pipe = folder.path().join("pipe.db");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("run mkfifo");
    assert!(made.success());
    let cases = [
        (PathBuf::from("/dev/null"), "it is a device or a pipe"),
        (PathBuf::from("/proc/self/status"), "the file is empty"),
        (pipe, "it is a device or a pipe"),
        (empty, "the file is empty"),
    ];
    for (path, cause) in cases {
        let asked = Asked::at(&url(&path)).check("none", "").check("query", "query = 'select 1'");
        for case in &asked.fails().cases {
            assert_eq!(case.told(), format!("connect: opening `{}`: {cause}", path.display()));
        }
    }
}

#[test]
fn a_transaction_that_was_left_unfinished_is_named() {
    let folder = scratch::for_a_test();
    let (path, writer) = shop(folder.path(), "shop.db");
    // With a cache of one page, the first pages are written before the commit.
    writer
        .execute_batch(
            "pragma cache_size = 1; begin; with recursive n(i) as (select 9 union all select i + 1 from n where i < 9999)
             insert into orders select i, 1, hex(randomblob(200)) from n",
        )
        .expect("write a lot");
    let copied = folder.path().join("copy.db");
    fs::copy(&path, &copied).expect("copy the database");
    fs::copy(folder.path().join("shop.db-journal"), folder.path().join("copy.db-journal"))
        .expect("copy its journal");
    let before = files(folder.path());
    for case in &Asked::at(&url(&copied)).check("none", "").query("select 1", "value = 1").fails().cases {
        assert!(case.told().contains("a transaction was left unfinished: `"), "{}", case.told());
        assert!(case.text.contains("hint: start the application"), "{}", case.text);
    }
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_url_may_have_the_parameters_of_other_tools() {
    let folder = scratch::for_a_test();
    let (path, connection) = shop(folder.path(), "shop.db");
    drop(connection);
    for parameters in ["mode=rwc", "mode=ro&cache=shared", "_journal_mode=WAL&_fk=1", "connection_limit=1"] {
        let url = format!("{}?{parameters}", url(&path));
        Asked::at(&url).query("select count(*) from orders", "value = 2").passes();
    }
    let ran = Asked::at("sqlite::memory:").check("x", "").run();
    ran.exits(2);
    assert!(ran.stderr.contains("in memory belongs to the process that made it"), "{}", ran.stderr);
}

#[test]
fn a_write_that_could_not_be_committed_fails() {
    let folder = scratch::for_a_test();
    for mode in ["delete", "wal"] {
        let (path, connection) = shop(folder.path(), &format!("{mode}.db"));
        connection.pragma_update(None, "journal_mode", mode).expect("choose the journal");
        let lines = "create table lines (of references orders deferrable initially deferred)";
        connection.execute_batch(lines).expect("create a table");
        drop(connection);
        let before = files(folder.path());
        let insert =
            |of: u8| format!("writes = true\nquery = 'insert into lines values ({of})'\nexpect.rows = 1");
        let asked = Asked::at(&url(&path));
        asked.clone().check("kept", &insert(1)).passes();
        let told = "sql: checking what a commit would check: FOREIGN KEY constraint failed";
        assert_eq!(asked.clone().check("deferred", &insert(9)).fails().case("deferred").told(), told);
        assert_eq!(files(folder.path()), before);
        // A reader neither prevents the checks nor delays them.
        let reader = Connection::open(&path).expect("open it");
        reader.execute_batch("begin; select * from orders").expect("read");
        asked.clone().check("kept", &insert(1)).passes();
        assert_eq!(asked.check("deferred", &insert(9)).fails().case("deferred").told(), told);
    }
}

#[test]
fn an_unreadable_file_is_reported() {
    let folder = scratch::for_a_test();
    let (path, connection) = shop(folder.path(), "closed.db");
    drop(connection);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).expect("close the file");
    let ran = Asked::at(&url(&path)).query("select count(*) from orders", "value = 2").run();
    if fs::File::open(&path).is_ok() {
        // root can read the file.
        ran.exits(0);
    } else {
        ran.exits(1);
        assert!(ran.stderr.contains("check that this user may read the file"), "{}", ran.stderr);
    }
}

#[test]
fn a_statement_that_writes_is_refused_and_has_no_effect() {
    let folder = scratch::for_a_test();
    let (path, connection) = shop(folder.path(), "shop.db");
    drop(connection);
    let other = folder.path().join("other.db");
    let other = other.display();
    let before = files(folder.path());
    let statements = [
        "insert into orders values (3, 1, 'x')".to_owned(),
        "insert into orders values (3, 1, 'x') returning id".to_owned(),
        "with n as (select 3 as id) insert into orders(id) select id from n".to_owned(),
        "replace into orders values (1, 1, 'x')".to_owned(),
        "update orders set note = 'x'".to_owned(),
        "update orders set note = 'x' returning *".to_owned(),
        "delete from orders".to_owned(),
        "create table sneaky (id int)".to_owned(),
        "create table sneaky as select 1".to_owned(),
        "create temporary table sneaky (id int)".to_owned(),
        "drop table orders".to_owned(),
        "alter table orders add column sneaky".to_owned(),
        "reindex".to_owned(),
        "analyze".to_owned(),
        "vacuum".to_owned(),
        format!("vacuum into '{other}'"),
        format!("attach '{other}' as other"),
        format!("attach 'file:{other}?mode=rwc' as other"),
        "pragma user_version = 5".to_owned(),
        "pragma application_id = 5".to_owned(),
        "begin immediate".to_owned(),
        "commit".to_owned(),
        "select 1; insert into orders values (3, 1, 'x')".to_owned(),
        "select 1; select 2".to_owned(),
        "commit; insert into orders values (3, 1, 'x')".to_owned(),
        "select load_extension('sneaky')".to_owned(),
        "select writefile('sneaky', 'x')".to_owned(),
        " ; -- nothing".to_owned(),
    ];
    let asked = statements.iter().fold(Asked::at(&url(&path)), |asked, statement| {
        asked.check(statement, &format!("query = {}", quoted(statement)))
    });
    let report = asked.fails();
    for case in &report.cases {
        assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Errored, Some("sql")), "{}", case.text);
    }
    let text = |name: &str| report.case(name).text.clone();
    assert!(text("delete from orders").contains("the statement would write"));
    assert!(text("delete from orders").contains("hint: a check reads; `writes = true` allows"));
    assert!(text("select 1; select 2").contains("a query is one statement, and here are several"));
    assert!(text("commit").contains("the statement gives no rows"));
    assert!(text(&format!("attach '{other}' as other")).contains("it cannot open another file"));
    assert_eq!(files(folder.path()), before);

    // These may be accepted, but change nothing either way.
    let asked = Asked::at(&url(&path))
        .query("pragma journal_mode = wal", "rows = 1")
        .query("pragma wal_checkpoint(truncate)", "rows = 1");
    assert!(matches!(asked.run().code, Some(0 | 1)));
    assert_eq!(files(folder.path()), before);
}

#[test]
fn how_the_journal_is_kept_may_be_asked() {
    let folder = scratch::for_a_test();
    let path = folder.path().join("shop.db");
    let connection = Connection::open(&path).expect("create a database");
    connection.pragma_update(None, "journal_mode", "delete").expect("choose the journal");
    connection.execute_batch("create table t (a)").expect("create a table");
    let ran = Asked::at(&url(&path))
        .query("pragma journal_mode", "value = \"delete\"")
        .query("PRAGMA main . journal_mode;", "value = \"delete\"")
        .run();
    ran.exits(0);
}

#[test]
fn a_statement_that_may_write_runs_and_is_rolled_back() {
    let folder = scratch::for_a_test();
    for mode in ["delete", "wal"] {
        let (path, connection) = shop(folder.path(), &format!("{mode}.db"));
        connection.pragma_update(None, "journal_mode", mode).expect("choose the journal");
        drop(connection);
        let before = files(folder.path());
        let cases = [
            ("insert into orders values (3, 1, 'x')", "rows = 1"),
            (
                "insert into orders values (3, 1.5, {{ 'x' }}) returning id, total, note",
                "row = { id = 3, total = 1.5, note = 'x' }",
            ),
            ("update orders set note = 'x'", "rows = 2"),
            ("delete from orders where id > 9", "rows = 0"),
            ("delete from orders returning id", "rows = 2"),
            ("create table new (id int)", "rows = 0"),
            ("drop table orders", "rows = 0"),
            ("select count(*) from orders", "value = 2"),
            ("commit", "rows = 0"),
        ];
        let asked = cases.iter().fold(Asked::at(&url(&path)), |asked, (query, expect)| {
            asked.check(query, &format!("writes = true\nquery = {}\nexpect.{expect}", quoted(query)))
        });
        asked.passes();
        let keys = "writes = true\nquery = 'insert into orders values (3, 1, 1); commit'";
        assert!(Asked::at(&url(&path)).check("x", keys).run().stderr.contains("a query is one statement"));
        assert_eq!(files(folder.path()), before);
    }
}

#[test]
fn a_database_with_a_write_ahead_log_is_read_as_it_is_and_nothing_is_created_beside_it() {
    let folder = scratch::for_a_test();
    let inside = |name: &str| {
        let inside = folder.path().join(name);
        fs::create_dir(&inside).expect("create a folder");
        inside
    };
    let (used, at_rest, left, lone) = (inside("used"), inside("rest"), inside("left"), inside("lone"));
    let (path, writer) = shop(&used, "shop.db");
    writer.pragma_update(None, "journal_mode", "wal").expect("choose the journal");
    writer
        .execute_batch("pragma wal_checkpoint(truncate); pragma wal_autocheckpoint = 0")
        .expect("checkpoint");
    fs::copy(&path, at_rest.join("shop.db")).expect("copy the database");
    writer.execute_batch("insert into orders values (3, 1, 'in the log')").expect("write");
    // As after a crash, with and without the index of the log.
    for name in ["shop.db", "shop.db-wal", "shop.db-shm"] {
        fs::copy(used.join(name), left.join(name)).expect("copy a file");
    }
    for name in ["shop.db", "shop.db-wal"] {
        fs::copy(used.join(name), lone.join(name)).expect("copy a file");
    }
    writer
        .execute_batch("begin immediate; insert into orders values (4, 1, 'not committed')")
        .expect("write");

    for (inside, rows) in [(&used, 3), (&at_rest, 2), (&left, 3), (&lone, 3)] {
        let before = files(inside);
        let asked = Asked::at(&url(&inside.join("shop.db")))
            .query("select count(*) from orders", &format!("value = {rows}"))
            .check("no query", "")
            .check("refused", "query = 'delete from orders'\nseverity = 'warn'");
        asked.run().exits(0);
        let after = files(inside);
        assert_eq!(
            before.keys().collect::<Vec<_>>(),
            after.keys().collect::<Vec<_>>(),
            "{}",
            inside.display()
        );
        for name in before.keys().filter(|name| !name.ends_with("-shm")) {
            assert_eq!(before[name], after[name], "{name} in {}", inside.display());
        }
    }
    writer.execute_batch("commit").expect("the writer was not disturbed");
    let value = "select group_concat(note, ',') from orders where id > 2";
    Asked::at(&url(&path)).query(value, "value = 'in the log,not committed'").passes();
}

#[test]
fn a_database_in_use_is_read_with_its_log_through_a_symlink_too() {
    let folder = scratch::for_a_test();
    let (path, writer) = shop(folder.path(), "shop.db");
    writer.pragma_update(None, "journal_mode", "wal").expect("choose the journal");
    writer
        .execute_batch("pragma wal_checkpoint(truncate); insert into orders values (3, 1, 'in the log')")
        .expect("write into the log");
    let elsewhere = scratch::for_a_test();
    let link = elsewhere.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).expect("make a link");
    Asked::at(&url(&link)).query("select count(*) from orders", "value = 3").passes();
}

#[test]
fn a_locked_database_is_waited_for_until_the_budget_ends() {
    let folder = scratch::for_a_test();
    let (path, writer) = shop(folder.path(), "shop.db");
    writer.execute_batch("begin exclusive").expect("lock the database");
    let count = "query = 'select count(*) from orders'\nexpect.value = 2";
    let asked = Asked::at(&url(&path))
        .check("reads", &format!("{count}\nbudget = '2s'"))
        .check("writes", &format!("{count}\nbudget = '2s'\nwrites = true"));
    let ran = asked.run();
    ran.exits(1);
    assert!(ran.took < bound(Duration::from_secs(3)), "{:?}", ran.took);
    for case in ran.junit().cases {
        let told = "timeout: no answer within 2s (check budget), while the query waited for a lock (lock)";
        assert_eq!((case.outcome, case.told()), (Outcome::Failed, told.to_owned()));
    }
    let running = Asked::at(&url(&path)).check("x", &format!("{count}\nbudget = '30s'")).smoke().spawn();
    running.wait_for_stderr("1 check");
    writer.execute_batch("commit").expect("let go of the lock");
    running.wait().exits(0);
}

#[test]
fn an_endless_query_is_cut_and_does_not_delay_the_exit() {
    let folder = scratch::for_a_test();
    let (path, connection) = shop(folder.path(), "shop.db");
    drop(connection);
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    let keys = |budget: &str| format!("query = '{endless}'\nbudget = '{budget}'");
    let ran = Asked::at(&url(&path))
        .check("cut", &keys("2s"))
        .check("tried again", &format!("{}\nretry = {{ attempts = 3, delay = '1ms' }}", keys("2s")))
        .check("may write", &format!("{}\nwrites = true", keys("2s")))
        .run();
    ran.exits(1);
    assert!(ran.took < bound(Duration::from_secs(3)), "{:?}", ran.took);
    for case in ran.junit().cases {
        let told = "timeout: no answer within 2s (check budget), while the query ran (query)";
        assert_eq!((case.outcome, case.told()), (Outcome::Failed, told.to_owned()));
    }
    let ran = Asked::at(&url(&path)).check("x", &keys("1m")).smoke().arg("--budget").arg("2s").run();
    ran.exits(4);
    assert!(ran.took < bound(Duration::from_secs(3)), "{:?}", ran.took);
}

#[test]
fn values_round_trip() {
    let folder = scratch::for_a_test();
    let (path, _connection) = shop(folder.path(), "shop.db");
    let awkward = "a\"b'c;d\ne\\f?1{%--";
    Asked::at(&url(&path))
        .with(&format!("[vars]\nawkward = {}\none = '1'", quoted(awkward)))
        .query("select {{awkward}}", &format!("value = {}", quoted(awkward)))
        .query("select count(*) from orders where id = {{one}}", "value = 1")
        .query("select count(*) from orders where id = {{ 1 }} and total = {{ 10.5 }}", "value = 1")
        .query(
            "select {{none}} as n, {{ true }} as t, {{ 9007199254740993 }} as big",
            "row = { n = { type = 'null' }, t = 1, big = 9007199254740993 }",
        )
        .query("select 1 -- {{awkward}}\n + {{ 2 }};", "value = 3")
        .query("select 1; -- that's it", "value = 1")
        .query("select 0.1, 1e300", "value = 0.1")
        .query("select x'00ff' as b", "row.b = '2 bytes of binary data'")
        .query("select note from orders where id = 2", "value = { type = 'null' }")
        .query("select 'Grüße 🚀' as a, 2 as a", "row.a = 'Grüße 🚀'")
        .query("values (1), (2)", "rows = 2")
        .query("explain query plan select * from orders", "rows = 1")
        .query("pragma table_info(orders)", "row.name = 'id'")
        .query("pragma integrity_check", "value = 'ok'")
        .query("select id from orders where id > 9", "rows = 0")
        .passes();
    let report = Asked::at(&url(&path))
        .query("select * from nowhere", "rows = 1")
        .query("selec 1", "rows = 1")
        .query("select id from orders where id > 9", "value = 1")
        .fails();
    assert_eq!(report.case("select * from nowhere").told(), "sql: running the query: no such table: nowhere");
    assert_eq!(report.case("selec 1").told(), "sql: running the query: near \"selec\": syntax error");
    let told = "mismatch: expected value 1, got nothing; the query found no row";
    assert_eq!(report.case("select id from orders where id > 9").told(), told);
}

#[test]
fn a_query_may_have_a_budget_of_months() {
    let smoke = Smoke::new();
    drop(shop(&smoke.path(""), "shop.db"));
    let keys = "budget = '8760h'\n[[database]]\nname = 'it'\nurl = 'sqlite:shop.db'\n\
                query = 'select count(*) from orders'\nbudget = '8760h'\n";
    smoke.suite(&format!("[suite]\nname = 's'\n{keys}")).run().exits(0);
}
