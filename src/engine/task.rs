//! One check as a task: its attempts inside its budget, then what must be done however it ended.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::attempt::attempts::{Attempts, Finished, Next};
use crate::attempt::cancellation::Cancellations;
use crate::attempt::timeline::Timeline;
use crate::attempt::timeouts::{CLOSE_TIMEOUT, LAST_CLOSE_TIMEOUT};
use crate::attempt::{CheckEvent, Context, EventSink, RunContext};
use crate::check::{BackgroundProcess, Check, Session};
use crate::deadline::{BudgetScope, Deadline};
use crate::event::CheckReport;
use crate::language::repeat::Repeat;
use crate::language::variables::Variables;
use crate::outcome::{Failure, Fault, Outcome};
use crate::secret::{Message, Redacted};

/// A check that is about to run.
pub(super) struct Task {
    pub index: usize,
    pub name: Arc<str>,
    pub budget: Duration,
    pub repeat: Repeat,
    pub check: Arc<dyn Check>,
    pub run: Arc<RunContext>,
    pub session: Session,
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
    /// Its outcome is still to be set.
    pub report: CheckReport,
}

pub(super) enum Ending {
    Result(Result<(), Redacted<Failure>>),
    Cancelled,
}

impl Task {
    // Not by value: its future would have room for the task twice.
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
        let mut failed_attempts = Vec::new();
        let mut last_timeline = None;
        let mut tries = Attempts::new(self.repeat, deadline);
        let tried = {
            let attempts = attempts(
                &*self.check,
                &mut tries,
                &mut self.session,
                &context,
                &mut last_timeline,
                &mut failed_attempts,
            );
            tokio::select! {
                biased;
                tried = attempts => Some(tried),
                () = cancelled(&mut self.cancel) => None,
            }
        };
        let took = began.elapsed();
        let timeline = last_timeline.unwrap_or_else(Timeline::start);
        let reproduce = match &tried {
            Some(tried) if tried.result.is_err() || self.session.resident.is_some() => {
                self.reproduce(&Context { timeline: Arc::clone(&timeline), ..context.clone() })
            }
            Some(_) | None => None,
        };
        self.after(&context).await;

        let report = CheckReport {
            check: self.index,
            outcome: Outcome::Passed,
            took,
            was_ready: false,
            polls: matches!(self.repeat, Repeat::Poll(_)),
            budget: self.budget,
            attempts: tried.as_ref().map_or(1, |tried| tried.attempts),
            failed_attempts,
            phases: timeline.phases(),
            address: timeline.shown_address(&self.run.redactor),
            certificate: timeline.shown_certificate(&self.run.redactor),
            reproduce,
            steps: std::mem::take(&mut self.session.steps),
        };
        let ending = match tried {
            // Here, and not on the engine: nothing that was sent here can hold that.
            Some(tried) => Ending::Result(tried.result.map_err(|failure| self.run.redactor.redact(failure))),
            None => Ending::Cancelled,
        };
        if !matches!(ending, Ending::Result(Ok(()))) {
            // What a boot started before it was cut.
            if let Some(resident) = self.session.resident.take() {
                resident.stop(self.grace_deadline()).await;
            }
        }
        let resident = self.session.resident.take();
        Ended { index: self.index, ending, scope: self.session.scope.clone(), resident, report }
    }

    /// How to see the failure again by hand. A process that stays may still fail: of it, this is kept at hand.
    fn reproduce(&self, context: &Context) -> Option<Redacted<Message>> {
        let of_step = self.session.steps.iter().rev().find(|step| step.failure.is_some() && !step.is_cleanup);
        match of_step {
            Some(step) => step.reproduce.clone(),
            None => {
                let command = self.check.reproduce(&self.session, context)?;
                Some(self.run.redactor.redact(command))
            }
        }
    }

    /// The end of the grace: the run's if it is over, and never later than budget and grace allow.
    fn grace_deadline(&self) -> Deadline {
        let of_the_run = *self.cancel.borrow();
        let latest = Deadline::after(self.suite.remaining() + self.grace, BudgetScope::Grace);
        of_the_run.unwrap_or(latest).tighten(self.grace, BudgetScope::Grace)
    }

    /// Ends what a cut left on servers, and cleans up.
    async fn after(&mut self, context: &Context) {
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
        let cleanup =
            AssertUnwindSafe(self.check.cleanup(&mut self.session, &cleanup_context)).catch_unwind();
        // However it ends, the verdict stands.
        let _ = grace.bound(cleanup).await;
    }
}

async fn attempts(
    check: &dyn Check,
    tries: &mut Attempts,
    session: &mut Session,
    context: &Context,
    last_timeline: &mut Option<Arc<Timeline>>,
    failed_attempts: &mut Vec<Redacted<Failure>>,
) -> Finished {
    let redactor = &context.run.redactor;
    loop {
        let attempt_context = context.within(context.deadline);
        *last_timeline = Some(Arc::clone(&attempt_context.timeline));
        let result = attempt(check, session, &attempt_context).await;
        match tries.after(result).await {
            Next::Done(tried) => return tried,
            Next::Again(None) => {}
            Next::Again(Some(failure)) => {
                let failure = redactor.redact(failure);
                failed_attempts.push(failure.clone());
                let attempt = u32::try_from(failed_attempts.len()).unwrap_or(u32::MAX);
                context.events.tell(CheckEvent::AttemptFailed { step: None, attempt, failure });
            }
        }
    }
}

async fn attempt(check: &dyn Check, session: &mut Session, context: &Context) -> Result<(), Failure> {
    let running = AssertUnwindSafe(check.run(session, context)).catch_unwind();
    let observed = Arc::clone(&context.timeline).observe(running);
    let result = match context.deadline.bound(observed).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(panicked(panic.as_ref())),
        Err(cut) => Err(Failure::timed_out(cut, context.timeline.phase())),
    };
    context.timeline.end();
    result
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Failure {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    Failure::fault(
        Fault::Internal,
        Message::new().words("smoke itself failed in this check"),
        Message::new().data(text),
    )
    .with_hint(Message::new().words("this is a defect of smoke: please report it with the suite"))
}

/// Ends when the run is cancelled.
async fn cancelled(cancel: &mut watch::Receiver<Option<Deadline>>) {
    if cancel.wait_for(Option::is_some).await.is_err() {
        std::future::pending::<()>().await;
    }
}
