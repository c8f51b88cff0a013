//! The suite's files as they are written: every key with its path, its place and its value.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::suite::source::{Place, Sources};

/// The files.
pub(super) struct Documents<'s> {
    sources: &'s Sources,
    tables: Vec<DeTable<'s>>,
}

/// All keys of all files, a table before what is in it.
pub(super) struct Written<'d> {
    sources: &'d Sources,
    entries: Vec<Entry<'d>>,
}

/// One key.
pub(super) struct Entry<'d> {
    /// The names of the tables that it is in, and its own. Arrays add nothing: `[[journey.step]]` is `journey`, `step`.
    pub path: Vec<&'d str>,
    /// Where the key stands.
    pub place: Place,
    /// Where the value stands.
    pub value_place: Place,
    pub value: &'d DeValue<'d>,
}

impl<'s> Documents<'s> {
    /// Reads files that were found to be TOML before.
    pub fn of(sources: &'s Sources) -> Documents<'s> {
        let parse = |text: &'s str| DeTable::parse_recoverable(text).0.into_inner();
        let tables = sources.files.iter().map(|source| parse(&source.text)).collect();
        Documents { sources, tables }
    }

    pub fn written(&self) -> Written<'_> {
        let mut written = Written { sources: self.sources, entries: Vec::new() };
        for (file, table) in self.tables.iter().enumerate() {
            written.table(table, &[], file);
        }
        written
    }
}

impl<'d> Written<'d> {
    fn table(&mut self, table: &'d DeTable<'d>, path: &[&'d str], file: usize) {
        for (key, value) in table {
            let place = Place::new(file, key.span());
            self.value(value, &[path, &[key.get_ref().as_ref()]].concat(), place, file);
        }
    }

    fn value(&mut self, value: &'d Spanned<DeValue<'d>>, path: &[&'d str], place: Place, file: usize) {
        let value_place = Place::new(file, value.span());
        self.entries.push(Entry { path: path.to_owned(), place, value_place, value: value.get_ref() });
        match value.get_ref() {
            DeValue::Table(table) => self.table(table, path, file),
            DeValue::Array(items) => items.iter().for_each(|item| self.value(item, path, place, file)),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => {}
        }
    }

    /// Where this part of the entry's text stands, or the whole value if it is written with escapes.
    pub fn place_of(&self, part: Range<usize>, entry: &Entry<'_>) -> Place {
        let Place { file, start, .. } = entry.value_place;
        let text = entry.value.as_str().unwrap_or_default();
        match self.sources.text(entry.value_place).find(text) {
            Some(at) => Place::new(file, start + at + part.start..start + at + part.end),
            None => entry.value_place,
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry<'d>> {
        self.entries.iter()
    }

    /// The key with this path, the last one if several files have it: that one counts.
    pub fn find(&self, path: &[&str]) -> Option<&Entry<'d>> {
        self.entries.iter().rev().find(|entry| entry.path == path)
    }
}

impl Entry<'_> {
    pub fn number(&self) -> Option<i64> {
        self.value.as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok())
    }
}
