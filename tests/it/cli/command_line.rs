//! The command line: selection, overrides, output.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::support::http::{HttpServer, Request, Response};
use crate::support::junit::{Junit, Outcome};
use crate::support::smoke::{Ran, Smoke, program};
use crate::support::thorough;

fn answer(request: &Request) -> Response {
    match request.path.as_str() {
        "/bad" => Response::new(500),
        _ => Response::new(200),
    }
}

fn server() -> HttpServer {
    HttpServer::start(answer)
}

fn check(name: &str, url: &str, keys: &str) -> String {
    format!("[[health]]\nname = \"{name}\"\nurl = \"{url}\"\n{keys}\n")
}

/// The requested paths.
fn asked(server: &HttpServer) -> Vec<String> {
    let mut paths: Vec<String> = server.requests().into_iter().map(|request| request.path).collect();
    paths.sort();
    paths
}

/// Four checks: b needs a, c and d are independent.
fn four(server: &HttpServer) -> String {
    check("a first", &server.url("/a"), "tags = [\"one\"]")
        + &check("b second", &server.url("/b"), "needs = [\"a first\"]\ntags = [\"two\"]")
        + &check("c third", &server.url("/c"), "tags = [\"one\", \"three\"]")
        + &check("d fourth", &server.url("/d"), "")
}

fn chosen(arguments: &[&str]) -> Vec<String> {
    let server = server();
    let suite = four(&server);
    Smoke::new().suite(&suite).args(arguments.iter().copied()).run().exits(0);
    asked(&server)
}

#[test]
fn tag_selects_checks_with_dependencies() {
    assert_eq!(chosen(&["--tag", "one"]), ["/a", "/c"]);
    assert_eq!(chosen(&["--tag", "two"]), ["/a", "/b"]);
    assert_eq!(chosen(&["-t", "two", "-t", "three"]), ["/a", "/b", "/c"]);
}

#[test]
fn skip_tag_excludes_checks() {
    assert_eq!(chosen(&["--skip-tag", "three"]), ["/a", "/b", "/d"]);
}

#[test]
fn only_selects_by_name_with_dependencies() {
    assert_eq!(chosen(&["--only", "*four*"]), ["/d"]);
    assert_eq!(chosen(&["--only", "b*"]), ["/a", "/b"]);
    assert_eq!(chosen(&["--only", "{c,d} *"]), ["/c", "/d"]);
}

#[test]
fn skip_excludes_by_name_even_dependencies() {
    assert_eq!(chosen(&["--skip", "a*"]), ["/b", "/c", "/d"]);
    assert_eq!(chosen(&["--only", "b*", "--skip", "a*"]), ["/b"]);
}

#[test]
fn skipping_a_boot_lets_the_others_run() {
    let server = server();
    let boot = "[[boot]]\nname = \"shop starts\"\ncommand = [\"./no-such-program\"]\n";
    let suite = boot.to_owned() + &check("up", &server.url("/a"), "needs = [\"shop starts\"]");
    let ran = Smoke::new().suite(&suite).args(["--skip", "shop*"]).run();
    ran.exits(0);
    assert_eq!(ran.junit().cases.len(), 1);
    Smoke::new().suite(&suite).run().exits(5);
}

#[test]
fn a_missing_shared_value_is_reported_before_anything_is_sent() {
    let server = server();
    let suite = format!(
        "[[journey]]\nname = \"log in\"\nshare = [\"sid\"]\n[[journey.step]]\nname = \"a\"\nget = \"{0}\"\n\
         capture.sid = {{ header = \"date\" }}\n\n{1}",
        server.url("/login"),
        check("orders", &server.url("/orders?{{sid|urlencode}}"), "needs = [\"log in\"]")
    );
    let ran = Smoke::new().suite(&suite).args(["--skip", "log in"]).run();
    ran.exits(2);
    assert!(ran.stderr.contains("`log in`, which shares it, is excluded"), "{}", ran.stderr);
    assert_eq!(server.connections(), 0);
    Smoke::new().suite(&suite).args(["--skip", "log in", "--var", "sid=abc"]).run().exits(0);
    Smoke::new().suite(&suite).run().exits(0);
}

#[test]
fn an_invalid_pattern_is_a_usage_error() {
    let ran = Smoke::new().suite("").args(["--only", "[a"]).run();
    ran.exits(2);
    assert!(ran.stderr.contains("--only"), "{}", ran.stderr);
}

#[test]
fn the_command_line_overrides_the_environment_which_overrides_the_suite() {
    let server = server();
    let suite = format!(
        "[vars]\npath = \"suite\"\n[env.staging.vars]\npath = \"staging\"\n{}",
        check("up", &server.url("/{{path}}"), "")
    );
    for arguments in
        [&[][..], &["-e", "staging"], &["-e", "staging", "-v", "path=given"], &["--var", "path=a=b"]]
    {
        Smoke::new().suite(&suite).args(arguments.iter().copied()).run().exits(0);
    }
    assert_eq!(asked(&server), ["/a=b", "/given", "/staging", "/suite"]);
}

#[test]
fn an_environments_suite_keys_override_the_suites() {
    let server = server();
    let suite = format!("[suite]\nname = \"here\"\n[env.prod.suite]\nname = \"there\"\n{}", four(&server));
    let ran = Smoke::new().suite(&suite).args(["--env", "prod"]).run();
    ran.exits(0);
    assert_eq!(ran.junit().name, "there");
    assert!(ran.stderr.starts_with("there (prod): 4 checks"), "{}", ran.stderr);
}

#[test]
fn jobs_limits_how_many_checks_run_at_once() {
    // Each passes only after all six have been requested.
    let met = || {
        let seen = Mutex::new(BTreeSet::new());
        HttpServer::start(move |request| {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(request.path.clone());
            Response::new(if seen.len() == 6 { 200 } else { 503 })
        })
    };
    let suite = |server: &HttpServer, budget: &str| -> String {
        let keys = format!("poll = {{ every = \"10ms\" }}\nbudget = {budget:?}");
        (0..6).map(|n| check(&n.to_string(), &server.url(&format!("/{n}")), &keys)).collect()
    };
    let server = met();
    Smoke::new().suite(&suite(&server, "20s")).args(["-j", "6"]).run().exits(0);
    let server = met();
    Smoke::new().suite(&suite(&server, "1s")).args(["--jobs", "1"]).run().exits(1);
    assert!(asked(&server).iter().all(|path| path == "/0"), "{:?}", asked(&server));
    Smoke::new().suite(&suite(&server, "1s")).args(["--jobs", "0"]).run().exits(2);
}

#[test]
fn the_budget_option_overrides_the_suite() {
    let server = HttpServer::start(|_| Response::new(200).delay(Duration::from_secs(20)));
    let suite = format!("[suite]\nbudget = \"50s\"\n{}", check("up", &server.url("/"), "budget = \"30s\""));
    let ran = Smoke::new().suite(&suite).args(["--budget", "1s"]).run();
    ran.exits(4);
    assert!(ran.stderr.contains("the suite's budget of 1s ended first"), "{}", ran.stderr);
    assert!(ran.took < thorough::bound(Duration::from_secs(2)), "{:?}", ran.took);
    let ran = Smoke::new().suite(&suite).args(["--budget", "5"]).run();
    ran.exits(2);
    assert!(ran.stderr.contains("5s"), "{}", ran.stderr);
}

#[test]
fn keep_going_runs_what_fail_fast_would_not() {
    let server = server();
    let suite =
        format!("[suite]\nconcurrency = 1\n{}{}", check("bad", &server.url("/bad"), ""), four(&server));
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    assert_eq!(ran.junit().skipped, 4);
    let ran = Smoke::new().suite(&suite).arg("--keep-going").run();
    ran.exits(1);
    assert_eq!((ran.junit().skipped, ran.junit().count(Outcome::Passed)), (0, 4));
}

#[test]
fn quiet_prints_only_failures_and_the_summary() {
    let server = server();
    let suite = four(&server) + &check("bad", &server.url("/bad"), "");
    let ran = Smoke::new().suite(&suite).args(["-q", "--keep-going"]).run();
    ran.exits(1);
    assert!(ran.stderr.trim_start().starts_with("FAIL"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("PASS ") && ran.stderr.contains("root cause:"), "{}", ran.stderr);
    let ran = Smoke::new().suite(&four(&server)).arg("-q").run();
    assert_eq!(ran.stderr.lines().filter(|line| !line.is_empty()).count(), 1, "{}", ran.stderr);
}

#[test]
fn color_is_used_on_request_and_not_in_a_pipe() {
    let server = server();
    let run = |arguments: &[&str]| -> Ran {
        Smoke::new().suite(&four(&server)).args(arguments.iter().copied()).env("NO_COLOR", "1").run()
    };
    assert!(!Smoke::new().suite(&four(&server)).run().stderr.contains('\x1b'));
    assert!(!run(&["--color", "never"]).stderr.contains('\x1b'));
    assert!(run(&["--color", "always"]).stderr.contains("\x1b["));
    let wrong = Smoke::bare().args(["check", "--color", "always"]).suite("[suite]\nnam = 1\n").run();
    assert!(wrong.stderr.contains("\x1b["), "{}", wrong.stderr);
}

#[test]
fn the_suite_is_found_in_a_parent_folder() {
    let server = server();
    let smoke = Smoke::imitated_by("sh").suite(&four(&server)).env("SMOKE", program());
    std::fs::create_dir_all(smoke.path("a/b")).expect("create folders");
    let ran = smoke.args(["-c", "cd a/b && exec \"$SMOKE\" run --junit here.xml"]).run();
    ran.exits(0);
    assert!(ran.path("a/b/here.xml").is_file());
}

#[test]
fn data_goes_to_stdout_and_everything_else_to_stderr() {
    let server = server();
    let ran = Smoke::bare().args(["run", "--junit", "-"]).suite(&four(&server)).run();
    ran.exits(0);
    assert_eq!(Junit::parse(&ran.stdout).cases.len(), 4);
    assert!(ran.stderr.contains("PASSED"), "{}", ran.stderr);
    let ran = Smoke::new().suite(&four(&server)).run();
    assert_eq!(ran.stdout, "");
}

#[test]
fn list_needs_no_environment_and_sends_nothing() {
    let suite = "[vars]\nurl = { env = \"NOT_SET\" }\n".to_owned()
        + &check("up", "{{url}}", "tags = [\"one\", \"two\"]")
        + &check("other", "{{url}}", "");
    let ran = Smoke::bare().arg("list").suite(&suite).run();
    ran.exits(0);
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("health    up  [one, two]\nhealth    other\n", "")
    );
    let ran = Smoke::bare().args(["list", "--tag", "three"]).suite(&suite).run();
    ran.exits(3);
}

#[test]
fn check_says_how_many_checks_there_are() {
    let suite = "[vars]\nurl = { env = \"NOT_SET\" }\n".to_owned() + &check("up", "{{url}}", "");
    let ran = Smoke::bare().arg("check").suite(&suite).run();
    ran.exits(0);
    assert_eq!(ran.stderr, "1 check, no mistakes\n");
}

/// Runs a script whose reader closes the pipe at once; returns the exit code of `smoke`.
fn with_closed_pipe(suite: &str, command: &str) -> String {
    let script = format!("{{ {command}; echo $? > code; }} | :");
    let ran = Smoke::imitated_by("sh").suite(suite).env("SMOKE", program()).args(["-c", &script]).run();
    std::fs::read_to_string(ran.path("code")).expect("the exit code").trim().to_owned()
}

#[test]
fn a_closed_pipe_does_not_change_the_exit_code() {
    let server = server();
    let (good, bad) = (four(&server), check("bad", &server.url("/bad"), ""));
    for redirect in ["2>&1", "2>&1 >/dev/null", "2>/dev/null"] {
        assert_eq!(with_closed_pipe(&good, &format!("\"$SMOKE\" run --junit - {redirect}")), "0");
        assert_eq!(with_closed_pipe(&bad, &format!("\"$SMOKE\" run --junit - {redirect}")), "1");
        assert_eq!(with_closed_pipe("", &format!("\"$SMOKE\" run --junit - {redirect}")), "2");
        assert_eq!(with_closed_pipe(&good, &format!("\"$SMOKE\" list {redirect}")), "0");
        assert_eq!(with_closed_pipe(&good, &format!("\"$SMOKE\" --help {redirect}")), "0");
        assert_eq!(with_closed_pipe(&good, &format!("\"$SMOKE\" completions bash {redirect}")), "0");
    }
}
