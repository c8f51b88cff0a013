//! The suite's files as they are written: every key with its path, its place and its value.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::suite::source::{Place, Sources};

/// All keys of all files, a table before what is in it.
pub(super) struct Written<'s> {
    sources: &'s Sources,
    entries: Vec<Entry<'s>>,
}

/// One key.
pub(super) struct Entry<'s> {
    /// The names of the tables that it is in, and its own. Arrays add nothing: `[[journey.step]]` is `journey`, `step`.
    pub path: Vec<String>,
    /// Where the key stands.
    pub place: Place,
    /// Where the value stands.
    pub value_place: Place,
    pub value: DeValue<'s>,
}

impl<'s> Written<'s> {
    /// Reads files that were found to be TOML before.
    pub fn in_files(sources: &'s Sources) -> Written<'s> {
        let mut written = Written { sources, entries: Vec::new() };
        for (file, source) in sources.files.iter().enumerate() {
            let (document, _) = DeTable::parse_recoverable(&source.text);
            written.table(document.into_inner(), &[], file);
        }
        written
    }

    fn table(&mut self, table: DeTable<'s>, path: &[String], file: usize) {
        for (key, value) in table {
            let place = Place::new(file, key.span());
            let path: Vec<String> = path.iter().cloned().chain([key.into_inner().into_owned()]).collect();
            self.value(value, &path, place, file);
        }
    }

    fn value(&mut self, value: Spanned<DeValue<'s>>, path: &[String], place: Place, file: usize) {
        let value_place = Place::new(file, value.span());
        let value = value.into_inner();
        self.entries.push(Entry { path: path.to_owned(), place, value_place, value: value.clone() });
        match value {
            DeValue::Table(table) => self.table(table, path, file),
            DeValue::Array(items) => {
                for item in items {
                    self.value(item, path, place, file);
                }
            }
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

    pub fn entries(&self) -> impl Iterator<Item = &Entry<'s>> {
        self.entries.iter()
    }

    /// The key with this path, the last one if several files have it: that one counts.
    pub fn find(&self, path: &[&str]) -> Option<&Entry<'s>> {
        self.entries.iter().rev().find(|entry| entry.is(path))
    }
}

impl Entry<'_> {
    pub fn is(&self, path: &[&str]) -> bool {
        self.path == path
    }

    pub fn ends_with(&self, path: &[&str]) -> bool {
        self.path.len() >= path.len() && self.path[self.path.len() - path.len()..] == *path
    }

    pub fn number(&self) -> Option<i64> {
        self.value.as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok())
    }
}
