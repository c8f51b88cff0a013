//! Attempts: once, until it passes (`retry`), or until it holds (`poll`), inside the budget.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::Context;
use super::events::CheckEvent;
use super::timeline::Timeline;
use crate::deadline::{Cut, Deadline};
use crate::event::{StepName, Trail};
use crate::language::repeat::Repeat;
use crate::outcome::{Failure, Fault, Phase};
use crate::secret::{Message, Redacted, Redactor};

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
    /// How often in a row it has passed.
    held: u32,
    /// What the attempt before came to, if it failed.
    last: Option<Failure>,
    failed: Vec<Redacted<Failure>>,
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
        Attempts {
            how,
            deadline,
            step,
            count: 0,
            held: 0,
            last: None,
            failed: Vec::new(),
            timeline: Timeline::start(),
        }
    }

    /// How many attempts have ended.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// What they came to, as reports have it.
    pub fn trail(&self, redactor: &Redactor) -> Trail {
        Trail {
            attempts: self.count,
            polls: matches!(self.how, Repeat::Poll(_)),
            failed_attempts: self.failed.clone(),
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
            self.timeline = Arc::clone(&context.timeline);
            let result = attempt(what, &context).await;
            match self.after(result).await {
                Next::Done(result) => return result,
                Next::Again(None) => {}
                Next::Again(Some(failure)) => {
                    let failure = context.run.redactor.redact(failure);
                    self.failed.push(failure.clone());
                    let attempt = u32::try_from(self.failed.len()).unwrap_or(u32::MAX);
                    let step = self.step.clone();
                    context.events.tell(CheckEvent::AttemptFailed { step, attempt, failure });
                }
            }
        }
    }

    /// Takes what an attempt came to, and waits until the next one is due.
    async fn after(&mut self, result: Result<(), Failure>) -> Next {
        self.count += 1;
        let pause = match (&self.how, &result) {
            (Repeat::Once, _) | (Repeat::Retry(_), Ok(())) => None,
            (Repeat::Retry(retry), Err(_)) => (self.count < retry.attempts.get()).then_some(retry.delay),
            (Repeat::Poll(poll), Ok(())) => {
                self.held += 1;
                (self.held < poll.hold.get()).then_some(poll.every)
            }
            (Repeat::Poll(poll), Err(_)) => {
                self.held = 0;
                Some(poll.every)
            }
        };
        let Some(pause) = pause else { return Next::Done(result) };
        // Out of time during the attempt: its own cut says so best, and the attempt before says why it came to that.
        if result.as_ref().is_err_and(is_cut) && self.deadline.has_passed() {
            let last = self.last.take();
            return Next::Done(result.map_err(|cut| after(last, cut)));
        }
        match self.deadline.pause(pause).await {
            Ok(()) => {
                self.last = result.as_ref().err().cloned();
                Next::Again(result.err())
            }
            Err(cut) => Next::Done(Err(out_of_time(cut, result.err(), self.held))),
        }
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
    Failure::fault(
        Fault::Internal,
        Message::new().words("smoke itself failed in this check"),
        Message::new().data(text),
    )
    .with_hint(Message::new().words("this is a bug in smoke: please report it with the suite"))
}

/// Did a budget end it?
fn is_cut(failure: &Failure) -> bool {
    match failure {
        Failure::TimedOut { .. } => true,
        Failure::Step { source, .. } => is_cut(source),
        Failure::Mismatch { .. } | Failure::Fault { .. } | Failure::Exited { .. } => false,
    }
}

/// A cut, with what the attempt before it came to.
fn after(before: Option<Failure>, cut: Failure) -> Failure {
    match cut {
        Failure::TimedOut { cut, phase, detail, last: None, log, place } => {
            Failure::TimedOut { cut, phase, detail, last: before.map(Box::new), log, place }
        }
        other @ (Failure::TimedOut { .. }
        | Failure::Mismatch { .. }
        | Failure::Fault { .. }
        | Failure::Exited { .. }
        | Failure::Step { .. }) => other,
    }
}

fn out_of_time(cut: Cut, last: Option<Failure>, held: u32) -> Failure {
    let detail = (held > 0).then(|| {
        Message::new().words(format!("it had passed {held} times in a row, and `hold` asks for more"))
    });
    Failure::TimedOut { cut, phase: Phase::Wait, detail, last: last.map(Box::new), log: None, place: None }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::deadline::BudgetScope;
    use crate::language::repeat::{Poll, Retry};
    use crate::outcome::Verdict;

    fn no(n: u32) -> Failure {
        Failure::mismatch(
            Message::new().words("it"),
            Message::new().words("x"),
            Message::new().words(n.to_string()),
        )
    }

    struct Ended {
        result: Result<(), Failure>,
        attempts: u32,
        failed: u32,
    }

    /// Runs the answers `+` (passes) and `-` (fails), one an attempt, the last one again and again. Says how often
    /// an attempt with another after it failed, too.
    async fn run(how: Repeat, budget: Duration, answers: &str) -> Ended {
        let mut attempts = Attempts::new(how, Deadline::after(budget, BudgetScope::Check), None);
        let mut failed = 0;
        for (number, answer) in (1..).zip(answers.chars().chain(answers.chars().last().into_iter().cycle())) {
            let result = if answer == '+' { Ok(()) } else { Err(no(number)) };
            match attempts.after(result).await {
                Next::Again(failure) => failed += u32::from(failure.is_some()),
                Next::Done(result) => return Ended { result, attempts: attempts.count(), failed },
            }
        }
        unreachable!("the answers go on for ever")
    }

    fn retry(attempts: u32) -> Repeat {
        Repeat::Retry(Retry {
            attempts: NonZeroU32::new(attempts).unwrap(),
            delay: Duration::from_millis(500),
        })
    }

    fn poll(hold: u32) -> Repeat {
        Repeat::Poll(Poll { every: Duration::from_secs(1), hold: NonZeroU32::new(hold).unwrap() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_retry_ends_with_the_first_pass_or_the_last_attempt() {
        let budget = Duration::from_secs(10);
        let flaky = run(retry(3), budget, "--+").await;
        assert!(flaky.result.is_ok());
        assert_eq!((flaky.attempts, flaky.failed), (3, 2));

        let red = run(retry(3), budget, "-").await;
        assert_eq!(red.result, Err(no(3)));
        assert_eq!(run(Repeat::Once, budget, "-").await.attempts, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_must_hold_in_a_row() {
        let held = run(poll(3), Duration::from_mins(1), "++-+++").await;
        assert!(held.result.is_ok());
        assert_eq!(held.attempts, 6);
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_ends_with_the_budget_and_says_what_came_last() {
        let ended = run(poll(1), Duration::from_millis(2_500), "-").await;
        let Err(failure) = ended.result else { panic!("it cannot pass") };
        assert_eq!(failure.verdict(), Verdict::Failed);
        assert_eq!(ended.attempts, 3);
        assert_eq!(
            failure.to_string(),
            "expected it x, got 3; no pass within 2.5s (check budget), while waiting for the next attempt (wait)"
        );
    }
}
