//! The status is the same word on the console, in `watch`, in `--repeat` and in every file.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use regex::Regex;
use rustix::process::Signal;
use serde_json::Value;
use smoke::event::Status;

use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::smoke::Smoke;

/// The checks of the suite, with their status and their `outcome` in the documents.
const CHECKS: [(&str, Status, &str); 9] = [
    ("at once", Status::Passed, "passed"),
    ("at the second", Status::Flaky, "passed"),
    ("now and then", Status::Flapped, "passed"),
    ("in the end", Status::Slow, "passed"),
    ("odd", Status::Warned, "warned"),
    ("wrong", Status::Failed, "failed"),
    ("refused", Status::Errored, "errored"),
    ("hung", Status::Undecided, "undecided"),
    ("left out", Status::Skipped, "skipped"),
];

fn server() -> HttpServer {
    let (asked, flapped) = (AtomicUsize::new(0), AtomicUsize::new(0));
    HttpServer::start(move |request| match request.path.as_str() {
        "/every-other" if asked.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) => Response::new(503),
        // It passes, fails, and passes twice.
        "/flap" if flapped.fetch_add(1, Ordering::SeqCst) % 4 == 1 => Response::new(503),
        "/bad" => Response::new(500),
        "/slow" => Response::new(200).delay(Duration::from_millis(3_050)),
        "/hung" => Response::new(200).delay(Duration::from_mins(1)),
        _ => Response::new(200),
    })
}

fn suite(server: &HttpServer) -> String {
    let checks = [
        ("/", ""),
        ("/every-other", "retry = { attempts = 2, delay = \"1ms\" }"),
        ("/flap", "poll = { every = \"1ms\", hold = 2 }"),
        ("/slow", "budget = \"4s\""),
        ("/bad", "severity = \"warn\""),
        ("/bad", ""),
        ("", ""),
        ("/hung", "budget = \"5s\""),
        ("/", "skip = \"not today\""),
    ];
    let checks = CHECKS.iter().zip(checks).map(|((name, ..), (path, keys))| {
        let url = if path.is_empty() { "http://127.0.0.1:1/".to_owned() } else { server.url(path) };
        format!("[[health]]\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n")
    });
    "[suite]\nfail-fast = false\nbudget = \"5s\"\n".to_owned() + &checks.collect::<String>()
}

/// Returns the word for each check that `pattern` finds. The word is the first group and the name the second.
fn words(text: &str, pattern: &str) -> BTreeMap<String, String> {
    let names: Vec<&str> = CHECKS.iter().map(|(name, ..)| *name).collect();
    let pattern = pattern.replace("NAME", &format!("({})", names.join("|")));
    let pattern = Regex::new(&pattern).expect("a pattern");
    pattern.captures_iter(text).map(|found| (found[2].to_owned(), found[1].to_owned())).collect()
}

/// Returns the expected words of the checks whose status is `shown`.
fn expected(shown: impl Fn(Status) -> bool) -> BTreeMap<String, String> {
    let shown = CHECKS.iter().filter(|(_, status, _)| shown(*status));
    shown.map(|(name, status, _)| ((*name).to_owned(), status.word().to_owned())).collect()
}

#[test]
fn every_status_is_here_and_has_a_word_of_its_own() {
    assert_eq!(CHECKS.map(|(_, status, _)| status), Status::ALL);
    assert_eq!(expected(|_| true).values().collect::<std::collections::BTreeSet<_>>().len(), CHECKS.len());
}

#[test]
fn the_reports_of_a_run_have_the_same_word_for_a_check() {
    let server = server();
    let smoke = Smoke::new().suite(&suite(&server));
    let summary = smoke.path("summary.md");
    let ran = smoke
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", summary)
        .args(["--json", "smoke.json", "--events", "events.jsonl"])
        .run();
    ran.exits(1);
    assert_eq!(words(&ran.stderr, r"(?m)^ *([A-Z]+) .* health +NAME(?:$|  )"), expected(|_| true));
    let summary = std::fs::read_to_string(ran.path("summary.md")).expect("the summary");
    assert_eq!(words(&summary, r"(?m)^\| ([A-Z]+) \| NAME \|"), expected(|_| true));

    let read = |name: &str| std::fs::read_to_string(ran.path(name)).expect("the report");
    let document: Value = serde_json::from_str(&read("smoke.json")).expect("JSON");
    let events = read("events.jsonl");
    let events = events.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let finished: Vec<Value> = events
        .filter(|event| event["event"] == "check-finished")
        .map(|event| event["result"].clone())
        .collect();
    for results in [document["checks"].as_array().expect("checks"), &finished] {
        let told: BTreeMap<&str, [&str; 2]> = results
            .iter()
            .map(|result| ["name", "status", "outcome"].map(|key| result[key].as_str().expect("a text")))
            .map(|[name, status, outcome]| (name, [status, outcome]))
            .collect();
        let expected = CHECKS.map(|(name, status, outcome)| (name, [status.word(), outcome]));
        assert_eq!(told, BTreeMap::from(expected));
    }

    let junit = ran.junit();
    for (name, status, _) in CHECKS {
        let element = match status {
            Status::Passed | Status::Flaky | Status::Flapped | Status::Slow => Outcome::Passed,
            Status::Failed => Outcome::Failed,
            Status::Errored | Status::Undecided => Outcome::Errored,
            Status::Warned | Status::Skipped => Outcome::Skipped,
        };
        assert_eq!(junit.case(name).outcome, element, "{name}");
    }
}

#[test]
fn repeat_has_it_for_what_did_not_pass() {
    let server = server();
    let ran = Smoke::bare().args(["run", "--repeat", "2"]).suite(&suite(&server)).run();
    ran.exits(1);
    let did_not_pass = |status: Status| !status.has_passed() && status != Status::Skipped;
    assert_eq!(words(&ran.stderr, r"(?m)^  ([A-Z]+) `NAME`: "), expected(did_not_pass));
}

#[test]
fn watch_has_it() {
    let server = server();
    let running = Smoke::bare().args(["watch", "-n", "60s"]).suite(&suite(&server)).spawn();
    running.wait_for_stderr("`hung` ");
    running.signal(Signal::TERM);
    let ran = running.wait();
    let told = ran.stderr.lines().filter_map(|line| {
        let (_, told) = line.split_once('`')?;
        let (name, told) = told.split_once("` ")?;
        Some((name.to_owned(), told.split([':', ' ']).next()?.to_owned()))
    });
    assert_eq!(told.collect::<BTreeMap<_, _>>(), expected(|_| true), "{}", ran.stderr);
}
