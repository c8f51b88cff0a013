//! The dependency graph: which check waits for which, duplicate names, unknown names and cycles.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Suite, SuiteCheck};
use crate::language::diagnostic::Diagnostic;
use crate::language::read::Named;

/// Returns, for each of `checks`, the indexes of those it waits for: its named needs, if they are among `checks`, then
/// the gates.
pub fn needs(checks: &[&SuiteCheck]) -> Vec<Vec<usize>> {
    let mut needs = named_needs(checks);
    // A skipped gate blocks nothing.
    let gates = (0..checks.len()).filter(|gate| checks[*gate].is_gate() && checks[*gate].keys.skip.is_none());
    for gate in gates {
        // A check that a gate waits for, directly or through another gate, cannot wait for that gate.
        let before = reachable(gate, &needs);
        for (index, check) in checks.iter().enumerate() {
            if !check.is_gate() && !before[index] && !needs[index].contains(&gate) {
                needs[index].push(gate);
            }
        }
    }
    needs
}

/// Returns only the named needs of each of `checks`.
pub fn named_needs(checks: &[&SuiteCheck]) -> Vec<Vec<usize>> {
    let position: HashMap<&str, usize> =
        checks.iter().enumerate().map(|(index, check)| (check.name(), index)).collect();
    checks
        .iter()
        .map(|check| {
            check.keys.needs.iter().filter_map(|need| position.get(need.name.as_str()).copied()).collect()
        })
        .collect()
}

/// Returns which checks must run before the one at `index`, transitively.
fn reachable(index: usize, needs: &[Vec<usize>]) -> Vec<bool> {
    let mut seen = vec![false; needs.len()];
    let mut waiting = needs[index].clone();
    while let Some(next) = waiting.pop() {
        if !std::mem::replace(&mut seen[next], true) {
            waiting.extend(&needs[next]);
        }
    }
    seen
}

/// Puts the names of all the checks that a table stands for in the place of the name as it is written.
pub fn name_each(checks: &mut [SuiteCheck]) {
    let mut made: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for check in checks.iter().filter(|check| check.written_name != check.name()) {
        made.entry(check.written_name.clone()).or_default().push(check.name().to_owned());
    }
    if made.is_empty() {
        return;
    }
    for check in checks {
        let needs = std::mem::take(&mut check.keys.needs);
        check.keys.needs = needs
            .into_iter()
            .flat_map(|need| match made.get(&need.name) {
                Some(names) => {
                    let place = need.place;
                    names.iter().map(|name| Named { name: name.clone(), place }).collect()
                }
                None => vec![need],
            })
            .collect();
    }
}

/// Reports duplicate names.
pub fn duplicates(names: &[Named]) -> Vec<Diagnostic> {
    let mut seen = BTreeSet::new();
    let repeated = names.iter().filter(|named| !seen.insert(named.name.as_str()));
    repeated
        .map(|named| {
            Diagnostic::new(named.place, format!("there is another check named `{}`", named.name))
                .hint("names must be unique: reports, `needs` and `--only` identify checks by name")
        })
        .collect()
}

/// Reports invalid needs. `names` includes the names of checks with mistakes.
pub fn mistakes(suite: &Suite, names: &[Named]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let seen: BTreeSet<&str> = names.iter().map(|named| named.name.as_str()).collect();
    for check in &suite.checks {
        for need in &check.keys.needs {
            if need.name == check.name() {
                found.push(Diagnostic::new(need.place, format!("`{}` needs itself", need.name)));
            } else if !seen.contains(need.name.as_str()) {
                found.push(
                    Diagnostic::new(need.place, format!("there is no check named `{}`", need.name))
                        .did_you_mean(&need.name, seen.iter().copied()),
                );
            }
        }
        for env in check.keys.envs.iter().flatten() {
            if !suite.environments.contains_key(&env.name) {
                found.push(
                    Diagnostic::new(env.place, format!("there is no environment `{}`", env.name))
                        .did_you_mean(&env.name, suite.environments.keys().map(String::as_str))
                        .hint(format!("define it with `[env.{}]`", env.name)),
                );
            }
        }
    }
    found.extend(circles(suite));
    found
}

/// Reports each cycle of needs once, at the need that closes it.
fn circles(suite: &Suite) -> Vec<Diagnostic> {
    let needs: BTreeMap<&str, &[Named]> =
        suite.checks.iter().map(|check| (check.name(), check.keys.needs.as_slice())).collect();
    let mut done = BTreeSet::new();
    let mut found = Vec::new();
    for start in needs.keys() {
        walk(start, &needs, &mut Vec::new(), &mut done, &mut found);
    }
    found
}

fn walk<'a>(
    name: &'a str,
    needs: &BTreeMap<&'a str, &'a [Named]>,
    path: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
    found: &mut Vec<Diagnostic>,
) {
    if done.contains(name) {
        return;
    }
    path.push(name);
    for need in needs.get(name).copied().unwrap_or_default() {
        match path.iter().position(|on_path| *on_path == need.name) {
            Some(from) if need.name != name => {
                let circle: Vec<String> = path[from..]
                    .iter()
                    .chain([&need.name.as_str()])
                    .map(|name| format!("`{name}`"))
                    .collect();
                found.push(
                    Diagnostic::new(
                        need.place,
                        format!("these checks need each other: {}", circle.join(" → ")),
                    )
                    .hint("remove one of these needs"),
                );
            }
            Some(_) => {}
            None => walk(&need.name, needs, path, done, found),
        }
    }
    path.pop();
    done.insert(name);
}
