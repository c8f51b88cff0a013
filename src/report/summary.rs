//! The summary of a run, root cause first.

use crate::event::{CheckReport, RunInfo, RunReport, Status};
use crate::exit::Exit;
use crate::language::source::Location;
use crate::outcome::{Failure, NeedFailed, Outcome, SkipReason, Started};

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
}

impl Counts {
    pub fn of(report: &RunReport) -> Counts {
        let mut counts = Counts::default();
        for check in &report.checks {
            match check.status() {
                // A check may be both flaky and slow.
                Status::Passed | Status::Flaky | Status::Flapped | Status::Slow => {
                    counts.passed += 1;
                    counts.flaky += usize::from(check.is_flaky());
                    counts.flapped += usize::from(check.has_flapped());
                    counts.slow += usize::from(check.is_slow());
                }
                Status::Warned => counts.warned += 1,
                Status::Failed => counts.failed += 1,
                Status::Errored => counts.errored += 1,
                Status::Undecided => counts.undecided += 1,
                Status::Skipped => counts.skipped += 1,
            }
        }
        counts
    }

    /// Returns `1 failed, 2 skipped, 8 passed (1 flaky, 1 slow)`.
    pub fn describe(&self) -> String {
        let parts = [
            (self.failed + self.errored, "failed"),
            (self.undecided, "without a result"),
            (self.warned, "warned"),
            (self.skipped, "skipped"),
            (self.passed, "passed"),
        ];
        let mut shown: Vec<String> = parts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        let remarks: Vec<String> = [(self.flaky, "flaky"), (self.flapped, "flapped"), (self.slow, "slow")]
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{count} {what}"))
            .collect();
        if let Some(last) = shown.last_mut().filter(|_| !remarks.is_empty()) {
            last.push_str(&format!(" ({})", remarks.join(", ")));
        }
        if shown.is_empty() { "no check was selected".to_owned() } else { shown.join(", ") }
    }
}

/// Whether a check failed by itself.
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
    /// How many of the skipped checks had started.
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

/// Returns every check that failed by itself: gates first, because everything depends on them, then by how fundamental
/// the failure is, then by the number of skipped checks, then in the suite's order.
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
            Cause { check, failure, skipped: names, cut }
        })
        .collect();
    causes.sort_by_key(|cause| {
        let gate = run.checks[cause.check.check].gate;
        (!gate, height(cause.failure), std::cmp::Reverse(cause.skipped.len()), cause.check.check)
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
        Failure::Mismatch { .. } => 3,
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
