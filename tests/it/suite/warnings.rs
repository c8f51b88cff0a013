//! The warnings of `smoke check`: suites that can run, but should not.
//!
//! `tests/suites/warned/` has a file for each warning, with a snapshot of the message beside it.
//! `INSTA_UPDATE=always tests/run warnings` updates the snapshots.

use crate::support::corpus::{self, Suite, assert_every_snapshot_has_its_suite, assert_snapshot, suites};
use crate::support::smoke::Smoke;

fn corpus() -> Vec<Suite> {
    let suites = suites("warned");
    assert!(suites.len() >= 25, "{} suites", suites.len());
    suites
}

fn warnings(stderr: &str) -> usize {
    stderr.lines().filter(|line| line.starts_with("warning: ")).count()
}

#[test]
fn each_warning_is_reported_with_its_place_and_a_hint() {
    for Suite { name, text, .. } in corpus() {
        let file = format!("{name}.toml");
        let ran = Smoke::bare().arg("check").arg(&file).file(&file, &text).run();
        ran.exits(0);
        assert_eq!(ran.stdout, "");
        assert_eq!(
            warnings(&ran.stderr),
            if name == "three_warnings" { 3 } else { 1 },
            "{name}\n{}",
            ran.stderr
        );
        assert_snapshot("warned", &name, &ran.stderr);
    }
}

#[test]
fn every_snapshot_has_its_suite() {
    assert_every_snapshot_has_its_suite("warned");
}

#[test]
fn strict_turns_warnings_into_errors() {
    for Suite { name, text, .. } in corpus() {
        let ran = Smoke::bare().args(["check", "--strict"]).suite(&text).run();
        ran.exits(2);
        assert!(ran.stderr.ends_with(" (`--strict`)\n"), "{name}\n{}", ran.stderr);
    }
}

#[test]
fn a_secret_warned_about_is_not_shown() {
    for Suite { name, text, .. } in corpus() {
        let ran = Smoke::bare().arg("check").suite(&text).run();
        assert!(!ran.stderr.contains("hunter22"), "{name}\n{}", ran.stderr);
    }
}

#[test]
fn a_run_prints_no_warnings() {
    for Suite { name, text, .. } in corpus() {
        let ran = Smoke::bare().args(["run", "--only", "no such check"]).suite(&text).run();
        ran.exits(3);
        assert_eq!(warnings(&ran.stderr), 0, "{name}\n{}", ran.stderr);
    }
}

#[test]
fn lookalikes_are_not_warned_about() {
    let suite = r#"
include = ["common.toml"]

[suite]
budget = "3m"

[defaults]
budget = "60s"
retry = { attempts = 1 }

[vars]
base_url = "http://127.0.0.1:1"
password = { env = "PASSWORD", default = "correct-horse" }
db_url   = { env = "DB_URL", default = "postgres://shop:shop@localhost/shop" }
token    = { file = "token" }
key_name = { value = "order", secret = false }
copied_password = "{{password}}"

[[health]]
name = "comes up"
url = "{{base_url}}/"
poll = { every = "1s" }
budget = "2m"

[[health]]
name = "asked three times"
url = "{{base_url}}/"
retry = { attempts = 3 }
tls = { insecure = false }

[health.auth.oauth2]
token-url = "{{base_url}}/token"
client-id = "shop"
client-secret = "{{password}}"

[[journey]]
name = "buys"

[[journey.step]]
name = "log in"
post = "https://shop:{{password}}@127.0.0.1:1/"
headers = { Authorization = "Bearer {{token}}", idempotency-key = "smoke" }
json = { key = "a", token = "b", password = "{{password}}", a = "{{db_url}}{{key_name}}{{copied_password}}" }
expect.json."$.password" = { exists = false }
"#;
    let ran = Smoke::bare().args(["check", "--strict"]).suite(suite).file("common.toml", "").run();
    ran.exits(0);
    assert_eq!(ran.stderr, "3 checks, no mistakes\n");
}

#[test]
fn a_warning_about_an_included_file_is_reported_there() {
    let ran = Smoke::bare()
        .arg("check")
        .suite("include = [\"common.toml\"]\n\n[[health]]\nname = \"up\"\nurl = \"http://127.0.0.1:1\"\n")
        .file("common.toml", "[vars]\ntoken = \"hunter22\"\n")
        .run();
    ran.exits(0);
    assert!(ran.stderr.contains(" --> common.toml:2:10\n"), "{}", ran.stderr);
}

#[test]
fn a_budget_used_in_one_environment_is_not_warned_about() {
    let suite = "[suite]\nbudget = \"4m\"\n\n[env.a]\n[env.staging]\n[env.z]\n\n\
                 [[health]]\nname = \"up\"\nurl = \"http://127.0.0.1:1\"\n\n\
                 [[health]]\nname = \"comes up\"\nenvs = [\"staging\"]\nurl = \"http://127.0.0.1:1\"\n\
                 poll = {}\nbudget = \"3m\"\n";
    Smoke::bare().args(["check", "--strict"]).suite(suite).run().exits(0);
}

#[test]
fn the_example_has_no_warnings() {
    Smoke::bare().args(["check", "--strict"]).arg(corpus::path("smoke.example.toml")).run().exits(0);
}

#[test]
fn a_budget_is_warned_about_only_where_it_applies() {
    let suite = "include = [\"more.toml\"]\n[env.slow.suite]\nbudget = \"20m\"\n[[health]]\nname = \"up\"\nurl = \"http://h/\"\n";
    let more = "[env.slow.suite]\nbudget = \"30m\"\n";
    let ran =
        Smoke::bare().arg("check").arg("smoke.toml").file("smoke.toml", suite).file("more.toml", more).run();
    ran.exits(0);
    assert!(ran.stderr.contains("budget of 20m never applies"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--> smoke.toml:3:1"), "{}", ran.stderr);
}
