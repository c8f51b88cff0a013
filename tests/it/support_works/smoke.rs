//! The runner of the binary.

use std::time::Duration;

use rustix::process::Signal;

use super::ask;
use crate::support::guard;
use crate::support::smoke::Smoke;
use crate::support::thorough;

fn shell(script: &str) -> Smoke {
    Smoke::imitated_by("sh").args(["-c", script])
}

#[test]
fn it_runs_the_binary() {
    let ran = Smoke::bare().arg("--version").run();
    ran.exits(0);
    assert!(ran.stdout.starts_with("smoke "), "{}", ran.stdout);
}

#[test]
fn it_runs_the_subcommand_of_that_name() {
    Smoke::new().arg("--help").run().exits(0);
}

#[test]
fn it_keeps_the_output_and_files_of_a_run() {
    let ran = shell("cat smoke.toml data; echo oh >&2; cp data copy; exit 3")
        .suite("[suite]\n")
        .file("data", b"1, 2\n")
        .run();
    ran.exits(3);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("[suite]\n1, 2\n", "oh\n"));
    assert_eq!(std::fs::read(ran.path("copy")).expect("read what it left"), b"1, 2\n");
    assert!(ran.took < thorough::bound(Duration::from_secs(10)));
    assert!(ran.pipes_closed);
    assert_eq!((ran.signal, ran.peak_memory), (None, None));
}

#[test]
fn it_reads_the_report_of_a_run() {
    let report = r#"<testsuite name="s" tests="1" failures="0" errors="0" skipped="0" time="0"><testcase name="c" classname="s.health" time="0"/></testsuite>"#;
    let ran = shell("cp prepared.xml junit.xml").file("prepared.xml", report).run();
    assert_eq!(ran.junit().case("c").classname, "s.health");
}

#[test]
fn a_run_does_not_inherit_the_tests_environment() {
    let ran = shell("env").env("GREETING", "hello").run();
    let names: Vec<&str> =
        ran.stdout.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert!(names.contains(&"GREETING") && names.contains(&"PATH"), "{names:?}");
    assert!(names.iter().all(|name| !name.starts_with("CARGO") && *name != "CI"), "{names:?}");
}

#[test]
fn a_run_can_be_signalled_after_its_first_output() {
    let running =
        shell("trap 'echo bye; exit 143' TERM; echo ready >&2; while :; do sleep 0.01; done").spawn();
    running.wait_for_stderr("ready");
    assert_eq!(running.stderr(), "ready\n");
    running.signal(Signal::TERM);
    let ran = running.wait();
    ran.exits(143);
    assert_eq!(ran.stdout, "bye\n");
}

#[test]
fn an_uncaught_signal_is_not_an_exit_code() {
    let running = shell("echo ready >&2; exec sleep 1000").suite("").spawn();
    running.wait_for_stderr("ready");
    assert!(running.path("smoke.toml").is_file());
    running.signal(Signal::TERM);
    let ran = running.wait();
    assert_eq!((ran.code, ran.signal), (None, Some(15)));
}

#[test]
#[should_panic(expected = "no end within 3s\nstdout:\nhere\n")]
fn a_run_that_hangs_is_killed() {
    let _ = shell("echo here; sleep 1000").limit(Duration::from_secs(3)).run();
}

#[test]
fn dropping_a_run_kills_its_whole_process_group() {
    let running = shell("sleep 1000 & echo ready >&2; wait").spawn();
    running.wait_for_stderr("ready");
    let process = running.process();
    assert!(guard::is_running(process));
    drop(running);
    crate::support::wait::until("its end", Duration::from_secs(20), || {
        (!guard::is_running(process)).then_some(())
    });
}

#[test]
fn it_notices_pipes_left_open() {
    let ran = shell("sleep 1000 & echo $!").run();
    ran.exits(0);
    assert!(!ran.pipes_closed);
    ask(std::process::Command::new("kill").arg(ran.stdout.trim()));
}

#[test]
#[cfg(target_os = "linux")]
fn it_measures_memory() {
    let script = "x=$(head -c 33554432 /dev/zero | tr '\\0' x); echo ${#x}";
    let ran = shell(script).watch_memory().run();
    ran.exits(0);
    let peak = ran.peak_memory.expect("a measurement");
    assert!((32 << 20..1 << 30).contains(&peak), "{peak}");
}

#[test]
fn repeats_depend_on_thoroughness() {
    assert!([2, 50].contains(&thorough::repeats(2, 50)));
}
