//! How a program ends: by itself, by a signal, at its budget; and what it leaves behind.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;

use super::shell;
use crate::support::junit::Outcome;
use crate::support::smoke::Smoke;
use crate::support::{thorough, wait};

/// Is there a process that was started with this text among its arguments?
fn runs(mark: &str) -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = processes.filter_map(|entry| {
        let own = entry.file_name().to_str()?.parse::<u32>().ok()? == std::process::id();
        (!own).then(|| fs::read(entry.path().join("cmdline")).unwrap_or_default())
    });
    let mut lines = lines.filter(|line| !line.is_empty());
    lines.any(|line| String::from_utf8_lossy(&line).contains(mark))
}

fn is_gone(mark: &str) {
    wait::until(&format!("the end of {mark}"), Duration::from_secs(20), || (!runs(mark)).then_some(()));
}

#[test]
fn a_missing_program_and_a_missing_folder_are_named_with_advice() {
    for (keys, said, hint) in [
        ("run = [\"./no-such-job\"]", "starting `./no-such-job`: no such file", "check the program's path"),
        ("run = [\"no-such-job\"]", "starting `no-such-job`: no such file", "check the program's path"),
        ("run = [\"true\"]\ncwd = \"nowhere\"", "its working directory `", "check `cwd`"),
        ("run = [\"./job\"]", "permission denied", "check that the file is executable"),
    ] {
        let suite = format!("[[command]]\nname = \"it\"\n{keys}\n");
        let ran = Smoke::new().suite(&suite).file("job", "#!/bin/sh\n").run();
        ran.exits(1);
        let report = ran.junit();
        let case = report.case("it");
        assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Errored, Some("local")), "{keys}");
        assert!(ran.stderr.contains(said) && ran.stderr.contains(hint), "{keys}: {}", ran.stderr);
    }
}

#[test]
fn a_program_that_a_signal_ended_has_no_exit_code() {
    let suite = shell("it", "echo error: long ago; kill -SEGV $$", "expect.exit = { min = 0 }");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    let said =
        "expected exit code at least 0, got killed by SIGSEGV: a bug in the program or one of its libraries";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
}

/// Programs that do not end by themselves, each with an argument of that mark.
fn endless(mark: &str) -> Vec<(&'static str, String)> {
    let sleeps = format!("sleep 1000.{mark}");
    vec![
        ("hangs", format!("echo waiting; {sleeps}")),
        ("ignores SIGTERM", format!("trap '' TERM INT HUP; echo waiting; while :; do {sleeps}; done")),
        ("hangs in a grandchild", format!("echo waiting; sh -c '{sleeps}; :'; :")),
        ("hangs in another group", format!("echo waiting; setsid {sleeps}; :")),
        ("forks twice", format!("(setsid sh -c '{sleeps}; :' &); echo waiting; {sleeps}; :")),
        ("prints without end", format!("echo waiting; yes {sleeps}")),
    ]
}

#[test]
fn a_program_that_does_not_end_is_killed_whole_at_its_budget() {
    let mark = std::process::id().to_string() + "1";
    let mut suite = "[suite]\nbudget = \"40s\"\nfail-fast = false\n".to_owned();
    for (name, script) in endless(&mark) {
        suite += &shell(name, &script, "budget = \"700ms\"");
    }
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(1);
    is_gone(&format!("1000.{mark}"));
    let report = ran.junit();
    for (name, _) in endless(&mark) {
        let case = report.case(name);
        assert_eq!((case.outcome, case.kind.as_deref()), (Outcome::Failed, Some("timeout")), "{name}");
        let cut = "no exit within 700ms (check budget), while the program ran (run)";
        assert!(case.text.contains(cut) && case.text.contains("waiting"), "{name}: {}", case.text);
    }
    assert!(ran.took < thorough::bound(Duration::from_secs(5)), "{:?}", ran.took);
}

#[test]
fn the_suites_budget_leaves_nothing_running_either() {
    let mark = std::process::id().to_string() + "2";
    let mut suite = "[suite]\nbudget = \"1s\"\nfail-fast = false\n".to_owned();
    for (name, script) in endless(&mark) {
        suite += &shell(name, &script, "");
    }
    Smoke::new().suite(&suite).run().exits(4);
    is_gone(&format!("1000.{mark}"));
}

#[test]
fn a_signal_and_the_failure_of_another_check_leave_nothing_running_either() {
    for (mark, another, code) in [("4", "", 143), ("5", "while [ ! -e all ]; do sleep 0.01; done; exit 1", 1)]
    {
        let mark = std::process::id().to_string() + mark;
        let mut suite = "[suite]\nbudget = \"50s\"\n".to_owned();
        for (name, script) in endless(&mark) {
            suite += &shell(name, &script, "budget = \"40s\"");
        }
        if !another.is_empty() {
            suite += &shell("another", another, "budget = \"40s\"");
        }
        let running = Smoke::new().suite(&suite).spawn();
        wait::until("the programs", Duration::from_secs(30), || {
            runs(&format!("yes sleep 1000.{mark}")).then_some(())
        });
        if another.is_empty() {
            running.signal(Signal::TERM);
        } else {
            fs::write(running.path("all"), "").expect("write a file");
        }
        running.wait().exits(code);
        is_gone(&format!("1000.{mark}"));
    }
}

#[test]
fn what_a_program_leaves_behind_holds_nobody_and_is_ended() {
    let mark = std::process::id().to_string() + "3";
    let script = format!("sleep 1000.{mark} & setsid sleep 1000.{mark} & echo started");
    let suite = shell("it", &script, "expect.stdout = \"started\"\nbudget = \"30s\"");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(0);
    is_gone(&format!("1000.{mark}"));
    assert!(ran.took < thorough::bound(Duration::from_secs(5)), "{:?}", ran.took);
}

#[test]
fn all_that_a_program_prints_before_its_end_is_judged() {
    let script = "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo the end";
    for _ in 0..10 {
        let suite = shell("it", script, "expect.stdout = { length = 1000008, matches = \"the end$\" }");
        Smoke::new().suite(&suite).run().exits(0);
    }
}

#[test]
fn endless_output_fails_where_it_is_looked_at_and_is_bounded_where_not() {
    let suite = shell("judged", "yes", "expect.stdout = { contains = \"no\" }\nbudget = \"30s\"");
    let ran = Smoke::new().suite(&suite).watch_memory().run();
    ran.exits(1);
    assert!(ran.stderr.contains("reading what `sh` prints: more than 1 MiB on stdout"), "{}", ran.stderr);
    assert!(ran.took < thorough::bound(Duration::from_secs(10)), "{:?}", ran.took);
    let much = "head -c 50000000 /dev/zero | tr '\\0' x; echo";
    let suite = shell("not judged", much, "budget = \"30s\"")
        + &shell("stderr", &format!("({much}) >&2"), "expect.stdout = \"\"\nbudget = \"30s\"");
    let ran = Smoke::new().suite(&suite).run();
    ran.exits(0);
}

#[test]
fn output_that_is_not_utf_8_is_text_with_replacements() {
    let suite = shell("it", "printf 'caf\\351 au lait'", "expect.stdout = \"caf\u{FFFD} au lait\"");
    Smoke::new().suite(&suite).run().exits(0);
}

#[test]
fn a_retry_runs_it_again() {
    let script = "[ -e again ] || { touch again; exit 1; }";
    let ran = Smoke::new().suite(&shell("it", script, "retry = { attempts = 2, delay = \"1ms\" }")).run();
    ran.exits(0);
    assert!(ran.stderr.contains("FLAKY"), "{}", ran.stderr);
    assert!(Path::new(&ran.path("again")).exists());
}
