//! A typo in each key: reported as an unknown key, at its place, with a suggestion.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use serde_json::Value;
use smoke::suite::read_draft_text;
use toml::de::{DeTable, DeValue};

use crate::support::corpus::{Suite, in_parallel, suites};
use crate::support::schema::{FILE, keys, schema, titled};

/// The first place of each key of the schema in a suite, as `definition.key`.
type Places = BTreeMap<String, Range<usize>>;

fn find(table: &DeTable<'_>, schema: &Value, definition: &str, root: &Value, places: &mut Places) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.trim_start_matches("#/$defs/");
        return find(table, &root["$defs"][name], name, root, places);
    }
    if let Some(needed) = schema["if"]["required"][0].as_str() {
        let chosen = if table.contains_key(needed) { &schema["then"] } else { &schema["else"] };
        return find(table, chosen, &titled(definition, chosen), root, places);
    }
    for one in schema["anyOf"].as_array().into_iter().flatten() {
        find(table, one, &titled(definition, one), root, places);
    }
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    if !required.into_iter().all(|key| table.contains_key(key)) {
        return;
    }
    for (key, value) in table {
        let named = schema["properties"].get(key.get_ref().as_ref());
        if named.is_some() {
            places.entry(format!("{definition}.{}", key.get_ref())).or_insert(key.span());
        }
        let Some(below) = named.or(schema.get("additionalProperties")) else { continue };
        match value.get_ref() {
            DeValue::Table(table) => find(table, below, definition, root, places),
            DeValue::Array(items) => {
                for table in items.iter().filter_map(|item| item.get_ref().as_table()) {
                    find(table, &below["items"], definition, root, places);
                }
            }
            _ => {}
        }
    }
}

/// Returns the line and the column of a position, counted from 1.
fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    (before.matches('\n').count() + 1, text[line_start..at].chars().count() + 1)
}

/// Returns the errors of the suite with this key misspelt.
fn said(path: &Path, text: &str, place: &Range<usize>) -> (String, String) {
    let key = &text[place.clone()];
    let last = key.chars().last().expect("a key");
    let typo = format!("{key}{last}");
    let wrong = format!("{}{typo}{}", &text[..place.start], &text[place.end..]);
    let said = match read_draft_text(path, &wrong, &[]).sound() {
        Ok(_) => String::new(),
        Err(error) => error.render(false),
    };
    (typo, said)
}

#[test]
fn each_key_is_suggested_for_its_typo() {
    let schema = schema();
    let mut left = keys(&schema);
    let suites = suites("valid");
    let mut typos = Vec::new();
    for suite in &suites {
        let document = DeTable::parse(&suite.text).expect("TOML");
        let mut places = Places::new();
        find(document.get_ref(), &schema, FILE, &schema, &mut places);
        typos.extend(places.into_iter().filter(|(key, _)| left.remove(key)).map(|typo| (suite, typo)));
    }
    in_parallel(&typos, |(Suite { path, text, .. }, (key, place))| {
        let (typo, said) = said(path, text, place);
        let meant = key.rsplit('.').next().expect("a key");
        let (line, column) = line_and_column(text, place.start);
        for part in [
            format!("error: unknown key `{typo}`\n"),
            format!("{}:{line}:{column}\n", path.display()),
            format!("did you mean `{meant}`?"),
        ] {
            assert!(said.contains(&part), "{key}: {part} in\n{said}");
        }
    });
    assert!(left.is_empty(), "no suite has {left:?}");
}
