//! `[[canary]]`: sent once, awaited at every consumer, and removed however the check ended.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use rustix::process::Signal;

use crate::support::ask::quoted;
use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::postgres::{Database, PASSWORD, Postgres, SMOKE};
use crate::support::smoke::{Ran, Smoke};
use crate::support::{raw, thorough, wait};

const HEAD: &str = "[suite]\nname = \"shop\"\nfail-fast = false\ngrace = \"20s\"\nbudget = \"50s\"\n";

fn canary(name: &str, keys: &str, send: &str, arrivals: &[(&str, &str)], cleanup: &[&str]) -> String {
    let arrivals: String = arrivals
        .iter()
        .map(|(name, keys)| format!("\n[[canary.arrive]]\nname = \"{name}\"\n{keys}\n"))
        .collect();
    let cleanup: String = cleanup.iter().map(|keys| format!("\n[[canary.cleanup]]\n{keys}\n")).collect();
    format!("\n[[canary]]\nname = \"{name}\"\n{keys}\n\n[canary.send]\n{send}\n{arrivals}{cleanup}")
}

/// A database with the table `beats`, and `published`, into which a trigger carries each beat over.
struct Lite {
    file: tempfile::NamedTempFile,
}

impl Lite {
    fn new(carry: &str) -> Lite {
        let lite = Lite { file: tempfile::NamedTempFile::new().expect("a file") };
        let schema =
            "create table beats (id text, country text); create table published (id text, country text);";
        lite.connection().execute_batch(&format!("{schema}{carry}")).expect("the tables");
        lite
    }

    fn connection(&self) -> Connection {
        Connection::open(self.file.path()).expect("a database")
    }

    fn url(&self) -> String {
        format!("database = \"sqlite:{}\"\n", self.file.path().display())
    }

    fn rows(&self, table: &str) -> i64 {
        let count = format!("select count(*) from {table}");
        self.connection().query_row(&count, [], |row| row.get(0)).expect("a count")
    }

    fn send(&self) -> String {
        self.url() + "query = \"insert into beats values ({{canary.id}}, 'de')\"\ncommit = true"
    }

    fn look(&self) -> String {
        self.url() + "query = \"select country from published where id = {{canary.id}}\"\nevery = \"50ms\"\n"
    }

    fn remove(&self, table: &str) -> String {
        format!("{}query = \"delete from {table} where id = {{{{canary.id}}}}\"\ncommit = true", self.url())
    }
}

const CARRY: &str = "create trigger t after insert on beats begin insert into published values (new.id, upper(new.country)); end;";

fn run(suite: &str) -> Ran {
    Smoke::new().arg("--json").arg("out.json").suite(&format!("{HEAD}{suite}")).run()
}

#[test]
fn what_is_sent_is_seen_and_removed_and_every_hop_has_its_time() {
    let lite = Lite::new(CARRY);
    let other = HttpServer::start(|request| Response::json(&format!("{{\"hits\":[\"{}\"]}}", request.query)));
    let search = format!(
        "get = {}\nexpect.json.\"$.hits[0]\" = {{ contains = \"{{{{canary.id}}}}\" }}",
        quoted(&other.url("/search?q={{canary.id}}"))
    );
    let table = lite.look() + "expect.row = { country = \"DE\" }";
    let cleanup = [&*lite.remove("beats"), &*lite.remove("published")];
    let ran = run(&canary(
        "order arrives",
        "within = \"20s\"",
        &lite.send(),
        &[("table", &table), ("search", &search)],
        &cleanup,
    ));
    ran.exits(0);
    let case = ran.junit().case("order arrives").clone();
    for step in [
        "step 1 `send`",
        "step 2 `table`",
        "step 3 `search`",
        "cleanup step 4 `cleanup`",
        "cleanup step 5 `cleanup 2`",
    ] {
        assert!(case.output.contains(&format!("{step}: passed")), "{step}\n{}", case.output);
    }
    assert!(
        case.output.contains("hops: `table` after ") && case.output.contains("`search` after "),
        "{}",
        case.output
    );
    assert!(ran.stderr.contains("hops: `table` after "), "{}", ran.stderr);
    assert_eq!((lite.rows("beats"), lite.rows("published")), (0, 0));
    let id = other.requests()[0].query.clone();
    assert!(id.starts_with("q=smoke-shop-") && id.ends_with("-order-arrives"), "{id}");
}

#[test]
fn a_canary_that_does_not_come_as_expected_says_what_was_seen_instead() {
    let silent = Lite::new("");
    let twice = Lite::new(&format!(
        "{CARRY}create trigger u after insert on beats begin insert into published values (new.id, 'DE'); end;"
    ));
    let carried = Lite::new(CARRY);
    let de = "expect.row = { country = \"FR\" }\n";
    let never = [("first", &*carried.look()), ("second", &*format!("{}within = \"1s\"", silent.look()))];
    let suite = canary(
        "never",
        "within = \"20s\"",
        &carried.send(),
        &never,
        &[&carried.remove("beats"), &carried.remove("published")],
    ) + &canary(
        "twice",
        "within = \"1s\"",
        &twice.send(),
        &[("table", &twice.look())],
        &[&twice.remove("beats"), &twice.remove("published")],
    ) + &canary(
        "wrong",
        "within = \"1s\"",
        &carried.send(),
        &[("table", &(carried.look() + de))],
        &[&carried.remove("beats"), &carried.remove("published")],
    ) + &canary(
        "no table",
        "within = \"1s\"",
        &silent.send(),
        &[("table", &(silent.url() + "query = \"select 1 from nowhere where id = {{canary.id}}\""))],
        &[&silent.remove("beats")],
    );
    let ran = run(&suite);
    ran.exits(1);
    let report = ran.junit();
    let told = |name: &str| report.case(name).told();
    let never = told("never");
    assert!(
        never.starts_with("mismatch: expected `second` to have smoke-shop-")
            && never.contains("-never within 1s, got nothing in "),
        "{never}"
    );
    assert!(
        never.contains(" looks; the last: expected rows 1, got 0; it was seen by `first` after "),
        "{never}"
    );
    assert!(report.case("never").output.contains("hops: `first` after "), "{}", report.case("never").output);
    assert!(
        report.case("never").output.contains("`second` did not have it"),
        "{}",
        report.case("never").output
    );
    assert!(told("twice").contains("; the last: expected rows 1, got 2"), "{}", told("twice"));
    assert!(
        told("wrong").contains("; the last: expected column country \"FR\", got \"DE\""),
        "{}",
        told("wrong")
    );
    let errored = told("no table");
    assert!(
        errored.starts_with("sql: ") && errored.contains("the canary was not seen within 1s: nothing in "),
        "{errored}"
    );
    for lite in [&silent, &twice, &carried] {
        assert_eq!((lite.rows("beats"), lite.rows("published")), (0, 0));
    }
}

/// A database that has it before, in rows of other canaries.
#[test]
fn only_the_nonce_is_a_sighting() {
    let lite =
        Lite::new("insert into beats values ('old', 'DE'); insert into published values ('old', 'DE');");
    let ran = run(&canary(
        "cut",
        "within = \"1s\"",
        &lite.send(),
        &[("table", &lite.look())],
        &[&lite.remove("beats")],
    ));
    ran.exits(1);
    assert_eq!((lite.rows("beats"), lite.rows("published")), (1, 1));
}

#[test]
fn it_is_sent_once_whatever_comes_of_it() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let removed = Arc::new(AtomicUsize::new(0));
    let deletes = Arc::clone(&removed);
    let server = HttpServer::start(move |request| match (request.method.as_str(), request.path.as_str()) {
        ("POST", path) => {
            count.fetch_add(1, Ordering::SeqCst);
            let status = if path == "/refused" { 503 } else { 201 };
            Response::json("{\"id\":7}").status(status)
        }
        ("DELETE", _) => {
            deletes.fetch_add(1, Ordering::SeqCst);
            Response::new(204)
        }
        _ => Response::new(404),
    });
    let closed = raw::serve(|mut stream| {
        raw::read_head(&mut stream)?;
        stream.shutdown(Shutdown::Both).ok()
    });
    let send = |url: &str| format!("post = {}\njson = {{ id = \"{{{{canary.id}}}}\" }}", quoted(url));
    let look = format!("get = {}", quoted(&server.url("/orders/{{canary.id}}")));
    let remove = format!("delete = {}", quoted(&server.url("/orders/{{canary.id}}")));
    let arrive = [("api", look.as_str())];
    let suite = canary("refused", "within = \"1s\"", &send(&server.url("/refused")), &arrive, &[&remove])
        + &canary("missed", "within = \"1s\"", &send(&server.url("/taken")), &arrive, &[&remove])
        + &canary("broken", "within = \"1s\"", &send(&format!("http://{closed}/")), &arrive, &[&remove]);
    let ran = Smoke::new()
        .suite(&format!("{HEAD}[defaults]\nretry = {{ attempts = 3 }}\nbudget = \"1s\"\n{suite}"))
        .run();
    ran.exits(1);
    assert_eq!((sent.load(Ordering::SeqCst), removed.load(Ordering::SeqCst)), (2, 3));
    let report = ran.junit();
    assert!(
        report
            .case("refused")
            .told()
            .starts_with("mismatch: step 1 `send`: expected status 2xx or 3xx, got 503"),
        "{}",
        report.xml
    );
    let missed = report.case("missed").told();
    assert!(missed.contains("; the last: expected status 2xx or 3xx, got 404"), "{missed}");
    let broken = report.case("broken").told();
    assert!(
        broken.starts_with("protocol: step 1 `send`: ")
            && broken.contains("-broken was sent is not known, and it is not sent again"),
        "{broken}"
    );
}

#[test]
fn what_the_send_captures_is_as_good_as_the_nonce() {
    let server = HttpServer::start(|request| match request.method.as_str() {
        "POST" => Response::json("{\"id\":7}"),
        _ if request.path == "/orders/7" => Response::json("{\"state\":\"new\"}"),
        _ => Response::new(404),
    });
    let send = format!("post = {}\ncapture.order = {{ json = \"$.id\" }}", quoted(&server.url("/orders")));
    let look = format!(
        "get = {}\ncapture.state = {{ json = \"$.state\" }}",
        quoted(&server.url("/orders/{{order}}"))
    );
    let remove = format!("delete = {}", quoted(&server.url("/orders/{{order}}?{{state}}")));
    run(&canary("captured", "within = \"9s\"", &send, &[("api", &look)], &[&remove])).exits(0);
    let requests = server.requests();
    let last = requests.last().expect("a request");
    assert_eq!((last.method.as_str(), last.target.as_str()), ("DELETE", "/orders/7?new"));
}

/// Forwards everything, but for the answer to a commit: the connection ends there.
fn without_the_answer_to_a_commit(server: u16) -> SocketAddr {
    raw::serve(move |mut client| {
        let mut server = TcpStream::connect(("127.0.0.1", server)).ok()?;
        let (mut answers, mut to_client) = (server.try_clone().ok()?, client.try_clone().ok()?);
        let back = thread::spawn(move || std::io::copy(&mut answers, &mut to_client));
        let mut piece = vec![0; 65536];
        loop {
            let length = client.read(&mut piece).ok().filter(|length| *length > 0)?;
            if piece[..length].windows(7).any(|word| word == b"commit\0") {
                client.shutdown(Shutdown::Both).ok()?;
                server.write_all(&piece[..length]).ok()?;
                let _ = back.join();
                return Some(());
            }
            server.write_all(&piece[..length]).ok()?;
        }
    })
}

fn beats(database: &Database) -> i64 {
    let rows = database.sql("select count(*) from beats");
    rows[0][0].as_deref().and_then(|count| count.parse().ok()).expect("a number")
}

#[test]
fn a_commit_of_which_nobody_knows_is_told_and_removed() {
    let database = Postgres::shared().create_database();
    database.sql("create table beats (id text primary key)");
    let proxy = without_the_answer_to_a_commit(Postgres::shared().port());
    let through = format!("postgres://{SMOKE}:{PASSWORD}@{proxy}/{}?sslmode=disable", database.name);
    let send = format!(
        "database = {}\nquery = \"insert into beats values ({{{{canary.id}}}})\"\ncommit = true",
        quoted(&through)
    );
    let url = quoted(&database.url());
    let look = format!("database = {url}\nquery = \"select 1 from beats where id = {{{{canary.id}}}}\"");
    let remove = format!(
        "database = {url}\nquery = \"delete from beats where id = {{{{canary.id}}}}\"\ncommit = true\nexpect.rows = 1"
    );
    let ran = run(&canary("unknown", "within = \"5s\"", &send, &[("itself", &look)], &[&remove]));
    ran.exits(1);
    let report = ran.junit();
    let told = report.case("unknown").told();
    let expected = "protocol: step 1 `send`: committing: the connection was closed; whether smoke-shop-";
    assert!(
        told.starts_with(expected)
            && told.ends_with("-unknown was sent is not known, and it is not sent again"),
        "{told}"
    );
    assert!(report.case("unknown").output.contains("cleanup step 3 `cleanup`: passed"), "{}", report.xml);
    assert_eq!(beats(&database), 0);
}

#[test]
fn a_cleanup_that_fails_names_what_it_left_and_the_next_one_runs() {
    let lite = Lite::new(CARRY);
    let fails = lite.url() + "query = \"delete from nowhere where id = {{canary.id}}\"\ncommit = true";
    let too_few = lite.remove("beats") + "\nexpect.rows = 2";
    let cleanup = [&*fails, &*too_few, &*lite.remove("published")];
    let ran = run(&canary("left", "within = \"9s\"", &lite.send(), &[("table", &lite.look())], &cleanup));
    ran.exits(0);
    assert_eq!((lite.rows("beats"), lite.rows("published")), (0, 0));
    for told in ["no such table: nowhere", "expected rows 2, got 1"] {
        let line = ran.stderr.lines().find(|line| line.contains(told)).expect("a line");
        assert!(
            line.contains("cleanup step `cleanup")
                && line.contains("; smoke-shop-")
                && line.contains("-left may be left behind"),
            "{line}"
        );
    }
}

#[test]
fn under_read_only_it_is_skipped() {
    let lite = Lite::new(CARRY);
    let suite = canary("skipped", "within = \"9s\"", &lite.send(), &[("table", &lite.look())], &[]);
    let smoke = Smoke::new().arg("--read-only").suite(&format!("{HEAD}{suite}"));
    let ran = smoke.run();
    ran.exits(3);
    let report = ran.junit();
    let case = report.case("skipped");
    assert_eq!(case.outcome, Outcome::Skipped);
    assert!(case.message.as_deref().is_some_and(|why| why.contains("sends a canary")), "{}", report.xml);
    assert_eq!(lite.rows("beats"), 0);
}

#[test]
fn a_cut_by_the_suites_budget_is_undecided() {
    let lite = Lite::new("");
    let suite =
        canary("cut", "within = \"40s\"", &lite.send(), &[("table", &lite.look())], &[&lite.remove("beats")]);
    let ran = Smoke::new().arg("--budget").arg("2s").suite(&format!("{HEAD}{suite}")).run();
    ran.exits(4);
    assert_eq!(lite.rows("beats"), 0);
}

/// A canary on PostgreSQL that arrives, or not: then it is awaited for a long time.
fn on_postgres(database: &Database, send: &str, arrives: bool, keys: &str) -> String {
    let url = quoted(&database.url());
    let look = format!(
        "database = {url}\nquery = \"select 1 from beats where id = {{{{canary.id}}}}{}\"",
        if arrives { "" } else { " and false" }
    );
    let remove = format!(
        "database = {url}\nquery = \"delete from beats where id = {{{{canary.id}}}}\"\ncommit = true"
    );
    let send = format!("database = {url}\nquery = \"{send}\"\ncommit = true");
    canary("beat", keys, &send, &[("itself", &look)], &[&remove])
}

const SEND: &str = "insert into beats values ({{canary.id}})";

#[test]
fn nothing_is_left_however_it_ends() {
    let database = Postgres::shared().create_database();
    database.sql("create table beats (id text primary key, at timestamptz default clock_timestamp())");
    let other = "\n[[database]]\nname = \"fails\"\nneeds = []\nurl = \"sqlite:none.db\"\n";
    let fast = HEAD.replace("fail-fast = false", "fail-fast = true");
    let repeats = thorough::repeats(2, 50);
    for n in 0..repeats {
        let pass = on_postgres(&database, SEND, true, "within = \"20s\"");
        let miss = on_postgres(&database, SEND, false, "within = \"300ms\"");
        let cut = on_postgres(&database, SEND, false, "within = \"20s\"\nbudget = \"700ms\"");
        let long = on_postgres(&database, SEND, false, "within = \"40s\"");
        for (what, suite, code) in [
            ("pass", format!("{HEAD}{pass}"), 0),
            ("failure", format!("{HEAD}{miss}"), 1),
            ("time-out", format!("{HEAD}{cut}"), 1),
            ("fail-fast", format!("{fast}{long}{other}"), 1),
        ] {
            Smoke::new().suite(&suite).run().exits(code);
            assert_eq!(beats(&database), 0, "after a {what}, {n} of {repeats}");
        }
        let running = Smoke::new().suite(&format!("{HEAD}{long}")).spawn();
        wait::until("the heartbeat", Duration::from_secs(30), || (beats(&database) == 1).then_some(()));
        running.signal(Signal::TERM);
        running.wait().exits(143);
        assert_eq!(beats(&database), 0, "after SIGTERM, {n} of {repeats}");
    }
    println!(
        "nothing left after pass, failure, time-out, fail-fast and SIGTERM: {repeats} of {repeats} each"
    );
}

/// The statement writes, and only then waits: a cut comes while it runs.
#[test]
fn a_send_that_is_cut_half_way_leaves_nothing() {
    let database = Postgres::shared().create_database();
    database.sql("create table beats (id text primary key)");
    let slow = "insert into beats select {{canary.id}}::text from (select pg_sleep(3)) as x";
    let suite = on_postgres(&database, slow, true, "within = \"30s\"");
    let running = Smoke::new().suite(&format!("{HEAD}{suite}")).spawn();
    let active = "select 1 from pg_stat_activity where query like 'insert into beats%' and state = 'active' and datname = current_database()";
    wait::until("the send", Duration::from_secs(30), || {
        (!database.admin_sql(active).is_empty()).then_some(())
    });
    running.signal(Signal::TERM);
    running.wait().exits(143);
    assert!(database.admin_sql(active).is_empty(), "the send still runs");
    assert_eq!(beats(&database), 0);
}

/// A lock of SQLite's is the process's: a session that only looks must not let go of that of one that writes.
#[test]
fn looks_do_not_take_the_lock_from_who_writes() {
    let lite = Lite::new(CARRY);
    lite.connection().execute_batch("create table others (n integer)").expect("a table");
    let is_over = Arc::new(AtomicUsize::new(0));
    let (over, connection) = (Arc::clone(&is_over), lite.connection());
    connection.busy_timeout(Duration::from_secs(30)).expect("a time-out");
    let other = thread::spawn(move || {
        let mut written = 0;
        while over.load(Ordering::SeqCst) == 0 {
            connection.execute("insert into others values (1)", []).expect("a write of another process");
            written += 1;
            // It leaves the others their turns.
            for _ in 0..200 {
                let count = "select count(*) from others";
                connection.query_row(count, [], |row| row.get::<_, i64>(0)).expect("a look");
            }
        }
        written
    });
    let look = lite.look().replace("50ms", "1ms");
    let never = look.replace("select country", "select 1") + "expect.rows = 2";
    let canaries: String = (0..4)
        .map(|n| {
            let cleanup = [&*lite.remove("beats"), &*lite.remove("published")];
            let arrivals = [("table", &*look), ("never", &*format!("{never}\nwithin = \"1s\""))];
            canary(&format!("canary {n}"), "within = \"20s\"", &lite.send(), &arrivals, &cleanup)
        })
        .collect();
    let ran = run(&canaries);
    is_over.store(1, Ordering::SeqCst);
    let written: i64 = other.join().expect("the other process writes");
    ran.exits(1);
    // Whether each gets its turn is not what this is about.
    assert!(!ran.stderr.contains("I/O error") && !ran.stderr.contains("malformed"), "{}", ran.stderr);
    assert_eq!(lite.rows("others"), written);
    let check = lite.connection().query_row("pragma integrity_check", [], |row| row.get(0));
    assert_eq!(check, Ok("ok".to_owned()));
}

/// The server has taken it, and works on it: what it makes of it is there only after that.
#[test]
fn a_request_that_is_under_way_is_ended_before_it_is_removed() {
    let (taken, made, removed) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = [&taken, &made, &removed].map(Arc::clone);
    let server = raw::serve(move |mut stream| {
        let [taken, made, removed] = &counts;
        let mut head = [0; 16];
        stream.peek(&mut head).ok()?;
        raw::read_head(&mut stream)?;
        if head.starts_with(b"POST") {
            taken.store(1, Ordering::SeqCst);
            // It works.
            thread::sleep(Duration::from_millis(250));
            made.store(1, Ordering::SeqCst);
        } else {
            removed.store(made.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").ok()?;
        raw::close(stream)
    });
    let url = |path: &str| quoted(&format!("http://{server}/{path}"));
    let (send, look) =
        (format!("post = {}", url("{{canary.id}}")), format!("get = {}", url("{{canary.id}}")));
    let remove = format!("delete = {}", url("{{canary.id}}"));
    let suite = canary("posted", "within = \"30s\"", &send, &[("itself", &look)], &[&remove]);
    let running = Smoke::new().suite(&format!("{HEAD}{suite}")).spawn();
    wait::until("the request", Duration::from_secs(30), || (taken.load(Ordering::SeqCst) == 1).then_some(()));
    running.signal(Signal::TERM);
    running.wait().exits(143);
    assert_eq!((made.load(Ordering::SeqCst), removed.load(Ordering::SeqCst)), (1, 1));
}

#[test]
fn over_logical_replication_it_is_sighted_and_with_the_subscription_disabled_it_is_not() {
    let publisher = Postgres::with_logical_replication().create_database();
    let subscriber = Postgres::shared().create_database();
    let table = "create table beats (id text primary key, at timestamptz default now())";
    publisher.sql(table);
    subscriber.sql(table);
    publisher.sql("insert into beats values ('an older one')");
    publisher.admin_sql("create publication smoke for table beats");
    let source = Postgres::with_logical_replication();
    let connection = format!(
        "host=127.0.0.1 port={} user=smoke_admin password={PASSWORD} dbname={}",
        source.port(),
        publisher.name
    );
    subscriber.admin_sql(&format!(
        "create subscription {} connection '{connection}' publication smoke",
        subscriber.name
    ));
    let replicated = |id: &str| !subscriber.sql(&format!("select 1 from beats where id = '{id}'")).is_empty();
    wait::until("the first copy", Duration::from_mins(1), || replicated("an older one").then_some(()));

    let (from, to) = (quoted(&publisher.url()), quoted(&subscriber.url()));
    let send = format!("database = {from}\nquery = \"{SEND}\"\ncommit = true");
    let look = format!(
        "database = {to}\nquery = \"select id from beats where id = {{{{canary.id}}}}\"\nevery = \"100ms\""
    );
    let remove = format!(
        "database = {from}\nquery = \"delete from beats where id = {{{{canary.id}}}}\"\ncommit = true"
    );
    let suite = |within: &str| {
        canary("replicated", &format!("within = \"{within}\""), &send, &[("subscriber", &look)], &[&remove])
    };
    run(&suite("30s")).exits(0);
    wait::until("the removal", Duration::from_mins(1), || {
        (subscriber.sql("select 1 from beats").len() == 1).then_some(())
    });

    subscriber.admin_sql(&format!("alter subscription {} disable", subscriber.name));
    // A row that is there and young says nothing.
    subscriber.sql("update beats set at = now()");
    let ran = run(&suite("2s"));
    ran.exits(1);
    let told = ran.junit().case("replicated").told();
    assert!(told.contains("got nothing in ") && told.contains("the last: expected rows 1, got 0"), "{told}");
    assert_eq!(publisher.sql("select id from beats").len(), 1);
    subscriber.admin_sql(&format!("drop subscription {}", subscriber.name));
}
