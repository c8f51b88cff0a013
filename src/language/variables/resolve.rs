//! Resolves variables, each after the variables that it reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::{Variable, VariableSource, Variables, first_part, is_built_in, is_secret_name, typed_as};
use crate::language::diagnostic::Diagnostic;
use crate::language::period::{PERIODS, Period, Zone};
use crate::language::regular_file;
use crate::language::size::{LARGEST_VARIABLE, length};
use crate::language::source::Place;
use crate::language::template::Template;
use crate::language::value::Document;
use crate::secret::Redactor;
use crate::secret::placeholder::placeholder_for;

/// The variables that have values, and those that do not.
#[derive(Debug)]
pub struct Resolved {
    pub scope: Variables,
    /// Why a variable has no value. This is a mistake only if a check reads it.
    pub missing: BTreeMap<String, Missing>,
}

/// A variable without a value.
#[derive(Debug, Clone)]
pub struct Missing {
    pub place: Place,
    pub reason: String,
    pub hint: String,
    /// Whether the reason is already reported at the variable itself.
    pub told: bool,
}

/// Gives every variable its value and makes the secret ones known to `redactor`. The mistakes are variables that
/// form a cycle or read something undefined, and secrets too short to redact; those have no value then. `zone` is
/// where days begin.
pub fn resolve(
    variables: &BTreeMap<String, Variable>,
    suite_dir: &Path,
    zone: &Zone,
    redactor: &Arc<Redactor>,
) -> (Resolved, Vec<Diagnostic>) {
    let mut resolved = Resolved { scope: Variables::empty(Arc::clone(redactor)), missing: BTreeMap::new() };
    let run_id = uuid::Uuid::new_v4().simple().to_string();
    let started = jiff::Timestamp::now();
    resolved.scope.set("run", &json!({ "id": &run_id[..12], "started": started.to_string() }));
    for (name, period) in PERIODS.into_iter().zip(Period::all(started, zone)) {
        resolved.scope.set_period(name, &period);
    }
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

/// Returns the absolute path, so that `{{suite.dir}}/file` names the file. A plain file name has an empty directory.
fn absolute(dir: &Path) -> PathBuf {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned())
}

/// Explains why none of `blocked` can be resolved: some read an undefined variable, some form a cycle, and the others
/// depend on one of these.
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

/// Returns the cycle that starts and ends at `name`.
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

impl Resolved {
    fn knows(&self, name: &str) -> bool {
        is_built_in(name) || self.scope.has(first_part(name)) || self.missing.contains_key(first_part(name))
    }

    /// Marks a variable as missing because of a mistake that has been reported.
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
            // The reason and the hint come from the variable at the root of the chain.
            let of = &self.missing[first_part(read)];
            let reason = format!("it reads `{read}`, and {}", of.reason);
            let because = Missing { told: of.told, ..missing(reason, of.hint.clone()) };
            self.missing.insert(name.to_owned(), because);
            return Ok(());
        }
        let document = |document: &Document, scope: &Variables| {
            let value = document.value(scope).map_err(|error| Diagnostic::new(variable.place, error))?;
            if document.fixed().is_none() && length(&value) > LARGEST_VARIABLE {
                Err(too_large(name, variable.place))
            } else {
                Ok(value)
            }
        };
        let value = match &variable.source {
            VariableSource::Literal(literal) => document(literal, &self.scope)?,
            VariableSource::CommandLine { text, instead_of } => typed_as(instead_of.as_ref(), text),
            VariableSource::Mistaken => {
                self.give_up(name, variable);
                return Ok(());
            }
            VariableSource::Environment { name: env, default } => match (std::env::var(env), default) {
                (Ok(text), default) => typed_as(default.as_ref().and_then(Document::fixed), &text),
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
            VariableSource::File(path) => match regular_file::read_text(&suite_dir.join(path)) {
                Ok(text) => Value::from(
                    text.strip_suffix('\n').map_or(text.as_str(), |t| t.strip_suffix('\r').unwrap_or(t)),
                ),
                Err(error) => {
                    let reason = format!(
                        "cannot read `{}`: {}",
                        path.display(),
                        crate::language::io_error::reason(&error)
                    );
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
        // A password inside an address is secret too, whatever the name of the variable.
        let holds_password = value.as_str().is_some_and(|text| redactor.add_address(text));
        let made_of_secrets = variable.reads().any(|read| self.scope.has_placeholder(first_part(read)));
        if made_of_secrets
            && let Some(Ok(shown)) = variable.made_of().map(|of| of.value(&self.scope.for_people()))
        {
            self.scope.set_secret(name, &value, &shown);
        } else if is_secret || holds_password {
            self.scope.set_secret(
                name,
                &value,
                &Value::from(placeholder_for(&value, &variable.in_a_shell(name, suite_dir))),
            );
        } else {
            self.scope.set(name, &value);
        }
        Ok(())
    }
}

fn too_large(name: &str, place: Place) -> Diagnostic {
    let message =
        format!("`{name}` is larger than the {} MiB that templates may make", LARGEST_VARIABLE >> 20);
    Diagnostic::new(place, message).hint("a variable that is read from a file (`file = …`) may be larger")
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
        .hint("give it its real value, or say `secret = false` if it is not a secret")
    })
}
