//! Reading tables: every key with its type, and every mistake with its place.
//!
//! serde stops at the first mistake in a table and, with `flatten`, blames the wrong line. Here every key is read
//! separately, so all mistakes in a file are reported at once. A reader asks for its keys, and any other key is
//! unknown.
//!
//! A reader asks for all of its keys, whatever the table contains. What it asks of an empty table is therefore the list
//! of existing keys, and [`schema`](super::schema) describes exactly that list.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use minijinja::Environment;
use regex::Regex;
use serde_json::json;
use serde_json_path::JsonPath;
use toml::Spanned;
use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::schema::{Definitions, Schema};
use super::setting;
pub use super::setting::Templates;
use super::source::{Lent, Place, Sources};
pub use super::table::{Table, read_table};
use super::variables::Variables;

/// The state of reading one file, with the mistakes found so far.
pub struct ParseContext<'e> {
    pub file: usize,
    pub environment: &'e Environment<'static>,
    /// The values of `[defaults]`, for checks that omit the key.
    pub defaults: DefaultValues,
    pub patterns: Compiled<Regex>,
    pub paths: Compiled<Arc<JsonPath>>,
    pub diagnostics: Vec<Diagnostic>,
    /// The variables, once known. Templates in settings are rendered with them.
    pub scope: Option<Variables>,
    pub settings: Settings,
    /// Whether the check comes from `each`. Its name may contain a template, which distinguishes it from the others.
    pub is_of_each: bool,
    /// Is it only a part of a table, so that nothing is missing in it?
    pub is_partial: bool,
    /// Where what is lent by other files comes from.
    pub lent: Lent,
    /// Is it known which environment the suite runs in, if in any? Else a value that a variable gives may be another one.
    pub is_environment_known: bool,
    /// The folder that relative paths start in: the suite's.
    pub folder: PathBuf,
    /// The suite's files so far, and what checks read beside them.
    pub sources: Sources,
    /// What is wrong with a file that a check reads, and keeps nothing from being run.
    pub warnings: Vec<Diagnostic>,
}

/// What was found of settings that differ between environments.
#[derive(Debug, Default)]
pub struct Settings {
    /// Is there any? Then the suite is another one in each environment.
    pub depend_on_environment: bool,
    /// The variables that are read there.
    pub reads: Vec<(String, Place)>,
}

/// The values of `[defaults]`, by the type that reads them. The language does not know these types.
#[derive(Clone, Default)]
pub struct DefaultValues(HashMap<TypeId, Arc<dyn Any>>);

impl DefaultValues {
    pub fn set<T: 'static>(&mut self, value: T) {
        self.0.insert(TypeId::of::<T>(), Arc::new(value));
    }

    pub fn get<T: 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }
}

/// A cache of compiled values by their text, because many checks share one.
pub struct Compiled<T>(HashMap<String, T>);

impl<T> Default for Compiled<T> {
    fn default() -> Compiled<T> {
        Compiled(HashMap::new())
    }
}

impl<T: Clone> Compiled<T> {
    /// Returns the cached value for `text`, or calls `compile`.
    ///
    /// # Errors
    /// Returns the error of `compile`.
    pub fn once<E>(&mut self, text: &str, compile: impl FnOnce(&str) -> Result<T, E>) -> Result<T, E> {
        if let Some(known) = self.0.get(text) {
            return Ok(known.clone());
        }
        let new = compile(text)?;
        self.0.insert(text.to_owned(), new.clone());
        Ok(new)
    }
}

impl<'e> ParseContext<'e> {
    pub fn new(file: usize, environment: &'e Environment<'static>) -> ParseContext<'e> {
        ParseContext {
            file,
            environment,
            defaults: DefaultValues::default(),
            patterns: Compiled::default(),
            paths: Compiled::default(),
            diagnostics: Vec::new(),
            scope: None,
            settings: Settings::default(),
            is_of_each: false,
            is_partial: false,
            lent: Lent::default(),
            is_environment_known: false,
            folder: PathBuf::new(),
            sources: Sources::default(),
            warnings: Vec::new(),
        }
    }

    pub fn place(&self, span: std::ops::Range<usize>) -> Place {
        self.lent.place(self.file, span)
    }

    /// Records a mistake and returns `None`, so that a reader can return the result.
    pub fn reject<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.diagnostics.push(diagnostic);
        None
    }

    /// Records that `value` is not what was expected.
    pub fn expected<T>(&mut self, value: &Spanned<DeValue<'_>>, expected: &str) -> Option<T> {
        let place = self.place(value.span());
        self.reject(Diagnostic::new(
            place,
            format!("expected {expected}, found {}", describe(value.get_ref())),
        ))
    }
}

/// Describes a value for a message.
pub fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() <= 40 => format!("the string {text:?}"),
        DeValue::String(_) => "a string".to_owned(),
        DeValue::Integer(number) => format!("the number {}", number.as_str()),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(boolean) => format!("`{boolean}`"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(items) if items.is_empty() => "an empty array".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// A type that a key of a suite can have.
pub trait FromToml: Sized {
    /// The meaning of a template in a value of this type.
    const TEMPLATES: Templates = Templates::Rendered;

    /// Is it text that every report shows, so that no secret may be in it?
    const IS_SHOWN: bool = false;

    /// Reads `value`. `None` means that a mistake was recorded.
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self>;

    /// Describes the values that [`from_toml`](FromToml::from_toml) accepts.
    fn schema(definitions: &mut Definitions<'_>) -> Schema;
}

/// A table with its own keys.
pub trait FromTable: Sized {
    /// The name of the table in the schema.
    const DEFINITION: &'static str;

    /// Reads the keys of this type. `None` means that a mistake was recorded.
    fn from_table(table: &mut Table<'_, '_, '_>) -> Option<Self>;
}

impl<T: FromTable> FromToml for T {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(keys) => read_table(keys, value.span(), parse, T::from_table),
            DeValue::Array(items) if items.iter().all(|item| item.get_ref().is_table()) => {
                let place = parse.place(value.span());
                let message = format!("expected a table, found {}", describe(value.get_ref()));
                let hint = "a table that occurs once has one bracket on each side: `[name]`";
                parse.reject(Diagnostic::new(place, message).hint(hint))
            }
            _ => parse.expected(value, "a table"),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        definitions.table(T::DEFINITION, |table| {
            let _ = T::from_table(table);
        })
    }
}

impl FromToml for String {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) => Some(text.to_string()),
            _ => parse.expected(value, "a string"),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "string" })
    }
}

impl FromToml for bool {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Boolean(boolean) => Some(*boolean),
            _ => parse.expected(value, "`true` or `false`"),
        }
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "boolean" })
    }
}

/// An integer of at least 1.
impl FromToml for std::num::NonZeroU32 {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        whole_number(value)
            .and_then(|number| u32::try_from(number).ok())
            .and_then(std::num::NonZeroU32::new)
            .or_else(|| parse.expected(value, "an integer from 1 up"))
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "integer", "minimum": 1, "maximum": u32::MAX })
    }
}

/// An integer of at least 0.
impl FromToml for u32 {
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        whole_number(value)
            .and_then(|number| u32::try_from(number).ok())
            .or_else(|| parse.expected(value, "an integer from 0 up"))
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX })
    }
}

/// Returns the value as an integer, if it is one.
pub fn whole_number(value: &Spanned<DeValue<'_>>) -> Option<i64> {
    let integer = value.get_ref().as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

impl<T: FromToml> FromToml for Vec<T> {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Array(items) => {
                let read: Vec<Option<T>> = items.iter().map(|item| setting::read(item, parse)).collect();
                read.into_iter().collect()
            }
            DeValue::String(text) => {
                let place = parse.place(value.span());
                let message = format!("expected an array, found {}", describe(value.get_ref()));
                parse
                    .reject(Diagnostic::new(place, message).label(format!("did you mean `[{:?}]`?", &**text)))
            }
            DeValue::Table(_) => {
                let place = parse.place(value.span());
                let hint = "a table that may occur several times has two brackets on each side: `[[name]]`";
                parse.reject(Diagnostic::new(place, "expected an array, found a table").hint(hint))
            }
            _ => parse.expected(value, "an array"),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        json!({ "type": "array", "items": setting::schema::<T>(definitions) })
    }
}

/// A table with keys that the author names, in file order.
impl<K: FromKey, T: FromToml> FromToml for Vec<(K, T)> {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::Table(keys) => {
                let read: Vec<Option<(K, T)>> = keys
                    .iter()
                    .map(|(key, item)| {
                        let named = Named { name: key.get_ref().to_string(), place: parse.place(key.span()) };
                        let (key, item) = (setting::read_key(named, parse), setting::read(item, parse));
                        key.zip(item)
                    })
                    .collect();
                read.into_iter().collect()
            }
            _ => parse.expected(value, "a table"),
        }
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        let item = setting::schema::<T>(definitions);
        match K::pattern() {
            None => json!({ "type": "object", "additionalProperties": item }),
            Some(pattern) => json!({
                "type": "object",
                "propertyNames": { "pattern": pattern },
                "additionalProperties": item,
            }),
        }
    }
}

/// A type for key names that the author chooses.
pub trait FromKey: Sized {
    /// The meaning of a template in a name of this type.
    const TEMPLATES: Templates;

    /// Reads a key's name. `None` means that a mistake was recorded.
    fn from_key(key: Named, parse: &mut ParseContext<'_>) -> Option<Self>;

    /// Returns a regular expression that matches every name that [`from_key`](FromKey::from_key) accepts, if a simple
    /// one exists.
    fn pattern() -> Option<&'static str>;
}

impl FromKey for Named {
    const TEMPLATES: Templates = Templates::Refused;

    fn from_key(key: Named, _: &mut ParseContext<'_>) -> Option<Self> {
        Some(key)
    }

    fn pattern() -> Option<&'static str> {
        None
    }
}

/// A name with its place, such as the name of another check in `needs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub place: Place,
}

impl FromToml for Named {
    const TEMPLATES: Templates = Templates::Refused;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let place = parse.place(value.span());
        String::from_toml(value, parse).map(|name| Named { name, place })
    }

    fn schema(_: &mut Definitions<'_>) -> Schema {
        json!({ "type": "string" })
    }
}

impl<T: FromToml> FromToml for BTreeMap<String, T> {
    const TEMPLATES: Templates = Templates::Own;

    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self> {
        let entries: Vec<(Named, T)> = FromToml::from_toml(value, parse)?;
        Some(entries.into_iter().map(|(named, item)| (named.name, item)).collect())
    }

    fn schema(definitions: &mut Definitions<'_>) -> Schema {
        Vec::<(Named, T)>::schema(definitions)
    }
}
