//! `[defaults.KIND]` and `[env.NAME] defaults`: what is under a check's own keys, and what is wrong with it.

use crate::support::http::{HttpServer, Request, Response};
use crate::support::smoke::{Ran, Smoke};

fn run(suite: &str, arguments: &[&str]) -> Ran {
    Smoke::new().suite(suite).args(arguments.iter().copied()).run()
}

fn check(suite: &str, arguments: &[&str]) -> Ran {
    Smoke::bare().arg("check").suite(suite).args(arguments.iter().copied()).run()
}

fn health(name: &str, server: &HttpServer, keys: &str) -> String {
    format!("[[health]]\nname = \"{name}\"\nurl = {:?}\n{keys}\n", server.url(&format!("/{name}")))
}

/// The headers that begin with `x-` of the one request.
fn own_headers(server: &HttpServer) -> Vec<String> {
    let own = |request: &Request| -> Vec<String> {
        let headers = request.headers.iter().filter(|(name, _)| name.starts_with("x-"));
        headers.map(|(name, value)| format!("{name}: {value}")).collect()
    };
    let mut headers: Vec<String> = server.requests().iter().flat_map(own).collect();
    headers.sort();
    headers
}

/// Echoes the method, so that a check can expect it.
fn echo() -> HttpServer {
    HttpServer::start(|request| Response::new(200).header("x-method", &request.method))
}

#[test]
fn the_defaults_of_a_kind_are_for_its_checks_and_no_others() {
    let server = echo();
    let suite = format!(
        "[defaults.health]\nmethod = \"HEAD\"\nheaders = {{ x-of = \"health\" }}\nexpect.header.x-method = \"HEAD\"\n{}\
         [[journey]]\nname = \"j\"\n[[journey.step]]\nname = \"s\"\nget = {:?}\nexpect.header.x-method = \"GET\"\n",
        health("h", &server, ""),
        server.url("/j")
    );
    run(&suite, &[]).exits(0);
    assert_eq!(own_headers(&server), ["x-of: health"]);
}

#[test]
fn tables_of_defaults_are_merged_key_by_key_under_the_checks_own_keys() {
    let server = echo();
    let suite = format!(
        "[defaults.health]\nheaders = {{ x-a = \"default\", x-b = \"default\" }}\nexpect = {{ status = 404, within = \"9s\" }}\n{}",
        health("h", &server, "headers = { X-B = \"own\" }\nexpect.status = 200")
    );
    run(&suite, &[]).exits(0);
    assert_eq!(own_headers(&server), ["x-a: default", "x-b: own"]);
}

#[test]
fn the_defaults_of_a_kind_count_before_those_for_all_checks() {
    let server = echo();
    let suite = format!(
        "[defaults]\nbudget = \"7s\"\n[defaults.http]\nheaders = {{ x-a = \"all\", x-b = \"all\" }}\n\
         [defaults.health]\nbudget = \"8s\"\nheaders = {{ x-b = \"kind\" }}\n{}",
        health("h", &server, "")
    );
    let plan = Smoke::bare().arg("plan").suite(&suite).run();
    assert!(plan.stdout.contains("8s") && !plan.stdout.contains("7s"), "{}", plan.stdout);
    run(&suite, &[]).exits(0);
    assert_eq!(own_headers(&server), ["x-a: all", "x-b: kind"]);
}

#[test]
fn an_included_file_has_the_defaults_of_the_including_file_under_its_own() {
    let server = echo();
    let outer = "[defaults.health]\nheaders = { x-a = \"outer\", x-b = \"outer\" }\n";
    let inner = "[defaults.health]\nheaders = { x-b = \"inner\" }\n";
    Smoke::new()
        .suite(&format!("include = [\"inner.toml\"]\n{outer}"))
        .file("inner.toml", format!("{inner}{}", health("h", &server, "")))
        .run()
        .exits(0);
    assert_eq!(own_headers(&server), ["x-a: outer", "x-b: inner"]);
}

#[test]
fn a_default_that_does_not_go_with_a_checks_own_keys_is_left_out() {
    let server = echo();
    let address = server.address();
    let suite = format!(
        "[defaults.health]\nretry = {{ attempts = 2 }}\nauth = {{ bearer = \"{{{{token}}}}\" }}\n\
         method = \"POST\"\nexpect = {{ status = 200, within = \"9s\" }}\njson = {{ a = 1 }}\n\
         [vars]\ntoken = {{ value = \"abcdefgh\", secret = true }}\n{}{}{}{}",
        health("polled", &server, "poll = { every = \"10ms\", hold = 2 }"),
        health("basic", &server, "auth = { basic = { user = \"u\", password = \"{{token}}\" } }"),
        health("form", &server, "form = { b = \"2\" }"),
        format_args!("[[health]]\nname = \"port\"\nurl = \"tcp://{address}\"\n"),
    );
    check(&suite, &[]).exits(0);
    run(&suite, &[]).exits(0);
    let of =
        |path: &str| server.requests().into_iter().find(|request| request.path == path).expect("a request");
    assert_eq!(of("/polled").header("authorization"), Some("Bearer abcdefgh"));
    assert!(of("/basic").header("authorization").is_some_and(|value| value.starts_with("Basic ")));
    assert_eq!(of("/form").text(), "b=2");
}

#[test]
fn what_is_wrong_with_defaults_is_said_at_their_place_whether_or_not_a_check_has_them() {
    let suite = "[defaults.health]\nbudgte = \"3s\"\nexpect = { statsu = 200 }\nname = \"x\"\n\
                 [defaults.journey]\nbudget = 3\n[env.staging.defaults.database]\nquerry = \"select 1\"\n\
                 [[boot]]\nname = \"b\"\ncommand = [\"true\"]\n";
    let ran = check(suite, &[]);
    ran.exits(2);
    for part in [
        "unknown key `budgte`\n --> ",
        "smoke.toml:2:1",
        "did you mean `budget`?",
        "unknown key `statsu`",
        "smoke.toml:3:12",
        "did you mean `status`?",
        "`name` is each check's own and has no default",
        "smoke.toml:4:1",
        "a duration needs its unit, found the number 3",
        "smoke.toml:6:10",
        "unknown key `querry`",
        "smoke.toml:8:1",
        "did you mean `query`?",
        "5 mistakes in the suite",
    ] {
        assert!(ran.stderr.contains(part), "{part} in\n{}", ran.stderr);
    }
}

#[test]
fn a_default_of_another_file_is_blamed_in_that_file() {
    let ran = Smoke::bare()
        .arg("check")
        .suite("include = [\"inner.toml\"]\n[defaults.health]\nexpect.json.\"$.a\" = \"{{no_such}}\"\n")
        .file("inner.toml", "# a line\n\n\n\n[[health]]\nname = \"h\"\nurl = \"http://127.0.0.1:1\"\n")
        .run();
    ran.exits(2);
    assert!(ran.stderr.contains("undefined variable `no_such`"), "{}", ran.stderr);
    assert!(ran.stderr.contains("smoke.toml:3:22"), "{}", ran.stderr);
}

#[test]
fn a_key_that_must_be_there_may_come_from_the_defaults() {
    let server = echo();
    let suite =
        format!("[defaults.health]\nurl = {:?}\n[[health]]\nname = \"h\"\n", server.url("/by-default"));
    run(&suite, &[]).exits(0);
    assert_eq!(server.requests()[0].path, "/by-default");
}

#[test]
fn an_environment_overrides_defaults_one_by_one() {
    let server = echo();
    let suite = format!(
        "[defaults]\nbudget = \"7s\"\n[defaults.http]\nheaders = {{ x-a = \"any\", x-b = \"any\" }}\n\
         [defaults.health]\nheaders = {{ x-c = \"any\", x-d = \"any\" }}\n\
         [env.staging]\ndefaults = {{ budget = \"9s\", http.headers = {{ x-b = \"staging\" }}, health.headers = {{ x-d = \"staging\" }} }}\n\
         [env.live]\n{}",
        health("h", &server, "")
    );
    check(&suite, &[]).exits(0);
    run(&suite, &["--env", "staging"]).exits(0);
    assert_eq!(own_headers(&server), ["x-a: any", "x-b: staging", "x-c: any", "x-d: staging"]);
    let budget = |arguments: &[&str]| {
        Smoke::bare().arg("plan").suite(&suite).args(arguments.iter().copied()).run().stdout
    };
    assert!(budget(&["--env", "staging"]).contains("9s"), "{}", budget(&["--env", "staging"]));
    for other in [&["--env", "live"][..], &[]] {
        assert!(budget(other).contains("7s"), "{}", budget(other));
    }
}

#[test]
fn what_only_an_environment_gives_is_missing_without_it() {
    let server = echo();
    let suite = format!(
        "[env.staging.defaults.health]\nurl = {:?}\n[[health]]\nname = \"h\"\n",
        server.url("/staging")
    );
    check(&suite, &[]).exits(0);
    run(&suite, &["--env", "staging"]).exits(0);
    let ran = run(&suite, &[]);
    ran.exits(2);
    assert!(ran.stderr.contains("missing key `url`"), "{}", ran.stderr);
}
