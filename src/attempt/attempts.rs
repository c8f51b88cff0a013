//! Attempts within a budget: one, until one passes (`retry`), or until the result holds (`poll`).

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::Context;
use super::events::CheckEvent;
use super::failed::Failed;
use super::polling::Polling;
use super::timeline::Timeline;
use crate::deadline::{Cut, Deadline};
use crate::event::{StepName, Trail};
use crate::language::repeat::Repeat;
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::{Message, Redactor, message};

/// An attempt cut sooner than this proves nothing, because most servers take longer to respond.
const HARDLY_BEGUN: Duration = Duration::from_millis(250);

/// An operation that can be attempted repeatedly.
pub trait Attempt: Send {
    /// Makes one attempt. The future is dropped when its budget ends or the run is cancelled.
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>>;
}

/// The attempts of a check or a step.
#[derive(Debug)]
pub struct Attempts {
    how: Repeat,
    deadline: Deadline,
    /// The step that is attempted, unless it is a whole check.
    step: Option<StepName>,
    count: u32,
    /// The state of a poll.
    polling: Option<Polling>,
    /// The failure of the last attempt that another one followed.
    last: Option<Failure>,
    failed: Failed,
    timeline: Arc<Timeline>,
}

/// What follows an attempt.
#[derive(Debug)]
enum Next {
    /// Another attempt. Holds the failure of the last one, if it failed.
    Again(Option<Failure>),
    Done(Result<(), Failure>),
}

impl Attempts {
    pub fn new(how: Repeat, deadline: Deadline, step: Option<StepName>) -> Attempts {
        let polling = match &how {
            Repeat::Poll(poll) => Some(Polling::new(poll)),
            Repeat::Once | Repeat::Retry(_) => None,
        };
        Attempts {
            how,
            deadline,
            step,
            count: 0,
            polling,
            last: None,
            failed: Failed::default(),
            timeline: Timeline::start(),
        }
    }

    /// Returns how many attempts have ended.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Returns the attempts as reports show them.
    pub fn trail(&self, redactor: &Redactor) -> Trail {
        let (failed_attempts, other_failed_attempts) = self.failed.all();
        Trail {
            attempts: self.count,
            poll: self.polling.as_ref().map(|polling| redactor.redact(polling.trail(self.count))),
            failed_attempts,
            other_failed_attempts,
            ..self.timeline.trail(redactor)
        }
    }

    /// Returns the timeline of the last attempt.
    pub fn timeline(&self) -> &Arc<Timeline> {
        &self.timeline
    }

    /// Makes attempts until the result is final. Each attempt has its own timeline and ends with the deadline.
    ///
    /// # Errors
    /// Returns the failure of the last attempt.
    pub async fn run(
        &mut self,
        what: &mut (impl Attempt + ?Sized),
        context: &Context,
    ) -> Result<(), Failure> {
        loop {
            let context = context.within(self.deadline);
            let before = std::mem::replace(&mut self.timeline, Arc::clone(&context.timeline));
            let result = attempt(what, &context).await;
            if let Some(cut) = self.hardly_begun(&result) {
                self.timeline = before;
                return Err(self.out_of_time(cut, None));
            }
            match self.after(result).await {
                Next::Done(result) => return result,
                Next::Again(None) => {}
                Next::Again(Some(failure)) => {
                    let (attempt, step) = (self.count, self.step.clone());
                    if let Some(failed) = self.failed.take(attempt, failure, &context.run.redactor) {
                        context.events.tell(CheckEvent::AttemptFailed { step, attempt, failed });
                    }
                }
            }
        }
    }

    /// Records the result of an attempt, and waits until the next one is due.
    async fn after(&mut self, result: Result<(), Failure>) -> Next {
        self.count += 1;
        // The time ran out during the attempt, so it observed nothing.
        let is_cut = result.as_ref().is_err_and(is_cut) && self.deadline.has_passed();
        let pause = match (&self.how, &mut self.polling, &result) {
            (Repeat::Once, ..) | (Repeat::Retry(_), _, Ok(())) => None,
            (Repeat::Retry(retry), _, Err(_)) => (self.count < retry.attempts.get()).then_some(retry.delay),
            (Repeat::Poll(poll), Some(polling), Ok(())) => (!polling.passed()).then_some(poll.every),
            (Repeat::Poll(poll), Some(polling), Err(failure)) if !is_cut => {
                polling.failed(failure);
                Some(poll.every)
            }
            (Repeat::Poll(poll), ..) => Some(poll.every),
        };
        let Some(pause) = pause else { return Next::Done(result) };
        // The cut itself says what was in progress, and the previous attempt says why.
        if is_cut {
            let (last, detail) = (self.last.take(), self.describe());
            return Next::Done(result.map_err(|cut| after(last, detail, cut)));
        }
        match self.deadline.pause(pause).await {
            Ok(()) => {
                self.last = result.as_ref().err().cloned().or(self.last.take());
                Next::Again(result.err())
            }
            Err(cut) => Next::Done(Err(self.out_of_time(cut, result.err()))),
        }
    }

    /// Returns the cut if a poll's time ended during an attempt that had hardly begun. Such an attempt proves nothing,
    /// so the earlier ones decide the result of the poll.
    fn hardly_begun(&self, result: &Result<(), Failure>) -> Option<Cut> {
        match (&self.how, result) {
            (Repeat::Poll(_), Err(Failure::TimedOut { cut, .. }))
                if self.count > 0 && self.deadline.has_passed() && self.timeline.elapsed() < HARDLY_BEGUN =>
            {
                Some(*cut)
            }
            (Repeat::Once | Repeat::Retry(_) | Repeat::Poll(_), _) => None,
        }
    }

    /// Builds the failure for a budget that ends between two attempts. `last` is the failure of the first of them.
    fn out_of_time(&mut self, cut: Cut, last: Option<Failure>) -> Failure {
        let last = last.or(self.last.take()).map(Box::new);
        let (phase, detail) = (self.waiting(), self.describe());
        Failure::TimedOut { cut, phase, detail, last, log: None, place: None }
    }

    /// Describes what the attempts of a poll got.
    fn describe(&self) -> Option<Message> {
        self.polling.as_ref().and_then(|polling| polling.describe(self.count))
    }

    /// Returns the phase between two attempts: waiting for a pass, or for further passes.
    fn waiting(&self) -> Phase {
        if self.polling.as_ref().is_some_and(Polling::has_passed) { Phase::Hold } else { Phase::Wait }
    }
}

/// Makes one attempt within its deadline. A panic fails this attempt and nothing else.
async fn attempt(what: &mut (impl Attempt + ?Sized), context: &Context) -> Result<(), Failure> {
    let running = AssertUnwindSafe(what.attempt(context)).catch_unwind();
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
    Failure::fault(Fault::Internal, message!("smoke itself failed in this check"), message!("{}", text))
        .with_hint(message!("this is a bug in smoke: please report it with the suite"))
}

/// Whether a budget caused the failure.
fn is_cut(failure: &Failure) -> bool {
    match failure {
        Failure::TimedOut { .. } => true,
        Failure::Step { source, .. } => is_cut(source),
        Failure::Mismatch { .. }
        | Failure::Fault { .. }
        | Failure::Exited { .. }
        | Failure::Plugin { .. } => false,
    }
}

/// Adds the failure of the previous attempts to a cut.
fn after(before: Option<Failure>, seen: Option<Message>, cut: Failure) -> Failure {
    match cut {
        Failure::TimedOut { cut, phase, detail, last: None, log, place } => {
            Failure::TimedOut { cut, phase, detail: detail.or(seen), last: before.map(Box::new), log, place }
        }
        other @ (Failure::TimedOut { .. }
        | Failure::Mismatch { .. }
        | Failure::Fault { .. }
        | Failure::Exited { .. }
        | Failure::Plugin { .. }
        | Failure::Step { .. }) => other,
    }
}

#[cfg(test)]
mod tests;
