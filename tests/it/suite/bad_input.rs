//! Invalid suites: what the user sees, and that nothing is sent.
//!
//! `tests/suites/invalid/` has a file for each error, with a snapshot of the message beside it.
//! `INSTA_UPDATE=always tests/run bad_input` updates the snapshots.

use std::panic;

use crate::support::corpus::{Suite, assert_every_snapshot_has_its_suite, assert_snapshot, suites};
use crate::support::http::{HttpServer, Response};
use crate::support::smoke::{Ran, Smoke};

/// These are invalid only in a run, because they lack a value there.
const ONLY_WHERE_IT_RUNS: [&str; 2] = ["no_such_secret_file", "no_value_in_the_environment"];

/// The same error in several places.
const SEVERAL_MISTAKES: [&str; 7] = [
    "dependency_that_is_a_gate",
    "name_with_a_line_break",
    "path_of_a_port",
    "port_zero",
    "proxy_that_is_none",
    "mysql_urls",
    "unknown_database_parameters",
];

fn corpus() -> Vec<Suite> {
    suites("invalid")
}

fn ok() -> HttpServer {
    HttpServer::start(|_| Response::json("{}"))
}

/// Calls `each` for every suite, and reports at the end for which ones it panicked.
fn for_every_suite(each: impl Fn(&str, &str) + panic::RefUnwindSafe) {
    let suites = corpus();
    assert!(suites.len() >= 80, "{} suites", suites.len());
    let wrong: Vec<&str> = suites
        .iter()
        .filter(|suite| panic::catch_unwind(|| each(&suite.name, &suite.text)).is_err())
        .map(|suite| suite.name.as_str())
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn each_error_is_reported_with_its_place_and_nothing_is_sent() {
    for_every_suite(|name, text| {
        let server = ok();
        let file = format!("{name}.toml");
        let ran = Smoke::new().file(&file, text).arg(&file).env("BASE_URL", server.url("")).run();
        ran.exits(2);
        assert_eq!(server.connections(), 0);
        assert_eq!(ran.stdout, "");
        assert_snapshot("invalid", name, &ran.stderr);
    });
}

#[test]
fn check_reports_the_same_offline_and_without_the_environment() {
    for_every_suite(|name, text| {
        let file = format!("{name}.toml");
        let ran = Smoke::bare().arg("check").arg(&file).file(&file, text).run();
        if ONLY_WHERE_IT_RUNS.contains(&name) {
            ran.exits(0);
        } else {
            ran.exits(2);
            assert_snapshot("invalid", name, &ran.stderr);
        }
    });
}

#[test]
fn every_snapshot_has_its_suite() {
    assert_every_snapshot_has_its_suite("invalid");
}

fn mistakes(ran: &Ran) -> usize {
    ran.exits(2);
    ran.stderr.lines().filter(|line| line.starts_with("error: ")).count()
}

#[test]
fn five_mistakes_are_five_errors() {
    for name in ["five_mistakes", "five_mistakes_in_one_check"] {
        let Suite { text, .. } = corpus().into_iter().find(|suite| suite.name == name).expect("the suite");
        let ran = Smoke::new().suite(&text).env("BASE_URL", "http://127.0.0.1:1").run();
        assert_eq!(mistakes(&ran), 5, "{}", ran.stderr);
        assert!(ran.stderr.ends_with("5 mistakes in the suite; nothing was sent\n"), "{}", ran.stderr);
    }
}

#[test]
fn every_invalid_suite_has_one_error() {
    let several = |name: &str| SEVERAL_MISTAKES.contains(&name) || name.starts_with("five_mistakes");
    for Suite { name, text, .. } in corpus().iter().filter(|suite| !several(&suite.name)) {
        let file = format!("{name}.toml");
        let ran = Smoke::new().file(&file, text).arg(&file).env("BASE_URL", "http://127.0.0.1:1").run();
        assert_eq!(mistakes(&ran), 1, "{name}\n{}", ran.stderr);
    }
}

#[test]
fn a_missing_suite_is_named() {
    let ran = Smoke::bare().args(["run", "nowhere.toml"]).run();
    ran.exits(2);
    assert!(ran.stderr.starts_with("error: no suite at `nowhere.toml`\n"), "{}", ran.stderr);
    let ran = Smoke::bare().args(["check"]).run();
    ran.exits(2);
    assert!(ran.stderr.starts_with("error: no suite at `smoke.toml`\n"), "{}", ran.stderr);
}

#[test]
fn a_suite_that_is_not_text_is_an_error() {
    let ran = Smoke::bare().arg("run").file("smoke.toml", b"[suite]\nname = \"\xff\"\n").run();
    ran.exits(2);
    assert!(ran.stderr.contains("cannot read `smoke.toml`"), "{}", ran.stderr);
}

#[test]
fn an_error_in_an_included_file_is_reported_there() {
    let ran = Smoke::new()
        .suite("include = [\"common.toml\"]\n\n[[health]]\nname = \"up\"\nurl = \"{{base_url}}/\"\n")
        .file("common.toml", "[vars]\nbase_url = \"http://127.0.0.1:1\"\n\n[defaults]\nbugdet = \"1s\"\n")
        .run();
    assert_eq!(mistakes(&ran), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains(" --> common.toml:5:1\n"), "{}", ran.stderr);
}

#[test]
fn an_included_file_that_is_not_toml_causes_no_further_errors() {
    let ran = Smoke::new()
        .suite("include = [\"common.toml\"]\n\n[[health]]\nname = \"up\"\nneeds = [\"other\"]\nurl = \"{{base_url}}/\"\n")
        .file("common.toml", "[vars\nbase_url = \"http://127.0.0.1:1\"\n")
        .run();
    assert_eq!(mistakes(&ran), 1, "{}", ran.stderr);
}

#[test]
fn a_file_included_twice_is_loaded_once() {
    let server = ok();
    let ran = Smoke::new()
        .suite("include = [\"a.toml\", \"b.toml\"]\n")
        .file("a.toml", "include = [\"common.toml\"]\n")
        .file("b.toml", "include = [\"common.toml\"]\n")
        .file("common.toml", format!("[[health]]\nname = \"up\"\nurl = \"{}\"\n", server.url("/")))
        .run();
    ran.exits(0);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn an_include_cycle_is_reported() {
    let ran = Smoke::new()
        .suite("include = [\"a.toml\"]\n[[health]]\nname = \"up\"\nurl = \"http://127.0.0.1:1\"\n")
        .file("a.toml", "include = [\"smoke.toml\"]\n")
        .run();
    assert_eq!(mistakes(&ran), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("`smoke.toml` includes itself"), "{}", ran.stderr);
}

#[test]
fn check_reports_an_error_of_a_single_environment() {
    let suite = "[env.staging]\nsuite = { budget = \"1s\" }\n\n\
                 [[health]]\nname = \"up\"\nbudget = \"2s\"\nurl = \"http://127.0.0.1:1\"\n";
    let ran = Smoke::bare().arg("check").suite(suite).run();
    assert_eq!(mistakes(&ran), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("larger than the suite's of 1s"), "{}", ran.stderr);
}

#[test]
fn an_unknown_environment_is_an_error_that_lists_the_known_ones() {
    let suite = "[env.staging.vars]\na = \"b\"\n[[health]]\nname = \"up\"\nurl = \"http://127.0.0.1:1\"\n";
    let ran = Smoke::new().suite(suite).args(["--env", "prod"]).run();
    assert_eq!(mistakes(&ran), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("no environment `prod`") && ran.stderr.contains("staging"), "{}", ran.stderr);
}

#[test]
fn an_unknown_variable_on_the_command_line_is_an_error_that_lists_the_known_ones() {
    let suite = "[vars]\nbase = \"http://127.0.0.1:1\"\n[[health]]\nname = \"up\"\nurl = \"{{base}}\"\n";
    let ran = Smoke::new().suite(suite).args(["--var", "bas=x"]).run();
    assert_eq!(mistakes(&ran), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("no variable `bas`") && ran.stderr.contains("are base"), "{}", ran.stderr);
}

#[test]
fn an_external_secret_that_is_too_short_is_refused() {
    let suite =
        "[vars]\ntoken = { env = \"TOKEN\" }\n[[health]]\nname = \"up\"\nurl = \"http://127.0.0.1:1\"\n";
    for given in ["", "abc", "  \n"] {
        let ran = Smoke::new().suite(suite).env("TOKEN", given).run();
        assert_eq!(mistakes(&ran), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains("the secret `token`, secret by its name,"), "{}", ran.stderr);
        let ran = Smoke::new().suite(suite).arg("--var").arg(format!("token={given}")).run();
        assert_eq!(mistakes(&ran), 1, "{}", ran.stderr);
    }
}

#[test]
fn a_missing_value_is_reported_once() {
    let check = |name: &str, url: &str| format!("[[health]]\nname = \"{name}\"\nurl = \"{url}\"\n");
    let suite = "[vars]\nhost = { env = \"NOT_SET\" }\nbase = \"http://{{host}}\"\nport = { env = \"NOT_SET_EITHER\" }\n"
        .to_owned()
        + &check("a", "{{base}}/a")
        + &check("b", "http://{{host}}/b")
        + &check("c", "http://{{host}}:{{port}}/c");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(2);
    assert!(ran.stderr.contains("2 mistakes in the suite"), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("`NOT_SET` is not set").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("smoke.toml:7:8"), "where it is read first: {}", ran.stderr);
}
