//! The selection of checks: the chosen ones and their needs.

use super::{Choices, environment, positions};
use crate::language::diagnostic::{Diagnostic, closest};
use crate::suite::{Suite, SuiteCheck};

/// Returns the checks of `suite` that run, in its order.
///
/// # Errors
/// Fails if there is no such environment.
pub fn selection<'s>(suite: &'s Suite, choices: &Choices) -> Result<Vec<&'s SuiteCheck>, Vec<Diagnostic>> {
    environment(suite, choices)?;
    Ok(select(suite, choices).into_iter().map(|index| &suite.checks[index]).collect())
}

/// Reports patterns and tags that match no check of the suite. They are probably misspelt, and less would be tested
/// than intended.
pub fn unmatched(suite: &Suite, choices: &Choices) -> Vec<String> {
    let names = || suite.checks.iter().map(SuiteCheck::name);
    let tags = || suite.checks.iter().flat_map(|check| check.keys.tags.iter().map(String::as_str));
    let meant =
        |closest: Option<&str>| closest.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let patterns = choices.only.iter().filter(|glob| !names().any(|name| glob.is_match(name))).map(|glob| {
        let pattern = glob.glob().glob();
        let meant = meant(closest(pattern.trim_matches('*'), names()));
        format!("no check matches `{pattern}` (`--only`){meant}")
    });
    let unknown = choices.tags.iter().filter(|tag| !tags().any(|known| known == *tag));
    let unknown =
        unknown.map(|tag| format!("no check has the tag `{tag}` (`--tag`){}", meant(closest(tag, tags()))));
    patterns.chain(unknown).collect()
}

/// Returns the indexes of the checks that run, in the suite's order: the chosen ones and their needs.
pub(super) fn select(suite: &Suite, choices: &Choices) -> Vec<usize> {
    let here = |check: &SuiteCheck| match &check.keys.envs {
        None => true,
        Some(envs) => envs.iter().any(|env| Some(&env.name) == choices.environment.as_ref()),
    };
    // An excluded check stays excluded even if it is needed, so that an application that already runs is not booted.
    let left_out = |check: &SuiteCheck| {
        check.keys.tags.iter().any(|tag| choices.skip_tags.contains(tag))
            || choices.skip.iter().any(|glob| glob.is_match(check.name()))
    };
    let chosen = |check: &SuiteCheck| {
        let by_tag = choices.tags.is_empty() || check.keys.tags.iter().any(|tag| choices.tags.contains(tag));
        let by_name = choices.only.is_empty() || choices.only.iter().any(|glob| glob.is_match(check.name()));
        let is_wanted = choices.names.as_ref().is_none_or(|names| names.contains(check.name()));
        by_tag && by_name && is_wanted
    };
    let index_of = positions(suite.checks.iter());
    let possible: Vec<bool> = suite.checks.iter().map(|check| here(check) && !left_out(check)).collect();
    let gates: Vec<usize> = (0..suite.checks.len()).filter(|index| suite.checks[*index].is_gate()).collect();
    let mut selected = vec![false; suite.checks.len()];
    let mut waiting: Vec<usize> =
        (0..suite.checks.len()).filter(|index| chosen(&suite.checks[*index])).collect();
    let mut gates_are_in = false;
    while let Some(index) = waiting.pop() {
        if !possible[index] || std::mem::replace(&mut selected[index], true) {
            continue;
        }
        let check = &suite.checks[index];
        waiting.extend(check.keys.needs.iter().filter_map(|need| index_of.get(need.name.as_str())));
        if !check.is_gate() && !std::mem::replace(&mut gates_are_in, true) {
            waiting.extend(&gates);
        }
    }
    (0..suite.checks.len()).filter(|index| selected[*index]).collect()
}
