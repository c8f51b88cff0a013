//! The suite's schema, and traversals of it.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Map, Value};

/// The output of `smoke schema`.
#[must_use]
pub fn schema() -> Value {
    smoke::suite::schema::schema()
}

/// A validator for suites.
///
/// # Panics
/// When it is not a valid schema.
#[must_use]
pub fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).expect("a schema")
}

/// Converts a suite to JSON, as an editor does. `None` if it is not TOML.
#[must_use]
pub fn as_json(text: &str) -> Option<Value> {
    fn converted(value: toml::Value) -> Value {
        match value {
            toml::Value::String(text) => Value::from(text),
            toml::Value::Integer(number) => Value::from(number),
            toml::Value::Float(number) => Value::from(number),
            toml::Value::Boolean(truth) => Value::from(truth),
            toml::Value::Datetime(date) => Value::from(date.to_string()),
            toml::Value::Array(items) => items.into_iter().map(converted).collect(),
            toml::Value::Table(keys) => {
                Value::Object(keys.into_iter().map(|(key, value)| (key, converted(value))).collect())
            }
        }
    }
    text.parse::<toml::Table>().ok().map(|table| converted(toml::Value::Table(table)))
}

/// A table of the schema, with its definition.
#[derive(Debug, Clone)]
pub struct Shape<'s> {
    pub definition: String,
    pub table: &'s Map<String, Value>,
}

impl<'s> Shape<'s> {
    pub fn properties(&self) -> impl Iterator<Item = (&'s str, &'s Value)> {
        let properties = self.table["properties"].as_object().expect("properties");
        properties.iter().map(|(key, schema)| (key.as_str(), schema))
    }
}

/// Returns every table of the schema. The table for the whole file is called `file`. A variant of a definition has its
/// title appended to the name.
#[must_use]
pub fn tables(root: &Value) -> Vec<Shape<'_>> {
    let definitions = root["$defs"].as_object().expect("definitions");
    let mut found = vec![Shape { definition: FILE.to_owned(), table: root.as_object().expect("a table") }];
    for (name, schema) in definitions {
        let tables = variants(schema).into_iter().filter(|schema| schema["properties"].is_object());
        found.extend(tables.map(|schema| Shape {
            definition: titled(name, schema),
            table: schema.as_object().expect("a table"),
        }));
    }
    found
}

/// Returns the alternatives for a value: by `anyOf`, or by `if`.
fn variants(schema: &Value) -> Vec<&Value> {
    match (schema.get("then"), schema.get("else")) {
        (Some(then), Some(otherwise)) => [variants(otherwise), variants(then)].concat(),
        _ => [schema].into_iter().chain(schema["anyOf"].as_array().into_iter().flatten()).collect(),
    }
}

/// Calls `look` for every key with an example, with its example.
pub fn each_example(root: &Value, look: &mut impl FnMut(&Value, &Value)) {
    for table in tables(root) {
        for (_, property) in table.properties() {
            if let Some(example) = property["examples"].get(0) {
                look(property, example);
            }
        }
    }
}

/// The name of the whole file in [`tables`].
pub const FILE: &str = "file";

/// Returns the name of a variant of a definition.
pub fn titled(definition: &str, schema: &Value) -> String {
    match schema["title"].as_str().filter(|_| definition != FILE) {
        Some(title) => format!("{definition} {title}"),
        None => definition.to_owned(),
    }
}

/// Returns every key, as `definition.key`.
#[must_use]
pub fn keys(root: &Value) -> BTreeSet<String> {
    let tables = tables(root);
    tables
        .iter()
        .flat_map(|shape| shape.properties().map(|(key, _)| format!("{}.{key}", shape.definition)))
        .collect()
}

/// Removes the keys from `keys` that `value` uses.
pub fn strike_out(
    value: &Value,
    schema: &Value,
    definition: &str,
    root: &Value,
    keys: &mut BTreeSet<String>,
) {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.trim_start_matches("#/$defs/");
        return strike_out(value, &root["$defs"][name], name, root, keys);
    }
    // The key that `if` requires selects one of the two variants.
    if let Some(needed) = schema["if"]["required"][0].as_str() {
        let chosen = if value.get(needed).is_some() { &schema["then"] } else { &schema["else"] };
        return strike_out(value, chosen, &titled(definition, chosen), root, keys);
    }
    let alternatives = schema["anyOf"].as_array().into_iter().flatten();
    alternatives.for_each(|one| strike_out(value, one, &titled(definition, one), root, keys));
    match value {
        Value::Array(items) => {
            for item in items {
                strike_out(item, &schema["items"], definition, root, keys);
            }
        }
        Value::Object(members) => {
            for (key, value) in members {
                if let Some(property) = schema["properties"].get(key) {
                    keys.remove(&format!("{definition}.{key}"));
                    strike_out(value, property, definition, root, keys);
                }
                strike_out(value, &schema["additionalProperties"], definition, root, keys);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
