//! Checks that each variable has a value when it is read.

use std::collections::{BTreeSet, HashSet};

use super::{Suite, SuiteCheck, graph};
use crate::language::diagnostic::Diagnostic;
use crate::language::expression::FUNCTIONS;
use crate::language::period::PERIODS;
use crate::language::source::Place;
use crate::language::variable_usage::VariableUsage;
use crate::language::variables::{BUILT_IN, first_part, is_built_in};

/// Reports every read of an undefined variable.
pub fn mistakes(suite: &Suite, extra_variables: &[String]) -> Vec<Diagnostic> {
    let mut known: BTreeSet<&str> = suite.variables.keys().map(String::as_str).collect();
    known.extend(
        suite.environments.values().flat_map(|environment| environment.vars.keys()).map(String::as_str),
    );
    known.extend(extra_variables.iter().map(String::as_str));

    let checks: Vec<&SuiteCheck> = suite.checks.iter().collect();
    let mut found = named_like_a_period(suite, extra_variables);
    for (check, needs) in checks.iter().zip(graph::needs(&checks)) {
        let mut uses = VariableUsage::default();
        check.check.uses(&mut uses);
        let shares = needs.iter().flat_map(|need| checks[*need].check.shares());
        let shared: HashSet<&str> = shares.map(|named| named.name.as_str()).collect();
        for (name, place) in uses.from_outside() {
            if suite.mistaken_shares.iter().any(|share| share == first_part(name)) {
                continue;
            }
            let variable = first_part(name);
            if is_built_in(name)
                || known.contains(variable)
                || shared.contains(variable)
                || check.has_own(variable)
            {
                continue;
            }
            found.push(undefined(name, place, &uses, &known, check, &checks));
        }
    }
    let of_checks =
        checks.iter().flat_map(|check| check.setting_reads.iter().map(|read| (read, Some(*check))));
    for ((name, place), check) in suite.setting_reads.iter().map(|read| (read, None)).chain(of_checks) {
        let variable = first_part(name);
        let is_known = is_built_in(name) || known.contains(variable);
        if !is_known && check.is_none_or(|check| !check.has_own(variable)) {
            found.push(
                Diagnostic::new(*place, format!("a setting reads variables, and `{name}` is none"))
                    .did_you_mean(name, known.iter().copied().chain(BUILT_IN))
                    .hint("define it under `[vars]`, or pass it with `--var`"),
            );
        }
    }
    found
}

/// Every variable of the suite's own that has the name of a built-in period: what reads it would mean the one or the
/// other.
fn named_like_a_period(suite: &Suite, extra_variables: &[String]) -> Vec<Diagnostic> {
    let of_environments = suite.environments.values().flat_map(|environment| &environment.vars);
    let defined = suite.variables.iter().chain(of_environments);
    let defined = defined.map(|(name, variable)| (name.as_str(), Some(variable.place)));
    let given = extra_variables.iter().map(|name| (name.as_str(), None));
    let of_checks = suite.checks.iter().flat_map(|check| {
        let mut uses = VariableUsage::default();
        check.check.uses(&mut uses);
        let own = check.instance.iter().map(|(name, _)| name.as_str());
        let names: Vec<&str> = own.chain(uses.sets()).collect();
        names.into_iter().map(|name| (name, Some(check.place)))
    });
    let all = defined.chain(given).chain(of_checks);
    let periods = all.filter(|(name, _)| PERIODS.contains(name));
    let mistake = |(name, place): (&str, Option<Place>)| {
        let hint = format!("{{{{{name}.start}}}} is built in: give the variable another name");
        Diagnostic::new(place, format!("a variable cannot be called `{name}`")).hint(hint)
    };
    periods.map(mistake).collect()
}

fn undefined(
    name: &str,
    place: Place,
    uses: &VariableUsage<'_>,
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
        return Diagnostic::new(place, message).hint(if is_skipped {
            format!("add `needs = [\"{name}\"]` to skip this check with it, or pass `--var {variable}=…`")
        } else {
            format!("remove this check from what `{name}` needs, or define `{variable}` elsewhere")
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
