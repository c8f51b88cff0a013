//! The run before the deploy, and each check's outcome compared with that run.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{CheckInfo, CheckReport, RunInfo};
use crate::outcome::{Excuse, Outcome, SkipReason};

/// The run before the deploy: a check that was red then is not the fault of this deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// The file that the baseline was read from.
    pub file: String,
    pub suite: String,
    pub environment: Option<String>,
    /// The start time, in RFC 3339.
    pub started: String,
    /// The exit code of the run.
    pub exit_code: u8,
    /// The results of its checks, by name.
    pub checks: BTreeMap<String, Before>,
}

impl Baseline {
    /// Returns the result of the check with this name, if the run was in the same environment.
    pub fn of(&self, environment: Option<&str>, name: &str) -> Option<Before> {
        let is_comparable = self.environment.as_deref() == environment;
        self.checks.get(name).copied().filter(|_| is_comparable)
    }
}

/// The result of a check in the run before the deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// Passed, after this time.
    Passed(Duration),
    Red,
    /// Skipped, or cut off before it had a result.
    Unknown,
}

/// How a check that failed or warned compares with the run before the deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The check was red before, too.
    Known,
    /// The check was not red before, or the baseline has no result of it.
    New,
}

/// A check is slower if it takes more than this many times as long as before, and longer by more than this duration.
const SLOWER_TIMES: u32 = 3;
const SLOWER_BY: Duration = Duration::from_millis(100);

impl CheckInfo {
    /// Returns why a failure of the check would not be the fault of this deploy. A gate is never excused.
    pub fn excuse(&self) -> Option<Excuse> {
        match self.before {
            _ if self.gate => None,
            Some(Before::Red) => Some(Excuse::Known),
            Some(Before::Passed(_) | Before::Unknown) | None => self.dependency.then_some(Excuse::Dependency),
        }
    }
}

impl RunInfo {
    /// Returns why a check that is red, or was skipped because of a red one, is not the fault of this deploy.
    pub fn excuse(&self, report: &CheckReport) -> Option<Excuse> {
        match &report.outcome {
            Outcome::Failed(_) | Outcome::Warned(_) => self.checks[report.check].excuse(),
            Outcome::Skipped(SkipReason::Need { excuse, .. }) => {
                excuse.filter(|_| !self.checks[report.check].gate)
            }
            Outcome::Passed | Outcome::Undecided(_) | Outcome::Skipped(_) => None,
        }
    }

    /// Compares a check that failed or warned with the run before the deploy. Returns `None` without a baseline, and
    /// for any other outcome.
    pub fn standing(&self, report: &CheckReport) -> Option<Standing> {
        self.baseline.as_ref()?;
        match &report.outcome {
            Outcome::Failed(_) | Outcome::Warned(_) => match self.checks[report.check].before {
                Some(Before::Red) => Some(Standing::Known),
                Some(Before::Passed(_) | Before::Unknown) | None => Some(Standing::New),
            },
            Outcome::Passed | Outcome::Undecided(_) | Outcome::Skipped(_) => None,
        }
    }

    /// Returns how long a check took before the deploy if it is considerably slower now.
    pub fn slower_than(&self, report: &CheckReport) -> Option<Duration> {
        let (Outcome::Passed, Some(Before::Passed(before))) =
            (&report.outcome, self.checks[report.check].before)
        else {
            return None;
        };
        let limit = before.saturating_mul(SLOWER_TIMES).max(before.saturating_add(SLOWER_BY));
        (report.trail.took > limit).then_some(before)
    }
}
