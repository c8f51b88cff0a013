//! Deadlines: all arithmetic on time, in one place.
//!
//! Budgets nest: suite ⊇ check ⊇ step. A [`Deadline`] knows the instant it ends *and* whose budget set
//! that instant, so that a cut can say so. Only this file waits on the clock.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// A year: longer than any run lasts, and still an instant that the timer can represent. No duration that is read is
/// longer, so that sums and multiples of them are far from what a `Duration` can hold.
pub const LONGEST: Duration = Duration::from_hours(8760);

/// Whose budget a deadline comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetScope {
    Suite,
    Check,
    Step,
    /// The suite's `grace`: on top of its budget, for cleanup steps and for stopping what was started.
    Grace,
}

impl fmt::Display for BudgetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BudgetScope::Suite => "suite",
            BudgetScope::Check => "check",
            BudgetScope::Step => "step",
            BudgetScope::Grace => "grace",
        })
    }
}

/// A budget ended: which one, and how long it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub scope: BudgetScope,
    pub budget: Duration,
}

/// The instant by which something must have ended, and whose budget says so.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    budget: Duration,
    scope: BudgetScope,
}

impl Deadline {
    /// A deadline `budget` from now.
    pub fn after(budget: Duration, scope: BudgetScope) -> Deadline {
        let now = Instant::now();
        Deadline { at: now + budget.min(LONGEST), budget, scope }
    }

    /// The earlier of this deadline and one `budget` from now. The outer one wins a tie, because it is
    /// the one that ends more than this.
    pub fn tighten(self, budget: Duration, scope: BudgetScope) -> Deadline {
        let inner = Deadline::after(budget, scope);
        if inner.at < self.at { inner } else { self }
    }

    /// What is left, zero once it has passed.
    pub fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    pub fn has_passed(&self) -> bool {
        self.remaining().is_zero()
    }

    pub fn scope(&self) -> BudgetScope {
        self.scope
    }

    /// What is reported when this deadline cuts something.
    pub fn cut(&self) -> Cut {
        Cut { scope: self.scope, budget: self.budget }
    }

    /// Runs `future` until it ends or the deadline passes.
    ///
    /// # Errors
    /// The [`Cut`], if the deadline passed first; `future` is dropped then.
    pub async fn bound<F: Future>(&self, future: F) -> Result<F::Output, Cut> {
        let mut future = pin!(future);
        let mut timer = pin!(sleep_until(self.at));
        poll_fn(|poller| {
            if let Poll::Ready(output) = future.as_mut().poll(poller) {
                return Poll::Ready(Ok(output));
            }
            // The clock is asked as well as the timer. Where one bound is inside another of the same instant,
            // the outer timer may be told first; then the inner one, which knows more, must still see that its
            // time is up. And a future that always has something to do cannot keep the timer from being heard.
            if timer.as_mut().poll(poller).is_ready() || Instant::now() >= self.at {
                Poll::Ready(Err(self.cut()))
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Waits for `pause`, or for the deadline if that comes first.
    ///
    /// # Errors
    /// The [`Cut`], if the deadline passed first.
    pub async fn pause(&self, pause: Duration) -> Result<(), Cut> {
        let until = Instant::now() + pause.min(LONGEST);
        if until >= self.at {
            sleep_until(self.at).await;
            return Err(self.cut());
        }
        sleep_until(until).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_tighter_budget_cuts_and_is_named() {
        let suite = Deadline::after(Duration::from_secs(10), BudgetScope::Suite);
        let check = suite.tighten(Duration::from_secs(5), BudgetScope::Check);
        let step = check.tighten(Duration::from_secs(7), BudgetScope::Step);

        let cut = step.bound(std::future::pending::<()>()).await.unwrap_err();

        assert_eq!(cut.scope, BudgetScope::Check);
        assert_eq!(cut.budget, Duration::from_secs(5));
        assert_eq!(suite.remaining(), Duration::from_secs(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_with_the_deadline() {
        let deadline = Deadline::after(Duration::from_secs(1), BudgetScope::Check);
        assert!(deadline.pause(Duration::from_millis(400)).await.is_ok());
        assert!(deadline.pause(Duration::from_millis(700)).await.is_err());
        assert!(deadline.has_passed());
    }
}
