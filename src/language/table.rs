//! A table of the suite while it is read: which keys it may have, and the rules between them.

use minijinja::Environment;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::diagnostic::{Diagnostic, closest};
use super::read::{FromToml, ParseContext};
use super::schema::{Definitions, Schema};
use super::setting;
use super::source::Place;
pub use super::to_toml::ToToml;

/// Reads a whole table. A key that `read` does not ask for is unknown. The table is read nevertheless, so that mistakes
/// elsewhere are found in the same pass.
pub fn read_table<'e, T>(
    keys: &DeTable<'_>,
    span: std::ops::Range<usize>,
    parse: &mut ParseContext<'e>,
    read: impl FnOnce(&mut Table<'_, '_, 'e>) -> Option<T>,
) -> Option<T> {
    let place = parse.place(span);
    let mut table = Table::new(keys, place, Purpose::Reading, parse);
    let value = read(&mut table);
    table.reject_unknown();
    value
}

/// Returns what `read` asks of a table that is empty, or that contains only the key `variant`.
pub fn asked_by(
    read: impl FnOnce(&mut Table<'_, '_, '_>),
    variant: Option<&'static str>,
    environment: &Environment<'static>,
) -> Asked {
    let mut parse = ParseContext::new(0, environment);
    let mut keys = DeTable::new();
    keys.extend(
        variant.map(|key| (Spanned::new(0..0, key.into()), Spanned::new(0..0, DeValue::String("".into())))),
    );
    let place = parse.place(0..0);
    let mut table = Table::new(&keys, place, Purpose::Describing, &mut parse);
    read(&mut table);
    table.asked
}

/// A table being read.
pub struct Table<'t, 'r, 'e> {
    pub(super) keys: &'t DeTable<'t>,
    place: Place,
    purpose: Purpose,
    pub(super) asked: Asked,
    pub(super) missing: Vec<Missing>,
    /// Keys of which it was said already that they cannot be here.
    refused: Vec<&'static str>,
    pub parse: &'r mut ParseContext<'e>,
}

/// Why a table is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// To obtain its values.
    Reading,
    /// To list its possible keys.
    Describing,
}

/// What a reader asked of a table. Rules and defaults are recorded only when the table is described.
#[derive(Default)]
pub struct Asked {
    pub keys: Vec<Key>,
    /// The keys that turn the table into another kind of table.
    pub variants: Vec<Key>,
    pub rules: Vec<Rule>,
    pub defaults: Vec<(&'static str, Value)>,
}

/// The documentation of a key, for editors, messages, the manual and the reference.
#[derive(Debug, Clone, Copy)]
pub struct Doc {
    /// The meaning of the key as part of a sentence: in lower case, without a full stop.
    pub meaning: &'static str,
    /// The key as a suite writes it.
    pub example: Option<&'static str>,
}

impl From<&'static str> for Doc {
    fn from(meaning: &'static str) -> Doc {
        Doc { meaning, example: None }
    }
}

impl From<(&'static str, &'static str)> for Doc {
    fn from((meaning, example): (&'static str, &'static str)) -> Doc {
        Doc { meaning, example: Some(example) }
    }
}

/// A key that a table may have.
pub struct Key {
    pub name: &'static str,
    pub doc: Doc,
    pub shape: Shape,
    /// The schemas of its value for other readers of the table, if they differ.
    pub or_shapes: Vec<fn(&mut Definitions<'_>) -> Schema>,
    pub is_required: bool,
}

/// The shape of a key's value.
pub enum Shape {
    /// A value of one type.
    Value(fn(&mut Definitions<'_>) -> Schema),
    /// An array of tables.
    Tables(&'static dyn NamedTable),
    /// One table that has some of the keys of such tables.
    PartOf(&'static dyn NamedTable),
}

/// A table that a suite may contain several times, such as the checks of a kind.
pub trait NamedTable: Sync {
    /// Returns the table's name in the suite.
    fn name(&self) -> &'static str;

    /// Asks for its keys.
    fn ask(&self, table: &mut Table<'_, '_, '_>);

    /// The keys that no other table can give it. `None` if none can give it any.
    fn own_keys(&self) -> Option<&'static [&'static str]> {
        None
    }
}

/// A rule about the keys of a table.
#[derive(Debug, Clone, Copy)]
pub enum Rule {
    ExactlyOne(&'static [&'static str]),
    AtMostOne(&'static [&'static str]),
    AtLeastOne(&'static [&'static str]),
    NotEmpty,
    /// The first key requires the second.
    Needs(&'static str, &'static str),
    /// The array has at least one entry.
    Filled(&'static str),
    /// The names of the table's keys match the pattern.
    NamesLike(&'static str, &'static str),
}

/// A required key that is absent.
pub(super) struct Missing {
    /// The key, if only one would do.
    key: Option<&'static str>,
    pub diagnostic: Diagnostic,
}

impl<'t, 'r, 'e> Table<'t, 'r, 'e> {
    fn new(keys: &'t DeTable<'t>, place: Place, purpose: Purpose, parse: &'r mut ParseContext<'e>) -> Self {
        // Preallocated for what most readers ask for, because growing takes a good part of the time to read a table.
        let asked = Asked { keys: Vec::with_capacity(32), ..Asked::default() };
        Table { keys, place, purpose, asked, missing: Vec::new(), refused: Vec::new(), parse }
    }

    /// Returns the same table for another reader.
    pub(super) fn again(&mut self) -> Table<'t, '_, 'e> {
        Table::new(self.keys, self.place, self.purpose, self.parse)
    }

    /// Whether the table is read to list its possible keys.
    pub(super) fn is_described(&self) -> bool {
        self.purpose == Purpose::Describing
    }

    pub fn place(&self) -> Place {
        self.place
    }

    /// Returns the place of the key's name, or of the table if the key is absent.
    pub fn key_place(&self, name: &str) -> Place {
        self.find(name).map_or(self.place, |(key, _)| self.parse.place(key.span()))
    }

    pub fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Tables have a few keys and are asked for dozens, so a linear search is faster than hashing every name.
    fn find(&self, name: &str) -> Option<(&'t Spanned<DeString<'t>>, &'t Spanned<DeValue<'t>>)> {
        self.keys.iter().find(|(key, _)| key.get_ref() == name)
    }

    /// Returns the value as written, for a reader that needs more than a type.
    pub fn raw(
        &mut self,
        name: &'static str,
        doc: impl Into<Doc>,
        shape: Shape,
    ) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.keys.push(Key { name, doc: doc.into(), shape, or_shapes: Vec::new(), is_required: false });
        self.find(name).map(|(_, value)| value)
    }

    /// Reads an optional key.
    pub fn optional<T: FromToml>(&mut self, name: &'static str, doc: impl Into<Doc>) -> Option<T> {
        let value = self.raw(name, doc, Shape::Value(setting::schema::<T>))?;
        setting::read(value, self.parse)
    }

    /// Reads an optional key, and returns `default` if it is omitted.
    pub fn optional_or<T: FromToml + ToToml>(
        &mut self,
        name: &'static str,
        doc: impl Into<Doc>,
        default: T,
    ) -> T {
        self.overridable(name, doc, &default).unwrap_or(default)
    }

    /// Reads an optional key. `default` applies if nothing else sets the value either.
    pub fn overridable<T: FromToml + ToToml>(
        &mut self,
        name: &'static str,
        doc: impl Into<Doc>,
        default: &T,
    ) -> Option<T> {
        if self.is_described() {
            self.asked.defaults.push((name, default.to_toml()));
        }
        self.optional(name, doc)
    }

    /// Reads a required key.
    pub fn required<T: FromToml>(&mut self, name: &'static str, doc: impl Into<Doc>) -> Option<T> {
        let value = self.optional(name, doc);
        self.require(name);
        value
    }

    /// Marks a key that was asked for as required.
    pub fn require(&mut self, name: &'static str) {
        let is_there = self.has(name);
        let Some(key) = self.asked.keys.iter_mut().find(|key| key.name == name) else { return };
        key.is_required = true;
        if !is_there {
            let missing = Diagnostic::new(self.place, format!("missing key `{name}`"));
            let diagnostic = missing.hint(format!("`{name}`: {}", key.doc.meaning));
            self.missing.push(Missing { key: Some(name), diagnostic });
        }
    }

    /// Whether the table has the key that turns it into another kind of table. That kind is then asked for all of its
    /// keys, including this one.
    pub fn is_variant(&mut self, name: &'static str, doc: impl Into<Doc>) -> bool {
        let shape = Shape::Value(String::schema);
        self.asked.variants.push(Key {
            name,
            doc: doc.into(),
            shape,
            or_shapes: Vec::new(),
            is_required: true,
        });
        self.has(name)
    }

    /// Returns the one of `keys` that the table has. Records a mistake with `message` if it has none or several.
    pub fn exactly_one(
        &mut self,
        keys: &'static [&'static str],
        message: impl Into<String>,
    ) -> Option<&'static str> {
        self.obeys(Rule::ExactlyOne(keys));
        let mut given = keys.iter().filter(|key| self.has(key));
        match (given.next(), given.next()) {
            (Some(one), None) => Some(one),
            _ => {
                let mistake = Diagnostic::new(self.place, message);
                self.lacks(mistake)
            }
        }
    }

    /// Records a mistake at the second of `keys` that the table has.
    pub fn at_most_one(&mut self, keys: &'static [&'static str], message: impl Into<String>) -> Option<()> {
        self.obeys(Rule::AtMostOne(keys));
        match keys.iter().filter(|key| self.has(key)).nth(1) {
            Some(second) => self.reject(second, message),
            None => Some(()),
        }
    }

    /// Records a mistake if `key` is present without `other`, which it requires.
    pub fn needs(
        &mut self,
        key: &'static str,
        other: &'static str,
        message: impl Into<String>,
    ) -> Option<()> {
        self.obeys(Rule::Needs(key, other));
        if self.has(key) && !self.has(other) { self.reject(key, message) } else { Some(()) }
    }

    /// Returns the keys that were asked for so far, except `these`.
    pub fn asked_but(&self, these: &[&str]) -> Vec<&'static str> {
        let asked = self.asked.keys.iter().map(|key| key.name);
        asked.filter(|key| !these.contains(key)).collect()
    }

    /// Records a mistake if the table is empty.
    pub fn not_empty(&mut self, mistake: Diagnostic) -> Option<()> {
        self.obeys(Rule::NotEmpty);
        if self.keys.is_empty() { self.lacks(mistake) } else { Some(()) }
    }

    /// Records a mistake if the array at `key` is empty.
    pub fn filled(&mut self, key: &'static str, message: impl Into<String>) -> Option<()> {
        self.obeys(Rule::Filled(key));
        match self.find(key).map(|(_, value)| value.get_ref()) {
            Some(DeValue::Array(items)) if items.is_empty() => self.reject(key, message),
            _ => Some(()),
        }
    }

    /// Records a rule that the reader enforces with its own messages.
    pub fn obeys(&mut self, rule: Rule) {
        if self.is_described() {
            self.asked.rules.push(rule);
        }
    }

    /// Records that a key is missing. It is not reported if another key is misspelt, which is probably the missing one.
    pub fn lacks<T>(&mut self, diagnostic: Diagnostic) -> Option<T> {
        self.missing.push(Missing { key: None, diagnostic });
        None
    }

    /// Records a mistake where the table has a key that it cannot have, though others like it do.
    pub fn refuse(&mut self, name: &'static str, message: impl Into<String>) {
        if self.has(name) {
            self.refused.push(name);
            let _: Option<()> = self.reject(name, message);
        }
    }

    /// Records a mistake at the key `name`.
    pub fn reject<T>(&mut self, name: &str, message: impl Into<String>) -> Option<T> {
        let place = self.key_place(name);
        self.parse.reject(Diagnostic::new(place, message))
    }

    fn reject_unknown(&mut self) {
        let Asked { keys, variants, .. } = &self.asked;
        let known =
            || keys.iter().chain(variants.iter().filter(|key| keys.iter().all(|k| k.name != key.name)));
        let mut unknown = false;
        for key in self.keys.keys() {
            let given = key.get_ref().as_ref();
            if known().any(|known| known.name == given) || self.refused.contains(&given) {
                continue;
            }
            unknown = true;
            let place = self.parse.place(key.span());
            let mistake = Diagnostic {
                unknown_key: Some(given.into()),
                ..Diagnostic::new(place, format!("unknown key `{given}`"))
            };
            let meant = closest(given, known().map(|known| known.name));
            let mistake = match known().find(|known| Some(known.name) == meant) {
                Some(meant) => {
                    self.missing.retain(|missing| missing.key != Some(meant.name));
                    mistake
                        .label(format!("did you mean `{}`?", meant.name))
                        .hint(format!("`{}`: {}", meant.name, meant.doc.meaning))
                }
                None => {
                    let mut names = Vec::new();
                    for known in known().map(|known| known.name) {
                        if !names.contains(&known) {
                            names.push(known);
                        }
                    }
                    mistake.hint(format!("the keys here are {}", names.join(", ")))
                }
            };
            self.parse.diagnostics.push(mistake);
        }
        let missing = self.missing.drain(..).filter(|missing| missing.key.is_some() || !unknown);
        if !self.parse.is_partial {
            self.parse.diagnostics.extend(missing.map(|missing| missing.diagnostic));
        }
    }
}
