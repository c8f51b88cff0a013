//! Reading tables: every key with its type, and every mistake with its place.
//!
//! serde stops at the first mistake of a table and, with `flatten`, blames the wrong line. Here each key is
//! read by itself, so all mistakes of a file are shown at once. A reader asks for its keys, and what it did
//! not ask for is unknown.
//!
//! A reader asks for all its keys whatever it finds. So what it asks of an empty table is the list of the keys
//! there are, and that list, and no other, is what [`schema`](super::schema) describes.

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

/// What reading one file needs, and the mistakes found so far.
pub struct ParseContext<'e> {
    pub file: usize,
    pub environment: &'e Environment<'static>,
    /// The values of `[defaults]`, for the checks that omit the key.
    pub defaults: DefaultValues,
    pub patterns: Compiled<Regex>,
    pub paths: Compiled<Arc<JsonPath>>,
    pub diagnostics: Vec<Diagnostic>,
    /// The variables, where they are known: what settings with templates are rendered with.
    pub scope: Option<Variables>,
    pub settings: Settings,
    /// Is it one of the checks that `each` makes? Its name may have a template in it, which tells it from the others.
    pub is_of_each: bool,
    /// Is it only a part of a table, so that nothing is missing in it?
    pub is_partial: bool,
    /// Where what is lent by other files comes from.
    pub lent: Lent,
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

/// The values of `[defaults]`, by the type that reads them: the language knows none of these types.
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

/// What was compiled so far, by its text: what many checks have in common is compiled once.
pub struct Compiled<T>(HashMap<String, T>);

impl<T> Default for Compiled<T> {
    fn default() -> Compiled<T> {
        Compiled(HashMap::new())
    }
}

impl<T: Clone> Compiled<T> {
    /// What `compile` makes of `text`, or made of it before.
    ///
    /// # Errors
    /// What `compile` says.
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
            folder: PathBuf::new(),
            sources: Sources::default(),
            warnings: Vec::new(),
        }
    }

    pub fn place(&self, span: std::ops::Range<usize>) -> Place {
        self.lent.place(self.file, span)
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
        DeValue::Boolean(boolean) => format!("`{boolean}`"),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(items) if items.is_empty() => "an empty array".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// A type that one key of a suite can have.
pub trait FromToml: Sized {
    /// What a template means in a value of this type.
    const TEMPLATES: Templates = Templates::Rendered;

    /// Reads `value`. `None` means that a mistake was recorded.
    fn from_toml(value: &Spanned<DeValue<'_>>, parse: &mut ParseContext<'_>) -> Option<Self>;

    /// Describes what [`from_toml`](FromToml::from_toml) takes.
    fn schema(definitions: &mut Definitions<'_>) -> Schema;
}

/// A table with keys of its own.
pub trait FromTable: Sized {
    /// What the schema calls such a table.
    const DEFINITION: &'static str;

    /// Reads the keys that belong to this type. `None` means that a mistake was recorded.
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

/// An integer from 1 up.
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

/// An integer from 0 up.
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

/// The value as an integer, if it is one.
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

/// A table whose keys the author names, in the order of the file.
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

/// A type that the name of a key can have, where the author names the keys.
pub trait FromKey: Sized {
    /// What a template means in a name of this type.
    const TEMPLATES: Templates;

    /// Reads a key's name. `None` means that a mistake was recorded.
    fn from_key(key: Named, parse: &mut ParseContext<'_>) -> Option<Self>;

    /// A regular expression that every name matches which [`from_key`](FromKey::from_key) takes, if there is a
    /// simple one.
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

/// A name with its place, such as another check's in `needs`.
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
