//! `smoke demo`: the example suite against the built-in shop.

use std::fs;
use std::process::Command;

use crate::support::junit::{self, Junit, Outcome};
use crate::support::smoke::{Ran, Smoke};

/// Runs the demo with its own temporary directory, which must be empty afterwards.
fn demo(arguments: &[&str]) -> Ran {
    let smoke = Smoke::bare().args(["demo", "--junit", "junit.xml"]).args(arguments.iter().copied());
    let temporary = smoke.path("tmp");
    fs::create_dir(&temporary).expect("create a folder");
    let ran = smoke.env("TMPDIR", &temporary).run();
    let left: Vec<_> = fs::read_dir(&temporary).expect("read the folder").collect();
    assert!(left.is_empty(), "{left:?}");
    let processes = Command::new("ps").args(["-eo", "args"]).output().expect("list the processes").stdout;
    let folder = temporary.to_string_lossy().into_owned();
    assert!(!String::from_utf8_lossy(&processes).contains(&folder), "the shop is still there");
    assert!(ran.pipes_closed);
    ran
}

fn report(ran: &Ran) -> Junit {
    junit::validate_xsd(&ran.path("junit.xml")).expect("a valid report");
    Junit::read(&ran.path("junit.xml"))
}

#[test]
fn the_demo_passes_and_leaves_nothing() {
    let ran = demo(&[]);
    ran.exits(0);
    assert!(ran.stderr.contains("PASSED shop: "), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    let report = report(&ran);
    assert_eq!(report.count(Outcome::Passed), report.tests);
    let kinds = ["boot", "health", "database", "contract", "journey", "metric", "canary"];
    for kind in kinds {
        let class = format!("shop.{kind}");
        assert!(report.cases.iter().any(|case| case.classname == class), "no {kind}\n{}", report.xml);
    }
}

/// Breaks the shop, and returns the first failed line and the two lines after it.
fn broken(part: &str, code: i32, outcome: Outcome) -> (String, String) {
    let ran = demo(&["--break", part]);
    ran.exits(code);
    let is_red = |line: &&str| ["FAIL", "ERROR"].iter().any(|word| line.trim_start().starts_with(word));
    let first = ran.stderr.lines().position(|line| is_red(&line)).expect("a red line");
    let lines: Vec<&str> = ran.stderr.lines().skip(first).take(3).collect();
    let report = report(&ran);
    assert!(report.count(outcome) > 0, "{}", report.xml);
    let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
    (lines.join("\n"), cause.to_owned())
}

#[test]
fn a_broken_database_is_the_root_cause() {
    let (lines, cause) = broken("db", 1, Outcome::Errored);
    assert!(lines.contains("no such table: order_counts"), "{lines}");
    assert!(cause.contains("orders are in the database"), "{cause}");
}

#[test]
fn a_broken_login_is_the_root_cause() {
    let (lines, cause) = broken("login", 1, Outcome::Failed);
    assert!(lines.contains("step 2 `log in`: expected the capture `token`"), "{lines}");
    assert!(cause.contains("log in and see the dashboard"), "{cause}");
}

#[test]
fn a_slow_shop_is_the_root_cause() {
    let (lines, cause) = broken("slow", 1, Outcome::Failed);
    assert!(lines.contains("within") || lines.contains("budget"), "{lines}");
    assert!(!cause.is_empty());
}

#[test]
fn a_crash_while_the_suite_runs_is_the_boots_failure() {
    let (_, cause) = broken("crash", 1, Outcome::Failed);
    assert!(cause.contains("`shop starts`") && cause.contains("exit code"), "{cause}");
}

#[test]
fn a_renamed_column_breaks_the_contract_at_its_line() {
    let (lines, cause) = broken("contract", 1, Outcome::Failed);
    assert!(lines.contains("expected orders.total to exist, got no such column"), "{lines}");
    assert!(lines.contains("smoke.example.odcs.yaml:25"), "{lines}");
    assert!(cause.contains("the published orders keep their contract"), "{cause}");
}

#[test]
fn an_old_version_fails_the_gate() {
    let (lines, cause) = broken("version", 5, Outcome::Failed);
    assert!(lines.contains("expected json $.version \"1.4.2\", got "), "{lines}");
    assert!(cause.contains("the new version is live"), "{cause}");
}

#[test]
fn a_revenue_that_leaves_orders_out_is_the_root_cause() {
    let (lines, cause) = broken("metric", 1, Outcome::Failed);
    assert!(lines.contains("expected `shop API` to have 125.25"), "{lines}");
    assert!(lines.contains("got 102.15: 23.1 less (18.44%), in 2 of 2 measurements"), "{lines}");
    assert!(cause.contains("the API and the database have the same revenue"), "{cause}");
}

#[test]
fn a_worker_that_is_stuck_is_the_root_cause() {
    let (lines, cause) = broken("canary", 1, Outcome::Failed);
    assert!(lines.contains("expected `published table` to have smoke-shop-"), "{lines}");
    assert!(lines.contains(" looks; the last: expected rows 1, got 0"), "{lines}");
    assert!(cause.contains("a heartbeat is published"), "{cause}");
}

#[test]
fn the_password_of_the_demo_is_in_no_output() {
    let ran = demo(&["--break", "login", "--keep-going"]);
    for text in [&ran.stderr, &ran.stdout, &report(&ran).xml] {
        assert!(!text.contains("correct horse battery"), "{text}");
    }
}
