//! The suites and commands in the documentation are valid.

use std::fs;

use crate::support::http::{HttpServer, Response};
use crate::support::pages::{Block, blocks};
use crate::support::smoke::{Ran, Smoke};

/// Definitions that the samples refer to but do not contain.
const REST: &str = r#"
[vars]
base_url = "http://127.0.0.1:8080"
db_url = "postgres://smoke@127.0.0.1/shop"
port = 8080
password = { env = "SHOP_PASSWORD", secret = true }

[[health]]
name = "the one that every suite must have"
url = "{{base_url}}/health"
"#;

/// The contract that samples name.
const CONTRACT: &str = "\
apiVersion: v3.1.0
kind: DataContract
name: orders
schema:
  - name: orders
    properties:
      - name: ordered_at
";

/// `smoke check` of a sample. One without `[suite]` or without checks is a piece of a suite, and gets the rest.
fn check(sample: &Block) -> Ran {
    // The files that samples refer to.
    let files = ["ca.pem", "client.pem", "client.key", "a.png"];
    let smoke = Smoke::bare().args(["check", "--color", "never"]);
    let smoke = files.iter().fold(smoke, |smoke, file| smoke.file(file, ""));
    fs::create_dir_all(smoke.path("contracts")).expect("make a folder");
    let smoke = smoke.file("orders.odcs.yaml", CONTRACT).file("contracts/orders.odcs.yaml", CONTRACT);
    if is_suite(sample) {
        return smoke.suite(&sample.text).arg("--strict").run();
    }
    if sample.text.starts_with("[suite]") {
        return smoke.suite(&format!("{}\n{REST}", sample.text)).run();
    }
    let whole = format!("include = [\"sample.toml\"]\n{REST}");
    smoke.suite(&whole).file("sample.toml", &sample.text).file("common.toml", "").run()
}

fn is_suite(sample: &Block) -> bool {
    sample.text.starts_with("[suite]") && sample.text.contains("\n[[")
}

#[test]
fn every_sample_of_a_suite_is_valid() {
    let samples = blocks("toml");
    assert!(samples.len() > 25, "{}", samples.len());
    assert!(samples.iter().any(is_suite));
    for sample in samples {
        let ran = check(&sample);
        assert_eq!(ran.code, Some(0), "{}\n{}", sample.place, ran.stderr);
    }
}

/// A suite for the documented commands, with everything that they refer to.
const SUITE: &str = r#"
[suite]
name = "shop"

[vars]
base_url = "http://127.0.0.1:8080"
sha = "abc"

[env.staging.vars]
sha = "staging"

[env.production.vars]
sha = "production"

[[health]]
name = "shop is healthy"
tags = ["payments"]
url = "{{base_url}}/health"

[[health]]
name = "shop starts"
tags = ["slow"]
url = "{{base_url}}/version"
"#;

/// What such a suite came to before a deploy.
const BEFORE: &str = r#"{"schema_version": 1, "suite": "shop", "environment": "production",
    "started": "2026-01-01T00:00:00Z", "exit": {"code": 0}, "checks": []}"#;

/// The lines that call smoke, as far as they are about smoke: without pipes, redirections and the shell's own words.
fn commands() -> Vec<(String, Vec<String>)> {
    let consoles = blocks("console").into_iter().map(|block| Block {
        text: block.text.lines().filter_map(|line| line.strip_prefix("$ ")).collect::<Vec<_>>().join("\n"),
        ..block
    });
    let all = blocks("sh").into_iter().chain(consoles);
    let mut commands = Vec::new();
    for block in all {
        for line in block.text.lines() {
            let Some(command) = line.strip_prefix("smoke ") else { continue };
            let ends = [" | ", " > ", " || ", " && ", "  #"];
            let end = ends.iter().filter_map(|end| command.find(end)).min().unwrap_or(command.len());
            commands.push((block.place.clone(), words(command[..end].trim_end())));
        }
    }
    commands
}

/// Splits a command into words like a shell: double quotes group, and variables have an arbitrary value.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut is_quoted = false;
    for sign in command.chars() {
        match sign {
            '"' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.push(String::new()),
            sign => words.last_mut().expect("a word").push(sign),
        }
    }
    words.into_iter().filter(|word| !word.is_empty()).collect()
}

#[test]
fn every_command_that_is_shown_can_be_called() {
    let commands = commands();
    assert!(commands.len() > 25, "{}", commands.len());
    for (place, words) in commands {
        let words = ["smoke".to_owned()].into_iter().chain(words);
        let parsed = <smoke::cli::Cli as clap::Parser>::try_parse_from(words.clone());
        // clap reports help as an error, but it is not a mistake.
        let mistake = parsed.err().filter(|error| error.exit_code() != 0);
        assert!(mistake.is_none(), "{place}: {:?}: {}", words.collect::<Vec<_>>(), mistake.expect("one"));
    }
}

#[test]
fn every_command_that_ends_by_itself_succeeds() {
    let server = HttpServer::start(|_| Response::new(200));
    let mut count = 0;
    for (place, words) in commands() {
        // These never end, run their own shop, or are compared word for word elsewhere.
        if matches!(words[0].as_str(), "watch" | "demo" | "help") || words[0].starts_with('-') {
            continue;
        }
        let suite = SUITE.replace("http://127.0.0.1:8080", &format!("http://{}", server.address()));
        let smoke = Smoke::bare().env("SHOP_PASSWORD", "correct horse battery");
        // Commands that write a suite must not find one.
        let smoke = match words[0].as_str() {
            "init" => smoke,
            _ => smoke.suite(&suite).file("smoke.example.toml", &suite),
        };
        let smoke = smoke.file("before.json", BEFORE);
        fs::create_dir_all(smoke.path("deploy")).expect("create a folder");
        let ran = words.iter().fold(smoke, Smoke::arg).run();
        // The sample of a suite with a mistake is tested elsewhere. The suite here is valid.
        assert_eq!(ran.code, Some(0), "{place}: smoke {}\n{}", words.join(" "), ran.stderr);
        count += 1;
    }
    assert!(count > 15, "{count}");
}
