//! Suites that run repeatedly: `--repeat` and `watch`.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::Smoke;
use crate::support::terminal::Terminal;
use crate::support::{scratch, wait};

fn health(name: &str, url: &str) -> String {
    format!("[[health]]\nname = \"{name}\"\nurl = {url:?}\n")
}

/// Answers 503 to every third request for `/every-third`.
fn flaky() -> HttpServer {
    let asked = AtomicUsize::new(0);
    HttpServer::start(move |request| {
        let third = request.path == "/every-third" && asked.fetch_add(1, Ordering::SeqCst) % 3 == 2;
        Response::new(if third { 503 } else { 200 })
    })
}

/// A server that fails while the flag is set.
fn switched() -> (HttpServer, Arc<AtomicBool>) {
    let down = Arc::new(AtomicBool::new(false));
    let is_down = Arc::clone(&down);
    let answer = move |_: &_| Response::new(if is_down.load(Ordering::SeqCst) { 503 } else { 200 });
    (HttpServer::start(answer), down)
}

/// Returns the words of a check's row.
fn row<'t>(table: &'t str, name: &str) -> Vec<&'t str> {
    let line = table.lines().find(|line| line.trim_end().ends_with(name));
    line.unwrap_or_else(|| panic!("no row of {name}\n{table}")).split_whitespace().collect()
}

#[test]
fn repeat_counts_passes_and_suggests_budgets() {
    let server = flaky();
    let suite = [
        health("steady", &server.url("/steady?run={{run.id}}")),
        health("every third", &server.url("/every-third")),
        health("never", "http://127.0.0.1:1/"),
        format!("{}needs = [\"never\"]\n", health("held up", &server.url("/"))),
    ];
    let ran = Smoke::bare().arg("run").suite(&suite.concat()).args(["--repeat", "7"]).run();
    ran.exits(1);
    assert_eq!(row(&ran.stdout, "steady")[0], "7/7", "{}", ran.stdout);
    assert_eq!(row(&ran.stdout, "every third")[0], "5/7", "{}", ran.stdout);
    assert_eq!(row(&ran.stdout, "never")[..2], ["0/7", "-"], "{}", ran.stdout);
    assert_eq!(row(&ran.stdout, "held up")[..2], ["0/0", "-"], "{}", ran.stdout);
    let order: Vec<usize> =
        ["never", "every third", "steady"].map(|name| ran.stdout.find(name).expect("a row")).to_vec();
    assert!(order.is_sorted(), "the least reliable first\n{}", ran.stdout);
    assert!(ran.stderr.contains("FAIL `every third`: expected status 2xx, got 503"), "{}", ran.stderr);
    assert!(ran.stderr.contains("run 7 of 7: 1 failed, 1 skipped, 2 passed in "), "{}", ran.stderr);
    let runs: BTreeSet<_> =
        server.requests().into_iter().filter(|request| request.path == "/steady").map(|r| r.target).collect();
    assert_eq!(runs.len(), 7, "each run has an id of its own: {runs:?}");
}

#[test]
fn repeat_is_green_when_every_run_is_and_writes_no_report() {
    let server = flaky();
    let smoke =
        || Smoke::bare().arg("run").suite(&health("steady", &server.url("/"))).args(["--repeat", "2"]);
    smoke().run().exits(0);
    let every_third = health("every third", &server.url("/every-third"));
    // The last run passes.
    Smoke::bare().arg("run").suite(&every_third).args(["--repeat", "4"]).run().exits(1);
    let ran = smoke().args(["--junit", "junit.xml"]).run();
    ran.exits(2);
    assert!(ran.stderr.contains("'--repeat <N>' cannot be used with '--junit <FILE>'"), "{}", ran.stderr);
}

#[test]
fn a_signal_ends_all_repeats_and_shows_the_results_so_far() {
    let server = HttpServer::start(|_| Response::new(200).delay(Duration::from_millis(100)));
    let suite = health("slow", &server.url("/"));
    let running = Smoke::bare().arg("run").suite(&suite).args(["--repeat", "1000"]).spawn();
    running.wait_for_stderr("run 2 of 1000");
    running.signal(Signal::INT);
    let ran = running.wait();
    ran.exits(130);
    assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
    assert!(row(&ran.stdout, "slow")[0].contains('/'), "{}", ran.stdout);
}

#[test]
fn in_a_pipe_watch_prints_only_changes() {
    let (server, down) = switched();
    let suite = health("api", &server.url("/"))
        + &health("port", &server.url("/").replace("http", "tcp").replace("/\n", ""));
    let running = Smoke::bare().arg("watch").suite(&suite).args(["-n", "100ms"]).spawn();
    running.wait_for_stderr("`api` PASS");
    down.store(true, Ordering::SeqCst);
    running.wait_for_stderr("`api` PASS → FAIL after ");
    down.store(false, Ordering::SeqCst);
    running.wait_for_stderr("`api` FAIL → PASS after ");
    let asked = server.requests().len();
    wait::until("ten more runs", Duration::from_secs(20), || {
        (server.requests().len() > asked + 10).then_some(())
    });
    running.signal(Signal::TERM);
    let ran = running.wait();
    ran.exits(143);
    let api: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("`api`")).collect();
    assert_eq!(api.len(), 3, "{}", ran.stderr);
    assert!(api[1].ends_with(": expected status 2xx, got 503"), "{}", api[1]);
}

#[test]
fn watch_continues_while_the_suite_is_edited() {
    let (server, _) = switched();
    let folder = scratch::for_a_test();
    let (path, suite) = (folder.path().join("smoke.toml"), health("api", &server.url("/")));
    fs::write(&path, &suite).expect("write the suite");
    let mut terminal = Terminal::smoke(&["watch", "-n", "100ms"], folder.path(), (80, 24));
    terminal.wait_for("PASS");
    fs::write(&path, "[[health]]\n").expect("break the suite");
    terminal.wait_for("missing key `name`");
    fs::write(&path, suite + &health("new", &server.url("/new"))).expect("mend it");
    // After the second request, the first run with the new check has ended.
    wait::until("the new check", Duration::from_secs(20), || {
        (server.requests().iter().filter(|request| request.path == "/new").count() >= 2).then_some(())
    });
    terminal.type_in("q");
    assert_eq!(terminal.wait().code(), Some(0));
}

#[test]
fn a_suite_that_is_invalid_at_the_start_is_not_watched() {
    let ran = Smoke::bare().arg("watch").suite("[[health]]\n").run();
    ran.exits(2);
    assert!(ran.stderr.contains("missing key `name`"), "{}", ran.stderr);
}

#[test]
fn on_a_terminal_watch_shows_one_screen_and_q_restores_the_terminal() {
    let (server, down) = switched();
    let folder = scratch::for_a_test();
    let suite = health("api", &server.url("/")) + &health("漢字", &server.url("/wide"));
    fs::write(folder.path().join("smoke.toml"), suite).expect("write the suite");
    for (state, code) in [("PASS", 0), ("FAIL", 1)] {
        down.store(state == "FAIL", Ordering::SeqCst);
        let mut terminal = Terminal::smoke(&["watch", "-n", "200ms"], folder.path(), (80, 12));
        terminal.wait_for("run 3");
        assert!(!terminal.is_as_it_was(), "keys come one by one");
        let shown = terminal.shown();
        assert!(shown.starts_with("\x1b[?1049h"), "{shown:?}");
        assert!(shown.contains(state) && shown.contains("漢字") && shown.contains("q ends"), "{shown:?}");
        terminal.resize(40, 6);
        terminal.wait_for("run 8");
        terminal.type_in("q");
        assert_eq!(terminal.wait().code(), Some(code), "that of the last run");
        assert!(terminal.is_as_it_was(), "the terminal is somebody's");
        let shown = terminal.shown();
        let (_, left) = shown.rsplit_once("\x1b[?1049l").expect("the screen from before");
        assert!(left.contains("api") && left.contains(state), "the last state stays: {left:?}");
    }
}

#[test]
fn a_signal_restores_the_terminal() {
    let (server, _) = switched();
    let folder = scratch::for_a_test();
    fs::write(folder.path().join("smoke.toml"), health("api", &server.url("/"))).expect("write the suite");
    let mut terminal = Terminal::smoke(&["watch", "-n", "200ms"], folder.path(), (80, 12));
    terminal.wait_for("run 2");
    terminal.signal(Signal::TERM);
    assert_eq!(terminal.wait().code(), Some(143));
    assert!(terminal.is_as_it_was());
    assert!(terminal.shown().contains("\x1b[?1049l"), "{:?}", terminal.shown());
}

#[test]
fn a_journey_cut_by_q_is_cleaned_up() {
    let server = HttpServer::start(|request| {
        let delay = if request.path == "/slow" { Duration::from_secs(30) } else { Duration::ZERO };
        Response::json("{\"id\": 7}").delay(delay)
    });
    let suite = format!(
        "[suite]\nbudget = \"25s\"\n[vars]\nbase = {:?}\n\n[[journey]]\nname = \"order\"\nbudget = \"20s\"\n\n\
         [[journey.step]]\nname = \"place\"\npost = \"{{{{base}}}}/orders\"\ncapture.id = {{ json = \"$.id\" }}\n\n\
         [[journey.step]]\nname = \"wait\"\nget = \"{{{{base}}}}/slow\"\n\n\
         [[journey.cleanup]]\nname = \"remove\"\ndelete = \"{{{{base}}}}/orders/{{{{id}}}}\"\n",
        server.url("")
    );
    let folder = scratch::for_a_test();
    fs::write(folder.path().join("smoke.toml"), suite).expect("write the suite");
    let mut terminal = Terminal::smoke(&["watch"], folder.path(), (80, 12));
    let asked = |path: &str| server.requests().iter().any(|request| request.path == path);
    wait::until("the slow step", Duration::from_secs(15), || asked("/slow").then_some(()));
    terminal.type_in("q");
    assert_eq!(terminal.wait().code(), Some(130), "no run had a verdict");
    assert!(asked("/orders/7"), "{:?}", server.requests());
    assert!(terminal.is_as_it_was());
}
