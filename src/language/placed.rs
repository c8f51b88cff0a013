//! Values with the place of their key, so that an unmet expectation is reported there.

use super::read::{FromToml, Table};
use super::source::Place;
use super::table::Doc;

/// A value of the suite, and the place of its key.
#[derive(Debug, Clone)]
pub struct Placed<T> {
    pub place: Place,
    pub value: T,
}

impl<T> Placed<T> {
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Placed<U> {
        Placed { place: self.place, value: change(self.value) }
    }
}

impl Table<'_, '_, '_> {
    /// Reads an optional key, with its place.
    pub fn placed<T: FromToml>(&mut self, name: &'static str, doc: impl Into<Doc>) -> Option<Placed<T>> {
        let value = self.optional(name, doc)?;
        Some(Placed { place: self.key_place(name), value })
    }
}
