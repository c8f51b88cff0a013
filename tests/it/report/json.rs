//! The JSON report: every outcome with its parts, complete, and from this run.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::corpus;
use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::smoke::{Ran, Smoke};

fn server() -> HttpServer {
    HttpServer::start(|request| match request.path.as_str() {
        "/bad" => Response::new(500),
        "/slow" => Response::new(200).delay(Duration::from_secs(20)),
        _ => Response::json(r#"{"id": 7}"#),
    })
}

fn check(name: &str, url: &str, keys: &str) -> String {
    format!("[[health]]\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n")
}

fn run(suite: &str) -> Smoke {
    Smoke::new().suite(suite).args(["--json", "smoke.json"])
}

#[track_caller]
fn document(ran: &Ran) -> Value {
    let text = std::fs::read_to_string(ran.path("smoke.json")).expect("the document is there");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

/// Returns the check with this name.
fn result<'d>(document: &'d Value, name: &str) -> &'d Value {
    let checks = document["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name:?} in {document:#}"))
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

/// One check for each outcome; the exit code is 1.
fn every_outcome(server: &HttpServer) -> String {
    let head = "[suite]\nname = \"shop\"\nfail-fast = false\nbudget = \"4s\"\nconcurrency = 30\n[env.staging.vars]\nx = \"y\"\n";
    head.to_owned()
        + &check("passed", &server.url("/"), "tags = [\"one\", \"two\"]")
        + &check("mismatch", &server.url("/bad"), "expect.status = 200\nexpect.json.\"$.id\" = 8")
        + &check("timeout", &server.url("/slow"), "budget = \"200ms\"")
        + &check("connect", "http://127.0.0.1:1/", "")
        + &check("warned", &server.url("/bad"), "severity = \"warn\"")
        + &check("skipped", &server.url("/"), "skip = \"not today\"")
        + &check("needing", &server.url("/"), "needs = [\"mismatch\"]")
        + &check("cut", &server.url("/slow"), "budget = \"4s\"")
}

#[test]
fn every_outcome_is_reported_and_the_counts_match_junit() {
    let server = server();
    let ran = run(&every_outcome(&server)).args(["--env", "staging"]).run();
    ran.exits(1);
    let document = document(&ran);
    let outcomes: Vec<(&str, &str)> = document["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .map(|check| {
            (check["name"].as_str().expect("a name"), check["outcome"].as_str().expect("an outcome"))
        })
        .collect();
    let expected = [
        ("passed", "passed"),
        ("mismatch", "failed"),
        ("timeout", "failed"),
        ("connect", "errored"),
        ("warned", "warned"),
        ("skipped", "skipped"),
        ("needing", "skipped"),
        ("cut", "undecided"),
    ];
    assert_eq!(outcomes, expected);
    let counts = json!({
        "checks": 8, "passed": 1, "flaky": 0, "flapped": 0, "slow": 0, "failed": 2, "errored": 1, "undecided": 1, "warned": 1, "skipped": 2,
        "known": 0, "dependencies": 0, "slower": 0
    });
    assert_eq!(document["counts"], counts);
    let junit = ran.junit();
    assert_eq!(
        [junit.tests, junit.failures, junit.errors, junit.skipped, junit.count(Outcome::Passed)],
        [8, 2, 2, 3, 1]
    );

    assert_eq!(document["schema_version"], 1);
    assert_eq!(document["smoke_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!((&document["suite"], &document["environment"]), (&json!("shop"), &json!("staging")));
    assert_eq!(document["exit"], json!({"code": 1, "meaning": "a critical check failed"}));
    assert_eq!(document["budget_ms"], 4000.0);
    assert_eq!(document["cancelled"], json!({"by": "budget", "check": null, "signal": null}));
    let took = document["duration_ms"].as_f64().expect("a duration");
    assert!(took >= 4000.0 && (took / 1e3 - junit.time).abs() < 0.001, "{took}");
    let started: jiff::Timestamp = document["started"].as_str().expect("a time").parse().expect("RFC 3339");
    assert!(started.duration_until(jiff::Timestamp::now()).as_secs() < 60, "{started}");
    // A connection failure is more fundamental than an unexpected response.
    assert_eq!(document["root_causes"][0]["check"], "connect");
    let causes = document["root_causes"].as_array().expect("causes");
    let cause = causes.iter().find(|cause| cause["check"] == "mismatch").expect("the mismatch");
    assert_eq!((&cause["check"], &cause["skipped"]), (&json!("mismatch"), &json!(["needing"])));

    // Every key exists, whatever the outcome.
    let checks = document["checks"].as_array().expect("checks");
    let all = keys(&checks[0]);
    assert!(checks.iter().all(|check| keys(check) == all));
}

#[test]
fn a_failure_has_a_message_and_its_parts() {
    let server = server();
    let ran = run(&every_outcome(&server)).run();
    ran.exits(1);
    let document = document(&ran);
    let passed = result(&document, "passed");
    assert_eq!(passed["location"], json!({"file": "smoke.toml", "line": 8, "column": 1}));
    assert_eq!(
        (&passed["tags"], &passed["severity"], &passed["gate"]),
        (&json!(["one", "two"]), &json!("critical"), &json!(false))
    );
    assert_eq!((&passed["failure"], &passed["reason"]), (&Value::Null, &Value::Null));
    assert_eq!(passed["address"], server.address().to_string());
    assert!(passed["phases_ms"]["first_byte"].as_f64().is_some_and(|took| took > 0.0), "{passed:#}");

    let failure = &result(&document, "mismatch")["failure"];
    assert_eq!(failure["type"], "mismatch");
    let mismatch = json!({"what": "status", "expected": "200", "actual": "500 Internal Server Error"});
    assert_eq!(failure["mismatches"][0]["what"], mismatch["what"]);
    assert_eq!(failure["mismatches"][0]["expected"], mismatch["expected"]);
    assert!(
        failure["mismatches"][0]["actual"].as_str().is_some_and(|actual| actual.starts_with("500")),
        "{failure:#}"
    );

    let failure = &result(&document, "timeout")["failure"];
    assert_eq!(failure["type"], "timeout");
    assert_eq!(failure["cut"], json!({"scope": "check", "budget_ms": 200.0, "phase": "first_byte"}));
    let failure = &result(&document, "cut")["failure"];
    assert_eq!((&failure["type"], &failure["cut"]["scope"]), (&json!("budget"), &json!("suite")));

    let failure = &result(&document, "connect")["failure"];
    assert_eq!(failure["type"], "connect");
    assert!(failure["fault"]["cause"].as_str().is_some_and(|cause| cause.contains("refused")), "{failure:#}");
    assert_eq!(result(&document, "warned")["failure"]["type"], "mismatch");

    let reason = json!({"type": "skip", "message": "not today", "check": null, "started": false});
    assert_eq!(result(&document, "skipped")["reason"], reason);
    let reason = &result(&document, "needing")["reason"];
    assert_eq!((&reason["type"], &reason["check"]), (&json!("need"), &json!("mismatch")));
}

#[test]
fn attempts_and_steps_have_times() {
    let server = server();
    let journey = format!(
        "[suite]\nfail-fast = false\n{}[[journey]]\nname = \"flow\"\n[[journey.step]]\nname = \"first\"\nget = \"{}\"\n\
         [[journey.step]]\nname = \"second\"\nget = \"{}\"\nretry = {{ attempts = 2, delay = \"10ms\" }}\n\
         [[journey.cleanup]]\nname = \"last\"\nget = \"{}\"\n",
        check("again", &server.url("/bad"), "retry = { attempts = 3, delay = \"10ms\" }"),
        server.url("/"),
        server.url("/bad"),
        server.url("/"),
    );
    let ran = run(&journey).run();
    ran.exits(1);
    let document = document(&ran);
    let again = result(&document, "again");
    assert_eq!((&again["attempts"], again["failed_attempts"].as_array().map(Vec::len)), (&json!(3), Some(2)));
    let flow = result(&document, "flow");
    assert_eq!(flow["failure"]["step"], json!({"number": 2, "name": "second"}));
    let steps: Vec<Value> = flow["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| json!([step["number"], step["name"], step["cleanup"], step["passed"], step["attempts"]]))
        .collect();
    let expected =
        json!([[1, "first", false, true, 1], [2, "second", false, false, 2], [3, "last", true, true, 1]]);
    assert_eq!(Value::Array(steps), expected);
    assert!(
        flow["steps"][0]["phases_ms"]["first_byte"].is_number()
            && flow["steps"][0]["duration_ms"].is_number()
    );
    assert_eq!(flow["steps"][0]["address"], server.address().to_string());
}

const STALE: &str = r#"{"old": true}"#;

#[test]
fn an_invalid_suite_leaves_a_report_with_its_errors() {
    let ran =
        run("[suite]\nnam = \"a\"\nbudget = 5\n").file("smoke.json", STALE).args(["--env", "prod"]).run();
    ran.exits(2);
    let document = document(&ran);
    assert_eq!((&document["exit"]["code"], &document["checks"]), (&json!(2), &json!([])));
    assert_eq!((&document["suite"], &document["environment"]), (&Value::Null, &json!("prod")));
    let mistakes = document["mistakes"].as_array().expect("mistakes");
    let unknown = mistakes.iter().find(|mistake| mistake["message"] == "unknown key `nam`").expect("the key");
    assert_eq!(unknown["location"], json!({"file": "smoke.toml", "line": 2, "column": 1}));
    let environment = mistakes.iter().find(|mistake| mistake["location"].is_null()).expect("the environment");
    assert!(
        environment["message"].as_str().is_some_and(|message| message.contains("`prod`")),
        "{document:#}"
    );
}

#[test]
fn a_run_of_nothing_leaves_a_document_without_checks() {
    let suite = check("up", "http://127.0.0.1:1/", "");
    let ran = run(&suite).file("smoke.json", STALE).args(["--tag", "none"]).run();
    ran.exits(3);
    let document = document(&ran);
    assert_eq!((&document["exit"]["code"], &document["checks"]), (&json!(3), &json!([])));
}

#[test]
fn a_signal_is_recorded_and_a_killed_run_leaves_no_report() {
    let server = server();
    let suite = check("slow", &server.url("/slow"), "budget = \"30s\"");
    let begin = || {
        let running = run(&suite).file("smoke.json", STALE).spawn();
        running.wait_for_stderr("1 check");
        running
    };
    let running = begin();
    running.signal(rustix::process::Signal::TERM);
    let ran = running.wait();
    ran.exits(143);
    let told = document(&ran);
    assert_eq!(told["cancelled"], json!({"by": "signal", "check": null, "signal": "SIGTERM"}));
    assert_eq!(result(&told, "slow")["reason"]["type"], "signal");

    let running = begin();
    running.signal(rustix::process::Signal::KILL);
    assert!(!running.wait().path("smoke.json").exists());
}

#[test]
fn when_one_report_cannot_be_written_no_stale_one_remains() {
    let server = server();
    let ran = Smoke::bare()
        .args(["run", "--junit", "smoke.toml/junit.xml", "--json", "smoke.json", "--events", "events.jsonl"])
        .file("smoke.json", STALE)
        .file("events.jsonl", STALE)
        .suite(&check("up", &server.url("/"), ""))
        .run();
    ran.exits(6);
    assert_eq!(server.connections(), 0);
    assert!(!ran.path("smoke.json").exists());
    assert_eq!(std::fs::read_to_string(ran.path("events.jsonl")).expect("it was emptied"), "");
}

#[test]
fn on_standard_output_it_is_the_only_content() {
    let server = server();
    let suite = check("up", &server.url("/"), "");
    let ran = Smoke::bare().args(["run", "--json", "-"]).suite(&suite).run();
    ran.exits(0);
    let document: Value = serde_json::from_str(&ran.stdout).expect("nothing but the document");
    assert_eq!(document["counts"]["passed"], 1);
}

#[test]
fn two_reports_to_the_same_file_are_refused() {
    let server = server();
    for (arguments, said) in [
        (["--json", "-", "--junit", "-"], "`--junit` and `--json` both go to standard output"),
        (["--json", "-", "--events", "-"], "`--json` and `--events` both go to standard output"),
        (["--junit", "a", "--events", "a"], "`--junit` and `--events` both go to `a`"),
    ] {
        let ran = Smoke::bare().arg("run").args(arguments).suite(&check("up", &server.url("/"), "")).run();
        ran.exits(2);
        assert!(ran.stderr.contains(said) && ran.stdout.is_empty(), "{}", ran.stderr);
    }
    assert_eq!(server.connections(), 0);
}

/// Every key of every object in this value.
fn all_keys<'v>(value: &'v Value, found: &mut BTreeSet<&'v str>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                found.insert(key);
                // Its keys are phases.
                if key != "phases_ms" {
                    all_keys(value, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| all_keys(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn no_report_grows_with_the_failed_attempts_of_a_poll() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server = HttpServer::start(move |_| {
        let number = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Response::new(if number == 100 { 418 } else { 503 }).body("x".repeat(2000))
    });
    let suite = format!(
        "[suite]\nbudget = \"20s\"\n{}",
        check("fast", &server.url("/"), "poll = { every = \"1ms\" }\nbudget = \"4s\"")
    );
    let ran = run(&suite).args(["--events", "events.jsonl"]).run();
    ran.exits(1);
    let document = document(&ran);
    let fast = result(&document, "fast");
    let attempts = fast["attempts"].as_u64().expect("a number");
    let failed = fast["failed_attempts"].as_array().expect("a list");
    assert!(attempts > 110, "{attempts}");
    let once = |status: &str| {
        let of_status =
            |failed: &&Value| failed["message"].as_str().is_some_and(|text| text.contains(status));
        failed.iter().filter(of_status).count()
    };
    assert_eq!((once("503"), once("418")), (20, 1));
    let number = |value: &Value| value.as_u64().expect("a number");
    let other = failed.iter().find(|failed| number(&failed["attempt"]) == 101).expect("the other one");
    assert!(other["message"].as_str().expect("text").contains("418"), "{other}");
    let counted = failed.iter().map(|failed| number(&failed["times"])).sum::<u64>();
    assert!((attempts - 1..=attempts).contains(&counted), "{counted} of {attempts}");
    assert_eq!(fast["other_failed_attempts"], 0);
    for (report, most) in [("smoke.json", 60_000), ("junit.xml", 20_000), ("events.jsonl", 110_000)] {
        let size = std::fs::metadata(ran.path(report)).expect("a report").len();
        assert!(size < most, "{report}: {size} bytes after {attempts} attempts");
    }
    let junit = std::fs::read_to_string(ran.path("junit.xml")).expect("the report");
    assert!(junit.contains("attempt 20 and "), "{junit}");
}

#[test]
fn every_key_is_in_the_documentation() {
    let server = server();
    let ran = run(&every_outcome(&server)).run();
    let wrong = run("[suite]\nnam = \"a\"\n").run();
    let (told, mistakes) = (document(&ran), document(&wrong));
    let mut found = BTreeSet::new();
    all_keys(&told, &mut found);
    all_keys(&mistakes, &mut found);
    assert!(found.contains("expected") && found.contains("hint") && found.contains("scope"), "{found:?}");
    let page = corpus::text("docs/reports.md");
    let section =
        page.split("## JSON").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("the section");
    let missing: Vec<_> = found.iter().filter(|key| !section.contains(&format!("`{key}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
