//! The events: one object per line, in order, written as they happen.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::Smoke;
use crate::support::wait;

fn server() -> HttpServer {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    HttpServer::start(move |request| match request.path.as_str() {
        "/bad" => Response::new(500),
        "/slow" => Response::new(200).delay(Duration::from_secs(20)),
        "/second" => {
            let before = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Response::new(if before == 0 { 503 } else { 200 })
        }
        _ => Response::new(200),
    })
}

fn run(suite: &str) -> Smoke {
    Smoke::bare().args(["run", "--events", "events.jsonl", "--json", "smoke.json"]).suite(suite)
}

#[track_caller]
fn events(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).expect("the events are there");
    assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}")))
        .collect()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["event"].as_str().expect("a name")).collect()
}

const STALE: &str = "{\"event\": \"old\"}\n";

#[test]
fn events_are_in_order_and_agree_with_the_json_report() {
    let server = server();
    let suite = format!(
        "[suite]\nname = \"shop\"\nconcurrency = 1\n[[boot]]\nname = \"starts\"\ncommand = [\"sleep\", \"60\"]\n\
         [[health]]\nname = \"flaky\"\nurl = \"{0}\"\nretry = {{ attempts = 2, delay = \"10ms\" }}\n\
         [[journey]]\nname = \"flow\"\n[[journey.step]]\nname = \"first\"\nget = \"{1}\"\n\
         [[health]]\nname = \"bad\"\nurl = \"{2}\"\n[[health]]\nname = \"late\"\nurl = \"{1}\"\n",
        server.url("/second"),
        server.url("/"),
        server.url("/bad"),
    );
    let ran = run(&suite).file("events.jsonl", STALE).run();
    ran.exits(1);
    let events = events(&ran.path("events.jsonl"));
    let told: Vec<Value> = events.iter().map(|event| json!([event["event"], event["check"]])).collect();
    let expected = json!([
        ["run-started", null],
        ["check-started", "starts"],
        ["check-ready", "starts"],
        ["check-started", "flaky"],
        ["attempt-failed", "flaky"],
        ["check-finished", "flaky"],
        ["check-started", "flow"],
        ["step-finished", "flow"],
        ["check-finished", "flow"],
        ["check-started", "bad"],
        ["check-finished", "bad"],
        ["run-cancelled", null],
        ["check-finished", "late"],
        ["check-finished", "starts"],
        ["run-finished", null],
    ]);
    assert_eq!(Value::Array(told), expected);
    let times: Vec<&str> = events.iter().map(|event| event["time"].as_str().expect("a time")).collect();
    assert!(
        times.is_sorted() && times.iter().all(|time| time.parse::<jiff::Timestamp>().is_ok()),
        "{times:?}"
    );

    let text = std::fs::read_to_string(ran.path("smoke.json")).expect("the document");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let results: Vec<&Value> = events.iter().filter(|event| event["event"] == "check-finished").collect();
    assert_eq!(results.len(), 5);
    for event in &results {
        let checks = document["checks"].as_array().expect("checks");
        let same = checks.iter().find(|check| check["name"] == event["check"]).expect("its check");
        assert_eq!(&event["result"], same);
    }
    let (first, last) = (&events[0], &events[14]);
    assert_eq!((&first["schema_version"], &first["suite"]), (&json!(1), &json!("shop")));
    assert_eq!(first["checks"][1]["name"], "flaky");
    for key in ["exit", "counts", "cancelled", "root_causes", "duration_ms"] {
        assert_eq!(last[key], document[key], "{key}");
    }
    assert_eq!((&events[4]["attempt"], &events[4]["failure"]["type"]), (&json!(1), &json!("mismatch")));
    assert_eq!(events[7]["step"], document["checks"][2]["steps"][0]);
    assert_eq!(events[11]["cancelled"], json!({"by": "fail-fast", "check": "bad", "signal": null}));
}

#[test]
fn each_line_is_written_as_it_happens() {
    let server = server();
    let suite = format!(
        "[[health]]\nname = \"up\"\nurl = \"{}\"\n[[health]]\nname = \"slow\"\nurl = \"{}\"\nbudget = \"30s\"\n",
        server.url("/"),
        server.url("/slow")
    );
    let running = run(&suite).spawn();
    let path = running.path("events.jsonl");
    wait::until("the event of the first check", Duration::from_secs(20), || {
        let text = std::fs::read_to_string(&path).ok()?;
        text.lines().any(|line| line.contains("check-finished") && line.contains("\"up\"")).then_some(())
    });
    running.signal(rustix::process::Signal::INT);
    let ran = running.wait();
    ran.exits(130);
    let events = events(&ran.path("events.jsonl"));
    let (last, before) = (names(&events), &events[events.len() - 3..]);
    assert_eq!(last[last.len() - 3..], ["run-cancelled", "check-finished", "run-finished"]);
    assert_eq!(before[0]["cancelled"]["signal"], "SIGINT");
}

#[test]
fn an_invalid_suite_is_one_line_with_its_errors() {
    let ran = run("[suite]\nnam = \"a\"\n").file("events.jsonl", STALE).run();
    ran.exits(2);
    let events = events(&ran.path("events.jsonl"));
    assert_eq!(names(&events), ["run-rejected"]);
    assert_eq!(events[0]["exit"]["code"], 2);
    assert_eq!(events[0]["mistakes"][0]["message"], "unknown key `nam`");
}

#[test]
fn a_full_disk_is_reported_once_with_exit_code_6() {
    let server = server();
    let suite = format!("[[health]]\nname = \"up\"\nurl = \"{}\"\n", server.url("/"));
    let ran = Smoke::bare().args(["run", "--events", "/dev/full"]).suite(&suite).run();
    ran.exits(6);
    assert_eq!(ran.stderr.matches("cannot write to `/dev/full`").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("PASSED"), "{}", ran.stderr);
}

#[test]
fn a_closed_pipe_does_not_end_the_run() {
    let server = server();
    let check = |n: usize| format!("[[health]]\nname = \"{n}\"\nurl = \"{}\"\n", server.url("/"));
    let ran = Smoke::imitated_by("bash")
        .suite(&(0..50).map(check).collect::<String>())
        .env("SMOKE", env!("CARGO_BIN_EXE_smoke"))
        .args(["-c", "\"$SMOKE\" run --events - | head -n 1; exit ${PIPESTATUS[0]}"])
        .run();
    ran.exits(0);
    assert!(ran.stdout.contains("run-started") && ran.stdout.lines().count() == 1, "{}", ran.stdout);
    assert!(ran.stderr.contains("50 passed"), "{}", ran.stderr);
}
