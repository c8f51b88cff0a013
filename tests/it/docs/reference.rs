//! The reference in the README: every key of the schema is there with its type, its default and an example, and
//! nothing else is.
//!
//! A table of the reference follows a line `<!-- keys of DEFINITION, … -->` and tells some keys of these tables of the
//! schema; all tables about one definition together tell all its keys.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::corpus;
use crate::support::schema::{as_json, schema, tables};

/// A row of the reference.
#[derive(Debug, Clone)]
struct Row {
    key: String,
    kind: String,
    default: String,
    meaning: String,
    example: String,
}

/// The rows about each definition.
fn reference() -> BTreeMap<String, Vec<Row>> {
    let readme = corpus::text("README.md");
    let mut found: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for part in readme.split("<!-- keys of ").skip(1) {
        let (definitions, table) = part.split_once(" -->\n").expect("the end of the comment");
        // After the heads and the line under them.
        let rows = table.lines().take_while(|line| line.starts_with('|')).skip(2).map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [key, kind, default, meaning, example] = cells[..] else { panic!("five cells: {line}") };
            let [kind, default, meaning] = [kind, default, meaning].map(str::to_owned);
            Row { key: unquoted(key), kind, default, meaning, example: unquoted(example) }
        });
        let rows: Vec<Row> = rows.collect();
        assert!(!rows.is_empty(), "{definitions}");
        for definition in definitions.split(", ") {
            found.entry(definition.to_owned()).or_default().extend(rows.clone());
        }
    }
    found
}

fn unquoted(cell: &str) -> String {
    let inner = cell.strip_prefix('`').and_then(|cell| cell.strip_suffix('`'));
    inner.unwrap_or_else(|| panic!("between back-ticks: {cell}")).to_owned()
}

/// How the reference calls the type that `schema` describes.
fn type_name(schema: &Value, root: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.trim_start_matches("#/$defs/");
        let definition = &root["$defs"][name];
        return match name {
            // A number or a truth value may stand for its text.
            "scalar" => "template".to_owned(),
            _ if definition["properties"].is_object() || definition["oneOf"].is_array() => "table".to_owned(),
            _ => name.to_owned(),
        };
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    if let Some(alternatives) = schema["anyOf"].as_array() {
        // Of several lists of names, the first has the usual ones.
        let all = alternatives.iter().take_while(|one| one["enum"].is_array()).take(1);
        let all: Vec<&Value> = all.collect();
        let all = if all.is_empty() { alternatives.iter().collect() } else { all };
        return all.iter().map(|one| type_name(one, root)).collect::<Vec<_>>().join(" or ");
    }
    if schema["const"] == true {
        return "`true`".to_owned();
    }
    match schema["type"].as_str() {
        Some("string") => "text".to_owned(),
        Some("boolean") => "truth".to_owned(),
        Some("integer") => "whole number".to_owned(),
        Some("array") => format!("list of {}", type_name(&schema["items"], root)),
        Some("object") => format!("{} by name", type_name(&schema["additionalProperties"], root)),
        _ => panic!("a type without a name: {schema}"),
    }
}

#[test]
fn every_key_is_in_the_reference_and_nothing_else() {
    let (schema, reference) = (schema(), reference());
    let tables = tables(&schema);
    let known: Vec<&str> = tables.iter().map(|table| table.definition.as_str()).collect();
    let told: Vec<&str> = reference.keys().map(String::as_str).collect();
    for definition in &told {
        assert!(
            known.contains(definition),
            "the README tells keys of `{definition}`, which is not in the schema"
        );
    }
    let mut wrong = Vec::new();
    for table in &tables {
        let rows = reference.get(&table.definition).map_or(&[][..], Vec::as_slice);
        for (key, property) in table.properties() {
            let count = rows.iter().filter(|row| row.key == key).count();
            if count != 1 {
                let kind = type_name(property, &schema);
                wrong.push(format!("`{key}` ({kind}) of `{}` is there {count} times", table.definition));
            }
        }
        for row in rows {
            if !table.properties().any(|(key, _)| key == row.key) {
                wrong.push(format!("`{}` of `{}` is in no suite", row.key, table.definition));
            }
        }
    }
    assert!(wrong.is_empty(), "mend the tables of the README:\n{}", wrong.join("\n"));
}

/// Every property with its row.
fn each(check: impl Fn(&Row, &Value, bool, &Value) -> Result<(), String>) {
    let (schema, reference) = (schema(), reference());
    let mut wrong = Vec::new();
    let mut checked = 0;
    for table in tables(&schema) {
        for (key, property) in table.properties() {
            let required = table.table.get("required").and_then(Value::as_array);
            let is_required = required.is_some_and(|keys| keys.iter().any(|required| required == key));
            for row in reference[&table.definition].iter().filter(|row| row.key == key) {
                checked += 1;
                if let Err(message) = check(row, property, is_required, &schema) {
                    wrong.push(format!("`{key}` of `{}`: {message}", table.definition));
                }
            }
        }
    }
    assert!(checked > 150, "{checked}");
    assert!(wrong.is_empty(), "mend the tables of the README:\n{}", wrong.join("\n"));
}

#[test]
fn every_key_has_its_type() {
    each(|row, property, _, schema| {
        let kind = type_name(property, schema);
        if row.kind == kind { Ok(()) } else { Err(format!("its type is `{kind}`, not `{}`", row.kind)) }
    });
}

#[test]
fn every_key_has_its_default() {
    each(|row, property, is_required, _| {
        let literals: Vec<&str> = row.default.split('`').skip(1).step_by(2).collect();
        let told = row.default.as_str();
        match (is_required, property.get("default")) {
            (true, _) if told == "required" => Ok(()),
            (true, _) => Err(format!("it is required, not `{told}`")),
            (false, Some(default)) if literals.contains(&default.to_string().as_str()) => Ok(()),
            (false, Some(default)) => Err(format!("its default is `{default}`, not `{told}`")),
            // What holds then is a matter of the environment, and is told in words.
            (false, None) if told != "required" && !is_literal(told) => Ok(()),
            (false, None) => Err(format!("it has no default, and is not `{told}`")),
        }
    });
}

fn is_literal(cell: &str) -> bool {
    cell.starts_with('`') && as_json(&format!("it = {}", cell.trim_matches('`'))).is_some()
}

#[test]
fn every_key_has_a_meaning_and_an_example_that_is_valid() {
    each(|row, property, _, schema| {
        if row.meaning.len() < 5 {
            return Err(format!("its meaning is `{}`", row.meaning));
        }
        let example = as_json(&row.example).ok_or_else(|| format!("no TOML: {}", row.example))?;
        let value = example.get(row.key.as_str()).or(example.pointer(&format!("/journey/{}", row.key)));
        let value = value.ok_or_else(|| format!("an example without it: {}", row.example))?;
        // The head of a table that goes on below it.
        if *value == json!([{}]) {
            return Ok(());
        }
        let mut alone = property.clone();
        alone["$defs"] = schema["$defs"].clone();
        let validator = jsonschema::draft202012::new(&alone).expect("a schema");
        match validator.iter_errors(value).next() {
            Some(error) => Err(format!("{}: {error}", row.example)),
            None => Ok(()),
        }
    });
}
