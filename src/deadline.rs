//! Deadlines: all arithmetic on time, in one place.
//!
//! Budgets nest: suite ⊇ check ⊇ step. A [`Deadline`] knows the instant it ends *and* whose budget set that instant, so
//! that a cut can report it. Only this file waits on the clock.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// One year: longer than any run, and still representable by the timer. No parsed duration is longer, so sums and
/// multiples stay far below the limit of `Duration`.
pub const LONGEST: Duration = Duration::from_hours(8760);

/// Whose budget a deadline comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BudgetScope {
    Suite,
    Check,
    Step,
    /// The suite's `grace`: additional time for cleanup steps and for stopping what was started.
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

/// A budget that ended: its scope and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    pub scope: BudgetScope,
    pub budget: Duration,
}

/// The instant by which something must end, and whose budget sets it.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    budget: Duration,
    scope: BudgetScope,
}

impl Deadline {
    /// Returns a deadline `budget` from now.
    pub fn after(budget: Duration, scope: BudgetScope) -> Deadline {
        let now = Instant::now();
        Deadline { at: now + budget.min(LONGEST), budget, scope }
    }

    /// Returns the earlier of this deadline and one `budget` from now. On a tie the outer deadline wins, because it
    /// also ends everything around this one.
    pub fn tighten(self, budget: Duration, scope: BudgetScope) -> Deadline {
        let inner = Deadline::after(budget, scope);
        if inner.at < self.at { inner } else { self }
    }

    /// Returns the remaining time, zero once the deadline has passed.
    pub fn remaining(&self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    pub fn has_passed(&self) -> bool {
        self.remaining().is_zero()
    }

    pub fn scope(&self) -> BudgetScope {
        self.scope
    }

    /// Returns the cut to report when this deadline ends something.
    pub fn cut(&self) -> Cut {
        Cut { scope: self.scope, budget: self.budget }
    }

    /// Runs `future` until it completes or the deadline passes.
    ///
    /// # Errors
    /// Returns the [`Cut`] if the deadline passed first. `future` is dropped then.
    pub async fn bound<F: Future>(&self, future: F) -> Result<F::Output, Cut> {
        let mut future = pin!(future);
        let mut timer = pin!(sleep_until(self.at));
        poll_fn(|poller| {
            if let Poll::Ready(output) = future.as_mut().poll(poller) {
                return Poll::Ready(Ok(output));
            }
            // Checks the clock as well as the timer. If two nested bounds end at the same instant, the outer timer may
            // fire first, but the inner bound, which knows more, must still notice that its time is up. And a future
            // that is always ready must not starve the timer.
            if timer.as_mut().poll(poller).is_ready() || Instant::now() >= self.at {
                Poll::Ready(Err(self.cut()))
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Waits for `pause`, or until the deadline if that comes first.
    ///
    /// # Errors
    /// Returns the [`Cut`] if the deadline passed first.
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
