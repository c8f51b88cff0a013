//! Suites that would exhaust the stack, the memory, or the time.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::http::{HttpServer, Response};
use crate::support::smoke::{Ran, Smoke};

const CHECK: &str = "[[health]]\nname = \"it\"\nurl = \"http://127.0.0.1:1\"\n";

fn check(suite: &str) -> Ran {
    Smoke::bare().arg("check").suite(suite).run()
}

/// Asserts that `smoke check` of `CHECK` with these keys prints `message`.
fn says(keys: &str, message: &str) {
    let ran = check(&format!("{CHECK}{keys}\n"));
    ran.exits(2);
    assert!(ran.stderr.contains(message), "{message} in\n{}", &ran.stderr[..ran.stderr.len().min(2000)]);
}

#[test]
fn what_is_nested_without_end_is_a_mistake() {
    let many = 20_000;
    let within =
        |open: &str, inner: &str, close: &str| format!("{}{inner}{}", open.repeat(many), close.repeat(many));
    let template = |source: &str| format!("headers.x = \"{{{{{source}}}}}\"");
    let path = |path: &str| format!("expect.json.\"{path}\" = 1");
    says(&template(&"1+".repeat(many)), "an expression of more than 500 characters");
    says(&template(&within("(", "1", ")")), "an expression of more than 500 characters");
    says(&template(&within("[", "1", "]")[many - 200..many + 201]), "maximum recursion");
    says(&format!("body = \"{}\"", "{{".repeat(many)), "`{{` without a closing `}}`");
    says(
        &path(&format!("$[?{}]", within("(", "@.a == 1", ")"))),
        "this JSONPath is nested more than 12 deep",
    );
    says(&path(&format!("${}", within("[?@", "", "]"))), "this JSONPath is nested more than 12 deep");
    says(
        &format!("expect.html.\"{}\" = \"x\"", within(":not(", "a", ")")),
        "this CSS selector has more than 32 parentheses",
    );
    says(&format!("expect.json.\"$\".{} = 1", vec!["not"; many].join(".")), "recursion limit");
    says(&format!("json = {}", within("[", "1", "]")), "recursion");
}

#[test]
fn the_deepest_that_is_allowed_is_read() {
    let deep = |open: &str, inner: &str, close: &str, times: usize| {
        format!("{}{inner}{}", open.repeat(times), close.repeat(times))
    };
    let keys = [
        format!("headers.a = \"{{{{{}1}}}}\"", "1+".repeat(249)),
        format!("headers.b = \"{{{{{}1}}}}\"", "-".repeat(499)),
        format!("headers.c = \"{{{{{}1}}}}\"", "not ".repeat(166)),
        format!("headers.d = \"{{{{1{}}}}}\"", "|int".repeat(124)),
        format!("headers.e = \"{{{{{}1}}}}\"", "1 if 1 else ".repeat(62)),
        format!("headers.f = \"{{{{'{}'}}}}\"", "x".repeat(50_000)),
        format!("expect.json.\"$[?{}]\" = 1", deep("(", "@.a", ")", 11)),
        format!("expect.json.\"${}\" = 1", deep("[?@", "", "]", 12)),
        format!("expect.json.\"$[?{}]\" = 1", deep("count($[?", "@.a", "]) > 1", 3)),
        format!("expect.html.\"{}\" = \"x\"", deep(":not(", "a", ")", 32)),
    ];
    let began = Instant::now();
    check(&format!("{CHECK}{}\n", keys.join("\n"))).exits(0);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn variables_that_double_are_a_mistake_before_they_fill_the_memory() {
    for (open, close) in [("", ""), ("{ value = [", "] }"), ("{ env = \"NOPE\", default = ", " }")] {
        let twice = |before: usize| {
            if open.contains('[') {
                format!("\"{{{{v{before}}}}}\", \"{{{{v{before}}}}}\"")
            } else {
                format!("\"{{{{v{before}}}}}{{{{v{before}}}}}\"")
            }
        };
        let vars: Vec<String> = (1..32).map(|n| format!("v{n} = {open}{}{close}\n", twice(n - 1))).collect();
        let suite =
            format!("[vars]\nv0 = \"0123456789\"\n{}{CHECK}headers.x = \"{{{{v31}}}}\"\n", vars.concat());
        let ran = Smoke::bare().arg("check").suite(&suite).watch_memory().run();
        ran.exits(2);
        assert!(ran.stderr.contains("is larger than the 1 MiB that templates may make"), "{}", ran.stderr);
        assert_eq!(ran.stderr.matches("error: ").count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn what_a_request_makes_of_large_values_has_an_end() {
    let suite = format!(
        "[vars]\nlarge = {{ file = \"large\" }}\n{CHECK}method = \"POST\"\nbody = \"{}\"\n",
        "{{large}}".repeat(100)
    );
    let ran = Smoke::new().suite(&suite).file("large", vec![b'x'; 1 << 20]).run();
    ran.exits(1);
    assert!(ran.stderr.contains("rendering the body: this makes more than 64 MiB"), "{}", ran.stderr);
}

#[test]
fn an_expression_that_multiplies_has_an_end_and_one_that_does_not_takes_ten_megabytes() {
    const LONG: Duration = Duration::from_mins(5);
    let large = vec![b'"'; 10 << 20];
    for expression in [
        "large|replace('\"', large)",
        "'%999999999d'|format(1)",
        "('x' * 1000000)|replace('x', 'y' * 1000000)",
        "'x' * 99999999 ~ 'x' * 99999999",
        &format!("'\"'{}", "|tojson".repeat(60)),
        &format!("large{}", " ~ large".repeat(50)),
        "'x'|indent(999999999, true)",
    ] {
        let suite = format!(
            "[vars]\nlarge = {{ file = \"large\" }}\n{CHECK}method = \"POST\"\nbody = '''{{{{{expression}}}}}'''\n"
        );
        let ran = Smoke::new().suite(&suite).file("large", &large).limit(LONG).watch_memory().run();
        ran.exits(1);
        let expected = "this reads and makes more than 128 MiB";
        assert!(ran.stderr.contains(expected), "{expression}\n{}", ran.stderr);
    }
    for expression in ["large|b64encode", "large|tojson", "large ~ large", "large|length"] {
        let server = HttpServer::start(|_| Response::new(200));
        let suite = format!(
            "[vars]\nlarge = {{ file = \"large\" }}\n[[health]]\nname = \"it\"\nurl = {:?}\nmethod = \"POST\"\n\
             budget = \"60s\"\nbody = \"{{{{{expression}}}}}\"\n",
            server.url("/")
        );
        let ran = Smoke::new().suite(&suite).file("large", &large).limit(LONG).run();
        assert!(ran.code == Some(0), "{expression}\n{}", ran.stderr);
    }
}

#[test]
fn a_pipe_is_not_waited_for() {
    for (suite, arguments) in [
        (
            format!("[vars]\nv = {{ file = \"pipe\" }}\n{CHECK}headers.x = \"{{{{v}}}}\"\n"),
            ["run"].as_slice(),
        ),
        (format!("include = [\"pipe\"]\n{CHECK}"), &["check"]),
    ] {
        let smoke =
            Smoke::bare().args(arguments.iter().copied()).suite(&suite).limit(Duration::from_secs(20));
        assert!(Command::new("mkfifo").arg(smoke.path("pipe")).status().expect("mkfifo").success());
        let ran = smoke.run();
        ran.exits(2);
        assert!(ran.stderr.contains("cannot read `pipe`: it is not a regular file"), "{}", ran.stderr);
    }
}

#[test]
fn of_a_file_that_is_no_suite_fifty_mistakes_are_shown_and_the_rest_counted() {
    let items: Vec<String> =
        (0..7000).map(|id| format!("  {{\n    \"id\": {id},\n    \"name\": \"n{id}\"\n  }}")).collect();
    let json = format!("[\n{}\n]\n", items.join(",\n"));
    assert!(json.len() > 279_000, "{}", json.len());
    let began = Instant::now();
    let ran = Smoke::bare().arg("check").suite(&json).run();
    let took = began.elapsed();
    ran.exits(2);
    assert_eq!(ran.stderr.matches("error: ").count(), 50);
    let summary = ran.stderr.lines().last().unwrap_or_default();
    let count: usize = summary.split(' ').next().and_then(|count| count.parse().ok()).expect("a number");
    assert!(count > 1000, "{summary}");
    assert!(
        summary.ends_with(" mistakes in the suite, of which these are the first 50; nothing was sent"),
        "{summary}"
    );
    assert!(took < Duration::from_secs(20), "{took:?}");
}
