//! No run leaves a query running on the server, however it ends; and cuts are reported.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

use crate::support::ask::{Asked, quoted};
use crate::support::fault::{Fault, FaultServer};
use crate::support::junit::Outcome;
use crate::support::postgres::{Database, Postgres, TRUST};
use crate::support::smoke::Smoke;
use crate::support::thorough::{bound, repeats};
use crate::support::wait;

/// Prints the number of repeats and the longest time.
fn tell_most(what: &str, all: &[Duration]) {
    println!("{what}, {} of {}, at most {:?}", all.len(), all.len(), all.iter().max());
}

/// How long after the exit a query may still run on the server.
const AFTER_EXIT: Duration = Duration::from_millis(500);

/// A session that is opened before any measurement.
struct Watch {
    runtime: Runtime,
    client: Client,
}

impl Watch {
    fn on(database: &Database) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let url = format!("{}?sslmode=disable", database.url_for(TRUST));
        let client = runtime.block_on(async {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("log in");
            tokio::spawn(connection);
            client
        });
        Self { runtime, client }
    }

    fn run(&self, sql: &str) {
        self.runtime.block_on(self.client.batch_execute(sql)).expect("run a statement");
    }

    /// The number of active sessions of this suite.
    fn active(&self, suite: &str) -> i64 {
        let query =
            "select count(*) from pg_stat_activity where application_name like $1 and state <> 'idle'";
        let name = format!("smoke/{suite}/%");
        self.runtime.block_on(self.client.query_one(query, &[&name])).expect("count sessions").get(0)
    }

    /// Waits until this many sessions are blocked inside their query, and not for a new one.
    #[track_caller]
    fn wait_for_queries(&self, count: i64, suite: &str) {
        let query = "select count(*) from pg_stat_activity where application_name like $1
            and state = 'active' and wait_event_type in ('Timeout', 'Lock')";
        let name = format!("smoke/{suite}/%");
        let ask = || self.runtime.block_on(self.client.query_one(query, &[&name])).expect("count sessions");
        let what = format!("{count} queries of {suite}");
        wait::until(&what, Duration::from_secs(20), || (ask().get::<_, i64>(0) == count).then_some(()));
    }

    /// Waits until this many sessions are active; returns how long that took.
    #[track_caller]
    fn wait_for(&self, sessions: i64, suite: &str, limit: Duration) -> Duration {
        let what = format!("{sessions} active sessions of {suite}");
        let since = Instant::now();
        wait::until(&what, limit, || (self.active(suite) == sessions).then_some(()));
        since.elapsed()
    }
}

/// Three checks that reach the server in different ways, with a long query.
fn sleepers(database: &Database, suite: &str, budget: &str, query: &str, rest: &str) -> Smoke {
    let url = database.url_for(TRUST);
    let urls = [url.clone(), format!("{url}?sslmode=disable"), url.replace("127.0.0.1", "localhost")];
    let checks: Vec<String> = urls
        .iter()
        .zip(1..)
        .map(|(url, number)| {
            let (url, query) = (quoted(url), quoted(query));
            format!(
                "[[database]]\nname = 'sleep {number}'\nurl = {url}\nquery = {query}\nbudget = '{budget}'\n"
            )
        })
        .collect();
    Smoke::new().suite(&format!("[suite]\nname = '{suite}'\n{rest}\n{}", checks.concat()))
}

const SLEEP: &str = "select pg_sleep(60)";
/// Pure computation that never waits.
const WORK: &str = "select count(*) from generate_series(1, 100000000000) a where a < 0";

#[test]
fn a_cut_by_the_checks_budget_ends_the_query_on_the_server() {
    let database = Postgres::shared().create_database();
    let watch = Watch::on(&database);
    let mut busy = Vec::new();
    for repeat in 0..repeats(2, 50) {
        let query = if repeat % 2 == 0 { SLEEP } else { WORK };
        let ran = sleepers(&database, "cut", "2s", query, "fail-fast = false").run();
        busy.push(watch.wait_for(0, "cut", bound(AFTER_EXIT)));
        ran.exits(1);
        for case in ran.junit().cases {
            let told = "timeout: no answer within 2s (check budget), while the query ran (query)";
            assert_eq!((case.outcome, case.told()), (Outcome::Failed, told.to_owned()));
        }
    }
    tell_most("a cut by the check's budget: no session is active any more after the exit", &busy);
}

#[test]
fn a_cut_by_the_suites_budget_ends_the_query_on_the_server() {
    let database = Postgres::shared().create_database();
    let watch = Watch::on(&database);
    let mut busy = Vec::new();
    for _ in 0..repeats(2, 50) {
        let ran = sleepers(&database, "suite", "1m", SLEEP, "").arg("--budget").arg("2s").run();
        busy.push(watch.wait_for(0, "suite", bound(AFTER_EXIT)));
        ran.exits(4);
        for case in ran.junit().cases {
            let told = "budget: no answer within 2s (suite budget), while the query ran (query)";
            assert_eq!((case.outcome, case.told()), (Outcome::Errored, told.to_owned()));
        }
    }
    tell_most("a cut by the suite's budget: no session is active any more after the exit", &busy);
}

#[test]
fn fail_fast_ends_the_queries_on_the_server() {
    let database = Postgres::shared().create_database();
    database.admin_sql(
        "create function when_all_sleep() returns int language plpgsql as $$ begin
             while (select count(*) from pg_stat_activity
                    where application_name like 'smoke/fast/sleep%' and wait_event = 'PgSleep') < 3 loop
                 perform pg_sleep(0.01); perform pg_stat_clear_snapshot();
             end loop; return 1; end $$",
    );
    let watch = Watch::on(&database);
    let mut busy = Vec::new();
    let fails = format!(
        "[[database]]\nname = 'fails'\nurl = {}\nbudget = '30s'\nquery = 'select when_all_sleep()'\nexpect.value = 2",
        quoted(&database.url_for(TRUST))
    );
    for _ in 0..repeats(5, 50) {
        let ran = sleepers(&database, "fast", "30s", SLEEP, &fails).run();
        busy.push(watch.wait_for(0, "fast", bound(AFTER_EXIT)));
        ran.exits(1);
        let report = ran.junit();
        assert_eq!(report.case("fails").told(), "mismatch: expected value 2, got 1");
        let told = "cut while it ran, because `fails` failed (fail-fast)";
        assert_eq!(report.case("sleep 1").message.as_deref(), Some(told));
    }
    tell_most("fail-fast: no session is active any more after the exit", &busy);
}

#[test]
fn a_signal_ends_the_queries_on_the_server() {
    let database = Postgres::shared().create_database();
    let watch = Watch::on(&database);
    let mut busy = Vec::new();
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        for _ in 0..repeats(5, 50).div_ceil(2) {
            let running = sleepers(&database, "signal", "30s", SLEEP, "").spawn();
            watch.wait_for_queries(3, "signal");
            running.signal(signal);
            let ran = running.wait();
            busy.push(watch.wait_for(0, "signal", bound(AFTER_EXIT)));
            ran.exits(code);
            assert_eq!(ran.junit().skipped, 3);
        }
    }
    tell_most("a signal: no session is active any more after the exit", &busy);
}

#[test]
fn after_a_kill_the_server_ends_the_queries_by_the_checks_budget() {
    let database = Postgres::shared().create_database();
    database.admin_sql("create table orders (id int); grant all on orders to public");
    // Not the observing session, which would see the same snapshot forever inside a transaction.
    let holder = Watch::on(&database);
    holder.run("begin; lock table orders");
    let watch = Watch::on(&database);
    let mut after = Vec::new();
    for repeat in 0..repeats(2, 10) {
        let query = if repeat % 2 == 0 { SLEEP } else { "select * from orders" };
        let running = sleepers(&database, "killed", "5s", query, "").spawn();
        watch.wait_for_queries(3, "killed");
        // Their budgets have begun by now.
        let seen = Instant::now();
        running.signal(Signal::KILL);
        assert_eq!(running.wait().code, None);
        watch.wait_for(0, "killed", bound(Duration::from_secs(6)).saturating_sub(seen.elapsed()));
        after.push(seen.elapsed());
    }
    tell_most(
        "kill -9, checks with a budget of 5 s: no session is active any more after they were seen",
        &after,
    );
}

#[test]
fn a_wait_for_a_lock_is_named() {
    let database = Postgres::shared().create_database();
    database.admin_sql("create table orders (id int); grant all on orders to public");
    let watch = Watch::on(&database);
    watch.run("begin; lock table orders");
    let url = database.url_for(TRUST);
    let report = Asked::at(&url)
        .check("check", "query = 'select count(*) from orders'\nbudget = '2s'")
        .check("writes", "query = 'update orders set id = 1'\nwrites = true\nbudget = '2s'")
        .check("nowait", "query = 'lock table orders in share mode nowait'\nwrites = true\nbudget = '20s'")
        .with(&format!(
            "[[journey]]\nname = 'journey'\n[[journey.step]]\nname = 'count'\ndatabase = {}\nbudget = '2s'\n\
             query = 'select count(*) from orders'",
            quoted(&url)
        ))
        .fails();
    let told = |scope: &str| {
        format!("no answer within 2s ({scope} budget), while the query waited for a lock (lock)")
    };
    assert_eq!(report.case("check").told(), format!("timeout: {}", told("check")));
    assert_eq!(report.case("writes").told(), format!("timeout: {}", told("check")));
    assert_eq!(report.case("journey").told(), format!("timeout: step 1 `count`: {}", told("step")));
    let nowait = "sql: running the query: could not obtain lock on relation \"orders\" (SQLSTATE 55P03)";
    assert_eq!(report.case("nowait").told(), nowait);
}

/// In seconds.
fn is_soon_after(budget: f64, time: f64) -> bool {
    (budget..budget + bound(Duration::from_millis(500)).as_secs_f64()).contains(&time)
}

#[test]
fn a_stalled_server_is_cut_on_time_and_the_phase_is_named() {
    let stalls = [
        (Fault::NeverAccept, "no connection", "while connecting (connect)"),
        (Fault::Mute, "no connection", "during the TLS handshake (tls)"),
        (Fault::PostgresStalledTls, "no connection", "during the TLS handshake (tls)"),
        (Fault::PostgresMute, "no connection", "while logging in (authenticate)"),
        (Fault::PostgresStalledLogin, "no connection", "while logging in (authenticate)"),
        (
            Fault::PostgresStalledQuery,
            "no answer",
            "while waiting for the first answer, or for a free connection of a pooler (begin)",
        ),
    ];
    let servers: Vec<FaultServer> =
        stalls.iter().map(|(fault, ..)| FaultServer::start(fault.clone())).collect();
    let url = |server: &FaultServer| format!("postgres://smoke:secret@{}/smoke", server.address());
    let asked = servers.iter().zip(1..).fold(Asked::at(""), |asked, (server, number)| {
        asked.url(&format!("check {number}"), &url(server), "query = 'select 1'\nbudget = '2s'").with(
            &format!(
                "[[journey]]\nname = 'journey {number}'\n[[journey.step]]\nname = 'ask'\ndatabase = {}\n\
             query = 'select 1'\nbudget = '1.5s'",
                quoted(&url(server))
            ),
        )
    });
    let ran = asked.run();
    ran.exits(1);
    assert!(ran.took < bound(Duration::from_secs(3)), "{:?}", ran.took);
    let report = ran.junit();
    for ((fault, nothing, phase), number) in stalls.iter().zip(1..) {
        let check = report.case(&format!("check {number}"));
        assert_eq!(
            check.told(),
            format!("timeout: {nothing} within 2s (check budget), {phase}"),
            "{fault:?}"
        );
        assert!(is_soon_after(2.0, check.time), "{fault:?}: {}", check.time);
        let journey = report.case(&format!("journey {number}"));
        let told = format!("timeout: step 1 `ask`: {nothing} within 1.5s (step budget), {phase}");
        assert_eq!(journey.told(), told, "{fault:?}");
        assert!(is_soon_after(1.5, journey.time), "{fault:?}: {}", journey.time);
    }
}

#[test]
fn a_server_that_sends_garbage_or_hangs_up_fails_immediately() {
    let faults = [Fault::Reset, Fault::CloseAtOnce, Fault::PostgresGarbage];
    for fault in faults {
        let server = FaultServer::start(fault.clone());
        let url = format!("postgres://smoke:secret@{}/smoke", server.address());
        for mode in ["disable", "prefer", "require"] {
            let ran = Asked::at(&format!("{url}?sslmode={mode}")).check("x", "budget = '20s'").run();
            ran.exits(1);
            let report = ran.junit();
            let case = report.case("x");
            assert_eq!(case.outcome, Outcome::Errored, "{fault:?} {mode}: {}", case.text);
            assert!(
                case.told().starts_with("protocol: ") || case.told().starts_with("tls: "),
                "{fault:?} {mode}: {}",
                case.told()
            );
            assert!(ran.took < bound(Duration::from_secs(10)), "{fault:?} {mode}: {:?}", ran.took);
        }
    }
}
