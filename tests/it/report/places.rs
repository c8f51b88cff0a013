//! Failures have a place: the unmet expectation or otherwise the request, in the right file.
//!
//! Comments in these suites mark the line at which a check must be reported: `# at NAME`.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::{Ran, Smoke};

fn server() -> HttpServer {
    HttpServer::start(|request| match request.path.as_str() {
        "/down" => Response::new(503),
        "/hung" => Response::new(200).delay(Duration::from_secs(20)),
        "/late" => Response::new(200).delay(Duration::from_millis(50)),
        "/page" => Response::html("<h1>Maintenance</h1>"),
        _ => Response::json(r#"{"id": 7, "state": "new"}"#),
    })
}

const SUITE: &str = r#"
include = ["more.toml"]
[suite]
fail-fast = false
[vars]
base = "BASE"

[[health]]
name = "a status"
url = "{{base}}/down"
expect.within = "10s"
expect.status = 200                             # at a status

[[health]]
name = "the status by default"
url = "{{base}}/down"                           # at the status by default
expect.within = "10s"

[[health]]
name = "a value"
url = "{{base}}/"
[health.expect]
status = 200
json."$.id" = 7
json."$.state" = "paid"                         # at a value

[[health]]
name = "no JSON"
url = "{{base}}/page"
expect.header.content-type = { contains = "html" }
expect.json."$.id" = 7                          # at no JSON

[[health]]
name = "a header"
url = "{{base}}/"
expect.status = 200
expect.header.content-type = "text/plain"       # at a header

[[health]]
name = "a heading"
url = "{{base}}/page"
expect.status = 200
expect.html.h1 = "Shop"                         # at a heading

[[health]]
name = "a body"
url = "{{base}}/page"
expect.status = 200
expect.body.matches = "Shop"                    # at a body

[[health]]
name = "an address"
url = "{{base}}/page"
expect.status = 200
expect.url = { matches = "/login$" }            # at an address

[[health]]
name = "a time"
url = "{{base}}/late"
expect.status = 200
expect.within = "1ms"                           # at a time

[[health]]
name = "after attempts"
url = "{{base}}/"
retry = { attempts = 2, delay = "1ms" }
expect.json."$.id" = 8                          # at after attempts

[[health]]
name = "in a poll"
budget = "300ms"
url = "{{base}}/"
poll = { every = "10ms" }
expect.json."$.id" = 8                          # at in a poll

[[health]]
name = "refused"
retry = { attempts = 2, delay = "1ms" }
url = "http://127.0.0.1:1/"                     # at refused
expect.status = 200

[[health]]
name = "a time-out"
budget = "200ms"
url = "{{base}}/hung"                           # at a time-out
expect.status = 200

[[health]]
name = "only a warning"
severity = "warn"
url = "{{base}}/down"
expect.status = 200                             # at only a warning

[[database]]
name = "rows"
url = "sqlite:shop.db"
query = "select id, state from orders"
expect.rows = { min = 2 }                       # at rows

[[database]]
name = "a cell"
url = "sqlite:shop.db"
query = "select id, state from orders"
expect.value = 1
expect.row.id = 1
expect.row.state = "paid"                       # at a cell

[[database]]
name = "no database"
url = "sqlite:nowhere.db"                       # at no database
query = "select id from orders"

[[journey]]
name = "a step"
[[journey.step]]
name = "first"
get = "{{base}}/"
[[journey.step]]
name = "second"
get = "{{base}}/"
expect.json."$.id" = 8                          # at a step
[[journey.cleanup]]
name = "clean up"
get = "{{base}}/down"                           # at cleanup

[[journey]]
name = "a step by default"
[[journey.step]]
name = "first"
get = "{{base}}/"
[[journey.step]]
name = "second"
retry = { attempts = 2, delay = "1ms" }
get = "{{base}}/down"                           # at a step by default

[[journey]]
name = "a capture"
[[journey.step]]
name = "first"
get = "{{base}}/"
capture.id = { json = "$.id" }
capture.token = { json = "$.token" }            # at a capture

[[journey]]
name = "a captured column"
[[journey.step]]
name = "first"
database = "sqlite:shop.db"
query = "select id from orders"
[journey.step.capture.state]
column = "state"                                # at a captured column

[[boot]]
name = "it ends"
gate = false
ready = { port = 1 }
command = ["sh", "-c", "exit 3"]                # at it ends

[[boot]]
name = "never ready"
gate = false
budget = "1s"
command = ["sleep", "60"]
ready = { log = "listening" }                   # at never ready

[[boot]]
name = "ready otherwise"
gate = false
budget = "2s"
command = ["sleep", "60"]
[boot.ready]
url = "{{base}}/"
expect.status = 204                             # at ready otherwise
"#;

const INCLUDED: &str = r#"
[[health]]
name = "included"
url = "{{base}}/"
expect.json."$.id" = 8                          # at included
"#;

fn run(server: &HttpServer) -> Ran {
    let smoke = Smoke::new();
    let database = Connection::open(smoke.path("shop.db")).expect("create a database");
    let orders = "create table orders (id integer, state text); insert into orders values (1, 'new');";
    database.execute_batch(orders).expect("fill it");
    let ran = smoke
        .suite(&SUITE.replace("BASE", server.url("").trim_end_matches('/')))
        .file("more.toml", INCLUDED)
        .env("GITHUB_ACTIONS", "true")
        .args(["--json", "smoke.json", "--events", "events.jsonl"])
        .run();
    ran.exits(1);
    ran
}

fn document(ran: &Ran) -> Value {
    let text = std::fs::read_to_string(ran.path("smoke.json")).expect("the document");
    serde_json::from_str(&text).expect("JSON")
}

fn events(ran: &Ran) -> Vec<Value> {
    let text = std::fs::read_to_string(ran.path("events.jsonl")).expect("the events");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Returns each mark with its place: `a status`, `smoke.toml:11`.
fn marks() -> Vec<(&'static str, String)> {
    let of = |file: &'static str, text: &'static str| {
        let lines = (1..).zip(text.lines());
        lines.filter_map(move |(line, text)| Some((text.split_once("# at ")?.1, format!("{file}:{line}"))))
    };
    of("smoke.toml", SUITE).chain(of("more.toml", INCLUDED)).collect()
}

/// Formats the place in a record: `smoke.toml:11`.
fn place(location: &Value) -> String {
    format!("{}:{}", location["file"].as_str().expect("a file"), location["line"])
}

fn check<'d>(document: &'d Value, name: &str) -> &'d Value {
    let checks = document["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn every_report_has_the_place_of_what_was_not_met() {
    let server = server();
    let ran = run(&server);
    let (document, events) = (document(&ran), events(&ran));
    let junit = ran.junit();
    let marks = marks();
    let checks = document["checks"].as_array().expect("checks");
    assert_eq!(marks.len(), checks.len() + 1, "a mark for each check, and one for a cleanup step");
    for (name, expected) in marks.iter().filter(|(name, _)| *name != "cleanup") {
        let in_json = &check(&document, name)["failure"];
        assert_eq!(&place(&in_json["location"]), expected, "{name}: {in_json:#}");

        let finished = events.iter().find(|e| e["event"] == "check-finished" && e["check"] == *name);
        let finished = &finished.expect("its end")["result"]["failure"];
        assert_eq!(finished, in_json, "{name}");

        let text = &junit.case(name).text;
        let suite = text.lines().find_map(|line| line.strip_prefix("suite: "));
        assert_eq!(suite, Some(expected.as_str()), "{name}: {text}");

        let line = ran.stderr.lines().find(|line| line.contains(&format!("  {name}  ")));
        let line = line.unwrap_or_else(|| panic!("no line of {name}\n{}", ran.stderr));
        assert!(line.split(&[' ', ';'][..]).any(|word| word == expected), "{name} at {expected}: {line}");

        let (file, line) = expected.split_once(':').expect("a line");
        let annotation = format!("file={file},line={line},title={name}::");
        assert!(ran.stderr.contains(&annotation), "{annotation}\n{}", ran.stderr);
    }
}

#[test]
fn attempts_and_steps_have_theirs() {
    let server = server();
    let ran = run(&server);
    let document = document(&ran);
    let mark = |wanted: &str| {
        marks().into_iter().find(|(name, _)| *name == wanted).map(|(_, place)| place).expect("a mark")
    };
    for name in ["after attempts", "refused"] {
        let attempt = &check(&document, name)["failed_attempts"][0];
        assert_eq!(place(&attempt["location"]), mark(name), "{name}");
    }
    for name in ["after attempts", "refused", "a step by default"] {
        let told = events(&ran);
        let attempt = told.iter().find(|event| event["event"] == "attempt-failed" && event["check"] == name);
        assert_eq!(place(&attempt.expect("an attempt")["failure"]["location"]), mark(name), "{name}");
    }
    // The place of a failed check itself is still that of its table.
    assert!(place(&check(&document, "a step")["location"]) < mark("a step"));

    let steps = &check(&document, "a step")["steps"];
    assert_eq!(place(&steps[1]["failure"]["location"]), mark("a step"));
    assert_eq!(place(&steps[2]["location"]), mark("cleanup"));
    assert_eq!(place(&steps[2]["failure"]["location"]), mark("cleanup"));
    let cleanup = format!("cleanup step `clean up` ({}) failed: expected status", mark("cleanup"));
    assert!(ran.stderr.contains(&cleanup), "{}", ran.stderr);
    let output = ran.junit().case("a step").output.clone();
    assert!(output.ends_with(&format!("({})", mark("cleanup"))), "{output}");
}

#[test]
fn of_several_that_were_not_met_each_has_its_own() {
    let server = server();
    let suite = format!(
        "[[health]]\nname = \"several\"\nurl = {:?}\nexpect.json.\"$.id\" = 8\nexpect.json.\"$.state\" = \"paid\"\n\
         expect.json.\"$.none\" = {{ exists = true }}\n",
        server.url("/")
    );
    let ran = Smoke::new().suite(&suite).args(["--json", "smoke.json"]).run();
    ran.exits(1);
    let document = document(&ran);
    let mismatches = check(&document, "several")["failure"]["mismatches"].as_array().expect("mismatches");
    let places: Vec<String> = mismatches.iter().map(|mismatch| place(&mismatch["location"])).collect();
    assert_eq!(places, ["smoke.toml:4", "smoke.toml:5", "smoke.toml:6"]);
    let text = ran.junit().case("several").text.clone();
    assert!(text.contains("suite: smoke.toml:4, smoke.toml:5, smoke.toml:6\n"), "{text}");
    // On the console, the first place is on the line of the check, and is not repeated.
    let below: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("        expected ")).collect();
    let ends: Vec<bool> =
        below.iter().zip(&places).map(|(line, place)| line.ends_with(&format!("  {place}"))).collect();
    assert_eq!(ends, [false, true, true], "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("smoke.toml:4").count(), 2, "with the root cause\n{}", ran.stderr);
}
