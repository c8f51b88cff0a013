//! Promises and their results.

use serde::Serialize;

use super::LocationRecord;
use crate::event::RunInfo;
use crate::outcome::Promise;

/// A promise of a contract.
#[derive(Debug, Serialize)]
pub(in crate::report) struct PromiseRecord {
    /// The table or view, as named in the contract.
    object: Option<String>,
    column: Option<String>,
    /// What is promised, such as `not null`.
    promise: String,
    /// `passed`, `failed`, `errored`, `warned` or `not-checked`.
    verdict: &'static str,
    /// What was found, or why it was not tested.
    found: Option<String>,
    /// The place of the promise, in the contract or the suite.
    place: LocationRecord,
}

impl PromiseRecord {
    pub fn of(promise: &Promise, run: &RunInfo) -> PromiseRecord {
        PromiseRecord {
            object: promise.object.as_ref().map(ToString::to_string),
            column: promise.column.as_ref().map(ToString::to_string),
            promise: promise.promise.to_string(),
            verdict: promise.verdict.name(),
            found: promise.found.as_ref().map(ToString::to_string),
            place: (&run.sources.location(promise.place)).into(),
        }
    }
}
