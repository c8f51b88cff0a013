//! Attempts: once, until it passes (`retry`), or until it holds (`poll`), inside the budget.

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

/// An attempt that is cut sooner than this has shown nothing: most servers answer later.
const HARDLY_BEGUN: Duration = Duration::from_millis(250);

/// Something that can be tried, and tried again.
pub trait Attempt: Send {
    /// One attempt. It is dropped when its budget ends or the run is cancelled.
    fn attempt<'a>(&'a mut self, context: &'a Context) -> BoxFuture<'a, Result<(), Failure>>;
}

/// The attempts at a check or a step.
#[derive(Debug)]
pub struct Attempts {
    how: Repeat,
    deadline: Deadline,
    /// The step that is tried, where it is not a whole check.
    step: Option<StepName>,
    count: u32,
    /// What came of a poll so far.
    polling: Option<Polling>,
    /// What the last attempt that failed came to, of those with another after them.
    last: Option<Failure>,
    failed: Failed,
    timeline: Arc<Timeline>,
}

/// What comes after an attempt.
#[derive(Debug)]
enum Next {
    /// Another one; the last one failed or not.
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

    /// How many attempts have ended.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// What they came to, as reports have it.
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

    /// The timeline of the last attempt.
    pub fn timeline(&self) -> &Arc<Timeline> {
        &self.timeline
    }

    /// Tries until there is a result. Each attempt has a timeline of its own, and ends with the deadline.
    ///
    /// # Errors
    /// What the last attempt came to.
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

    /// Takes what an attempt came to, and waits until the next one is due.
    async fn after(&mut self, result: Result<(), Failure>) -> Next {
        self.count += 1;
        // Out of time during the attempt: it saw nothing.
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
        // Its own cut says best what was under way, and the attempt before says why it came to that.
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

    /// The end of a poll's time, if it fell into an attempt that had hardly begun: that says nothing of the attempt, and
    /// those before it are what the poll came to.
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

    /// The time is up between two attempts, the first of which came to `last`.
    fn out_of_time(&mut self, cut: Cut, last: Option<Failure>) -> Failure {
        let last = last.or(self.last.take()).map(Box::new);
        let (phase, detail) = (self.waiting(), self.describe());
        Failure::TimedOut { cut, phase, detail, last, log: None, place: None }
    }

    /// What the attempts of a poll saw.
    fn describe(&self) -> Option<Message> {
        self.polling.as_ref().and_then(|polling| polling.describe(self.count))
    }

    /// What the time between two attempts is for: to pass, or to go on passing.
    fn waiting(&self) -> Phase {
        if self.polling.as_ref().is_some_and(Polling::has_passed) { Phase::Hold } else { Phase::Wait }
    }
}

/// One attempt inside its deadline. A panic in it is its own failure and nobody else's.
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

/// Did a budget end it?
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

/// A cut, with what the attempts before it came to.
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
