//! The suite's schema, and ways through it.

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

/// A suite as an editor validates it. `None` if it is not TOML.
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

/// Every table of the schema. That of the whole file is called `file`; one of several that a definition may be has
/// its title after the definition's name.
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

/// What a value of this schema may be: one of several by `anyOf`, or one of two by `if`.
fn variants(schema: &Value) -> Vec<&Value> {
    match (schema.get("then"), schema.get("else")) {
        (Some(then), Some(otherwise)) => [variants(otherwise), variants(then)].concat(),
        _ => [schema].into_iter().chain(schema["anyOf"].as_array().into_iter().flatten()).collect(),
    }
}

/// Shows `look` every key of the schema that has an example, with its example.
pub fn each_example(root: &Value, look: &mut impl FnMut(&Value, &Value)) {
    for table in tables(root) {
        for (_, property) in table.properties() {
            if let Some(example) = property["examples"].get(0) {
                look(property, example);
            }
        }
    }
}

/// What [`tables`] calls the whole file.
pub const FILE: &str = "file";

/// The name of one of several tables that a definition may be.
pub fn titled(definition: &str, schema: &Value) -> String {
    match schema["title"].as_str().filter(|_| definition != FILE) {
        Some(title) => format!("{definition} {title}"),
        None => definition.to_owned(),
    }
}

/// Every key, as `definition.key`.
#[must_use]
pub fn keys(root: &Value) -> BTreeSet<String> {
    let tables = tables(root);
    tables
        .iter()
        .flat_map(|shape| shape.properties().map(|(key, _)| format!("{}.{key}", shape.definition)))
        .collect()
}

/// Removes from `keys` what `value` uses.
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
    // Which of two by `if`, is decided by the key that it requires.
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
