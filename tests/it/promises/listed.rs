//! `tests/PROMISES.md` names only tests that exist.

use std::collections::BTreeSet;
use std::process::Command;

use crate::support::corpus;
use crate::support::sources::{Source, sources};

/// The tests of a Rust file, by their names in the test runner.
fn tests_of(source: &Source) -> Vec<String> {
    let mut names = Vec::new();
    // The modules around the line, each with the indentation at which it ends.
    let mut modules: Vec<(usize, &str)> = Vec::new();
    let mut is_next = false;
    for line in source.text.lines() {
        let code = line.trim_start();
        let indentation = line.len() - code.len();
        let declared = code.trim_start_matches("pub ");
        if let Some(name) = declared.strip_prefix("mod ").and_then(|rest| rest.strip_suffix(" {")) {
            modules.push((indentation, name));
        } else if code == "}" && modules.last().is_some_and(|(at, _)| *at == indentation) {
            modules.pop();
        } else if code == "#[test]" || code.starts_with("#[tokio::test") {
            is_next = true;
        } else if let Some(rest) = declared.trim_start_matches("async ").strip_prefix("fn ")
            && is_next
        {
            is_next = false;
            let name = rest.split('(').next().expect("a name");
            let inner = modules.iter().map(|(_, name)| *name);
            let path: Vec<&str> =
                source.module.iter().map(String::as_str).chain(inner).chain([name]).collect();
            names.push(path.join("::"));
        }
    }
    names
}

fn tests(folder: &str) -> BTreeSet<String> {
    sources(folder).iter().flat_map(tests_of).collect()
}

/// The errors in the tables of this text, one per line.
fn mistakes(promises: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let mut mistakes = Vec::new();
    for (number, line) in (1..).zip(promises.lines()) {
        if !line.starts_with("| ") || line.starts_with("| broken by |") {
            continue;
        }
        // Every second part is between backticks.
        let cell = line.split(" | ").nth(1).unwrap_or_default();
        let names: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            mistakes.push(format!("tests/PROMISES.md:{number}: the second column names no test"));
        }
        for name in names.into_iter().filter(|name| !tests.contains(*name)) {
            let function = name.rsplit("::").next();
            let like: Vec<&String> =
                tests.iter().filter(|test| test.rsplit("::").next() == function).collect();
            mistakes.push(format!(
                "tests/PROMISES.md:{number}: there is no test `{name}`; of that name there are {like:?}"
            ));
        }
    }
    mistakes
}

#[test]
fn every_listed_test_exists() {
    let tests = &tests("tests/it") | &tests("src");
    let mistakes = mistakes(&corpus::text("tests/PROMISES.md"), &tests);
    assert!(mistakes.is_empty(), "{}", mistakes.join("\n"));
}

#[test]
fn a_test_that_does_not_exist_is_reported_with_its_line() {
    let tests = BTreeSet::from(["a::b::holds".to_owned()]);
    let head = "| broken by | test | what it said |\n|---|---|---|\n| x | `a::b::holds` | `no` |\n";
    assert_eq!(mistakes(head, &tests), [""; 0]);
    assert_eq!(
        mistakes(&format!("{head}| x | `a::holds` (unit) | `no` |\n| x | none | `no` |\n"), &tests),
        [
            "tests/PROMISES.md:4: there is no test `a::holds`; of that name there are [\"a::b::holds\"]",
            "tests/PROMISES.md:5: the second column names no test",
        ]
    );
}

/// Otherwise `PROMISES.md` could name a test that does not run.
#[test]
fn the_tests_found_in_the_sources_are_those_that_run() {
    let program = std::env::current_exe().expect("this program");
    let listed = Command::new(program).arg("--list").output().expect("list the tests").stdout;
    let listed: BTreeSet<String> = String::from_utf8(listed)
        .expect("text")
        .lines()
        .filter_map(|line| line.strip_suffix(": test").map(str::to_owned))
        .collect();
    assert_eq!(tests("tests/it"), listed);
}
