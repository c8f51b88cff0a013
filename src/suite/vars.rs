//! Variables: where their values come from, which of them are secret, and what templates see.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::Environment;
use minijinja::value::Value as Dynamic;
use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::error::Diagnostic;
use super::read::{FromToml, Reading, Table, read_table};
use super::source::Place;
use super::template::{self, Template};
use super::value::Document;
use crate::secret::Redactor;

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
    /// `--var NAME=VALUE`.
    CommandLine(String),
}

impl FromToml for Variable {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        let place = reading.place(value.span());
        match value.get_ref() {
            DeValue::Table(keys) => read_table(keys, value.span(), reading, |table| from_keys(table, place)),
            DeValue::Array(_) => reading
                .expected(value, "a string, a number, `true`, `false`, `{ env = … }` or `{ file = … }`"),
            _ => {
                let literal = Document::from_toml(value, reading)?;
                Some(Variable { place, source: VariableSource::Literal(literal), secret: None })
            }
        }
    }
}

fn from_keys(table: &mut Table<'_, '_, '_>, place: Place) -> Option<Variable> {
    let env: Option<String> = table.optional("env", "the environment variable that holds the value");
    let file: Option<String> = table.optional("file", "the file that holds the value");
    let literal: Option<Document> = table.optional("value", "the value itself");
    let default: Option<Document> =
        table.optional("default", "the value where the environment variable is not set");
    let secret: Option<bool> = table.optional("secret", "whether the value is shown as *** in every output");
    let source = match (env, file, literal) {
        (Some(name), None, None) => VariableSource::Environment { name, default },
        (None, Some(path), None) => VariableSource::File(path.into()),
        (None, None, Some(literal)) => VariableSource::Literal(literal),
        _ => {
            let message = "a variable has exactly one of `env`, `file` and `value`";
            return table.reading.reject(Diagnostic::new(place, message));
        }
    };
    Some(Variable { place, source, secret })
}

impl Variable {
    /// A variable from `--var`.
    #[must_use]
    pub fn from_command_line(value: String) -> Variable {
        let place = Place { file: 0, start: 0, end: 0 };
        Variable { place, source: VariableSource::CommandLine(value), secret: None }
    }

    /// The same, keeping what another definition of the name says about secrecy: `--var` gives a value only.
    #[must_use]
    pub fn as_secret_as(mut self, other: Option<&Variable>) -> Variable {
        self.secret = self.secret.or(other.and_then(|variable| variable.secret));
        self
    }
}

/// Words that make a variable secret by its name.
const SECRET_WORDS: [&str; 11] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "key",
    "apikey",
    "credential",
    "credentials",
];

/// Is a variable of this name secret unless it says otherwise?
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    name.to_lowercase().split(['_', '-', '.']).any(|word| SECRET_WORDS.contains(&word))
}

/// What templates can read: variables, captures and the built-in names.
#[derive(Debug, Clone)]
pub struct Scope {
    environment: Arc<Environment<'static>>,
    values: BTreeMap<String, Dynamic>,
}

impl Scope {
    /// A scope with nothing in it but the expressions' environment.
    #[must_use]
    pub fn empty() -> Scope {
        Scope { environment: Arc::new(template::environment()), values: BTreeMap::new() }
    }

    /// Sets a name to a value, over whatever it was.
    pub fn set(&mut self, name: &str, value: &Value) {
        self.values.insert(name.to_owned(), template::from_json(value));
    }

    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Takes over the named values of another scope, where it has them.
    pub fn take_over<'a>(&mut self, names: impl IntoIterator<Item = &'a str>, other: &Scope) {
        for name in names {
            if let Some(value) = other.values.get(name) {
                self.values.insert(name.to_owned(), value.clone());
            }
        }
    }

    pub(super) fn environment(&self) -> &Environment<'static> {
        &self.environment
    }

    pub(super) fn context(&self) -> Dynamic {
        Dynamic::from_pairs(self.values.iter().map(|(name, value)| (name.as_str(), value.clone())))
    }
}

/// The built-in names, as templates read them.
pub const BUILT_IN: [&str; 3] = ["run.id", "run.started", "suite.dir"];

/// Variables with their values, and those that have none.
#[derive(Debug)]
pub struct Resolved {
    pub scope: Scope,
    /// Why a variable has no value. It is a mistake only where a check reads it.
    pub missing: BTreeMap<String, Missing>,
}

/// A variable without a value.
#[derive(Debug, Clone)]
pub struct Missing {
    pub place: Place,
    pub reason: String,
    pub hint: String,
}

/// Gives every variable its value and makes the secret ones known to `redactor`.
///
/// # Errors
/// Variables that read each other in a circle or something undefined, and secrets too short to redact.
pub fn resolve(
    variables: &BTreeMap<String, Variable>,
    suite_dir: &Path,
    redactor: &Redactor,
) -> Result<Resolved, Vec<Diagnostic>> {
    let mut resolved = Resolved { scope: Scope::empty(), missing: BTreeMap::new() };
    let run_id = uuid::Uuid::new_v4().simple().to_string();
    let started = jiff::Timestamp::now().to_string();
    resolved.scope.set("run", &serde_json::json!({ "id": &run_id[..12], "started": started }));
    resolved.scope.set("suite", &serde_json::json!({ "dir": suite_dir.display().to_string() }));

    let mut diagnostics = Vec::new();
    let mut waiting: Vec<(&String, &Variable)> = variables.iter().collect();
    while !waiting.is_empty() {
        let (ready, blocked): (Vec<_>, Vec<_>) =
            waiting.iter().partition(|(_, variable)| variable.reads().all(|name| resolved.knows(name)));
        if ready.is_empty() {
            diagnostics.extend(blocked.iter().map(|(name, variable)| circular(name, variable, variables)));
            break;
        }
        for (name, variable) in ready {
            if let Err(diagnostic) = resolved.add(name, variable, suite_dir, redactor) {
                diagnostics.push(diagnostic);
            }
        }
        waiting = blocked;
    }
    if diagnostics.is_empty() { Ok(resolved) } else { Err(diagnostics) }
}

fn circular(name: &str, variable: &Variable, variables: &BTreeMap<String, Variable>) -> Diagnostic {
    let undefined =
        variable.reads().find(|read| !variables.contains_key(first_part(read)) && !is_built_in(read));
    match undefined {
        Some(read) => Diagnostic::new(variable.place, format!("undefined variable `{read}`"))
            .did_you_mean(read, variables.keys().map(String::as_str)),
        None => Diagnostic::new(
            variable.place,
            format!("`{name}` is defined by itself, through the variables it reads"),
        ),
    }
}

/// `order` of `order.id`.
#[must_use]
pub fn first_part(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

#[must_use]
pub fn is_built_in(name: &str) -> bool {
    BUILT_IN.contains(&name)
}

impl Variable {
    fn reads(&self) -> impl Iterator<Item = &str> {
        let document = match &self.source {
            VariableSource::Literal(document) => Some(document),
            VariableSource::Environment { default, .. } => default.as_ref(),
            VariableSource::File(_) | VariableSource::CommandLine(_) => None,
        };
        document.into_iter().flat_map(Document::templates).flat_map(Template::reads)
    }
}

impl Resolved {
    fn knows(&self, name: &str) -> bool {
        is_built_in(name) || self.scope.has(first_part(name)) || self.missing.contains_key(first_part(name))
    }

    fn add(
        &mut self,
        name: &str,
        variable: &Variable,
        suite_dir: &Path,
        redactor: &Redactor,
    ) -> Result<(), Diagnostic> {
        let missing = |reason: String, hint: String| Missing { place: variable.place, reason, hint };
        let unread = variable.reads().find(|read| self.missing.contains_key(first_part(read)));
        if let Some(read) = unread {
            let because =
                missing(format!("it reads `{read}`, which has no value"), format!("give `{read}` a value"));
            self.missing.insert(name.to_owned(), because);
            return Ok(());
        }
        let document = |document: &Document, scope: &Scope| {
            document.value(scope).map_err(|error| Diagnostic::new(variable.place, error))
        };
        let value = match &variable.source {
            VariableSource::Literal(literal) => document(literal, &self.scope)?,
            VariableSource::CommandLine(text) => Value::from(text.as_str()),
            VariableSource::Environment { name: env, default } => match (std::env::var(env), default) {
                (Ok(text), _) => Value::from(text),
                (Err(_), Some(default)) => document(default, &self.scope)?,
                (Err(error), None) => {
                    let reason = match error {
                        std::env::VarError::NotPresent => {
                            format!("the environment variable `{env}` is not set")
                        }
                        std::env::VarError::NotUnicode(_) => {
                            format!("the environment variable `{env}` is not UTF-8")
                        }
                    };
                    let hint =
                        format!("set `{env}`, give the variable a `default`, or pass `--var {name}=…`");
                    self.missing.insert(name.to_owned(), missing(reason, hint));
                    return Ok(());
                }
            },
            VariableSource::File(path) => match std::fs::read_to_string(suite_dir.join(path)) {
                Ok(text) => Value::from(
                    text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t)),
                ),
                Err(error) => {
                    let reason = format!("cannot read `{}`: {error}", path.display());
                    let hint = format!("make the file readable, or pass `--var {name}=…`");
                    self.missing.insert(name.to_owned(), missing(reason, hint));
                    return Ok(());
                }
            },
        };
        if variable.secret.unwrap_or_else(|| is_secret_name(name)) {
            hide(name, variable, &value, redactor)?;
        }
        hide_url_password(&value, redactor);
        self.scope.set(name, &value);
        Ok(())
    }
}

fn hide(name: &str, variable: &Variable, value: &Value, redactor: &Redactor) -> Result<(), Diagnostic> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    redactor.add(&text).map_err(|unredactable| {
        let by_name = match variable.secret {
            None => ", secret by its name,",
            Some(_) => "",
        };
        Diagnostic::new(
            variable.place,
            format!("the secret `{name}`{by_name} cannot be kept out of the output: {unredactable}"),
        )
        .hint("give it its real value, or say `secret = false` if it is none")
    })
}

/// A password inside an URL is secret too, whatever the variable is called. A short one is not an error here:
/// an URL is never shown with its password.
pub fn hide_url_password(value: &Value, redactor: &Redactor) {
    let Some(url) =
        value.as_str().filter(|text| text.contains('@')).and_then(|text| url::Url::parse(text).ok())
    else {
        return;
    };
    if let Some(password) = url.password() {
        let _ = redactor.add(password);
        let _ = redactor.add(&percent_encoding::percent_decode_str(password).decode_utf8_lossy());
    }
}
