//! The run before the deploy, and what a check's outcome is beside the one that it had then.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{CheckInfo, CheckReport, RunInfo};
use crate::outcome::{Excuse, Outcome, SkipReason};

/// The run before the deploy: what was red then is not this deploy's doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Baseline {
    /// The file that it was read from.
    pub file: String,
    pub suite: String,
    pub environment: Option<String>,
    /// When it began, as RFC 3339.
    pub started: String,
    /// Its exit code.
    pub exit_code: u8,
    /// What its checks came to, by name.
    pub checks: BTreeMap<String, Before>,
}

impl Baseline {
    /// What the check of this name came to in this environment.
    pub fn of(&self, environment: Option<&str>, name: &str) -> Option<Before> {
        let is_comparable = self.environment.as_deref() == environment;
        self.checks.get(name).copied().filter(|_| is_comparable)
    }
}

/// What a check came to in the run before the deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// It took so long.
    Passed(Duration),
    Red,
    /// It was skipped, or cut before it had a result.
    Unknown,
}

/// A check that did not pass, beside the run before the deploy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It was red then, too.
    Known,
    /// It was not.
    New,
}

/// A check is slower if it takes more than so many times as long as before, and so much more.
const SLOWER_TIMES: u32 = 3;
const SLOWER_BY: Duration = Duration::from_millis(100);

impl CheckInfo {
    /// Why it would not be this deploy's doing if it were red. A gate is never excused.
    pub fn excuse(&self) -> Option<Excuse> {
        match self.before {
            _ if self.gate => None,
            Some(Before::Red) => Some(Excuse::Known),
            Some(Before::Passed(_) | Before::Unknown) | None => self.dependency.then_some(Excuse::Dependency),
        }
    }
}

impl RunInfo {
    /// Why a check that is red, or was skipped because of one, is not this deploy's doing.
    pub fn excuse(&self, report: &CheckReport) -> Option<Excuse> {
        match &report.outcome {
            Outcome::Failed(_) | Outcome::Warned(_) => self.checks[report.check].excuse(),
            Outcome::Skipped(SkipReason::Need { excuse, .. }) => {
                excuse.filter(|_| !self.checks[report.check].gate)
            }
            Outcome::Passed | Outcome::Undecided(_) | Outcome::Skipped(_) => None,
        }
    }

    /// A check that did not pass, beside the run before the deploy; `None` if there is none.
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

    /// How long a check took before the deploy that is a good deal slower now.
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
