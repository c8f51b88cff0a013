//! Variables that are read but have no value.

use std::collections::BTreeSet;

use crate::language::diagnostic::Diagnostic;
use crate::language::source::Place;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{Resolved, first_part, is_built_in};
use crate::suite::{Suite, SuiteCheck};

/// Whether a variable that is read may have no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    /// No, because the suite runs now.
    IsAMistake,
    /// The suite is only inspected, so values that come from the environment of a run may be missing.
    MayComeFromOutside,
    /// Yes, because the suite may never be run like this.
    IsFine,
}

/// The values that the checks of a run can read.
pub(super) struct Values<'s> {
    suite: &'s Suite,
    environment: Option<&'s str>,
    resolved: &'s Resolved,
    /// The indexes of the checks that run.
    selected: &'s [usize],
    missing: Missing,
    told: BTreeSet<String>,
}

impl<'s> Values<'s> {
    pub fn new(
        suite: &'s Suite,
        environment: Option<&'s str>,
        resolved: &'s Resolved,
        selected: &'s [usize],
        missing: Missing,
    ) -> Values<'s> {
        Values { suite, environment, resolved, selected, missing, told: BTreeSet::new() }
    }

    /// Reports the variables without a value that `check` reads. Each is reported where it is read first. Variables
    /// that depend on another one are reported together with it, because one value resolves them all.
    pub fn missing_in(&mut self, check: &SuiteCheck) -> Vec<Diagnostic> {
        if self.missing == Missing::IsFine {
            return Vec::new();
        }
        let mut uses = VariableUsage::default();
        check.check.uses(&mut uses);
        let outside = uses.from_outside().into_iter();
        let valueless =
            outside.filter(|(name, _)| !is_built_in(name) && !self.resolved.scope.has(first_part(name)));
        let valueless = valueless.map(|(name, place)| (first_part(name), place));
        let valueless: Vec<(&str, Place)> = valueless.filter(|(name, _)| !check.has_own(name)).collect();
        let mut found: Vec<Diagnostic> = valueless
            .into_iter()
            .filter_map(|(variable, place)| self.mistake(self.sharing(check, variable), variable, place))
            .collect();
        let of_suite = check.setting_reads.iter().filter(|(name, _)| !check.has_own(first_part(name)));
        found.extend(self.missing_in_settings(&of_suite.cloned().collect::<Vec<_>>()));
        found
    }

    /// Reports the variables without a value that settings read.
    pub fn missing_in_settings(&mut self, reads: &[(String, Place)]) -> Vec<Diagnostic> {
        if self.missing == Missing::IsFine {
            return Vec::new();
        }
        let valueless =
            reads.iter().filter(|(name, _)| !is_built_in(name) && !self.resolved.scope.has(first_part(name)));
        let valueless: Vec<&(String, Place)> = valueless.collect();
        valueless
            .into_iter()
            .filter_map(|(name, place)| self.mistake(None, first_part(name), *place))
            .collect()
    }

    /// Returns the mistake for reading `variable`, if it is one. `sharing` is the check that shares it.
    fn mistake(
        &mut self,
        sharing: Option<(usize, &'s SuiteCheck)>,
        variable: &str,
        place: Place,
    ) -> Option<Diagnostic> {
        match (sharing, self.resolved.missing.get(variable)) {
            (Some((index, _)), _) if self.selected.contains(&index) => None,
            (Some((_, other)), _) => Some(self.not_shared(other, variable, place)),
            (None, Some(_)) if self.missing == Missing::MayComeFromOutside => None,
            (None, Some(missing)) if missing.told || !self.told.insert(missing.hint.clone()) => None,
            (None, Some(missing)) => Some(
                Diagnostic::new(place, format!("`{variable}` has no value: {}", missing.reason))
                    .hint(&missing.hint),
            ),
            // Only if it is defined somewhere. Otherwise it is reported as undefined already.
            (None, None) if self.is_defined(variable) && self.told.insert(variable.to_owned()) => {
                Some(Diagnostic::new(place, format!("`{variable}` has no value {}", self.here())).hint(
                    "it is defined for other environments only: choose one with `--env`, or pass `--var`",
                ))
            }
            (None, None) => None,
        }
    }

    /// Returns the check that shares `variable` with `check`.
    fn sharing(&self, check: &SuiteCheck, variable: &str) -> Option<(usize, &'s SuiteCheck)> {
        let waits_for = |other: &SuiteCheck| {
            let is_needed = check.keys.needs.iter().any(|need| need.name == other.name());
            is_needed || (other.is_gate() && !check.is_gate())
        };
        let mut others = self.suite.checks.iter().enumerate().filter(|(_, other)| waits_for(other));
        others.find(|(_, other)| other.check.shares().iter().any(|named| named.name == variable))
    }

    fn not_shared(&self, other: &SuiteCheck, variable: &str, place: Place) -> Diagnostic {
        let elsewhere = other.keys.envs.iter().flatten().map(|env| format!("`{}`", env.name));
        let elsewhere: Vec<String> = elsewhere.collect();
        let is_elsewhere = other
            .keys
            .envs
            .as_ref()
            .is_some_and(|envs| !envs.iter().any(|env| Some(env.name.as_str()) == self.environment));
        if is_elsewhere {
            Diagnostic::new(
                place,
                format!(
                    "`{variable}` has no value {}: `{}`, which shares it, runs only in {}",
                    self.here(),
                    other.name(),
                    elsewhere.join(" and ")
                ),
            )
            .hint(format!("give this check the same `envs`, or pass `--var {variable}=…`"))
        } else {
            Diagnostic::new(
                place,
                format!("`{variable}` has no value: `{}`, which shares it, is excluded", other.name()),
            )
            .hint(format!("do not exclude it, or pass `--var {variable}=…`"))
        }
    }

    fn here(&self) -> String {
        match self.environment {
            Some(name) => format!("in `{name}`"),
            None => "without `--env`".to_owned(),
        }
    }

    /// Whether `[vars]` of the suite or of any environment defines it.
    fn is_defined(&self, variable: &str) -> bool {
        self.suite.variables.contains_key(variable)
            || self.suite.environments.values().any(|environment| environment.vars.contains_key(variable))
    }
}
