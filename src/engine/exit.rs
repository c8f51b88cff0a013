//! The exit code of a run.

use crate::event::{CancelReason, CheckInfo, CheckReport};
use crate::exit::Exit;
use crate::language::severity::Severity;
use crate::outcome::{Excuse, NeedFailed, Outcome, SkipReason};

/// The exit code of a run, from what its checks came to: 130/143, then 6, then 5, then 1, then 7, then 4. What smoke
/// lacks itself is 6 as well, unless something is red that may be the deploy's doing.
/// (That a report could not be written is 6 too, and known only later.)
pub fn of_run<'a>(
    checks: impl Iterator<Item = (&'a CheckInfo, &'a CheckReport)>,
    cancelled: Option<&CancelReason>,
) -> Exit {
    if let Some(CancelReason::Signal(signal)) = cancelled {
        return Exit::of_signal(*signal);
    }
    let checks: Vec<_> = checks.collect();
    let lacks_something = checks.iter().any(|(_, report)| has_lacked(report));
    // A check that needs an undecided one is undecided too. A failure shows in the check that it needs.
    let is_judged = |report: &CheckReport| {
        let is_skipped = matches!(&report.outcome, Outcome::Skipped(SkipReason::Need { .. }));
        !(has_lacked(report) || lacks_something && is_skipped)
    };
    let judged = checks.iter().filter(|(_, report)| is_judged(report));
    let worst =
        judged.fold(Exit::NothingSelected, |worst, (info, report)| worst.or_worse(of_check(info, report)));
    match worst {
        // A failed check counts, whatever smoke lacked elsewhere.
        Exit::Failed | Exit::GateClosed => worst,
        _ if lacks_something => worst.or_worse(Exit::CannotWork),
        _ => worst,
    }
}

/// Whether the check is undecided because smoke lacked a resource.
fn has_lacked(report: &CheckReport) -> bool {
    matches!(&report.outcome, Outcome::Undecided(failure) if failure.is_shortage())
}

fn of_check(info: &CheckInfo, report: &CheckReport) -> Exit {
    match &report.outcome {
        Outcome::Passed | Outcome::Warned(_) => Exit::Passed,
        Outcome::Failed(failure) if failure.is_internal() => Exit::CannotWork,
        Outcome::Failed(_) if info.gate && !report.was_ready => Exit::GateClosed,
        Outcome::Failed(_) => red(info.excuse()),
        Outcome::Undecided(_) if info.gate => Exit::GateClosed,
        Outcome::Undecided(_) => Exit::OutOfBudget,
        Outcome::Skipped(reason) => match (reason, info.severity) {
            // A check that did not run proves nothing. If no check ran, nothing was selected.
            (SkipReason::Asked(_) | SkipReason::ReadOnly(_), _) | (_, Severity::Warn) => {
                Exit::NothingSelected
            }
            (SkipReason::Budget(_), Severity::Critical) => Exit::OutOfBudget,
            (SkipReason::Need { why: NeedFailed::WasSkipped, .. }, Severity::Critical) => {
                Exit::NothingSelected
            }
            // A critical check that did not pass is not green, though what it needs was only a warning.
            // Nothing is known of what a gate guards, whatever kept it from running.
            (SkipReason::Need { why: NeedFailed::DidNotPass, excuse: Some(_), .. }, Severity::Critical)
                if info.gate =>
            {
                Exit::GateClosed
            }
            (SkipReason::Need { why: NeedFailed::DidNotPass, excuse, .. }, Severity::Critical) => {
                red(*excuse)
            }
            (SkipReason::FailFast { .. } | SkipReason::Signal { .. }, Severity::Critical) => Exit::Failed,
        },
    }
}

/// The exit code of what is red.
fn red(excuse: Option<Excuse>) -> Exit {
    match excuse {
        Some(Excuse::Known | Excuse::Dependency) => Exit::NotThisDeploy,
        None => Exit::Failed,
    }
}
