//! Attempts: once, until it passes (`retry`), or until it holds (`poll`), inside the budget.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::Context;
use super::events::CheckEvent;
use super::polling::Polling;
use super::timeline::Timeline;
use crate::deadline::Deadline;
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
    /// What came of a poll so far.
    polling: Option<Polling>,
    /// What the last attempt that failed came to, of those with another after them.
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
            poll: self.polling.as_ref().map(|polling| redactor.redact(polling.trail(self.count))),
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
            Err(cut) => {
                let last = result.err().or(self.last.take()).map(Box::new);
                let (phase, detail) = (self.waiting(), self.describe());
                Next::Done(Err(Failure::TimedOut { cut, phase, detail, last, log: None, place: None }))
            }
        }
    }

    /// What the attempts of a poll saw.
    fn describe(&self) -> Option<Message> {
        self.polling.as_ref().and_then(|polling| polling.describe(self.count))
    }

    /// What the time between two attempts is for: to pass, or to go on passing.
    fn waiting(&self) -> Phase {
        match self.polling.as_ref().is_some_and(Polling::has_passed) {
            true => Phase::Hold,
            false => Phase::Wait,
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
        | Failure::Step { .. }) => other,
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::deadline::BudgetScope;
    use crate::language::repeat::{Hold, Poll, Retry};
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
        flaps: u32,
        took: Duration,
    }

    /// Runs the answers `+` (passes) and `-` (fails), one an attempt, the last one again and again; a digit fails with
    /// that. Says how often an attempt with another after it failed, too.
    async fn run(how: Repeat, budget: Duration, answers: &str) -> Ended {
        let mut attempts = Attempts::new(how, Deadline::after(budget, BudgetScope::Check), None);
        let (mut failed, began) = (0, tokio::time::Instant::now());
        for (number, answer) in (1..).zip(answers.chars().chain(answers.chars().last().into_iter().cycle())) {
            let result = match answer {
                '+' => Ok(()),
                '-' => Err(no(number)),
                digit => Err(no(digit.to_digit(10).unwrap())),
            };
            match attempts.after(result).await {
                Next::Again(failure) => failed += u32::from(failure.is_some()),
                Next::Done(result) => {
                    let flaps = attempts.trail(&Redactor::new()).poll.map_or(0, |poll| poll.flaps);
                    let (attempts, took) = (attempts.count(), began.elapsed());
                    return Ended { result, attempts, failed, flaps, took };
                }
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
        holding(Hold::Passes(NonZeroU32::new(hold).unwrap()))
    }

    fn holding(hold: Hold) -> Repeat {
        Repeat::Poll(Poll { every: Duration::from_secs(1), hold })
    }

    async fn failure(how: Repeat, budget: Duration, answers: &str) -> String {
        run(how, budget, answers).await.result.unwrap_err().to_string()
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
            "expected it x, got 3; no pass within 2.5s (check budget), while waiting for the next attempt (wait): \
             got 1 in 1 of 3 attempts, got 2 in 1, got 3 in 1"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_may_hold_for_a_time_with_three_passes_at_least() {
        let ten = Hold::For(Duration::from_secs(10));
        let held = run(holding(ten), Duration::from_mins(1), "-++-+").await;
        assert!(held.result.is_ok());
        // Four attempts a second apart, and then passes from second 4 to second 14.
        assert_eq!((held.attempts, held.took), (15, Duration::from_secs(14)));

        let short = run(holding(Hold::For(Duration::from_millis(1))), Duration::from_mins(1), "+").await;
        assert_eq!((short.attempts, short.took), (3, Duration::from_secs(2)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_that_does_not_hold_says_what_its_attempts_saw() {
        let budget = Duration::from_millis(9_500);
        assert_eq!(
            failure(poll(4), budget, "1+++2+1++1").await,
            "expected it x, got 1; did not hold within 9.5s (check budget), while waiting for the next attempt (hold): \
             got 1 in 3 of 10 attempts, got 2 in 1; longest row 3 of 4; flapped twice"
        );
        // The last one passed: what failed before it is the cause all the same.
        assert_eq!(
            failure(poll(10), budget, "71+++++++").await,
            "expected it x, got 1; did not hold within 9.5s (check budget), while waiting for the next attempt (hold): \
             got 7 in 1 of 10 attempts, got 1 in 1; longest row 8 of 10"
        );
        assert_eq!(
            failure(holding(Hold::For(Duration::from_secs(20))), budget, "+").await,
            "did not hold within 9.5s (check budget), while waiting for the next attempt (hold): \
             longest row 9s of 20s"
        );
        assert_eq!(
            failure(poll(1), budget, "1234511").await,
            "expected it x, got 1; no pass within 9.5s (check budget), while waiting for the next attempt (wait): \
             got 1 in 6 of 10 attempts, got 2 in 1, got 3 in 1, something else in 2"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_is_cut_says_what_those_before_it_saw() {
        let deadline = Deadline::after(Duration::from_millis(3_500), BudgetScope::Check);
        let mut attempts = Attempts::new(poll(5), deadline, None);
        for result in [Err(no(7)), Ok(()), Ok(())] {
            assert!(matches!(attempts.after(result).await, Next::Again(_)));
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        let cut = Failure::timed_out(deadline.cut(), Phase::Body);
        let Next::Done(Err(failure)) = attempts.after(Err(cut)).await else { panic!("its time is up") };
        assert_eq!(
            failure.to_string(),
            "expected it x, got 7; no answer within 3.5s (check budget), while reading the body (body): \
             got 7 in 1 of 4 attempts; longest row 2 of 5"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_after_a_pass_and_a_failure_is_a_flap() {
        let flaps = async |answers: &str| run(poll(3), Duration::from_mins(1), answers).await.flaps;
        assert_eq!(flaps("---+").await, 0);
        assert_eq!(flaps("+-+").await, 1);
        assert_eq!(flaps("-+--+-++-+").await, 3);
    }
}
