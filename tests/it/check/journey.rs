//! `[[journey]]`: steps with a cookie jar, captures and budgets.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::http::{HttpServer, Response};
use crate::support::journeys::{asked, cleanup, journey, run, shop, step};
use crate::support::junit::Outcome;
use crate::support::smoke::Smoke;
use crate::support::thorough;
use crate::support::verdicts::suite;

fn login() -> [String; 2] {
    [
        step(
            "open",
            "get = \"{{base}}/login\"\ncapture.csrf = { html = \"input[name=csrf]\", attr = \"value\" }",
        ),
        step(
            "log in",
            "post = \"{{base}}/login\"\nform = { csrf = \"{{csrf}}\" }\nexpect.status = 302\ncapture.token = { header = \"x-token\" }",
        ),
    ]
}

#[test]
fn steps_share_cookies_and_captures_and_are_listed_with_their_times() {
    let server = shop();
    let [open, log_in] = login();
    let me = step(
        "me",
        "get = \"{{base}}/me\"\nexpect.json.\"$.name\" = \"Ann\"\ncapture.id = { json = \"$.id\" }",
    );
    let order = step(
        "order",
        "post = \"{{base}}/orders/{{id}}\"\nauth = { bearer = \"{{token}}\" }\njson = { of = \"{{id}}\" }",
    );
    let ran = run(&server, &journey("it", "", &[open, log_in, me, order]));
    ran.exits(0);
    assert_eq!(asked(&server), ["GET /login", "POST /login", "GET /me", "POST /orders/7"]);
    assert_eq!(server.requests()[3].text(), "{\"of\":7}", "a captured number stays one");
    assert_eq!(server.connections(), 3, "a journey keeps its connection, and a POST has one of its own");
    let output = ran.junit().case("it").output.clone();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.len(), 4, "{output}");
    for (line, name) in lines.iter().zip(["1 `open`", "2 `log in`", "3 `me`", "4 `order`"]) {
        assert!(line.starts_with(&format!("step {name}: passed in ")) && line.ends_with('s'), "{line}");
    }
}

#[test]
fn a_cookie_set_by_a_redirect_is_captured() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/via" => Response::redirect("/").header("set-cookie", "early=bird"),
        _ => Response::new(200),
    });
    let look = step("look", "get = \"{{base}}/via\"\nredirects = 1\ncapture.it = { cookie = \"early\" }");
    run(&server, &journey("it", "", &[look, step("use", "get = \"{{base}}/{{it}}\"")])).exits(0);
    assert_eq!(asked(&server), ["GET /via", "GET /", "GET /bird"]);
}

#[test]
fn the_status_is_judged_first_then_captures_then_the_rest() {
    let server = HttpServer::start(|_| Response::json("{\"a\": 1}").status(404));
    let both = "get = \"{{base}}/\"\ncapture.b = { json = \"$.b\" }\nexpect.json.\"$.a\" = 2";
    let checks = journey("status", "", &[step("x", both)])
        + &journey("capture", "", &[step("x", &format!("{both}\nexpect.status = 404"))])
        + &journey("default", "", &[step("x", "get = \"{{base}}/\"")]);
    let report = run(&server, &checks).junit();
    let message = |name: &str| report.case(name).message.clone().unwrap_or_default();
    assert_eq!(message("status"), "step 1 `x`: expected status 2xx or 3xx, got 404");
    assert_eq!(message("default"), "step 1 `x`: expected status 2xx or 3xx, got 404");
    assert!(message("capture").starts_with("step 1 `x`: expected the capture `b` to find one value"));
}

#[test]
fn twenty_checks_that_need_one_login_cause_one_login() {
    let server = shop();
    let users = |number: usize| {
        format!(
            "[[health]]\nname = \"user {number}\"\nneeds = [\"log in\"]\nurl = \"{{{{base}}}}/orders\"\n\
             auth = {{ bearer = \"{{{{token}}}}\" }}\n"
        )
    };
    let checks = journey("log in", "share = [\"token\"]", &login()) + &(0..20).map(users).collect::<String>();
    run(&server, &checks).exits(0);
    let logins = asked(&server).iter().filter(|line| *line == "POST /login").count();
    assert_eq!((logins, server.requests().len()), (1, 22));
}

#[test]
fn a_cut_step_names_the_budget_that_cut_it() {
    let server = shop();
    let slow = |budget: &str| {
        [
            step("ok", "get = \"{{base}}/open\""),
            step("slow", &format!("get = \"{{{{base}}}}/slow\"\n{budget}")),
        ]
    };
    let checks = journey("step", "budget = \"5s\"", &slow("budget = \"2s\""))
        + &journey("check", "budget = \"2s\"", &slow(""))
        + &journey("outer", "budget = \"2s\"", &slow("budget = \"5s\""));
    let ran = run(&server, &checks);
    ran.exits(1);
    let report = ran.junit();
    for (name, whose) in [("step", "step"), ("check", "check"), ("outer", "check")] {
        let case = report.case(name);
        assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Failed, Some("timeout")));
        let message = format!(
            "step 2 `slow`: no answer within 2s ({whose} budget), while waiting for the first byte of the answer (first byte)"
        );
        assert_eq!(case.message.as_deref(), Some(message.as_str()));
        assert!(case.output.contains("step 1 `ok`: passed"), "{}", case.output);
        assert!(case.output.contains("step 2 `slow`: did not pass in "), "{}", case.output);
    }
    assert!(ran.took < thorough::bound(Duration::from_secs(3)), "{:?}", ran.took);
}

#[test]
fn a_step_polls_until_it_passes() {
    let asked = AtomicUsize::new(0);
    let server = HttpServer::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0..3 => Response::json("{\"state\": \"new\"}"),
        _ => Response::json("{\"state\": \"paid\"}"),
    });
    let wait =
        step("paid", "get = \"{{base}}/\"\npoll = { every = \"20ms\" }\nexpect.json.\"$.state\" = \"paid\"");
    let never = step(
        "sent",
        "get = \"{{base}}/\"\nbudget = \"1s\"\npoll = { every = \"20ms\" }\nexpect.json.\"$.state\" = \"sent\"",
    );
    let ran = run(&server, &journey("it", "", &[wait, never]));
    ran.exits(1);
    let report = ran.junit();
    let case = report.case("it");
    let lines: Vec<&str> = case.output.lines().collect();
    assert_eq!(
        lines[2], "step 1 `paid`, attempt 3 failed: expected json $.state \"paid\", got \"new\"",
        "{}",
        case.output
    );
    assert!(lines[3].starts_with("step 1 `paid`: passed after 4 attempts in "), "{}", case.output);
    let message = case.message.as_deref().unwrap_or_default();
    assert!(
        message.starts_with("step 2 `sent`: expected json $.state \"sent\", got \"paid\"; no "),
        "{message}"
    );
    assert!(message.contains(" within 1s (step budget), "), "{message}");
}

#[test]
fn the_certificate_is_known_in_every_step_on_a_kept_connection() {
    use crate::support::certificates::{Certificates, TlsIdentity};
    let server = HttpServer::start_tls(TlsIdentity::SoonExpiring, |_| Response::new(200));
    let look = |name| step(name, "get = \"{{base}}/\"\nexpect.certificate.days-left = 10");
    let head = format!("[defaults.http]\ntls.ca = {:?}\n", Certificates::shared().authority());
    run(&server, &format!("{head}{}", journey("it", "", &[look("a"), look("b")]))).exits(0);
    assert_eq!(server.connections(), 1);
}

#[test]
fn a_step_without_a_request_is_an_error() {
    let server = shop();
    for (keys, message) in [
        ("get = \"tcp://127.0.0.1:1\"", "unsupported scheme `tcp`"),
        ("get = \"/login\"", "relative URL without a base"),
        ("get = \"{{base}}/a b\"", "' ' is not allowed in a URL"),
    ] {
        let ran = run(&server, &journey("it", "", &[step("x", keys)]));
        ran.exits(2);
        assert!(ran.stderr.contains(message), "{message} in\n{}", ran.stderr);
    }
}

#[test]
fn values_shared_by_a_gate_reach_every_check_behind_it() {
    let server = shop();
    let orders =
        "[[health]]\nname = \"orders\"\nurl = \"{{base}}/orders\"\nauth = { bearer = \"{{token}}\" }\n";
    let gate = journey("log in", "gate = true\nshare = [\"token\"]", &login());
    run(&server, &(gate.clone() + orders)).exits(0);

    // A dependency by name overrides the gate.
    let other = journey(
        "as another",
        "share = [\"token\"]",
        &[step("x", "get = \"{{base}}/open\"\ncapture.token = { status = true }")],
    );
    let as_another = orders.replace("url =", "needs = [\"as another\"]\nurl =");
    let ran = run(&server, &(gate.clone() + &other + &as_another));
    ran.exits(1);
    assert_eq!(ran.junit().case("orders").message.as_deref(), Some("expected status 2xx, got 403"));

    let without = |arguments: &[&str]| {
        let text = format!("[vars]\nbase = {:?}\n{gate}{orders}", server.url(""));
        Smoke::new().suite(&text).args(arguments.iter().copied()).run()
    };
    let ran = without(&["--skip", "log in"]);
    ran.exits(2);
    assert!(ran.stderr.contains("`log in`, which shares it, is excluded"), "{}", ran.stderr);
    without(&["--skip", "log in", "--var", "token=tok-12345"]).exits(0);
}

/// Answers 503 to the first request for each path, and 200 after that.
fn at_the_second() -> HttpServer {
    let known = Mutex::new(BTreeSet::new());
    HttpServer::start(move |request| {
        let is_first = known.lock().expect("the paths").insert(request.path.clone());
        Response::new(if is_first { 503 } else { 200 })
    })
}

#[test]
fn a_retried_step_makes_its_journey_flaky() {
    let server = at_the_second();
    let retry = "retry = { attempts = 3, delay = \"1ms\" }";
    let steps = [
        step("look", "get = \"{{base}}/first\"\nexpect.status = 503"),
        step("buy", &format!("get = \"{{{{base}}}}/buy\"\n{retry}")),
    ];
    let text = suite(&format!("[vars]\nbase = {:?}\n{}", server.url(""), journey("it", "", &steps)));
    let ran = Smoke::new()
        .suite(&text)
        .args(["--json", "smoke.json", "--events", "events.jsonl"])
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", "summary.md")
        .run();
    ran.exits(0);
    let why = "expected status 2xx or 3xx, got 503";
    let read = |name: &str| std::fs::read_to_string(ran.path(name)).expect("a report");

    let lines: Vec<&str> = ran.stderr.lines().skip_while(|line| !line.contains("FLAKY")).take(2).collect();
    assert_eq!(lines.len(), 2, "{}", ran.stderr);
    assert!(lines[0].ends_with("it  step 2 `buy` passed at attempt 2"), "{}", ran.stderr);
    assert_eq!(lines[1].trim(), format!("step 2 `buy`, attempt 1: {why}"));
    assert!(ran.stderr.contains("(1 flaky)"), "{}", ran.stderr);

    let output = ran.junit().case("it").output.clone();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.len(), 3, "{output}");
    assert_eq!(lines[1], format!("step 2 `buy`, attempt 1 failed: {why}"));
    assert!(lines[2].starts_with("step 2 `buy`: passed after 2 attempts in "), "{output}");

    let document: Value = serde_json::from_str(&read("smoke.json")).expect("JSON");
    let check = &document["checks"][0];
    assert_eq!((&document["counts"]["flaky"], &check["flaky"]), (&json!(1), &json!(true)));
    assert_eq!(check["failed_attempts"], json!([]));
    assert_eq!(check["steps"][0]["failed_attempts"], json!([]));
    let failed = &check["steps"][1]["failed_attempts"];
    assert_eq!((failed.as_array().map(Vec::len), &failed[0]["message"]), (Some(1), &json!(why)));

    let events: Vec<Value> =
        read("events.jsonl").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    let expected = ["run-started", "check-started", "step-finished", "attempt-failed", "step-finished"];
    assert_eq!(names[..5], expected);
    assert_eq!(events[3]["step"], json!({ "number": 2, "name": "buy" }));
    assert_eq!((&events[3]["attempt"], &events[3]["failure"]), (&json!(1), &failed[0]));

    let told = format!("passed at attempt 2, after: {why}");
    assert!(ran.stderr.contains(&format!("flaky: step 2 `buy` {told}")), "{}", ran.stderr);
    let summary = read("summary.md");
    assert!(summary.contains("| FLAKY | it | journey | "), "{summary}");
    assert!(
        summary.contains("step 2 &#96;buy&#96; passed at attempt 2, after: expected status"),
        "{summary}"
    );
}

#[test]
fn polling_and_cleanup_steps_do_not_make_a_journey_flaky() {
    let server = at_the_second();
    let steps = [
        step("wait", "get = \"{{base}}/wait\"\npoll = { every = \"1ms\" }"),
        cleanup("remove", "get = \"{{base}}/remove\"\nretry = { attempts = 2, delay = \"1ms\" }"),
    ];
    let ran = run(&server, &journey("it", "", &steps));
    ran.exits(0);
    assert_eq!(asked(&server).len(), 4);
    assert!(ran.stderr.contains(" PASS ") && !ran.stderr.contains("flaky"), "{}", ran.stderr);
}
