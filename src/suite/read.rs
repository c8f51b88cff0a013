//! Reading tables: every key with its type, and every mistake with its place.
//!
//! serde stops at the first mistake of a table and, with `flatten`, blames the wrong line. Here each key is
//! read by itself, so all mistakes of a file are shown at once. A reader asks for its keys, and what it did
//! not ask for is unknown.

use std::collections::BTreeMap;

use minijinja::Environment;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Diagnostic, closest};
use super::keys::Defaults;
use super::source::Place;

/// What reading one file needs, and the mistakes found so far.
pub struct Reading<'e> {
    pub file: usize,
    pub environment: &'e Environment<'static>,
    /// What `[defaults]` says, for the checks that do not say otherwise.
    pub defaults: Defaults,
    pub diagnostics: Vec<Diagnostic>,
}

impl Reading<'_> {
    pub fn place(&self, span: std::ops::Range<usize>) -> Place {
        Place::new(self.file, span)
    }

    /// Records a mistake and is `None`, so that a reader can end with it.
    pub fn reject<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.diagnostics.push(diagnostic);
        None
    }

    /// Records that `value` is not what was expected there.
    pub fn expected<T>(&mut self, value: &Spanned<DeValue<'_>>, expected: &str) -> Option<T> {
        let place = self.place(value.span());
        self.reject(Diagnostic::new(
            place,
            format!("expected {expected}, found {}", describe(value.get_ref())),
        ))
    }
}

/// A value as a message names it.
pub fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() <= 40 => format!("the string {text:?}"),
        DeValue::String(_) => "a string".to_owned(),
        DeValue::Integer(number) => format!("the number {}", number.as_str()),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(truth) => format!("`{truth}`"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(items) if items.is_empty() => "an empty array".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// A type that one key of a suite can have.
pub trait FromToml: Sized {
    /// Reads `value`. `None` means that a mistake was recorded.
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self>;
}

/// A table with keys of its own.
pub trait FromTable: Sized {
    /// Reads the keys that belong to this type. `None` means that a mistake was recorded.
    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self>;
}

impl<T: FromTable> FromToml for T {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(keys) => read_table(keys, value.span(), reading, T::from_table),
            DeValue::Array(items) if items.iter().all(|item| item.get_ref().is_table()) => {
                let place = reading.place(value.span());
                let message = format!("expected a table, found {}", describe(value.get_ref()));
                let hint = "a table that is there once has one bracket on each side: `[name]`";
                reading.reject(Diagnostic::new(place, message).hint(hint))
            }
            _ => reading.expected(value, "a table"),
        }
    }
}

/// Reads a whole table: what `read` does not ask for is an unknown key. That alone does not keep the table from
/// being read, so that what is wrong elsewhere is found in the same go.
pub fn read_table<'e, T>(
    keys: &DeTable<'_>,
    span: std::ops::Range<usize>,
    reading: &mut Reading<'e>,
    read: impl FnOnce(&mut Table<'_, '_, 'e>) -> Option<T>,
) -> Option<T> {
    let place = reading.place(span);
    let mut table = Table { keys, place, asked: Vec::new(), missing: Vec::new(), reading };
    let value = read(&mut table);
    table.reject_unknown();
    value
}

/// A table being read.
pub struct Table<'t, 'r, 'e> {
    keys: &'t DeTable<'t>,
    place: Place,
    asked: Vec<Key>,
    missing: Vec<Missing>,
    pub reading: &'r mut Reading<'e>,
}

/// A key that a table may have.
struct Key {
    name: &'static str,
    doc: &'static str,
}

/// Something that is not there, though it should be.
struct Missing {
    /// The key, if it can only be this one.
    key: Option<&'static str>,
    diagnostic: Diagnostic,
}

impl<'t> Table<'t, '_, '_> {
    /// Where the table stands.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Where the key's name stands, or the table if it has no such key.
    pub fn key_place(&self, name: &str) -> Place {
        self.keys.get_key_value(name).map_or(self.place, |(key, _)| self.reading.place(key.span()))
    }

    pub fn has(&self, name: &str) -> bool {
        self.keys.contains_key(name)
    }

    /// The value as it stands, for a reader that needs more than a type.
    pub fn raw(&mut self, name: &'static str, doc: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.push(Key { name, doc });
        self.keys.get(name)
    }

    /// A key that may be left out.
    pub fn optional<T: FromToml>(&mut self, name: &'static str, doc: &'static str) -> Option<T> {
        let value = self.raw(name, doc)?;
        T::from_toml(value, self.reading)
    }

    /// A key that must be there.
    pub fn required<T: FromToml>(&mut self, name: &'static str, doc: &'static str) -> Option<T> {
        match self.raw(name, doc) {
            Some(value) => T::from_toml(value, self.reading),
            None => {
                let missing = Diagnostic::new(self.place, format!("missing key `{name}`"));
                let diagnostic = missing.hint(format!("`{name}`: {doc}"));
                self.missing.push(Missing { key: Some(name), diagnostic });
                None
            }
        }
    }

    /// Records that nothing of what is needed here is there. It is not told where a key is misspelt: that key is
    /// most likely the one.
    pub fn lacks<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.missing.push(Missing { key: None, diagnostic });
        None
    }

    /// Records a mistake at the key `name`.
    pub fn reject<T>(&mut self, name: &str, message: impl Into<String>) -> Option<T> {
        let place = self.key_place(name);
        self.reading.reject(Diagnostic::new(place, message))
    }

    fn reject_unknown(&mut self) {
        let mut unknown = false;
        for key in self.keys.keys() {
            let given = key.get_ref().as_ref();
            if self.asked.iter().any(|asked| asked.name == given) {
                continue;
            }
            unknown = true;
            let place = self.reading.place(key.span());
            let mistake = Diagnostic::new(place, format!("unknown key `{given}`"));
            let meant = closest(given, self.asked.iter().map(|asked| asked.name));
            let mistake = match self.asked.iter().find(|asked| Some(asked.name) == meant) {
                Some(meant) => {
                    self.missing.retain(|missing| missing.key != Some(meant.name));
                    mistake
                        .label(format!("did you mean `{}`?", meant.name))
                        .hint(format!("`{}`: {}", meant.name, meant.doc))
                }
                None => {
                    let names: Vec<&str> = self.asked.iter().map(|asked| asked.name).collect();
                    mistake.hint(format!("the keys here are {}", names.join(", ")))
                }
            };
            self.reading.diagnostics.push(mistake);
        }
        let missing = self.missing.drain(..).filter(|missing| missing.key.is_some() || !unknown);
        self.reading.diagnostics.extend(missing.map(|missing| missing.diagnostic));
    }
}

impl FromToml for String {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => reading.expected(value, "a string"),
        }
    }
}

impl FromToml for bool {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Boolean(truth) => Some(*truth),
            _ => reading.expected(value, "`true` or `false`"),
        }
    }
}

/// A whole number from 1 up.
impl FromToml for std::num::NonZeroU32 {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        whole_number(value)
            .and_then(|number| u32::try_from(number).ok())
            .and_then(std::num::NonZeroU32::new)
            .or_else(|| reading.expected(value, "a whole number from 1 up"))
    }
}

/// A whole number from 0 up.
impl FromToml for u32 {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        whole_number(value)
            .and_then(|number| u32::try_from(number).ok())
            .or_else(|| reading.expected(value, "a whole number from 0 up"))
    }
}

/// A port.
impl FromToml for u16 {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        whole_number(value)
            .and_then(|number| u16::try_from(number).ok())
            .or_else(|| reading.expected(value, "a number from 0 to 65535"))
    }
}

/// The value as a whole number, if it is one.
pub fn whole_number(value: &Spanned<DeValue<'_>>) -> Option<i64> {
    let integer = value.get_ref().as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

impl<T: FromToml> FromToml for Vec<T> {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Array(items) => {
                let read: Vec<Option<T>> = items.iter().map(|item| T::from_toml(item, reading)).collect();
                read.into_iter().collect()
            }
            DeValue::String(text) => {
                let place = reading.place(value.span());
                let message = format!("expected an array, found {}", describe(value.get_ref()));
                reading
                    .reject(Diagnostic::new(place, message).label(format!("did you mean `[{:?}]`?", &**text)))
            }
            DeValue::Table(_) => {
                let place = reading.place(value.span());
                let hint = "what can be there several times has two brackets on each side: `[[name]]`";
                reading.reject(Diagnostic::new(place, "expected an array, found a table").hint(hint))
            }
            _ => reading.expected(value, "an array"),
        }
    }
}

/// A table whose keys the author names, in the order of the file.
impl<T: FromToml> FromToml for Vec<(Named, T)> {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(keys) => {
                let read: Vec<Option<(Named, T)>> = keys
                    .iter()
                    .map(|(key, item)| {
                        let named =
                            Named { name: key.get_ref().to_string(), place: reading.place(key.span()) };
                        Some((named, T::from_toml(item, reading)?))
                    })
                    .collect();
                read.into_iter().collect()
            }
            _ => reading.expected(value, "a table"),
        }
    }
}

/// A name with its place, such as another check's in `needs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub place: Place,
}

impl FromToml for Named {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        let place = reading.place(value.span());
        String::from_toml(value, reading).map(|name| Named { name, place })
    }
}

impl<T: FromToml> FromToml for BTreeMap<String, T> {
    fn from_toml(value: &Spanned<DeValue<'_>>, reading: &mut Reading<'_>) -> Option<Self> {
        let entries: Vec<(Named, T)> = FromToml::from_toml(value, reading)?;
        Some(entries.into_iter().map(|(named, item)| (named.name, item)).collect())
    }
}
