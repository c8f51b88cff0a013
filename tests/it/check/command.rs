//! A program that answers: how it must end, what it prints, and what is passed on of it.

mod ends;
mod plugins;

use crate::support::junit::Outcome;
use crate::support::smoke::Smoke;

/// A `[[command]]` of that name that runs `sh -c SCRIPT`.
fn shell(name: &str, script: &str, keys: &str) -> String {
    format!("[[command]]\nname = \"{name}\"\nrun = [\"sh\", \"-c\", '''{script}''']\n{keys}\n")
}

#[test]
fn a_program_passes_with_exit_code_0_and_fails_with_any_other() {
    let suite = "[suite]\nfail-fast = false\n".to_owned()
        + &shell("migrated", "echo ok", "")
        + &shell("not migrated", "echo starting; echo error: 2 migrations are pending >&2; exit 3", "");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    let report = ran.junit();
    assert_eq!(report.case("migrated").outcome, Outcome::Passed);
    let case = report.case("not migrated");
    assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Failed, Some("mismatch")));
    let said = "expected exit code 0, got 3; it said: error: 2 migrations are pending";
    for text in [&ran.stderr, &case.text] {
        assert!(text.contains(said) && text.contains("starting\n"), "{text}");
    }
    let command =
        "reproduce: sh -c 'echo starting; echo error: 2 migrations are pending >&2; exit 3' </dev/null";
    assert!(ran.stderr.contains(command), "{}", ran.stderr);
}

#[test]
fn every_expectation_holds_and_fails() {
    let script = "echo '{\"pending\": 0}'; echo note >&2; exit 2";
    for (expect, unmet) in [
        ("exit = 2", ""),
        ("exit = { one-of = [0, 2] }", ""),
        ("exit = { not = 0 }", ""),
        ("exit = { min = 3 }", "expected exit code at least 3, got 2"),
        ("exit = \"{{code}}\"", ""),
        ("exit = 2\nexpect.stdout = { contains = \"pending\" }", ""),
        ("exit = 2\nexpect.stdout = '{\"pending\": 0}'", ""),
        ("exit = 2\nexpect.stdout = \"ok\"", "expected stdout \"ok\", got \"{\"pending\": 0}\""),
        ("exit = 2\nexpect.stderr = \"note\"", ""),
        ("exit = 2\nexpect.stderr = \"\"", "expected stderr \"\", got \"note\""),
        ("exit = 2\nexpect.json.\"$.pending\" = 0", ""),
        ("exit = 2\nexpect.json.\"$.pending\" = 1", "expected json $.pending 1, got 0"),
        ("exit = 2\nexpect.within = \"50s\"", ""),
        ("exit = 2\nexpect.within = \"1ms\"", "expected an answer within 1ms, got one after"),
    ] {
        let suite = format!(
            "[vars]\ncode = 2\n{}",
            shell("it", script, &format!("expect.{expect}\nbudget = \"55s\""))
        );
        let ran = Smoke::new().suite(&suite).run();
        ran.exits(i32::from(!unmet.is_empty()));
        assert!(ran.stderr.contains(unmet), "{expect}: {}", ran.stderr);
    }
}

#[test]
fn stdout_that_is_no_json_is_shown_as_what_it_is() {
    let suite = shell("it", "echo no such table", "expect.json.\"$.a\" = 1");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    assert!(ran.stderr.contains("expected stdout to be JSON, got something else"), "{}", ran.stderr);
    assert!(ran.stderr.contains("no such table"), "{}", ran.stderr);
}

#[test]
fn no_shell_looks_at_the_arguments() {
    let suite = "[vars]\nname = \"a b; exit 1\"\n[[command]]\nname = \"it\"\nrun = [\"printf\", \"%s|\", \"$HOME\", \"{{name}}\", \"*\"]\n\
                 expect.stdout = \"$HOME|a b; exit 1|*|\"\n";
    Smoke::new().suite(suite).run().exits(0);
    let suite = "[[command]]\nname = \"it\"\nrun = [\"echo hello\"]\n";
    let ran = Smoke::new().suite(suite).run();
    ran.exits(1);
    assert!(ran.stderr.contains("no shell splits it"), "{}", ran.stderr);
}

#[test]
fn it_gets_its_environment_its_folder_and_what_it_reads() {
    let script = "[ \"$GREETING\" = 'hello 5' ] && [ -n \"$PATH\" ] && cat here && cat";
    let keys = "cwd = \"inner\"\nenv = { GREETING = \"hello {{n}}\" }\nstdin = \"line {{n}}\"\nexpect.stdout = \"found\\nline 5\"";
    let smoke = Smoke::new().suite(&format!("[vars]\nn = 5\n{}", shell("it", script, keys)));
    std::fs::create_dir(smoke.path("inner")).expect("create a folder");
    smoke.file("inner/here", "found\n").run().exits(0);
}

#[test]
fn without_stdin_it_reads_nothing() {
    Smoke::new().suite(&shell("it", "cat", "expect.stdout = \"\"")).run().exits(0);
}

#[test]
fn a_program_that_does_not_read_stdin_is_not_waited_for() {
    let suite =
        format!("[vars]\nmuch = {{ file = \"much\" }}\n{}", shell("it", "exit 0", "stdin = \"{{much}}\""));
    Smoke::new().suite(&suite).file("much", "x".repeat(900_000)).run().exits(0);
}

#[test]
fn what_is_reproduced_has_its_folder_environment_and_input() {
    let keys =
        "cwd = \"/tmp\"\nenv = { MODE = \"a b\", API_KEY = \"in-clear-4711\" }\nstdin = \"{{mine}} it's\"";
    let suite =
        format!("[vars]\nmine = {{ env = \"MINE\", secret = true }}\n{}", shell("it", "cat; exit 1", keys));
    let ran = Smoke::new().suite(&suite).env("MINE", "hunter2-hunter2").run();
    ran.exits(1);
    let command = "reproduce: cd /tmp && printf %s \"$MINE it's\" | MODE='a b' API_KEY=\"$API_KEY\" sh -c 'cat; exit 1'";
    assert!(ran.stderr.contains(command), "{}", ran.stderr);
    assert!(ran.stderr.contains("*** it's") && !ran.stderr.contains("hunter2"), "{}", ran.stderr);
}

#[test]
fn what_it_captures_is_shared_with_the_checks_that_need_it() {
    let suite =
        shell(
            "version",
            "echo '{\"version\": \"1.4.2\", \"token\": \"hunter2-hunter2\"}'",
            "capture.version = { json = \"$.version\" }\ncapture.token = { regex = 'token\": \"([^\"]*)' }\n\
         capture.all = { stdout = true }\nshare = [\"version\", \"token\", \"all\"]",
        ) + &shell("uses it", "printf '%s %s %s' \"$1\" \"$2\" \"$3\"; exit 1", "needs = [\"version\"]")
            .replace("exit 1''']", "exit 1''', 'sh', '{{version}}', '{{token}}', '{{all|length}}']");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    assert!(ran.stderr.contains("1.4.2 *** 48"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
}

#[test]
fn a_step_may_run_a_program() {
    let suite = "[[journey]]\nname = \"release\"\n\
                 [[journey.step]]\nname = \"tag\"\nrun = [\"echo\", \"v7\"]\ncapture.tag = { stdout = true }\n\
                 [[journey.step]]\nname = \"use it\"\nrun = [\"test\", \"{{tag}}\", \"=\", \"v7\"]\n\
                 [[journey.step]]\nname = \"break\"\nrun = [\"sh\", \"-c\", \"exit 4\"]\nbudget = \"5s\"\n\
                 [[journey.cleanup]]\nname = \"clean up\"\nrun = [\"touch\", \"cleaned\"]\n";
    let ran = Smoke::new().suite(suite).run();
    ran.exits(1);
    let said = "step 3 `break`: expected exit code 0, got 4";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(ran.path("cleaned").exists());
}

#[test]
fn captures_of_something_else_are_mistakes() {
    for (step, hint) in [
        (
            "run = [\"a\"]\ncapture.x = { header = \"h\" }",
            "a program has `json`, `regex` and `stdout = true`",
        ),
        ("run = [\"a\"]\ncapture.x = { value = true }", "a program has `json`, `regex` and `stdout = true`"),
        (
            "get = \"http://h/\"\ncapture.x = { stdout = true }",
            "`stdout` from a program, and this step sends a request",
        ),
        (
            "database = \"sqlite:a\"\nquery = \"select 1\"\ncapture.x = { stdout = true }",
            "rows have `value = true`",
        ),
        ("database = \"sqlite:a\"\nrun = [\"a\"]", "a step runs a query or a program"),
        ("run = [\"a\"]\nplugin = true\nexpect.exit = 1", "`exit` does not apply to a plugin"),
        ("run = []", "its first entry is the program"),
        ("run = \"echo hello\"", "did you mean `[\"echo\", \"hello\"]`?"),
        ("run = \"echo $HOME\"", "for a shell, write `[\"sh\", \"-c\", \"…\"]`"),
    ] {
        let suite = format!("[[journey]]\nname = \"j\"\n[[journey.step]]\nname = \"s\"\n{step}\n");
        let ran = Smoke::new().suite(&suite).run();
        ran.exits(2);
        assert!(ran.stderr.contains(hint), "{step}: {}", ran.stderr);
    }
}

#[test]
fn read_only_runs_only_what_says_that_it_is_safe() {
    let suite = shell("safe", "exit 0", "safe = true")
        + &shell("not said", "touch touched", "")
        + "[[journey]]\nname = \"j\"\nsafe = true\n[[journey.step]]\nname = \"s\"\nrun = [\"touch\", \"touched\"]\n\
           [[journey]]\nname = \"k\"\n[[journey.step]]\nname = \"s\"\nrun = [\"true\"]\nsafe = true\n";
    let ran = Smoke::new().arg("--read-only").suite(&suite).run();
    ran.exits(0);
    let report = ran.junit();
    let outcomes = ["safe", "not said", "j", "k"].map(|name| report.case(name).outcome);
    assert_eq!(outcomes, [Outcome::Passed, Outcome::Skipped, Outcome::Skipped, Outcome::Passed]);
    let reason = "not run with `--read-only`: runs a program that does not say `safe = true`";
    assert!(ran.stderr.contains(reason), "{}", ran.stderr);
    assert!(!ran.path("touched").exists());
}

#[test]
fn trace_shows_what_is_run_and_what_it_printed() {
    let suite = format!(
        "[vars]\nmine = {{ env = \"MINE\", secret = true }}\n{}",
        shell("it", "echo it is $1", "").replace("$1''']", "$1''', 'sh', '{{mine}}']")
    );
    let ran = Smoke::new().arg("--trace").suite(&suite).env("MINE", "hunter2-hunter2").run();
    ran.exits(0);
    for shown in ["sh -c 'echo it is $1' sh \"$MINE\"", "exit code 0", "it is ***"] {
        assert!(ran.stderr.contains(shown), "{shown}: {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("hunter2"), "{}", ran.stderr);
}
