//! The result of a check or a step in one word, which is the same in every report.

use super::{CheckReport, StepReport};
use crate::outcome::{Failure, Outcome, Verdict};

/// The result of a check or a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    Passed,
    /// It passed, but not on the first attempt.
    Flaky,
    /// It passed, failed and passed again, which means that two versions respond.
    Flapped,
    /// It passed with little of its budget left.
    Slow,
    /// It did not pass, but is only a warning.
    Warned,
    /// The response did not meet the expectations, or its own budget ended.
    Failed,
    /// Smoke could not determine the result.
    Errored,
    /// The suite's budget ended first.
    Undecided,
    Skipped,
}

impl Status {
    pub const ALL: [Status; 9] = [
        Status::Passed,
        Status::Flaky,
        Status::Flapped,
        Status::Slow,
        Status::Warned,
        Status::Failed,
        Status::Errored,
        Status::Undecided,
        Status::Skipped,
    ];

    /// Returns the word that reports show.
    pub fn word(self) -> &'static str {
        match self {
            Status::Passed => "PASS",
            Status::Flaky => "FLAKY",
            Status::Flapped => "FLAP",
            Status::Slow => "SLOW",
            Status::Warned => "WARN",
            Status::Failed => "FAIL",
            Status::Errored => "ERROR",
            Status::Undecided => "CUT",
            Status::Skipped => "SKIP",
        }
    }

    pub fn has_passed(self) -> bool {
        match self {
            Status::Passed | Status::Flaky | Status::Flapped | Status::Slow => true,
            Status::Warned | Status::Failed | Status::Errored | Status::Undecided | Status::Skipped => false,
        }
    }

    fn of_failure(failure: &Failure) -> Status {
        match failure.verdict() {
            Verdict::Failed => Status::Failed,
            Verdict::Errored => Status::Errored,
            Verdict::Undecided => Status::Undecided,
            Verdict::Warned => Status::Warned,
        }
    }
}

impl CheckReport {
    pub fn status(&self) -> Status {
        match &self.outcome {
            Outcome::Passed if self.has_flapped() => Status::Flapped,
            Outcome::Passed if self.is_flaky() => Status::Flaky,
            Outcome::Passed if self.is_slow() => Status::Slow,
            Outcome::Passed => Status::Passed,
            Outcome::Failed(failure) => Status::of_failure(failure),
            Outcome::Warned(_) => Status::Warned,
            Outcome::Undecided(_) => Status::Undecided,
            Outcome::Skipped(_) => Status::Skipped,
        }
    }
}

impl StepReport {
    pub fn status(&self) -> Status {
        match &self.failure {
            Some(failure) => Status::of_failure(failure),
            None if self.has_flapped() => Status::Flapped,
            None if self.is_flaky() => Status::Flaky,
            None => Status::Passed,
        }
    }
}
