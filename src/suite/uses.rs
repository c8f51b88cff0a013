//! Which variables a check reads and sets, and whether each is there when it is read.

use std::collections::{BTreeSet, HashSet};

use super::error::Diagnostic;
use super::expression::FUNCTIONS;
use super::source::Place;
use super::template::Template;
use super::vars::{BUILT_IN, first_part, is_built_in};
use super::{Suite, SuiteCheck, graph};

/// What a check does with variables, in the order in which it happens.
#[derive(Debug, Default)]
pub struct Uses<'c> {
    events: Vec<Use<'c>>,
}

#[derive(Debug)]
enum Use<'c> {
    Reads { name: &'c str, place: Place },
    Sets { name: &'c str },
}

impl<'c> Uses<'c> {
    /// The check reads what `template` reads.
    pub fn read(&mut self, template: &'c Template) {
        self.events.extend(template.reads_at().map(|(name, place)| Use::Reads { name, place }));
    }

    /// The same for several templates.
    pub fn read_all(&mut self, templates: impl IntoIterator<Item = &'c Template>) {
        templates.into_iter().for_each(|template| self.read(template));
    }

    /// The check captures a variable of this name.
    pub fn set(&mut self, name: &'c str) {
        self.events.push(Use::Sets { name });
    }

    /// The names the check reads before it sets them itself, with the place where each is read.
    #[must_use]
    pub fn from_outside(&self) -> Vec<(&'c str, Place)> {
        let mut own = BTreeSet::new();
        let mut outside = Vec::new();
        for event in &self.events {
            match event {
                Use::Sets { name } => {
                    own.insert(*name);
                }
                Use::Reads { name, place } if !own.contains(first_part(name)) => {
                    outside.push((*name, *place));
                }
                Use::Reads { .. } => {}
            }
        }
        outside
    }

    /// The names the check sets at any time.
    pub fn sets(&self) -> impl Iterator<Item = &'c str> {
        self.events.iter().filter_map(|event| match event {
            Use::Sets { name } => Some(*name),
            Use::Reads { .. } => None,
        })
    }
}

/// Every read of a variable that is not there.
pub fn mistakes(suite: &Suite, extra_variables: &[String]) -> Vec<Diagnostic> {
    let mut known: BTreeSet<&str> = suite.variables.keys().map(String::as_str).collect();
    known.extend(
        suite.environments.values().flat_map(|environment| environment.vars.keys()).map(String::as_str),
    );
    known.extend(extra_variables.iter().map(String::as_str));

    let checks: Vec<&SuiteCheck> = suite.checks.iter().collect();
    let mut found = Vec::new();
    for (check, needs) in checks.iter().zip(graph::needs(&checks)) {
        let mut uses = Uses::default();
        check.check.uses(&mut uses);
        let shares = needs.iter().flat_map(|need| checks[*need].check.shares());
        let shared: HashSet<&str> = shares.map(|named| named.name.as_str()).collect();
        for (name, place) in uses.from_outside() {
            if suite.mistaken_shares.iter().any(|share| share == first_part(name)) {
                continue;
            }
            if is_built_in(name) || known.contains(first_part(name)) || shared.contains(first_part(name)) {
                continue;
            }
            found.push(undefined(name, place, &uses, &known, check, &checks));
        }
    }
    found
}

fn undefined(
    name: &str,
    place: Place,
    uses: &Uses<'_>,
    known: &BTreeSet<&str>,
    check: &SuiteCheck,
    checks: &[&SuiteCheck],
) -> Diagnostic {
    let variable = first_part(name);
    if uses.sets().any(|set| set == variable) {
        return Diagnostic::new(
            place,
            format!("`{variable}` is read here, before the step that captures it"),
        )
        .hint("move the capture to an earlier step");
    }
    let sharing = checks.iter().find(|other| other.check.shares().iter().any(|named| named.name == variable));
    if let Some(gate) = sharing.filter(|sharing| sharing.is_gate() && !check.is_gate()) {
        let (name, is_skipped) = (gate.name(), gate.keys.skip.is_some());
        let why = if is_skipped { "which is skipped" } else { "a gate that waits for this check itself" };
        let message = format!("`{variable}` is shared by `{name}`, {why}");
        return Diagnostic::new(place, message).hint(match is_skipped {
            true => {
                format!("add `needs = [\"{name}\"]` to skip this check with it, or pass `--var {variable}=…`")
            }
            false => format!("take this check out of what `{name}` needs, or define `{variable}` elsewhere"),
        });
    }
    if let Some(sharing) = sharing {
        return Diagnostic::new(
            place,
            format!("`{variable}` is shared by `{}`, which this check does not need", sharing.name()),
        )
        .hint(format!("add `needs = [\"{}\"]`", sharing.name()));
    }
    let names = known.iter().copied().chain(uses.sets()).chain(BUILT_IN).chain(FUNCTIONS);
    Diagnostic::new(place, format!("undefined variable `{name}`"))
        .did_you_mean(name, names)
        .hint("define it under `[vars]`, capture it in an earlier step, or pass it with `--var`")
}
