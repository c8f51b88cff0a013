//! What templates see.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use minijinja::Environment;
use minijinja::value::{Object, Value as Dynamic};
use serde_json::Value;

use super::first_part;
use crate::language::dynamic::{Held, as_text};
use crate::language::expression;
use crate::language::period::{Instant, Period};
use crate::secret::{Redactor, STARS};

/// Values by name. Every check has a scope of its own, and nearly all of them only read: what they have in common is
/// copied by the first that changes it.
type Names = Arc<BTreeMap<String, Held>>;

/// What templates can read: variables, captures and the built-in names.
#[derive(Debug, Clone)]
pub struct Variables {
    environment: Arc<Environment<'static>>,
    values: Names,
    /// The placeholders, in commands for people, of the values that are secret or made of one.
    placeholders: Names,
    audience: Audience,
    /// Learns what expressions make of secrets.
    redactor: Arc<Redactor>,
}

/// Who is to see what is made with a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// Those who are asked: they get the values.
    Servers,
    /// Those who read of it: they get a placeholder for every secret.
    People,
}

impl Variables {
    /// A scope with nothing in it but the expressions' environment. What its expressions make of a secret that
    /// `redactor` knows is a secret too.
    pub fn empty(redactor: Arc<Redactor>) -> Variables {
        Variables {
            environment: Arc::new(expression::environment()),
            values: Names::default(),
            placeholders: Names::default(),
            audience: Audience::Servers,
            redactor,
        }
    }

    /// Sets a name to a value, over whatever it was.
    pub fn set(&mut self, name: &str, value: &Value) {
        self.insert(name, Held::new(value));
    }

    /// Sets a name to a period.
    pub(in crate::language) fn set_period(&mut self, name: &str, period: &Period) {
        self.insert(name, period.held());
    }

    /// A period in words: `yesterday is 2026-11-28 in Europe/Berlin, from … to …`.
    pub fn describe_period(&self, name: &str) -> Option<String> {
        let part = |part: &str| self.value_of(&format!("{name}.{part}"));
        let (start, end) = (Instant::of(&part("start")?)?, Instant::of(&part("end")?)?);
        let (date, zone) = (as_text(&part("date")?), start.zone());
        Some(format!("{name} is {date} in {zone}, from {} to {}", start.in_utc(), end.in_utc()))
    }

    /// The same, with these values over what the names were.
    pub fn with(&self, values: &[(String, Value)]) -> Variables {
        let mut scope = self.clone();
        for (name, value) in values {
            scope.set(name, value);
        }
        scope
    }

    /// Sets a name to a value that needs no placeholder.
    fn insert(&mut self, name: &str, value: Held) {
        Arc::make_mut(&mut self.values).insert(name.to_owned(), value);
        if self.has_placeholder(name) {
            Arc::make_mut(&mut self.placeholders).remove(name);
        }
    }

    fn insert_placeholder(&mut self, name: &str, placeholder: Held) {
        Arc::make_mut(&mut self.placeholders).insert(name.to_owned(), placeholder);
    }

    /// Sets a name to a value that people are shown as `placeholder`.
    pub fn set_secret(&mut self, name: &str, value: &Value, placeholder: &Value) {
        self.set(name, value);
        self.insert_placeholder(name, Held::new(placeholder));
    }

    /// The same with a placeholder for every secret: what a command for people is made with.
    pub fn for_people(&self) -> Variables {
        let mut scope = Variables { audience: Audience::People, ..self.clone() };
        if !self.placeholders.is_empty() {
            let pairs =
                self.placeholders.iter().map(|(name, placeholder)| (name.clone(), placeholder.clone()));
            Arc::make_mut(&mut scope.values).extend(pairs);
        }
        scope
    }

    pub(in crate::language) fn is_for_people(&self) -> bool {
        self.audience == Audience::People
    }

    pub(in crate::language) fn has_placeholder(&self, name: &str) -> bool {
        self.placeholders.contains_key(name)
    }

    /// Forgets a name.
    pub fn remove(&mut self, name: &str) {
        Arc::make_mut(&mut self.values).remove(name);
        if self.has_placeholder(name) {
            Arc::make_mut(&mut self.placeholders).remove(name);
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// The value of a name such as `order` or `run.id`, if it has one.
    pub(in crate::language) fn value_of(&self, name: &str) -> Option<Dynamic> {
        let mut parts = name.split('.');
        let whole = self.values.get(parts.next()?)?.written.clone();
        let part = parts.try_fold(whole, |value, part| value.get_attr(part).ok())?;
        (!part.is_undefined()).then_some(part)
    }

    /// What tells this run from every other.
    pub fn run_id(&self) -> Option<String> {
        self.value_of("run.id").map(|id| as_text(&id))
    }

    /// The suite's folder, with its whole path.
    pub fn suite_dir(&self) -> Option<PathBuf> {
        self.value_of("suite.dir").map(|dir| PathBuf::from(as_text(&dir)))
    }

    /// Takes over the named values of another scope, where it has them.
    pub fn take_over<'a>(&mut self, names: impl IntoIterator<Item = &'a str>, other: &Variables) {
        for name in names {
            if let Some(value) = other.values.get(name) {
                self.insert(name, value.clone());
                if let Some(placeholder) = other.placeholders.get(name) {
                    self.insert_placeholder(name, placeholder.clone());
                }
            }
        }
    }

    pub(in crate::language) fn environment(&self) -> &Environment<'static> {
        &self.environment
    }

    /// Keeps `made` out of every output if one of the values it was made of is secret: `{{password|upper}}` shows a
    /// password as well as `{{password}}` does.
    pub(in crate::language) fn hide_if_made_of_a_secret(&self, made: &str, of: &[String]) {
        // A URL with a password in it is known by its password, and is not made of anything if it is used unchanged.
        let is_secret = |name: &String| {
            self.values.get(first_part(name)).is_some_and(|value| {
                let text = as_text(&value.written);
                text != made && self.redactor.clean(&text) != text
            })
        };
        if of.iter().any(is_secret) && self.redactor.clean(made) != STARS {
            // One that is too short is not an error: it is `{{password|first}}`, and hiding it would hide too much.
            let _ = self.redactor.add(made);
        }
    }

    pub(in crate::language) fn context(&self) -> Dynamic {
        Dynamic::from_object(Context(Arc::clone(&self.values)))
    }
}

/// The values, as expressions compute with them.
#[derive(Debug)]
struct Context(Names);

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Dynamic) -> Option<Dynamic> {
        self.0.get(key.as_str()?).map(|held| held.computed.clone())
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Dynamic> {
        self.0.get(key).map(|held| held.computed.clone())
    }
}
