//! `smoke init`: a first suite that runs unchanged.

use std::fs;

use crate::support::http::{HttpServer, Response};
use crate::support::scratch;
use crate::support::smoke::Smoke;
use crate::support::terminal::Terminal;

fn plain_server() -> HttpServer {
    HttpServer::start(|request| match request.path.as_str() {
        "/" => Response::new(200),
        _ => Response::new(404),
    })
}

#[test]
fn the_first_suite_runs_unchanged_and_has_no_warnings() {
    let server = plain_server();
    let folder = scratch::for_a_test();
    let init = Smoke::bare().arg("init").arg(folder.path()).args(["--url", &server.url("/")]).run();
    init.exits(0);
    assert_eq!(init.stdout, "");
    assert!(init.stderr.contains("next:\n  smoke run "), "{}", init.stderr);

    let suite = folder.path().join("smoke.toml");
    Smoke::bare().args(["check", "--strict"]).arg(&suite).run().exits(0);
    assert_eq!(server.connections(), 0, "init and check send nothing");
    let ran = Smoke::new().arg(&suite).run();
    ran.exits(0);
    assert_eq!(ran.junit().cases.len(), 2);
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn the_first_suite_fails_where_the_server_does() {
    let server = HttpServer::start(|_| Response::new(503));
    let text = written("--url", &server.url(""));
    let ran = Smoke::new().suite(&text).run();
    ran.exits(1);
    assert!(ran.stderr.contains("503"), "{}", ran.stderr);
}

/// The suite that `smoke init` writes.
fn written(argument: &str, value: &str) -> String {
    let folder = scratch::for_a_test();
    Smoke::bare().arg("init").arg(folder.path()).args([argument, value]).run().exits(0);
    fs::read_to_string(folder.path().join("smoke.toml")).expect("the suite is there")
}

/// The commented examples are valid too, without their `#`.
#[test]
fn the_examples_in_the_first_suite_work() {
    let is_toml = |line: &str| {
        line.starts_with('[')
            || line.split_once(" = ").is_some_and(|(key, _)| {
                key.chars().next().is_some_and(char::is_lowercase)
                    && (key.contains('"') || !key.contains([' ', '`']))
            })
    };
    for url in ["http://127.0.0.1:1", "https://shop.example"] {
        let text = written("--url", url);
        let used: Vec<&str> = text
            .lines()
            .map(|line| line.strip_prefix("# ").filter(|line| is_toml(line)).unwrap_or(line))
            .collect();
        let ran = Smoke::bare().args(["check", "--strict"]).suite(&used.join("\n")).run();
        ran.exits(0);
        let checks = if url.starts_with("https") { "7 checks" } else { "6 checks" };
        assert!(ran.stderr.starts_with(checks), "{}", ran.stderr);
        let environment = Smoke::bare().args(["list", "--env", "staging"]).suite(&used.join("\n")).run();
        environment.exits(0);
    }
}

#[test]
fn an_existing_suite_is_never_overwritten() {
    let ran = Smoke::bare().args(["init", "--url", "http://127.0.0.1:1"]).suite("mine").run();
    ran.exits(2);
    assert!(ran.stderr.contains("`smoke.toml` already exists"), "{}", ran.stderr);
    let folder = scratch::for_a_test();
    let suite = folder.path().join("smoke.toml");
    fs::write(&suite, "mine").expect("write a file of the test");
    Smoke::bare().arg("init").arg(folder.path()).args(["--url", "http://127.0.0.1:1"]).run().exits(2);
    assert_eq!(fs::read_to_string(&suite).expect("it is there"), "mine");
    // A dangling symlink is not overwritten either.
    fs::remove_file(&suite).expect("take it away");
    std::os::unix::fs::symlink("nowhere", &suite).expect("make a link");
    Smoke::bare().arg("init").arg(folder.path()).args(["--url", "http://127.0.0.1:1"]).run().exits(2);
    assert!(!folder.path().join("nowhere").exists());
}

#[test]
fn without_a_url_and_without_a_terminal_nothing_is_written() {
    let folder = scratch::for_a_test();
    let ran = Smoke::bare().arg("init").arg(folder.path()).run();
    ran.exits(2);
    assert!(ran.stderr.contains("hint: pass `--url "), "{}", ran.stderr);
    let ran = Smoke::bare().arg("init").arg(folder.path()).args(["--url", "shop.example"]).run();
    ran.exits(2);
    assert!(ran.stderr.contains("did you mean `https://shop.example`?"), "{}", ran.stderr);
    assert!(!folder.path().join("smoke.toml").exists());
}

#[test]
fn on_a_terminal_init_prompts_for_the_url() {
    let folder = scratch::for_a_test();
    let mut terminal = Terminal::smoke(&["init"], folder.path(), (80, 24));
    terminal.wait_for("The URL to test, such as http://127.0.0.1:8080: ");
    terminal.type_in("http://127.0.0.1:1\n");
    let status = terminal.wait();
    assert!(status.success(), "{}", terminal.shown());
    let suite = fs::read_to_string(folder.path().join("smoke.toml")).expect("the suite is there");
    assert!(suite.contains("base_url = \"http://127.0.0.1:1\"\n"), "{suite}");
}

#[test]
fn the_first_suite_requests_the_given_url() {
    for path in ["/", "/shop", "/shop/", "/a/b.html"] {
        let server =
            HttpServer::start(move |request| Response::new(if request.path == path { 200 } else { 404 }));
        let ran = Smoke::new().suite(&written("--url", &server.url(path))).run();
        ran.exits(0);
        assert!(server.requests().iter().all(|request| request.path == path), "{path}");
    }
}
