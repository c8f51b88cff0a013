//! Exit codes: each of them, and which one wins.

use std::time::Duration;

use rustix::process::Signal;

use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::smoke::{Ran, Smoke, program};

fn server() -> HttpServer {
    HttpServer::start(|request| match request.path.as_str() {
        "/bad" => Response::new(500),
        "/slow" => Response::new(200).delay(Duration::from_secs(20)),
        _ => Response::new(200),
    })
}

fn check(name: &str, url: &str, keys: &str) -> String {
    format!("[[health]]\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n")
}

fn run(suite: &str) -> Ran {
    Smoke::new().suite(suite).run()
}

#[test]
fn help_lists_every_exit_code() {
    for arguments in [&["--help"][..], &["run", "--help"], &["demo", "--help"]] {
        let ran = Smoke::bare().args(arguments.iter().copied()).run();
        ran.exits(0);
        let (_, codes) = ran.stdout.split_once("Exit codes:\n").expect("the list");
        let listed: Vec<&str> = codes.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(listed, ["0", "1", "2", "3", "4", "5", "6", "7", "130", "143"], "{codes}");
    }
}

#[test]
fn it_is_0_when_every_check_passed() {
    let server = server();
    run(&check("up", &server.url("/"), "")).exits(0);
}

#[test]
fn it_is_0_when_only_a_warning_failed() {
    let server = server();
    let ran =
        run(&(check("up", &server.url("/"), "") + &check("odd", &server.url("/bad"), "severity = \"warn\"")));
    ran.exits(0);
    assert!(
        ran.stderr.contains("WARN") && ran.stderr.contains("expected status 2xx, got 500"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("PASSED smoke: 1 warned, 1 passed"), "{}", ran.stderr);
    let report = ran.junit();
    let case = report.case("odd");
    assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Skipped, Some("warning")));
}

#[test]
fn it_is_1_when_a_critical_check_failed_or_errored() {
    let server = server();
    run(&check("bad", &server.url("/bad"), "")).exits(1);
    run(&check("refused", "http://127.0.0.1:1/", "")).exits(1);
}

#[test]
fn it_is_1_when_a_critical_check_needs_a_warning_that_failed() {
    let server = server();
    let suite = check("odd", &server.url("/bad"), "severity = \"warn\"")
        + &check("after", &server.url("/"), "needs = [\"odd\"]");
    let ran = run(&suite);
    ran.exits(1);
    let report = ran.junit();
    let message = report.case("after").message.as_deref().unwrap_or_default();
    assert!(message.contains("needs `odd`, which did not pass"), "{message}");
    let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
    assert!(cause.contains("`odd`"), "{cause}");
    let line = ran.stderr.lines().find(|line| line.contains("WARN")).expect("its line");
    assert!(line.ends_with("warning only, does not fail the run"), "{line}");
    let why = "exit code 1: a critical check could not run, because of a warning";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
}

#[test]
fn it_is_2_for_an_invalid_command_line_or_suite() {
    for arguments in
        [&["rn"][..], &["run", "--bugdet", "5s"], &["run", "--var", "a"], &["run", "a", "b"], &[]]
    {
        Smoke::bare().args(arguments.iter().copied()).run().exits(2);
    }
    run("[suite]\nname = 5\n").exits(2);
}

#[test]
fn it_is_3_when_no_check_is_selected() {
    let server = server();
    let ran = Smoke::new().suite(&check("up", &server.url("/"), "")).args(["--tag", "none"]).run();
    ran.exits(3);
    assert!(ran.stderr.contains("no check was selected"), "{}", ran.stderr);
    let report = ran.junit();
    assert_eq!((report.tests, report.cases.len()), (0, 0));
    assert_eq!(server.connections(), 0);
    let suite = format!("[env.prod.vars]\na = \"b\"\n{}", check("up", &server.url("/"), "envs = [\"prod\"]"));
    run(&suite).exits(3);
    Smoke::new().suite(&suite).args(["--env", "prod"]).run().exits(0);
}

#[test]
fn it_is_3_when_every_check_is_skipped() {
    let suite = check("up", "http://127.0.0.1:1/", "skip = \"moved next week\"")
        + &check("after", "http://127.0.0.1:1/", "needs = [\"up\"]");
    let ran = run(&suite);
    ran.exits(3);
    assert!(ran.stderr.contains("moved next week"), "{}", ran.stderr);
    let report = ran.junit();
    assert_eq!(report.case("up").message.as_deref(), Some("moved next week"));
    assert_eq!(report.skipped, 2);
}

#[test]
fn it_is_3_when_no_check_ran_whatever_their_severity() {
    for (first, second) in [("critical", "warn"), ("warn", "critical"), ("warn", "warn")] {
        let suite = check("up", "http://127.0.0.1:1/", &format!("skip = \"moved\"\nseverity = \"{first}\""))
            + &check("after", "http://127.0.0.1:1/", &format!("needs = [\"up\"]\nseverity = \"{second}\""));
        let ran = run(&suite);
        ran.exits(3);
        assert!(ran.stderr.contains("NOTHING RAN smoke: 2 skipped"), "{}", ran.stderr);
    }
}

#[test]
fn it_is_0_when_the_budget_cut_only_a_warning_and_every_report_says_so() {
    let server = server();
    let suite = format!(
        "[suite]\nbudget = \"2s\"\n{}{}",
        check("up", &server.url("/"), ""),
        check("slow", &server.url("/slow"), "severity = \"warn\"")
    );
    let ran = Smoke::new().args(["--json", "run.json"]).suite(&suite).run();
    ran.exits(0);
    let report = ran.junit();
    assert_eq!((report.errors, report.failures, report.skipped), (0, 0, 1));
    assert_eq!(report.case("slow").kind.as_deref(), Some("warning"));
    let message = report.case("slow").message.as_deref().unwrap_or_default();
    assert!(message.contains("within 2s (suite budget)"), "{message}");
    let document: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(ran.path("run.json")).expect("a report"))
            .expect("JSON");
    assert_eq!(document["checks"][1]["outcome"], "warned");
    assert_eq!(document["counts"]["undecided"], 0);
    assert_eq!(document["root_causes"], serde_json::json!([]));

    // The check behind it did not run because of the budget, so there is no verdict.
    let waits = check("after", &server.url("/"), "needs = [\"slow\"]");
    let ran = run(&(suite + &waits));
    ran.exits(4);
    let message = ran.junit().case("after").message.clone().unwrap_or_default();
    assert_eq!(message, "not started: the suite's budget of 2s had ended");
}

#[test]
fn it_is_4_when_the_budget_ended_first_and_nothing_had_failed() {
    let server = server();
    let suite = format!("[suite]\nbudget = \"2s\"\n{}", check("slow", &server.url("/slow"), ""));
    let ran = run(&(suite.clone() + &check("up", &server.url("/"), "")));
    ran.exits(4);
    assert_eq!(ran.junit().case("slow").kind.as_deref(), Some("budget"));
    assert!(ran.stderr.contains("NO VERDICT"), "{}", ran.stderr);
    let failed =
        suite.replace("[suite]", "[suite]\nfail-fast = false") + &check("bad", &server.url("/bad"), "");
    run(&failed).exits(1);
}

#[test]
fn it_is_5_when_a_gate_did_not_pass() {
    let server = server();
    let suite = check("live", &server.url("/bad"), "gate = true") + &check("up", &server.url("/"), "");
    let ran = run(&suite);
    ran.exits(5);
    assert!(ran.stderr.contains("because of it 1 check did not run: `up`"), "{}", ran.stderr);
    run("[[boot]]\nname = \"shop\"\ncommand = [\"false\"]\nready = { log = \"x\" }\n").exits(5);
    let budget = format!("[suite]\nbudget = \"1s\"\n{}", check("live", &server.url("/slow"), "gate = true"));
    run(&budget).exits(5);
}

#[test]
fn it_is_6_when_the_report_cannot_be_written_and_the_verdict_is_still_shown() {
    let server = server();
    for (path, word) in [("/", "PASSED"), ("/bad", "FAILED")] {
        let ran = Smoke::bare()
            .args(["run", "--junit", "/dev/full"])
            .suite(&check("up", &server.url(path), ""))
            .run();
        ran.exits(6);
        assert!(ran.stderr.contains(word), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("error: cannot write to `/dev/full`: no space left on device"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn it_is_6_before_anything_is_sent_when_the_report_folder_cannot_be_made() {
    let server = server();
    for path in ["smoke.toml/junit.xml", ".", "/proc/junit.xml"] {
        let ran =
            Smoke::bare().args(["run", "--junit", path]).suite(&check("up", &server.url("/"), "")).run();
        ran.exits(6);
        assert!(ran.stderr.contains(&format!("cannot write to `{path}`")), "{}", ran.stderr);
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn it_is_6_when_standard_output_is_full() {
    let server = server();
    let ran = Smoke::imitated_by("sh")
        .suite(&check("up", &server.url("/"), ""))
        .env("SMOKE", program())
        .args(["-c", "exec \"$SMOKE\" run --junit - > /dev/full"])
        .run();
    ran.exits(6);
    assert!(ran.stderr.contains("PASSED") && ran.stderr.contains("no space left"), "{}", ran.stderr);
}

#[test]
fn it_is_130_or_143_after_a_signal() {
    let server = server();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let running = Smoke::new().suite(&check("slow", &server.url("/slow"), "budget = \"30s\"")).spawn();
        running.wait_for_stderr("1 check");
        running.signal(signal);
        running.wait().exits(code);
    }
}

#[test]
fn checks_that_were_cut_are_not_counted_as_not_run() {
    let server = server();
    let cut = "[suite]\nconcurrency = 2\n\n".to_owned()
        + &check("hung", &server.url("/slow"), "")
        + &check("bad", &server.url("/bad"), "");
    let ran = run(&cut);
    ran.exits(1);
    assert!(ran.stderr.contains("because of it 1 check was cut: `hung`\n"), "{}", ran.stderr);
    let ran = run(&(cut + &check("late", &server.url("/"), "") + &check("later", &server.url("/"), "")));
    ran.exits(1);
    let told = "because of it 2 checks did not run and 1 was cut: `hung`, `late`, `later`\n";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
}
