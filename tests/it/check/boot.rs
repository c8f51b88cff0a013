//! `[[boot]]`: starts, keeps running, and is stopped at the end with everything it started.

mod leftovers;
mod outside;
mod process;
mod ready;
mod said_wrongly;
mod words;

use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use serde_json::Value;

use crate::support::guard::is_running;
use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::smoke::{Smoke, program};
use crate::support::{scratch, thorough, wait};

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("bind a free port").local_addr().expect("know the port").port()
}

/// A `[[boot]]` that runs this script.
fn boot(name: &str, script: &str, keys: &str) -> String {
    format!("[[boot]]\nname = \"{name}\"\ncommand = [\"sh\", \"-c\", '''{script}''']\n{keys}\n")
}

/// A `[[boot]]` of the demo shop, which starts slowly.
fn shop(port: u16, ready: &str) -> String {
    let smoke = program();
    format!(
        "[[boot]]\nname = \"shop\"\n\
         command = [\"sh\", \"-c\", \"sleep 0.3; exec {smoke} demo --serve {port} --database shop.db\"]\n\
         env = {{ SHOP_PASSWORD = \"correct horse\" }}\nready = {ready}\n\n\
         [[health]]\nname = \"up\"\nurl = \"http://127.0.0.1:{port}/health\"\n"
    )
}

#[test]
fn it_is_ready_when_its_url_answers_as_expected() {
    let port = free_port();
    let ready = format!("{{ url = \"http://127.0.0.1:{port}/health\", expect.json.\"$.status\" = \"ok\" }}");
    let ran = Smoke::new().suite(&shop(port, &ready)).run();
    ran.exits(0);
    assert!(ran.stderr.contains("READY"), "{}", ran.stderr);
    assert_eq!(ran.junit().count(Outcome::Passed), 2);
}

#[test]
fn it_is_ready_when_its_port_accepts() {
    let port = free_port();
    Smoke::new().suite(&shop(port, &format!("{{ port = {port} }}"))).run().exits(0);
}

#[test]
fn it_is_ready_when_its_log_says_so() {
    let port = free_port();
    Smoke::new().suite(&shop(port, "{ log = \"listening on\" }")).run().exits(0);
}

#[test]
fn an_unexpected_answer_is_not_ready() {
    let port = free_port();
    let ready = format!("{{ url = \"http://127.0.0.1:{port}/health\", expect.json.\"$.status\" = \"no\" }}");
    let ran = Smoke::new().suite(&shop(port, &ready).replacen("ready", "budget = \"4s\"\nready", 1)).run();
    ran.exits(5);
    assert!(ran.stderr.contains("never gave the expected answer"), "{}", ran.stderr);
}

#[test]
fn a_process_that_never_becomes_ready_fails_with_its_budget_and_shows_its_output() {
    let keys = "budget = \"2s\"\nready = { log = \"listening\" }";
    let ran = Smoke::new().suite(&boot("shop", "echo still migrating; exec sleep 1000", keys)).run();
    ran.exits(5);
    assert_eq!(ran.junit().case("shop").kind.as_deref(), Some("timeout"));
    for text in ["within 2s (check budget)", "never contained the `ready` text", "still migrating"] {
        assert!(ran.stderr.contains(text), "{text}\n{}", ran.stderr);
    }
    assert!(ran.took < thorough::bound(Duration::from_secs(4)), "{:?}", ran.took);
}

/// Answers every path with 200, as a server that was there before.
fn stale() -> HttpServer {
    HttpServer::start(|_| Response::new(200))
}

/// Asserts that the boot is not started, because something else already answers.
fn refuses_to_share(ready: &str, said: &str, command: &str) {
    let ran = Smoke::new().suite(&boot("app starts", "touch started; sleep 1; exit 1", ready)).run();
    ran.exits(5);
    let report = ran.junit();
    let case = report.case("app starts");
    assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Errored, Some("local")));
    for text in [&ran.stderr, &case.text] {
        for part in [said, "so it was not started", "--skip 'app starts'", command] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
    }
    assert!(!ran.path("started").exists(), "it was started");
}

#[test]
fn a_url_that_already_answers_is_not_ready() {
    let server = stale();
    let url = server.url("/health");
    let said = format!("already answers `GET {url}` as expected");
    refuses_to_share(
        &format!("ready = {{ url = {url:?} }}"),
        &said,
        &format!(
            "reproduce: curl -sS -i --max-time 2 --compressed -H 'accept-encoding: gzip, deflate' {url}"
        ),
    );
}

#[test]
fn a_port_already_in_use_is_not_ready() {
    let server = stale();
    let port = server.address().port();
    let said = format!("already accepts connections on port {port}");
    let command = format!("reproduce: curl -sS --max-time 2 telnet://localhost:{port}");
    refuses_to_share(&format!("ready = {{ port = {port} }}"), &said, &command);
}

#[test]
fn a_process_that_exited_is_not_ready_whoever_answers() {
    // Something else responds as soon as the process has ended. Smoke notices the end later, because a child holds its
    // output.
    let folder = scratch::for_a_test();
    let number = folder.path().join("number");
    let script = format!("echo $$ > '{0}.new'; mv '{0}.new' '{0}'; sleep 1 & exit 3", number.display());
    let server = HttpServer::start(move |_| {
        let Ok(text) = fs::read_to_string(&number) else { return Response::new(503) };
        let process = text.trim().parse().expect("a number");
        wait::until("the end of the process", Duration::from_secs(20), || {
            (!is_running(process)).then_some(())
        });
        Response::new(200)
    });
    let ran = Smoke::new()
        .suite(&boot("shop", &script, &format!("ready = {{ url = {:?} }}", server.url("/"))))
        .run();
    ran.exits(5);
    assert!(ran.stderr.contains("exit code 3"), "{}", ran.stderr);
}

#[test]
fn it_boots_again_each_round_even_if_the_last_one_is_slow_to_stop() {
    let port = free_port();
    let ready = format!("{{ url = \"http://127.0.0.1:{port}/health\" }}\nstop = {{ grace = \"200ms\" }}");
    let suite = shop(port, &ready).replace("sleep 0.3;", "trap '' TERM;");
    let ran = Smoke::bare().arg("run").suite(&suite).args(["--repeat", "3"]).run();
    ran.exits(0);
    assert_eq!(ran.stdout.matches("3/3").count(), 2, "{}", ran.stdout);
}

#[test]
fn a_log_line_is_found_however_much_follows_it() {
    let log = format!("{}\nlistening on 8080\n{}", "x".repeat(4_090), "y\n".repeat(500_000));
    let boot =
        boot("chatty", "cat log; exec sleep 1000", "ready = { log = \"listening on\" }\nbudget = \"30s\"");
    Smoke::new().suite(&boot).file("log", log).run().exits(0);
}

#[test]
fn the_last_readiness_answer_is_reported_with_what_was_expected() {
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/health");
    let ready = format!("{{ url = {url:?}, expect.json.\"$.status\" = \"pong\" }}");
    let suite = shop(port, &ready).replacen("ready", "budget = \"5s\"\nready", 1);
    let ran = Smoke::new().suite(&suite).args(["--json", "all.json"]).run();
    ran.exits(5);
    assert!(!ran.stderr.contains("internal error"), "{}", ran.stderr);
    let report = ran.junit();
    for text in [&ran.stderr, &report.case("shop").text] {
        for part in [
            "expected json $.status \"pong\", got \"ok\"",
            "HTTP/1.1 200, application/json",
            &format!("`GET {url}` never gave the expected answer"),
            &format!(
                "& sleep 5; curl -sS -i --max-time 2 --compressed -H 'accept-encoding: gzip, deflate' {url}; kill $!"
            ),
        ] {
            assert!(text.contains(part), "no {part:?} in\n{text}");
        }
    }
    let document: Value =
        serde_json::from_str(&fs::read_to_string(ran.path("all.json")).expect("JSON")).expect("JSON");
    let failure = &document["checks"][0]["failure"];
    assert_eq!(failure["type"], "timeout");
    assert_eq!(failure["mismatches"][0]["actual"], "\"ok\"", "{failure:#}");
    assert!(failure["answer"].as_str().is_some_and(|answer| answer.contains("200")), "{failure:#}");
    assert!(failure["log"].as_str().is_some_and(|log| log.contains("listening on")), "{failure:#}");
}

#[test]
fn a_refused_connection_and_a_missing_answer_are_reported() {
    let port = free_port();
    let mute = HttpServer::start(|_| Response::new(200).delay(Duration::from_secs(30)));
    for (ready, said) in [
        (format!("{{ port = {port} }}"), format!("connecting to 127.0.0.1:{port}: connection refused")),
        (format!("{{ url = \"http://127.0.0.1:{port}/\" }}"), "connection refused".to_owned()),
        (format!("{{ url = {:?} }}", mute.url("/")), "while waiting for the first byte".to_owned()),
    ] {
        let keys = format!("budget = \"5s\"\nready = {ready}");
        let ran = Smoke::new().suite(&boot("shop", "exec sleep 1000", &keys)).run();
        ran.exits(5);
        let cause = ran.stderr.lines().find(|line| line.contains("root cause:")).expect("a root cause");
        assert!(cause.contains(&said) && cause.contains("not ready within 5s (check budget)"), "{cause}");
    }
}
