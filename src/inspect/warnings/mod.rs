//! What makes a suite stop being a smoke suite: it can be run, and should not be.
//!
//! A warning is about what somebody wrote, so each rule reads the files as they are written, key by key, and not what
//! smoke makes of them. Only how long a run can take is asked of the plan.

mod clear;
mod patience;
mod size;
mod written;

use toml::de::DeTable;

use self::written::Documents;
use crate::suite::error::Diagnostic;
use crate::suite::source::Place;
use crate::suite::{Suite, SuiteError};

/// What is to be said about a suite.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    /// In the order of their places.
    pub warnings: Vec<Diagnostic>,
    /// What must not be shown with them: secrets that stand in the file.
    pub covered: Vec<Place>,
}

/// The warnings about `suite`, run with these variables in any of its environments.
pub(super) fn of(suite: &Suite, variables: &[(String, String)]) -> Warnings {
    let documents = Documents::of(&suite.sources);
    let written = documents.written();
    let mut warnings = size::warnings(suite, variables, &written);
    warnings.extend(patience::warnings(&written));
    let (in_clear, covered) = clear::warnings(&written);
    warnings.extend(in_clear);
    warnings.sort_by_key(|warning| warning.place.map(|place| (place.file, place.start)));
    Warnings { warnings, covered }
}

/// A suite's mistakes as they may be shown: with stars over the secrets that stand in its files.
pub(super) fn covered(error: &SuiteError) -> SuiteError {
    let mut covered = error.clone();
    for place in clear::hidden(&Documents::of(error.sources()).written()) {
        covered.cover(place);
    }
    for (file, source) in error.sources().files.iter().enumerate() {
        if DeTable::parse(&source.text).is_err() {
            for range in clear::hidden_in_text(&source.text) {
                covered.cover(Place::new(file, range));
            }
        }
    }
    covered
}
