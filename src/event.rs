//! All that reporters may know: what a run is about, and what happens in it, told in order.

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

/// What a run is about. The same from its first event to its last.
#[derive(Debug, Clone)]
pub struct RunInfo {
    pub suite: String,
    pub environment: Option<String>,
    pub budget: Duration,
    pub started: jiff::Timestamp,
    /// Every selected check, in the suite's order. Events name a check by its index here.
    pub checks: Vec<CheckInfo>,
    /// The suite's files: every [`Place`] in a report is one of theirs.
    pub sources: Sources,
    /// What somebody wants to find in every report, such as the commit.
    pub labels: Vec<(String, String)>,
    /// The run before the deploy.
    pub baseline: Option<Arc<Baseline>>,
}

impl RunInfo {
    /// Where the suite says what a failure of the check did not meet, or of its `step` if it is one's: the
    /// expectation, or else what was asked.
    pub fn location_of(&self, check: usize, step: Option<&StepName>, failure: &Failure) -> Location {
        let info = &self.checks[check];
        let place = failure.place().or(step.map(|step| step.place)).or(info.target);
        place.map_or_else(|| info.location.clone(), |place| self.sources.location(place))
    }
}

/// One selected check.
#[derive(Debug, Clone)]
pub struct CheckInfo {
    pub name: Arc<str>,
    pub kind: &'static str,
    pub tags: Vec<String>,
    /// Where its table begins.
    pub location: Location,
    /// Where it says what it asks or starts: the place of a failure that has none of its own.
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

/// Something happened.
#[derive(Debug, Clone)]
pub enum Event {
    RunStarted,
    CheckStarted {
        check: usize,
    },
    /// An attempt failed, and there is another. Of many that failed alike, only some are told.
    AttemptFailed {
        check: usize,
        /// The step it was an attempt at, where it was not one at the whole check.
        step: Option<StepName>,
        attempt: u32,
        failed: FailedAttempts,
    },
    StepFinished {
        check: usize,
        report: Box<StepReport>,
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

/// What a check and a step have in common: how they came to their outcome.
#[derive(Debug, Clone, Default)]
pub struct Trail {
    /// From its start to its verdict; for a boot that stayed, until it was ready. Zero if it never started.
    pub took: Duration,
    pub attempts: u32,
    /// What its attempts saw, if it is repeated until it passes. Then one that fails is nothing unexpected.
    pub poll: Option<Redacted<PollTrail>>,
    /// What the attempts before the last came to.
    pub failed_attempts: Vec<FailedAttempts>,
    /// How many more there were, which came to something else again.
    pub other_failed_attempts: u32,
    /// Where the last attempt's time went.
    pub phases: Vec<(Phase, Duration)>,
    /// The address that was talked to, or the file that was opened.
    pub address: Option<Redacted<Message>>,
    /// The addresses that could not be asked from here, which is no failure, with the reason.
    pub unreachable: Vec<Redacted<Message>>,
    /// What was found that people should know, whatever the verdict.
    pub warnings: Vec<Redacted<Message>>,
    /// What the server of the last attempt showed, over TLS.
    pub certificate: Option<Redacted<Certificate>>,
    /// A command that shows the failure again by hand; of a journey, that of the step which failed.
    pub reproduce: Option<Redacted<Message>>,
    /// What was promised, and what came of each promise, where the check is about promises.
    pub promises: Option<Redacted<Promises>>,
    /// What everyone should know of it, also where it passes.
    pub notes: Vec<Redacted<Message>>,
    /// What booted processes said while a check ran that did not pass.
    pub said: Vec<Redacted<Said>>,
    /// That what it started still runs, and how to stop it: after a red run with `--keep-running`.
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
    /// The check that started it.
    pub by: Arc<str>,
    pub log: Log,
}

impl Redact for Said {
    fn map_messages(self, clean: &dyn Fn(Message) -> Message) -> Self {
        Said { by: self.by, log: self.log.map_messages(clean) }
    }
}

impl Trail {
    /// The poll, if it passed after it had passed and failed: two versions answer.
    pub fn flapped(&self) -> Option<&PollTrail> {
        self.poll.as_deref().filter(|poll| poll.flaps > 0)
    }
}

/// What a check came to.
#[derive(Debug, Clone)]
pub struct CheckReport {
    pub check: usize,
    pub outcome: Outcome,
    pub trail: Trail,
    /// Was it a boot that had become ready? Its gate had opened then, whatever came later.
    pub was_ready: bool,
    /// The check's own.
    pub budget: Duration,
    pub steps: Vec<StepReport>,
}

impl CheckReport {
    /// The report of a check without steps that came to `outcome`.
    pub fn new(check: usize, outcome: Outcome, trail: Trail) -> CheckReport {
        let (was_ready, budget, steps) = (false, Duration::ZERO, Vec::new());
        CheckReport { check, outcome, trail, was_ready, budget, steps }
    }

    /// Did it pass, though it or a step did not at once, and should have?
    pub fn is_flaky(&self) -> bool {
        let needed_another =
            !self.trail.failed_attempts.is_empty() || self.steps.iter().any(StepReport::is_flaky);
        self.has_passed() && self.trail.poll.is_none() && needed_another
    }

    /// Did it, or a step of it, pass after it had passed and failed? A deploy changes an answer once.
    pub fn has_flapped(&self) -> bool {
        self.trail.flapped().is_some() || self.steps.iter().any(StepReport::has_flapped)
    }

    /// Did it pass with little of its budget left? The next time it may not.
    pub fn is_slow(&self) -> bool {
        self.has_passed() && self.trail.took.saturating_mul(4) >= self.budget.saturating_mul(3)
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
    /// Where it says what it asks.
    pub place: Place,
}

/// What a step of a journey came to.
#[derive(Debug, Clone)]
pub struct StepReport {
    pub step: StepName,
    /// Is it one of those that run however the journey ended?
    pub is_cleanup: bool,
    /// Why it did not pass, if it did not.
    pub failure: Option<Redacted<Failure>>,
    pub trail: Trail,
}

impl StepReport {
    /// Did it pass, though not at once, and though it should have? Cleanup is no part of the verdict.
    pub fn is_flaky(&self) -> bool {
        let Trail { poll, failed_attempts, .. } = &self.trail;
        self.failure.is_none() && !self.is_cleanup && poll.is_none() && !failed_attempts.is_empty()
    }

    /// Did it pass after it had passed and failed?
    pub fn has_flapped(&self) -> bool {
        !self.is_cleanup && self.trail.flapped().is_some()
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
