//! A suite file as written: every key with its path, its place and its value.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::source::Place;

/// A file of the suite.
pub struct RawDocument<'t> {
    file: usize,
    text: &'t str,
    table: &'t DeTable<'t>,
}

/// A key.
pub struct Entry<'t> {
    /// The names of the tables around it, and its own. Arrays add nothing: `[[journey.step]]` is `journey`, `step`.
    pub path: &'t [&'t str],
    /// The key's place.
    pub place: Place,
    /// The value's place.
    pub value_place: Place,
    pub value: &'t DeValue<'t>,
}

/// A callback that visits one key after another.
type Look<'l> = dyn FnMut(&Entry<'_>) + 'l;

impl<'t> RawDocument<'t> {
    pub fn of(file: usize, text: &'t str, table: &'t DeTable<'t>) -> RawDocument<'t> {
        RawDocument { file, text, table }
    }

    /// Calls `look` for every key. A table comes before its keys.
    pub fn each(&self, mut look: impl FnMut(&Entry<'_>)) {
        each_in_table(self.table, &mut Vec::new(), self.file, &mut look);
    }

    /// Returns the value of the key with this path.
    pub fn find(&self, path: &[&str]) -> Option<&DeValue<'_>> {
        let (name, within) = path.split_last()?;
        let table =
            within.iter().try_fold(self.table, |table, name| table.get(*name)?.get_ref().as_table())?;
        table.get(*name).map(Spanned::get_ref)
    }

    /// Returns the place of a part of the entry's text, or of the whole value if it is written with escapes.
    pub fn place_of(&self, part: Range<usize>, entry: &Entry<'_>) -> Place {
        let Place { file, start, end } = entry.value_place;
        let text = entry.value.as_str().unwrap_or_default();
        match self.text.get(start..end).unwrap_or_default().find(text) {
            Some(at) => Place::new(file, start + at + part.start..start + at + part.end),
            None => entry.value_place,
        }
    }
}

fn each_in_table<'w>(table: &'w DeTable<'w>, path: &mut Vec<&'w str>, file: usize, look: &mut Look<'_>) {
    for (key, value) in table {
        path.push(key.get_ref());
        each_in_value(value, path, Place::new(file, key.span()), look);
        path.pop();
    }
}

fn each_in_value<'w>(
    value: &'w Spanned<DeValue<'w>>,
    path: &mut Vec<&'w str>,
    place: Place,
    look: &mut Look<'_>,
) {
    let value_place = Place::new(place.file, value.span());
    look(&Entry { path, place, value_place, value: value.get_ref() });
    match value.get_ref() {
        DeValue::Table(table) => each_in_table(table, path, place.file, look),
        DeValue::Array(items) => items.iter().for_each(|item| each_in_value(item, path, place, look)),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => {}
    }
}

impl Entry<'_> {
    /// The path as it is in a check: what `[defaults]` says of a kind is said of its checks.
    pub fn path_in_check(&self) -> &[&str] {
        match self.path {
            ["defaults", rest @ ..] | ["env", _, "defaults", rest @ ..] if !rest.is_empty() => rest,
            path => path,
        }
    }

    pub fn number(&self) -> Option<i64> {
        self.value.as_integer().and_then(|number| i64::from_str_radix(number.as_str(), number.radix()).ok())
    }
}
