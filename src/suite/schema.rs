//! The schema of a suite's file.

use serde_json::{Value, json};

use super::load;
use crate::language::expression;
use crate::language::schema::{Definitions, Schema, merge};

/// The schema of a suite's file, and of a file that a suite includes.
pub fn schema() -> Schema {
    let environment = expression::environment();
    let mut definitions = Definitions::new(&environment);
    let file = definitions.object(load::ask_file);
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:smoke-runner:suite",
        "title": "smoke suite",
        "description": "A suite of checks for smoke, a smoke-test runner.",
    });
    merge(&mut schema, file);
    schema["$defs"] = Value::Object(definitions.into_made());
    schema
}
