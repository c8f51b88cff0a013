//! The task of a check: runs its attempts within its budget, then whatever must follow in any case.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::attempt::attempts::Attempts;
use crate::attempt::cancellation::Cancellations;
use crate::attempt::timeline::Timeline;
use crate::attempt::timeouts::{CLOSE_TIMEOUT, LAST_CLOSE_TIMEOUT, LATE_OUTPUT};
use crate::attempt::{Context, EventSink, RunContext};
use crate::check::{BackgroundProcess, Check, Running};
use crate::deadline::{BudgetScope, Deadline};
use crate::event::{Said, StepReport, Trail};
use crate::language::repeat::Repeat;
use crate::language::variables::Variables;
use crate::outcome::Failure;
use crate::process::{Moment, Outputs};
use crate::secret::Redacted;

/// A check that is about to run.
pub(super) struct Task {
    pub index: usize,
    pub name: Arc<str>,
    pub budget: Duration,
    pub repeat: Repeat,
    pub check: Arc<dyn Check>,
    pub run: Arc<RunContext>,
    pub scope: Variables,
    pub suite: Deadline,
    pub grace: Duration,
    pub events: EventSink,
    pub cancel: watch::Receiver<Option<Deadline>>,
}

/// A check that has run.
pub(super) struct Ended {
    pub index: usize,
    pub ending: Ending,
    pub scope: Variables,
    pub resident: Option<Box<dyn BackgroundProcess>>,
    pub ran: Ran,
}

/// How far a check got. It needs an outcome to become a report.
#[derive(Clone, Default)]
pub(super) struct Ran {
    pub trail: Trail,
    pub steps: Vec<StepReport>,
}

pub(super) enum Ending {
    Result(Result<(), Redacted<Failure>>),
    Cancelled,
}

impl Task {
    // Not by value, because the future would then reserve space for the task twice.
    pub async fn run(&mut self) -> Ended {
        let began = Instant::now();
        let deadline = self.suite.tighten(self.budget, BudgetScope::Check);
        let context = Context {
            run: Arc::clone(&self.run),
            check: Arc::clone(&self.name),
            deadline,
            timeline: Timeline::start(),
            cancellations: Cancellations::default(),
            events: self.events.clone(),
        };
        let outputs: Arc<Outputs> = self.run.shared();
        let start = outputs.now();
        let mut running = Arc::clone(&self.check).begin(self.scope.clone());
        let mut attempts = Attempts::new(self.repeat, deadline, None);
        let result = tokio::select! {
            biased;
            result = attempts.run(&mut *running, &context) => Some(result),
            () = cancelled(&mut self.cancel) => None,
        };
        let took = began.elapsed();
        let mut background = running.background();
        // A background process may still fail, so its command is kept.
        let reproduce = match &result {
            Some(result) if result.is_err() || background.is_some() => {
                running.reproduce(&Context { timeline: Arc::clone(attempts.timeline()), ..context.clone() })
            }
            Some(_) | None => None,
        };
        self.after(&mut *running, &context).await;
        let said = match &result {
            Some(Err(failure)) if !outputs.is_empty() => self.said(&outputs, &start, failure).await,
            Some(_) | None => Vec::new(),
        };

        let trail = Trail {
            took,
            promises: running.promises().map(|promises| self.run.redactor.redact(promises)),
            // What a cancel has cut counts.
            attempts: result.as_ref().map_or(1, |_| attempts.count()),
            reproduce,
            said,
            notes: running.notes().into_iter().map(|note| self.run.redactor.redact(note)).collect(),
            ..attempts.trail(&self.run.redactor)
        };
        let ran = Ran { trail, steps: running.steps() };
        let ending = match result {
            // Redacts here and not on the engine, so that nothing a server sent can block the engine.
            Some(result) => Ending::Result(result.map_err(|failure| self.run.redactor.redact(failure))),
            None => Ending::Cancelled,
        };
        if !matches!(ending, Ending::Result(Ok(()))) {
            // A process that a boot started before it was cut.
            if let Some(started) = background.take() {
                started.stop(self.grace_deadline()).await;
            }
        }
        Ended { index: self.index, ending, scope: running.into_scope(), resident: background, ran }
    }

    /// Returns what booted processes printed while the check ran. Output about a failure may arrive after their
    /// response.
    async fn said(&self, outputs: &Outputs, start: &Moment, failure: &Failure) -> Vec<Redacted<Said>> {
        if !matches!(failure, Failure::TimedOut { .. }) {
            let _ = self.suite.pause(LATE_OUTPUT).await;
        }
        let redactor = &self.run.redactor;
        let said = outputs.since(start, &self.name, redactor);
        said.into_iter().map(|(by, log)| redactor.redact(Said { by, log })).collect()
    }

    /// Returns the end of the grace: the run's, if it is over, and never later than budget and grace allow.
    fn grace_deadline(&self) -> Deadline {
        let of_the_run = *self.cancel.borrow();
        let latest = Deadline::after(self.suite.remaining() + self.grace, BudgetScope::Grace);
        of_the_run.unwrap_or(latest).tighten(self.grace, BudgetScope::Grace)
    }

    /// Cancels what a cut left on servers, and cleans up.
    async fn after(&self, running: &mut dyn Running, context: &Context) {
        if !context.cancellations.is_empty() {
            let time = if self.suite.has_passed() { LAST_CLOSE_TIMEOUT } else { CLOSE_TIMEOUT };
            let _ = self
                .grace_deadline()
                .tighten(time, BudgetScope::Grace)
                .bound(context.cancellations.end())
                .await;
        }
        let grace = self.grace_deadline();
        let cleanup_context = context.within(grace);
        let cleanup = AssertUnwindSafe(running.cleanup(&cleanup_context)).catch_unwind();
        // Its result does not change the verdict.
        let _ = grace.bound(cleanup).await;
    }
}

/// Waits until the run is cancelled.
async fn cancelled(cancel: &mut watch::Receiver<Option<Deadline>>) {
    if cancel.wait_for(Option::is_some).await.is_err() {
        std::future::pending::<()>().await;
    }
}
