//! Sessions on each database: their transactions, what they report about tables, and how they end.

use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use smoke::attempt::cancellation::Cancellations;
use smoke::attempt::timeline::Timeline;
use smoke::attempt::{Context, EventSink, RunContext, Tracing};
use smoke::deadline::{BudgetScope, Deadline};
use smoke::language::sql::BoundSql;
use smoke::outcome::{Failure, Phase};
use smoke::probe::database::Family::{Array, Boolean, Date, Instant, Number, Text, Unknown};
use smoke::probe::database::{
    Access, Column, Database, DeclaredType, Family, Session, Table, TableKind, TableName, TypeMatch,
};
use smoke::probe::databases::of_url;
use smoke::probe::rows::QueryResult;
use smoke::secret::Redactor;
use tempfile::TempDir;

use crate::support::postgres::{self, Postgres};
use crate::support::{scratch, wait};

const TABLES: &str = "create table orders (id integer primary key, note text not null, total numeric(10, 2));
    create table parents (id integer primary key);
    create table children (parent integer references parents (id) deferrable initially deferred);";

/// A database, and a second connection to it.
struct Beside {
    url: String,
    way: Way,
}

enum Way {
    Postgres(postgres::Database),
    Sqlite { connection: Connection, _folder: TempDir },
}

impl Beside {
    fn postgres() -> Beside {
        let database = Postgres::shared().create_database();
        database.sql(TABLES);
        Beside { url: database.url(), way: Way::Postgres(database) }
    }

    fn sqlite() -> Beside {
        let folder = scratch::for_a_test();
        let path = folder.path().join("shop.db");
        let connection = Connection::open(&path).expect("create a database");
        // In WAL mode, readers do not block the writer.
        connection.pragma_update(None, "journal_mode", "wal").expect("choose the journal");
        connection.execute_batch(TABLES).expect("create the tables");
        Beside { url: format!("sqlite:{}", path.display()), way: Way::Sqlite { connection, _folder: folder } }
    }

    fn each() -> [Beside; 2] {
        [Beside::postgres(), Beside::sqlite()]
    }

    fn run(&self, sql: &str) {
        match &self.way {
            Way::Postgres(database) => {
                database.sql(sql);
            }
            Way::Sqlite { connection, .. } => connection.execute_batch(sql).expect(sql),
        }
    }

    /// Returns the number of committed rows in `orders`.
    fn orders(&self) -> String {
        let sql = "select count(*) from orders";
        match &self.way {
            Way::Postgres(database) => database.value(sql),
            Way::Sqlite { connection, .. } => {
                connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect(sql).to_string()
            }
        }
    }

    fn database(&self) -> &'static dyn Database {
        of_url(&self.url).expect("a database")
    }

    async fn open(&self, access: Access) -> Opened {
        let context = context(Duration::from_secs(50));
        let session = self.database().open(&self.url, access, &context).await.expect("open a session");
        Opened { session, context }
    }
}

/// A session with its context.
struct Opened {
    session: Box<dyn Session>,
    context: Context,
}

impl Opened {
    async fn query(&mut self, sql: &str) -> Result<QueryResult, Failure> {
        self.session.query(&bound(sql, &[]), 1, &self.context).await
    }

    async fn commit(&mut self) -> Result<(), Failure> {
        self.session.commit(&self.context).await
    }

    async fn rollback(&mut self) {
        self.session.rollback(&self.context).await;
    }

    async fn close(self) {
        self.session.close(&self.context).await;
    }

    /// Returns the number of rows in `orders` that this session sees.
    async fn orders(&mut self) -> Value {
        let answer = self.query("select count(*) as n from orders").await.expect("count the orders");
        answer.rows[0][0].1.clone()
    }
}

pub(super) fn context(budget: Duration) -> Context {
    let redactor = Arc::new(Redactor::new());
    Context {
        run: Arc::new(RunContext::new("sessions".to_owned(), "".into(), redactor, Tracing::Off)),
        check: "check".into(),
        deadline: Deadline::after(budget, BudgetScope::Check),
        timeline: Timeline::start(),
        cancellations: Cancellations::default(),
        events: EventSink::to_nobody(),
    }
}

pub(super) fn bound(sql: &str, parameters: &[Value]) -> BoundSql {
    BoundSql { text: sql.to_owned(), parameters: parameters.to_vec() }
}

pub(super) fn table(schema: Option<&str>, name: &str) -> TableName {
    TableName { schema: schema.map(str::to_owned), name: name.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_one_state_of_the_database_until_its_transaction_ends() {
    for beside in Beside::each() {
        let mut opened = beside.open(Access::Snapshot).await;
        assert_eq!(opened.orders().await, 0, "{}", beside.url);
        beside.run("insert into orders values (1, 'meanwhile', 1)");
        assert_eq!(opened.orders().await, 0, "{}", beside.url);
        // Invalid statements and utility statements do not end it either.
        assert!(opened.query("select * from nowhere").await.is_err());
        assert!(opened.query("explain select * from orders").await.is_ok());
        assert!(opened.query("selec 1").await.is_err());
        assert_eq!(opened.orders().await, 0, "{}", beside.url);
        opened.rollback().await;
        assert_eq!(opened.orders().await, 1, "{}", beside.url);
        opened.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_undoes_itself_and_nothing_else() {
    for beside in Beside::each() {
        let mut opened = beside.open(Access::Write).await;
        assert!(opened.query("insert into nowhere values (1)").await.is_err());
        for id in 1..=3 {
            let inserted = opened.query(&format!("insert into orders values ({id}, 'kept', 1)")).await;
            assert_eq!(inserted.expect("insert an order").count, 1);
            let twice =
                "insert into orders select id + 9, note, total from orders union select 1, 'twice', 1";
            assert!(opened.query(twice).await.is_err());
            assert!(opened.query("select * from nowhere").await.is_err());
        }
        assert_eq!(beside.orders(), "0");
        opened.commit().await.expect("commit");
        assert_eq!(beside.orders(), "3", "{}", beside.url);

        assert!(opened.query("insert into orders values (1, 'twice', 1)").await.is_err());
        opened.commit().await.expect("commit nothing");
        opened.commit().await.expect("commit nothing again");
        opened.query("insert into orders values (4, 'in the next transaction', 1)").await.expect("insert");
        opened.commit().await.expect("commit");
        assert_eq!(beside.orders(), "4", "{}", beside.url);
        opened.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_committed_is_undone() {
    for beside in Beside::each() {
        let mut opened = beside.open(Access::Write).await;
        opened.query("insert into orders values (1, 'a', 1)").await.expect("insert");
        opened.rollback().await;
        opened.query("insert into orders values (2, 'b', 1)").await.expect("insert");
        assert_eq!(opened.orders().await, 1);
        opened.close().await;
        assert_eq!(beside.orders(), "0", "{}", beside.url);
        // It does not keep a lock either.
        beside.run("insert into orders values (2, 'c', 1)");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_fails_keeps_nothing() {
    for beside in Beside::each() {
        let mut opened = beside.open(Access::Write).await;
        opened.query("insert into orders values (1, 'a', 1)").await.expect("insert");
        opened.query("insert into children values (7)").await.expect("insert what is checked later");
        let failure = opened.commit().await.expect_err("a child without a parent").to_string();
        assert!(failure.starts_with("committing: "), "{failure}");
        assert!(failure.to_lowercase().contains("foreign key"), "{failure}");
        assert_eq!(beside.orders(), "0", "{}", beside.url);
        opened.query("insert into orders values (2, 'b', 1)").await.expect("insert");
        opened.commit().await.expect("commit");
        assert_eq!(beside.orders(), "1", "{}", beside.url);
        opened.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_checks_what_a_commit_would_and_keeps_nothing() {
    for beside in Beside::each() {
        let mut opened = beside.open(Access::Write).await;
        for _ in 0..2 {
            opened.query("insert into orders values (1, 'a', 1)").await.expect("insert");
            opened.session.rehearse(&opened.context).await.expect("nothing is wrong with it");
            opened.query("insert into children values (7)").await.expect("insert what is checked later");
            let failure = opened.session.rehearse(&opened.context).await.expect_err("no parent").to_string();
            assert!(failure.starts_with("checking what a commit would check: "), "{failure}");
            assert_eq!(beside.orders(), "0", "{}", beside.url);
        }
        // A commit after that is a real commit.
        opened.query("insert into orders values (1, 'a', 1)").await.expect("insert");
        opened.commit().await.expect("commit");
        assert_eq!(beside.orders(), "1", "{}", beside.url);
        opened.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_its_own_transaction_does_not_let_the_next_statement_commit_itself() {
    for beside in Beside::each() {
        let mut opened = beside.open(Access::Write).await;
        opened.query("insert into orders values (1, 'a', 1)").await.expect("insert");
        opened.query("rollback").await.expect("end the transaction");
        for id in 2..=4 {
            let insert = format!("insert into orders values ({id}, 'alone', 1)");
            assert!(opened.query(&insert).await.is_err(), "{}", beside.url);
        }
        opened.close().await;
        assert_eq!(beside.orders(), "0", "{}", beside.url);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_reads_cannot_write_with_any_of_its_statements() {
    for beside in Beside::each() {
        for access in [Access::Read, Access::Snapshot] {
            let mut opened = beside.open(access).await;
            for _ in 0..3 {
                for statement in [
                    "insert into orders values (1, 'a', 1)",
                    "insert into orders values (1, 'a', 1) returning id",
                    "commit",
                    "rollback",
                    "select 1; commit; insert into orders values (1, 'a', 1)",
                    "set transaction read write",
                    "create table sneaky (id integer)",
                ] {
                    assert!(opened.query(statement).await.is_err(), "{}: {statement}", beside.url);
                }
                assert_eq!(opened.orders().await, 0);
            }
            opened.commit().await.expect("commit what was read");
            opened.close().await;
            assert_eq!(beside.orders(), "0", "{}", beside.url);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_rows_are_counted_and_as_many_kept_as_are_wanted() {
    for beside in Beside::each() {
        let mut opened = beside.open(Access::Read).await;
        let sql = "select id, note from (values (1, 'a'), (2, 'b'), (3, 'c')) as t (id, note)";
        let sql = match beside.way {
            Way::Postgres(_) => sql,
            Way::Sqlite { .. } => {
                "select column1 as id, column2 as note from (values (1, 'a'), (2, 'b'), (3, 'c'))"
            }
        };
        let row = |id: i64, note: &str| vec![("id".to_owned(), json!(id)), ("note".to_owned(), json!(note))];
        let all = [row(1, "a"), row(2, "b"), row(3, "c")];
        for keep in [0, 1, 2, 3, usize::MAX] {
            let answer = opened.session.query(&bound(sql, &[]), keep, &opened.context).await.expect("ask");
            assert_eq!((answer.count, answer.rows.as_slice()), (3, &all[..keep.min(3)]), "{}", beside.url);
        }
        opened.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_a_value_of_any_kind_are_written_as_the_database_reads_them() {
    let awkward = "a \"b' ?1 $1 ; -- Ä\\";
    for beside in Beside::each() {
        let dialect = beside.database().dialect();
        let name = (dialect.identifier)(awkward);
        beside.run(&format!("create table {name} ({name} text, b text)"));
        let (one, two) = ((dialect.placeholder)(1), (dialect.placeholder)(2));
        let mut opened = beside.open(Access::Write).await;
        let insert = format!("insert into {name} ({name}, b) values ({one}, {two})");
        let values = [json!(awkward), json!("second")];
        let answer = opened.session.query(&bound(&insert, &values), 1, &opened.context).await;
        assert_eq!(answer.expect("insert").count, 1);
        let select = format!("select {name}, b from {name} where b = {two} and {name} = {one}");
        let answer = opened.session.query(&bound(&select, &values), 1, &opened.context).await;
        let [a, b] = values;
        assert_eq!(answer.expect("select").rows, [vec![(awkward.to_owned(), a), ("b".to_owned(), b)]]);
        let described = opened.session.describe(&[table(None, awkward)], &opened.context).await;
        let described = described.expect("describe").remove(0).expect("the table");
        assert_eq!(described.columns[0].name, awkward);
        opened.close().await;
    }
}

/// The columns as the catalog has them, what they are about, and what is unique.
#[expect(
    clippy::unnecessary_wraps,
    reason = "it is compared with what a session says of a table, if there is one"
)]
pub(super) fn described(
    (schema, kind): (&str, TableKind),
    columns: &[(&str, &str, bool, Family)],
    unique: &[&[&str]],
) -> Option<Table> {
    let column = |&(name, type_name, nullable, family): &(&str, &str, bool, Family)| Column {
        name: name.to_owned(),
        type_name: type_name.to_owned(),
        nullable,
        family,
    };
    let names = |names: &&[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Some(Table {
        schema: schema.to_owned(),
        kind,
        is_readable: true,
        columns: columns.iter().map(column).collect(),
        unique: unique.iter().map(names).collect(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_describes_tables_and_views_as_its_catalog_has_them() {
    let beside = Beside::postgres();
    beside.run(
        "create schema mart; create table mart.\"Orders\" (id bigint);
         create table mart.orders (elsewhere int);
         create domain positive as int not null check (value > 0);
         create type colour as enum ('red');
         create table many (a int not null, gone int, b varchar(50), c timestamptz(3), d text[], e positive, f colour,
             g numeric, \"H h\" bool not null);
         alter table many drop column gone;
         create view seen as select id, total from orders;
         create materialized view kept as select id from orders;
         create table nothing ();
         create index an_index on orders (note);
         create unique index on many (a, b) include (c);
         create unique index on many (lower(b));
         create unique index on many (b) where a > 0;
         create table days (id int, day date, primary key (id, day)) partition by range (day);
         create table later (id int unique deferrable)",
    );
    let mut opened = beside.open(Access::Snapshot).await;
    let tables = [
        table(None, "orders"),
        table(Some("mart"), "Orders"),
        table(None, "Orders"),
        table(None, "many"),
        table(None, "seen"),
        table(Some("public"), "kept"),
        table(None, "nothing"),
        table(None, "an_index"),
        table(Some("nowhere"), "orders"),
        table(Some("mart"), "orders"),
        table(None, "days"),
        table(None, "later"),
    ];
    let answer = opened.session.describe(&tables, &opened.context).await.expect("describe");
    let public = ("public", TableKind::Table);
    let expected = [
        described(
            public,
            &[
                ("id", "integer", false, Number),
                ("note", "text", false, Text),
                ("total", "numeric(10,2)", true, Number),
            ],
            &[&["id"]],
        ),
        described(("mart", TableKind::Table), &[("id", "bigint", true, Number)], &[]),
        None,
        described(
            public,
            &[
                ("a", "integer", false, Number),
                ("b", "character varying(50)", true, Text),
                ("c", "timestamp(3) with time zone", true, Instant),
                ("d", "text[]", true, Array),
                ("e", "positive", true, Number),
                ("f", "colour", true, Text),
                ("g", "numeric", true, Number),
                ("H h", "boolean", false, Boolean),
            ],
            &[&["a", "b"]],
        ),
        described(
            ("public", TableKind::View),
            &[("id", "integer", true, Number), ("total", "numeric(10,2)", true, Number)],
            &[],
        ),
        described(("public", TableKind::MaterializedView), &[("id", "integer", true, Number)], &[]),
        described(public, &[], &[]),
        None,
        None,
        described(("mart", TableKind::Table), &[("elsewhere", "integer", true, Number)], &[]),
        described(
            ("public", TableKind::Partitioned),
            &[("id", "integer", false, Number), ("day", "date", false, Date)],
            &[&["id", "day"]],
        ),
        described(public, &[("id", "integer", true, Number)], &[]),
    ];
    for ((table, answer), expected) in tables.iter().zip(answer).zip(expected) {
        assert_eq!(answer, expected, "{table:?}");
    }
    assert_eq!(opened.session.describe(&[], &opened.context).await, Ok(Vec::new()));
    opened.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_describes_tables_and_views_as_its_catalog_has_them() {
    let beside = Beside::sqlite();
    beside.run(
        "create table many (a text primary key, b varchar(50) not null, c, d int generated always as (1));
         create table both (a int, b int, primary key (a, b));
         create table backwards (id integer primary key desc);
         create table by_key (a text primary key, b text) without rowid;
         create view seen as select id, total from orders;
         create index an_index on orders (note)",
    );
    let mut opened = beside.open(Access::Read).await;
    let tables = [
        table(None, "orders"),
        table(Some("main"), "ORDERS"),
        table(None, "many"),
        table(None, "both"),
        table(None, "backwards"),
        table(None, "by_key"),
        table(None, "seen"),
        table(None, "an_index"),
        table(Some("nowhere"), "orders"),
        table(None, "nowhere"),
    ];
    let answer = opened.session.describe(&tables, &opened.context).await.expect("describe");
    let main = ("main", TableKind::Table);
    let orders = described(
        main,
        &[
            ("id", "INTEGER", false, Number),
            ("note", "TEXT", false, Unknown),
            ("total", "numeric(10, 2)", true, Number),
        ],
        &[&["id"]],
    );
    let expected = [
        orders.clone(),
        orders,
        described(
            main,
            &[
                ("a", "TEXT", true, Unknown),
                ("b", "varchar(50)", false, Unknown),
                ("c", "", true, Unknown),
                ("d", "INT", true, Number),
            ],
            &[&["a"]],
        ),
        described(main, &[("a", "INT", true, Number), ("b", "INT", true, Number)], &[&["a", "b"]]),
        described(main, &[("id", "INTEGER", true, Number)], &[&["id"]]),
        described(main, &[("a", "TEXT", false, Unknown), ("b", "TEXT", true, Unknown)], &[&["a"]]),
        described(
            ("main", TableKind::View),
            &[("id", "INTEGER", true, Number), ("total", "numeric(10, 2)", true, Number)],
            &[],
        ),
        None,
        None,
        None,
    ];
    for ((table, answer), expected) in tables.iter().zip(answer).zip(expected) {
        assert_eq!(answer, expected, "{table:?}");
    }
    opened.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_statement_was_cut_is_closed_at_once_and_its_query_ends() {
    let endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    for beside in Beside::each() {
        let mut opened = beside.open(Access::Read).await;
        assert_eq!(opened.orders().await, 0);
        let limit = Deadline::after(Duration::from_millis(300), BudgetScope::Step);
        assert!(limit.bound(opened.query(endless)).await.is_err());
        let Opened { session, context } = opened;
        let at_once = Deadline::after(Duration::from_secs(5), BudgetScope::Step);
        assert!(at_once.bound(session.close(&context)).await.is_ok(), "{}", beside.url);
        if let Way::Postgres(database) = &beside.way {
            assert!(!context.cancellations.is_empty());
            context.cancellations.end().await;
            let active = "select count(*) from pg_stat_activity where datname = current_database()
                and application_name like 'smoke/%' and state = 'active'";
            let limit = Duration::from_secs(10);
            wait::until("the query to end", limit, || (database.value(active) == "0").then_some(()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_closed_leaves_nothing_to_cancel() {
    for beside in Beside::each() {
        let mut opened = beside.open(Access::Read).await;
        assert_eq!(opened.orders().await, 0);
        assert!(opened.query("select * from nowhere").await.is_err());
        let Opened { session, context } = opened;
        session.close(&context).await;
        assert!(context.cancellations.is_empty(), "{}", beside.url);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_ends_a_later_statement_by_what_is_left_then() {
    let beside = Beside::postgres();
    beside.run("insert into orders values (1, 'a', 1)");
    let mut opened = beside.open(Access::Snapshot).await;
    assert_eq!(opened.orders().await, 1);
    let short =
        opened.context.within(opened.context.deadline.tighten(Duration::from_millis(300), BudgetScope::Step));
    for statement in ["select pg_sleep(60)", "select count(*), pg_sleep(60) from orders"] {
        let failure =
            opened.session.query(&bound(statement, &[]), 1, &short).await.expect_err("it takes too long");
        assert_eq!(failure, Failure::timed_out(short.deadline.cut(), Phase::Query));
    }
    assert_eq!(opened.orders().await, 1);
    opened.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_in_any_spelling_is_found_in_whichever_schema_it_is() {
    let beside = Beside::postgres();
    beside.run(
        "create schema mart; create schema \"A\"; create table mart.orders (); create view mart.\"ORDERS\" as select 1 as a;
         create table \"A\".orders (); create index an_index on orders (note)",
    );
    let mut opened = beside.open(Access::Snapshot).await;
    let names = ["Orders", "an_index", "nowhere", "parents"].map(str::to_owned);
    let found = opened.session.find(&names, &opened.context).await.expect("find");
    let all = |tables: &[(&str, &str)]| -> Vec<TableName> {
        tables.iter().map(|(schema, name)| table(Some(schema), name)).collect()
    };
    let orders = [("public", "orders"), ("A", "orders"), ("mart", "ORDERS"), ("mart", "orders")];
    assert_eq!(found, [all(&orders), vec![], vec![], all(&[("public", "parents")])]);
    opened.close().await;

    let beside = Beside::sqlite();
    let mut opened = beside.open(Access::Read).await;
    let found = opened.session.find(&names, &opened.context).await.expect("find");
    assert_eq!(found, [all(&[("main", "orders")]), vec![], vec![], all(&[("main", "parents")])]);
    opened.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn declared_types_are_compared_as_the_database_resolves_them() {
    let beside = Beside::postgres();
    beside.run(
        "create domain \"Name\" as varchar(50); create domain \"Flag\" as boolean not null;
         create domain first as \"Name\"; create type colour as enum ('red');
         create schema mart; create type mart.shape as enum ('round')",
    );
    let mut opened = beside.open(Access::Snapshot).await;
    let (same, unknown) = (TypeMatch::Same, TypeMatch::Unknown);
    let other = |name: &str| TypeMatch::Other(name.to_owned());
    let expected = [
        ("int4", "integer", same.clone()),
        ("serial", "integer", same.clone()),
        ("BIGSERIAL", "bigint", same.clone()),
        ("varchar", "character varying(50)", same.clone()),
        ("varchar(50)", "character varying(50)", same.clone()),
        ("varchar[50]", "character varying(50)", same.clone()),
        ("varchar(40)", "character varying(50)", other("varchar(40)")),
        ("varchar(40)", "character varying", other("varchar(40)")),
        ("text", "character varying(50)", other("text")),
        ("numeric(10)", "numeric(10,0)", same.clone()),
        ("decimal(10, 2)", "numeric(10,2)", same.clone()),
        ("float(24)", "real", same.clone()),
        ("timestamp", "timestamp(3) without time zone", same.clone()),
        ("timestamptz", "timestamp without time zone", other("timestamp with time zone")),
        ("text[]", "text[]", same.clone()),
        ("Name", "\"Name\"", same.clone()),
        ("name", "\"Name\"", other("name")),
        ("varchar(50)", "\"Name\"", same.clone()),
        ("varchar(40)", "\"Name\"", other("varchar(40)")),
        ("varchar(50)", "first", same.clone()),
        ("Name", "first", same.clone()),
        ("Flag", "\"Flag\"", same.clone()),
        ("bool", "\"Flag\"", same.clone()),
        ("colour", "colour", same.clone()),
        ("mart.shape", "mart.shape", same.clone()),
        ("string", "text", unknown.clone()),
        ("STRUCT<a: int>", "text", unknown.clone()),
        ("no such type", "text", unknown.clone()),
        ("varchar[2147483647]", "character varying", unknown.clone()),
        ("int; drop table orders", "integer", unknown.clone()),
        ("", "text", unknown.clone()),
        ("time with time zone", "time with time zone", same.clone()),
    ];
    let pairs = expected.clone().map(|(declared, type_name, _)| DeclaredType {
        declared: declared.to_owned(),
        type_name: type_name.to_owned(),
    });
    let matches = opened.session.compare_types(&pairs, &opened.context).await.expect("compare");
    for ((declared, type_name, expected), found) in expected.into_iter().zip(matches) {
        assert_eq!(found, expected, "{declared} against {type_name}");
    }
    opened.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_survives_a_statement_that_is_ended_in_time() {
    for (beside, slow) in [
        (Beside::postgres(), "select pg_sleep(60)"),
        (
            Beside::sqlite(),
            "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n",
        ),
    ] {
        beside.run("insert into orders values (1, 'a', 1.5)");
        let mut opened = beside.open(Access::Snapshot).await;
        let first = opened.session.query(&bound("select 1 as a", &[]), 1, &opened.context).await;
        assert!(first.is_ok());
        let limit = opened.context.deadline.tighten(Duration::from_millis(300), BudgetScope::Check);
        let began = std::time::Instant::now();
        let slow = opened.session.query_within(&bound(slow, &[]), 1, limit, &opened.context).await;
        assert!(matches!(slow, Err(Failure::TimedOut { phase: Phase::Query, .. })), "{slow:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let after = opened.session.query(&bound("select note from orders", &[]), 1, &opened.context).await;
        assert_eq!(after.expect("it goes on").rows[0][0].1, json!("a"));
        opened.close().await;
    }
}
