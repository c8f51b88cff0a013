//! The `each` key: generates one check per value.
//!
//! ```toml
//! each = { host = ["web-1", "web-2"] }
//! name = "{{host}} is up"
//! url = "http://{{host}}:8080/health"
//! ```

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use crate::language::diagnostic::Diagnostic;
use crate::language::read::{FromToml, ParseContext, Templates};
use crate::language::schema::{Definitions, Schema};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::value::Document;
use crate::language::variables::{Variables, first_part, is_built_in};

/// The variables of one of the generated checks.
pub type Instance = Vec<(String, Value)>;

/// The `each` key as written.
#[derive(Debug, Clone)]
pub struct Each {
    place: Place,
    values: Document,
}

impl FromToml for Each {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let place = parse.place(value.span());
        match value.get_ref() {
            DeValue::Table(_) | DeValue::Array(_) => {}
            DeValue::String(text) if text.contains("{{") => {}
            _ => return parse.expected(value, EXPECTED),
        }
        Document::from_toml(value, parse).map(|values| Each { place, values })
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({
            "anyOf": [
                { "type": "object", "minProperties": 1, "maxProperties": 1 },
                { "type": "array", "items": { "type": "object" }, "minItems": 1 },
                { "type": "string", "pattern": r"\{\{" },
            ],
        })
    }
}

const EXPECTED: &str = "a table with one key and its values, or a list of tables";

impl Each {
    /// Returns the variables of each check. `None` if a variable has no value, which is reported separately, or if
    /// another mistake was recorded.
    pub fn instances(&self, scope: &Variables, parse: &mut ParseContext<'_>) -> Option<Vec<Instance>> {
        let templates = self.values.templates();
        let reads = templates.iter().flat_map(|template| template.reads_at());
        parse.settings.reads.extend(reads.map(|(name, place)| (name.to_owned(), place)));
        let mut reads = templates.iter().flat_map(|template| Template::reads(template));
        if !reads.all(|name| is_built_in(name) || scope.has(first_part(name))) {
            return None;
        }
        let instances = self.values.value(scope).and_then(instances_of);
        match instances {
            Ok(instances) => Some(instances),
            Err(message) => parse.reject(Diagnostic::new(self.place, message).hint(
                "write `each = { host = [\"web-1\", \"web-2\"] }`, \
                 or for several keys `each = [{ host = \"web-1\", port = 80 }]`",
            )),
        }
    }
}

fn instances_of(values: Value) -> Result<Vec<Instance>, String> {
    let instances: Vec<Instance> = match values {
        Value::Object(keys) if keys.len() == 1 => {
            let (name, values) = keys.into_iter().next().unwrap_or_default();
            let Value::Array(values) = values else {
                return Err(format!("expected a list of values for `{name}`, found {values}"));
            };
            values.into_iter().map(|value| vec![(name.clone(), value)]).collect()
        }
        Value::Array(tables) => tables
            .into_iter()
            .map(|table| match table {
                Value::Object(keys) if !keys.is_empty() => Ok(keys.into_iter().collect()),
                other => Err(format!("expected a table with the values of one check, found {other}")),
            })
            .collect::<Result<_, _>>()?,
        Value::Object(_) => return Err(format!("expected {EXPECTED}, found a table with several keys")),
        other => return Err(format!("expected {EXPECTED}, found {other}")),
    };
    let names = |instance: &Instance| -> Vec<String> {
        let mut names: Vec<String> = instance.iter().map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    };
    match instances.first() {
        None => Err("`each` has no values, so the check would never run".to_owned()),
        Some(first) if instances.iter().any(|instance| names(instance) != names(first)) => {
            Err(format!("every table of `each` has the same keys, here {}", names(first).join(", ")))
        }
        Some(_) => Ok(instances),
    }
}
