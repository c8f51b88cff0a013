//! Variables: the sources of their values, which of them are secret, and what templates can read.

mod resolve;
mod scope;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

pub use self::resolve::{Missing, Resolved, resolve};
pub use self::scope::Variables;
use super::read::{FromToml, ParseContext, Table, Templates, read_table};
use super::schema::{Definitions, Schema};
use super::source::Place;
use super::template::Template;
use super::value::Document;
pub use crate::secret::is_secret_name;
use crate::secret::placeholder;

/// A variable as the suite defines it.
#[derive(Debug, Clone)]
pub struct Variable {
    pub place: Place,
    source: VariableSource,
    secret: Option<bool>,
}

#[derive(Debug, Clone)]
enum VariableSource {
    Literal(Document),
    Environment {
        name: String,
        default: Option<Document>,
    },
    File(PathBuf),
    /// `--var NAME=VALUE`, and the literal that it replaces.
    CommandLine {
        text: String,
        instead_of: Option<Value>,
    },
    /// The definition is invalid. The name is kept, so that its uses are not reported as well.
    Mistaken,
}

impl FromToml for Variable {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let place = parse.place(value.span());
        let read = match value.get_ref() {
            DeValue::Table(keys) => read_table(keys, value.span(), parse, from_keys),
            DeValue::Array(_) => {
                parse.expected(value, "a string, a number, `true`, `false`, `{ env = … }` or `{ file = … }`")
            }
            _ => Document::from_toml(value, parse).map(|literal| Variable {
                place,
                source: VariableSource::Literal(literal),
                secret: None,
            }),
        };
        Some(read.unwrap_or(Variable { place, source: VariableSource::Mistaken, secret: None }))
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.define("variable", |definitions| {
            let literal =
                json!({ "description": "the value itself", "type": ["string", "number", "boolean"] });
            let keys = definitions.object(|table| {
                let _ = from_keys(table);
            });
            json!({ "anyOf": [literal, keys] })
        })
    }
}

fn from_keys(table: &mut Table<'_, '_, '_>) -> Option<Variable> {
    let place = table.place();
    let env: Option<String> =
        table.optional("env", ("environment variable that holds the value", r#"env = "DATABASE_URL""#));
    let file: Option<String> = table.optional(
        "file",
        ("file that holds the value; a line break at its end is dropped", r#"file = "/run/secrets/api_key""#),
    );
    let literal: Option<Document> = table.optional("value", ("the value itself", "value = [1, 2]"));
    let default: Option<Document> = table.optional(
        "default",
        ("value to use when the environment variable is not set", r#"default = "sqlite:shop.db""#),
    );
    let secret: Option<bool> = table.optional(
        "secret",
        ("show the value as `***` in every output; by default, the name decides", "secret = true"),
    );
    table.needs("default", "env", "`default` belongs to `env`: any other value is there in any case")?;
    table
        .exactly_one(&["env", "file", "value"], "a variable has exactly one of `env`, `file` and `value`")?;
    let from_env = env.map(|name| VariableSource::Environment { name, default });
    let from_file = file.map(|path| VariableSource::File(path.into()));
    let source = from_env.or(from_file).or(literal.map(VariableSource::Literal))?;
    Some(Variable { place, source, secret })
}

impl Variable {
    /// Creates a variable from `--var`.
    pub fn from_command_line(value: String) -> Variable {
        let place = Place { file: 0, start: 0, end: 0 };
        let source = VariableSource::CommandLine { text: value, instead_of: None };
        Variable { place, source, secret: None }
    }

    /// Replaces another definition of the name. `--var` only sets a value: whether it is secret and whether it is text
    /// follows from the suite.
    pub fn in_place_of(mut self, other: &Variable) -> Variable {
        self.secret = self.secret.or(other.secret);
        if let VariableSource::CommandLine { instead_of, .. } = &mut self.source {
            *instead_of = other.document().and_then(Document::fixed).cloned();
        }
        self
    }
}

/// Overrides definitions with `later` ones of the same name. A value marked as secret stays secret unless the later
/// definition has its own `secret` key.
pub fn put_over(all: &mut BTreeMap<String, Variable>, later: BTreeMap<String, Variable>) {
    for (name, mut variable) in later {
        let was_secret = all.get(&name).is_some_and(|replaced| replaced.secret == Some(true));
        variable.secret = variable.secret.or(was_secret.then_some(true));
        all.insert(name, variable);
    }
}

/// Converts an external text to a number or boolean, if `literal` is one and the conversion is lossless: `1.50` and
/// `007` stay text.
fn typed_as(literal: Option<&Value>, text: &str) -> Value {
    let read = match literal {
        Some(Value::Number(_)) => {
            let integer = text.parse::<i64>().ok().map(Value::from);
            integer.or_else(|| text.parse::<f64>().ok().filter(|float| float.is_finite()).map(Value::from))
        }
        Some(Value::Bool(_)) => text.parse::<bool>().ok().map(Value::from),
        Some(Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_)) | None => None,
    };
    let loses_nothing = |value: &Value| {
        let written = value.to_string();
        written == text
    };
    read.filter(loses_nothing).unwrap_or_else(|| Value::from(text))
}

/// The built-in names, as templates read them.
pub const BUILT_IN: [&str; 9] = [
    "run.id",
    "run.started",
    "suite.dir",
    "yesterday.start",
    "yesterday.end",
    "yesterday.date",
    "today.start",
    "today.end",
    "today.date",
];

/// Returns `order` for `order.id`.
pub fn first_part(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

pub fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name)
}

impl Variable {
    fn reads(&self) -> impl Iterator<Item = &str> {
        self.document().into_iter().flat_map(Document::templates).flat_map(Template::reads)
    }

    /// Returns the shell expression for its value.
    fn in_a_shell(&self, name: &str, suite_dir: &Path) -> String {
        match &self.source {
            VariableSource::Environment { name: env, .. } => format!("${env}"),
            VariableSource::File(path) => {
                let path = suite_dir.join(path).display().to_string();
                format!("$(cat '{}')", path.replace('\'', r"'\''"))
            }
            VariableSource::Literal(_) | VariableSource::CommandLine { .. } | VariableSource::Mistaken => {
                placeholder::variable(name)
            }
        }
    }

    /// Returns the document that its value is made of, if the suite contains one.
    fn made_of(&self) -> Option<&Document> {
        match &self.source {
            VariableSource::Environment { name, .. } if std::env::var(name).is_ok() => None,
            VariableSource::Literal(_)
            | VariableSource::Environment { .. }
            | VariableSource::File(_)
            | VariableSource::CommandLine { .. }
            | VariableSource::Mistaken => self.document(),
        }
    }

    /// Returns the part that may contain templates.
    fn document(&self) -> Option<&Document> {
        match &self.source {
            VariableSource::Literal(document) => Some(document),
            VariableSource::Environment { default, .. } => default.as_ref(),
            VariableSource::File(_) | VariableSource::CommandLine { .. } | VariableSource::Mistaken => None,
        }
    }
}
