//! The JSON Schema of a suite file.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::parts;
use crate::language::expression;
use crate::language::schema::{Definitions, Schema, merge};

/// Returns the schema of a suite file or an included file.
pub fn schema() -> Schema {
    let environment = expression::environment();
    let mut definitions = Definitions::new(&environment);
    let file = definitions.object(parts::ask_file);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:smoke-runner:suite",
        "title": "smoke suite",
        "description": "A suite of checks for smoke, a smoke-test runner.",
    });
    merge(&mut schema, file);
    schema["allOf"] = Value::Array(definitions.whole());
    schema["$defs"] = Value::Object(used(definitions.into_made(), &schema));
    schema
}

/// Returns the definitions that `schema` refers to. Merging several definitions may leave unused ones.
fn used(mut definitions: Map<String, Value>, schema: &Value) -> Map<String, Value> {
    let mut used = BTreeSet::new();
    let mut waiting = references(schema);
    while let Some(name) = waiting.pop() {
        if let Some(definition) = definitions.get(&name)
            && used.insert(name)
        {
            waiting.extend(references(definition));
        }
    }
    definitions.retain(|name, _| used.contains(name));
    definitions
}

/// Returns the names of the definitions that a schema refers to.
fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(keys) => {
            let own = keys.get("$ref").and_then(Value::as_str);
            let own = own.and_then(|to| to.strip_prefix("#/$defs/")).map(str::to_owned);
            own.into_iter().chain(keys.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
