//! A session on MariaDB: its transactions, what it is told of tables, and its end.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use smoke::attempt::Context;
use smoke::deadline::BudgetScope;
use smoke::outcome::{Failure, Phase};
use smoke::probe::database::Family::{self, Boolean, Date, LocalTime, Number, Text};
use smoke::probe::database::{Access, DeclaredType, Session, TableKind, TypeMatch};
use smoke::probe::databases::of_url;
use smoke::probe::rows::QueryResult;

use super::sessions::{bound, context, described, table};
use crate::support::mariadb::{Database, MariaDb};

const TABLES: &str =
    "create table orders (id integer primary key, note varchar(40) not null, total numeric(10, 2));
    create table parents (id integer primary key);
    create table children (parent integer, foreign key (parent) references parents (id));";

/// A session with what it works with.
struct Opened {
    session: Box<dyn Session>,
    context: Context,
}

fn shop() -> Database {
    let database = MariaDb::shared().create_database();
    database.admin_sql(TABLES);
    database
}

async fn open(database: &Database, access: Access) -> Opened {
    let context = context(Duration::from_secs(50));
    let url = database.url();
    let session =
        of_url(&url).expect("a database").open(&url, access, &context).await.expect("open a session");
    Opened { session, context }
}

fn orders(database: &Database) -> String {
    database.value("select count(*) from orders")
}

impl Opened {
    async fn query(&mut self, sql: &str) -> Result<QueryResult, Failure> {
        self.session.query(&bound(sql, &[]), 1, &self.context).await
    }

    async fn value(&mut self, sql: &str) -> Value {
        self.query(sql).await.expect(sql).rows[0][0].1.clone()
    }

    async fn close(self) {
        self.session.close(&self.context).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_is_one_state_of_the_database_until_its_transaction_ends() {
    let database = shop();
    let mut opened = open(&database, Access::Snapshot).await;
    assert_eq!(opened.value("select count(*) from orders").await, 0);
    database.admin_sql("insert into orders values (1, 'meanwhile', 1)");
    assert_eq!(opened.value("select count(*) from orders").await, 0);
    assert!(opened.query("select * from nowhere").await.is_err());
    assert!(opened.query("explain select * from orders").await.is_ok());
    assert!(opened.query("selec 1").await.is_err());
    assert_eq!(opened.value("select count(*) from orders").await, 0);
    // Its times are points in time.
    assert_eq!(opened.value("select @@session.time_zone").await, "+00:00");
    opened.session.rollback(&opened.context).await;
    assert_eq!(opened.value("select count(*) from orders").await, 1);
    opened.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_undoes_itself_and_nothing_else() {
    let database = shop();
    let mut opened = open(&database, Access::Write).await;
    assert!(opened.query("insert into nowhere values (1)").await.is_err());
    for id in 1..=3 {
        let inserted = opened.query(&format!("insert into orders values ({id}, 'kept', 1)")).await;
        assert_eq!(inserted.expect("insert an order").count, 1);
        let twice = "insert into orders select id + 9, note, total from orders union select 1, 'twice', 1";
        assert!(opened.query(twice).await.is_err());
        assert!(opened.query("insert into children values (7)").await.is_err());
    }
    assert_eq!(orders(&database), "0");
    opened.session.commit(&opened.context).await.expect("commit");
    assert_eq!(orders(&database), "3");
    assert!(opened.query("insert into orders values (1, 'twice', 1)").await.is_err());
    opened.session.commit(&opened.context).await.expect("commit nothing");
    opened.session.commit(&opened.context).await.expect("commit nothing again");
    opened.query("insert into orders values (4, 'rehearsed', 1)").await.expect("insert");
    opened.session.rehearse(&opened.context).await.expect("nothing is wrong with it");
    opened.query("insert into orders values (5, 'undone', 1)").await.expect("insert");
    opened.session.rollback(&opened.context).await;
    opened.query("insert into orders values (6, 'closed', 1)").await.expect("insert");
    opened.close().await;
    assert_eq!(orders(&database), "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_have_all_their_digits() {
    let database = MariaDb::shared().create_database();
    database.admin_sql(
        "create table numbers (a decimal(30,10), b decimal(65,0), c bigint unsigned, d decimal(10,2));
         insert into numbers values (-12345678901234567890.0123400000, repeat('9', 65), 18446744073709551615, 19.90)",
    );
    let mut opened = open(&database, Access::Read).await;
    let nines = "9".repeat(65);
    for (column, expected) in [
        ("a", "-12345678901234567890.0123400000"),
        ("b", &nines),
        ("c", "18446744073709551615"),
        ("d", "19.90"),
    ] {
        assert_eq!(opened.value(&format!("select {column} from numbers")).await.to_string(), expected);
        // And on their way there.
        let number: Value = serde_json::from_str(expected).expect("a number");
        let same = bound(&format!("select count(*) from numbers where {column} = ?"), &[number]);
        let answer = opened.session.query(&same, 1, &opened.context).await.expect("compare");
        assert_eq!(answer.rows[0][0].1, 1, "{column}");
    }
    opened.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_ends_the_transaction_and_nothing_of_it_is_committed() {
    let database = shop();
    database.admin_sql("insert into orders values (1, 'a', 1), (2, 'b', 1)");
    let mut one = open(&database, Access::Write).await;
    let mut two = open(&database, Access::Write).await;
    // The server gives up the one that has written less.
    one.query("insert into parents values (1)").await.expect("insert");
    two.query("insert into parents values (2), (3), (4), (5), (6)").await.expect("insert");
    one.query("update orders set note = 'one' where id = 1").await.expect("update");
    two.query("update orders set note = 'two' where id = 2").await.expect("update");
    let (mine, theirs) = tokio::join!(
        one.query("update orders set note = 'one' where id = 2"),
        two.query("update orders set note = 'two' where id = 1"),
    );
    let (mut lost, failure) = match (mine, theirs) {
        (Err(failure), Ok(_)) => (one, failure),
        (Ok(_), Err(failure)) => (two, failure),
        both => panic!("{both:?}"),
    };
    assert!(failure.to_string().contains("(error 1213, SQLSTATE 40001)"), "{failure}");
    let failure = lost.query("insert into parents values (9)").await.expect_err("the transaction is over");
    assert!(failure.to_string().contains("the server has rolled the transaction back"), "{failure}");
    assert!(lost.session.commit(&lost.context).await.is_err());
    lost.close().await;
    assert_eq!(database.value("select count(*) from parents where id in (1, 9)"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_survives_a_statement_that_is_ended_in_time() {
    let database = shop();
    database.admin_sql("insert into orders values (1, 'a', 1.5)");
    let mut opened = open(&database, Access::Snapshot).await;
    for slow in [
        "select sleep(60)",
        "select count(*) from seq_1_to_100000000 a, seq_1_to_100000000 b where a.seq + b.seq < 0",
    ] {
        assert_eq!(opened.value("select 1").await, 1);
        let limit = opened.context.deadline.tighten(Duration::from_millis(300), BudgetScope::Check);
        let began = Instant::now();
        let slow = opened.session.query_within(&bound(slow, &[]), 1, limit, &opened.context).await;
        assert!(matches!(slow, Err(Failure::TimedOut { phase: Phase::Query, .. })), "{slow:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(opened.value("select note from orders").await, json!("a"));
    }
    opened.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_a_session_are_not_loosened() {
    let database = shop();
    let mut opened = open(&database, Access::Read).await;
    let seconds = opened.value("select @@max_statement_time").await.as_f64().expect("a number");
    assert!((1.0..=51.0).contains(&seconds), "{seconds}");
    assert_eq!(opened.value("select @@innodb_lock_wait_timeout").await, 49);
    assert_eq!(opened.value("select @@autocommit").await, 0);
    assert_eq!(opened.value("select @@tx_read_only").await, 1);
    opened.close().await;
    let user = format!("{}_limited", database.name);
    database.admin_sql(&format!(
        "create user {user}@'%' identified by 'correct-horse' with max_statement_time 0.5; grant all on {}.* to {user}@'%'",
        database.name
    ));
    let url = database.url_for(&user);
    let context = context(Duration::from_secs(50));
    let mut session =
        of_url(&url).expect("a database").open(&url, Access::Read, &context).await.expect("open");
    for _ in 0..2 {
        let failure =
            session.query(&bound("select sleep(20)", &[]), 1, &context).await.expect_err("it is limited");
        assert!(failure.to_string().contains("max_statement_time"), "{failure}");
    }
    session.close(&context).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_describes_tables_and_views_as_its_catalog_has_them() {
    let database = shop();
    database.admin_sql(
        "create table `Kinds of` (a int unsigned not null, b varchar(20), c datetime(6), d date not null, e bool,
             unique (a, d), unique (b(5)), unique named (b), key (c));
         create view `orders view` as select id, note from orders;
         create table parts (id int not null, primary key (id)) partition by hash (id) partitions 2;",
    );
    let name = database.name.as_str();
    let mut opened = open(&database, Access::Read).await;
    let wanted = [
        table(None, "orders"),
        table(Some(name), "Kinds of"),
        table(None, "orders view"),
        table(None, "nowhere"),
        table(Some("nowhere"), "orders"),
        table(None, "parts"),
    ];
    let found = opened.session.describe(&wanted, &opened.context).await.expect("describe");
    let id: (&str, &str, bool, Family) = ("id", "int(11)", false, Number);
    let expected = [
        described(
            (name, TableKind::Table),
            &[id, ("note", "varchar(40)", false, Text), ("total", "decimal(10,2)", true, Number)],
            &[&["id"]],
        ),
        described(
            (name, TableKind::Table),
            &[
                ("a", "int(10) unsigned", false, Number),
                ("b", "varchar(20)", true, Text),
                ("c", "datetime(6)", true, LocalTime),
                ("d", "date", false, Date),
                ("e", "tinyint(1)", true, Boolean),
            ],
            &[&["a", "d"], &["b"]],
        ),
        described(
            (name, TableKind::View),
            &[("id", "int(11)", true, Number), ("note", "varchar(40)", true, Text)],
            &[],
        ),
        None,
        None,
        described((name, TableKind::Table), &[id], &[&["id"]]),
    ];
    assert_eq!(found, expected);
    let names = ["ORDERS".to_owned(), "nowhere".to_owned(), "kinds OF".to_owned()];
    let found = opened.session.find(&names, &opened.context).await.expect("find");
    assert_eq!(found[0].first(), Some(&table(Some(name), "orders")));
    assert!(found[1].is_empty());
    assert_eq!(found[2], [table(Some(name), "Kinds of")]);
    let column = DeclaredType { declared: "INTEGER".to_owned(), type_name: "int(11)".to_owned() };
    let same = opened.session.compare_types(&[column], &opened.context).await.expect("compare");
    assert_eq!(same, [TypeMatch::Same]);
    let idioms = of_url(&database.url()).expect("a database").idioms();
    let clock = opened.value(&format!("select {}", idioms.clock)).await;
    assert!(clock.as_str().is_some_and(|clock| clock.len() == 27 && clock.ends_with('Z')), "{clock}");
    let matches = idioms.matches.expect("regular expressions");
    for (text, expected) in [("'abc'", 1), ("'ABC'", 0)] {
        assert_eq!(opened.value(&format!("select {}", matches(text, "'^a'"))).await, expected, "{text}");
    }
    assert_eq!(opened.value(&format!("select {}", (idioms.text)("1.50"))).await, "1.50");
    opened.close().await;
}
