//! Scripted checks, random suites of them, and a run of one in virtual time.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use proptest::prelude::*;
use smoke::attempt::attempts::Attempt;
use smoke::attempt::{Context, RunContext, Tracing};
use smoke::check::{Afterwards, BackgroundProcess, Check, Running};
use smoke::deadline::Deadline;
use smoke::event::{CheckInfo, Event, RunReport};
use smoke::language::repeat::Repeat;
use smoke::language::severity::Severity;
use smoke::language::source::Location;
use smoke::language::variable_usage::VariableUsage;
use smoke::language::variables::Variables;
use smoke::outcome::{Failure, Fault, Outcome, Signal, SkipReason};
use smoke::plan::{Plan, PlannedCheck};
use smoke::secret::{Message, Redacted, Redactor};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

/// A secret that the redactor of every run knows.
const SECRET: &str = "hunter2-long";

/// What a scripted check does at the end of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    Pass,
    Mismatch,
    Fault,
    Panic,
    /// Fails, and its task ends without a result, because the work after the attempts panics.
    Lost,
    Hang,
}

#[derive(Debug)]
struct Scripted {
    script: Script,
    takes: Duration,
    cleanup_takes: Duration,
    /// Leaves a process running that takes this long to stop.
    stays: Option<Duration>,
    cleanups: Arc<AtomicUsize>,
}

/// A process that a scripted check left running.
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

    fn leave(self: Box<Self>) -> Message {
        Message::new().words("runs on")
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

    fn changes(&self) -> Option<String> {
        None
    }

    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running> {
        Box::new(ScriptedRun { check: self, scope, left: None })
    }
}

struct ScriptedRun {
    check: Arc<Scripted>,
    scope: Variables,
    left: Option<Left>,
}

impl Attempt for ScriptedRun {
    fn attempt<'a>(&'a mut self, _: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.left = self.check.stays.map(|stops_in| Left { stops_in });
            tokio::time::sleep(self.check.takes).await;
            let words = || Message::new().words("scripted");
            match self.check.script {
                Script::Pass => Ok(()),
                Script::Mismatch | Script::Lost => Err(Failure::mismatch(words(), words(), words())),
                Script::Fault => Err(Failure::fault(Fault::Connect, words(), words())),
                // Without the panic hook, which would print.
                Script::Panic => std::panic::resume_unwind(Box::new(format!("scripted with {SECRET}"))),
                Script::Hang => std::future::pending().await,
            }
        })
    }
}

impl Running for ScriptedRun {
    fn reproduce(&self, _: &Context) -> Option<Redacted<Message>> {
        match self.check.script {
            Script::Lost => std::panic::resume_unwind(Box::new("scripted")),
            Script::Pass | Script::Mismatch | Script::Fault | Script::Panic | Script::Hang => None,
        }
    }

    fn background(&mut self) -> Option<Box<dyn BackgroundProcess>> {
        self.left.take().map(|left| Box::new(left) as Box<dyn BackgroundProcess>)
    }

    fn cleanup<'a>(&'a mut self, _: &'a Context) -> BoxFuture<'a, ()> {
        self.check.cleanups.fetch_add(1, Ordering::SeqCst);
        Box::pin(tokio::time::sleep(self.check.cleanup_takes))
    }

    fn into_scope(self: Box<Self>) -> Variables {
        self.scope
    }
}

/// A check of a random suite.
#[derive(Debug, Clone)]
pub struct Spec {
    pub script: Script,
    pub takes: u64,
    pub budget: u64,
    pub cleanup: u64,
    pub stays: Option<u64>,
    /// Distances to earlier checks, so there are no cycles.
    pub needs: Vec<usize>,
    pub gate: bool,
    pub severity: Severity,
    pub dependency: bool,
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
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.05),
    );
    let spec =
        spec.prop_map(|(script, takes, budget, cleanup, stays, needs, gate, severity, dependency, skip)| {
            Spec { script, takes, budget, cleanup, stays, needs, gate, severity, dependency, skip }
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
                target: None,
                gate: check.gate,
                severity: check.severity,
                dependency: check.dependency,
                before: None,
                remark: None,
            },
            budget: Duration::from_millis(check.budget),
            repeat: Repeat::Once,
            needs: needs.into_iter().collect(),
            named_needs: Vec::new(),
            skip: check.skip.then(|| SkipReason::Asked("asked".to_owned())),
            instance: Vec::new(),
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
        baseline: None,
        checks,
    }
}

/// Runs the suite in virtual time. Returns the events with their times, the report, and the number of cleanups.
pub fn run(spec: &SuiteSpec) -> (Vec<(Duration, Event)>, RunReport, usize) {
    let cleanups = Arc::new(AtomicUsize::new(0));
    let (events, report) = run_plan(&plan(spec, &cleanups), spec.signal_at);
    (events, report, cleanups.load(Ordering::SeqCst))
}

/// Runs a plan in virtual time.
pub fn run_plan(plan: &Plan, signal_at: Option<(u64, Signal)>) -> (Vec<(Duration, Event)>, RunReport) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let events = Mutex::new(Vec::new());
    let report = runtime.block_on(async {
        let (sender, mut signals) = mpsc::unbounded_channel();
        if let Some((at, signal)) = signal_at {
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
        smoke::engine::run(plan, context, &workers, &mut signals, &mut |event| {
            events.lock().unwrap().push((began.elapsed(), event.clone()));
        })
        .await
    });
    (events.into_inner().unwrap(), report)
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
        dependency: false,
        skip: false,
    }
}

pub fn suite(checks: Vec<Spec>) -> SuiteSpec {
    SuiteSpec { checks, concurrency: 16, budget: 60_000, fail_fast: true, signal_at: None }
}

/// Returns the outcome as one word.
pub fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Passed => "passed",
        Outcome::Failed(_) => "failed",
        Outcome::Warned(_) => "warned",
        Outcome::Undecided(_) => "undecided",
        Outcome::Skipped(_) => "skipped",
    }
}
