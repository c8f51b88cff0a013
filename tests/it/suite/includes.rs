//! Which defaults an included file defines itself, and which it inherits from the including file.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::http::{HttpServer, Request, Response};
use crate::support::smoke::{Ran, Smoke};

fn check(name: &str, server: &HttpServer, keys: &str) -> String {
    format!("[[health]]\nname = \"{name}\"\nurl = {:?}\n{keys}\n", server.url(&format!("/{name}")))
}

fn defaults(who: &str, own: &str) -> String {
    format!(
        "[defaults]\nbudget = \"{own}s\"\n[defaults.http]\nheaders = {{ x-who = \"{who}\", x-{who} = \"{who}\" }}\n"
    )
}

/// `main` includes `middle` and `sibling`, and `middle` includes `deep`. Each has a check with its own name.
fn run(server: &HttpServer, defaults: [&str; 4]) -> Ran {
    let text = |name: &str, of: &str| format!("{of}\n{}", check(name, server, ""));
    let [main, middle, sibling, deep] = defaults;
    let ran = Smoke::new()
        .suite(&format!("include = [\"middle.toml\", \"sibling.toml\"]\n{}", text("main", main)))
        .file("middle.toml", format!("include = [\"deep.toml\"]\n{}", text("middle", middle)))
        .file("sibling.toml", text("sibling", sibling))
        .file("deep.toml", text("deep", deep))
        .args(["--json", "run.json", "--keep-going"])
        .run();
    ran.exits(0);
    ran
}

/// Returns the `x-…` headers that each check sent, by its name.
fn headers(server: &HttpServer) -> BTreeMap<String, Vec<String>> {
    let own = |request: &Request| -> Vec<String> {
        let mut own: Vec<String> = request
            .headers
            .iter()
            .filter(|(name, _)| name.starts_with("x-"))
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        own.sort();
        own
    };
    let requests = server.requests();
    requests.iter().map(|request| (request.path.trim_start_matches('/').to_owned(), own(request))).collect()
}

#[test]
fn defaults_apply_to_a_file_and_its_includes_and_the_nearest_wins() {
    let server = HttpServer::start(|_| Response::new(200));
    let [main, middle, sibling] =
        [("main", "7"), ("middle", "8"), ("sibling", "9")].map(|(who, own)| defaults(who, own));
    run(&server, [&main, &middle, &sibling, "[defaults.http]\nheaders = { X-WHO = \"deep\" }"]);
    let sent = headers(&server);
    assert_eq!(sent["main"], ["x-main: main", "x-who: main"]);
    assert_eq!(sent["middle"], ["x-main: main", "x-middle: middle", "x-who: middle"]);
    assert_eq!(sent["sibling"], ["x-main: main", "x-sibling: sibling", "x-who: sibling"]);
    assert_eq!(sent["deep"], ["x-main: main", "x-middle: middle", "x-who: deep"]);
}

#[test]
fn the_defaults_of_an_included_file_are_its_own() {
    let server = HttpServer::start(|_| Response::new(200));
    run(&server, ["", &defaults("middle", "8"), "", ""]);
    let sent = headers(&server);
    assert!(sent["main"].is_empty() && sent["sibling"].is_empty(), "{sent:?}");
    assert_eq!((sent["middle"].len(), sent["deep"].len()), (2, 2), "{sent:?}");
}

#[test]
fn default_budgets_and_retries_follow_the_same_rules() {
    let server = HttpServer::start(|_| Response::new(500));
    let budget = "[defaults]\nbudget = \"9s\"\nretry = { attempts = 2, delay = \"1ms\" }\n";
    let ran = Smoke::bare()
        .args(["plan", "--json"])
        .suite(&format!("include = [\"deep.toml\"]\n{budget}{}", check("main", &server, "budget = \"3s\"")))
        .file("deep.toml", check("deep", &server, "") + &check("own", &server, "retry = { attempts = 1 }"))
        .run();
    ran.exits(0);
    let plan: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let budgets: Vec<&Value> =
        plan["checks"].as_array().expect("checks").iter().map(|check| &check["budget_ms"]).collect();
    assert_eq!(budgets, [9000, 9000, 3000]);

    let ran = Smoke::new()
        .suite(&format!(
            "include = [\"deep.toml\"]\n[suite]\nfail-fast = false\n{budget}{}",
            check("main", &server, "")
        ))
        .file("deep.toml", check("deep", &server, "") + &check("own", &server, "retry = { attempts = 1 }"))
        .run();
    ran.exits(1);
    let asked =
        |name: &str| server.requests().iter().filter(|request| request.path == format!("/{name}")).count();
    assert_eq!(["main", "deep", "own"].map(asked), [2, 2, 1]);
}
