//! A run that reached nothing says so first: it knows nothing of the app.

use std::net::TcpListener;
use std::time::Duration;

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::{Ran, Smoke};

const SAID: &str = "nothing could be reached from here";

fn check(name: &str, url: &str, keys: &str) -> String {
    format!("[[health]]\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n")
}

fn run(suite: &str, arguments: &[&str]) -> Ran {
    let smoke = Smoke::new().suite(suite).args(["--json", "run.json"]).args(arguments.iter().copied());
    let summary = smoke.path("summary.md");
    smoke.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", summary).run()
}

/// Every output says it, or none.
#[track_caller]
fn says(ran: &Ran, it_does: bool) {
    let document = std::fs::read_to_string(ran.path("run.json")).expect("a report");
    let summary = std::fs::read_to_string(ran.path("summary.md")).expect("a summary");
    let said = [
        ran.stderr.contains(SAID),
        document.contains("\"nothing_reached\": true"),
        summary.contains(SAID),
        ran.junit().xml.contains("<property name=\"smoke.nothing-reached\" value=\"true\"/>"),
    ];
    assert_eq!(said, [it_does; 4], "{}\n{document}", ran.stderr);
}

#[test]
fn it_is_said_before_the_root_cause() {
    let suite = check("refused", "http://127.0.0.1:1/", "")
        + &check("unknown", "http://no-such-host.invalid/", "")
        + &check("port", "tcp://127.0.0.1:1", "")
        + &check("behind", "http://127.0.0.1:1/", "needs = [\"refused\"]")
        + "[[journey]]\nname = \"flow\"\n[[journey.step]]\nname = \"first\"\nget = \"http://127.0.0.1:1/\"\n";
    for arguments in [&["--keep-going"][..], &[]] {
        let ran = run(&suite, arguments);
        ran.exits(1);
        says(&ran, true);
        let summary = ran.stderr.split("FAILED smoke").nth(1).expect("a summary");
        let place = |text: &str| summary.find(text).unwrap_or_else(|| panic!("no {text}: {summary}"));
        assert!(place(SAID) < place("root cause:"), "{summary}");
    }
}

#[test]
fn it_is_said_of_a_gate_that_waited_in_vain() {
    let gate =
        check("live", "http://127.0.0.1:1/", "gate = true\npoll = { every = \"20ms\" }\nbudget = \"1s\"");
    let ran = run(&(gate + &check("up", "http://127.0.0.1:1/", "")), &[]);
    ran.exits(5);
    says(&ran, true);
}

#[test]
fn one_answer_is_enough_to_know_that_there_is_a_way() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/away" => Response::redirect("http://127.0.0.1:1/"),
        "/slow" => Response::new(200).delay(Duration::from_secs(20)),
        _ => Response::new(503),
    });
    let silent = TcpListener::bind("127.0.0.1:0").expect("listen");
    let silent = format!("http://{}/", silent.local_addr().expect("know the port"));
    let refused = check("refused", "http://127.0.0.1:1/", "");
    for (reached, arguments) in [
        (check("answered", &server.url("/"), ""), &["--keep-going"][..]),
        (check("redirected", &server.url("/away"), ""), &["--keep-going"]),
        (check("connected", &server.url("/slow"), "budget = \"300ms\""), &["--keep-going"]),
        (check("accepted", &silent, "budget = \"300ms\""), &["--keep-going"]),
        (
            check("answered once", &server.url("/"), "retry = { attempts = 2, delay = \"1ms\" }"),
            &["--keep-going"],
        ),
        ("[[database]]\nname = \"file\"\nurl = \"sqlite:none.db\"\n".to_owned(), &["--keep-going"]),
    ] {
        let ran = run(&(reached.clone() + &refused), arguments);
        ran.exits(1);
        says(&ran, false);
    }
    let ran = run(&check("never asked", "http://127.0.0.1:1/", "skip = \"later\""), &[]);
    ran.exits(3);
    says(&ran, false);
}
