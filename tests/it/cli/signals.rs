//! SIGINT and SIGTERM: the run ends at once, cleans up, and its report is complete.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::http::{HttpServer, Response};
use crate::support::junit::{Junit, Outcome};
use crate::support::smoke::{Ran, Smoke, program};
use crate::support::{thorough, wait};

const CHECKS: usize = 40;

fn server() -> HttpServer {
    HttpServer::start(|request| {
        let number: u64 = request.path.trim_start_matches('/').parse().unwrap_or(0);
        Response::new(200).delay(Duration::from_millis(100 + number % 7 * 40))
    })
}

fn suite(server: &HttpServer) -> String {
    let checks = (0..CHECKS)
        .map(|n| format!("[[health]]\nname = \"check {n}\"\nurl = \"{}\"\n", server.url(&format!("/{n}"))));
    format!("[suite]\nname = \"s\"\nconcurrency = 4\n{}", checks.collect::<String>())
}

/// Asserts that every check is reported once, and that each that did not pass names the signal.
fn is_whole(report: &Junit, signal: &str) {
    assert_eq!((report.cases.len(), report.tests), (CHECKS, CHECKS));
    assert_eq!(report.count(Outcome::Passed) + report.count(Outcome::Skipped), CHECKS);
    assert_eq!(report.skipped, report.count(Outcome::Skipped));
    for n in 0..CHECKS {
        let case = report.case(&format!("check {n}"));
        let message = case.message.as_deref().unwrap_or(signal);
        assert!(message.contains(signal), "{message}");
    }
}

fn at_random_moments(signal: Signal, name: &str, code: i32) {
    let server = server();
    let count = thorough::repeats(5, 50);
    for n in 0..count {
        let running = Smoke::new().suite(&suite(&server)).file("junit.xml", "<stale/>").spawn();
        // Once the old report is removed, the run always writes a new one.
        let report = running.path("junit.xml");
        wait::until("the end of the old report", Duration::from_secs(20), || {
            (!report.exists()).then_some(())
        });
        // This does not wait for anything. It varies the moment of the signal, starting at zero.
        let moment = 800 * (n * 7 % count) / count;
        thread::sleep(Duration::from_millis(moment.try_into().expect("a small number")));
        running.signal(signal);
        let ran: Ran = running.wait();
        ran.exits(code);
        is_whole(&ran.junit(), name);
        assert!(ran.stderr.contains(&format!("exit code {code}")), "{}", ran.stderr);
    }
    println!("{name} at random moments: a whole report and exit {code}, {count} of {count}");
}

#[test]
fn sigterm_at_any_moment_leaves_a_complete_report_and_exit_143() {
    at_random_moments(Signal::TERM, "SIGTERM", 143);
}

#[test]
fn sigint_at_any_moment_leaves_a_complete_report_and_exit_130() {
    at_random_moments(Signal::INT, "SIGINT", 130);
}

#[test]
fn sighup_ends_the_run_like_sigterm_and_is_named() {
    let server = server();
    let running = Smoke::new().args(["--json", "report.json"]).suite(&suite(&server)).spawn();
    running.wait_for_stderr("40 checks");
    running.signal(Signal::HUP);
    let ran = running.wait();
    ran.exits(143);
    is_whole(&ran.junit(), "SIGHUP");
    assert!(ran.stderr.contains("SIGHUP: cleaning up"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("exit code 143: ended by SIGTERM, SIGHUP or a like signal"),
        "{}",
        ran.stderr
    );
    let report = std::fs::read_to_string(ran.path("report.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["cancelled"]["signal"], "SIGHUP");
}

#[test]
fn a_signal_that_would_end_smoke_without_a_report_ends_the_run_like_sigterm() {
    let server = server();
    for (signal, name) in [
        (Signal::QUIT, "SIGQUIT"),
        (Signal::USR1, "SIGUSR1"),
        (Signal::USR2, "SIGUSR2"),
        (Signal::ALARM, "SIGALRM"),
        (Signal::XCPU, "SIGXCPU"),
    ] {
        let running = Smoke::new().suite(&suite(&server)).spawn();
        running.wait_for_stderr("40 checks");
        running.signal(signal);
        let ran = running.wait();
        ran.exits(143);
        is_whole(&ran.junit(), name);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_signal_that_smoke_was_started_to_ignore_is_ignored() {
    let server = server();
    let command = format!("trap '' HUP; exec {} run", program());
    let running = Smoke::imitated_by("sh").args(["-c", &command]).suite(&suite(&server)).spawn();
    running.wait_for_stderr("40 checks");
    running.signal(Signal::HUP);
    running.wait().exits(0);
}

/// A journey whose step hangs until it is cut, and whose cleanup takes a while.
fn cleaning(server: &HttpServer) -> String {
    format!(
        "[[journey]]\nname = \"cleaning\"\n[[journey.step]]\nname = \"a\"\nget = \"{}\"\n\
         [[journey.cleanup]]\nname = \"b\"\nget = \"{}\"\n",
        server.url("/slow"),
        server.url("/cleanup")
    )
}

/// Long enough for a second signal to arrive during it, and shorter than the suite's `grace`.
const CLEANUP: Duration = Duration::from_secs(2);

fn hung() -> HttpServer {
    HttpServer::start(|request| match request.path.as_str() {
        "/bad" => Response::new(500),
        "/cleanup" => Response::new(200).delay(CLEANUP),
        _ => Response::new(200).delay(Duration::from_secs(20)),
    })
}

fn wait_for_the_cleanup(server: &HttpServer) {
    let is_asked = || server.requests().iter().any(|request| request.path == "/cleanup").then_some(());
    wait::until("the cleanup", Duration::from_secs(20), is_asked);
}

#[test]
fn the_first_signal_counts_and_a_second_one_changes_nothing() {
    let server = hung();
    let running = Smoke::new().suite(&cleaning(&server)).spawn();
    wait::until("the step", Duration::from_secs(20), || (!server.requests().is_empty()).then_some(()));
    running.signal(Signal::INT);
    wait_for_the_cleanup(&server);
    running.signal(Signal::TERM);
    let ran = running.wait();
    ran.exits(130);
    let message = ran.junit().case("cleaning").message.clone().unwrap_or_default();
    assert!(message.contains("SIGINT"), "{message}");
    assert!(ran.took >= CLEANUP, "the cleanup had its time: {:?}", ran.took);
}

#[test]
fn a_signal_during_the_cleanup_of_a_failed_run_decides_the_exit_code() {
    let server = hung();
    let bad = format!(
        "[[health]]\nname = \"bad\"\nurl = \"{}\"\npoll = {{ every = \"50ms\" }}\nbudget = \"2s\"\n",
        server.url("/bad")
    );
    let running = Smoke::new().suite(&(cleaning(&server) + &bad)).spawn();
    wait_for_the_cleanup(&server);
    running.signal(Signal::TERM);
    let ran = running.wait();
    ran.exits(143);
    assert_eq!(ran.junit().case("bad").outcome, Outcome::Failed);
}

#[test]
fn a_signal_after_a_failure_decides_the_exit_code() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/bad" => Response::new(500),
        _ => Response::new(200).delay(Duration::from_secs(20)),
    });
    let suite = format!(
        "[suite]\nfail-fast = false\n[[health]]\nname = \"bad\"\nurl = \"{}\"\n\
         [[health]]\nname = \"slow\"\nbudget = \"20s\"\nurl = \"{}\"\n",
        server.url("/bad"),
        server.url("/slow")
    );
    let running = Smoke::new().suite(&suite).spawn();
    running.wait_for_stderr("FAIL");
    running.signal(Signal::TERM);
    let ran = running.wait();
    ran.exits(143);
    assert_eq!(ran.junit().case("bad").outcome, Outcome::Failed);
    assert_eq!(ran.junit().case("slow").outcome, Outcome::Skipped);
    assert!(ran.took < thorough::bound(Duration::from_secs(5)), "{:?}", ran.took);
}

#[test]
fn an_unwritable_report_does_not_change_the_exit_code_of_a_signal() {
    let server = server();
    let running = Smoke::bare().args(["run", "--junit", "/dev/full"]).suite(&suite(&server)).spawn();
    running.wait_for_stderr("40 checks");
    running.signal(Signal::TERM);
    let ran = running.wait();
    ran.exits(143);
    assert!(ran.stderr.contains("cannot write to `/dev/full`: no space left on device"), "{}", ran.stderr);
}
