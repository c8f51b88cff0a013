//! What was promised, and what came of it.

use serde::Serialize;

use super::LocationRecord;
use crate::event::RunInfo;
use crate::outcome::Promise;

/// One promise of a contract.
#[derive(Debug, Serialize)]
pub(in crate::report) struct PromiseRecord {
    /// The table or view, as the contract calls it.
    object: Option<String>,
    column: Option<String>,
    /// What is promised, such as `not null`.
    promise: String,
    /// `passed`, `failed`, `errored`, `warned` or `not-checked`.
    verdict: &'static str,
    /// What was found, or why it was not looked at.
    found: Option<String>,
    /// Where it is promised: in the contract, or in the suite.
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
