//! All that reporters may know: what a run is about, and what happens in it, told in order.

use std::sync::Arc;
use std::time::Duration;

use crate::exit::Exit;
use crate::language::severity::Severity;
use crate::language::source::Location;
use crate::outcome::{Certificate, Failure, Outcome, Phase, Signal, Trace};
use crate::secret::{Message, Redacted};

/// What a run is about. The same from its first event to its last.
#[derive(Debug, Clone)]
pub struct RunInfo {
    pub suite: String,
    pub environment: Option<String>,
    pub budget: Duration,
    pub started: jiff::Timestamp,
    /// Every selected check, in the suite's order. Events name a check by its index here.
    pub checks: Vec<CheckInfo>,
}

/// One selected check.
#[derive(Debug, Clone)]
pub struct CheckInfo {
    pub name: Arc<str>,
    pub kind: &'static str,
    pub tags: Vec<String>,
    pub location: Location,
    pub gate: bool,
    pub severity: Severity,
    /// Something everyone who reads its line should know.
    pub remark: Option<&'static str>,
}

/// Something happened.
#[derive(Debug, Clone)]
pub enum Event {
    RunStarted,
    CheckStarted {
        check: usize,
    },
    /// An attempt failed, and there is another.
    AttemptFailed {
        check: usize,
        /// The step it was an attempt at, where it was not one at the whole check.
        step: Option<StepName>,
        attempt: u32,
        failure: Redacted<Failure>,
    },
    StepFinished {
        check: usize,
        report: StepReport,
    },
    /// Something went over the wire, with `--trace`.
    Traced {
        check: usize,
        trace: Redacted<Trace>,
    },
    /// A booted process is ready, and stays; its check ends with the run.
    CheckReady {
        check: usize,
        took: Duration,
    },
    CheckFinished(Arc<CheckReport>),
    RunCancelled(CancelReason),
    RunFinished(RunReport),
}

/// Why a run ends before all its checks have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancelReason {
    /// A critical check failed.
    FailFast {
        failed: Arc<str>,
    },
    /// The suite's budget ended.
    Budget(Duration),
    Signal(Signal),
}

/// What a check came to.
#[derive(Debug, Clone)]
pub struct CheckReport {
    pub check: usize,
    pub outcome: Outcome,
    /// From its start to its verdict; for a boot, until it was ready. Zero if it never started.
    pub took: Duration,
    /// Was it a boot that had become ready? Its gate had opened then, whatever came later.
    pub was_ready: bool,
    pub attempts: u32,
    /// Is it repeated until it passes? Then an attempt that fails is nothing unexpected.
    pub polls: bool,
    /// The check's own; zero if it never started.
    pub budget: Duration,
    /// What the attempts before the last came to.
    pub failed_attempts: Vec<Redacted<Failure>>,
    /// Where the last attempt's time went.
    pub phases: Vec<(Phase, Duration)>,
    /// The address that was talked to, or the file that was opened.
    pub address: Option<Redacted<Message>>,
    /// What the server of the last attempt showed, over TLS.
    pub certificate: Option<Redacted<Certificate>>,
    /// A command that shows the failure again by hand; of a journey, that of the step which failed.
    pub reproduce: Option<Redacted<Message>>,
    pub steps: Vec<StepReport>,
}

impl CheckReport {
    /// Did it pass, though it or a step did not at once, and should have?
    pub fn is_flaky(&self) -> bool {
        let needed_another = !self.failed_attempts.is_empty() || self.steps.iter().any(StepReport::is_flaky);
        self.has_passed() && !self.polls && needed_another
    }

    /// Did it pass with little of its budget left? The next time it may not.
    pub fn is_slow(&self) -> bool {
        self.has_passed() && self.took.saturating_mul(4) >= self.budget.saturating_mul(3)
    }

    fn has_passed(&self) -> bool {
        matches!(self.outcome, Outcome::Passed)
    }
}

/// Which step of a journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepName {
    /// Counted from 1; cleanup steps go on after the steps.
    pub number: usize,
    pub name: String,
}

/// What a step of a journey came to.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// Counted from 1; cleanup steps go on after the steps.
    pub number: usize,
    pub name: String,
    /// Is it one of those that run however the journey ended?
    pub is_cleanup: bool,
    /// Why it did not pass, if it did not.
    pub failure: Option<Redacted<Failure>>,
    pub attempts: u32,
    /// Is it repeated until it passes?
    pub polls: bool,
    /// What the attempts before the last came to.
    pub failed_attempts: Vec<Redacted<Failure>>,
    pub took: Duration,
    /// Where the last attempt's time went.
    pub phases: Vec<(Phase, Duration)>,
    /// The address that was talked to, or the file that was opened.
    pub address: Option<Redacted<Message>>,
    pub certificate: Option<Redacted<Certificate>>,
    /// A command that shows the failure again by hand, if it failed.
    pub reproduce: Option<Redacted<Message>>,
}

impl StepReport {
    /// Did it pass, though not at once, and though it should have? Cleanup is no part of the verdict.
    pub fn is_flaky(&self) -> bool {
        self.failure.is_none() && !self.is_cleanup && !self.polls && !self.failed_attempts.is_empty()
    }
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct RunReport {
    pub took: Duration,
    pub exit: Exit,
    pub cancelled: Option<CancelReason>,
    /// One for each check of [`RunInfo::checks`], in its order.
    pub checks: Vec<Arc<CheckReport>>,
}
