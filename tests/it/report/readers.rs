//! Other parsers of the JUnit report agree with smoke on counts, names and the suite's time, over more than a thousand
//! results of every kind.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use proptest::prelude::Strategy as _;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::Value;

use crate::support::hostile::{hostile, toml};
use crate::support::http::{HttpServer, Response};
use crate::support::junit::{Junit, Outcome};
use crate::support::smoke::{Ran, Smoke};

const RUNS: usize = 6;
const CHECKS: usize = 200;

/// What one parser found in a file.
#[derive(Debug, PartialEq)]
struct Seen {
    /// The suite's attributes: tests, failures, errors, skipped.
    said: [u64; 4],
    /// The same, counted from its cases.
    counted: [u64; 4],
    names: Vec<String>,
    milliseconds: f64,
}

fn server() -> HttpServer {
    let asked = std::sync::atomic::AtomicUsize::new(0);
    HttpServer::start(move |request| match request.path.as_str() {
        "/bad" => Response::new(500).body("no ]]> <good> & \u{1}"),
        "/slow" => Response::new(200).delay(Duration::from_secs(5)),
        "/odd" => {
            let before = asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            Response::new(if before.is_multiple_of(2) { 503 } else { 200 })
        }
        _ => Response::new(200),
    })
}

/// A suite of random outcomes in random order, with random names.
fn suite(server: &HttpServer, runner: &mut TestRunner) -> String {
    let ends = [
        ("/", ""),
        ("/", "skip = \"]]> & not today\""),
        ("/bad", ""),
        ("/bad", "severity = \"warn\""),
        ("/slow", "budget = \"150ms\""),
        ("/odd", "retry = { attempts = 3, delay = \"1ms\" }"),
    ];
    let refused = "http://127.0.0.1:1/".to_owned();
    let mut text = "[suite]\nname = \"a <shop> & more\"\nfail-fast = false\nconcurrency = 40\n".to_owned();
    let mut last_bad = None;
    for n in 0..CHECKS {
        let pick = (0..ends.len() + 2).new_tree(runner).expect("a number").current();
        let name = toml(&format!(
            "{n} {}",
            hostile()
                .new_tree(runner)
                .expect("a name")
                .current()
                .replace(['\n', '\r'], " ")
                .replace("{{", "{ {")
        ));
        let (url, keys) = match (ends.get(pick), &last_bad) {
            (Some((path, keys)), _) => (server.url(path), (*keys).to_owned()),
            (None, Some(bad)) if pick == ends.len() => (server.url("/"), format!("needs = [\"{bad}\"]")),
            (None, _) => (refused.clone(), String::new()),
        };
        if pick == 2 {
            last_bad = Some(name.clone());
        }
        text += &format!("[[health]]\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n");
    }
    text
}

/// Returns the same data from smoke's JSON report.
fn smokes(ran: &Ran) -> Seen {
    let text = std::fs::read_to_string(ran.path("smoke.json")).expect("the document");
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let count = |name: &str| document["counts"][name].as_u64().expect("a count");
    // In JUnit, a check without a result is an error, and a warning is skipped. See the documentation.
    let counts = [
        count("checks"),
        count("failed"),
        count("errored") + count("undecided"),
        count("skipped") + count("warned"),
    ];
    let names = document["checks"].as_array().expect("checks").iter();
    Seen {
        said: counts,
        counted: counts,
        names: names.map(|check| number(check["name"].as_str().expect("a name"))).collect(),
        milliseconds: document["duration_ms"].as_f64().expect("a time"),
    }
}

/// Returns the number at the start of a name. The rest may contain characters that XML cannot represent.
fn number(name: &str) -> String {
    name.split(' ').next().unwrap_or_default().to_owned()
}

fn our_own(path: &Path) -> Seen {
    let Junit { tests, failures, errors, skipped, time, cases, .. } = &Junit::read(path);
    let count = |outcome| cases.iter().filter(|case| case.outcome == outcome).count();
    let counted = [cases.len(), count(Outcome::Failed), count(Outcome::Errored), count(Outcome::Skipped)];
    Seen {
        said: [tests, failures, errors, skipped].map(|count| *count as u64),
        counted: counted.map(|count| count as u64),
        names: cases.iter().map(|case| number(&case.name)).collect(),
        milliseconds: time * 1e3,
    }
}

/// `junitparser`, the common parser in Python.
const JUNITPARSER: &str = r#"
import json, sys, junitparser
xml = junitparser.JUnitXml.fromfile(sys.argv[1])
(suite,) = [xml] if isinstance(xml, junitparser.TestSuite) else list(xml)
cases = list(suite)
kinds = [type(result).__name__ for case in cases for result in case.result]
print(json.dumps({
    "said": [suite.tests, suite.failures, suite.errors, suite.skipped],
    "counted": [len(cases)] + [kinds.count(kind) for kind in ("Failure", "Error", "Skipped")],
    "names": [case.name for case in cases],
    "seconds": suite.time,
}))
"#;

fn junitparsers(path: &Path) -> Seen {
    // The system's Python, which has Debian's package. Another Python may not.
    let system = "/usr/bin/python3";
    let python = if Path::new(system).exists() { system } else { "python3" };
    let output = Command::new(python).args(["-c", JUNITPARSER]).arg(path).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let four = |key: &str| [0, 1, 2, 3].map(|index| seen[key][index].as_u64().expect("a count"));
    Seen {
        said: four("said"),
        counted: four("counted"),
        names: seen["names"]
            .as_array()
            .expect("names")
            .iter()
            .map(|name| number(name.as_str().expect("a name")))
            .collect(),
        milliseconds: seen["seconds"].as_f64().expect("a time") * 1e3,
    }
}

/// `xmllint`, as in shell scripts.
fn xmllints(path: &Path) -> Seen {
    let ask = |question: &str| {
        let output =
            Command::new("xmllint").args(["--xpath", question]).arg(path).output().expect("xmllint runs");
        assert!(output.status.success(), "{question}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    let number_of = |question: &str| ask(question).parse().expect("a number");
    let said = ["tests", "failures", "errors", "skipped"]
        .map(|name| number_of(&format!("number(//testsuite/@{name})")));
    let counted =
        ["", "[failure]", "[error]", "[skipped]"].map(|with| number_of(&format!("count(//testcase{with})")));
    let names = ask("//testcase/@name");
    let names = names.lines().filter_map(|line| line.trim().strip_prefix("name=\""));
    Seen {
        said,
        counted,
        names: names.map(number).collect(),
        milliseconds: ask("string(//testsuite/@time)").parse::<f64>().expect("a time") * 1e3,
    }
}

#[test]
fn other_junit_readers_agree_with_smoke() {
    let server = server();
    let mut runner = TestRunner::deterministic();
    for _ in 0..RUNS {
        let suite = suite(&server, &mut runner);
        let ran = Smoke::new().suite(&suite).args(["--json", "smoke.json"]).run();
        ran.exits(1);
        assert_eq!(ran.junit().cases.len(), CHECKS);
        let ours = smokes(&ran);
        assert!(ours.counted.iter().all(|count| *count > 10), "not every kind is there: {ours:?}");
        let path = ran.path("junit.xml");
        for (reader, seen) in
            [("ours", our_own(&path)), ("junitparser", junitparsers(&path)), ("xmllint", xmllints(&path))]
        {
            assert_eq!((seen.said, seen.counted), (ours.said, ours.counted), "{reader}");
            assert_eq!(seen.names, ours.names, "{reader}");
            // The file has milliseconds of wall-clock time.
            assert!((seen.milliseconds - ours.milliseconds).abs() <= 1.0, "{reader}: {seen:?}");
        }
    }
}
