//! `smoke list`: lists the checks of a suite.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::SCHEMA_VERSION;
use super::memory::{keep_memory, leave};
use super::prepare::{choices, colored, find_suite, note_unmatched, reject};
use crate::cli::{ListArgs, Listed};
use crate::exit::Exit;
use crate::language::diagnostic::SuiteError;
use crate::language::printable::printable;
use crate::lint::covered;
use crate::plan;
use crate::report::{Color, Destination};
use crate::suite::{Suite, SuiteCheck, load};

/// Prints the names, kinds and tags of the checks that would run.
///
/// # Errors
/// Fails if they cannot be written.
pub fn list(args: ListArgs) -> anyhow::Result<Exit> {
    keep_memory();
    let choices = choices(args.choices, None);
    let names: Vec<String> = choices.variables.iter().map(|(name, _)| name.clone()).collect();
    let suite = match load(&find_suite(args.suite), &names) {
        Ok(suite) => suite,
        Err(error) => return Ok(reject(&covered(&error), colored(Color::Auto))),
    };
    if let Some(what) = args.print {
        Destination::Stdout.write(&listed(&suite, what))?;
        return Ok(Exit::Passed);
    }
    let selected = match plan::selection(&suite, &choices) {
        Ok(selected) => selected,
        Err(mistakes) => {
            return Ok(reject(&covered(&SuiteError::new(suite.sources, mistakes)), colored(Color::Auto)));
        }
    };
    note_unmatched(&suite, &choices);
    let text = if args.json { json(&selected) } else { lines(&selected) };
    let exit = if selected.is_empty() { Exit::NothingSelected } else { Exit::Passed };
    Destination::Stdout.write(&text)?;
    leave(suite);
    Ok(exit)
}

fn lines(selected: &[&SuiteCheck]) -> String {
    let mut text = String::new();
    for check in selected {
        let tags = &check.keys.tags;
        let tags = if tags.is_empty() { String::new() } else { format!("  [{}]", tags.join(", ")) };
        text.push_str(&printable(&format!("{:<8}  {}{tags}", check.kind.name, check.name())));
        text.push('\n');
    }
    text
}

fn json(selected: &[&SuiteCheck]) -> String {
    let checks: Vec<Value> = selected
        .iter()
        .map(|check| {
            json!({ "name": check.name(), "kind": check.kind.name, "tags": check.keys.tags, "gate": check.is_gate(), "dependency": check.keys.dependency })
        })
        .collect();
    format!("{:#}\n", json!({ "schema_version": SCHEMA_VERSION, "checks": checks }))
}

/// Returns one name per line. A name with several lines could not be typed anyway.
fn listed(suite: &Suite, what: Listed) -> String {
    let checks = suite.checks.iter();
    let names: BTreeSet<String> = match what {
        Listed::Names => checks.map(|check| globset::escape(check.name())).collect(),
        Listed::Tags => checks.flat_map(|check| check.keys.tags.iter().cloned()).collect(),
        Listed::Environments => suite.environments.keys().cloned().collect(),
    };
    let printable = names.iter().filter(|name| !name.chars().any(char::is_control));
    printable.map(String::as_str).chain([""]).collect::<Vec<&str>>().join("\n")
}
