//! An undefined variable is reported in every position of a suite, so no template is silently treated as text.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use smoke::language::source::Place;
use smoke::plan::everywhere;
use smoke::suite::read_draft_text;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::support::corpus::{Suite, in_parallel, suites};
use crate::support::schema::{keys, schema};

const TEMPLATE: &str = "\"{{nobody_defines_this}}\"";

/// A position for the template.
struct Spot {
    /// The path of keys.
    path: String,
    start: usize,
    end: usize,
}

/// Collects every scalar value, and every key that the author names.
fn spots(table: &DeTable<'_>, within: &str, known: &[String], found: &mut Vec<Spot>) {
    for (key, value) in table {
        let path = format!("{within}.{}", key.get_ref());
        let span = key.span();
        if !known.iter().any(|known| known == key.get_ref().as_ref()) {
            found.push(Spot { path: format!("the key {path}"), start: span.start, end: span.end });
        }
        spots_of_value(value, &path, known, found);
    }
}

fn spots_of_value(value: &Spanned<DeValue<'_>>, path: &str, known: &[String], found: &mut Vec<Spot>) {
    match value.get_ref() {
        DeValue::Table(table) => spots(table, path, known, found),
        DeValue::Array(items) => items.iter().for_each(|item| spots_of_value(item, path, known, found)),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => {
            let span = value.span();
            found.push(Spot { path: path.to_owned(), start: span.start, end: span.end });
        }
    }
}

/// Checks that there is a mistake at the spot, or inside the quotes that start there.
fn is_told(path: &Path, text: &str, spot: &Spot) -> Result<(), String> {
    let with_template = format!("{}{TEMPLATE}{}", &text[..spot.start], &text[spot.end..]);
    let mut draft = read_draft_text(path, &with_template, &[]);
    if draft.mistakes.is_empty() {
        draft.mistakes.extend(everywhere(&draft.suite, &[]).err().unwrap_or_default());
    }
    // The suite itself comes before its includes.
    let hits = |place: Place| place.file == 0 && (spot.start..=spot.start + 1).contains(&place.start);
    // Without its nonce, or without a commit, a canary is refused before anybody looks for the variable.
    let is_no_canary = spot.path.contains(".canary.") && !draft.mistakes.is_empty();
    if is_no_canary || draft.mistakes.iter().filter_map(|mistake| mistake.place).any(hits) {
        Ok(())
    } else {
        let said: Vec<&str> = draft.mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
        Err(format!("{}: {said:?}", spot.path))
    }
}

#[test]
fn a_template_is_expanded_or_refused_wherever_it_stands() {
    let schema = schema();
    let known: Vec<String> =
        keys(&schema).iter().filter_map(|key| key.rsplit('.').next().map(str::to_owned)).collect();
    let mut count = 0;
    let mut seen = BTreeSet::new();
    let silent = Mutex::new(Vec::new());
    for Suite { path, text, name, .. } in suites("valid") {
        let document = DeTable::parse(&text).expect("TOML");
        let mut found = Vec::new();
        spots(document.get_ref(), &name, &known, &mut found);
        found.retain(|spot| seen.insert(spot.path.clone()));
        count += found.len();
        in_parallel(&found, |spot| {
            let told = is_told(&path, &text, spot);
            silent.lock().expect("no test has panicked").extend(told.err());
        });
    }
    let silent = silent.into_inner().expect("no test has panicked");
    assert!(count > 300, "{count}");
    assert!(silent.is_empty(), "of {count}:\n{}", silent.join("\n"));
}
