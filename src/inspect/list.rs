//! `smoke list`: a suite's checks.

use serde_json::{Value, json};

use super::SCHEMA_VERSION;
use crate::cli::ListArgs;
use crate::exit::Exit;
use crate::plan;
use crate::report::{Color, Destination, printable};
use crate::run::{choices, colored, find_suite, reject};
use crate::suite::{SuiteCheck, SuiteError, load};

/// Prints the names, kinds and tags of the checks that would run.
///
/// # Errors
/// They cannot be written.
pub fn list(args: ListArgs) -> anyhow::Result<Exit> {
    let choices = choices(args.choices);
    let names: Vec<String> = choices.variables.iter().map(|(name, _)| name.clone()).collect();
    let suite = match load(&find_suite(args.suite), &names) {
        Ok(suite) => suite,
        Err(error) => return Ok(reject(&error, colored(Color::Auto))),
    };
    let selected = match plan::selection(&suite, &choices) {
        Ok(selected) => selected,
        Err(mistakes) => {
            return Ok(reject(&SuiteError::new(suite.sources, mistakes), colored(Color::Auto)));
        }
    };
    let text = if args.json { json(&selected) } else { lines(&selected) };
    let exit = if selected.is_empty() { Exit::NothingSelected } else { Exit::Passed };
    Destination::Stdout.write(&text)?;
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
            json!({ "name": check.name(), "kind": check.kind.name, "tags": check.keys.tags, "gate": check.is_gate() })
        })
        .collect();
    format!("{:#}\n", json!({ "schema_version": SCHEMA_VERSION, "checks": checks }))
}
