//! `poll` during a rollout: finds one old server among many, and reports what the attempts got.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::balancer::Balancer;
use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::smoke::{Ran, Smoke};
use crate::support::thorough::{is_thorough, repeats};
use crate::support::wait;

fn running(version: &'static str) -> HttpServer {
    HttpServer::start(move |_| Response::json(&format!("{{\"version\": \"{version}\"}}")))
}

fn version_gate(name: &str, url: &str, keys: &str) -> String {
    format!("[[health]]\nname = \"{name}\"\nurl = \"{url}\"\nexpect.json.\"$.version\" = \"2.0.0\"\n{keys}\n")
}

/// Answers a `+` with a passing response and any other character with that version. The last one repeats.
fn answering(answers: &'static str) -> HttpServer {
    let asked = AtomicUsize::new(0);
    HttpServer::start(move |_| {
        let number = asked.fetch_add(1, Ordering::SeqCst);
        let answer = answers.chars().nth(number).or(answers.chars().last()).expect("an answer");
        let version = if answer == '+' { "2.0.0".to_owned() } else { answer.to_string() };
        Response::json(&json!({ "version": version }).to_string())
    })
}

fn with_reports(suite: &str) -> Ran {
    let smoke = Smoke::new().suite(suite);
    let summary = smoke.path("summary.md");
    smoke
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", summary)
        .args(["--json", "smoke.json", "--events", "events.jsonl"])
        .run()
}

fn read(ran: &Ran, name: &str) -> String {
    std::fs::read_to_string(ran.path(name)).expect("the report")
}

fn document(ran: &Ran) -> Value {
    serde_json::from_str(&read(ran, "smoke.json")).expect("JSON")
}

#[test]
fn replicas_find_the_one_old_server() {
    // The promised number of tries. Fewer tries and servers when all tests run at once.
    let tries = repeats(8, 200);
    let (replicas, passes) = if is_thorough() { (9, 118) } else { (3, 35) };
    let (new, old) = (running("2.0.0"), running("1.0.0"));
    let mut servers = vec![new.address(); replicas - 1];
    servers.push(old.address());
    let balancer = Balancer::start(&servers);
    let checks: String = (0..tries)
        .map(|number| {
            let keys = format!("poll = {{ every = \"1ms\", replicas = {replicas} }}\nbudget = \"6s\"");
            version_gate(&format!("try {number}"), &balancer.url("/version"), &keys)
        })
        .collect();
    let suite = format!("[suite]\nfail-fast = false\nconcurrency = 4\nbudget = \"6m\"\n{checks}");
    let ran = Smoke::new().suite(&suite).args(["--json", "smoke.json"]).limit(Duration::from_mins(7)).run();
    ran.exits(1);
    let document = document(&ran);
    let checks = document["checks"].as_array().expect("checks");
    let green = checks.iter().filter(|check| check["outcome"] == "passed").count();
    let attempts: Vec<u64> =
        checks.iter().map(|check| check["attempts"].as_u64().expect("a number")).collect();
    let (fewest, most) = (attempts.iter().min(), attempts.iter().max());
    println!("{green} wrong greens of {tries} with {replicas} servers; {fewest:?} to {most:?} attempts each");
    assert_eq!(green, 0, "wrong greens of {tries}");
    assert_eq!(checks.len(), tries);
    // A try that was too slow to pass proves nothing.
    assert!(attempts.iter().all(|attempts| *attempts > passes), "{attempts:?}");
}

#[test]
fn replicas_pass_within_the_budget_once_all_servers_are_new() {
    let (new, old) = (running("2.0.0"), running("1.0.0"));
    let balancer = Balancer::start(&[new.address(), old.address()]);
    let keys = "poll = { every = \"1ms\", replicas = 9 }\nbudget = \"50s\"";
    let running = Smoke::new()
        .suite(&version_gate("rollout", &balancer.url("/version"), keys))
        .args(["--json", "smoke.json", "--events", "events.jsonl"])
        .spawn();
    let events = running.path("events.jsonl");
    wait::until("a failed attempt", Duration::from_secs(40), || {
        std::fs::read_to_string(&events).is_ok_and(|text| text.contains("attempt-failed")).then_some(())
    });
    balancer.change(&[new.address()]);
    let ran = running.wait();
    ran.exits(0);
    let poll = &document(&ran)["checks"][0]["poll"];
    assert_eq!((&poll["hold"], &poll["longest_row"]), (&json!(118), &json!(118)), "{poll}");
}

#[test]
fn hold_is_a_number_or_a_time_and_may_be_a_variable() {
    for (hold, fewest, shortest) in [("2", 2, 0), ("\"300ms\"", 3, 300), ("\"1ms\"", 3, 100)] {
        let server = answering("+");
        let suite = format!("[vars]\nhold = {hold}\n")
            + &version_gate("held", &server.url("/"), "poll = { every = \"50ms\", hold = \"{{hold}}\" }");
        let ran = Smoke::new().suite(&suite).run();
        ran.exits(0);
        let asked = server.requests().len();
        assert!(asked >= fewest, "{hold}: {asked} attempts");
        assert!(ran.took.as_millis() >= shortest, "{hold}: {:?}", ran.took);
    }
}

#[test]
fn a_poll_that_does_not_hold_says_what_its_attempts_saw() {
    let server = answering("111+++23+");
    let keys = "poll = { every = \"1ms\", hold = 1000 }\nbudget = \"1200ms\"";
    let ran = with_reports(&version_gate("rollout", &server.url("/"), keys));
    ran.exits(1);
    let document = document(&ran);
    let (check, poll) = (&document["checks"][0], &document["checks"][0]["poll"]);
    let attempts = &check["attempts"];
    let row = &poll["longest_row"];
    let seen = format!(
        "got \"1\" in 3 of {attempts} attempts, got \"2\" in 1, got \"3\" in 1; longest row {row} of 1000; flapped once"
    );
    for text in [
        &ran.stderr,
        &ran.junit().case("rollout").text,
        check["failure"]["message"].as_str().expect("a text"),
    ] {
        assert!(text.contains(&seen), "{seen}\n{text}");
        assert!(text.contains(" within 1.2s (check budget), while "), "{text}");
    }
    assert_eq!(
        poll["seen"],
        json!([
            { "what": "got \"1\"", "attempts": 3 },
            { "what": "got \"2\"", "attempts": 1 },
            { "what": "got \"3\"", "attempts": 1 },
        ])
    );
    assert_eq!((&poll["hold"], &poll["hold_ms"], &poll["flaps"]), (&json!(1000), &Value::Null, &json!(1)));
    // The failure is reported at the expectation, although the last attempts passed.
    assert_eq!(check["failure"]["location"]["line"], 4);
    let events = read(&ran, "events.jsonl");
    let finished = events.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let finished = finished.filter(|event| event["event"] == "check-finished");
    assert_eq!(
        finished.map(|event| event["result"]["poll"].clone()).collect::<Vec<_>>(),
        std::slice::from_ref(poll)
    );
}

#[test]
fn a_flap_is_marked_in_every_report_and_is_not_flaky() {
    let server = answering("1++1+");
    let ran =
        with_reports(&version_gate("rollout", &server.url("/"), "poll = { every = \"1ms\", hold = 3 }"));
    ran.exits(0);
    let seen = "flapped once: got \"1\" in 2 of 7 attempts";
    let line = ran.stderr.lines().find(|line| line.contains("FLAP")).unwrap_or_default();
    assert!(line.ends_with(seen), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 passed (1 flapped)"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains(&format!("::warning file=smoke.toml,line=3,title=rollout::{seen}")),
        "{}",
        ran.stderr
    );
    let case = ran.junit().case("rollout").clone();
    assert_eq!(case.outcome, Outcome::Passed);
    assert!(case.output.lines().any(|line| line == seen), "{}", case.output);
    let document = document(&ran);
    let check = &document["checks"][0];
    assert_eq!(
        [&check["status"], &check["outcome"], &check["flapped"], &check["flaky"], &check["poll"]["flaps"]],
        [&json!("FLAP"), &json!("passed"), &json!(true), &json!(false), &json!(1)]
    );
    assert_eq!((&document["counts"]["flapped"], &document["counts"]["flaky"]), (&json!(1), &json!(0)));
    let summary = read(&ran, "summary.md");
    assert!(summary.contains("| FLAP | rollout | health | "), "{summary}");
    assert!(summary.contains("flapped once&#58; got "), "{summary}");

    // One change is a rollout.
    let server = answering("11+");
    let ran =
        with_reports(&version_gate("rollout", &server.url("/"), "poll = { every = \"1ms\", hold = 3 }"));
    ran.exits(0);
    assert!(ran.stderr.contains(" PASS ") && !ran.stderr.contains("flap"), "{}", ran.stderr);
}

#[test]
fn a_step_that_flaps_marks_its_journey() {
    let server = answering("+1+");
    let suite = format!(
        "[[journey]]\nname = \"it\"\n[[journey.step]]\nname = \"wait\"\nget = \"{}\"\n\
         expect.json.\"$.version\" = \"2.0.0\"\npoll = {{ every = \"1ms\", hold = 2 }}\n",
        server.url("/")
    );
    let ran = with_reports(&suite);
    ran.exits(0);
    let line = ran.stderr.lines().find(|line| line.contains("FLAP")).unwrap_or_default();
    assert!(line.ends_with("step 1 `wait` flapped once: got \"1\" in 1 of 4 attempts"), "{}", ran.stderr);
    let document = document(&ran);
    assert_eq!(document["checks"][0]["steps"][0]["status"], "FLAP");
}

#[test]
fn a_secret_that_the_attempts_saw_is_not_told() {
    let server = answering("1");
    let is_first = Arc::new(AtomicBool::new(true));
    let leaking = HttpServer::start({
        let is_first = Arc::clone(&is_first);
        move |_| {
            is_first.store(false, Ordering::SeqCst);
            Response::json("{\"version\": \"hunter2-long\"}")
        }
    });
    let keys = "poll = { every = \"10ms\" }\nbudget = \"300ms\"";
    let suite = "[vars]\npassword = { env = \"PASSWORD\" }\n[suite]\nfail-fast = false\n".to_owned()
        + &version_gate("leaking", &leaking.url("/?{{password}}"), keys)
        + &version_gate("plain", &server.url("/"), keys);
    let smoke = Smoke::new().suite(&suite).env("PASSWORD", "hunter2-long");
    let ran = smoke.args(["--json", "smoke.json", "--events", "events.jsonl"]).run();
    ran.exits(1);
    assert!(!is_first.load(Ordering::SeqCst), "it was asked");
    assert!(ran.stderr.contains("got \"***\" in "), "{}", ran.stderr);
    for text in [&ran.stderr, &ran.junit().xml, &read(&ran, "smoke.json"), &read(&ran, "events.jsonl")] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}
