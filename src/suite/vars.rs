//! Variables: where their values come from, which of them are secret, and what templates see.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minijinja::Environment;
use minijinja::value::Value as Dynamic;
use serde_json::{Value, json};
use toml::Spanned;
use toml::de::DeValue;

use super::error::Diagnostic;
use super::expression;
use super::read::{FromToml, Reading, Table, read_table};
use super::schema::{Definitions, Schema};
use super::source::Place;
use super::template::Template;
use super::value::Document;
use crate::secret::stand_in::{self, stand_in};
use crate::secret::{Redactor, STARS};

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
    /// There is a mistake in it. It keeps its name, so that what reads it is not called a mistake too.
    Mistaken,
}

impl FromToml for Variable {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        let place = reading.place(value.span());
        let read = match value.get_ref() {
            DeValue::Table(keys) => read_table(keys, value.span(), reading, from_keys),
            DeValue::Array(_) => reading
                .expected(value, "a string, a number, `true`, `false`, `{ env = … }` or `{ file = … }`"),
            _ => Document::from_toml(value, reading).map(|literal| Variable {
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
    let env: Option<String> = table.optional("env", "the environment variable that holds the value");
    let file: Option<String> = table.optional("file", "the file that holds the value");
    let literal: Option<Document> = table.optional("value", "the value itself");
    let default: Option<Document> =
        table.optional("default", "the value where the environment variable is not set");
    let secret: Option<bool> = table.optional("secret", "whether the value is shown as *** in every output");
    table.needs("default", "env", "`default` belongs to `env`: any other value is there in any case")?;
    table
        .exactly_one(&["env", "file", "value"], "a variable has exactly one of `env`, `file` and `value`")?;
    let from_env = env.map(|name| VariableSource::Environment { name, default });
    let from_file = file.map(|path| VariableSource::File(path.into()));
    let source = from_env.or(from_file).or(literal.map(VariableSource::Literal))?;
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
    /// What stands in commands for people in place of the values that are secret, or made of one.
    stand_ins: BTreeMap<String, Dynamic>,
    /// Learns what expressions make of secrets.
    redactor: Arc<Redactor>,
}

impl Scope {
    /// A scope with nothing in it but the expressions' environment. What its expressions make of a secret that
    /// `redactor` knows is a secret too.
    #[must_use]
    pub fn empty(redactor: Arc<Redactor>) -> Scope {
        Scope {
            environment: Arc::new(expression::environment()),
            values: BTreeMap::new(),
            stand_ins: BTreeMap::new(),
            redactor,
        }
    }

    /// Sets a name to a value, over whatever it was.
    pub fn set(&mut self, name: &str, value: &Value) {
        self.values.insert(name.to_owned(), expression::from_json(value));
        self.stand_ins.remove(name);
    }

    /// Sets a name to a value that people are shown as `stand_in`.
    pub fn set_secret(&mut self, name: &str, value: &Value, stand_in: &Value) {
        self.set(name, value);
        self.stand_ins.insert(name.to_owned(), expression::from_json(stand_in));
    }

    /// The same with a stand-in for every secret: what a command for people is made with.
    #[must_use]
    pub fn for_people(&self) -> Scope {
        let mut scope = self.clone();
        scope.values.extend(std::mem::take(&mut scope.stand_ins));
        scope
    }

    fn has_stand_in(&self, name: &str) -> bool {
        self.stand_ins.contains_key(name)
    }

    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The value of a name such as `order` or `run.id`, if it has one.
    pub(super) fn value_of(&self, name: &str) -> Option<Dynamic> {
        let mut parts = name.split('.');
        let whole = self.values.get(parts.next()?)?.clone();
        let part = parts.try_fold(whole, |value, part| value.get_attr(part).ok())?;
        (!part.is_undefined()).then_some(part)
    }

    /// Takes over the named values of another scope, where it has them.
    pub fn take_over<'a>(&mut self, names: impl IntoIterator<Item = &'a str>, other: &Scope) {
        for name in names {
            if let Some(value) = other.values.get(name) {
                self.values.insert(name.to_owned(), value.clone());
                self.stand_ins.remove(name);
                self.stand_ins
                    .extend(other.stand_ins.get(name).map(|stand_in| (name.to_owned(), stand_in.clone())));
            }
        }
    }

    pub(super) fn environment(&self) -> &Environment<'static> {
        &self.environment
    }

    /// Keeps `made` out of every output if one of the values it was made of is secret: `{{password|upper}}` shows a
    /// password as well as `{{password}}` does.
    pub(super) fn hide_if_made_of_a_secret(&self, made: &str, of: &[String]) {
        // A URL with a password in it is known by its password, and is not made of anything where it stands as it is.
        let is_secret = |name: &String| {
            self.values.get(first_part(name)).is_some_and(|value| {
                let text = expression::as_text(value);
                text != made && self.redactor.clean(&text) != text
            })
        };
        if of.iter().any(is_secret) && self.redactor.clean(made) != STARS {
            // One that is too short is no error: it is `{{password|first}}`, and would be starred out all over.
            let _ = self.redactor.add(made);
        }
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
    /// Is the reason a mistake that is told at the variable itself?
    pub told: bool,
}

/// Gives every variable its value and makes the secret ones known to `redactor`. The mistakes are variables that
/// read each other in a circle or something undefined, and secrets too short to redact; those have no value then.
pub fn resolve(
    variables: &BTreeMap<String, Variable>,
    suite_dir: &Path,
    redactor: &Arc<Redactor>,
) -> (Resolved, Vec<Diagnostic>) {
    let mut resolved = Resolved { scope: Scope::empty(Arc::clone(redactor)), missing: BTreeMap::new() };
    let run_id = uuid::Uuid::new_v4().simple().to_string();
    let started = jiff::Timestamp::now().to_string();
    resolved.scope.set("run", &json!({ "id": &run_id[..12], "started": started }));
    resolved.scope.set("suite", &json!({ "dir": absolute(suite_dir).display().to_string() }));

    let mut diagnostics = Vec::new();
    let mut waiting: Vec<(&String, &Variable)> = variables.iter().collect();
    while !waiting.is_empty() {
        let (ready, blocked): (Vec<_>, Vec<_>) =
            waiting.iter().partition(|(_, variable)| variable.reads().all(|name| resolved.knows(name)));
        if ready.is_empty() {
            diagnostics.extend(unresolvable(&blocked, variables));
            for (name, variable) in blocked {
                resolved.give_up(name, variable);
            }
            break;
        }
        for (name, variable) in ready {
            if let Err(diagnostic) = resolved.add(name, variable, suite_dir, redactor) {
                diagnostics.push(diagnostic);
                resolved.give_up(name, variable);
            }
        }
        waiting = blocked;
    }
    (resolved, diagnostics)
}

/// The folder with its whole path, so that `{{suite.dir}}/file` is that file. The folder of a plain file name has none.
fn absolute(dir: &Path) -> PathBuf {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned())
}

/// Why none of `blocked` can have a value: some read what is not there, some read each other in a circle, and the
/// others wait for one of these.
fn unresolvable(blocked: &[(&String, &Variable)], variables: &BTreeMap<String, Variable>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut told: Vec<&str> = Vec::new();
    for (name, variable) in blocked {
        let templates = variable.document().into_iter().flat_map(Document::templates);
        let undefined = templates
            .flat_map(Template::reads_at)
            .filter(|(read, _)| !variables.contains_key(first_part(read)) && !is_built_in(read));
        found.extend(undefined.map(|(read, place)| {
            Diagnostic::new(place, format!("undefined variable `{read}`"))
                .did_you_mean(read, variables.keys().map(String::as_str).filter(|known| known != name))
        }));
        let Some(circle) = circle_through(name, variables) else { continue };
        if !circle.iter().any(|name| told.contains(name)) {
            let names: Vec<String> = circle.iter().map(|name| format!("`{name}`")).collect();
            let message = format!("these variables read each other: {} → `{name}`", names.join(" → "));
            found.push(Diagnostic::new(variable.place, message).hint("give one of them a value of its own"));
        }
        told.extend(circle);
    }
    found
}

/// The way from `name` through what is read back to `name`.
fn circle_through<'v>(name: &'v str, variables: &'v BTreeMap<String, Variable>) -> Option<Vec<&'v str>> {
    let mut paths = vec![vec![name]];
    let mut seen = Vec::new();
    while let Some(path) = paths.pop() {
        let last = path[path.len() - 1];
        for read in variables.get(last).into_iter().flat_map(Variable::reads).map(first_part) {
            if read == name {
                return Some(path);
            }
            if !seen.contains(&read) {
                seen.push(read);
                paths.push([path.as_slice(), &[read]].concat());
            }
        }
    }
    None
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
        self.document().into_iter().flat_map(Document::templates).flat_map(Template::reads)
    }

    /// Where a shell has its value from.
    fn in_a_shell(&self, name: &str) -> String {
        match &self.source {
            VariableSource::Environment { name: env, .. } => format!("${env}"),
            VariableSource::File(path) => format!("$(cat '{}')", path.display()),
            VariableSource::Literal(_) | VariableSource::CommandLine(_) | VariableSource::Mistaken => {
                stand_in::variable(name)
            }
        }
    }

    /// The part of it that may hold templates.
    fn document(&self) -> Option<&Document> {
        match &self.source {
            VariableSource::Literal(document) => Some(document),
            VariableSource::Environment { default, .. } => default.as_ref(),
            VariableSource::File(_) | VariableSource::CommandLine(_) | VariableSource::Mistaken => None,
        }
    }
}

impl Resolved {
    fn knows(&self, name: &str) -> bool {
        is_built_in(name) || self.scope.has(first_part(name)) || self.missing.contains_key(first_part(name))
    }

    /// There is a mistake in it that has been told.
    fn give_up(&mut self, name: &str, variable: &Variable) {
        let reason = "there is a mistake in it".to_owned();
        let missing = Missing { place: variable.place, reason, hint: String::new(), told: true };
        self.missing.insert(name.to_owned(), missing);
    }

    fn add(
        &mut self,
        name: &str,
        variable: &Variable,
        suite_dir: &Path,
        redactor: &Redactor,
    ) -> Result<(), Diagnostic> {
        let missing =
            |reason: String, hint: String| Missing { place: variable.place, reason, hint, told: false };
        let unread = variable.reads().find(|read| self.missing.contains_key(first_part(read)));
        if let Some(read) = unread {
            // The reason and the advice are those of the variable where it begins.
            let of = &self.missing[first_part(read)];
            let reason = format!("it reads `{read}`, and {}", of.reason);
            let because = Missing { told: of.told, ..missing(reason, of.hint.clone()) };
            self.missing.insert(name.to_owned(), because);
            return Ok(());
        }
        let document = |document: &Document, scope: &Scope| {
            document.value(scope).map_err(|error| Diagnostic::new(variable.place, error))
        };
        let value = match &variable.source {
            VariableSource::Literal(literal) => document(literal, &self.scope)?,
            VariableSource::CommandLine(text) => Value::from(text.as_str()),
            VariableSource::Mistaken => {
                self.give_up(name, variable);
                return Ok(());
            }
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
                    let reason =
                        format!("cannot read `{}`: {}", path.display(), crate::probe::dial::plain(&error));
                    let hint = format!("make the file readable, or pass `--var {name}=…`");
                    self.missing.insert(name.to_owned(), missing(reason, hint));
                    return Ok(());
                }
            },
        };
        let is_secret = variable.secret.unwrap_or_else(|| is_secret_name(name));
        if is_secret {
            hide(name, variable, &value, redactor)?;
        }
        let holds_password = hide_url_password(&value, redactor);
        let made_of_secrets = variable.reads().any(|read| self.scope.has_stand_in(first_part(read)));
        if made_of_secrets
            && let Some(Ok(shown)) = variable.document().map(|of| of.value(&self.scope.for_people()))
        {
            self.scope.set_secret(name, &value, &shown);
        } else if is_secret || holds_password {
            self.scope.set_secret(name, &value, &Value::from(stand_in(&variable.in_a_shell(name))));
        } else {
            self.scope.set(name, &value);
        }
        Ok(())
    }
}

fn hide(name: &str, variable: &Variable, value: &Value, redactor: &Redactor) -> Result<(), Diagnostic> {
    redactor.add_value(value).map_err(|unredactable| {
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
/// an URL is never shown with its password. Says whether there is one.
pub fn hide_url_password(value: &Value, redactor: &Redactor) -> bool {
    let url = value.as_str().filter(|text| text.contains('@')).and_then(|text| url::Url::parse(text).ok());
    let Some(password) = url.as_ref().and_then(url::Url::password) else { return false };
    let _ = redactor.add(password);
    let _ = redactor.add(&percent_encoding::percent_decode_str(password).decode_utf8_lossy());
    true
}
