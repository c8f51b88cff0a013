//! What ends a run, and the outcomes that follow.

use std::sync::Arc;
use std::time::Duration;

use smoke::event::{Event, RunInfo, RunReport, Status};
use smoke::exit::Exit;
use smoke::language::severity::Severity;
use smoke::language::source::Sources;
use smoke::outcome::{Outcome, Signal};
use smoke::report::{Destination, Junit, Reporter as _};

use crate::support::script::{Script, Spec, SuiteSpec, passing, plan, run, run_plan, suite, word};
use crate::support::{junit, scratch};

#[test]
fn independent_checks_run_concurrently() {
    let (_, report, _) = run(&suite((0..16).map(|_| passing(1_000)).collect()));
    assert_eq!(report.exit, Exit::Passed);
    assert_eq!(report.took.as_secs(), 1);
}

#[test]
fn the_first_critical_failure_cancels_the_rest() {
    let mut checks: Vec<Spec> = (0..40).map(|_| passing(4_000)).collect();
    checks[3] = Spec { script: Script::Mismatch, takes: 100, ..passing(0) };
    let (_, report, _) = run(&suite(checks));
    assert_eq!(report.exit, Exit::Failed);
    assert_eq!(report.took.as_millis(), 100);
    let skipped: Vec<&Outcome> =
        report.checks.iter().map(|r| &r.outcome).filter(|o| word(o) == "skipped").collect();
    assert_eq!(skipped.len(), 39);
}

#[test]
fn a_warning_stops_nothing_and_keeps_the_run_green() {
    let warn = Spec { script: Script::Fault, severity: Severity::Warn, ..passing(10) };
    let (_, report, _) = run(&suite(vec![warn, passing(2_000)]));
    assert_eq!(report.exit, Exit::Passed);
    assert_eq!(word(&report.checks[0].outcome), "warned");
}

#[test]
fn a_critical_check_behind_a_failed_warning_is_not_green() {
    let warn = Spec { script: Script::Fault, severity: Severity::Warn, ..passing(10) };
    let dependent = Spec { needs: vec![1], ..passing(10) };
    let (_, report, _) = run(&suite(vec![warn, dependent]));
    assert_eq!(report.exit, Exit::Failed);
}

#[test]
fn a_failed_gate_is_distinguished_from_a_failed_check() {
    let gate = Spec { script: Script::Mismatch, gate: true, ..passing(10) };
    assert_eq!(run(&suite(vec![gate, passing(10)])).1.exit, Exit::GateClosed);
    let failed = Spec { script: Script::Mismatch, ..passing(10) };
    assert_eq!(run(&suite(vec![failed, passing(10)])).1.exit, Exit::Failed);
}

#[test]
fn the_end_of_the_suites_budget_is_not_a_verdict() {
    let hung = Spec { script: Script::Hang, budget: 60_000, ..passing(0) };
    let spec = SuiteSpec { concurrency: 1, budget: 5_000, ..suite(vec![passing(10), hung, passing(10)]) };
    let (_, report, _) = run(&spec);
    let words: Vec<&str> = report.checks.iter().map(|r| word(&r.outcome)).collect();
    assert_eq!(words, ["passed", "undecided", "skipped"]);
    assert_eq!(report.exit, Exit::OutOfBudget);
    assert_eq!(report.took.as_millis(), 5_000);
}

#[test]
fn a_signal_ends_the_run_and_cleanup_gets_only_the_grace() {
    let hung = Spec { script: Script::Hang, cleanup: 60_000, ..passing(0) };
    let spec = SuiteSpec { signal_at: Some((1_000, Signal::Terminate)), ..suite(vec![hung]) };
    let (_, report, cleanups) = run(&spec);
    assert_eq!(report.exit, Exit::Terminated);
    assert_eq!(cleanups, 1);
    assert_eq!(report.took.as_millis(), 4_000);
}

#[test]
fn a_panic_fails_only_its_check_and_shows_no_secret() {
    let broken = Spec { script: Script::Panic, ..passing(10) };
    let spec = SuiteSpec { fail_fast: false, ..suite(vec![broken, passing(100)]) };
    let (events, report, _) = run(&spec);
    let Outcome::Failed(failure) = &report.checks[0].outcome else { panic!("{:?}", report.checks[0]) };
    assert_eq!(failure.type_name(), "internal");
    assert_eq!(word(&report.checks[1].outcome), "passed");
    assert_eq!(report.exit, Exit::CannotWork);

    let folder = scratch::for_a_test();
    let path = folder.path().join("junit.xml");
    let mut junit = Junit::new(Destination::File(path.clone()));
    let info = RunInfo {
        suite: "random".to_owned(),
        environment: None,
        budget: Duration::from_mins(1),
        started: jiff::Timestamp::now(),
        checks: plan(&spec, &Arc::default()).checks.into_iter().map(|check| check.info).collect(),
        sources: Sources::default(),
        labels: Vec::new(),
        baseline: None,
    };
    for (_, event) in &events {
        junit.on_event(event, &info);
    }
    junit.finish().expect("write the report");
    let report = junit::Junit::read(&path);
    junit::validate_xsd(&path).expect("a valid report");
    let broken = report.case("check 0");
    assert_eq!((broken.outcome, broken.kind.as_deref()), (junit::Outcome::Errored, Some("internal")));
    assert_eq!(broken.message.as_deref(), Some("smoke itself failed in this check: scripted with ***"));
    assert_eq!(report.case("check 1").outcome, junit::Outcome::Passed);
}

/// Asserts that a check without an outcome of its own is reported as a bug in smoke.
#[track_caller]
fn is_internal(events: &[(Duration, Event)], report: &RunReport, cause: &str) {
    let Outcome::Failed(failure) = &report.checks[0].outcome else { panic!("{:?}", report.checks[0]) };
    assert_eq!(failure.type_name(), "internal");
    assert_eq!(failure.to_string(), format!("smoke itself failed in this check: {cause}"));
    assert_eq!((report.checks[0].status(), report.exit), (Status::Errored, Exit::CannotWork));
    let told =
        events.iter().filter(|(_, event)| matches!(event, Event::CheckFinished(end) if end.check == 0));
    assert_eq!(told.count(), 1, "its end is told");
}

#[test]
fn a_check_that_never_starts_is_a_defect_of_smoke_though_it_is_only_a_warning() {
    let warn = Spec { severity: Severity::Warn, ..passing(10) };
    let mut plan = plan(&suite(vec![warn, passing(10)]), &Arc::default());
    // A cycle, which no suite can have.
    plan.checks[0].needs = vec![0];
    let (events, report) = run_plan(&plan, None);
    is_internal(&events, &report, "it was never started");
    assert_eq!(word(&report.checks[1].outcome), "passed");
}

#[test]
fn a_check_whose_task_is_lost_is_a_defect_of_smoke_though_it_is_only_a_warning() {
    let lost = Spec { script: Script::Lost, severity: Severity::Warn, ..passing(10) };
    let (events, report, _) = run(&suite(vec![lost, passing(2_000)]));
    is_internal(&events, &report, "its task was lost");
}

#[test]
fn a_defect_of_smoke_goes_before_a_failure_and_a_closed_gate() {
    let gate = Spec { script: Script::Mismatch, gate: true, ..passing(10) };
    let broken = Spec { script: Script::Panic, gate: true, ..passing(5) };
    let spec = SuiteSpec { fail_fast: false, ..suite(vec![gate, broken]) };
    let mut both = plan(&spec, &Arc::default());
    both.checks[1].needs = Vec::new();
    assert_eq!(run_plan(&both, None).1.exit, Exit::CannotWork);
}
