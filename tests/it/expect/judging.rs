//! Responses that take minutes or forever to evaluate: a budget or a signal cuts the evaluation, and no other check is
//! delayed.

use std::fs;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::http::{HttpServer, Response};
use crate::support::junit::Outcome;
use crate::support::smoke::{Ran, Smoke};
use crate::support::{thorough, wait};

/// A query that visits more nodes in [`deep`] than time allows, and finds nothing.
const ENDLESS: &str = "$..*..*..*..*..*..*..*..*..*..*..b";

/// A query that finds more values in [`deep`] than fit into memory.
const COUNTLESS: &str = "$..*..*..*..*..*..*..*..*..*..*";

/// A deeply nested document.
fn deep() -> String {
    format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100))
}

/// A page of one mebibyte that takes minutes to parse.
fn nested() -> String {
    format!("<h1>Out of order</h1>{}", "<div>".repeat(200_000))
}

/// A regular expression with thousands of states at every character of [`bits`] and no match.
const PATIENT: &str = "[01]*1[01]{5000}([^01])";

/// A million pseudo-random characters.
fn bits() -> String {
    let mut state: u32 = 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 31 == 0 { '0' } else { '1' }
    };
    (0..1_000_000).map(|_| next()).collect()
}

/// Deeply nested documents and pages, the pages with status 500 and 200, and ordinary responses.
fn server() -> HttpServer {
    HttpServer::start(|request| match request.path.as_str() {
        "/deep" => Response::json(&deep()),
        "/broken" => Response::html(&nested()).status(500),
        "/nested" => Response::html(&nested()),
        "/text" => Response::new(200).body(bits()),
        "/order" => Response::json(&format!("{{\"id\": 7, \"deep\": {}}}", deep())),
        "/slow" => Response::json("{\"status\": \"ok\"}").delay(Duration::from_millis(300)),
        _ => Response::json("{\"status\": \"ok\"}"),
    })
}

/// Asserts that a run ended within the minute after which it counts as hung.
#[track_caller]
fn ended_on_time(ran: &Ran) {
    assert!(ran.took < Duration::from_secs(40), "{:?}", ran.took);
}

#[test]
fn endless_evaluations_are_cut_by_their_checks_budget_and_delay_nothing() {
    let server = server();
    let (deep, text) = (server.url("/deep"), server.url("/text"));
    let mut suite = "[suite]\nname = \"s\"\nfail-fast = false\n[defaults]\nbudget = \"4s\"\n".to_owned();
    let health = |name: &str, url: &str, expect: &str| {
        format!("[[health]]\nname = \"{name}\"\nurl = {url:?}\nexpect.{expect}\n")
    };
    let step = |name: &str, url: &str, keys: &str| {
        format!("[[journey]]\nname = \"{name}\"\n[[journey.step]]\nname = \"a\"\nget = {url:?}\n{keys}\n")
    };
    suite += &health("path", &deep, &format!("json.{ENDLESS:?} = {{ exists = true }}"));
    suite += &health("pattern", &text, &format!("body = {{ matches = {PATIENT:?} }}"));
    suite += &step("path of a step", &deep, &format!("expect.json.{ENDLESS:?} = {{ exists = true }}"));
    suite += &step("captured", &deep, &format!("capture.x = {{ json = {ENDLESS:?} }}"));
    suite += &step("captured secret", &deep, &format!("capture.password = {{ json = {ENDLESS:?} }}"));
    suite += &step("captured by a pattern", &text, &format!("capture.x = {{ regex = {PATIENT:?} }}"));
    let endless =
        ["path", "pattern", "path of a step", "captured", "captured secret", "captured by a pattern"];
    for number in 0..4 {
        suite += &health(&format!("beside {number}"), &server.url("/slow"), "json.\"$.status\" = \"ok\"");
    }
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    ended_on_time(&ran);
    let report = ran.junit();
    for name in endless {
        let case = report.case(name);
        let said = case.message.as_deref().unwrap_or_default();
        assert_eq!(
            (case.outcome, case.kind.as_deref()),
            (Outcome::Failed, Some("timeout")),
            "{name}: {said}"
        );
        assert!(
            said.ends_with("no verdict within 4s (check budget), while judging the answer (judge)"),
            "{name}: {said}"
        );
        assert!(
            case.time < thorough::bound(Duration::from_secs(5)).as_secs_f64(),
            "{name} took {} s",
            case.time
        );
    }
    assert!(ran.stderr.contains(", judge ") && !ran.stderr.contains("judge 0ms"), "{}", ran.stderr);
    for number in 0..4 {
        assert_eq!(report.case(&format!("beside {number}")).outcome, Outcome::Passed, "{number}");
    }
}

#[test]
fn what_has_more_than_its_bounds_fails_at_once_and_says_so() {
    let server = server();
    let (deep, nested) = (server.url("/deep"), server.url("/nested"));
    let step = |name: &str, url: &str, capture: &str| {
        format!(
            "[[journey]]\nname = \"{name}\"\n[[journey.step]]\nname = \"a\"\nget = {url:?}\ncapture.x = {capture}\n"
        )
    };
    let suite = format!(
        "[suite]\nname = \"s\"\nfail-fast = false\n[defaults]\nbudget = \"40s\"\n\
         [[health]]\nname = \"path\"\nurl = {deep:?}\nexpect.json.{COUNTLESS:?} = {{ exists = true }}\n\
         [[health]]\nname = \"page\"\nurl = {nested:?}\nexpect.html.h1 = {{ exists = false }}\n{}{}",
        step("captured", &deep, &format!("{{ json = {COUNTLESS:?} }}")),
        step("captured of a page", &nested, "{ html = \"h1\" }"),
    );
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    ended_on_time(&ran);
    let report = ran.junit();
    for (name, said) in [
        ("path", "to find at most 500000 values, got more: write a path that finds fewer"),
        ("page", "to nest at most 512 elements, got a page that nests more"),
        ("captured", "got more: write a path that finds fewer"),
        ("captured of a page", "got a page that nests more"),
    ] {
        let message = report.case(name).message.as_deref().unwrap_or_default();
        assert!(message.contains(said), "{name}: {message}");
    }
}

#[test]
fn values_that_are_nested_in_each_other_are_judged_without_a_copy_of_each() {
    let nested = format!("{}1{}", "{\"id\":".repeat(120), "}".repeat(120));
    let document = format!("[{}1]", format!("{nested},").repeat(1_000));
    let server = HttpServer::start(move |_| Response::json(&document));
    let suite = format!(
        "[[health]]\nname = \"ids\"\nbudget = \"40s\"\nurl = {:?}\nexpect.json.\"$..id\" = {{ count = 3 }}\n",
        server.url("/")
    );
    let ran = Smoke::new().suite(&suite).watch_memory().run();
    ran.exits(1);
    let report = ran.junit();
    let message = report.case("ids").message.as_deref().unwrap_or_default();
    assert!(message.contains("count 3, got 120000"), "{message}");
    let peak = ran.peak_memory.expect("it was watched");
    assert!(peak < 200 << 20, "{} MiB", peak >> 20);
}

/// Returns the number of running threads of a process, or `None` without `/proc`.
fn busy_threads(process: u32) -> Option<usize> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
    let stats = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("stat")).ok());
    // The state follows the name, which is in parentheses.
    Some(stats.filter(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('R'))).count())
}

#[test]
fn an_evaluation_that_was_cut_ends() {
    let server = HttpServer::start(|request| match request.path.as_str() {
        "/deep" => Response::json(&deep()),
        _ => Response::new(200).delay(Duration::from_secs(50)),
    });
    let mut suite = format!(
        "[suite]\nname = \"s\"\nfail-fast = false\n[[health]]\nname = \"beside\"\nbudget = \"50s\"\nurl = {:?}\n",
        server.url("/held")
    );
    for number in 0..4 {
        suite += &format!(
            "[[health]]\nname = \"endless {number}\"\nbudget = \"1s\"\nurl = {:?}\n\
             expect.json.{ENDLESS:?} = {{ exists = true }}\n",
            server.url("/deep")
        );
    }
    let running = Smoke::new().suite(&suite).spawn();
    for number in 0..4 {
        running.wait_for_stderr(&format!("endless {number}"));
    }
    if busy_threads(running.process()).is_some() {
        wait::until("every thread to have nothing to do", Duration::from_secs(20), || {
            (busy_threads(running.process()) == Some(0)).then_some(())
        });
    }
}

#[test]
fn a_page_that_would_take_minutes_to_parse_is_still_described() {
    let server = server();
    let broken = server.url("/broken");
    let suite = format!(
        "[suite]\nname = \"s\"\nfail-fast = false\n[defaults]\nbudget = \"20s\"\n\
         [[health]]\nname = \"health\"\nurl = {broken:?}\n\
         [[health]]\nname = \"page\"\nurl = {broken:?}\nexpect = {{ status = 200, html.h1 = \"x\" }}\n\
         [[health]]\nname = \"other\"\nurl = {broken:?}\nexpect = {{ status = 500, body = {{ contains = \"ok\" }} }}\n\
         [[journey]]\nname = \"step\"\n[[journey.step]]\nname = \"a\"\nget = {broken:?}\n\
         [[journey]]\nname = \"captured\"\n[[journey.step]]\nname = \"a\"\nget = {broken:?}\n\
         expect.status = 500\ncapture.x = {{ header = \"x-missing\" }}\n\
         [[health]]\nname = \"token\"\nurl = {broken:?}\n\
         auth = {{ oauth2 = {{ token-url = {broken:?}, client-id = \"a\", client-secret = \"b\" }} }}\n"
    );
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    ended_on_time(&ran);
    let report = ran.junit();
    for (name, said) in [
        ("health", "expected status 2xx, got 500"),
        ("page", "expected status 200, got 500"),
        ("other", "expected body to contain \"ok\""),
        ("step", "expected status 2xx or 3xx, got 500"),
        ("captured", "expected the capture `x` to find one header x-missing"),
        ("token", "fetching a token from"),
    ] {
        let case = report.case(name);
        let message = case.message.as_deref().unwrap_or_default();
        assert!(message.contains(said), "{name}: {message}");
        let shown = format!("{message}\n{}", case.text);
        // The response of a token endpoint is not shown.
        let described = if name == "token" { "is not shown" } else { "the page says:\nOut of order" };
        assert!(shown.contains(described), "{name}: {shown}");
    }
}

#[test]
fn too_many_redirects_to_a_deeply_nested_page_are_reported() {
    let server = HttpServer::start(|_| Response::html(&nested()).status(302).header("location", "/again"));
    let suite = format!(
        "[[health]]\nname = \"loop\"\nredirects = 2\nbudget = \"20s\"\nurl = {:?}\n",
        server.url("/")
    );
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    ended_on_time(&ran);
    let report = ran.junit();
    let message = report.case("loop").message.as_deref().unwrap_or_default();
    assert!(message.contains("an end to the redirects"), "{message}");
}

#[test]
fn the_suites_budget_ends_a_run_during_endless_evaluations() {
    let server = server();
    let endless = format!("expect.json.{ENDLESS:?} = {{ exists = true }}");
    let suite = format!(
        "[suite]\nname = \"s\"\nbudget = \"4s\"\n[[health]]\nname = \"a\"\nurl = {0:?}\n{endless}\n\
         [[health]]\nname = \"b\"\nurl = {0:?}\n{endless}\n[[health]]\nname = \"c\"\nurl = {0:?}\n{endless}\n",
        server.url("/deep")
    );
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(4);
    ended_on_time(&ran);
    let report = ran.junit();
    for name in ["a", "b", "c"] {
        let message = report.case(name).message.as_deref().unwrap_or_default();
        assert_eq!(message, "no verdict within 4s (suite budget), while judging the answer (judge)");
    }
}

#[test]
fn a_signal_ends_a_run_during_an_endless_evaluation() {
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let server = server();
        let suite = format!(
            "[suite]\nname = \"s\"\n[defaults]\nbudget = \"50s\"\n\
             [[health]]\nname = \"path\"\nurl = {:?}\nexpect.json.{ENDLESS:?} = {{ exists = true }}\n\
             [[health]]\nname = \"text\"\nurl = {:?}\nexpect.body = {{ matches = {PATIENT:?} }}\n",
            server.url("/deep"),
            server.url("/text")
        );
        let running = Smoke::new().suite(&suite).spawn();
        wait::until("both requests", Duration::from_secs(20), || {
            (server.requests().len() == 2).then_some(())
        });
        running.signal(signal);
        let ran = running.wait();
        ran.exits(code);
        ended_on_time(&ran);
        assert_eq!(ran.junit().count(Outcome::Skipped), 2);
    }
}

#[test]
fn evaluating_a_readiness_answer_is_cut_by_the_boots_budget() {
    let server = server();
    let suite = format!(
        "[[boot]]\nname = \"shop\"\nbudget = \"4s\"\ncommand = [\"sleep\", \"1000\"]\n\
         ready = {{ url = {:?}, expect.json.{ENDLESS:?} = {{ exists = true }} }}\n",
        server.url("/deep")
    );
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(5);
    ended_on_time(&ran);
    let report = ran.junit();
    let message = report.case("shop").message.as_deref().unwrap_or_default();
    assert!(message.contains("never gave the expected answer"), "{message}");
}

#[test]
fn a_boot_may_answer_not_ready_with_a_deeply_nested_page() {
    let server = server();
    let suite = format!(
        "[[boot]]\nname = \"shop\"\nbudget = \"4s\"\ncommand = [\"sleep\", \"1000\"]\nready = {{ url = {:?} }}\n",
        server.url("/broken")
    );
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(5);
    ended_on_time(&ran);
    assert!(server.requests().len() > 1, "it is asked again");
}

#[test]
fn captures_are_kept_for_cleanup_when_the_evaluation_is_cut() {
    let server = server();
    let suite = format!(
        "[[journey]]\nname = \"order\"\nbudget = \"4s\"\n[[journey.step]]\nname = \"place\"\nget = {:?}\n\
         capture.order = {{ json = \"$.id\" }}\nexpect.json.{ENDLESS:?} = {{ exists = true }}\n\
         [[journey.cleanup]]\nname = \"remove\"\ndelete = \"{}/{{{{order}}}}\"\n",
        server.url("/order"),
        server.url("/orders")
    );
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    ended_on_time(&ran);
    let asked: Vec<String> =
        server.requests().iter().map(|request| format!("{} {}", request.method, request.path)).collect();
    assert_eq!(asked, ["GET /order", "DELETE /orders/7"]);
}

#[test]
fn evaluating_a_row_value_is_cut_by_the_checks_budget() {
    // Rows are always read on a separate thread. This test is about where they are evaluated.
    let smoke = Smoke::new();
    rusqlite::Connection::open(smoke.path("shop.db"))
        .expect("create a database")
        .execute_batch("create table t (a)")
        .expect("create a table");
    let suite = "[[database]]\nname = \"text\"\nbudget = \"4s\"\nurl = \"sqlite:shop.db\"\n\
        query = \"select hex(randomblob(500000))\"\n\
        expect.value = { matches = \"[0-9A-F]*[0-7][0-9A-F]{5000}[^0-9A-F]\" }\n";
    let ran = smoke.suite(suite).run();
    ran.exits(1);
    ended_on_time(&ran);
    let report = ran.junit();
    let message = report.case("text").message.as_deref().unwrap_or_default();
    assert_eq!(message, "no verdict within 4s (check budget), while judging the answer (judge)");
}

/// An idle thread stays for ten seconds, so every thread that was started still exists at the end.
#[test]
fn ordinary_answers_are_evaluated_without_an_extra_thread() {
    const CHECKS: usize = 200;
    let threads = Arc::new(OnceLock::new());
    let process = Arc::new(OnceLock::new());
    let server = HttpServer::start({
        let (threads, process) = (Arc::clone(&threads), Arc::clone(&process));
        move |request| {
            if request.path == "/last" {
                let process = wait::until("the process", Duration::from_secs(20), || process.get().copied());
                let tasks = fs::read_dir(format!("/proc/{process}/task")).map(Iterator::count);
                threads.get_or_init(|| tasks.ok());
            }
            Response::json("{\"status\": \"ok\", \"version\": \"v1.2.3\", \"items\": [1, 2, 3]}")
        }
    });
    let mut suite = "[suite]\nname = \"s\"\n[vars]\nversion = \"v1.2.3\"\n".to_owned();
    let expect = "expect.status = 200\nexpect.json.\"$.status\" = \"ok\"\nexpect.json.\"$.version\" = \"{{version}}\"\n\
        expect.json.\"$.items\" = { length = { min = 1 }, each = { type = \"number\" } }\n\
        expect.body = { contains = \"ok\", matches = \"v[0-9.]+\" }\nexpect.header.content-type = { contains = \"json\" }\n";
    let mut names = Vec::new();
    for number in 0..CHECKS {
        suite += &format!("[[health]]\nname = \"{number}\"\nurl = {:?}\n{expect}", server.url("/"));
        names.push(format!("\"{number}\""));
    }
    suite += &format!(
        "[[journey]]\nname = \"flow\"\n[[journey.step]]\nname = \"a\"\nget = {:?}\n\
         capture.version = {{ json = \"$.version\" }}\ncapture.token = {{ header = \"content-type\" }}\n{expect}\
         [[health]]\nname = \"last\"\nneeds = [\"flow\", {}]\nurl = {:?}\n",
        server.url("/"),
        names.join(", "),
        server.url("/last")
    );
    let running = Smoke::new().suite(&suite).spawn();
    process.set(running.process()).expect("it is set once");
    running.wait().exits(0);
    // Unknown without `/proc`.
    if let Some(threads) = threads.get().expect("the last was asked") {
        assert!(*threads <= 4, "{threads} threads");
    }
}
