//! Attempts: once, until it passes (`retry`), or until it holds (`poll`), inside the budget.

use crate::deadline::{Cut, Deadline};
use crate::language::repeat::Repeat;
use crate::outcome::{Failure, Phase};

/// Counts the attempts at something, and says after each whether there is another.
#[derive(Debug)]
pub struct Attempts {
    how: Repeat,
    deadline: Deadline,
    attempts: u32,
    /// How often in a row it has passed.
    held: u32,
    /// What the attempt before came to, if it failed.
    last: Option<Failure>,
}

/// How something ended, and after how many attempts.
#[derive(Debug)]
pub struct Finished {
    pub result: Result<(), Failure>,
    pub attempts: u32,
}

/// What comes after an attempt.
#[derive(Debug)]
pub enum Next {
    /// Another one; the last one failed or not.
    Again(Option<Failure>),
    Done(Finished),
}

impl Attempts {
    pub fn new(how: Repeat, deadline: Deadline) -> Attempts {
        Attempts { how, deadline, attempts: 0, held: 0, last: None }
    }

    /// Takes what an attempt came to, and waits until the next one is due.
    pub async fn after(&mut self, result: Result<(), Failure>) -> Next {
        self.attempts += 1;
        let pause = match (&self.how, &result) {
            (Repeat::Once, _) | (Repeat::Retry(_), Ok(())) => None,
            (Repeat::Retry(retry), Err(_)) => (self.attempts < retry.attempts.get()).then_some(retry.delay),
            (Repeat::Poll(poll), Ok(())) => {
                self.held += 1;
                (self.held < poll.hold.get()).then_some(poll.every)
            }
            (Repeat::Poll(poll), Err(_)) => {
                self.held = 0;
                Some(poll.every)
            }
        };
        let Some(pause) = pause else { return self.done(result) };
        // Out of time during the attempt: its own cut says so best, and the attempt before says why it came to that.
        if result.as_ref().is_err_and(is_cut) && self.deadline.has_passed() {
            let last = self.last.take();
            return self.done(result.map_err(|cut| after(last, cut)));
        }
        match self.deadline.pause(pause).await {
            Ok(()) => {
                self.last = result.as_ref().err().cloned();
                Next::Again(result.err())
            }
            Err(cut) => self.done(Err(out_of_time(cut, result.err(), self.held))),
        }
    }

    fn done(&self, result: Result<(), Failure>) -> Next {
        Next::Done(Finished { result, attempts: self.attempts })
    }
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
        Failure::TimedOut { cut, phase, detail, last: None, log } => {
            Failure::TimedOut { cut, phase, detail, last: before.map(Box::new), log }
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
        crate::secret::Message::new()
            .words(format!("it had passed {held} times in a row, and `hold` asks for more"))
    });
    Failure::TimedOut { cut, phase: Phase::Wait, detail, last: last.map(Box::new), log: None }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;
    use crate::deadline::BudgetScope;
    use crate::language::repeat::{Poll, Retry};
    use crate::outcome::Verdict;
    use crate::secret::Message;

    fn no(n: u32) -> Failure {
        Failure::mismatch(
            Message::new().words("it"),
            Message::new().words("x"),
            Message::new().words(n.to_string()),
        )
    }

    /// Runs the answers `+` (passes) and `-` (fails), one an attempt, the last one again and again. Says how often
    /// an attempt with another after it failed, too.
    async fn run(how: Repeat, budget: Duration, answers: &str) -> (Finished, u32) {
        let mut tries = Attempts::new(how, Deadline::after(budget, BudgetScope::Check));
        let mut failed = 0;
        for (number, answer) in (1..).zip(answers.chars().chain(answers.chars().last().into_iter().cycle())) {
            let result = if answer == '+' { Ok(()) } else { Err(no(number)) };
            match tries.after(result).await {
                Next::Again(failure) => failed += u32::from(failure.is_some()),
                Next::Done(tried) => return (tried, failed),
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
        let (flaky, failed) = run(retry(3), budget, "--+").await;
        assert!(flaky.result.is_ok());
        assert_eq!((flaky.attempts, failed), (3, 2));

        let (red, _) = run(retry(3), budget, "-").await;
        assert_eq!(red.result, Err(no(3)));
        assert_eq!(run(Repeat::Once, budget, "-").await.0.attempts, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_must_hold_in_a_row() {
        let (held, _) = run(poll(3), Duration::from_mins(1), "++-+++").await;
        assert!(held.result.is_ok());
        assert_eq!(held.attempts, 6);
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_ends_with_the_budget_and_says_what_came_last() {
        let (ended, _) = run(poll(1), Duration::from_millis(2_500), "-").await;
        let Err(failure) = ended.result else { panic!("it cannot pass") };
        assert_eq!(failure.verdict(), Verdict::Failed);
        assert_eq!(ended.attempts, 3);
        assert_eq!(
            failure.to_string(),
            "expected it x, got 3; no pass within 2.5s (check budget), while waiting for the next attempt (wait)"
        );
    }
}
