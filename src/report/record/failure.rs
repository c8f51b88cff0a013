//! Records of failures.

use serde::Serialize;

use super::LocationRecord;
use super::time::{Milliseconds, key};
use crate::event::{RunInfo, StepName};
use crate::outcome::Failure;

/// Why something did not pass. Information from outer layers (the step, the budget that ended) is next to the cause
/// instead of around it.
#[derive(Debug, Serialize)]
pub(in crate::report) struct FailureRecord<'a> {
    /// `mismatch`, `timeout`, `budget`, `exit`, `plugin`, or what kept smoke from finding out (`dns`, `connect`, …): as in
    /// `JUnit`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The complete description, as on the console.
    message: String,
    /// Where the suite states the unmet expectation, or otherwise the request.
    location: LocationRecord,
    /// The journey step in which it happened.
    step: Option<StepNameRecord<'a>>,
    /// Every unmet expectation.
    mismatches: Vec<MismatchRecord>,
    /// A short description of the answer, if expectations were not met.
    answer: Option<String>,
    /// The budget that ended.
    cut: Option<CutRecord>,
    /// What prevented smoke from determining the result.
    fault: Option<FaultRecord>,
    /// What a process printed: a booted one that ended or was never ready, a program that was cut, a plugin.
    log: Option<String>,
}

/// Where a failure happened: in a check or in one of its steps.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Site<'a> {
    pub run: &'a RunInfo,
    pub check: usize,
    pub step: Option<&'a StepName>,
}

/// A step of a journey.
#[derive(Debug, Serialize)]
pub(in crate::report) struct StepNameRecord<'a> {
    /// Counted from 1. Cleanup steps continue the count.
    number: usize,
    name: &'a str,
}

impl<'a> From<&'a StepName> for StepNameRecord<'a> {
    fn from(StepName { number, name, .. }: &'a StepName) -> StepNameRecord<'a> {
        StepNameRecord { number: *number, name }
    }
}

#[derive(Debug, Serialize)]
struct MismatchRecord {
    /// The subject of the expectation, such as `status` or `json $.version`.
    what: String,
    expected: String,
    actual: String,
    /// The key in the suite that states the expectation, or `null` for a default.
    location: Option<LocationRecord>,
}

#[derive(Debug, Serialize)]
struct CutRecord {
    /// The owner of the budget: `suite`, `check`, `step` or `grace`.
    scope: String,
    budget_ms: Milliseconds,
    /// What was in progress: a key of `phases_ms`.
    phase: String,
}

#[derive(Debug, Serialize)]
struct FaultRecord {
    doing: String,
    cause: String,
    /// The advice on what to do about it.
    hint: Option<String>,
}

impl<'a> FailureRecord<'a> {
    pub fn of(failure: &'a Failure, site: Site<'a>) -> FailureRecord<'a> {
        let mut record = FailureRecord {
            kind: failure.type_name(),
            message: failure.to_string(),
            location: (&site.run.location_of(site.check, site.step, failure)).into(),
            step: None,
            mismatches: Vec::new(),
            answer: None,
            cut: None,
            fault: None,
            log: None,
        };
        let mut layer = Some(failure);
        while let Some(failure) = layer {
            layer = record.take(failure, site.run);
        }
        record
    }

    /// Adds the information of this layer, and returns the one below.
    fn take(&mut self, failure: &'a Failure, run: &RunInfo) -> Option<&'a Failure> {
        match failure {
            Failure::Step { step, number, source, .. } => {
                self.step.get_or_insert(StepNameRecord { number: *number, name: step });
                Some(source)
            }
            Failure::TimedOut { cut, phase, last, log, .. } => {
                self.log = log.as_ref().map(ToString::to_string);
                self.cut.get_or_insert_with(|| CutRecord {
                    scope: cut.scope.to_string(),
                    budget_ms: Milliseconds(cut.budget),
                    phase: key(*phase),
                });
                last.as_deref()
            }
            Failure::Mismatch { mismatches, answer } => {
                self.mismatches = mismatches
                    .iter()
                    .map(|mismatch| MismatchRecord {
                        what: mismatch.what.to_string(),
                        expected: mismatch.expected.to_string(),
                        actual: mismatch.actual.to_string(),
                        location: mismatch.place.map(|place| (&run.sources.location(place)).into()),
                    })
                    .collect();
                self.answer = answer.as_ref().map(ToString::to_string);
                None
            }
            Failure::Fault { doing, cause, hint, .. } => {
                self.fault = Some(FaultRecord {
                    doing: doing.to_string(),
                    cause: cause.to_string(),
                    hint: hint.as_ref().map(ToString::to_string),
                });
                None
            }
            Failure::Exited { log, .. } | Failure::Plugin { log, .. } => {
                self.log = log.as_ref().map(ToString::to_string);
                None
            }
        }
    }
}
