//! The engine on a virtual clock: random suites, and what must hold for every one of them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use proptest::prelude::*;
use smoke::attempt::{Context, RunContext, Tracing};
use smoke::check::{Afterwards, BackgroundProcess, Check, Session};
use smoke::deadline::Deadline;
use smoke::event::{CancelReason, CheckInfo, Event, RunInfo, RunReport};
use smoke::exit::Exit;
use smoke::language::repeat::Repeat;
use smoke::language::severity::Severity;
use smoke::language::source::Location;
use smoke::language::variable_usage::VariableUsage;
use smoke::language::variables::Variables;
use smoke::outcome::{Failure, Fault, Outcome, Signal, SkipReason, Started, Verdict};
use smoke::plan::{Plan, PlannedCheck};
use smoke::report::{Destination, Junit, Reporter as _};
use smoke::secret::{Message, Redactor};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::support::{junit, scratch};

/// Known to the redactor of every run.
const SECRET: &str = "hunter2-long";

/// What a scripted check does once its time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    Pass,
    Mismatch,
    Fault,
    Panic,
    Hang,
}

#[derive(Debug)]
struct Scripted {
    script: Script,
    takes: Duration,
    cleanup_takes: Duration,
    /// It leaves something running that takes so long to stop.
    stays: Option<Duration>,
    cleanups: Arc<AtomicUsize>,
}

/// What a scripted check left running.
struct Left {
    stops_in: Duration,
}

impl BackgroundProcess for Left {
    fn has_ended(&mut self) -> bool {
        false
    }

    fn ended(&mut self) -> BoxFuture<'_, Failure> {
        Box::pin(std::future::pending())
    }

    fn stop(self: Box<Self>, deadline: Deadline) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let _ = deadline.pause(self.stops_in).await;
        })
    }
}

impl Check for Scripted {
    fn uses(&self, _: &mut VariableUsage) {}

    fn afterwards(&self, _: &Variables) -> Afterwards {
        Afterwards { leaves: false, cleanup: self.cleanup_takes, stop: self.stays }
    }

    fn run<'a>(&'a self, session: &'a mut Session, _: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            if let Some(stops_in) = self.stays {
                session.resident = Some(Box::new(Left { stops_in }));
            }
            tokio::time::sleep(self.takes).await;
            let words = || Message::new().words("scripted");
            match self.script {
                Script::Pass => Ok(()),
                Script::Mismatch => Err(Failure::mismatch(words(), words(), words())),
                Script::Fault => Err(Failure::fault(Fault::Connect, words(), words())),
                // Without the hook, which would print.
                Script::Panic => std::panic::resume_unwind(Box::new(format!("scripted with {SECRET}"))),
                Script::Hang => std::future::pending().await,
            }
        })
    }

    fn cleanup<'a>(&'a self, _: &'a mut Session, _: &'a Context) -> BoxFuture<'a, ()> {
        self.cleanups.fetch_add(1, Ordering::SeqCst);
        Box::pin(tokio::time::sleep(self.cleanup_takes))
    }
}

/// One check of a random suite.
#[derive(Debug, Clone)]
pub struct Spec {
    pub script: Script,
    pub takes: u64,
    pub budget: u64,
    pub cleanup: u64,
    pub stays: Option<u64>,
    /// Each is a distance back, so that there are no circles.
    pub needs: Vec<usize>,
    pub gate: bool,
    pub severity: Severity,
    pub skip: bool,
}

#[derive(Debug, Clone)]
pub struct SuiteSpec {
    pub checks: Vec<Spec>,
    pub concurrency: usize,
    pub budget: u64,
    pub fail_fast: bool,
    pub signal_at: Option<(u64, Signal)>,
}

pub const GRACE: Duration = Duration::from_secs(3);

pub fn specs() -> impl Strategy<Value = SuiteSpec> {
    let script = prop_oneof![
        6 => Just(Script::Pass),
        1 => Just(Script::Mismatch),
        1 => Just(Script::Fault),
        1 => Just(Script::Panic),
        1 => Just(Script::Hang),
    ];
    let severity = prop_oneof![4 => Just(Severity::Critical), 1 => Just(Severity::Warn)];
    let spec = (
        script,
        0..8_000_u64,
        1..6_000_u64,
        prop_oneof![3 => Just(0), 1 => 0..6_000_u64],
        prop::option::weighted(0.1, 0..6_000_u64),
        prop::collection::vec(1..6_usize, 0..3),
        prop::bool::weighted(0.15),
        severity,
        prop::bool::weighted(0.05),
    );
    let spec = spec.prop_map(|(script, takes, budget, cleanup, stays, needs, gate, severity, skip)| Spec {
        script,
        takes,
        budget,
        cleanup,
        stays,
        needs,
        gate,
        severity,
        skip,
    });
    let signal = prop::option::weighted(
        0.3,
        (0..20_000_u64, prop_oneof![Just(Signal::Interrupt), Just(Signal::Terminate)]),
    );
    (prop::collection::vec(spec, 1..30), 1..8_usize, 500..30_000_u64, any::<bool>(), signal).prop_map(
        |(checks, concurrency, budget, fail_fast, signal_at)| SuiteSpec {
            checks,
            concurrency,
            budget,
            fail_fast,
            signal_at,
        },
    )
}

pub fn plan(spec: &SuiteSpec, cleanups: &Arc<AtomicUsize>) -> Plan {
    let mut checks: Vec<PlannedCheck> = Vec::new();
    for (index, check) in spec.checks.iter().enumerate() {
        let mut needs: BTreeSet<usize> =
            check.needs.iter().filter_map(|back| index.checked_sub(*back)).collect();
        if !check.gate {
            needs.extend((0..index).filter(|other| spec.checks[*other].gate && !spec.checks[*other].skip));
        }
        checks.push(PlannedCheck {
            info: CheckInfo {
                name: format!("check {index}").into(),
                kind: "scripted",
                tags: Vec::new(),
                location: Location { path: PathBuf::from("suite.toml"), line: index + 1, column: 1 },
                gate: check.gate,
                severity: check.severity,
                remark: None,
            },
            budget: Duration::from_millis(check.budget),
            repeat: Repeat::Once,
            needs: needs.into_iter().collect(),
            named_needs: Vec::new(),
            skip: check.skip.then(|| "asked".to_owned()),
            check: Arc::new(Scripted {
                script: check.script,
                takes: Duration::from_millis(check.takes),
                cleanup_takes: Duration::from_millis(check.cleanup),
                stays: check.stays.map(Duration::from_millis),
                cleanups: Arc::clone(cleanups),
            }),
        });
    }
    Plan {
        suite: "random".to_owned(),
        environment: None,
        budget: Duration::from_millis(spec.budget),
        grace: GRACE,
        concurrency: spec.concurrency,
        fail_fast: spec.fail_fast,
        scope: Variables::empty(Arc::default()),
        checks,
    }
}

/// Runs the suite on a clock that jumps, and gives back what happened, when, and how often was cleaned up.
pub fn run(spec: &SuiteSpec) -> (Vec<(Duration, Event)>, RunReport, usize) {
    let cleanups = Arc::new(AtomicUsize::new(0));
    let plan = plan(spec, &cleanups);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let events = Mutex::new(Vec::new());
    let report = runtime.block_on(async {
        let (sender, mut signals) = mpsc::unbounded_channel();
        if let Some((at, signal)) = spec.signal_at {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(at)).await;
                let _ = sender.send(signal);
            });
        }
        let redactor = Arc::new(Redactor::new());
        redactor.add(SECRET).unwrap();
        let context = Arc::new(RunContext::new("random".to_owned(), PathBuf::new(), redactor, Tracing::Off));
        let began = tokio::time::Instant::now();
        let workers = Handle::current();
        smoke::engine::run(&plan, context, &workers, &mut signals, &mut |event| {
            events.lock().unwrap().push((began.elapsed(), event.clone()));
        })
        .await
    });
    (events.into_inner().unwrap(), report, cleanups.load(Ordering::SeqCst))
}

/// What each check came to, as one word.
fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed(_) => "failed",
        Outcome::Warned(_) => "warned",
        Outcome::Undecided(_) => "undecided",
        Outcome::Skipped(_) => "skipped",
    }
}

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
            // It passed and stays; should it end too early, that is its outcome in the end.
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

    // What was started was cleaned up, once.
    assert_eq!(cleanups, started.len(), "cleanups");

    // Nothing is longer than the budgets allow.
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
            Outcome::Skipped(SkipReason::FailFast { started, .. } | SkipReason::Signal { started, .. }) => {
                assert_eq!(*started == Started::InFlight, ran, "check {index}");
            }
            Outcome::Skipped(SkipReason::Need { .. } | SkipReason::Budget(_)) => assert!(!ran),
        }
    }
    check_exit(spec, &report);
}

/// The exit code never says more good than the outcomes do.
fn check_exit(spec: &SuiteSpec, report: &RunReport) {
    let critical: Vec<&str> = spec
        .checks
        .iter()
        .zip(&report.checks)
        .filter(|(check, _)| check.severity == Severity::Critical && !check.skip)
        .map(|(_, report)| word(&report.outcome))
        .collect();
    let any = |wanted: &str| critical.contains(&wanted);
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
        Exit::GateClosed => assert!(any("failed") || any("undecided")),
        Exit::OutOfBudget => assert!(!any("failed") && (any("undecided") || any("skipped"))),
        Exit::Interrupted | Exit::Terminated => {
            assert!(matches!(report.cancelled, Some(CancelReason::Signal(_))));
        }
        Exit::BadSuite | Exit::CannotWork => panic!("the engine never says {:?}", report.exit),
    }
    if spec.fail_fast && any("failed") && spec.signal_at.is_none() {
        assert!(report.cancelled.is_some(), "a critical failure ends the run");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_every_check_has_one_outcome_and_nothing_runs_too_early_or_too_long(spec in specs()) {
        check_invariants(&spec);
    }
}

pub fn passing(takes: u64) -> Spec {
    Spec {
        script: Script::Pass,
        takes,
        budget: 5_000,
        cleanup: 0,
        stays: None,
        needs: Vec::new(),
        gate: false,
        severity: Severity::Critical,
        skip: false,
    }
}

pub fn suite(checks: Vec<Spec>) -> SuiteSpec {
    SuiteSpec { checks, concurrency: 16, budget: 60_000, fail_fast: true, signal_at: None }
}

#[test]
fn independent_checks_run_side_by_side() {
    let (_, report, _) = run(&suite((0..16).map(|_| passing(1_000)).collect()));
    assert_eq!(report.exit, Exit::Passed);
    assert_eq!(report.took.as_secs(), 1);
}

#[test]
fn the_first_critical_failure_cuts_what_is_in_flight_and_starts_nothing_more() {
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
fn a_critical_check_that_could_not_run_is_not_green_though_what_it_needs_only_warned() {
    let warn = Spec { script: Script::Fault, severity: Severity::Warn, ..passing(10) };
    let dependent = Spec { needs: vec![1], ..passing(10) };
    let (_, report, _) = run(&suite(vec![warn, dependent]));
    assert_eq!(report.exit, Exit::Failed);
}

#[test]
fn a_closed_gate_is_told_from_a_failed_check() {
    let gate = Spec { script: Script::Mismatch, gate: true, ..passing(10) };
    assert_eq!(run(&suite(vec![gate, passing(10)])).1.exit, Exit::GateClosed);
    let failed = Spec { script: Script::Mismatch, ..passing(10) };
    assert_eq!(run(&suite(vec![failed, passing(10)])).1.exit, Exit::Failed);
}

#[test]
fn the_end_of_the_suite_s_budget_is_no_verdict() {
    let hung = Spec { script: Script::Hang, budget: 60_000, ..passing(0) };
    let spec = SuiteSpec { concurrency: 1, budget: 5_000, ..suite(vec![passing(10), hung, passing(10)]) };
    let (_, report, _) = run(&spec);
    let words: Vec<&str> = report.checks.iter().map(|r| word(&r.outcome)).collect();
    assert_eq!(words, ["passed", "undecided", "skipped"]);
    assert_eq!(report.exit, Exit::OutOfBudget);
    assert_eq!(report.took.as_millis(), 5_000);
}

#[test]
fn a_signal_ends_the_run_and_cleanup_has_the_grace_and_no_more() {
    let hung = Spec { script: Script::Hang, cleanup: 60_000, ..passing(0) };
    let spec = SuiteSpec { signal_at: Some((1_000, Signal::Terminate)), ..suite(vec![hung]) };
    let (_, report, cleanups) = run(&spec);
    assert_eq!(report.exit, Exit::Terminated);
    assert_eq!(cleanups, 1);
    assert_eq!(report.took.as_millis(), 4_000);
}

#[test]
fn a_panic_is_the_error_of_its_check_alone_and_tells_no_secret() {
    let broken = Spec { script: Script::Panic, ..passing(10) };
    let spec = SuiteSpec { fail_fast: false, ..suite(vec![broken, passing(100)]) };
    let (events, report, _) = run(&spec);
    let Outcome::Failed(failure) = &report.checks[0].outcome else { panic!("{:?}", report.checks[0]) };
    assert_eq!(failure.type_name(), "internal");
    assert_eq!(word(&report.checks[1].outcome), "passed");

    let folder = scratch::for_a_test();
    let path = folder.path().join("junit.xml");
    let mut junit = Junit::new(Destination::File(path.clone()));
    let info = RunInfo {
        suite: "random".to_owned(),
        environment: None,
        budget: Duration::from_mins(1),
        started: jiff::Timestamp::now(),
        checks: plan(&spec, &Arc::default()).checks.into_iter().map(|check| check.info).collect(),
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
