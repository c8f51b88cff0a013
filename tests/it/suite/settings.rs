//! Templates in settings, and the checks that `each` generates.

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::{Ran, Smoke};

fn run(suite: &str, arguments: &[&str]) -> Ran {
    Smoke::new().suite(suite).args(arguments.iter().copied()).args(["--json", "run.json"]).run()
}

fn check(suite: &str, arguments: &[&str]) -> Ran {
    Smoke::bare().arg("check").suite(suite).args(arguments.iter().copied()).run()
}

/// Returns the names of the checks that ran, each with its status.
fn statuses(ran: &Ran) -> Vec<(String, String)> {
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(ran.path("run.json")).unwrap()).unwrap();
    let checks = report["checks"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let mut found: Vec<_> = checks.map(|check| (text(&check["name"]), text(&check["outcome"]))).collect();
    found.sort();
    found
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(name, status)| ((*name).to_owned(), (*status).to_owned())).collect()
}

#[test]
fn a_setting_differs_by_environment_where_it_reads_a_variable() {
    let server = HttpServer::start(|_| Response::new(503));
    let suite = format!(
        "[vars]\nhow = \"critical\"\n[env.staging.vars]\nhow = \"warn\"\n\
         [[health]]\nname = \"it\"\nurl = {:?}\nseverity = \"{{{{how}}}}\"\n",
        server.url("/")
    );
    run(&suite, &[]).exits(1);
    run(&suite, &["--env", "staging"]).exits(0);
}

#[test]
fn text_that_is_a_number_or_a_boolean_counts_as_one_in_a_setting() {
    let answer = |request: &crate::support::http::Request| match request.path.as_str() {
        "/" => Response::new(302).header("location", "/there"),
        _ => Response::new(200),
    };
    let server = HttpServer::start(answer);
    let suite = format!(
        "[vars]\nmost = \"1\"\nhurry = \"true\"\n[suite]\nfail-fast = \"{{{{hurry}}}}\"\n\
         [[health]]\nname = \"it\"\nurl = {:?}\nredirects = \"{{{{most}}}}\"\nexpect.status = \"{{{{150 + 50}}}}\"\n",
        server.url("/")
    );
    run(&suite, &[]).exits(0);
}

#[test]
fn a_setting_that_does_not_fit_is_a_mistake_at_its_place() {
    let suite = "[vars]\npatience = \"soon\"\n[[health]]\nname = \"it\"\nurl = \"http://127.0.0.1:1\"\n\
                 budget = \"{{patience}}\"\n";
    let ran = check(suite, &[]);
    ran.exits(2);
    assert!(ran.stderr.contains("`soon` is not a duration"), "{}", ran.stderr);
    assert!(ran.stderr.contains("smoke.toml:6:10"), "{}", ran.stderr);
}

#[test]
fn a_setting_reads_no_captures_and_calls_no_functions() {
    for (value, message) in [
        ("{{captured}}", "a setting reads variables, and `captured` is none"),
        ("{{uuid()}}", "`uuid()` does not work in a setting"),
        ("{{now()}}", "`now()` does not work in a setting"),
    ] {
        let suite = format!(
            "[[journey]]\nname = \"it\"\nbudget = \"{value}\"\n\
             [[journey.step]]\nname = \"a\"\nget = \"http://127.0.0.1:1\"\ncapture.captured = {{ status = true }}\n"
        );
        let ran = check(&suite, &[]);
        ran.exits(2);
        assert!(ran.stderr.contains(message), "{message} in\n{}", ran.stderr);
    }
}

#[test]
fn a_setting_whose_variable_has_no_value_keeps_the_suite_from_running() {
    let suite = "[vars]\npatience = { env = \"NOT_SET_ANYWHERE\" }\n[[health]]\nname = \"it\"\n\
                 url = \"http://127.0.0.1:1\"\nbudget = \"{{patience}}\"\n";
    check(suite, &[]).exits(0);
    let ran = run(suite, &[]);
    ran.exits(2);
    assert!(ran.stderr.contains("`patience` has no value"), "{}", ran.stderr);
}

#[test]
fn what_others_refer_to_has_no_template() {
    for keys in ["name = \"{{a}}\"", "name = \"it\"\ntags = [\"{{a}}\"]", "name = \"it\"\nenvs = [\"{{a}}\"]"]
    {
        let suite = format!("[vars]\na = \"b\"\n[[health]]\n{keys}\nurl = \"http://127.0.0.1:1\"\n");
        let ran = check(&suite, &[]);
        ran.exits(2);
        assert!(ran.stderr.contains("a template does not work here"), "{keys}\n{}", ran.stderr);
    }
}

#[test]
fn each_makes_one_check_for_each_value_and_a_need_of_the_name_is_one_of_all() {
    let server = HttpServer::start(|request| Response::new(if request.path == "/b" { 500 } else { 200 }));
    let suite = format!(
        "[[health]]\neach = {{ part = [\"a\", \"b\"] }}\nname = \"{{{{part}}}} is up\"\nurl = \"{}/{{{{part}}}}\"\n\
         [[health]]\nname = \"after\"\nneeds = [\"{{{{part}}}} is up\"]\nurl = {:?}\n",
        server.url(""),
        server.url("/c")
    );
    let ran = run(&suite, &["--keep-going"]);
    ran.exits(1);
    assert_eq!(statuses(&ran), pairs(&[("a is up", "passed"), ("after", "skipped"), ("b is up", "failed")]));
    let only = run(&suite, &["--only", "a *"]);
    only.exits(0);
    assert_eq!(statuses(&only), pairs(&[("a is up", "passed")]));
}

#[test]
fn each_takes_several_keys_or_a_variable_that_holds_the_list() {
    let server = HttpServer::start(|request| {
        Response::new(if ["/a?n=1", "/b?n=2"].contains(&request.target.as_str()) { 200 } else { 404 })
    });
    for each in ["each = [{ part = \"a\", n = 1 }, { part = \"b\", n = 2 }]", "each = \"{{parts}}\""] {
        let suite = format!(
            "[vars]\nparts = {{ value = [{{ part = \"a\", n = 1 }}, {{ part = \"b\", n = 2 }}] }}\n\
             [[health]]\n{each}\nname = \"{{{{part}}}}\"\nurl = \"{}/{{{{part}}}}?n={{{{n}}}}\"\n",
            server.url("")
        );
        let ran = run(&suite, &[]);
        ran.exits(0);
        assert_eq!(statuses(&ran), pairs(&[("a", "passed"), ("b", "passed")]), "{each}");
    }
}

#[test]
fn what_each_cannot_make_checks_of_is_a_mistake_at_its_place() {
    for (each, message) in [
        ("{ part = [] }", "`each` has no values"),
        ("{ part = \"a\" }", "expected a list of values for `part`"),
        ("{ part = [\"a\"], other = [\"b\"] }", "found a table with several keys"),
        ("[{ part = \"a\" }, { other = \"b\" }]", "every table of `each` has the same keys"),
        ("[1]", "expected a table with the values of one check"),
        ("3", "expected a table with one key and its values"),
    ] {
        let suite =
            format!("[[health]]\neach = {each}\nname = \"{{{{part}}}}\"\nurl = \"http://127.0.0.1:1\"\n");
        let ran = check(&suite, &[]);
        ran.exits(2);
        assert!(ran.stderr.contains(message), "{each}: {message} in\n{}", ran.stderr);
        assert!(ran.stderr.contains("smoke.toml:2:"), "{each}\n{}", ran.stderr);
    }
}

#[test]
fn the_names_of_each_must_tell_its_checks_apart() {
    let suite = "[[health]]\neach = { part = [\"a\", \"b\"] }\nname = \"it\"\nurl = \"http://127.0.0.1:1/{{part}}\"\n";
    let ran = check(suite, &[]);
    ran.exits(2);
    assert!(ran.stderr.contains("`each` makes 2 checks of this one name"), "{}", ran.stderr);
    assert!(ran.stderr.contains("such as `it {{part}}`"), "{}", ran.stderr);
}
