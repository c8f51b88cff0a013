//! A check that blocks its thread cannot be cut, but the run continues without it.

use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use smoke::attempt::attempts::Attempt;
use smoke::attempt::{Context, RunContext, Tracing};
use smoke::check::{Afterwards, Check, Running};
use smoke::event::RunReport;
use smoke::exit::Exit;
use smoke::language::variable_usage::VariableUsage;
use smoke::language::variables::Variables;
use smoke::outcome::{Failure, Outcome, Signal, SkipReason, Started};
use smoke::secret::{Message, Redacted, Redactor};
use tokio::runtime::Builder;

use crate::support::script::{Script, Spec, SuiteSpec, plan};

/// Far longer than a run may take, and the longest wait of a failing test.
const HELD: Duration = Duration::from_secs(20);

/// Blocks its thread until it is released.
#[derive(Debug)]
struct Stuck {
    begun: mpsc::Sender<()>,
    let_go: Mutex<mpsc::Receiver<()>>,
}

impl Check for Stuck {
    fn uses(&self, _: &mut VariableUsage) {}

    fn afterwards(&self, _: &Variables) -> Afterwards {
        Afterwards::default()
    }

    fn changes(&self) -> Option<String> {
        None
    }

    fn begin(self: Arc<Self>, scope: Variables) -> Box<dyn Running> {
        Box::new(StuckRun { check: self, scope })
    }
}

struct StuckRun {
    check: Arc<Stuck>,
    scope: Variables,
}

impl Attempt for StuckRun {
    fn attempt<'a>(&'a mut self, _: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let _ = self.check.begun.send(());
            let _ = self.check.let_go.lock().unwrap().recv_timeout(HELD);
            Ok(())
        })
    }
}

impl Running for StuckRun {
    fn reproduce(&self, _: &Context) -> Option<Redacted<Message>> {
        None
    }

    fn into_scope(self: Box<Self>) -> Variables {
        self.scope
    }
}

/// Runs one check that blocks the only worker, and one that waits behind it.
fn run(budget: Duration, signal: Option<Signal>) -> (RunReport, Duration) {
    let ordinary = Spec {
        script: Script::Pass,
        takes: 1,
        budget: 60_000,
        cleanup: 0,
        stays: None,
        needs: Vec::new(),
        gate: false,
        severity: smoke::language::severity::Severity::Critical,
        dependency: false,
        skip: false,
    };
    let spec = SuiteSpec {
        checks: vec![ordinary.clone(), ordinary],
        concurrency: 2,
        budget: u64::try_from(budget.as_millis()).unwrap(),
        fail_fast: true,
        signal_at: None,
    };
    let mut plan = plan(&spec, &Arc::default());
    plan.grace = Duration::from_millis(100);
    let (begun, has_begun) = mpsc::channel();
    let (_held, let_go) = mpsc::channel();
    plan.checks[0].check = Arc::new(Stuck { begun, let_go: Mutex::new(let_go) });

    let workers = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let engine = Builder::new_current_thread().enable_all().build().unwrap();
    let (sender, mut signals) = tokio::sync::mpsc::unbounded_channel();
    if let Some(signal) = signal {
        let sender = sender.clone();
        std::thread::spawn(move || {
            has_begun.recv().unwrap();
            sender.send(signal)
        });
    }
    let context =
        Arc::new(RunContext::new("stuck".to_owned(), "".into(), Arc::new(Redactor::new()), Tracing::Off));
    let began = Instant::now();
    let report = engine.block_on(async {
        smoke::engine::run(&plan, context, workers.handle(), &mut signals, &mut |_| {}).await
    });
    workers.shutdown_background();
    (report, began.elapsed())
}

#[test]
fn a_check_that_blocks_every_worker_does_not_extend_the_suites_budget() {
    let (report, took) = run(Duration::from_secs(1), None);

    assert!(took < HELD / 2, "{took:?}");
    assert_eq!(report.exit, Exit::OutOfBudget);
    assert!(matches!(report.checks[0].outcome, Outcome::Undecided(_)), "{:?}", report.checks[0]);
}

#[test]
fn a_check_that_blocks_every_worker_does_not_delay_a_signal() {
    let (report, took) = run(Duration::from_mins(1), Some(Signal::Interrupt));

    assert!(took < HELD / 2, "{took:?}");
    assert_eq!(report.exit, Exit::Interrupted);
    let cut = SkipReason::Signal { signal: Signal::Interrupt, started: Started::InFlight };
    assert!(matches!(&report.checks[0].outcome, Outcome::Skipped(reason) if *reason == cut));
}
