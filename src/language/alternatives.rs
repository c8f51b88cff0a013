//! Tables with several possible meanings, such as a health check for one protocol or another.
//!
//! Every reader sees the same table. A mistake for one reader does not matter if the table is meant for another, and
//! which one is meant may be known only once the variables have values. So the mistakes of each reader are kept apart.
//! A key that only another reader asks for is not unknown: it does not apply.

use toml::de::DeValue;

use super::diagnostic::Diagnostic;
use super::source::Place;
use super::table::{Asked, Missing, Shape, Table};

/// One way to read a table.
pub struct Alternative<'a, T> {
    /// The table in this reading, with an article: "a `tcp://` check".
    pub what: &'a str,
    pub read: &'a dyn Fn(&mut Table<'_, '_, '_>) -> Option<T>,
}

/// The result of one reading.
pub struct Read<T> {
    /// May be present despite mistakes, so that mistakes elsewhere are found in the same pass.
    pub value: Option<T>,
    pub mistakes: Vec<Diagnostic>,
}

struct Reading<T> {
    value: Option<T>,
    asked: Asked,
    missing: Vec<Missing>,
    mistakes: Vec<Diagnostic>,
}

impl Table<'_, '_, '_> {
    /// Reads the table in each of the ways, without recording any mistake yet.
    pub fn read_as<T>(&mut self, alternatives: &[Alternative<'_, T>]) -> Vec<Read<T>> {
        let mut readings: Vec<Reading<T>> = alternatives.iter().map(|way| self.read_once(way.read)).collect();
        let foreign: Vec<Vec<Diagnostic>> = (0..readings.len())
            .map(|index| self.keys_of_others(index, &readings, alternatives[index].what))
            .collect();
        for (index, way) in alternatives.iter().enumerate() {
            let renamed = self.inapplicable(index, &readings, way.what);
            for (number, message) in renamed {
                let unknown = &mut readings[index].mistakes[number];
                *unknown = Diagnostic { message, hint: None, label: String::new(), ..unknown.clone() };
            }
        }
        let mut results = Vec::with_capacity(readings.len());
        for (reading, foreign) in readings.into_iter().zip(foreign) {
            self.take_over(reading.asked);
            let mut mistakes = reading.mistakes;
            mistakes.extend(foreign);
            if !self.parse.is_partial {
                mistakes.extend(reading.missing.into_iter().map(|missing| missing.diagnostic));
            }
            results.push(Read { value: reading.value, mistakes });
        }
        results
    }

    /// Reads the table in one way, if every key fits that reading. It need not be read in any other way then.
    pub fn read_whole<T>(&mut self, read: &dyn Fn(&mut Table<'_, '_, '_>) -> Option<T>) -> Option<T> {
        let Reading { value, asked, missing, mistakes } = self.read_once(read);
        let is_asked = |given: &str| asked.keys.iter().chain(&self.asked.keys).any(|key| key.name == given);
        let is_whole = missing.is_empty()
            && mistakes.is_empty()
            && self.keys.keys().all(|key| is_asked(key.get_ref().as_ref()));
        let value = value.filter(|_| is_whole)?;
        self.take_over(asked);
        Some(value)
    }

    fn read_once<T>(&mut self, read: &dyn Fn(&mut Table<'_, '_, '_>) -> Option<T>) -> Reading<T> {
        let before = std::mem::take(&mut self.parse.diagnostics);
        let mut table = self.again();
        let value = read(&mut table);
        let Table { asked, missing, .. } = table;
        let mistakes = std::mem::replace(&mut self.parse.diagnostics, before);
        Reading { value, asked, missing, mistakes }
    }

    /// Returns a mistake for each key that only readers other than the one at `index` ask for.
    fn keys_of_others<T>(&self, index: usize, readings: &[Reading<T>], what: &str) -> Vec<Diagnostic> {
        let asks = |asked: &Asked, given: &str| asked.keys.iter().any(|key| key.name == given);
        self.keys
            .keys()
            .filter(|key| {
                let given = key.get_ref().as_ref();
                !asks(&readings[index].asked, given)
                    && !asks(&self.asked, given)
                    && readings.iter().any(|reading| asks(&reading.asked, given))
            })
            .map(|key| {
                let place = self.parse.place(key.span());
                let mistake = Diagnostic::new(place, does_not_apply(key.get_ref(), what));
                Diagnostic { unknown_key: Some(key.get_ref().as_ref().into()), ..mistake }
            })
            .collect()
    }

    /// Returns the mistakes of the reader at `index` about keys that another reader knows, with their new messages.
    fn inapplicable<T>(&self, index: usize, readings: &[Reading<T>], what: &str) -> Vec<(usize, String)> {
        let path = |place: Option<Place>| {
            let place = place?;
            self.keys
                .iter()
                .find_map(|(key, value)| Some((key.get_ref().as_ref(), path_to(value.get_ref(), place)?)))
        };
        // A reader knows a key if it reports neither the key nor a table around it as unknown.
        let knows = |reading: &Reading<T>, top: &str, path: &[usize]| {
            reading.asked.keys.iter().any(|asked| asked.name == top)
                && !reading.mistakes.iter().any(|mistake| {
                    let start = mistake.place.map(|place| place.start);
                    mistake.unknown_key.is_some() && start.is_some_and(|start| path.contains(&start))
                })
        };
        let unknown = readings[index].mistakes.iter().enumerate();
        unknown
            .filter_map(|(number, mistake)| {
                let (key, (top, path)) = (mistake.unknown_key.as_deref()?, path(mistake.place)?);
                let known = readings.iter().any(|other| knows(other, top, &path));
                known.then(|| (number, does_not_apply(key, what)))
            })
            .collect()
    }

    /// Records the keys of all readers as asked for.
    fn take_over(&mut self, asked: Asked) {
        self.asked.variants.extend(asked.variants);
        // When only reading, duplicate keys are harmless, and searching for each would take longer than a reader does.
        if !self.is_described() {
            self.asked.keys.extend(asked.keys);
            return;
        }
        for key in asked.keys {
            match self.asked.keys.iter_mut().find(|known| known.name == key.name) {
                Some(known) => {
                    if let Shape::Value(shape) = key.shape {
                        known.or_shapes.push(shape);
                    }
                }
                None => self.asked.keys.push(key),
            }
        }
        for (key, default) in asked.defaults {
            if self.asked.defaults.iter().all(|(known, _)| *known != key) {
                self.asked.defaults.push((key, default));
            }
        }
        self.asked.rules.extend(asked.rules);
    }
}

/// Returns the starts of the keys that lead to the key at `place`, including its own.
fn path_to(value: &DeValue<'_>, place: Place) -> Option<Vec<usize>> {
    match value {
        DeValue::Table(keys) => keys.iter().find_map(|(key, value)| {
            let start = key.span().start;
            if start == place.start {
                return Some(vec![start]);
            }
            let mut path = path_to(value.get_ref(), place)?;
            path.insert(0, start);
            Some(path)
        }),
        DeValue::Array(items) => items.iter().find_map(|item| path_to(item.get_ref(), place)),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => None,
    }
}

fn does_not_apply(key: &str, what: &str) -> String {
    format!("`{key}` does not apply to {what}")
}
