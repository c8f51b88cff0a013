//! Cleanup steps run however the journey ends, and failed ones are reported.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::http::{HttpServer, Response};
use crate::support::journeys::{asked, cleanup, journey, run, shop, step};
use crate::support::junit::Outcome;
use crate::support::smoke::Smoke;
use crate::support::{thorough, wait};

/// Three cleanup steps: one whose variable was never captured, one that fails, one that passes.
fn with_cleanup(name: &str, keys: &str, last: &str) -> String {
    let order =
        "get = \"{{base}}/orders\"\nauth = { bearer = \"tok-12345\" }\ncapture.order = { json = \"$.id\" }";
    journey(
        name,
        keys,
        &[
            step("order", order),
            step("last", last),
            cleanup("never captured", "delete = \"{{base}}/orders/{{later}}\""),
            cleanup("fails", &format!("delete = \"{{{{base}}}}/forbidden/{name}\"")),
            cleanup(
                "remove",
                &format!(
                    "delete = \"{{{{base}}}}/orders/{{{{order}}}}/{name}\"\nauth = {{ bearer = \"tok-12345\" }}"
                ),
            ),
        ],
    )
}

#[test]
fn cleanup_runs_after_pass_failure_and_cut_where_its_variables_were_captured() {
    let server = shop();
    let later = "\ncapture.later = { json = \"$.missing\" }";
    let checks = with_cleanup("fail", "", &format!("get = \"{{{{base}}}}/open\"{later}"))
        + &with_cleanup("cut", "budget = \"2s\"", &format!("get = \"{{{{base}}}}/slow\"{later}"))
        + &with_cleanup(
            "pass",
            "",
            "get = \"{{base}}/login\"\ncapture.later = { html = \"input\", attr = \"value\" }",
        );
    let ran = run(&server, &checks);
    ran.exits(1);
    let deleted: Vec<String> = asked(&server).into_iter().filter(|line| line.starts_with("DELETE")).collect();
    for name in ["fail", "cut", "pass"] {
        for path in [format!("DELETE /forbidden/{name}"), format!("DELETE /orders/99/{name}")] {
            assert_eq!(deleted.iter().filter(|line| **line == path).count(), 1, "{path} in {deleted:?}");
        }
    }
    assert_eq!(deleted.len(), 7, "only one had captured what `never captured` needs: {deleted:?}");
    let report = ran.junit();
    for (name, ran) in [("fail", false), ("cut", false), ("pass", true)] {
        assert_eq!(
            report.case(name).output.contains("`never captured`"),
            ran,
            "{}",
            report.case(name).output
        );
    }
    let case = report.case("pass");
    assert_eq!(case.outcome, Outcome::Passed, "what is left behind does not change the verdict");
    let told = "cleanup step 4 `fails`: did not pass in ";
    assert!(
        case.output.contains(told) && case.output.contains("expected status 2xx or 3xx, got 403"),
        "{}",
        case.output
    );
    assert!(case.output.contains("cleanup step 5 `remove`: passed in "), "{}", case.output);
    assert!(ran.stderr.contains("cleanup step `fails` (smoke.toml:"), "{}", ran.stderr);
}

#[test]
fn cleanup_runs_after_fail_fast_and_after_the_suites_budget() {
    for (head, extra) in [
        (
            "name = \"s\"",
            "[[health]]\nname = \"red\"\nurl = \"{{base}}/red\"\npoll = { every = \"20ms\" }\nbudget = \"2s\"\n",
        ),
        ("name = \"s\"\nbudget = \"2s\"", ""),
    ] {
        let server = shop();
        let checks = with_cleanup("cut", "", "get = \"{{base}}/slow\"");
        let ran = Smoke::new()
            .suite(&format!(
                "[suite]\n{head}\n[vars]\nbase = {:?}\nlater = \"l\"\n{checks}{extra}",
                server.url("")
            ))
            .run();
        ran.exits(if extra.is_empty() { 4 } else { 1 });
        let lines = asked(&server);
        assert!(lines.contains(&"DELETE /orders/99/cut".to_owned()), "{lines:?}\n{}", ran.stderr);
        assert!(ran.took < thorough::bound(Duration::from_secs(4)), "{:?}", ran.took);
        let report = ran.junit();
        let message = report.case("cut").message.clone().unwrap_or_default();
        match extra {
            "" => assert!(
                message.starts_with("step 2 `last`: no answer within 2s (suite budget), "),
                "{message}"
            ),
            _ => assert_eq!(message, "cut while it ran, because `red` failed (fail-fast)"),
        }
    }
}

#[test]
fn cleanup_runs_once_however_the_run_ends_every_time() {
    // A name, the last step, further checks of the suite, its budget, and the exit code.
    let red =
        "[[health]]\nname = \"red\"\nurl = \"{{base}}/red\"\npoll = { every = \"20ms\" }\nbudget = \"2s\"\n";
    let ways = [
        ("pass", "get = \"{{base}}/open\"", "", "20s", 0),
        ("failure", "get = \"{{base}}/forbidden\"", "", "20s", 1),
        ("time-out", "get = \"{{base}}/slow\"\nbudget = \"200ms\"", "", "20s", 1),
        ("fail-fast", "get = \"{{base}}/slow\"", red, "20s", 1),
        ("suite budget", "get = \"{{base}}/slow\"", "", "2s", 4),
        ("SIGTERM", "get = \"{{base}}/slow\"", "", "20s", 143),
    ];
    for (name, last, rest, budget, code) in ways {
        let count = thorough::repeats(2, 50);
        for _ in 0..count {
            let server = shop();
            let checks = with_cleanup("it", "", last);
            let head = format!(
                "[suite]\nbudget = \"{budget}\"\n[vars]\nbase = {:?}\nlater = \"l\"\n",
                server.url("")
            );
            let running = Smoke::new().suite(&format!("{head}{checks}{rest}")).spawn();
            if name == "SIGTERM" {
                let is_asked = || asked(&server).contains(&"GET /slow".to_owned()).then_some(());
                wait::until("the last step", Duration::from_secs(20), is_asked);
                running.signal(Signal::TERM);
            }
            running.wait().exits(code);
            let removed = asked(&server).iter().filter(|line| *line == "DELETE /orders/99/it").count();
            assert_eq!(removed, 1, "{name}");
        }
        println!("cleanup after {name}, {count} of {count}");
    }
}

#[test]
fn each_attempt_starts_fresh_and_is_cleaned_up() {
    let orders = AtomicUsize::new(0);
    let server = HttpServer::start(move |request| match request.method.as_str() {
        "POST" => Response::json(&format!("{{\"id\": {}}}", orders.fetch_add(1, Ordering::SeqCst) + 1)),
        _ => Response::new(200).header("set-cookie", "seen=1; Path=/"),
    });
    let order = step("order", "post = \"{{base}}/orders\"\ncapture.order = { json = \"$.id\" }");
    let look = step("look", "get = \"{{base}}/orders/{{order}}\"");
    let remove = cleanup("remove", "delete = \"{{base}}/orders/{{order}}\"");
    run(&server, &journey("it", "poll = { every = \"10ms\", hold = 3 }", &[order, look, remove])).exits(0);
    let expected: Vec<String> = (1..=3)
        .flat_map(|id| {
            ["POST /orders".to_owned(), format!("GET /orders/{id}"), format!("DELETE /orders/{id}")]
        })
        .collect();
    assert_eq!(asked(&server), expected, "nothing is left behind, and nothing is removed twice");
    for request in server.requests().iter().filter(|request| request.method == "POST") {
        assert_eq!(request.header("cookie"), None, "an attempt starts as a new visitor");
    }
}

#[test]
fn a_hanging_cleanup_is_cut_by_the_grace() {
    let server = shop();
    let hangs = journey(
        "it",
        "",
        &[step("a", "get = \"{{base}}/open\""), cleanup("hangs", "get = \"{{base}}/slow\"")],
    );
    let ran = Smoke::new()
        .suite(&format!(
            "[suite]\nname = \"s\"\ngrace = \"2s\"\n[vars]\nbase = {:?}\n{hangs}",
            server.url("")
        ))
        .run();
    ran.exits(0);
    assert!(ran.took < thorough::bound(Duration::from_secs(3)), "{:?}", ran.took);
    let output = ran.junit().case("it").output.clone();
    assert!(
        output.contains("no answer within 2s (grace budget), while waiting for the first byte"),
        "{output}"
    );
}
