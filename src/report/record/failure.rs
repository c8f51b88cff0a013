//! Why something did not pass.

use serde::Serialize;

use super::time::{Milliseconds, key};
use crate::event::StepName;
use crate::outcome::Failure;
use crate::secret::Redacted;

/// Why something did not pass. What the layers around it add (the step it was, the budget that ended) stands beside
/// the cause, and not around it.
#[derive(Debug, Serialize)]
pub(in crate::report) struct FailureRecord<'a> {
    /// `mismatch`, `timeout`, `budget`, `exit`, or what kept smoke from finding out (`dns`, `connect`, …): as in
    /// `JUnit`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// All of it in words, as on the console.
    message: String,
    /// The step of a journey that it happened in.
    step: Option<StepNameRecord<'a>>,
    /// Every expectation that was not met.
    mismatches: Vec<MismatchRecord>,
    /// The answer in short, where expectations were not met.
    answer: Option<String>,
    /// The budget that ended.
    cut: Option<CutRecord>,
    /// What kept smoke from finding out.
    fault: Option<FaultRecord>,
    /// The last lines that a booted process printed, where it ended or was never ready.
    log: Option<String>,
}

/// Which step of a journey.
#[derive(Debug, Serialize)]
pub(in crate::report) struct StepNameRecord<'a> {
    number: usize,
    name: &'a str,
}

impl<'a> From<&'a StepName> for StepNameRecord<'a> {
    fn from(StepName { number, name }: &'a StepName) -> StepNameRecord<'a> {
        StepNameRecord { number: *number, name }
    }
}

#[derive(Debug, Serialize)]
struct MismatchRecord {
    /// What was looked at, such as `status` or `json $.version`.
    what: String,
    expected: String,
    actual: String,
}

#[derive(Debug, Serialize)]
struct CutRecord {
    /// Whose budget it was: `suite`, `check`, `step` or `grace`.
    scope: String,
    budget_ms: Milliseconds,
    /// What was under way: a key of `phases_ms`.
    phase: String,
}

#[derive(Debug, Serialize)]
struct FaultRecord {
    doing: String,
    cause: String,
    /// What to do about it.
    hint: Option<String>,
}

impl<'a> FailureRecord<'a> {
    pub fn all(failures: &'a [Redacted<Failure>]) -> Vec<FailureRecord<'a>> {
        failures.iter().map(|failure| FailureRecord::of(failure)).collect()
    }

    pub fn of(failure: &'a Failure) -> FailureRecord<'a> {
        let mut record = FailureRecord {
            kind: failure.type_name(),
            message: failure.to_string(),
            step: None,
            mismatches: Vec::new(),
            answer: None,
            cut: None,
            fault: None,
            log: None,
        };
        let mut layer = Some(failure);
        while let Some(failure) = layer {
            layer = record.take(failure);
        }
        record
    }

    /// Takes over what this layer says, and gives back the one below.
    fn take(&mut self, failure: &'a Failure) -> Option<&'a Failure> {
        match failure {
            Failure::Step { step, number, source } => {
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
            Failure::Exited { log, .. } => {
                self.log = log.as_ref().map(ToString::to_string);
                None
            }
        }
    }
}
