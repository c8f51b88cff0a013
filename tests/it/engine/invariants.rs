//! The engine in virtual time: random suites, and the invariants of every one of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use smoke::event::{CancelReason, CheckReport, Event, RunReport};
use smoke::exit::Exit;
use smoke::language::severity::Severity;
use smoke::outcome::{Outcome, SkipReason, Started, Verdict};

use crate::support::script::{GRACE, Script, Spec, SuiteSpec, plan, run, specs, word};

fn check_invariants(spec: &SuiteSpec) {
    let (events, report, cleanups) = run(spec);
    let count = spec.checks.len();
    let planned = plan(spec, &Arc::default());

    // Every check has exactly one outcome, in the events and in the report.
    assert_eq!(report.checks.len(), count);
    let mut finished = vec![0; count];
    let mut passed = vec![false; count];
    let mut running = BTreeSet::new();
    let mut started = BTreeSet::new();
    let mut cancelled = false;
    let mut most_at_once = 0;
    for (at, event) in &events {
        match event {
            Event::CheckStarted { check } => {
                assert!(!cancelled, "check {check} started at {at:?}, after the run was cancelled");
                for need in &planned.checks[*check].needs {
                    assert!(passed[*need], "check {check} started before {need} had passed");
                }
                assert!(started.insert(*check), "check {check} started twice");
                running.insert(*check);
                most_at_once = most_at_once.max(running.len());
            }
            Event::CheckFinished(report) => {
                finished[report.check] += 1;
                passed[report.check] = matches!(report.outcome, Outcome::Passed);
                running.remove(&report.check);
            }
            // It passed and keeps running; if it exits too early, that decides its outcome.
            Event::CheckReady { check, .. } => {
                passed[*check] = true;
                running.remove(check);
            }
            Event::RunCancelled(_) => cancelled = true,
            Event::RunStarted
            | Event::AttemptFailed { .. }
            | Event::StepFinished { .. }
            | Event::Traced { .. }
            | Event::RunFinished(_) => {}
        }
    }
    assert!(finished.iter().all(|times| *times == 1), "outcomes per check: {finished:?}");
    assert!(most_at_once <= spec.concurrency, "{most_at_once} checks at once");
    assert!(matches!(events.last(), Some((_, Event::RunFinished(_)))));

    // Everything that was started was cleaned up, once.
    assert_eq!(cleanups, started.len(), "cleanups");

    // Nothing exceeds its budget.
    let limit = Duration::from_millis(spec.budget) + GRACE + Duration::from_millis(100);
    assert!(report.took <= limit, "the run took {:?}, and may take {limit:?}", report.took);

    for (index, (check, outcome)) in
        spec.checks.iter().zip(report.checks.iter().map(|r| &r.outcome)).enumerate()
    {
        let ran = started.contains(&index);
        let took_too_long = check.script == Script::Hang || check.takes >= check.budget;
        match outcome {
            Outcome::Passed => {
                assert!(ran && check.script == Script::Pass, "check {index} passed");
                assert!(check.takes <= check.budget, "check {index} passed after its budget");
            }
            Outcome::Failed(_) => {
                assert!(ran && (took_too_long || check.script != Script::Pass), "check {index} failed");
                assert_eq!(check.severity, Severity::Critical);
            }
            Outcome::Warned(failure) => {
                let could_not_pass =
                    took_too_long || check.script != Script::Pass || failure.verdict() == Verdict::Undecided;
                assert!(ran && could_not_pass, "check {index} warned");
                assert_eq!(check.severity, Severity::Warn);
            }
            Outcome::Undecided(_) => {
                assert!(ran, "check {index} is undecided and never ran");
                assert_eq!(check.severity, Severity::Critical);
            }
            Outcome::Skipped(SkipReason::Asked(_)) => assert!(check.skip && !ran),
            Outcome::Skipped(SkipReason::ReadOnly(_)) => panic!("nobody asked for `--read-only`"),
            Outcome::Skipped(SkipReason::FailFast { started, .. } | SkipReason::Signal { started, .. }) => {
                assert_eq!(*started == Started::InFlight, ran, "check {index}");
            }
            Outcome::Skipped(SkipReason::Need { .. } | SkipReason::Budget(_)) => assert!(!ran),
        }
    }
    check_exit(spec, &report);
}

/// The exit code is never better than the outcomes.
fn check_exit(spec: &SuiteSpec, report: &RunReport) {
    let critical: Vec<&str> = spec
        .checks
        .iter()
        .zip(&report.checks)
        .filter(|(check, _)| check.severity == Severity::Critical && !check.skip)
        .map(|(_, report)| word(&report.outcome))
        .collect();
    let any = |wanted: &str| critical.contains(&wanted);
    let is_internal =
        |outcome: &Outcome| matches!(outcome, Outcome::Failed(failure) if failure.is_internal());
    // What failed and may be the deploy's doing.
    let is_blamed = |(check, report): (&Spec, &Arc<CheckReport>)| {
        matches!(report.outcome, Outcome::Failed(_)) && (check.gate || !check.dependency)
    };
    let any_blamed = spec.checks.iter().zip(&report.checks).any(is_blamed);
    match report.exit {
        Exit::Passed | Exit::NothingSelected => {
            assert!(!any("failed") && !any("undecided"), "{critical:?}");
            let excused = |outcome: &Outcome| {
                matches!(outcome, Outcome::Passed | Outcome::Warned(_) | Outcome::Undecided(_))
                    || matches!(outcome, Outcome::Skipped(SkipReason::Asked(_) | SkipReason::Need { .. }))
            };
            assert!(
                report
                    .checks
                    .iter()
                    .all(|report| excused(&report.outcome) || critical.is_empty() || any("passed"))
            );
        }
        Exit::Failed => assert!(any("failed") || any("skipped")),
        Exit::GateClosed => assert!(any("failed") || any("undecided") || any("skipped")),
        Exit::OutOfBudget => assert!(!any("failed") && (any("undecided") || any("skipped"))),
        Exit::Interrupted | Exit::Terminated => {
            assert!(matches!(report.cancelled, Some(CancelReason::Signal(_))));
        }
        // A warning may keep others from running.
        Exit::NotThisDeploy => assert!((any("failed") || any("skipped")) && !any_blamed, "{critical:?}"),
        Exit::CannotWork => assert!(report.checks.iter().any(|report| is_internal(&report.outcome))),
        Exit::BadSuite => panic!("the engine never says {:?}", report.exit),
    }
    if spec.fail_fast && any_blamed && spec.signal_at.is_none() {
        assert!(report.cancelled.is_some(), "a critical failure ends the run");
    }
    if let Some(CancelReason::FailFast { .. }) = report.cancelled {
        assert!(any_blamed, "only what may be the deploy's doing ends the run");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_check_has_one_outcome_and_nothing_runs_too_early_or_too_long(spec in specs()) {
        check_invariants(&spec);
    }
}
