//! Descriptions of attempts: which one passed, how the previous ones failed, and what a poll got.

use crate::event::{CheckReport, FailedAttempts, PollTrail, StepName, StepReport, Trail};
use crate::outcome::Failure;

/// A failed attempt that another one followed.
pub(super) struct FailedAttempt<'a> {
    /// `attempt 1`, or of a step `` step 2 `log in`, attempt 1 ``; `attempt 20 and 99 others` where they failed alike.
    pub which: String,
    pub step: Option<&'a StepName>,
    pub failure: &'a Failure,
}

/// Returns the failed attempts of a flaky check: its own, then those of its steps.
pub(super) fn of_flaky(check: &CheckReport) -> Vec<FailedAttempt<'_>> {
    let steps = check.steps.iter().filter(|step| step.is_flaky());
    of_check(check).chain(steps.flat_map(of_step)).collect()
}

pub(super) fn of_check(check: &CheckReport) -> impl Iterator<Item = FailedAttempt<'_>> {
    let failed = check.trail.failed_attempts.iter();
    failed.map(|failed| FailedAttempt { which: which(failed), step: None, failure: &failed.failure })
}

pub(super) fn of_step(step: &StepReport) -> impl Iterator<Item = FailedAttempt<'_>> {
    let StepReport { step, trail, .. } = step;
    trail.failed_attempts.iter().map(|failed| FailedAttempt {
        which: format!("step {} `{}`, {}", step.number, step.name, which(failed)),
        step: Some(step),
        failure: &failed.failure,
    })
}

/// How many attempts failed that are not listed, in words.
pub(super) fn others(trail: &Trail) -> Option<String> {
    match trail.other_failed_attempts {
        0 => None,
        1 => Some("1 more attempt failed in another way".to_owned()),
        several => Some(format!("{several} more attempts failed in other ways")),
    }
}

fn which(failed: &FailedAttempts) -> String {
    let FailedAttempts { attempt, times, .. } = failed;
    match times - 1 {
        0 => format!("attempt {attempt}"),
        1 => format!("attempt {attempt} and 1 other"),
        others => format!("attempt {attempt} and {others} others"),
    }
}

/// `passed at attempt 2`, of a flaky check; `` step 2 `log in` passed at attempt 3 `` where it was a step.
pub(super) fn passed_at(check: &CheckReport) -> String {
    let Trail { failed_attempts, attempts, .. } = &check.trail;
    let itself = (!failed_attempts.is_empty()).then(|| format!("passed at attempt {attempts}"));
    let steps = check.steps.iter().filter(|step| step.is_flaky());
    let steps = steps.map(|StepReport { step: StepName { number, name, .. }, trail, .. }| {
        format!("step {number} `{name}` passed at attempt {}", trail.attempts)
    });
    itself.into_iter().chain(steps).collect::<Vec<_>>().join(", ")
}

/// Returns `` flapped twice: got "1.0.0" in 3 of 15 attempts `` for a check that flapped, with the name of the step if
/// a step did.
pub(super) fn flaps(check: &CheckReport) -> String {
    let itself = check.trail.flapped().map(flaps_of);
    let steps = check.steps.iter().filter(|step| step.has_flapped());
    let steps = steps.filter_map(|StepReport { step: StepName { number, name, .. }, trail, .. }| {
        trail.flapped().map(|poll| format!("step {number} `{name}` {}", flaps_of(poll)))
    });
    itself.into_iter().chain(steps).collect::<Vec<_>>().join("; ")
}

fn flaps_of(poll: &PollTrail) -> String {
    let seen = poll.describe_seen().map(|seen| format!(": {seen}")).unwrap_or_default();
    format!("{}{seen}", poll.describe_flaps())
}
