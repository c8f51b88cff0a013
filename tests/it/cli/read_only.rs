//! `smoke run --read-only`: requests that change something are not sent.

use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::smoke::Smoke;

fn server() -> HttpServer {
    HttpServer::start(|request| match request.method.as_str() {
        "OPTIONS" => Response::new(204),
        _ => Response::json("{}"),
    })
}

fn health(name: &str, url: &str, keys: &str) -> String {
    format!("[[health]]\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n")
}

fn journey(name: &str, keys: &str, steps: &[(&str, &str)]) -> String {
    let steps =
        steps.iter().map(|(table, keys)| format!("[[journey.{table}]]\nname = \"a {table}\"\n{keys}\n"));
    format!("[[journey]]\nname = \"{name}\"\n{keys}\n{}", steps.collect::<String>())
}

/// Returns the checks, each with the reason why it is skipped, or empty if it runs.
fn checks(base: &str) -> Vec<(String, &'static str)> {
    let (get, post) = (format!("get = \"{base}/get\""), format!("post = \"{base}/post\""));
    vec![
        (health("get", base, ""), ""),
        (health("head", base, "method = \"HEAD\""), ""),
        (health("options", base, "method = \"OPTIONS\""), ""),
        (health("post", base, "method = \"POST\""), "not run with `--read-only`: sends POST"),
        (health("safe post", base, "method = \"POST\"\nsafe = true"), ""),
        (health("get with an effect", base, "safe = false"), "not run with `--read-only`: sends GET"),
        (health("after post", base, "needs = [\"post\"]"), "needs `post`, which is skipped"),
        (health("skipped", base, "method = \"POST\"\nskip = \"not today\""), "not today"),
        ("[[database]]\nname = \"reads\"\nurl = \"sqlite:shop.db\"\nquery = \"select 1\"\n".to_owned(), ""),
        (
            "[[database]]\nname = \"writes\"\nurl = \"sqlite:shop.db\"\nquery = \"delete from orders\"\nwrites = true\n".to_owned(),
            "not run with `--read-only`: runs a query with `writes = true`",
        ),
        (journey("looks", "", &[("step", &get)]), ""),
        (
            journey("orders", "", &[("step", &get), ("cleanup", &post)]),
            "not run with `--read-only`: step `a cleanup` sends POST",
        ),
        (journey("searches", "", &[("step", &format!("{post}\nsafe = true"))]), ""),
        (journey("searches as a whole", "safe = true", &[("step", &post)]), ""),
        (
            journey(
                "writes in a safe one",
                "safe = true",
                &[("step", "database = \"sqlite:shop.db\"\nquery = \"delete from orders\"\nwrites = true")],
            ),
            "not run with `--read-only`: step `a step` runs a query with `writes = true`",
        ),
    ]
}

fn name_of(check: &str) -> &str {
    check.split('"').nth(1).expect("a name")
}

#[test]
fn what_changes_something_is_skipped_with_the_reason_and_so_is_what_needs_it() {
    let server = server();
    let checks = checks(&server.url(""));
    let suite: String = checks.iter().map(|(check, _)| check.as_str()).collect();
    let smoke = Smoke::new().suite(&suite).arg("--read-only");
    let database = rusqlite::Connection::open(smoke.path("shop.db")).expect("a database");
    database.execute_batch("create table orders (id integer)").expect("a table");
    let ran = smoke.args(["--json", "smoke.json"]).run();
    ran.exits(0);
    let report = ran.junit();
    for (check, reason) in &checks {
        let case = report.case(name_of(check));
        let outcome = if reason.is_empty() { Outcome::Passed } else { Outcome::Skipped };
        assert_eq!(
            (case.outcome, case.message.as_deref().unwrap_or_default()),
            (outcome, *reason),
            "{check}"
        );
    }
    let sent: Vec<String> = server.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(sent.iter().filter(|method| *method == "POST").count(), 3, "those that are safe");
    let text = std::fs::read_to_string(ran.path("smoke.json")).expect("the report");
    let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let post = document["checks"].as_array().expect("checks").iter().find(|check| check["name"] == "post");
    assert_eq!(post.expect("the check")["reason"]["type"], "read-only");
    assert!(ran.stderr.contains("not run with `--read-only`: sends POST"), "{}", ran.stderr);
}

#[test]
fn without_it_everything_runs_and_the_plan_knows_of_it() {
    let server = server();
    let suite = health("post", &server.url("/"), "method = \"POST\"");
    Smoke::new().suite(&suite).run().exits(0);
    assert_eq!(server.requests().len(), 1);
    let ran = Smoke::bare().args(["plan", "--read-only"]).suite(&suite).run();
    assert!(ran.stdout.contains("post  (skipped: not run with `--read-only`: sends POST)"), "{}", ran.stdout);
    // Nothing ran.
    Smoke::new().suite(&suite).arg("--read-only").run().exits(3);
    assert_eq!(server.requests().len(), 1);
}
