//! `[[boot]]`: it starts, stays, and is gone afterwards with everything it started.

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use rustix::process::Signal;

use crate::support::guard::is_running;
use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::smoke::{Ran, Running, Smoke, program};
use crate::support::{thorough, wait};

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("bind a free port").local_addr().expect("know the port").port()
}

/// A `[[boot]]` that runs this script.
fn boot(name: &str, script: &str, keys: &str) -> String {
    format!("[[boot]]\nname = \"{name}\"\ncommand = [\"sh\", \"-c\", '''{script}''']\n{keys}\n")
}

/// A `[[boot]]` of the demo's shop, which opens late.
fn shop(port: u16, ready: &str) -> String {
    let smoke = program();
    format!(
        "[[boot]]\nname = \"shop\"\n\
         command = [\"sh\", \"-c\", \"sleep 0.3; exec {smoke} demo --serve {port} --database shop.db\"]\n\
         env = {{ SHOP_PASSWORD = \"correct horse\" }}\nready = {ready}\n\n\
         [[health]]\nname = \"up\"\nurl = \"http://127.0.0.1:{port}/health\"\n"
    )
}

#[test]
fn it_is_ready_when_its_url_answers_as_expected() {
    let port = free_port();
    let ready = format!("{{ url = \"http://127.0.0.1:{port}/health\", expect.json.\"$.status\" = \"ok\" }}");
    let ran = Smoke::new().suite(&shop(port, &ready)).run();
    ran.exits(0);
    assert!(ran.stderr.contains("READY"), "{}", ran.stderr);
    assert_eq!(ran.junit().count(Outcome::Passed), 2);
}

#[test]
fn it_is_ready_when_its_port_accepts() {
    let port = free_port();
    Smoke::new().suite(&shop(port, &format!("{{ port = {port} }}"))).run().exits(0);
}

#[test]
fn it_is_ready_when_its_log_says_so() {
    let port = free_port();
    Smoke::new().suite(&shop(port, "{ log = \"listening on\" }")).run().exits(0);
}

#[test]
fn an_answer_that_is_not_as_expected_is_not_ready() {
    let port = free_port();
    let ready = format!("{{ url = \"http://127.0.0.1:{port}/health\", expect.json.\"$.status\" = \"no\" }}");
    let ran = Smoke::new().suite(&shop(port, &ready).replacen("ready", "budget = \"1s\"\nready", 1)).run();
    ran.exits(5);
    assert!(ran.stderr.contains("its `ready` URL never gave the expected answer"), "{}", ran.stderr);
}

#[test]
fn an_exit_before_it_is_ready_is_told_with_code_and_last_output() {
    let script = "for i in $(seq 30); do echo line $i; done; echo out of memory >&2; exit 7";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"never said\" }")).run();
    ran.exits(5);
    let report = ran.junit();
    let case = report.case("shop");
    assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Failed, Some("exit")));
    for text in [&ran.stderr, &case.text] {
        assert!(text.contains("exit code 7") && text.contains("out of memory"), "{text}");
        assert!(text.contains("line 30") && !text.contains("line 3\n"), "{text}");
    }
}

#[test]
fn the_end_of_a_long_line_is_what_is_shown() {
    let script = "head -c 9000 /dev/zero | tr '\\0' x; echo; echo the reason; exit 1";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"never said\" }")).run();
    ran.exits(5);
    assert!(ran.stderr.contains("the reason"), "{}", ran.stderr);
}

#[test]
fn one_that_never_becomes_ready_fails_with_its_budget_and_says_what_it_printed() {
    let keys = "budget = \"400ms\"\nready = { log = \"listening\" }";
    let ran = Smoke::new().suite(&boot("shop", "echo still migrating; exec sleep 1000", keys)).run();
    ran.exits(5);
    assert_eq!(ran.junit().case("shop").kind.as_deref(), Some("timeout"));
    for text in ["within 400ms (check budget)", "never contained the `ready` text", "still migrating"] {
        assert!(ran.stderr.contains(text), "{text}\n{}", ran.stderr);
    }
    assert!(ran.took < Duration::from_secs(3), "{:?}", ran.took);
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let suite = "[[boot]]\nname = \"shop\"\ncommand = [\"./no-such-shop\"]\n";
    let ran = Smoke::new().suite(suite).run();
    ran.exits(5);
    assert_eq!(ran.junit().case("shop").kind.as_deref(), Some("local"));
    assert!(ran.stderr.contains("starting `./no-such-shop`: no such file"), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_not_executable_is_said_to_be_that() {
    let suite = "[[boot]]\nname = \"shop\"\ncommand = [\"./shop\"]\n";
    let ran = Smoke::new().suite(suite).file("shop", "#!/bin/sh\n").run();
    ran.exits(5);
    assert!(ran.stderr.contains("permission denied") && ran.stderr.contains("executable"), "{}", ran.stderr);
}

#[test]
fn it_gets_its_environment_and_its_folder() {
    let script = "[ \"$GREETING\" = 'hello 5' ] && [ -n \"$PATH\" ] && cat here && exec sleep 1000";
    let keys = "cwd = \"inner\"\nenv = { GREETING = \"hello {{n}}\" }\nready = { log = \"found\" }";
    let smoke = Smoke::new().suite(&format!("[vars]\nn = 5\n{}", boot("shop", script, keys)));
    fs::create_dir(smoke.path("inner")).expect("create a folder");
    smoke.file("inner/here", "found\n").run().exits(0);
}

#[test]
fn a_death_while_the_suite_runs_is_the_root_cause() {
    let server = HttpServer::start(|_| Response::new(200).delay(Duration::from_secs(20)));
    let suite = format!(
        "{}\n[[health]]\nname = \"slow\"\nbudget = \"20s\"\nurl = \"{}\"\n",
        boot("shop", "echo ready; sleep 0.3; echo last words; exit 3", "ready = { log = \"ready\" }"),
        server.url("/")
    );
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
    assert!(cause.contains("`shop`") && cause.contains("exit code 3"), "{cause}");
    let report = ran.junit();
    assert_eq!(report.case("shop").outcome, Outcome::Failed);
    assert!(report.case("shop").text.contains("last words"), "{}", report.xml);
    assert_eq!(report.case("slow").outcome, Outcome::Skipped);
    assert!(ran.took < Duration::from_secs(5), "{:?}", ran.took);
}

/// Ignores SIGTERM, forks twice into sessions of their own, and all of them keep the pipes. Their numbers are in `pids`.
const STUBBORN: &str = "trap '' TERM INT HUP; \
     ( trap '' TERM; setsid sh -c 'echo $$ >> pids; setsid sh -c \"echo \\$\\$ >> pids; sleep 1000\" & sleep 1000' & ); \
     echo $$ >> pids; \
     until [ $(wc -l < pids) -ge 3 ]; do sleep 0.01; done; echo ready; while :; do sleep 1000; done";

/// Waits until everything that the script started is gone, for a second at most.
fn all_gone(ran: &Ran, file: &str) {
    let text = fs::read_to_string(ran.path(file)).expect("read the numbers");
    let processes: Vec<u32> = text.lines().map(|line| line.trim().parse().expect("a number")).collect();
    assert!(processes.len() >= 3, "{processes:?}");
    wait::until("the end of all that was booted", Duration::from_secs(1), || {
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
    repeat(|| all_gone(stubborn("", &health(&server, "/")).run().exits(0), "pids"));
}

#[test]
fn nothing_is_left_of_a_boot_when_a_check_fails() {
    let server = slow();
    repeat(|| all_gone(stubborn("fail-fast = false", &health(&server, "/bad")).run().exits(1), "pids"));
}

#[test]
fn nothing_is_left_of_a_boot_when_a_failure_ends_the_run() {
    let server = slow();
    let rest = health(&server, "/bad") + &health(&server, "/slow");
    repeat(|| all_gone(stubborn("", &rest).run().exits(1), "pids"));
}

#[test]
fn nothing_is_left_of_a_boot_when_the_budget_ends() {
    let server = slow();
    let rest = health(&server, "/slow").replace("20s", "1s");
    repeat(|| all_gone(stubborn("budget = \"1s\"", &rest).run().exits(4), "pids"));
}

fn signalled(signal: Signal, code: i32) {
    let server = slow();
    repeat(|| {
        let running: Running = stubborn("", &health(&server, "/slow")).spawn();
        running.wait_for_stderr("READY");
        running.signal(signal);
        all_gone(running.wait().exits(code), "pids");
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
    let keys = "budget = \"700ms\"\nready = { log = \"never\" }\nstop = { grace = \"100ms\" }";
    repeat(|| all_gone(Smoke::new().suite(&boot("stubborn", STUBBORN, keys)).run().exits(5), "pids"));
}

#[test]
fn nothing_is_left_of_a_boot_that_died_while_the_suite_ran() {
    let server = slow();
    let script = STUBBORN.replace("while :; do sleep 1000; done", "sleep 0.2; exit 1");
    let keys = "ready = { log = \"ready\" }\nstop = { grace = \"100ms\" }";
    let suite = boot("dying", &script, keys) + &health(&server, "/slow");
    repeat(|| all_gone(Smoke::new().suite(&suite).run().exits(1), "pids"));
}

#[test]
fn one_boot_that_ends_takes_nothing_of_another_with_it() {
    // The second one fails twice before it is ready, and what it left is ended each time. The first one must still be
    // whole at the end: that is what the third asks.
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
    all_gone(&ran, "pids");
}

#[test]
fn the_stop_signal_is_the_one_that_was_chosen_and_its_grace_is_given() {
    let script = "trap 'sleep 0.3; echo INT > how; exit 0' INT; trap 'echo TERM > how; exit 0' TERM; \
                  echo ready; while :; do sleep 0.01; done";
    let keys = "ready = { log = \"ready\" }\nstop = { signal = \"INT\", grace = \"5s\" }";
    let ran = Smoke::new().suite(&format!("[suite]\ngrace = \"6s\"\n{}", boot("polite", script, keys))).run();
    ran.exits(0);
    assert_eq!(fs::read_to_string(ran.path("how")).expect("it said how it was stopped"), "INT\n");
    assert!(ran.took < Duration::from_secs(4), "{:?}", ran.took);
}

#[test]
fn the_grace_of_a_stop_is_not_overrun() {
    let keys = "ready = { log = \"ready\" }\nstop = { grace = \"200ms\" }";
    let ran = Smoke::new().suite(&boot("deaf", "trap '' TERM; echo ready; sleep 1000", keys)).run();
    ran.exits(0);
    assert!(ran.took < Duration::from_secs(2), "{:?}", ran.took);
}
