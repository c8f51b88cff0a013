//! The JUnit report: every outcome as its element, complete, valid, and from this run.

use std::fs;
use std::time::Duration;

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use smoke::language::printable::printable;

use crate::support::hostile::{hostile, toml};
use crate::support::http::{HttpServer, Response};
use crate::support::junit::{Case, Outcome};
use crate::support::smoke::{Ran, Smoke};

fn server() -> HttpServer {
    HttpServer::start(|request| match request.path.as_str() {
        "/bad" => Response::new(500),
        "/slow" => Response::new(200).delay(Duration::from_secs(20)),
        "/delay" => Response::new(200).delay(Duration::from_millis(300)),
        _ => Response::json(r#"{"id": 7}"#),
    })
}

fn check(name: &str, url: &str, keys: &str) -> String {
    format!("[[health]]\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n")
}

fn is(case: &Case, outcome: Outcome, kind: Option<&str>, message: &str) {
    assert_eq!((case.outcome, case.kind.as_deref()), (outcome, kind), "{case:?}");
    let told = case.message.as_deref().unwrap_or_default();
    assert!(told.contains(message), "{message:?} is not in {told:?}");
}

#[test]
fn every_outcome_has_its_element() {
    let server = server();
    let suite = String::from(
        "[suite]\nname = \"shop.example\"\nfail-fast = false\nbudget = \"4s\"\nconcurrency = 30\n",
    ) + &check("passed", &server.url("/"), "")
        + &check("mismatch", &server.url("/bad"), "")
        + &check("timeout", &server.url("/slow"), "budget = \"200ms\"")
        + &check("connect", "http://127.0.0.1:1/", "")
        + &check("dns", "http://no-such-host.invalid/", "budget = \"3900ms\"")
        + &check("warned", &server.url("/bad"), "severity = \"warn\"")
        + &check("skipped", &server.url("/"), "skip = \"not today\"")
        + &check("needing", &server.url("/"), "needs = [\"mismatch\"]")
        + &check("cut", &server.url("/slow"), "budget = \"4s\"")
        + &check(
            "flaky",
            &server.url("/flaky"),
            "retry = { attempts = 2, delay = \"10ms\" }\nexpect.json.\"$.id\" = 7",
        )
        + "[[database]]\nname = \"local\"\nurl = \"sqlite:no-such.db\"\n";
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    let report = ran.junit();
    is(report.case("passed"), Outcome::Passed, None, "");
    is(report.case("mismatch"), Outcome::Failed, Some("mismatch"), "expected status 2xx, got 500");
    is(report.case("timeout"), Outcome::Failed, Some("timeout"), "within 200ms (check budget)");
    is(report.case("connect"), Outcome::Errored, Some("connect"), "connection refused");
    is(report.case("warned"), Outcome::Skipped, Some("warning"), "expected status 2xx, got 500");
    is(report.case("skipped"), Outcome::Skipped, Some("skipped"), "not today");
    is(report.case("needing"), Outcome::Skipped, Some("skipped"), "needs `mismatch`, which did not pass");
    is(report.case("cut"), Outcome::Errored, Some("budget"), "(suite budget)");
    is(report.case("flaky"), Outcome::Passed, None, "");
    assert_eq!(report.case("local").outcome, Outcome::Errored);
    assert_eq!(report.name, "shop.example");
    assert!(report.cases.iter().all(|case| case.classname.starts_with("shop_example.")), "{}", report.xml);

    assert_eq!((report.tests, report.cases.len()), (11, 11));
    assert_eq!(report.failures, report.count(Outcome::Failed));
    assert_eq!(report.errors, report.count(Outcome::Errored));
    assert_eq!((report.skipped, report.count(Outcome::Skipped)), (3, 3));
    let order: Vec<&str> = report.cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!((order[0], order[6], order[10]), ("passed", "skipped", "local"));
}

#[test]
fn an_unknown_host_is_a_dns_error() {
    let ran = Smoke::new().suite(&check("dns", "http://no-such-host.invalid/", "")).run();
    ran.exits(1);
    let report = ran.junit();
    assert_eq!(report.case("dns").kind.as_deref(), Some("dns"), "{}", report.xml);
}

#[test]
fn fail_fast_skips_the_rest_and_says_so() {
    let server = server();
    let suite = check("bad", &server.url("/bad"), "needs = [\"up\"]")
        + &check("up", &server.url("/"), "")
        + &check("in flight", &server.url("/slow"), "budget = \"30s\"")
        + &check("waiting", &server.url("/"), "needs = [\"in flight\"]");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    let report = ran.junit();
    is(
        report.case("in flight"),
        Outcome::Skipped,
        Some("skipped"),
        "cut while it ran, because `bad` failed (fail-fast)",
    );
    is(
        report.case("waiting"),
        Outcome::Skipped,
        Some("skipped"),
        "not started, because `bad` failed (fail-fast)",
    );
}

/// The name, type and message of each of these elements, with the case that it is in.
fn elements(xml: &str, name: &str) -> Vec<(String, String, String)> {
    let document = roxmltree::Document::parse(xml).expect("XML");
    let of = |node: roxmltree::Node, name: &str| node.attribute(name).unwrap_or_default().to_owned();
    let found = document.descendants().filter(|node| node.has_tag_name(name));
    found
        .map(|node| (of(node.parent().expect("a case"), "name"), of(node, "type"), of(node, "message")))
        .collect()
}

#[test]
fn a_flaky_pass_has_each_attempt_that_failed_as_an_element() {
    let answered = std::sync::atomic::AtomicUsize::new(0);
    let server = HttpServer::start(move |request| {
        if request.path == "/up" {
            return Response::new(200);
        }
        let before = answered.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Response::new(if before < 2 { 503 } else { 200 }).body("<testcase name=\"forged\">]]>")
    });
    let late = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
    let address = late.local_addr().expect("know the port");
    // It hangs up once, and is an HTTP server then.
    let second = std::thread::spawn(move || {
        for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"] {
            let (mut stream, _) = late.accept().expect("a connection");
            let read = std::io::Read::read(&mut stream, &mut [0; 1024]).expect("read the request");
            assert!(read > 0);
            std::io::Write::write_all(&mut stream, answer.as_bytes()).expect("answer");
        }
    });
    let suite = check("up", &server.url("/up"), "")
        + &check("flaky", &server.url("/"), "retry = { attempts = 3, delay = \"10ms\" }")
        + &check("hung up", &format!("http://{address}/"), "retry = { attempts = 2, delay = \"10ms\" }");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(0);
    second.join().expect("it was asked twice");
    let report = ran.junit();
    let named = |name: &str| elements(&report.xml, name);
    let failures = named("flakyFailure");
    let expected = |attempt: u32| {
        let message = format!("attempt {attempt}: expected status 2xx, got 503");
        ("flaky".to_owned(), "mismatch".to_owned(), message)
    };
    assert_eq!(failures, [expected(1), expected(2)]);
    let errors = named("flakyError");
    assert_eq!(errors.len(), 1, "{}", report.xml);
    assert_eq!((errors[0].0.as_str(), errors[0].1.as_str()), ("hung up", "protocol"), "{errors:?}");
    assert_eq!(report.count(Outcome::Passed), 3);
}

#[test]
fn attempts_and_steps_are_in_the_output_of_their_case() {
    let answered = std::sync::atomic::AtomicUsize::new(0);
    let server = HttpServer::start(move |_| {
        let before = answered.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Response::new(if before == 0 { 503 } else { 200 })
    });
    let suite = format!(
        "{}[[journey]]\nname = \"flow\"\nneeds = [\"flaky\"]\n[[journey.step]]\nname = \"first\"\nget = \"{1}\"\n\
         [[journey.step]]\nname = \"second\"\nget = \"{1}\"\n",
        check("flaky", &server.url("/"), "retry = { attempts = 3, delay = \"10ms\" }"),
        server.url("/")
    );
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(0);
    let report = ran.junit();
    let flaky = &report.case("flaky").output;
    assert!(flaky.contains("attempt 1 failed: expected status 2xx, got 503"), "{flaky}");
    let steps = &report.case("flow").output;
    assert!(steps.contains("step 1 `first`: passed") && steps.contains("step 2 `second`: passed"), "{steps}");
    assert!(ran.stderr.contains("FLAKY") && ran.stderr.contains("(1 flaky)"), "{}", ran.stderr);
}

#[test]
fn the_suites_time_is_wall_time_and_not_the_sum() {
    let server = server();
    let suite: String = (0..10).map(|n| check(&n.to_string(), &server.url("/delay"), "")).collect();
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(0);
    let report = ran.junit();
    let sum: f64 = report.cases.iter().map(|case| case.time).sum();
    assert!(sum >= 3.0 && (0.3..sum).contains(&report.time), "{sum} {}", report.time);
}

#[test]
fn an_existing_file_is_replaced() {
    let server = server();
    let good = check("up", &server.url("/"), "");
    for stale in ["", "garbage", "<testsuite name=\"old\"/>"] {
        let ran = Smoke::new().file("junit.xml", stale).suite(&good).run();
        ran.exits(0);
        assert_eq!(ran.junit().cases.len(), 1);
        let left: Vec<_> = fs::read_dir(ran.path(".")).expect("the folder").filter_map(Result::ok).collect();
        assert_eq!(left.len(), 2, "{left:?}");
    }
}

fn rejected(ran: &Ran, code: i32) {
    ran.exits(code);
    let report = ran.junit();
    assert!(!report.xml.contains("name=\"old\""), "{}", report.xml);
}

#[test]
fn an_invalid_suite_leaves_a_report_with_its_errors() {
    let stale = "<testsuite name=\"old\"/>";
    let ran = Smoke::new().file("junit.xml", stale).suite("[suite]\nnam = \"a\"\nbudget = 5\n").run();
    rejected(&ran, 2);
    let report = ran.junit();
    is(
        report.case("smoke.toml"),
        Outcome::Errored,
        Some("suite"),
        "2 mistakes in the suite; nothing was sent",
    );
    let text = &report.case("smoke.toml").text;
    assert!(text.contains("smoke.toml:2:1: unknown key `nam`\n"), "{text}");
    assert!(text.contains("smoke.toml:3:10: a duration needs its unit"), "{text}");
    rejected(&Smoke::new().file("junit.xml", stale).arg("nowhere.toml").run(), 2);
    let suite = check("up", "http://127.0.0.1:1/", "");
    rejected(&Smoke::new().file("junit.xml", stale).suite(&suite).args(["--env", "prod"]).run(), 2);
    rejected(&Smoke::new().file("junit.xml", stale).suite(&suite).args(["--tag", "none"]).run(), 3);
}

#[test]
fn a_killed_run_leaves_no_stale_report() {
    let server = server();
    let suite = check("slow", &server.url("/slow"), "budget = \"30s\"");
    let running = Smoke::new().file("junit.xml", "<testsuite name=\"old\"/>").suite(&suite).spawn();
    running.wait_for_stderr("1 check");
    running.signal(rustix::process::Signal::KILL);
    let ran = running.wait();
    assert_eq!(ran.signal, Some(9));
    assert!(!ran.path("junit.xml").exists());
}

#[test]
fn any_name_and_body_give_a_valid_report() {
    let mut runner = TestRunner::deterministic();
    let strategy = hostile();
    let mut text = || strategy.new_tree(&mut runner).expect("a text").current();
    let bodies: Vec<String> = (0..300).map(|_| text()).collect();
    let names: Vec<String> =
        (0..300).map(|n| format!("{n} {}", text().replace("{{", "").replace(['\n', '\r'], " "))).collect();
    let answers = bodies.clone();
    let server = HttpServer::start(move |request| {
        let number: usize = request.path[1..].parse().expect("a number");
        Response::new(200).body(answers[number].as_str())
    });
    let mut suite = "[suite]\nfail-fast = false\n".to_owned();
    for (n, name) in names.iter().enumerate() {
        let keys = "expect.body = \"\\u0001 never this ]]>\"";
        suite += &check(&toml(name), &server.url(&format!("/{n}")), keys);
    }
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    let report = ran.junit();
    assert_eq!((report.tests, report.cases.len(), report.failures), (300, 300, 300));
    for (name, case) in names.iter().zip(&report.cases) {
        if printable(name) == *name && !name.contains(['\u{fffe}', '\u{ffff}']) {
            assert_eq!(&case.name, name);
        }
        assert_eq!(case.name.split(' ').next(), name.split(' ').next());
    }
    let steers = |c: char| c.is_control() && c != '\n';
    assert!(!ran.stderr.contains(steers), "{:?}", ran.stderr.chars().find(|c| steers(*c)));
}
