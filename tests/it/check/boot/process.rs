//! The environment of a process, and how its exit is reported.

use std::fs;
use std::time::Duration;

use super::boot;
use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::smoke::Smoke;
use crate::support::thorough;

#[test]
fn an_exit_before_readiness_is_reported_with_code_and_last_output() {
    let script = "for i in $(seq 30); do echo line $i; done; echo out of memory >&2; exit 7";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"never said\" }")).run();
    ran.exits(5);
    let report = ran.junit();
    let case = report.case("shop");
    assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Failed, Some("exit")));
    for text in [&ran.stderr, &case.text] {
        assert!(text.contains("exit code 7") && text.contains("out of memory"), "{text}");
        assert!(text.contains("line 30"), "{text}");
    }
    assert!(!ran.stderr.contains("line 6\n") && case.text.contains("line 6\n"), "{}", ran.stderr);
}

#[test]
fn the_end_of_a_long_line_is_shown() {
    let script = "head -c 9000 /dev/zero | tr '\\0' x; echo; echo the reason; exit 1";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"never said\" }")).run();
    ran.exits(5);
    assert!(ran.stderr.contains("the reason"), "{}", ran.stderr);
}

#[test]
fn a_missing_program_is_named() {
    let suite = "[[boot]]\nname = \"shop\"\ncommand = [\"./no-such-shop\"]\n";
    let ran = Smoke::new().suite(suite).run();
    ran.exits(5);
    assert_eq!(ran.junit().case("shop").kind.as_deref(), Some("local"));
    assert!(ran.stderr.contains("starting `./no-such-shop`: no such file"), "{}", ran.stderr);
}

#[test]
fn a_file_that_is_not_executable_is_reported() {
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
fn a_crash_while_the_suite_runs_is_the_root_cause() {
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
    assert!(ran.took < thorough::bound(Duration::from_secs(5)), "{:?}", ran.took);
}

#[test]
fn the_error_line_is_the_cause_and_omitted_lines_are_counted() {
    let trace = "echo started; echo 'error: password authentication failed for user \"shop\"'; \
                 for n in $(seq 40); do echo \"    at frame $n (shop.js:$n)\"; done; \
                 echo \"  severity: 'FATAL',\"; echo '}'; echo; echo 'Node.js v20.20.2'; exit 1";
    let ran = Smoke::new().suite(&boot("shop", trace, "ready = { log = \"listening\" }")).run();
    ran.exits(5);
    let said = "exit code 1; it said: error: password authentication failed for user \"shop\"";
    let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
    assert!(cause.ends_with(said), "{cause}");
    assert!(
        ran.stderr.contains("… 26 lines left out\n") && !ran.stderr.contains("frame 29 "),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("frame 30 ") && ran.stderr.contains("v20.20.2"), "{}", ran.stderr);
    let report = ran.junit();
    let text = &report.case("shop").text;
    assert!(text.contains("started\n") && text.contains("frame 1 ") && !text.contains("left out"), "{text}");
}

#[test]
fn reports_have_both_ends_of_a_long_output_and_say_how_much_was_cut() {
    let script = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); echo line $i; done; exit 1";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"never\" }")).run();
    ran.exits(5);
    let report = ran.junit();
    let text = &report.case("shop").text;
    assert!(text.contains("line 50\n… 19800 lines left out\nline 19851\n"), "{text}");
    assert!(text.contains("line 20000\n"), "{text}");
    assert!(ran.stderr.contains("… 19980 lines left out\n"), "{}", ran.stderr);
}

#[test]
fn a_process_killed_by_a_signal_is_not_quoted_as_the_cause() {
    let script = "echo error: a warning from long ago; kill -KILL $$";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"never\" }")).run();
    ran.exits(5);
    let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
    assert!(cause.ends_with("the process ended: killed by SIGKILL: out of memory?"), "{cause}");
    assert!(ran.stderr.contains("a warning from long ago"), "{}", ran.stderr);
}
