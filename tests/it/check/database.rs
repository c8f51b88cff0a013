//! `[[database]]` on PostgreSQL: what it sends, reads and reports.

use std::time::Duration;

use crate::support::ask::{Asked, plain, quoted};
use crate::support::fault::{Fault, FaultServer};
use crate::support::junit::Outcome;
use crate::support::postgres::{PASSWORD, Postgres, SMOKE, TRUST};
use crate::support::smoke::Smoke;
use crate::support::thorough;

#[test]
fn without_a_query_it_logs_in_and_makes_one_round_trip() {
    let database = Postgres::shared().create_database();
    Asked::at(&database.url()).check("it answers", "").check("in time", "expect.within = \"4s\"").passes();

    let stalled = FaultServer::start(Fault::PostgresStalledQuery);
    let report = Asked::at(&stalled.url()).check("a login is not enough", "budget = \"2s\"").fails();
    assert_eq!(
        report.case("a login is not enough").told(),
        "timeout: no answer within 2s (check budget), while waiting for the first answer, or for a free connection of a pooler (begin)"
    );
}

#[test]
fn every_type_is_decoded() {
    let database = Postgres::shared().create_database();
    Asked::at(&database.url())
        .query(
            "select 12345678901234567890.0123456789::numeric(30,10)",
            "value = { matches = '^12345678901234567890\\.0123456789$' }",
        )
        .query("select 0.1::numeric(30,10)", "value = 0.1")
        .query("select 9007199254740993::bigint", "value = 9007199254740993")
        .query("select 0.1::float8", "value = 0.1")
        .query("select 'NaN'::numeric", "value = 'NaN'")
        .query("select true", "value = true")
        .query("select null::int", "value = { type = 'null' }")
        .query(
            "select 'it''s \"quoted\" \\ and\ttabbed'",
            "value = \"it's \\\"quoted\\\" \\\\ and\\ttabbed\"",
        )
        .query("select '{\"a\": [1, 2.50]}'::json", "value = { equals = { a = [1, 2.5] } }")
        .query("select '{\"a\": [1, 2.50]}'::jsonb as j", "row.j = { type = 'object', length = 1 }")
        .query("select timestamp '2026-01-31 12:00:00.5'", "value = '2026-01-31T12:00:00.5'")
        .query("select timestamptz '2026-01-31 12:00+00'", "value = '2026-01-31T12:00:00+00:00'")
        .query("select date '2026-01-31'", "value = '2026-01-31'")
        .query("select array[1,2,null]", "value = { contains = 2, length = 3 }")
        .query("select array[['a','b']]", "value = [['a', 'b']]")
        .query(
            "select 'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid",
            "value = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
        )
        .query("select '\\x00ff'::bytea", "value = '\\x00ff'")
        .query("select '10.0.0.0/8'::cidr", "value = '10.0.0.0/8'")
        .query("select row(1, 'a')", "value = { equals = { f1 = 1, f2 = 'a' } }")
        .query("select 'Grüße 🚀'", "value = 'Grüße 🚀'")
        .passes();
}

#[test]
fn a_value_nested_deeper_than_can_be_read_is_text() {
    let database = Postgres::shared().create_database();
    database.sql("create table t as select 1 as a, (repeat('[', 130) || repeat(']', 130))::json as deep");
    let none_asks = "row.a = 1";
    Asked::at(&database.url())
        .query("select * from t", none_asks)
        .query("select deep from t", "value = { matches = '^\\[{130}' }")
        .query("select '0044-03-15 BC'::date", "value = '0044-03-15 BC'")
        .passes();
}

#[test]
fn row_expectations_pass_or_report_the_difference() {
    let database = Postgres::shared().create_database();
    database.sql("create table orders (id int, status text, total numeric(10,2))");
    database.sql("insert into orders values (1, 'new', 10.50), (2, 'new', 99), (3, 'paid', null)");
    let counts = "query = 'select status, count(*) as n from orders group by 1 order by 1'\n";
    let none = "query = 'select id, status from orders where id > 9'\n";
    let good =
        ["rows = 2", "rows = { min = 1, max = 5 }", "value = 'new'", "row = { status = 'new', n = 2 }"];
    let asked = Asked::at(&database.url());
    let passing = good
        .iter()
        .fold(asked.clone(), |asked, expect| asked.check(expect, &format!("{counts}expect.{expect}")));
    passing.check("no rows", &format!("{none}expect.rows = 0")).check("no opinion", counts).passes();

    let bad = [
        ("rows = 3", "mismatch: expected rows 3, got 2"),
        ("rows = { max = 1 }", "mismatch: expected rows at most 1, got 2"),
        ("value = 'paid'", "mismatch: expected value \"paid\", got \"new\""),
        ("value = 2", "mismatch: expected value 2, got \"new\" (a string)"),
        ("row = { n = { min = 3 } }", "mismatch: expected column n at least 3, got 2"),
        ("row = { total = 1 }", "mismatch: expected column total 1, got nothing; the columns are status, n"),
        (
            "row = { status = 'x', n = 3 }",
            "mismatch: expected column status \"x\", got \"new\"; expected column n 3, got 2",
        ),
    ];
    let failing = bad
        .iter()
        .fold(asked.clone(), |asked, (expect, _)| asked.check(expect, &format!("{counts}expect.{expect}")));
    let failing = failing
        .check("value of none", &format!("{none}expect.value = 1"))
        .check("column of none", &format!("{none}expect.row.id = 1"))
        .check("rows of none", &format!("{none}expect.rows = {{ min = 1 }}"))
        .check("absent", &format!("{counts}expect.row.n = {{ exists = false }}"));
    let report = failing.fails();
    for (name, told) in bad {
        assert_eq!(report.case(name).told(), told);
        assert!(report.case(name).text.contains("2 rows, the first: status = \"new\", n = 2"), "{name}");
    }
    let told = |name| report.case(name).told();
    assert_eq!(told("value of none"), "mismatch: expected value 1, got nothing; the query found no row");
    assert_eq!(told("column of none"), "mismatch: expected column id 1, got nothing; the query found no row");
    assert_eq!(told("rows of none"), "mismatch: expected rows at least 1, got 0");
    assert_eq!(told("absent"), "mismatch: expected column n not to exist, got 2");
}

#[test]
fn two_columns_with_the_same_name_are_both_kept() {
    let url = Postgres::shared().url(SMOKE, PASSWORD, "postgres");
    let report = Asked::at(&url).query("select 1 as a, 2 as a", "value = 2").fails();
    let case = report.case("select 1 as a, 2 as a");
    assert_eq!(case.told(), "mismatch: expected value 2, got 1");
    assert!(case.text.contains("1 row, the first: a = 1, a = 2"), "{}", case.text);
}

#[test]
fn any_single_reading_statement_is_run() {
    let database = Postgres::shared().create_database();
    database.sql("create table t as select generate_series(1, 3) as n");
    Asked::at(&database.url())
        .query("select 1;", "value = 1")
        .query("select 1 -- that's it", "value = 1")
        .query("select 1; -- that's it; really", "value = 1")
        .query("-- first of all;\nselect 1 /* ; /* nested */ */ ;\n;", "value = 1")
        .query("select ';--', '/*' as b", "row.b = '/*'")
        .query("select $$;'--$$ -- '", "value = \";'--\"")
        .query("select E'\\';--'", "value = \"';--\"")
        .query("select \"n\" as \"a;--'\" from t where n = 2", "row.\"a;--'\" = 2")
        .query("SHOW server_version_num", "value = { matches = '^1' }")
        .query("/* which */ show transaction_read_only", "value = 'on'")
        .query("show all", "rows = { min = 100 }")
        .query("explain select * from t", "row.\"QUERY PLAN\" = { contains = 'Scan' }")
        .query("explain (analyze, format json) select * from t", "rows = 1")
        .query("values (1, 'a'), (2, 'b')", "row.column2 = 'a'")
        .query("table t", "rows = 3")
        .query("with x as (select max(n) as m from t) select m from x", "value = 3")
        .query("with recursive r(i) as (select 1 union all select i + 1 from r where i < 9) select count(*) from r", "value = 9")
        .query("(select n from t order by n desc) limit 1", "value = 3")
        .query("select n from t order by n desc", "value = 3")
        .query("select 1 union all select 2", "rows = 2")
        .query("select 7 % 4 as \"left {%\"", "value = 3")
        .passes();
}

#[test]
fn two_statements_and_none_are_refused() {
    let url = Postgres::shared().url(SMOKE, PASSWORD, "postgres");
    let report = Asked::at(&url)
        .query("select 1; select 2", "value = 1")
        .query("-- nothing at all", "rows = 0")
        .query("select 1) select row_to_json(x) from (select 2", "rows = 1")
        .query("select $1::int", "rows = 1")
        .fails();
    let said = |name, told: &str, hint: &str| {
        let case = report.case(name);
        assert_eq!(case.told(), told);
        assert!(case.text.contains(&format!("hint: {hint}")), "{}", case.text);
    };
    said(
        "select 1; select 2",
        "sql: running the query: cannot insert multiple commands into a prepared statement (SQLSTATE 42601)",
        "a query is one statement: split it over several checks",
    );
    said(
        "-- nothing at all",
        "sql: running the query: the statement gives no rows, so it is no query, and a check only reads",
        "ask with `select`",
    );
    let case = report.case("select 1) select row_to_json(x) from (select 2");
    assert_eq!(
        case.told(),
        "sql: running the query: syntax error at or near \")\" (SQLSTATE 42601), at `) select row_to_json(x) from (`"
    );
    said(
        "select $1::int",
        "sql: running the query: the query has a placeholder of its own, such as `$1`",
        "write a variable",
    );
}

#[test]
fn a_variable_in_sql_is_bound_with_the_type_of_its_place() {
    let database = Postgres::shared().create_database();
    database.sql(
        "create table t (n int, b bigint, x numeric(30,10), u uuid, d date, j jsonb, a int[], s text[], o bool, w text);
         insert into t values (5, 9007199254740993, 0.1, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '2026-01-31',
             '{\"k\": 1}', '{1,2}', '{\"a\\\"b\",\"c,d\"}', true, 'O''Neill; drop table t; --')",
    );
    let awkward = "a\"b'c;d\ne\\f$1{%--";
    let ran = Asked::at(&database.url())
        .with(&format!("[vars]\nfive = '5'\nawkward = {}", quoted(awkward)))
        .query("select {{awkward}}", &format!("value = {}", quoted(awkward)))
        .query("select {{awkward}}::text || {{awkward}}::text = {{awkward ~ awkward}}", "value = true")
        .query("select count(*) from t where n = {{five}}", "value = 1")
        .query("select count(*) from t where n = {{5}} and b = {{'9007199254740993'}}", "value = 1")
        .query("select count(*) from t where u = {{'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'}}", "value = 1")
        .query("select count(*) from t where d = {{'2026-01-31'}} and x = {{'0.1000'}}", "value = 1")
        .query("select count(*) from t where n is not distinct from {{none}}", "value = 0")
        .query("select {{none}}::int", "value = { type = 'null' }")
        .query("select count(*) from t where o = {{true}} and j = {{ {'k': 1} }}", "value = 1")
        .query(
            "select count(*) from t where n = any({{ [4, 5] }}) and s = {{ ['a\"b', 'c,d'] }}",
            "value = 1",
        )
        .query(
            "select w from t where w like {{ 'O%' }} limit {{ 1 }} offset {{ '0' }}",
            "value = { contains = 'drop table' }",
        )
        .query("select {{ 1 }}::int + {{ 2 }} -- and not {{awkward}}\n + {{ 3 }}", "value = 6")
        .query("/* {{awkward}} */ select n from t /* '{{five}} */ where n = {{five}}", "rows = 1")
        .run();
    ran.exits(0);
    assert_eq!(ran.junit().count(Outcome::Passed), 13, "{}", ran.stderr);
    assert_eq!(database.value("select count(*) from t"), "1");

    let report = Asked::at(&database.url())
        .query("select count(*) from t where n = {{ 'five' }}", "value = 1")
        .query("select {{ 1 }} is null", "value = false")
        .fails();
    let case = report.case("select count(*) from t where n = { 'five' }");
    assert_eq!(
        case.told(),
        "sql: running the query: invalid input syntax for type integer: \"five\" (SQLSTATE 22P02)"
    );
}

#[test]
fn a_value_captured_as_text_can_be_bound_as_a_number() {
    let database = Postgres::shared().create_database();
    database.sql(
        "create table orders (id int primary key, sku text); insert into orders values (5, 'it''s \"5\"')",
    );
    let url = quoted(&database.url());
    let step = |name: &str, query: &str, rest: &str| {
        format!("[[journey.step]]\nname = '{name}'\ndatabase = {url}\nquery = {}\n{rest}\n", quoted(query))
    };
    let suite = [
        "[[journey]]\nname = 'orders'\n".to_owned(),
        step(
            "find",
            "select id::text as found, sku from orders",
            "capture.id = { column = 'found' }\ncapture.sku = { column = 'sku' }",
        ),
        step("by id", "select sku from orders where id = {{id}}", "expect.value = \"it's \\\"5\\\"\""),
        step(
            "by sku",
            "select id from orders where sku = {{sku}}",
            "expect.value = 5\ncapture.back = { value = true }",
        ),
        step("by number", "select count(*) from orders where id = {{back}}", "expect.value = '{{1}}'"),
    ];
    Smoke::new().suite(&suite.concat()).run().exits(0);
}

#[test]
fn a_variable_inside_sql_quotes_is_a_suite_error() {
    let nowhere = "postgres://127.0.0.1:1/nowhere";
    for query in [
        "select '{{x}}'",
        "select \"{{x}}\"",
        "select $a$ {{x}} $a$",
        "select 'it''s {{x}}'",
        "select E'\\'{{x}}'",
    ] {
        let ran = Asked::at(nowhere).with("[vars]\nx = 1").query(query, "rows = 1").run();
        ran.exits(2);
        assert!(
            ran.stderr.contains("a variable inside an SQL string literal is not bound"),
            "{query}: {}",
            ran.stderr
        );
    }
    let apart = "select \"o'clock\" /* don't */ -- isn't\n from t where x = {{x}}";
    let ran = Asked::at(nowhere).with("[vars]\nx = 1").query(apart, "rows = 1").run();
    ran.exits(1);
}

#[test]
fn an_sql_error_is_reported_with_a_hint() {
    let database = Postgres::shared().create_database();
    database.admin_sql("create table hidden (id int); revoke all on hidden from public");
    let sql_error = |query, message: &str, hint: &str| {
        let report = Asked::at(&database.url()).query(query, "rows = 1").fails();
        let case = report.case(&plain(query));
        assert_eq!(
            (case.outcome, case.told()),
            (Outcome::Errored, format!("sql: running the query: {message}"))
        );
        assert!(case.text.contains(hint), "{}", case.text);
    };
    sql_error(
        "select * from nowhere",
        "relation \"nowhere\" does not exist (SQLSTATE 42P01), at `nowhere`",
        "hint: check the schema (`search_path`), and that the migrations have run",
    );
    sql_error(
        "select * from hidden",
        "permission denied for table hidden (SQLSTATE 42501)",
        "hint: grant the user",
    );
    sql_error("selec 1", "syntax error at or near \"selec\" (SQLSTATE 42601), at `selec 1`", "");
    sql_error("select 1/0", "division by zero (SQLSTATE 22012)", "");
    sql_error(
        "select {{ 1 }} is null",
        "could not determine data type of parameter $1 (SQLSTATE 42P18)",
        "hint: say what type",
    );
}

#[test]
fn a_connection_closed_by_the_server_fails_immediately() {
    let server = Postgres::shared();
    let url = server.url(TRUST, "", "postgres");
    let dying = "select pg_terminate_backend(pg_backend_pid())";
    for number in 0..10 {
        let ran = Asked::at(&url).query(dying, "rows = 1").run();
        ran.exits(1);
        assert_eq!(
            ran.junit().case(dying).told(),
            "sql: running the query: terminating connection due to administrator command (SQLSTATE 57P01)",
            "run {number}"
        );
        assert!(ran.took < thorough::bound(Duration::from_secs(10)), "{:?}", ran.took);
    }
}
