//! The output of booted processes: kept, folded, shown below checks that fail meanwhile, and written to a file.

use std::fs;

use serde_json::Value;

use super::boot;
use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::smoke::Smoke;

/// An application that answers 500 and prints the reason: the server notifies the process through a file.
fn broken_app(words: &str) -> (HttpServer, String, tempfile::TempDir) {
    let folder = crate::support::scratch::for_a_test();
    let asked = folder.path().join("asked");
    let script = format!(
        "echo ready; until [ -e {0} ]; do sleep 0.01; done; {words}; touch {0}.said; exec sleep 1000",
        asked.display()
    );
    let said = folder.path().join("asked.said");
    let server = HttpServer::start(move |_| {
        fs::write(&asked, "").expect("a file");
        crate::support::wait::until("the words", std::time::Duration::from_secs(20), || {
            said.exists().then_some(())
        });
        Response::new(500)
    });
    (server, script, folder)
}

fn suite(script: &str, keys: &str, server: &HttpServer) -> String {
    boot("shop", script, &format!("ready = {{ log = \"ready\" }}\n{keys}"))
        + &format!("[[health]]\nname = \"orders\"\nurl = {:?}\n", server.url("/orders"))
}

const TRACEBACK: &str = "echo 'Traceback (most recent call last):'; echo '  File \"app.py\", line 7'; \
                         echo 'OperationalError: no such table: orders'";

#[test]
fn a_failed_check_shows_what_the_process_said_meanwhile() {
    let (server, script, _folder) = broken_app(TRACEBACK);
    let ran = Smoke::new().suite(&suite(&script, "", &server)).args(["--json", "all.json"]).run();
    ran.exits(1);
    let report = ran.junit();
    let case = report.case("orders");
    assert_eq!(case.outcome, Outcome::Failed);
    for text in [&ran.stderr, &case.text] {
        assert!(text.contains("`shop` said meanwhile:"), "{text}");
        assert!(text.contains("File \"app.py\", line 7") && text.contains("no such table: orders"), "{text}");
    }
    let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
    assert!(
        cause.contains("`shop` said: OperationalError: no such table: orders; expected status"),
        "{cause}"
    );
    let document = fs::read_to_string(ran.path("all.json")).expect("JSON");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let said = &document["checks"][1]["said"][0];
    assert_eq!(said["check"], "shop", "{document:#}");
    assert!(said["log"].as_str().is_some_and(|log| log.contains("no such table")), "{document:#}");
    // Output from before the check is not included.
    assert!(said["log"].as_str().is_some_and(|log| !log.contains("ready")), "{document:#}");
}

#[test]
fn lines_that_come_again_and_again_do_not_hide_the_reason() {
    let script = "echo 'error: no connection to the database'; for second in $(seq 10 59); do \
                  echo \"127.0.0.1 - - [29/Nov/2026 06:05:$second] GET /health 503\"; done; exit 4";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"never\" }")).run();
    ran.exits(5);
    assert!(ran.stderr.contains("[29/Nov/2026 06:05:59] GET /health 503  (50 times)"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("left out"), "{}", ran.stderr);
}

#[test]
fn the_log_file_has_everything_but_the_secrets() {
    let (server, script, _folder) = broken_app("echo the password is $DB_PASSWORD; echo bye >&2");
    let keys = "env = { DB_PASSWORD = \"correct-horse\" }\nlog-file = \"logs/shop.log\"";
    let ran = Smoke::new().suite(&suite(&script, keys, &server)).run();
    ran.exits(1);
    let log = fs::read_to_string(ran.path("logs/shop.log")).expect("the log");
    for line in ["ready\n", "the password is ***\n", "bye\n"] {
        assert!(log.contains(line), "no {line:?} in\n{log}");
    }
    assert!(!ran.stderr.contains("correct-horse") && !log.contains("correct-horse"), "{log}");
    // Each run truncates the file.
    let ran = ran.again().run();
    let log = fs::read_to_string(ran.path("logs/shop.log")).expect("the log");
    assert_eq!(log.matches("ready\n").count(), 1, "{log}");
}

#[test]
fn the_line_that_names_the_error_is_the_cause_and_not_the_exit() {
    let script = "for n in 1 2 3; do echo 'OperationalError: password authentication failed'; done; \
                  echo '[ERROR] Worker (pid:7) exited with code 3'; \
                  echo '[ERROR] Shutting down: Master'; echo '[ERROR] Reason: Worker failed to boot.'; exit 3";
    let ran = Smoke::new().suite(&boot("shop", script, "ready = { log = \"never\" }")).run();
    ran.exits(5);
    let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
    assert!(cause.ends_with("it said: OperationalError: password authentication failed"), "{cause}");
}

#[test]
fn a_process_that_tries_again_and_again_is_quoted_when_it_is_never_ready() {
    let script = "while :; do echo 'ConnectionError: no route to the database'; sleep 0.1; done";
    let ran = Smoke::new().suite(&boot("shop", script, "budget = \"2s\"\nready = { log = \"never\" }")).run();
    ran.exits(5);
    let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
    assert!(cause.ends_with("it said: ConnectionError: no route to the database"), "{cause}");
}
