//! Warnings about suites that can be run but are no longer good smoke suites.
//!
//! A warning is about what an author wrote, so each rule reads the files as written, key by key, instead of smoke's
//! interpretation. Only the duration of a run and the targets of `resolve` come from the plan.

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
    /// Sorted by place.
    pub warnings: Vec<Diagnostic>,
    /// Secrets in the file, which must not be shown with the warnings.
    pub covered: Vec<Place>,
}

/// The findings that need only the files.
#[derive(Debug, Default)]
pub struct Notes {
    warnings: Warnings,
    /// The place of the suite's budget, by environment.
    budgets: BTreeMap<Option<String>, Place>,
}

impl Notes {
    /// Inspects a file. Files must come in order of increasing precedence.
    pub fn take(&mut self, written: &RawDocument<'_>) {
        self.budgets.extend(size::budgets(written));
        self.warnings.warnings.extend(timeouts::warnings(written));
        self.warnings.warnings.extend(boots::warnings(written));
        self.warnings.warnings.extend(superuser::warnings(written));
        let (in_clear, covered) = cleartext::warnings(written);
        self.warnings.warnings.extend(in_clear);
        self.warnings.covered.extend(covered);
    }

    /// Returns the warnings about `suite`. `plans` are its plans in each environment.
    pub fn warnings(self, suite: &Suite, plans: &[Plan]) -> Warnings {
        let Warnings { warnings: noted, covered } = self.warnings;
        let mut warnings = size::warnings(suite, plans, &self.budgets);
        warnings.extend(resolve::warnings(plans));
        warnings.extend(noted);
        warnings.extend(suite.warnings.iter().cloned());
        warnings.sort_by_key(|warning| warning.place.map(|place| (place.file, place.start)));
        // What is warned about may have been made of secrets.
        let redacted = |warning: Diagnostic| {
            plans.iter().fold(warning, |warning, plan| warning.redacted(plan.scope.redactor()))
        };
        let warnings = warnings.into_iter().map(redacted).collect();
        Warnings { warnings, covered }
    }
}

/// Returns a copy of the suite's mistakes with the secrets in its files covered.
pub fn covered(error: &SuiteError) -> SuiteError {
    let mut covered = error.clone();
    let files = error.sources().files.iter().enumerate();
    for (file, source) in files.filter(|(_, source)| source.role == Role::Suite) {
        let (table, mistakes) = DeTable::parse_recoverable(&source.text);
        for place in cleartext::hidden(&RawDocument::of(file, &source.text, table.get_ref())) {
            covered.cover(place);
        }
        // The parser recovers what it can of invalid TOML, which may not be enough.
        if !mistakes.is_empty() {
            for range in cleartext::hidden_in_text(&source.text) {
                covered.cover(Place::new(file, range));
            }
        }
    }
    covered
}
