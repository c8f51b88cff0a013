//! A boot is stopped as configured and leaves nothing behind, however the run ends.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::boot;
use crate::support::guard::is_running;
use crate::support::http::{HttpServer, Response};
use crate::support::smoke::{Ran, Running, Smoke, program};
use crate::support::{thorough, wait};

#[test]
fn children_that_smoke_inherited_are_left_alone() {
    let command = format!("sleep 60 >/dev/null 2>&1 & echo $! > before; exec {} run", program());
    let boot = boot("shop", "echo ready; exec sleep 1000", "ready = { log = \"ready\" }");
    let ran = Smoke::imitated_by("bash").args(["-c", &command]).suite(&boot).run();
    ran.exits(0);
    let before =
        fs::read_to_string(ran.path("before")).expect("its number").trim().parse().expect("a number");
    assert!(is_running(before));
    let _ = kill_process(Pid::from_raw(before.cast_signed()).expect("a process"), Signal::KILL);
}

#[test]
fn a_process_that_cleared_its_environment_is_stopped_too() {
    let script = "env -i setsid sh -c 'echo $$ > pids; exec sleep 1000' & \
                  until [ -s pids ]; do sleep 0.01; done; echo ready; exec sleep 1000";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"ready\" }")).run();
    ran.exits(0);
    all_gone(&ran, "pids", 1);
}

/// Ignores SIGTERM and forks twice into new sessions, and all processes keep the pipes open. Their PIDs are in `pids`.
const STUBBORN: &str = "trap '' TERM INT HUP; \
     ( trap '' TERM; setsid sh -c 'echo $$ >> pids; setsid sh -c \"echo \\$\\$ >> pids; sleep 1000\" & sleep 1000' & ); \
     echo $$ >> pids; \
     until [ $(wc -l < pids) -ge 3 ]; do sleep 0.01; done; echo ready; while :; do sleep 1000; done";

/// Waits until everything that the script started is gone, for at most a second on a quiet machine.
fn all_gone(ran: &Ran, file: &str, at_least: usize) {
    let text = fs::read_to_string(ran.path(file)).expect("read the numbers");
    let processes: Vec<u32> = text.lines().map(|line| line.trim().parse().expect("a number")).collect();
    assert!(processes.len() >= at_least, "{processes:?}");
    wait::until("the end of all that was booted", thorough::bound(Duration::from_secs(1)), || {
        processes.iter().all(|process| !is_running(*process)).then_some(())
    });
    assert!(ran.pipes_closed);
}

fn stubborn(suite_keys: &str, rest: &str) -> Smoke {
    let keys = "ready = { log = \"ready\" }\nstop = { grace = \"100ms\" }";
    Smoke::new().suite(&format!("[suite]\n{suite_keys}\n{}\n{rest}", boot("stubborn", STUBBORN, keys)))
}

fn slow() -> HttpServer {
    HttpServer::start(|request| match request.path.as_str() {
        "/bad" => Response::new(500),
        "/slow" => Response::new(200).delay(Duration::from_secs(30)),
        _ => Response::new(200),
    })
}

fn health(server: &HttpServer, path: &str) -> String {
    format!("[[health]]\nname = \"{path}\"\nbudget = \"20s\"\nurl = \"{}\"\n", server.url(path))
}

fn repeat(each: impl Fn()) {
    let count = thorough::repeats(2, 20);
    (0..count).for_each(|_| each());
    println!("nothing left 1 s after the exit, {count} of {count}");
}

#[test]
fn nothing_is_left_of_a_boot_when_the_run_passes() {
    let server = slow();
    repeat(|| all_gone(stubborn("", &health(&server, "/")).run().exits(0), "pids", 3));
}

#[test]
fn nothing_is_left_of_a_boot_when_a_check_fails() {
    let server = slow();
    repeat(|| all_gone(stubborn("fail-fast = false", &health(&server, "/bad")).run().exits(1), "pids", 3));
}

#[test]
fn nothing_is_left_of_a_boot_when_a_failure_ends_the_run() {
    let server = slow();
    let rest = health(&server, "/bad") + &health(&server, "/slow");
    repeat(|| all_gone(stubborn("", &rest).run().exits(1), "pids", 3));
}

#[test]
fn nothing_is_left_of_a_boot_when_the_budget_ends() {
    let server = slow();
    let rest = health(&server, "/slow").replace("20s", "4s");
    repeat(|| all_gone(stubborn("budget = \"4s\"", &rest).run().exits(4), "pids", 3));
}

fn signalled(signal: Signal, code: i32) {
    let server = slow();
    repeat(|| {
        let running: Running = stubborn("", &health(&server, "/slow")).spawn();
        running.wait_for_stderr("READY");
        running.signal(signal);
        all_gone(running.wait().exits(code), "pids", 3);
    });
}

#[test]
fn nothing_is_left_of_a_boot_after_sigint() {
    signalled(Signal::INT, 130);
}

#[test]
fn nothing_is_left_of_a_boot_after_sigterm() {
    signalled(Signal::TERM, 143);
}

#[test]
fn nothing_is_left_of_a_boot_that_was_cut_before_it_was_ready() {
    let keys = "budget = \"3s\"\nready = { log = \"never\" }\nstop = { grace = \"100ms\" }";
    repeat(|| all_gone(Smoke::new().suite(&boot("stubborn", STUBBORN, keys)).run().exits(5), "pids", 3));
}

#[test]
fn nothing_is_left_of_a_boot_that_died_while_the_suite_ran() {
    let server = slow();
    let script = STUBBORN.replace("while :; do sleep 1000; done", "sleep 0.2; exit 1");
    let keys = "ready = { log = \"ready\" }\nstop = { grace = \"100ms\" }";
    let suite = boot("dying", &script, keys) + &health(&server, "/slow");
    repeat(|| all_gone(Smoke::new().suite(&suite).run().exits(1), "pids", 3));
}

#[test]
fn stopping_one_boot_leaves_another_alone() {
    // The second boot fails twice before it is ready, and its leftovers are stopped each time. The first one must still
    // be complete at the end, which the third one checks.
    let first = boot("first", STUBBORN, "ready = { log = \"ready\" }\nstop = { grace = \"100ms\" }");
    let second = boot(
        "second",
        "echo x >> tries; [ $(wc -l < tries) -ge 3 ] && echo second ready && exec sleep 1000; exit 1",
        "needs = [\"first\"]\nready = { log = \"second ready\" }\nretry = { attempts = 3, delay = \"10ms\" }",
    );
    let third = boot(
        "third",
        "for pid in $(cat pids); do kill -0 $pid || exit 9; done; echo whole; exec sleep 1000",
        "needs = [\"second\"]\nready = { log = \"whole\" }",
    );
    let ran = Smoke::new().suite(&(first + &second + &third)).run();
    ran.exits(0);
    all_gone(&ran, "pids", 3);
}

#[test]
fn the_configured_stop_signal_is_sent_and_its_grace_respected() {
    let script = "trap 'sleep 0.3; echo INT > how; exit 0' INT; trap 'echo TERM > how; exit 0' TERM; \
                  echo ready; while :; do sleep 0.01; done";
    let keys = "ready = { log = \"ready\" }\nstop = { signal = \"INT\", grace = \"40s\" }";
    let ran =
        Smoke::new().suite(&format!("[suite]\ngrace = \"45s\"\n{}", boot("polite", script, keys))).run();
    ran.exits(0);
    assert_eq!(fs::read_to_string(ran.path("how")).expect("it said how it was stopped"), "INT\n");
    assert!(ran.took < Duration::from_secs(30), "{:?}", ran.took);
}

#[test]
fn the_stop_grace_is_not_exceeded() {
    let keys = "ready = { log = \"ready\" }\nstop = { grace = \"200ms\" }";
    let ran = Smoke::new().suite(&boot("deaf", "trap '' TERM; echo ready; sleep 1000", keys)).run();
    ran.exits(0);
    assert!(ran.took < thorough::bound(Duration::from_secs(2)), "{:?}", ran.took);
}
