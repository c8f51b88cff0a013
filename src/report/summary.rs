//! The summary of a run, root cause first.

use std::sync::Arc;

use crate::event::{CheckReport, RunInfo, RunReport, Status};
use crate::exit::Exit;
use crate::language::source::Location;
use crate::outcome::{Excuse, Failure, NeedFailed, Outcome, Phase, SkipReason, Started};
use crate::secret::Redacted;

/// The number of checks per outcome.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub passed: usize,
    pub flaky: usize,
    pub flapped: usize,
    pub slow: usize,
    pub warned: usize,
    pub failed: usize,
    pub errored: usize,
    pub undecided: usize,
    pub skipped: usize,
    /// Some of the failed and errored: what is not this deploy's doing.
    pub known: usize,
    pub dependencies: usize,
    /// Some of the passed.
    pub slower: usize,
}

impl Counts {
    pub fn of(report: &RunReport, run: &RunInfo) -> Counts {
        let mut counts = Counts::default();
        for check in &report.checks {
            match check.status() {
                // A check may be both flaky and slow.
                Status::Passed | Status::Flaky | Status::Flapped | Status::Slow => {
                    counts.passed += 1;
                    counts.flaky += usize::from(check.is_flaky());
                    counts.flapped += usize::from(check.has_flapped());
                    counts.slow += usize::from(check.is_slow());
                    counts.slower += usize::from(run.slower_than(check).is_some());
                }
                Status::Warned => counts.warned += 1,
                Status::Failed => counts.failed += 1,
                Status::Errored => counts.errored += 1,
                Status::Undecided => counts.undecided += 1,
                Status::Skipped => counts.skipped += 1,
            }
            if matches!(check.outcome, Outcome::Failed(_)) {
                match run.excuse(check) {
                    Some(Excuse::Known) => counts.known += 1,
                    Some(Excuse::Dependency) => counts.dependencies += 1,
                    None => {}
                }
            }
        }
        counts
    }

    /// `2 failed (1 known), 2 skipped, 8 passed (1 flaky, 1 slow)`.
    pub fn describe(&self) -> String {
        let parts = [
            (self.failed + self.errored, "failed"),
            (self.undecided, "without a result"),
            (self.warned, "warned"),
            (self.skipped, "skipped"),
            (self.passed, "passed"),
        ];
        let excused = counted(&[
            (self.known, "known"),
            (self.dependencies, if self.dependencies == 1 { "dependency" } else { "dependencies" }),
        ]);
        let passed = counted(&[
            (self.flaky, "flaky"),
            (self.flapped, "flapped"),
            (self.slow, "slow"),
            (self.slower, "slower"),
        ]);
        let mut shown = counted(&parts);
        if let Some(first) = shown.first_mut().filter(|_| !excused.is_empty()) {
            first.push_str(&format!(" ({})", excused.join(", ")));
        }
        if let Some(last) = shown.last_mut().filter(|_| !passed.is_empty()) {
            last.push_str(&format!(" ({})", passed.join(", ")));
        }
        if shown.is_empty() { "no check was selected".to_owned() } else { shown.join(", ") }
    }
}

/// `1 flaky`, of each that there is.
fn counted(parts: &[(usize, &str)]) -> Vec<String> {
    let shown = parts.iter().filter(|(count, _)| *count > 0);
    shown.map(|(count, what)| format!("{count} {what}")).collect()
}

/// What is said first where nothing could be reached: whatever the app does, this run knows nothing of it.
pub(super) const NOTHING_REACHED: &str = "nothing could be reached from here: no check that was tried got a byte back; \
                                          look at the network, DNS and proxy of this machine, and at the addresses";

/// Did every check that was tried fail before a byte came? One that was cut while it ran has got none either.
pub(super) fn nothing_was_reached(report: &RunReport) -> bool {
    let has_failed = |check: &Arc<CheckReport>| match &check.outcome {
        Outcome::Failed(_) | Outcome::Warned(_) | Outcome::Undecided(_) => true,
        Outcome::Passed | Outcome::Skipped(_) => false,
    };
    report.checks.iter().any(has_failed) && report.checks.iter().all(|check| got_no_byte(check))
}

fn got_no_byte(check: &CheckReport) -> bool {
    let failure = match &check.outcome {
        Outcome::Passed => return false,
        Outcome::Failed(failure) | Outcome::Warned(failure) | Outcome::Undecided(failure) => Some(failure),
        Outcome::Skipped(_) => None,
    };
    // Whatever came before in a journey was an answer.
    let mut steps = check.steps.iter().filter(|step| !step.is_cleanup);
    let (first, second) = (steps.next(), steps.next());
    let trail = first.map_or(&check.trail, |step| &step.trail);
    let is_on_the_way = |(phase, _): &(Phase, _)| match phase {
        Phase::Prepare | Phase::Dns | Phase::Connect | Phase::Wait | Phase::Hold => true,
        // A request may be said to be on its way while nobody has taken its connection yet.
        Phase::FirstByte => failure.is_some(),
        Phase::Tls
        | Phase::Run
        | Phase::Body
        | Phase::Authenticate
        | Phase::Begin
        | Phase::Query
        | Phase::Lock
        | Phase::Judge
        | Phase::Ready => false,
    };
    let has_tried = |failure: &Redacted<Failure>| {
        let has_begun = trail.phases.iter().any(|(phase, _)| matches!(phase, Phase::Dns | Phase::Connect));
        has_begun && failure.came_before_a_byte()
    };
    let mut before = trail.failed_attempts.iter().chain(&check.trail.failed_attempts);
    // Where there is an address, somebody took the connection, or it is a file.
    second.is_none()
        && trail.address.is_none()
        && trail.phases.iter().all(is_on_the_way)
        && failure.is_none_or(has_tried)
        && before.all(|of| of.failure.came_before_a_byte())
}

/// Is a check red by itself?
pub(super) fn has_failed(report: &RunReport) -> bool {
    report.checks.iter().any(|check| matches!(check.outcome, Outcome::Failed(_)))
}

/// Returns the meaning of this run's exit code.
pub(super) fn meaning(report: &RunReport) -> &'static str {
    if report.exit == Exit::Failed && !has_failed(report) {
        "a critical check could not run, because of a warning"
    } else {
        report.exit.meaning()
    }
}

/// A check that failed by itself, with the checks that were skipped because of it.
pub(super) struct Cause<'r> {
    pub check: &'r CheckReport,
    pub failure: &'r Failure,
    pub skipped: Vec<&'r str>,
    /// Why it is not this deploy's doing.
    pub excuse: Option<Excuse>,
    /// How many of these had begun.
    cut: usize,
}

impl Cause<'_> {
    /// Describes what went wrong, most fundamental cause first: an error in the output of a booted process explains
    /// more than its response.
    pub fn message(&self) -> String {
        let said = self.check.trail.said.iter().find_map(|said| {
            let error = said.log.error()?;
            Some(format!("`{}` said: {error}; ", said.by))
        });
        said.unwrap_or_default() + &self.failure.to_string()
    }

    /// Returns where the suite states what was not met.
    pub fn location(&self, run: &RunInfo) -> Location {
        run.location_of(self.check.check, None, self.failure)
    }

    /// Returns `2 checks did not run and 1 was cut`.
    pub fn consequence(&self) -> String {
        let were_cut = |count| if count == 1 { "1 was cut".to_owned() } else { format!("{count} were cut") };
        let checks = |count| if count == 1 { "1 check".to_owned() } else { format!("{count} checks") };
        match (self.skipped.len() - self.cut, self.cut) {
            (not_run, 0) => format!("{} did not run", checks(not_run)),
            (0, 1) => "1 check was cut".to_owned(),
            (0, cut) => format!("{} were cut", checks(cut)),
            (not_run, cut) => format!("{} did not run and {}", checks(not_run), were_cut(cut)),
        }
    }
}

/// Every check that is red by itself: first what may be this deploy's doing, and of that the gates, because everything hangs on them, then what is nearest to the
/// ground, then those that most was skipped for, then in the suite's order.
pub(super) fn causes<'r>(run: &'r RunInfo, report: &'r RunReport) -> Vec<Cause<'r>> {
    let mut causes: Vec<Cause<'r>> = report
        .checks
        .iter()
        .filter_map(|check| match &check.outcome {
            Outcome::Failed(failure) | Outcome::Undecided(failure) => Some((check, &**failure)),
            Outcome::Warned(failure) => {
                skipped_by(check.check, run, report).first().map(|_| (check, &**failure))
            }
            Outcome::Passed | Outcome::Skipped(_) => None,
        })
        .map(|(check, failure)| {
            let skipped = skipped_by(check.check, run, report);
            let cut = skipped.iter().filter(|check| had_begun(check)).count();
            let names = skipped.iter().map(|check| &*run.checks[check.check].name).collect();
            Cause { check, failure, skipped: names, excuse: run.excuse(check), cut }
        })
        .collect();
    causes.sort_by_key(|cause| {
        let gate = run.checks[cause.check.check].gate;
        (
            cause.excuse.is_some(),
            !gate,
            height(cause.failure),
            std::cmp::Reverse(cause.skipped.len()),
            cause.check.check,
        )
    });
    causes
}

/// Ranks how fundamental a failure is: first a process that exited, then a server that cannot be reached or asked, then
/// one that does not respond in time, then an unexpected response.
fn height(failure: &Failure) -> u8 {
    match failure {
        Failure::Exited { .. } => 0,
        Failure::Fault { .. } => 1,
        Failure::TimedOut { last: Some(last), .. } => height(last),
        Failure::TimedOut { last: None, .. } => 2,
        Failure::Mismatch { .. } | Failure::Plugin { .. } => 3,
        Failure::Step { source, .. } => height(source),
    }
}

fn skipped_by<'r>(cause: usize, run: &RunInfo, report: &'r RunReport) -> Vec<&'r CheckReport> {
    let name = &*run.checks[cause].name;
    let because = |reason: &SkipReason| match reason {
        SkipReason::Need { root, why: NeedFailed::DidNotPass, .. } => root == name,
        SkipReason::FailFast { failed, .. } => failed == name,
        SkipReason::Need { why: NeedFailed::WasSkipped, .. }
        | SkipReason::Asked(_)
        | SkipReason::ReadOnly(_)
        | SkipReason::Budget(_)
        | SkipReason::Signal { .. } => false,
    };
    report
        .checks
        .iter()
        .filter(|check| matches!(&check.outcome, Outcome::Skipped(reason) if because(reason)))
        .map(|check| &**check)
        .collect()
}

fn had_begun(check: &CheckReport) -> bool {
    matches!(check.outcome, Outcome::Skipped(SkipReason::FailFast { started: Started::InFlight, .. }))
}
