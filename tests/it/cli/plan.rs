//! `smoke plan` and `smoke list`: what would run, and how long it can take.

use serde_json::Value;

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::Smoke;

const NOWHERE: &str = "http://127.0.0.1:1";

fn health(name: &str, keys: &str) -> String {
    format!("[[health]]\nname = \"{name}\"\nurl = \"{NOWHERE}\"\n{keys}\n")
}

fn shop() -> String {
    "[suite]\nname = \"shop\"\nbudget = \"1m\"\n".to_owned()
        + &health("open", "gate = true\nbudget = \"10s\"")
        + &health("a", "budget = \"3s\"")
        + &health("b", "needs = [\"a\"]\ntags = [\"late\"]")
        + &health("old", "skip = \"not before Friday\"")
        + &health("older", "needs = [\"old\"]")
}

fn document(ran: &str) -> Value {
    serde_json::from_str(ran).expect("it is JSON")
}

#[test]
fn the_plan_shows_dependencies_and_the_longest_run() {
    let ran = Smoke::bare().arg("plan").suite(&shop()).run();
    ran.exits(0);
    assert_eq!(ran.stderr, "");
    let expected = "\
shop: 5 checks, 16 at once

   1      10s  health    open
   2       3s  health    a  (after open)
   3       5s  health    b  (after a)
   -        -  health    old  (skipped: not before Friday)
   -        -  health    older  (after old)

critical path       18s  open (10s) → a (3s) → b (5s)
longest run         18s  by the checks' budgets (the suite's budget of 1m and its grace of 3s end it after 1m 4s)
";
    assert_eq!(ran.stdout, expected);
}

#[test]
fn selection_options_change_the_plan() {
    let plan = |arguments: &[&str]| {
        let ran =
            Smoke::bare().arg("plan").args(arguments.iter().copied()).arg("--json").suite(&shop()).run();
        ran.exits(0);
        document(&ran.stdout)
    };
    let names = |plan: &Value| -> Vec<String> {
        let checks = plan["checks"].as_array().expect("checks");
        checks.iter().map(|check| check["name"].as_str().expect("a name").to_owned()).collect()
    };
    let all = plan(&[]);
    assert_eq!(names(&all), ["open", "a", "b", "old", "older"]);
    assert_eq!((&all["longest_ms"], &all["bound"]), (&Value::from(18_000), &Value::from("checks")));
    assert_eq!(all["checks"][2]["needs"], serde_json::json!(["a", "open"]));
    assert_eq!(all["checks"][2]["after"], serde_json::json!(["a"]));
    assert_eq!(all["checks"][4]["longest_ms"], Value::Null);

    assert_eq!(names(&plan(&["--only", "a"])), ["open", "a"]);
    assert_eq!(names(&plan(&["--tag", "late", "--skip", "open"])), ["a", "b"]);
    let short = plan(&["--budget", "2s"]);
    assert_eq!((&short["longest_ms"], &short["bound"]), (&Value::from(5_050), &Value::from("suite")));
    assert_eq!(plan(&["--skip", "b", "-j", "1"])["concurrency"], Value::from(1));
}

#[test]
fn a_plan_needs_no_values_from_a_run() {
    let suite = "[vars]\npassword = { env = \"SHOP_PASSWORD\" }\nurl = { env = \"SHOP_URL\" }\n\
                 [[health]]\nname = \"up\"\nurl = \"{{url}}\"\nheaders = { x = \"{{password}}\" }\n";
    let ran = Smoke::bare().arg("plan").suite(suite).run();
    ran.exits(0);
    assert!(ran.stdout.contains("longest run"), "{}", ran.stdout);
}

#[test]
fn a_plan_of_an_invalid_or_empty_suite_exits_like_a_run() {
    let ran = Smoke::bare().arg("plan").suite("[[health]]\nname = \"up\"\n").run();
    ran.exits(2);
    assert_eq!(ran.stdout, "");
    let ran = Smoke::bare().args(["plan", "--env", "moon"]).suite(&shop()).run();
    ran.exits(2);
    assert!(ran.stderr.contains("no environment `moon`"), "{}", ran.stderr);
    let ran = Smoke::bare().args(["plan", "--only", "zzz"]).suite(&shop()).run();
    ran.exits(3);
    assert!(ran.stderr.contains("no check was selected"), "{}", ran.stderr);
}

/// Two gates, each behind a check that must not wait for the other gate behind it.
#[test]
fn gates_behind_checks_get_a_valid_order() {
    let server = HttpServer::start(|_| Response::new(200));
    let url = server.url("/");
    let check = |name: &str, keys: &str| format!("[[health]]\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n");
    let suite = check("first gate", "gate = true\nneeds = [\"x\"]")
        + &check("second gate", "gate = true\nneeds = [\"y\"]")
        + &check("x", "")
        + &check("y", "");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(0);
    let ran = Smoke::bare().args(["plan", "--json"]).suite(&suite).run();
    let plan = document(&ran.stdout);
    let order: Vec<&str> = plan["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .map(|c| c["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(order, ["x", "first gate", "y", "second gate"]);
}

#[test]
fn a_list_is_text_or_json() {
    let suite = shop() + &health("tab\\tand\\u001b[31m", "tags = [\"x\", \"y\"]");
    let ran = Smoke::bare().args(["list", "--only", "[bt]*"]).suite(&suite).run();
    ran.exits(0);
    let expected =
        "health    open\nhealth    a\nhealth    b  [late]\nhealth    tab  and\\u{1b}[31m  [x, y]\n";
    assert_eq!(ran.stdout, expected);

    let ran = Smoke::bare().args(["list", "--only", "[bt]*", "--json"]).suite(&suite).run();
    ran.exits(0);
    let list = document(&ran.stdout);
    assert_eq!(
        list["checks"][3],
        serde_json::json!({ "name": "tab\tand\u{1b}[31m", "kind": "health", "tags": ["x", "y"], "gate": false })
    );
}

#[test]
fn a_checks_budget_is_compared_with_the_effective_suite_budget() {
    let suite = health("deploy", "budget = \"2m\"");
    let plan =
        |arguments: &[&str]| Smoke::bare().arg("plan").args(arguments.iter().copied()).suite(&suite).run();
    plan(&["--budget", "3m"]).exits(0);
    for (arguments, said, hint) in [
        (&[][..], "the check's budget of 2m is larger than the suite's of 1m", "raise `suite.budget`"),
        (
            &["--budget", "90s"],
            "the check's budget of 2m is larger than the run's of 1m 30s",
            "raise `--budget`",
        ),
        (
            &["--budget", "5s"],
            "the check's budget of 2m is larger than the suite's of 1m",
            "raise `suite.budget`",
        ),
    ] {
        let ran = plan(arguments);
        ran.exits(2);
        assert!(ran.stderr.contains(said) && ran.stderr.contains(hint), "{}", ran.stderr);
    }
}

#[test]
fn check_and_plan_find_a_missing_environment_value_like_run() {
    let environments = "[env.local.vars]\nregion = \"eu\"\n\n[env.production]\n\n";
    let login = format!(
        "[[journey]]\nname = \"log in\"\nshare = [\"sid\"]\nenvs = [\"local\"]\n[[journey.step]]\nname = \"a\"\n\
         get = \"{NOWHERE}/\"\ncapture.sid = {{ header = \"date\" }}\n\n"
    );
    let shared = environments.to_owned()
        + &login
        + &format!(
            "[[health]]\nname = \"orders\"\nneeds = [\"log in\"]\nurl = \"{NOWHERE}/?{{{{sid|urlencode}}}}\"\n"
        );
    let defined = environments.to_owned()
        + &format!("[[health]]\nname = \"here\"\nurl = \"{NOWHERE}/{{{{region}}}}\"\n");
    for (suite, told) in [
        (shared, "`sid` has no value in `production`: `log in`, which shares it, runs only in `local`"),
        (defined, "`region` has no value in `production`"),
    ] {
        let all: [&[&str]; 3] = [&["check"], &["plan", "-e", "production"], &["run", "-e", "production"]];
        for arguments in all {
            let ran = Smoke::bare().args(arguments.iter().copied()).suite(&suite).run();
            ran.exits(2);
            assert_eq!(ran.stderr.matches("has no value").count(), 1, "{arguments:?}: {}", ran.stderr);
            assert!(ran.stderr.contains(told), "{arguments:?}: {}", ran.stderr);
        }
        Smoke::bare().args(["plan", "-e", "local"]).suite(&suite).run().exits(0);
        let without = Smoke::bare().args(["plan"]).suite(&suite).run();
        without.exits(2);
        assert!(without.stderr.contains("has no value without `--env`"), "{}", without.stderr);
    }
}

#[test]
fn a_suite_only_for_named_environments_is_valid() {
    let suite = "[vars]\npassword = { env = \"SHOP_PASSWORD\" }\n[env.a.vars]\nhost = \"a\"\n[env.b.vars]\nhost = \"b\"\n"
        .to_owned()
        + &health("it", "headers = { x-host = \"{{host}}\", x-password = \"{{password}}\" }");
    let ran = Smoke::bare().args(["check"]).suite(&suite).run();
    ran.exits(0);
    Smoke::bare().args(["plan", "-e", "a"]).suite(&suite).run().exits(0);
}

#[test]
fn a_budget_too_large_for_an_environment_names_the_environment() {
    let suite = "[suite]\nbudget = \"90s\"\n[env.production]\nsuite = { budget = \"30s\" }\n".to_owned()
        + &health("it", "budget = \"40s\"");
    let ran = Smoke::bare().args(["check"]).suite(&suite).run();
    ran.exits(2);
    let told = "the check's budget of 40s is larger than the suite's of 30s in `production`";
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
    assert!(ran.stderr.contains("raise the budget under `[env.production]`"), "{}", ran.stderr);
}

#[test]
fn a_selection_that_matches_nothing_is_named() {
    let suite = shop();
    for command in ["run", "plan", "list"] {
        for (arguments, code, told) in [
            (
                &["--only", "opne*"][..],
                3,
                "note: no check matches `opne*` (`--only`); did you mean `open`?\n",
            ),
            (&["--only", "zzz"], 3, "note: no check matches `zzz` (`--only`)\n"),
            (&["--tag", "lat"], 3, "note: no check has the tag `lat` (`--tag`); did you mean `late`?\n"),
            (&["--only", "old", "--only", "nothing*"], 0, "note: no check matches `nothing*` (`--only`)\n"),
        ] {
            let ran = Smoke::bare().arg(command).args(arguments.iter().copied()).suite(&suite).run();
            // Everything else is skipped deliberately, or because it is behind a gate that did not pass.
            let code = if command == "run" && code == 0 { 5 } else { code };
            ran.exits(code);
            assert!(ran.stderr.contains(told), "{command} {arguments:?}: {}", ran.stderr);
        }
        let ran = Smoke::bare().args([command, "--only", "o*"]).suite(&suite).run();
        assert!(!ran.stderr.contains("note:"), "{}", ran.stderr);
    }
}
