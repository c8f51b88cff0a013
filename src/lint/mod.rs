//! What makes a suite stop being a smoke suite: it can be run, and should not be.
//!
//! A warning is about what somebody wrote, so each rule reads the files as they are written, key by key, and not what
//! smoke makes of them. Only how long a run can take, and what `resolve` applies to, is asked of the plan.

mod boots;
mod cleartext;
mod resolve;
mod size;
mod superuser;
mod timeouts;

use std::collections::BTreeMap;

use toml::de::DeTable;

use crate::language::diagnostic::{Diagnostic, SuiteError};
use crate::language::raw::RawDocument;
use crate::language::source::{Place, Role};
use crate::plan::Plan;
use crate::suite::Suite;

/// The warnings about a suite.
#[derive(Debug, Default)]
pub struct Warnings {
    /// In the order of their places.
    pub warnings: Vec<Diagnostic>,
    /// What must not be shown with them: secrets in the file.
    pub covered: Vec<Place>,
}

/// What the files of a suite show by themselves.
#[derive(Debug, Default)]
pub struct Notes {
    warnings: Warnings,
    /// The place of the suite's budget, by environment.
    budgets: BTreeMap<Option<String>, Place>,
}

impl Notes {
    /// Takes notes of a file, after those that count less.
    pub fn take(&mut self, written: &RawDocument<'_>) {
        self.budgets.extend(size::budgets(written));
        self.warnings.warnings.extend(timeouts::warnings(written));
        self.warnings.warnings.extend(boots::warnings(written));
        self.warnings.warnings.extend(superuser::warnings(written));
        let (in_clear, covered) = cleartext::warnings(written);
        self.warnings.warnings.extend(in_clear);
        self.warnings.covered.extend(covered);
    }

    /// The warnings about `suite`, whose plans in each of its environments these are.
    pub fn warnings(self, suite: &Suite, plans: &[Plan]) -> Warnings {
        let Warnings { warnings: noted, covered } = self.warnings;
        let mut warnings = size::warnings(suite, plans, &self.budgets);
        warnings.extend(resolve::warnings(plans));
        warnings.extend(noted);
        warnings.extend(suite.warnings.iter().cloned());
        warnings.sort_by_key(|warning| warning.place.map(|place| (place.file, place.start)));
        Warnings { warnings, covered }
    }
}

/// A suite's mistakes as they may be shown: with stars over the secrets in its files.
pub fn covered(error: &SuiteError) -> SuiteError {
    let mut covered = error.clone();
    let files = error.sources().files.iter().enumerate();
    for (file, source) in files.filter(|(_, source)| source.role == Role::Suite) {
        let (table, mistakes) = DeTable::parse_recoverable(&source.text);
        for place in cleartext::hidden(&RawDocument::of(file, &source.text, table.get_ref())) {
            covered.cover(place);
        }
        // Of what is no TOML the parser makes what it can, which may not be enough.
        if !mistakes.is_empty() {
            for range in cleartext::hidden_in_text(&source.text) {
                covered.cover(Place::new(file, range));
            }
        }
    }
    covered
}
