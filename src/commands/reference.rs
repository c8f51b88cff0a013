//! The keys of the suite language, for the manual page and the documentation. They are derived from the schema, which
//! is derived from the readers.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Map, Value};

use crate::language::setting;
use crate::suite::schema::schema;

/// A table of the suite language.
#[derive(Debug, Clone)]
pub struct TableReference {
    /// The name of its definition, or [`FILE`] for the whole file.
    pub name: String,
    /// The shortest path to such a table in a suite, such as `journey.step.expect`.
    pub path: String,
    pub keys: Vec<KeyReference>,
}

/// A key of a table.
#[derive(Debug, Clone)]
pub struct KeyReference {
    pub name: String,
    /// The type of its value, such as ``list of template``.
    pub type_name: String,
    /// The definitions that its value refers to, both tables and other types.
    pub definitions: Vec<String>,
    pub is_required: bool,
    pub default: Option<Value>,
    pub meaning: String,
    pub example: Option<Value>,
}

/// The name of the table for the whole file.
pub const FILE: &str = "file";

/// Returns every table, from the file inwards.
#[must_use]
pub fn reference() -> Vec<TableReference> {
    let root = schema();
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut queue = VecDeque::from([(FILE.to_owned(), String::new(), &root)]);
    while let Some((definition, path, schema)) = queue.pop_front() {
        for table in variants(schema) {
            let Some(properties) = table["properties"].as_object() else { continue };
            let mut reference = table_reference(&definition, &path, table, properties, &root);
            require(&mut reference, &root);
            found.push(reference);
            for (key, property) in properties {
                below(property, &joined(&path, key), &mut |name, path| {
                    if seen.insert(name.to_owned()) {
                        queue.push_back((name.to_owned(), path.to_owned(), &root["$defs"][name]));
                    }
                });
            }
        }
    }
    found
}

/// Returns the named types that are not tables, with their descriptions.
#[must_use]
pub fn types() -> Vec<(String, String)> {
    let root = schema();
    let definitions = root["$defs"].as_object().into_iter().flatten();
    let described = definitions.filter_map(|(name, definition)| {
        let description = definition["description"].as_str()?;
        Some((type_of_definition(name, definition), description.to_owned()))
    });
    let mut types: Vec<(String, String)> = described.collect();
    types.dedup_by(|later, earlier| later.0 == earlier.0);
    types
}

/// Returns the tables that a schema allows: one, or one of several.
fn variants(schema: &Value) -> Vec<&Value> {
    match (schema.get("then"), schema.get("else")) {
        (Some(then), Some(otherwise)) => {
            let mut all = variants(otherwise);
            all.push(then);
            all
        }
        _ => [schema].into_iter().chain(schema["anyOf"].as_array().into_iter().flatten()).collect(),
    }
}

fn table_reference(
    definition: &str,
    path: &str,
    table: &Value,
    properties: &Map<String, Value>,
    root: &Value,
) -> TableReference {
    let name = match table["title"].as_str().filter(|_| definition != FILE) {
        Some(title) => format!("{definition} {title}"),
        None => definition.to_owned(),
    };
    let required: Vec<&str> =
        table["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let keys = properties.iter().map(|(key, property)| {
        let mut definitions = Vec::new();
        below(property, path, &mut |name, _| {
            if name != setting::DEFINITION {
                definitions.push(name.to_owned());
            }
        });
        KeyReference {
            name: key.clone(),
            type_name: type_name(property, root),
            definitions,
            is_required: required.contains(&key.as_str()),
            default: property.get("default").cloned(),
            meaning: property["description"].as_str().unwrap_or_default().to_owned(),
            example: property["examples"].get(0).cloned(),
        }
    });
    TableReference { name, path: path.to_owned(), keys: keys.collect() }
}

/// A check's keys that must be there are no longer required where the file has defaults for its kind.
fn require(table: &mut TableReference, root: &Value) {
    let rules = root["allOf"].as_array().into_iter().flatten();
    let required =
        rules.filter_map(|rule| rule["then"]["properties"][&table.name]["items"]["required"].as_array());
    let required: Vec<&str> = required.flatten().filter_map(Value::as_str).collect();
    for key in &mut table.keys {
        key.is_required |= required.contains(&key.name.as_str());
    }
}

fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Visits the definitions that `schema` refers to, each with the path to it.
fn below<'s>(schema: &'s Value, path: &str, found: &mut impl FnMut(&'s str, &str)) {
    if let Some(reference) = schema["$ref"].as_str() {
        found(reference.trim_start_matches("#/$defs/"), path);
    }
    for one in schema["anyOf"].as_array().into_iter().flatten().chain(schema.get("items")) {
        below(one, path, found);
    }
    if let Some(value) = schema.get("additionalProperties") {
        below(value, &joined(path, "NAME"), found);
    }
}

fn type_of_definition(name: &str, definition: &Value) -> String {
    match name {
        // A number or a boolean is accepted as text.
        "scalar" => "template".to_owned(),
        _ if definition["properties"].is_object() => "table".to_owned(),
        _ => name.to_owned(),
    }
}

/// Returns the type of the values that `schema` describes.
fn type_name(schema: &Value, root: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.trim_start_matches("#/$defs/");
        return type_of_definition(name, &root["$defs"][name]);
    }
    if let Some(values) = schema["enum"].as_array() {
        return values.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
    }
    if let Some(alternatives) = schema["anyOf"].as_array() {
        // Of several lists of names, the first contains the usual ones.
        let is_template = |one: &&Value| one["$ref"] == format!("#/$defs/{}", setting::DEFINITION);
        let alternatives: Vec<&Value> = alternatives.iter().filter(|one| !is_template(one)).collect();
        let usual = if alternatives[0]["enum"].is_array() { &alternatives[..1] } else { &alternatives[..] };
        let mut names: Vec<String> = usual.iter().map(|one| type_name(one, root)).collect();
        names.dedup();
        return names.join(" or ");
    }
    if schema["properties"].is_object() {
        return "table".to_owned();
    }
    if schema["const"] == true {
        return "`true`".to_owned();
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", type_name(&schema["items"], root)),
        Some("object") => format!("map of {}", type_name(&schema["additionalProperties"], root)),
        Some(other) => other.to_owned(),
        None => "value".to_owned(),
    }
}
