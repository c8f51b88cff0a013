//! `[[metric]]`: sources that agree pass, those that do not say by how much, and what is no figure is an error.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rusqlite::Connection;

use crate::support::ask::quoted;
use crate::support::http::{HttpServer, Response};
use crate::support::junit::{Junit, Outcome};
use crate::support::postgres::{PASSWORD, Postgres, TRUST};
use crate::support::smoke::{Ran, Smoke};

/// A suite of metrics.
#[derive(Debug, Clone)]
struct Metrics {
    suite: String,
    count: usize,
}

impl Metrics {
    fn new(head: &str) -> Metrics {
        let suite =
            format!("[suite]\nname = \"metrics\"\nfail-fast = false\n{head}\n[defaults]\nbudget = \"50s\"\n");
        Metrics { suite, count: 0 }
    }

    /// Adds a metric with these keys, and sources with theirs.
    fn metric(mut self, name: &str, keys: &str, sources: &[String]) -> Metrics {
        self.count += 1;
        self.suite.push_str(&format!("\n[[metric]]\nname = {}\n{keys}\n", quoted(name)));
        for (index, source) in sources.iter().enumerate() {
            self.suite.push_str(&format!("\n[[metric.source]]\nname = \"s{}\"\n{source}\n", index + 1));
        }
        self
    }

    fn smoke(&self) -> Smoke {
        Smoke::new().arg("--json").arg("out.json").suite(&self.suite)
    }

    fn run(&self) -> Ran {
        self.smoke().run()
    }

    #[track_caller]
    fn pass(&self) -> Junit {
        let ran = self.run();
        ran.exits(0);
        let report = ran.junit();
        assert_eq!(report.count(Outcome::Passed), self.count, "{}", report.xml);
        report
    }

    #[track_caller]
    fn fail(&self) -> Junit {
        let ran = self.run();
        ran.exits(1);
        let report = ran.junit();
        assert_eq!(report.count(Outcome::Passed), 0, "{}", report.xml);
        report
    }
}

fn query(url: &str, sql: &str) -> String {
    format!("database = {}\nquery = {}", quoted(url), quoted(sql))
}

fn value(server: &HttpServer, path: &str) -> String {
    format!("get = {}\nvalue = {{ json = \"$.v\" }}", quoted(&server.url(path)))
}

/// Answers with the body that is its path.
fn echo() -> HttpServer {
    HttpServer::start(|request| {
        let body = percent_encoding::percent_decode_str(request.path.trim_start_matches('/'));
        Response::json(&body.decode_utf8_lossy())
    })
}

/// A source whose answer is this body.
fn answers(server: &HttpServer, body: &str) -> String {
    let path = percent_encoding::utf8_percent_encode(body, percent_encoding::NON_ALPHANUMERIC).to_string();
    value(server, &format!("/{path}"))
}

/// Queries that mean the same: each figure in several ways, and in another order of summation.
#[test]
fn queries_that_mean_the_same_agree() {
    let database = Postgres::shared().create_database();
    database.sql(
        "create table t as select i as id, (i * 7919) % 1000 - 300 as n, \
        round((sin(i) * 100000)::numeric, 4) as d, sin(i) * 1e6 as f, (cos(i) * 1000 + 5000)::real as r, \
        'g' || i % 7 as g from generate_series(1, 2000) as i",
    );
    let url = database.url();
    let file = tempfile::NamedTempFile::new().expect("a file");
    let lite = Connection::open(file.path()).expect("a database");
    lite.execute_batch("create table t (id integer, n integer, f real, g text)").expect("a table");
    for row in database.sql("select id, n, f, g from t order by id desc") {
        let cell = |index: usize| row[index].clone().expect("a value");
        let (f, g): (f64, String) = (cell(2).parse().expect("a float"), cell(3));
        lite.execute("insert into t values (?1, ?2, ?3, ?4)", (cell(0), cell(1), f, g)).expect("a row");
    }
    let lite_url = format!("sqlite:{}", file.path().display());
    let figures = [
        "n",
        "d",
        "f",
        "r::float8",
        "d * n",
        "f * f",
        "f * n",
        "d * d",
        "abs(n)",
        "n::numeric / 8",
        "r::float8 * r",
        "d + f",
    ];
    let rewritten = |figure: &str| {
        [
            format!("select sum({figure}) from (select * from t order by id desc) as t"),
            format!("select sum({figure}) from (select * from t order by g, f) as t"),
            format!("select sum(s) from (select sum({figure}) as s from t group by g) as x"),
            format!("select sum(s) from (select sum({figure}) as s from t group by id % 13 order by 1) as x"),
            format!("select (sum({figure}))::text from t"),
            format!(
                "select sum({figure}) filter (where id <= 1000) + sum({figure}) filter (where id > 1000) from t"
            ),
            format!("select s from (select sum({figure}) over () as s from t limit 1) as x"),
            format!("select sum({figure}) - 0 from t"),
            format!(
                "select (select sum({figure}) from t where g < 'g3') + (select sum({figure}) from t where g >= 'g3')"
            ),
        ]
    };
    let mut metrics = Metrics::new("");
    for figure in figures {
        let reference = query(&url, &format!("select sum({figure}) from t"));
        for (index, other) in rewritten(figure).iter().enumerate() {
            metrics = metrics.metric(
                &format!("{figure}, way {index}"),
                "",
                &[reference.clone(), query(&url, other)],
            );
        }
    }
    for (name, sql) in [
        ("n", "select sum(n) from t"),
        ("f", "select sum(f) from t"),
        ("count", "select count(*) from t"),
        ("mean", "select avg(f) from t"),
        ("largest", "select max(f) from t"),
    ] {
        metrics =
            metrics.metric(&format!("{name} in SQLite"), "", &[query(&url, sql), query(&lite_url, sql)]);
    }
    let server = echo();
    for (sql, json) in [
        ("select 1672", "1672.00"),
        ("select 1672.0", "\"1672\""),
        ("select 1672", "1.672e3"),
        ("select 1672.00::numeric(9,2)", "\"1.672e3\""),
        ("select 12345678901234567.89::numeric", "12345678901234567.89"),
        ("select 0.1 + 0.2", "0.30000000000000004"),
        ("select 0", "-0.0"),
        ("select -5::bigint", "\"-5.000\""),
        ("select 1e300::float8", "1e300"),
    ] {
        let sources = [query(&url, sql), answers(&server, &format!("{{\"v\":{json}}}"))];
        metrics = metrics.metric(&format!("{sql} is {json}"), "", &sources);
    }
    let grouped = "select g, sum(f) as f, count(*) as n from t group by g";
    for other in [url.as_str(), lite_url.as_str()] {
        let sources = [query(&url, grouped), query(other, &format!("{grouped} order by sum(n)"))];
        metrics = metrics.metric(&format!("by group in {}", &other[..6]), "by = [\"g\"]", &sources);
    }
    assert!(metrics.count >= 120, "{}", metrics.count);
    metrics.pass();
}

#[test]
fn a_difference_says_every_figure_and_how_far_they_are_apart() {
    let server = echo();
    let a = |json: &str| answers(&server, &format!("{{\"v\":{json}}}"));
    let metrics = Metrics::new("")
        .metric("exact", "", &[a("1672.00"), a("1612.00"), a("1672")])
        .metric("absolute", "tolerance = \"0.01\"", &[a("10.00"), a("10.02")])
        .metric("relative", "tolerance = \"0.1%\"", &[a("1000"), a("1001.1")])
        .metric("float", "", &[a("1e3"), a("1000.00001")])
        .metric("null against a value", "", &[a("null"), a("0")])
        .metric("a value against null", "", &[a("0"), a("null")])
        .metric("null against null", "", &[a("null"), a("null")])
        .metric("digits", "", &[a("12345678901234567.89"), a("12345678901234567.88")])
        .metric("unexpected", "expect = { min = 1 }", &[a("0"), a("\"0.00\"")]);
    let report = metrics.fail();
    for (name, told) in [
        (
            "exact",
            "expected `s2` to have 1672.00 like `s1`, exactly, got 1612.00: 60 less (3.59%), in 2 of 2 measurements",
        ),
        (
            "absolute",
            "expected `s2` to have 10.00 like `s1`, within 0.01, got 10.02: 0.02 more (0.20%), in 2 of 2 measurements",
        ),
        (
            "relative",
            "expected `s2` to have 1000 like `s1`, within 0.1%, got 1001.1: 1.1 more (0.11%), in 2 of 2 measurements",
        ),
        (
            "float",
            "expected `s2` to have 1e+3 like `s1`, within 1e-9 of it, as one of them is a float, got 1000.00001: 0.00001 more (1.0e-6%), in 2 of 2 measurements",
        ),
        ("null against a value", "expected `s2` to have null like `s1`, got 0, in 2 of 2 measurements"),
        ("a value against null", "expected `s2` to have 0 like `s1`, got null, in 2 of 2 measurements"),
        (
            "null against null",
            "expected `s2` to have a figure, got null, as from `s1`: nothing was measured, in 2 of 2 measurements",
        ),
        (
            "digits",
            "expected `s2` to have 12345678901234567.89 like `s1`, exactly, got 12345678901234567.88: 0.01 less (8.1e-17%), in 2 of 2 measurements",
        ),
        ("unexpected", "expected the figure at least 1, got 0"),
    ] {
        assert_eq!(report.case(name).told(), format!("mismatch: {told}"), "{name}");
    }
    let all = "`s1` has 1672.00\n`s2` has 1612.00\n`s3` has 1672\n";
    assert!(report.case("exact").text.contains(all), "{}", report.case("exact").text);
    assert_eq!(server.requests().len(), 2 * (3 + 7 * 2) + 2, "each difference is measured once more");
}

#[test]
fn tolerance_and_empty_let_pass_what_they_say() {
    let server = echo();
    let a = |json: &str| answers(&server, &format!("{{\"v\":{json}}}"));
    let metrics = Metrics::new("")
        .metric("absolute", "tolerance = 0.01", &[a("10.00"), a("10.01")])
        .metric("relative", "tolerance = \"0.1%\"", &[a("1000"), a("1001")])
        .metric("empty", "empty = \"agree\"\nexpect = { min = 1 }", &[a("null"), a("null")])
        .metric("expected", "expect = { min = 1672, max = 1672 }", &[a("\"1672.00\""), a("1672")]);
    let report = metrics.pass();
    let note = "nothing was measured: the figure is null in every source";
    assert!(report.case("empty").output.contains(note), "{}", report.case("empty").output);
}

#[test]
fn what_is_no_figure_is_told_apart() {
    let url = Postgres::shared().create_database().url();
    let server = echo();
    let good = query(&url, "select 1672 as v");
    let a = |body: &str| answers(&server, body);
    let mut metrics = Metrics::new("");
    let cases = [
        (
            "thousands",
            a("{\"v\":\"1,672.00\"}"),
            "mismatch: expected `s2` to have a finite number, got \"1,672.00\"",
        ),
        (
            "HTML",
            a("<html>maintenance</html>"),
            "mismatch: step 2 `s2`: expected the capture `value` to find one value at json $.v, got HTML or XML: <html>maintenance</html>",
        ),
        (
            "an error with 200",
            a("{\"error\":\"no such measure\"}"),
            "mismatch: step 2 `s2`: expected the capture `value` to find one value at json $.v, got nothing",
        ),
        (
            "text",
            query(&url, "select 'many'"),
            "mismatch: expected `s2` to have a finite number, got \"many\"",
        ),
        (
            "NaN",
            query(&url, "select 'NaN'::float8"),
            "mismatch: expected `s2` to have a finite number, got \"NaN\"",
        ),
        (
            "infinity",
            query(&url, "select 'infinity'::float8"),
            "mismatch: expected `s2` to have a finite number, got \"Infinity\"",
        ),
        (
            "no row",
            query(&url, "select 1 where false"),
            "measurement: comparing the figures: `s2` has no row",
        ),
        (
            "two rows",
            query(&url, "values (1672), (1672)"),
            "measurement: comparing the figures: `s2` has 2 rows",
        ),
        (
            "SQL",
            query(&url, "select nothing from nowhere"),
            "sql: step 2 `s2`: running the query: relation \"nowhere\" does not exist (SQLSTATE 42P01), at `nowhere`",
        ),
    ];
    for (name, other, _) in &cases {
        metrics = metrics.metric(name, "", &[good.clone(), other.clone()]);
    }
    let report = metrics.fail();
    for (name, _, told) in &cases {
        assert!(report.case(name).told().starts_with(told), "{name}: {}", report.case(name).told());
    }
    let file = tempfile::NamedTempFile::new().expect("a file");
    let lite = Connection::open(file.path()).expect("a database");
    lite.execute_batch("create table t (v)").expect("a table");
    let lite = query(&format!("sqlite:{}", file.path().display()), "select 9e999");
    let report = Metrics::new("").metric("infinity", "", &[lite.clone(), lite]).fail();
    assert!(
        report.case("infinity").told().contains("to have a finite number, got \"Infinity\""),
        "{}",
        report.xml
    );
    Metrics::new("")
        .metric("two columns", "", &[good.clone(), query(&url, "select 1672 as v, 5 as other")])
        .metric(
            "the other",
            "",
            &[good, query(&url, "select 5 as other, 1672 as v") + "\nvalue = { column = \"v\" }"],
        )
        .pass();
}

#[test]
fn groups_are_compared_one_by_one() {
    let url = Postgres::shared().create_database().url();
    let server = echo();
    let rows = |json: &str| {
        answers(&server, json).replace(
            "value = { json = \"$.v\" }",
            "rows = \"$.data[*]\"\ncolumns = { region = \"$.r\", revenue = \"$.v\" }",
        )
    };
    let mart =
        query(&url, "select * from (values ('EU', 10.0), ('US', 20.0), (null, null)) as t (region, revenue)");
    let by = "by = [\"region\"]";
    let report = Metrics::new("")
        .metric(
            "same",
            by,
            &[mart.clone(), rows(r#"{"data":[{"r":null,"v":null},{"r":"US","v":"20"},{"r":"EU","v":10}]}"#)],
        )
        .metric(
            "numbers",
            "by = [\"year\"]",
            &[query(&url, "select 2025 as year, 1 as n"), query(&url, "select '2025.0' as year, 1 as n")],
        )
        .pass();
    let note = "one figure is null in every source";
    assert!(report.case("same").output.contains(note), "{}", report.case("same").output);

    let many = |sql: &str| query(&url, sql);
    let report = Metrics::new("")
        .metric(
            "cancel out",
            by,
            &[mart.clone(), rows(r#"{"data":[{"r":null,"v":null},{"r":"US","v":11},{"r":"EU","v":19}]}"#)],
        )
        .metric(
            "missing",
            by,
            &[mart.clone(), rows(r#"{"data":[{"r":"EU","v":10},{"r":"ASIA","v":1},{"r":null,"v":null}]}"#)],
        )
        .metric(
            "null in one",
            by,
            &[mart.clone(), rows(r#"{"data":[{"r":null,"v":0},{"r":"US","v":20},{"r":"EU","v":10}]}"#)],
        )
        .metric(
            "nothing",
            by,
            &[many("select 'EU' as region, null::int as revenue"), rows(r#"{"data":[{"r":"EU","v":null}]}"#)],
        )
        .metric(
            "no group",
            by,
            &[
                many("select 'EU' as region, 1 as n where false"),
                many("select 'EU' as region, 1 as n where false"),
            ],
        )
        .metric(
            "expected",
            &format!("{by}\nexpect = {{ min = 15 }}"),
            &[many("select 'EU' as region, 10 as n"), many("select 'EU' as region, 10 as n")],
        )
        .metric("twice", by, &[mart.clone(), rows(r#"{"data":[{"r":"EU","v":10},{"r":"EU","v":10}]}"#)])
        .metric(
            "too many",
            "by = [\"n\"]",
            &[many("select n, 1 as v from generate_series(1, 1001) as n"), many("select 1 as n, 1 as v")],
        )
        .metric("other names", by, &[mart.clone(), many("select 'EU' as region, 1 as umsatz")])
        .metric("no key", by, &[mart.clone(), many("select 1 as revenue")])
        .metric("no figure", by, &[mart, many("select 'EU' as region")])
        .fail();
    for (name, told) in [
        (
            "cancel out",
            "mismatch: expected `revenue` of region = EU from `s2` to have 10.0 like `s1`, exactly, got 19: 9 more (47.37%), in 2 of 2 measurements; expected `revenue` of region = US from `s2` to have 20.0 like `s1`, exactly, got 11: 9 less (45.00%), in 2 of 2 measurements",
        ),
        (
            "missing",
            "mismatch: expected `s2` to have the 3 groups of `s1`, got 3 groups, without region = US, with region = ASIA, in 2 of 2 measurements",
        ),
        (
            "null in one",
            "mismatch: expected `revenue` of region = null from `s2` to have null like `s1`, got 0, in 2 of 2 measurements",
        ),
        ("nothing", "mismatch: expected `s1` to have a figure, got null in 1 group, in 2 of 2 measurements"),
        ("no group", "mismatch: expected `s1` to have a figure, got no group, in 2 of 2 measurements"),
        ("expected", "mismatch: expected `n` of region = EU at least 15, got 10"),
        ("twice", "measurement: comparing the figures: `s2` has the group region = EU twice"),
        (
            "too many",
            "measurement: comparing the figures: `s1` has 1001 groups, and 1000 are compared at most",
        ),
        ("other names", "measurement: comparing the figures: `s2` has no figure `revenue`, and `s1` has"),
        (
            "no key",
            "measurement: comparing the figures: `s2` has no column `region`; its columns are revenue",
        ),
        ("no figure", "measurement: comparing the figures: `s2` has no figure: its columns are region"),
    ] {
        assert_eq!(report.case(name).told(), told, "{name}");
    }
}

#[test]
fn a_difference_that_does_not_persist_passes() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = HttpServer::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Response::json("{\"v\":1}"),
        _ => Response::json("{\"v\":2}"),
    });
    let other = echo();
    Metrics::new("").metric("once", "", &[answers(&other, "{\"v\":2}"), value(&server, "/")]).pass();
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_source_that_says_wait_is_asked_until_it_has_the_figure() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let server = HttpServer::start(move |request| {
        match (request.path.as_str(), count.fetch_add(1, Ordering::SeqCst)) {
            ("/for-ever", _) | (_, 0..=2) => Response::json("{\"error\":\"Continue wait\"}"),
            _ => Response::json("{\"v\":2}"),
        }
    });
    let other = echo();
    let poll = "\npoll = { every = \"20ms\" }";
    Metrics::new("").metric("late", "", &[answers(&other, "{\"v\":2}"), value(&server, "/") + poll]).pass();
    assert_eq!(asked.load(Ordering::SeqCst), 4);

    let for_ever = value(&server, "/for-ever") + poll;
    let report =
        Metrics::new("").metric("never", "budget = \"1s\"", &[answers(&other, "{\"v\":2}"), for_ever]).fail();
    let told = report.case("never").told();
    assert!(
        told.starts_with(
            "timeout: step 2 `s2`: expected the capture `value` to find one value at json $.v, got nothing"
        ),
        "{told}"
    );
}

/// `now()` is the start of the transaction.
#[test]
fn two_sources_on_one_postgres_see_one_snapshot() {
    let database = Postgres::shared().create_database();
    let started = "select extract(epoch from now())";
    let (url, twice) = (database.url(), query(&database.url(), started));
    Metrics::new("").metric("one transaction", "", &[twice.clone(), twice.clone()]).pass();
    let other = query(&Postgres::shared().url(TRUST, PASSWORD, &database.name), started);
    let asked_again = format!("{twice}\nretry = {{ attempts = 2 }}");
    Metrics::new("")
        .metric("another login", "", &[twice.clone(), other])
        .metric("asked again", "", &[twice, asked_again])
        .fail();
    let modes = query(&url, "select (current_setting('transaction_isolation') = 'repeatable read')::int");
    let read_only = query(&url, "select (current_setting('transaction_read_only') = 'on')::int");
    Metrics::new("").metric("its mode", "expect = 1", &[modes, read_only]).pass();
    database.admin_sql("select 1");
    let left =
        database.sql("select count(*) from pg_stat_activity where application_name like 'smoke/metrics/%'");
    assert_eq!(left[0][0].as_deref(), Some("0"));
}

#[test]
fn a_period_is_the_same_instants_for_all_sources_and_types() {
    let database = Postgres::shared().create_database();
    database.sql(
        "create table t (z timestamptz, l timestamp, d date);
         insert into t select at, at at time zone 'UTC', (at at time zone 'Europe/Berlin')::date from (
             select (day + i) at time zone 'Europe/Berlin' + s as at from
                 (select ((now() at time zone 'Europe/Berlin')::date - 1)::timestamp as day) as x,
                 (values (interval '0', interval '-1 second'), ('0', '0'), ('0', '1 second'), ('1 day', '-1 second'), ('1 day', '0')) as v (i, s)
         ) as y",
    );
    let file = tempfile::NamedTempFile::new().expect("a file");
    let lite = Connection::open(file.path()).expect("a database");
    lite.execute_batch("create table t (at text)").expect("a table");
    for row in database.sql("select to_char(l, 'YYYY-MM-DD HH24:MI:SS') from t") {
        lite.execute("insert into t values (?1)", [row[0].clone()]).expect("a row");
    }
    let url = database.url();
    let between = |column: &str| {
        query(
            &url,
            &format!(
                "select count(*) from t where {column} >= {{{{yesterday.start}}}} and {column} < {{{{yesterday.end}}}}"
            ),
        )
    };
    let lite = query(
        &format!("sqlite:{}", file.path().display()),
        "select count(*) from t where at >= {{yesterday.start}} and at < {{yesterday.end}}",
    );
    let by_date = query(&url, "select count(*) from t where d = {{yesterday.date}}");
    let today = query(&url, "select 2 + count(*) from t where z >= {{today.start}} and z < {{today.end}}");
    let sources = [between("z"), between("l"), between("d"), by_date, lite, today];
    Metrics::new("timezone = \"Europe/Berlin\"").metric("yesterday", "expect = 3", &sources).pass();

    let wrong = [between("z"), query(&url, "select 4")];
    let report = Metrics::new("timezone = \"Europe/Berlin\"").metric("told", "", &wrong).fail();
    let text = &report.case("told").text;
    assert!(text.contains("\nyesterday is 20") && text.contains(" in Europe/Berlin, from 20"), "{text}");
    let utc = Metrics::new("timezone = \"{{zone}}\"\n[vars]\nzone = \"Pacific/Kiritimati\"");
    let report = utc.metric("elsewhere", "", &[between("z"), query(&url, "select -1")]).fail();
    assert!(report.case("elsewhere").text.contains("in Pacific/Kiritimati, from"), "{}", report.xml);
}

#[test]
fn what_a_source_would_change_keeps_it_from_running_read_only() {
    let server = echo();
    let post = format!("post = {}\nvalue = {{ json = \"$.v\" }}", quoted(&server.url("/%7B%22v%22%3A1%7D")));
    let get = answers(&server, "{\"v\":1}");
    let metrics = Metrics::new("").metric("posts", "", &[get.clone(), post.clone()]).metric(
        "only reads",
        "",
        &[get, format!("{post}\nsafe = true")],
    );
    let ran = metrics.smoke().arg("--read-only").run();
    ran.exits(0);
    let report = ran.junit();
    let skipped = report.case("posts");
    assert_eq!(skipped.outcome, Outcome::Skipped);
    assert!(
        skipped.message.as_deref().is_some_and(|why| why.contains("source `s2` sends POST")),
        "{}",
        report.xml
    );
    assert_eq!(report.case("only reads").outcome, Outcome::Passed);
}

/// What smoke itself takes to compare: the rest of the check is that of its sources.
#[test]
fn a_thousand_groups_are_compared_in_no_time() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let lite = Connection::open(file.path()).expect("a database");
    lite.execute_batch(
        "create table t (k text, v real, n integer);
         with recursive i (x) as (select 1 union all select x + 1 from i where x < 1000)
         insert into t select 'group ' || x, x * 1.1, x * 1000003 from i",
    )
    .expect("a table");
    let url = format!("sqlite:{}", file.path().display());
    let one = query(&url, "select * from t");
    let other = query(&url, "select n, v, k from t order by n desc");
    let ran = Metrics::new("").metric("thousand", "by = [\"k\"]", &[one, other]).run();
    ran.exits(0);
    let text = std::fs::read_to_string(ran.path("out.json")).expect("a report");
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let check = &document["checks"][0];
    let all = check["duration_ms"].as_f64().expect("a number");
    let sources = check["steps"].as_array().expect("steps").iter().map(|step| step["duration_ms"].as_f64());
    let sources: f64 = sources.map(|ms| ms.expect("a number")).sum();
    println!("1,000 groups of 2 figures: {:.1} ms beside the sources", all - sources);
    // The tests run a build without optimisation on a busy machine.
    assert!(all - sources < 1000.0, "{all} ms, of which {sources} of the sources");
}
