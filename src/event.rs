//! The data that reporters receive: the description of a run, and its events in order.

mod before;
mod poll;
mod status;

use std::sync::Arc;
use std::time::Duration;

pub use self::before::{Baseline, Before, Standing};
pub use self::poll::{PollTrail, Row, Seen};
pub use self::status::Status;
use crate::exit::Exit;
use crate::language::severity::Severity;
use crate::language::source::{Location, Place, Sources};
use crate::outcome::{Certificate, Failure, Log, Outcome, Phase, Promises, Signal, Trace};
use crate::secret::{Message, Redact, Redacted};

/// The description of a run. It does not change between the first event and the last.
#[derive(Debug, Clone)]
pub struct RunInfo {
    pub suite: String,
    pub environment: Option<String>,
    pub budget: Duration,
    pub started: jiff::Timestamp,
    /// Every selected check, in the suite's order. Events refer to a check by its index here.
    pub checks: Vec<CheckInfo>,
    /// The suite's files. Every [`Place`] in a report refers to one of them.
    pub sources: Sources,
    /// What somebody wants to find in every report, such as the commit.
    pub labels: Vec<(String, String)>,
    /// The run before the deploy.
    pub baseline: Option<Arc<Baseline>>,
}

impl RunInfo {
    /// Returns where the suite states what a failure of the check, or of its `step`, did not meet: the expectation, or
    /// otherwise the request.
    pub fn location_of(&self, check: usize, step: Option<&StepName>, failure: &Failure) -> Location {
        let info = &self.checks[check];
        let place = failure.place().or(step.map(|step| step.place)).or(info.target);
        place.map_or_else(|| info.location.clone(), |place| self.sources.location(place))
    }
}

/// A selected check.
#[derive(Debug, Clone)]
pub struct CheckInfo {
    pub name: Arc<str>,
    pub kind: &'static str,
    pub tags: Vec<String>,
    /// The head of its table.
    pub location: Location,
    /// Where the suite states its request or command. Used for failures without a place of their own.
    pub target: Option<Place>,
    pub gate: bool,
    pub severity: Severity,
    /// Is it about something that a deploy does not change?
    pub dependency: bool,
    /// What it came to in the run before the deploy, if that is known.
    pub before: Option<Before>,
    /// Something everyone who reads its line should know.
    pub remark: Option<&'static str>,
}

/// An event of a run.
#[derive(Debug, Clone)]
pub enum Event {
    RunStarted,
    CheckStarted {
        check: usize,
    },
    /// An attempt failed, and there is another. Of many that failed alike, only some are reported.
    AttemptFailed {
        check: usize,
        /// The step that was attempted, unless it was the whole check.
        step: Option<StepName>,
        attempt: u32,
        failed: FailedAttempts,
    },
    StepFinished {
        check: usize,
        report: Box<StepReport>,
    },
    /// Wire traffic, with `--trace`.
    Traced {
        check: usize,
        trace: Redacted<Trace>,
    },
    /// A booted process is ready and keeps running. Its check finishes with the run.
    CheckReady {
        check: usize,
        took: Duration,
    },
    CheckFinished(Arc<CheckReport>),
    RunCancelled(CancelReason),
    RunFinished(RunReport),
}

/// Why a run ends before all of its checks have.
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

/// How a check or a step came to its outcome.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    /// The time from start to verdict. For a boot that kept running, until it was ready. Zero if it never started.
    pub took: Duration,
    pub attempts: u32,
    /// What the attempts got, if the check polls. A failed attempt is expected then.
    pub poll: Option<Redacted<PollTrail>>,
    /// What the attempts before the last came to.
    pub failed_attempts: Vec<FailedAttempts>,
    /// How many more there were, which came to something else again.
    pub other_failed_attempts: u32,
    /// Where the last attempt's time went.
    pub phases: Vec<(Phase, Duration)>,
    /// The address that was contacted, or the file that was opened.
    pub address: Option<Redacted<Message>>,
    /// Addresses that cannot be reached from this machine, with the reason. They do not fail the check.
    pub unreachable: Vec<Redacted<Message>>,
    /// What was found that people should know, whatever the verdict.
    pub warnings: Vec<Redacted<Message>>,
    /// What the server of the last attempt showed, over TLS.
    pub certificate: Option<Redacted<Certificate>>,
    /// A command that reproduces the failure. For a journey, the command of the failed step.
    pub reproduce: Option<Redacted<Message>>,
    /// What was promised, and what came of each promise, where the check is about promises.
    pub promises: Option<Redacted<Promises>>,
    /// What everyone should know of it, also where it passes.
    pub notes: Vec<Redacted<Message>>,
    /// What booted processes said while a check ran that did not pass.
    pub said: Vec<Redacted<Said>>,
    /// What is still running, and how to stop it, after a failed run with `--keep-running`.
    pub left_running: Option<Redacted<Message>>,
}

/// An attempt that failed, and those later ones that failed alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedAttempts {
    /// The number of the first, counted from 1.
    pub attempt: u32,
    /// How many there were.
    pub times: u32,
    pub failure: Redacted<Failure>,
}

/// What a booted process said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The check that started the process.
    pub by: Arc<str>,
    pub log: Log,
}

impl Redact for Said {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        Said { by: self.by, log: self.log.map_messages(clean) }
    }
}

impl Trail {
    /// Returns the poll if it passed, failed and passed again, which means that two versions respond.
    pub fn flapped(&self) -> Option<&PollTrail> {
        self.poll.as_deref().filter(|poll| poll.flaps > 0)
    }
}

/// The result of a check.
#[derive(Debug, Clone)]
pub struct CheckReport {
    pub check: usize,
    pub outcome: Outcome,
    pub trail: Trail,
    /// Whether a boot had become ready. Its gate opened then, whatever happened later.
    pub was_ready: bool,
    /// The check's own budget.
    pub budget: Duration,
    pub steps: Vec<StepReport>,
}

impl CheckReport {
    /// Creates the report of a check without steps.
    pub fn new(check: usize, outcome: Outcome, trail: Trail) -> CheckReport {
        let (was_ready, budget, steps) = (false, Duration::ZERO, Vec::new());
        CheckReport { check, outcome, trail, was_ready, budget, steps }
    }

    /// Whether the check passed, but it or one of its steps needed more attempts than it should.
    pub fn is_flaky(&self) -> bool {
        let needed_another =
            !self.trail.failed_attempts.is_empty() || self.steps.iter().any(StepReport::is_flaky);
        self.has_passed() && self.trail.poll.is_none() && needed_another
    }

    /// Whether the check or one of its steps passed, failed and passed again. A deploy changes an answer only once.
    pub fn has_flapped(&self) -> bool {
        self.trail.flapped().is_some() || self.steps.iter().any(StepReport::has_flapped)
    }

    /// Whether the check passed with little of its budget left, so it may fail the next time.
    pub fn is_slow(&self) -> bool {
        self.has_passed() && self.trail.took.saturating_mul(4) >= self.budget.saturating_mul(3)
    }

    fn has_passed(&self) -> bool {
        matches!(self.outcome, Outcome::Passed)
    }
}

/// A step of a journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepName {
    /// Counted from 1. Cleanup steps continue the count.
    pub number: usize,
    pub name: String,
    /// Where the suite states its request.
    pub place: Place,
}

/// The result of a step.
#[derive(Debug, Clone)]
pub struct StepReport {
    pub step: StepName,
    /// Whether the step runs regardless of how the journey ended.
    pub is_cleanup: bool,
    /// The failure, if the step did not pass.
    pub failure: Option<Redacted<Failure>>,
    pub trail: Trail,
}

impl StepReport {
    /// Whether the step needed more attempts than it should to pass. Cleanup steps do not affect the verdict.
    pub fn is_flaky(&self) -> bool {
        let Trail { poll, failed_attempts, .. } = &self.trail;
        self.failure.is_none() && !self.is_cleanup && poll.is_none() && !failed_attempts.is_empty()
    }

    /// Whether the step passed, failed and passed again.
    pub fn has_flapped(&self) -> bool {
        !self.is_cleanup && self.trail.flapped().is_some()
    }
}

/// The result of a run.
#[derive(Debug, Clone)]
pub struct RunReport {
    pub took: Duration,
    pub exit: Exit,
    pub cancelled: Option<CancelReason>,
    /// One report for each check of [`RunInfo::checks`], in the same order.
    pub checks: Vec<Arc<CheckReport>>,
}
