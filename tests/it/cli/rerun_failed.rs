//! `--rerun-failed`: runs what did not pass last time and its dependencies, and nothing else.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::{Ran, Smoke};

/// A server whose `/a` and `/b` fail until it is repaired.
struct Shop {
    server: HttpServer,
    is_mended: Arc<AtomicBool>,
}

impl Shop {
    fn new() -> Shop {
        let is_mended = Arc::new(AtomicBool::new(false));
        let mended = Arc::clone(&is_mended);
        let server = HttpServer::start(move |request| match request.path.as_str() {
            "/a" | "/b" if !mended.load(Ordering::SeqCst) => Response::new(500),
            "/slow" => Response::new(200).delay(Duration::from_secs(20)),
            _ => Response::new(200),
        });
        Shop { server, is_mended }
    }

    fn mend(&self) {
        self.is_mended.store(true, Ordering::SeqCst);
    }

    fn check(&self, name: &str, keys: &str) -> String {
        format!("[[health]]\nname = \"{name}\"\nurl = \"{}\"\n{keys}\n", self.server.url(&format!("/{name}")))
    }

    /// `a` and `b` fail, `b` needs `base`, and `warned` fails as a warning.
    fn suite(&self) -> String {
        "[suite]\nfail-fast = false\n[env.prod.vars]\nx = \"y\"\n".to_owned()
            + &self.check("base", "")
            + &self.check("a", "")
            + &self.check("b", "needs = [\"base\"]")
            + &self.check("after", "needs = [\"a\"]")
            + &self.check("fine", "")
            + &self.check("left-out", "skip = \"not today\"")
    }
}

/// Returns the checks that ran, according to the report.
fn selected(ran: &Ran) -> BTreeSet<String> {
    let cases = ran.junit().cases.into_iter();
    cases.map(|case| case.name).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn rerun(ran: Ran) -> Smoke {
    ran.again().args(["--rerun-failed", "--junit", "junit.xml"])
}

#[test]
fn only_unpassed_checks_run_again_with_their_dependencies() {
    let shop = Shop::new();
    let ran = Smoke::new().suite(&shop.suite()).run();
    ran.exits(1);
    let ran = rerun(ran).run();
    ran.exits(1);
    assert_eq!(selected(&ran), names(&["base", "a", "b", "after"]));
    shop.mend();
    let ran = rerun(ran).run();
    ran.exits(0);
    assert_eq!(selected(&ran), names(&["base", "a", "b", "after"]));

    let ran = rerun(ran).run();
    ran.exits(3);
    assert!(ran.stderr.contains("nothing failed in the last run of this suite"), "{}", ran.stderr);
    assert_eq!(selected(&ran), names(&[]));
    // The record is kept, because nothing was retried.
    rerun(ran).run().exits(3);
}

#[test]
fn a_check_that_was_not_rerun_keeps_its_result() {
    let shop = Shop::new();
    let ran = Smoke::new().suite(&shop.suite()).run();
    ran.exits(1);
    shop.mend();
    let ran = ran.again().args(["--only", "a"]).run();
    ran.exits(0);
    let ran = rerun(ran).args(["--skip", "after"]).run();
    ran.exits(0);
    assert_eq!(selected(&ran), names(&["base", "b"]));
    let ran = rerun(ran).run();
    ran.exits(0);
    assert_eq!(selected(&ran), names(&["a", "after"]));
}

#[test]
fn checks_cut_by_fail_fast_budget_or_signal_run_again() {
    let shop = Shop::new();
    let suite = shop.check("first", "")
        + &shop.check("a", "needs = [\"first\"]")
        + &shop.check("slow", "budget = \"30s\"")
        + &shop.check("waiting", "needs = [\"slow\"]");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    let ran = rerun(ran).run();
    assert_eq!(selected(&ran), names(&["first", "a", "slow", "waiting"]));

    let suite = "[suite]\nbudget = \"2s\"\n".to_owned()
        + &shop.check("fine", "")
        + &shop.check("slow", "budget = \"2s\"")
        + &shop.check("waiting", "needs = [\"slow\"]");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(4);
    assert_eq!(selected(&rerun(ran).run()), names(&["slow", "waiting"]));

    let suite = shop.check("fine", "") + &shop.check("slow", "budget = \"30s\"");
    let running = Smoke::new().suite(&suite).spawn();
    running.wait_for_stderr("PASS");
    running.signal(Signal::TERM);
    let ran = running.wait();
    ran.exits(143);
    let running = rerun(ran).spawn();
    running.wait_for_stderr("1 check");
    running.signal(Signal::TERM);
    assert_eq!(selected(&running.wait()), names(&["slow"]));
}

#[test]
fn a_warning_runs_again() {
    let shop = Shop::new();
    let suite = shop.check("a", "severity = \"warn\"") + &shop.check("fine", "");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(0);
    assert_eq!(selected(&rerun(ran).run()), names(&["a"]));
}

#[test]
fn without_an_earlier_run_everything_runs_and_a_note_says_so() {
    let shop = Shop::new();
    shop.mend();
    let ran = Smoke::new().suite(&shop.suite()).arg("--rerun-failed").run();
    ran.exits(0);
    assert!(
        ran.stderr.contains("no earlier run of this suite is known: running everything"),
        "{}",
        ran.stderr
    );
    assert_eq!(selected(&ran).len(), 6);
    // Another environment has its own record.
    let ran = rerun(ran).args(["--env", "prod"]).run();
    ran.exits(0);
    assert_eq!(selected(&ran).len(), 6);
}

#[test]
fn a_killed_run_leaves_no_record() {
    let shop = Shop::new();
    let suite = shop.check("fine", "") + &shop.check("slow", "budget = \"30s\"");
    let ran = Smoke::new().suite(&shop.check("fine", "")).run();
    ran.exits(0);
    let running = ran.again().suite(&suite).spawn();
    running.wait_for_stderr("PASS");
    running.signal(Signal::KILL);
    let ran = running.wait();
    let running = rerun(ran).spawn();
    running.wait_for_stderr("2 checks");
    running.signal(Signal::TERM);
    assert_eq!(selected(&running.wait()), names(&["fine", "slow"]));
}

#[test]
fn a_renamed_check_is_forgotten() {
    let shop = Shop::new();
    let ran = Smoke::new().suite(&shop.check("a", "")).run();
    ran.exits(1);
    let ran = rerun(ran).suite(&shop.check("b", "")).run();
    ran.exits(3);
    assert!(ran.stderr.contains("no check was selected"), "{}", ran.stderr);
}

#[test]
fn nothing_is_stored_beside_the_suite_and_only_names_are_stored() {
    let shop = Shop::new();
    let suite = "[vars]\npassword = { env = \"PASSWORD\" }\n".to_owned()
        + &shop.check("a", "headers = { x-key = \"{{password}}\" }");
    let ran = Smoke::bare().arg("run").suite(&suite).env("PASSWORD", "correct-horse").run();
    ran.exits(1);
    let beside: Vec<_> = fs::read_dir(ran.path(".")).expect("the folder").collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
    let kept: Vec<_> =
        fs::read_dir(ran.state().join("smoke")).expect("the state").filter_map(Result::ok).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let text = fs::read_to_string(kept[0].path()).expect("the record");
    let record: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let path = ran.path("smoke.toml").canonicalize().expect("the suite");
    let expected = serde_json::json!({"suite": path, "environment": null, "not_passed": ["a"]});
    assert_eq!(record, expected);
}

#[test]
fn an_unreadable_record_counts_as_none() {
    let shop = Shop::new();
    let ran = Smoke::bare().arg("run").suite(&shop.check("a", "")).run();
    ran.exits(1);
    for entry in fs::read_dir(ran.state().join("smoke")).expect("the state").filter_map(Result::ok) {
        fs::write(entry.path(), "{\"not_passed\": [").expect("write the record");
    }
    let ran = rerun(ran).run();
    ran.exits(1);
    assert!(ran.stderr.contains("running everything"), "{}", ran.stderr);
}

#[test]
fn an_unwritable_state_is_not_an_error_and_reported_only_on_request() {
    let shop = Shop::new();
    shop.mend();
    let smoke =
        || Smoke::new().suite(&shop.check("fine", "")).file("in-the-way", "").env("XDG_STATE_HOME", "");
    let smoke = || {
        let smoke = smoke();
        let home = smoke.path("in-the-way");
        smoke.env("HOME", home)
    };
    let ran = smoke().run();
    ran.exits(0);
    assert!(!ran.stderr.contains("warning") && !ran.stderr.contains("error"), "{}", ran.stderr);
    let ran = smoke().arg("--rerun-failed").run();
    ran.exits(0);
    assert!(
        ran.stderr.contains("warning: what did not pass cannot be saved for `--rerun-failed`"),
        "{}",
        ran.stderr
    );
    let nowhere = Smoke::new().suite(&shop.check("fine", "")).env("XDG_STATE_HOME", "").env("HOME", "");
    let ran = nowhere.arg("--rerun-failed").run();
    ran.exits(0);
    assert!(ran.stderr.contains("there is no state folder"), "{}", ran.stderr);
}

#[test]
fn old_records_are_taken_away() {
    let server = HttpServer::start(|_| Response::new(200));
    let suite = format!("[[health]]\nname = \"up\"\nurl = \"{}\"\n", server.url("/"));
    let ran = Smoke::bare().arg("run").suite(&suite).run();
    let records = ran.state().join("smoke");
    // Without the suite's own record, the next run is the first of its day.
    fs::remove_dir_all(&records).expect("the record");
    fs::create_dir(&records).expect("the folder");
    for number in 0..150 {
        fs::write(records.join(format!("{number:016x}.json")), "{}").expect("a record");
    }
    let ran = ran.again().run();
    ran.exits(0);
    let left = fs::read_dir(ran.state().join("smoke")).expect("records").count();
    assert_eq!(left, 100);
}
