//! Exit codes: the same every time, each documented here and nowhere else.

use std::process::ExitCode;

use crate::event::{CancelReason, CheckInfo, CheckReport};
use crate::outcome::{NeedFailed, Outcome, Signal, SkipReason};
use crate::suite::keys::Severity;

/// How smoke ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    Passed,
    Failed,
    BadSuite,
    NothingSelected,
    OutOfBudget,
    GateClosed,
    CannotWork,
    Interrupted,
    Terminated,
}

impl Exit {
    /// Every exit code, in the order in which they are documented.
    pub const ALL: [Exit; 9] = [
        Exit::Passed,
        Exit::Failed,
        Exit::BadSuite,
        Exit::NothingSelected,
        Exit::OutOfBudget,
        Exit::GateClosed,
        Exit::CannotWork,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Exit::Passed => 0,
            Exit::Failed => 1,
            Exit::BadSuite => 2,
            Exit::NothingSelected => 3,
            Exit::OutOfBudget => 4,
            Exit::GateClosed => 5,
            Exit::CannotWork => 6,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    /// What it means, as `--help` says it.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Passed => "every critical check passed",
            Exit::Failed => "a critical check failed",
            Exit::BadSuite => "the command line or the suite is wrong; nothing was sent",
            Exit::NothingSelected => "no check was selected, or every one was skipped",
            Exit::OutOfBudget => {
                "the suite's budget ran out before every check had a result, and none had failed"
            }
            Exit::GateClosed => "a gate did not pass, so nothing behind it ran (`boot`, `gate = true`)",
            Exit::CannotWork => "a report could not be written, or an internal error",
            Exit::Interrupted => "interrupted by SIGINT; reports are still written",
            Exit::Terminated => "ended by SIGTERM or SIGHUP; reports are still written",
        }
    }

    /// The exit code of a run, from what its checks came to: 130/143, then 5, then 1, then 4.
    /// (6 goes before 5, and is known only when the reports have been written.)
    #[must_use]
    pub fn of_run<'a>(
        checks: impl Iterator<Item = (&'a CheckInfo, &'a CheckReport)>,
        cancelled: Option<&CancelReason>,
    ) -> Exit {
        if let Some(CancelReason::Signal(signal)) = cancelled {
            return Exit::of_signal(*signal);
        }
        let mut worst = Exit::NothingSelected;
        for (info, report) in checks {
            worst = worse(worst, Exit::of_check(info, report));
        }
        worst
    }

    #[must_use]
    pub fn of_signal(signal: Signal) -> Exit {
        match signal {
            Signal::Interrupt => Exit::Interrupted,
            Signal::Terminate | Signal::Hangup => Exit::Terminated,
        }
    }

    /// The one of the two that a pipeline must react to more.
    #[must_use]
    pub fn or_worse(self, other: Exit) -> Exit {
        worse(self, other)
    }

    /// The same where a report could not be written. Whoever ended the run by a signal knows best why.
    #[must_use]
    pub fn without_a_report(self) -> Exit {
        match self {
            Exit::Interrupted | Exit::Terminated => self,
            Exit::Passed
            | Exit::Failed
            | Exit::BadSuite
            | Exit::NothingSelected
            | Exit::OutOfBudget
            | Exit::GateClosed
            | Exit::CannotWork => Exit::CannotWork,
        }
    }

    fn of_check(info: &CheckInfo, report: &CheckReport) -> Exit {
        match &report.outcome {
            Outcome::Passed | Outcome::Warned(_) => Exit::Passed,
            Outcome::Failed(_) if info.gate && !report.was_ready => Exit::GateClosed,
            Outcome::Failed(_) => Exit::Failed,
            Outcome::Undecided(_) if info.gate => Exit::GateClosed,
            Outcome::Undecided(_) => Exit::OutOfBudget,
            Outcome::Skipped(reason) => match (reason, info.severity) {
                // What did not run says nothing: if that is all there is, nothing ran.
                (SkipReason::Asked(_), _) | (_, Severity::Warn) => Exit::NothingSelected,
                (SkipReason::Budget(_), Severity::Critical) => Exit::OutOfBudget,
                (SkipReason::Need { why: NeedFailed::WasSkipped, .. }, Severity::Critical) => {
                    Exit::NothingSelected
                }
                // A critical check that did not pass is not green, though what it needs was only a warning.
                (SkipReason::Need { why: NeedFailed::DidNotPass, .. }, Severity::Critical) => Exit::Failed,
                (SkipReason::FailFast { .. } | SkipReason::Signal { .. }, Severity::Critical) => Exit::Failed,
            },
        }
    }
}

fn worse(a: Exit, b: Exit) -> Exit {
    // From the least to the most that a pipeline must react to.
    let order = [
        Exit::NothingSelected,
        Exit::Passed,
        Exit::OutOfBudget,
        Exit::Failed,
        Exit::GateClosed,
        Exit::BadSuite,
        Exit::CannotWork,
        Exit::Terminated,
        Exit::Interrupted,
    ];
    let rank = |exit: Exit| order.iter().position(|known| *known == exit).unwrap_or_default();
    if rank(b) > rank(a) { b } else { a }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}
