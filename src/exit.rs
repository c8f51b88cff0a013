//! Exit codes. The help text, the manual and the documentation are generated from this file.

use std::process::ExitCode;

use crate::outcome::Signal;

/// The exit code of smoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exit {
    Passed,
    Failed,
    BadSuite,
    NothingSelected,
    OutOfBudget,
    GateClosed,
    CannotWork,
    NotThisDeploy,
    Interrupted,
    Terminated,
}

impl Exit {
    /// Every exit code, in the order in which they are documented.
    pub const ALL: [Exit; 10] = [
        Exit::Passed,
        Exit::Failed,
        Exit::BadSuite,
        Exit::NothingSelected,
        Exit::OutOfBudget,
        Exit::GateClosed,
        Exit::CannotWork,
        Exit::NotThisDeploy,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    pub fn code(self) -> u8 {
        match self {
            Exit::Passed => 0,
            Exit::Failed => 1,
            Exit::BadSuite => 2,
            Exit::NothingSelected => 3,
            Exit::OutOfBudget => 4,
            Exit::GateClosed => 5,
            Exit::CannotWork => 6,
            Exit::NotThisDeploy => 7,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    /// Returns its meaning for `--help`, the manual and the documentation.
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
            Exit::CannotWork => {
                "a report could not be written, a limit of this machine, or an internal error"
            }
            Exit::NotThisDeploy => {
                "red, but not by this deploy: only what was red in the baseline, or is a dependency"
            }
            Exit::Interrupted => "interrupted by SIGINT; reports are still written",
            Exit::Terminated => "ended by SIGTERM, SIGHUP or a like signal; reports are still written",
        }
    }

    pub fn of_signal(signal: Signal) -> Exit {
        match signal {
            Signal::Interrupt => Exit::Interrupted,
            Signal::Terminate | Signal::Hangup | Signal::Other(_) => Exit::Terminated,
        }
    }

    /// Returns the more severe of the two for a pipeline.
    pub fn or_worse(self, other: Exit) -> Exit {
        worse(self, other)
    }

    /// Returns the exit code if a report could not be written. A signal takes precedence.
    pub fn without_a_report(self) -> Exit {
        match self {
            Exit::Interrupted | Exit::Terminated => self,
            Exit::Passed
            | Exit::Failed
            | Exit::BadSuite
            | Exit::NothingSelected
            | Exit::OutOfBudget
            | Exit::GateClosed
            | Exit::NotThisDeploy
            | Exit::CannotWork => Exit::CannotWork,
        }
    }
}

fn worse(a: Exit, b: Exit) -> Exit {
    // From the least to the most severe.
    let order = [
        Exit::NothingSelected,
        Exit::Passed,
        Exit::OutOfBudget,
        Exit::NotThisDeploy,
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
