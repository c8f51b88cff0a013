//! What makes a suite stop being a smoke suite: it can be run, and should not be.
//!
//! A warning is about what somebody wrote, so each rule reads the files as they are written, key by key, and not what
//! smoke makes of them. Only how long a run can take is asked of the plan.

mod clear;
mod patience;
mod size;
mod written;

use self::written::Written;
use crate::suite::Suite;
use crate::suite::error::Diagnostic;
use crate::suite::source::Place;

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
    let written = Written::in_files(&suite.sources);
    let mut warnings = size::warnings(suite, variables, &written);
    warnings.extend(patience::warnings(&written));
    let (in_clear, covered) = clear::warnings(&written);
    warnings.extend(in_clear);
    warnings.sort_by_key(|warning| warning.place.map(|place| (place.file, place.start)));
    Warnings { warnings, covered }
}
