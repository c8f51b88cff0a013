//! Unread output: the run continues, and no output is lost.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::http::{HttpServer, Response};
use crate::support::scratch;
use crate::support::smoke::{Running, Smoke};
use crate::support::terminal::{GO_ON, STOP, Terminal};
use crate::support::wait;

/// Their output is several times the capacity of a pipe.
const CHECKS: usize = 600;

const LIMIT: Duration = Duration::from_secs(40);

fn server() -> HttpServer {
    HttpServer::start(|request| match request.path.as_str() {
        "/never" => Response::new(200).delay(Duration::from_mins(2)),
        _ => Response::new(500).body("the answer of a server that is not well, and says so at some length\n"),
    })
}

/// A suite with many warnings, and a check at the end.
fn suite(server: &HttpServer, suite: &str, last: &str) -> String {
    let mut text = format!("[suite]\nname = \"s\"\nconcurrency = 20\n{suite}\n");
    for n in 0..CHECKS {
        let url = server.url(&format!("/{n}"));
        text += &format!("[[health]]\nname = \"warning {n}\"\nurl = \"{url}\"\nseverity = \"warn\"\n");
    }
    text + last
}

/// Waits for the report, which is written at the end of the run.
fn wait_for_report(running: &Running, of: &str) {
    let report = running.path("junit.xml");
    wait::until("the report", LIMIT, || fs::read_to_string(&report).ok().filter(|xml| xml.contains(of)));
}

#[test]
fn a_run_ends_with_unread_output_and_loses_none_of_it() {
    let server = server();
    let last = format!("[[health]]\nname = \"last\"\nurl = \"{}\"\nexpect.status = 500", server.url("/last"));
    let suite = suite(&server, "", &last);
    let running = Smoke::new().suite(&suite).args(["--events", "-"]).unread().spawn();

    wait_for_report(&running, "name=\"last\"");
    running.read();
    let ran = running.wait();

    ran.exits(0);
    assert_eq!(ran.junit().cases.len(), CHECKS + 1);
    assert!(ran.stderr.len() > 128 * 1024, "{}", ran.stderr.len());
    for n in 0..CHECKS {
        let line = format!("warning {n} ");
        assert!(ran.stderr.lines().any(|shown| shown.contains(&line)), "no `{line}`:\n{}", ran.stderr);
    }
    assert!(ran.stderr.trim_end().lines().next_back().unwrap().contains("PASSED"), "{}", ran.stderr);
    let events: Vec<serde_json::Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(events.iter().filter(|event| event["event"] == "check-finished").count(), CHECKS + 1);
    assert_eq!(events.last().unwrap()["event"], "run-finished");
}

#[test]
fn the_suites_budget_holds_with_unread_output() {
    let server = server();
    let last = format!("[[health]]\nname = \"last\"\nurl = \"{}\"\nbudget = \"5s\"", server.url("/never"));
    let running = Smoke::new().suite(&suite(&server, "budget = \"5s\"", &last)).unread().spawn();

    wait_for_report(&running, "name=\"last\"");
    running.read();
    let ran = running.wait();

    ran.exits(4);
}

#[test]
fn a_signal_ends_a_run_with_unread_output() {
    let server = server();
    let last = format!("[[health]]\nname = \"last\"\nurl = \"{}\"\nbudget = \"50s\"", server.url("/never"));
    let running = Smoke::new().suite(&suite(&server, "", &last)).unread().spawn();
    wait::until("the last check", LIMIT, || {
        server.requests().iter().any(|request| request.path == "/never").then_some(())
    });

    running.signal(Signal::TERM);
    let ran = running.wait();

    ran.exits(143);
    assert_eq!(ran.junit().cases.len(), CHECKS + 1);
}

#[test]
fn a_signal_ends_the_wait_for_a_reader() {
    let server = server();
    let running = Smoke::new().suite(&suite(&server, "", "")).unread().spawn();
    wait_for_report(&running, "warning 599");

    running.signal(Signal::INT);

    running.wait().exits(130);
}

#[test]
fn a_stopped_terminal_does_not_exceed_a_budget() {
    let server = server();
    let suite = format!(
        "[suite]\nname = \"s\"\nbudget = \"4s\"\n[[health]]\nname = \"last\"\nurl = \"{}\"\n",
        server.url("/never")
    );
    let folder = scratch::for_a_test();
    fs::write(folder.path().join("smoke.toml"), suite).expect("the suite");
    let arguments = ["run", "--junit", "junit.xml"];
    let mut terminal = Terminal::smoke(&arguments, folder.path(), (100, 24));
    terminal.wait_for("0/1");

    terminal.type_in(STOP);
    wait::until("the report", LIMIT, || {
        fs::read_to_string(folder.path().join("junit.xml")).ok().filter(|xml| xml.contains("\"last\""))
    });
    let shown = terminal.shown();
    terminal.type_in(GO_ON);

    assert_eq!(terminal.wait().code(), Some(4));
    terminal.wait_for("NO VERDICT");
    assert!(!shown.contains("NO VERDICT"), "the terminal was not stopped: {shown}");
}

#[test]
fn watch_continues_on_a_stopped_terminal_and_a_signal_ends_it() {
    let server = HttpServer::start(|_| Response::new(200));
    let folder = scratch::for_a_test();
    let suite = format!("[suite]\nname = \"s\"\n[[health]]\nname = \"up\"\nurl = \"{}\"\n", server.url("/"));
    fs::write(folder.path().join("smoke.toml"), suite).expect("the suite");
    let mut terminal = Terminal::smoke(&["watch", "-n", "20ms"], folder.path(), (80, 24));
    terminal.wait_for("up");

    terminal.type_in(STOP);
    // Output that is already in transit still appears, then nothing more.
    let seen = server.requests().len();
    wait::until("more rounds", LIMIT, || (server.requests().len() > seen + 40).then_some(()));
    terminal.signal(Signal::TERM);

    assert_eq!(terminal.wait().code(), Some(143));
}

/// Creates a named pipe.
fn pipe(folder: &Path) -> PathBuf {
    let path = folder.join("pipe");
    assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo").success());
    path
}

#[test]
fn a_report_is_written_to_a_named_pipe_once_it_has_a_reader() {
    let server = HttpServer::start(|_| Response::new(200));
    let suite = format!("[[health]]\nname = \"up\"\nurl = \"{}\"\n", server.url("/"));
    for (option, of_the_end) in
        [("--junit", "</testsuites>"), ("--json", "\"exit\""), ("--events", "run-finished")]
    {
        let folder = scratch::for_a_test();
        let path = pipe(folder.path());
        let running = Smoke::bare().arg("run").suite(&suite).arg(option).arg(&path).spawn();
        running.wait_for_stderr("PASSED");

        let report = fs::read_to_string(&path).expect("the report");

        running.wait().exits(0);
        assert!(report.contains(of_the_end), "{option}: {report}");
    }
}

#[test]
fn a_signal_ends_a_run_whose_named_pipe_has_no_reader() {
    let server = HttpServer::start(|_| Response::new(200));
    let suite = format!("[[health]]\nname = \"up\"\nurl = \"{}\"\n", server.url("/"));
    for option in ["--junit", "--json", "--events"] {
        let folder = scratch::for_a_test();
        let path = pipe(folder.path());
        let running = Smoke::bare().arg("run").suite(&suite).arg(option).arg(&path).spawn();
        running.wait_for_stderr("PASSED");

        running.signal(Signal::TERM);

        running.wait().exits(143);
    }
}

#[test]
fn a_stalled_named_pipe_does_not_exceed_a_budget() {
    let server = server();
    let folder = scratch::for_a_test();
    let path = pipe(folder.path());
    let last = format!("[[health]]\nname = \"last\"\nurl = \"{}\"\nbudget = \"5s\"", server.url("/never"));
    let suite = suite(&server, "budget = \"5s\"", &last);
    let running = Smoke::new().suite(&suite).arg("--events").arg(&path).spawn();
    let mut reader = fs::File::open(&path).expect("the pipe");

    wait_for_report(&running, "name=\"last\"");
    let mut events = String::new();
    reader.read_to_string(&mut events).expect("the events");

    running.wait().exits(4);
    assert!(events.len() > 128 * 1024 && events.contains("run-finished"), "{}", events.len());
}
